using System.Diagnostics;

namespace DotnetPprof.Soak;

internal static class Wait
{
    /// <summary>For what is to happen by itself to a process.</summary>
    internal static void Until(Func<bool> condition, int pid, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > ChildProgram.HangBound)
                throw new ProblemException(ProblemKind.Hang, $"it never came true that {what}: {HangDescription.Of(pid)}");
            Thread.Sleep(50);
        }
    }
}
