using DotnetPprof.Model;
using DotnetPprof.Serve;
using DotnetPprof.Tests.Files;
using DotnetPprof.Tests.PprofReader;
using Microsoft.Extensions.Logging;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Files are whole, kept as long as they may be, and nothing else in the directory is touched.</summary>
public sealed class WindowFilesTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;
    private readonly ListLogger log = new();

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task AWindowIsAFileThatPprofReads()
    {
        using WindowFiles files = Open();
        await files.TakeAsync(ServeFakes.Window("shop", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)), default);
        string path = Path.Join(directory, "shop_7_20260102T030405.000Z.pb.gz");
        PprofFile.Read(path).CheckValid();
        Assert.Equal([".dotnet-pprof-windows", Path.GetFileName(path)], Names());
        Assert.Equal(1, files.Account.Delivered);
        using FileStream? read = files.OpenRead(Path.GetFileName(path));
        Assert.NotNull(read);
        Assert.Null(files.OpenRead("../etc/passwd"));
        Assert.Null(files.OpenRead(FileList.FileName));
    }

    [Theory]
    [InlineData("../../etc/cron.d/x", ".._.._etc_cron.d_x")]
    [InlineData("..", "service")]
    [InlineData("my shop/ü", "my_shop__")]
    [InlineData("", "service")]
    public void NamesStayInTheDirectory(string service, string expected)
    {
        string name = WindowName.Of(ServeFakes.Window(service, DateTime.UnixEpoch));
        Assert.Equal($"{expected.TrimStart('.')}_7_19700101T000000.000Z.pb.gz", name);
        Assert.Equal(DateTime.UnixEpoch, WindowName.TimeIn(name));
        Assert.Equal(name, Path.GetFileName(name));
    }

    [Fact]
    public void TheLongestServiceHasAName() =>
        Assert.NotNull(WindowName.TimeIn(WindowName.Of(ServeFakes.Window(new string('x', 255), DateTime.UnixEpoch))));

    [Fact]
    public async Task TheOldestGoWhenThereAreTooManyBytes()
    {
        DateTime begin = DateTime.UtcNow.AddHours(-1);
        using WindowFiles files = Open(keepBytes: 40_000);
        for (int i = 0; i < 20; i++)
            await files.TakeAsync(ServeFakes.Window("shop", begin.AddMinutes(i), stacks: 500), default);
        string[] kept = Names();
        Assert.InRange(kept.Length, 3, 15);
        Assert.InRange(kept.Sum(name => new FileInfo(Path.Join(directory, name)).Length), 10_000, 41_000);
        Assert.Equal(WindowName.Of(ServeFakes.Window("shop", begin.AddMinutes(19))), kept[^1]);
    }

    [Fact]
    public async Task TheOldGo()
    {
        using WindowFiles files = Open(keepFor: TimeSpan.FromHours(1));
        await files.TakeAsync(ServeFakes.Window("shop", DateTime.UtcNow.AddHours(-2)), default);
        Assert.Single(Names());
        await files.TakeAsync(ServeFakes.Window("shop", DateTime.UtcNow.AddMinutes(-30)), default);
        Assert.Equal(2, Names().Length);
    }

    [Fact]
    public async Task WhatItDidNotWriteItDoesNotDelete()
    {
        string old = WindowName.Of(ServeFakes.Window("shop", DateTime.UtcNow.AddDays(-300)));
        string linked = WindowName.Of(ServeFakes.Window("cart", DateTime.UtcNow.AddDays(-300)));
        string elsewhere = Path.Join(directory, "precious.txt");
        File.WriteAllText(elsewhere, "precious");
        File.WriteAllText(Path.Join(directory, old), "somebody's own");
        using (WindowFiles files = Open())
            await files.TakeAsync(ServeFakes.Window("cart", DateTime.UtcNow.AddMinutes(-1)), default);
        /* Listed, but not a file of ours any more. */
        File.AppendAllText(Path.Join(directory, FileList.FileName), $"{linked}\n../{old}\nprecious.txt\n");
        File.CreateSymbolicLink(Path.Join(directory, linked), elsewhere);
        using (WindowFiles files = Open(keepFor: TimeSpan.FromSeconds(1), keepBytes: 1))
            Assert.Equal(0, files.Bytes);
        Assert.Equal([".dotnet-pprof-windows", linked, "precious.txt", old], Names());
        Assert.Equal("precious", File.ReadAllText(elsewhere));
    }

    [Fact]
    public async Task AFileThatIsThereAlreadyStays()
    {
        FinishedWindow window = ServeFakes.Window("shop", DateTime.UtcNow);
        string path = Path.Join(directory, WindowName.Of(window));
        File.WriteAllText(path, "mine");
        using WindowFiles files = Open();
        await files.TakeAsync(window, default);
        Assert.Equal("mine", File.ReadAllText(path));
        Assert.Equal(1, files.Account.Dropped["name taken"]);
    }

    [Fact]
    public async Task AKilledPredecessorIsCleanedUpAfterAndTold()
    {
        WindowFiles killed = Open();
        await killed.TakeAsync(ServeFakes.Window("shop", DateTime.UtcNow.AddMinutes(-5)), default);
        string list = Path.Join(directory, FileList.FileName);
        byte[] asItWas = ReadShared(list);
        killed.Dispose();
        File.WriteAllBytes(list, asItWas); // without its end
        string half = Path.Join(directory, $".dotnet-pprof-{int.MaxValue}-{Guid.NewGuid():N}.tmp");
        string living = Path.Join(directory, $".dotnet-pprof-{Environment.ProcessId + 0}-x.tmp");
        File.WriteAllText(half, "half");
        File.WriteAllText(living, "another's");
        log.Lines.Clear();
        using (WindowFiles next = Open())
            Assert.True(next.Bytes > 0);
        Assert.Contains("was killed", Assert.Single(log.Lines));
        Assert.False(File.Exists(half));
        Assert.True(File.Exists(living));
        log.Lines.Clear();
        using (Open())
            Assert.Empty(log.Lines);
    }

    [Fact]
    public void TwoDoNotWriteToOneDirectory()
    {
        using WindowFiles first = Open();
        Assert.Contains("another dotnet-pprof", Assert.Throws<UserError>(() => Open()).Message);
    }

    [Fact]
    public async Task AFullDiskCostsTheWindowsThatDoNotFitAndNoMore()
    {
        using SmallDisk disk = SmallDisk.Mount(megabytes: 1);
        using var files = new WindowFiles(disk.Path, TimeSpan.FromDays(1), 100_000_000, log);
        DateTime begin = DateTime.UtcNow.AddHours(-1);
        for (int i = 0; i < 10; i++)
            await files.TakeAsync(ServeFakes.Window("shop", begin.AddMinutes(i), stacks: 8000), default);
        SinkAccount account = files.Account;
        Assert.InRange(account.Delivered, 1, 9);
        Assert.Equal(10, account.Delivered + account.Dropped["write failed"]);
        Assert.Single(log.Lines, line => line.Contains("a window is lost", StringComparison.Ordinal));
        foreach (string path in Directory.GetFiles(disk.Path, "*.pb.gz"))
            PprofFile.Read(path).CheckValid();
        Assert.Equal(account.Delivered, Directory.GetFiles(disk.Path, "*.pb.gz").Length);
        Assert.Empty(Directory.GetFiles(disk.Path, "*.tmp"));
    }

    private WindowFiles Open(TimeSpan? keepFor = null, long keepBytes = 100_000_000) => new(directory, keepFor ?? TimeSpan.FromDays(365), keepBytes, log);

    private string[] Names() => [.. Directory.GetFileSystemEntries(directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private static byte[] ReadShared(string path)
    {
        /* The list is locked against other programs; within this one it can be read by another way. */
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("cat", path) { RedirectStandardOutput = true })!;
        using var bytes = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(bytes);
        process.WaitForExit();
        return bytes.ToArray();
    }

    private sealed class ListLogger : ILogger<WindowFiles>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
