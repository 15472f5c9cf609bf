using DotnetPprof.Upload;
using Microsoft.Extensions.Logging.Abstractions;

namespace DotnetPprof.Tests.Upload;

/// <summary>A place for queues that is gone after the test.</summary>
internal sealed class UploadDirectory : IDisposable
{
    private readonly DirectoryInfo parent = Directory.CreateTempSubdirectory("dotnet-pprof-test-");

    /// <summary>Not made yet.</summary>
    public string Path => System.IO.Path.Join(parent.FullName, "state/queue");

    public UploadQueue Open(long mostBytes = 1 << 20) => new(QueueDirectory.Open(Path), mostBytes, NullLogger.Instance);

    /// <summary>Names in the queue's directory, without its lock.</summary>
    public IReadOnlyList<string> Names => [.. Directory.EnumerateFileSystemEntries(Path).Select(path => System.IO.Path.GetFileName(path)!).Where(name => name != "lock").Order()];

    public long Bytes => new DirectoryInfo(Path).EnumerateFiles().Sum(file => file.Length);

    public void Dispose() => parent.Delete(recursive: true);
}
