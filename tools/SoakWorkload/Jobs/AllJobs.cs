namespace DotnetPprof.SoakWorkload.Jobs;

/// <summary>Every job by its name.</summary>
internal static class AllJobs
{
    private static readonly Func<Job>[] makers =
    [
        () => new HashJob(),
        () => new VectorJob(),
        () => new SortJob(),
        () => new CompressJob(),
        () => new ExceptionJob(),
        () => new RecursionJob(),
        () => new TcpJob(),
        () => new PipeJob(),
        () => new WaitJob(),
        () => new FileJob(),
        () => new ChildJob(),
        () => new LoadContextJob(),
        () => new DynamicMethodJob(),
        () => new HeapJob(),
        () => new ThreadJob(),
        () => new PoolJob(),
        () => new TimerJob(),
        () => new NativeThreadJob(),
        () => new SignalJob(),
    ];

    internal static IEnumerable<Job> Named(string[] names)
    {
        Job[] all = [.. makers.Select(make => make())];
        return names.Select(name => all.Single(job => job.Name == name));
    }
}
