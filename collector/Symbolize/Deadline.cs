using System.Diagnostics;

namespace DotnetPprof.Symbolize;

/// <summary>A point in time that several waits share.</summary>
internal readonly struct Deadline(TimeSpan timeout)
{
    private readonly long start = Stopwatch.GetTimestamp();

    /// <summary>What is left, never negative.</summary>
    public TimeSpan Left
    {
        get
        {
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}
