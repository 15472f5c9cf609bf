namespace DotnetPprof.Bench.Overhead;

/// <summary>One way of profiling a program, at one rate.</summary>
internal interface IContender
{
    string Name { get; }

    /// <summary>Samples a second of a busy thread, as asked for; null where there is nothing to ask.</summary>
    int? RateHz { get; }

    /// <summary>Begins, and returns once the program is sampled.</summary>
    /// <exception cref="BenchException">It is not to be had here; the message says why.</exception>
    IProfiling Start(WorkTarget target);
}

/// <summary>A program being profiled, until <see cref="IDisposable.Dispose"/>.</summary>
internal interface IProfiling : IDisposable
{
    /// <summary>Samples taken so far, of all threads; null where that is only known at the end, or never.</summary>
    long? Samples { get; }

    /// <summary>Ends it.</summary>
    /// <returns>Samples per second over all of its time, where <see cref="Samples"/> does not tell; else null.</returns>
    double? Stop();
}
