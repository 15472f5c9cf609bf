using DotnetPprof.Model;
using DotnetPprof.Serve;
using DotnetPprof.Tests.Files;
using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.Serve;

/// <summary>Files are whole, kept as long as they may be, and nothing else in the directory is touched.</summary>
public sealed class WindowFilesTests : IDisposable
{
    private const int Page = 4096;

    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;
    private readonly ListLogger<WindowFiles> log = new();

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task AWindowIsAFileThatPprofReads()
    {
        using WindowFiles files = Open();
        await files.TakeAsync(ServeFakes.Window("shop", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)));
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
            await files.TakeAsync(ServeFakes.Window("shop", begin.AddMinutes(i), stacks: 500));
        string[] kept = Names();
        Assert.InRange(kept.Length, 3, 15);
        Assert.InRange(kept.Sum(name => new FileInfo(Path.Join(directory, name)).Length), 10_000, 41_000);
        Assert.Equal(WindowName.Of(ServeFakes.Window("shop", begin.AddMinutes(19))), kept[^1]);
    }

    [Fact]
    public async Task TheOldGo()
    {
        using WindowFiles files = Open(keepFor: TimeSpan.FromHours(1));
        await files.TakeAsync(ServeFakes.Window("shop", DateTime.UtcNow.AddHours(-2)));
        Assert.Single(Names());
        await files.TakeAsync(ServeFakes.Window("shop", DateTime.UtcNow.AddMinutes(-30)));
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
            await files.TakeAsync(ServeFakes.Window("cart", DateTime.UtcNow.AddMinutes(-1)));
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
        await files.TakeAsync(window);
        Assert.Equal("mine", File.ReadAllText(path));
        Assert.Equal(1, files.Account.Dropped["name taken"]);
    }

    [Fact]
    public async Task AKilledPredecessorIsCleanedUpAfterAndTold()
    {
        using (WindowFiles killed = Open())
            await killed.TakeAsync(ServeFakes.Window("shop", DateTime.UtcNow.AddMinutes(-5)));
        string half = Path.Join(directory, $".dotnet-pprof-{int.MaxValue}-{Guid.NewGuid():N}.tmp");
        string living = Path.Join(directory, $".dotnet-pprof-{Environment.ProcessId + 0}-x.tmp");
        string anothers = Path.Join(directory, $".dotnet-pprof-{int.MaxValue}-{Guid.NewGuid():N}.tmp");
        File.WriteAllText(half, "half");
        File.SetLastWriteTimeUtc(half, DateTime.UtcNow.AddMinutes(-10));
        File.WriteAllText(anothers, "being written, by one that cannot be seen from here");
        File.WriteAllText(living, "another's");
        log.Lines.Clear();
        using (WindowFiles next = Open())
        {
            Assert.True(next.Bytes > 0);
            Assert.Contains("was killed", Assert.Single(log.Lines));
            Assert.False(File.Exists(half));
            Assert.True(File.Exists(living));
            Assert.True(File.Exists(anothers));
            File.SetLastWriteTimeUtc(anothers, DateTime.UtcNow.AddMinutes(-10));
            next.Tend();
            Assert.False(File.Exists(anothers));
            next.Complete();
        }
        log.Lines.Clear();
        using (Open())
            Assert.Empty(log.Lines);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OnlyOneThatSampledAndDidNotFinishLostAnything(bool samples)
    {
        using (WindowFiles first = Open())
        {
            first.Begin();
            first.Complete();
        }
        using (WindowFiles second = Open())
        {
            if (samples)
                second.Begin();
        }
        Assert.Empty(log.Lines);
        using (Open())
            Assert.Equal(samples ? 1 : 0, log.Lines.Count(line => line.Contains("was killed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task AFileThatCannotBeDeletedStaysAndIsToldOnce()
    {
        DateTime begin = DateTime.UtcNow.AddHours(-1);
        FinishedWindow first = ServeFakes.Window("shop", begin);
        string held = Path.Join(directory, WindowName.Of(first));
        using (WindowFiles files = Open())
        {
            await files.TakeAsync(first);
            files.Complete();
        }
        using (new HeldFile(held))
        {
            using WindowFiles files = Open(keepBytes: 1);
            for (int i = 1; i < 4; i++)
                await files.TakeAsync(ServeFakes.Window("shop", begin.AddMinutes(i)));
            Assert.Equal(3, files.Account.Delivered);
            Assert.Empty(files.Account.Dropped);
            Assert.Contains("cannot be deleted", Assert.Single(log.Lines));
            Assert.Equal([FileList.FileName, Path.GetFileName(held)], Names());
            using (FileStream? read = files.OpenRead(Path.GetFileName(held)))
                Assert.NotNull(read);
            files.Complete();
        }
        using (Open(keepBytes: 1))
            Assert.False(File.Exists(held));
    }

    [Fact]
    public async Task FilesGrowOldWithoutWindows()
    {
        DateTime begin = DateTime.UtcNow.AddMinutes(-30);
        using WindowFiles files = Open(keepFor: TimeSpan.FromMinutes(30) + TimeSpan.FromSeconds(3));
        await files.TakeAsync(ServeFakes.Window("shop", begin));
        Assert.Equal(2, Names().Length);
        await Task.Delay(3500);
        files.Tend();
        Assert.Single(Names());
    }

    [Fact]
    public async Task AFileThatGoesWhileItIsOpenedIsNotThere()
    {
        FinishedWindow window = ServeFakes.Window("shop", DateTime.UtcNow);
        using WindowFiles files = Open();
        await files.TakeAsync(window);
        string name = WindowName.Of(window);
        string path = Path.Join(directory, name);
        using var over = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        Task comesAndGoes = Task.Run(() =>
        {
            while (!over.IsCancellationRequested)
            {
                File.Move(path, path + ".away");
                File.Move(path + ".away", path);
            }
        });
        while (!over.IsCancellationRequested)
            files.OpenRead(name)?.Dispose();
        await comesAndGoes;
    }

    [Fact]
    public void TwoDoNotWriteToOneDirectory()
    {
        using WindowFiles first = Open();
        Assert.Contains("another dotnet-pprof", Assert.Throws<UserError>(() => Open()).Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AListThatIsALinkIsNotFollowed(bool leadsToAFile)
    {
        string elsewhere = Path.Join(directory, "precious.txt");
        if (leadsToAFile)
            File.WriteAllText(elsewhere, "precious");
        File.CreateSymbolicLink(Path.Join(directory, FileList.FileName), elsewhere);
        Assert.Contains("is a symbolic link", Assert.Throws<UserError>(() => Open()).Message);
        Assert.Equal(leadsToAFile ? "precious" : null, File.Exists(elsewhere) ? File.ReadAllText(elsewhere) : null);
    }

    [Fact]
    public async Task AWindowThatALinkTookThePlaceOfIsNotGivenOut()
    {
        FinishedWindow window = ServeFakes.Window("shop", DateTime.UtcNow);
        string path = Path.Join(directory, WindowName.Of(window));
        string elsewhere = Path.Join(directory, "precious.txt");
        File.WriteAllText(elsewhere, "precious");
        using WindowFiles files = Open();
        await files.TakeAsync(window);
        File.Delete(path);
        File.CreateSymbolicLink(path, elsewhere);
        Assert.Null(files.OpenRead(Path.GetFileName(path)));
    }

    [Fact]
    public void AListThatIsNoFileIsRefused()
    {
        Directory.CreateDirectory(Path.Join(directory, FileList.FileName));
        Assert.Contains("Is a directory", Assert.Throws<UserError>(() => Open()).Message);
    }

    [Fact]
    public async Task AStartOnAFullDiskKnowsWhatIsKept()
    {
        using SmallDisk disk = SmallDisk.Mount(megabytes: 1);
        DateTime begin = DateTime.UtcNow.AddHours(-1);
        using (var killed = new WindowFiles(disk.Path, TimeSpan.FromDays(1), 100_000_000, log))
        {
            for (int i = 0; i < 5; i++)
                await killed.TakeAsync(ServeFakes.Window("shop", begin.AddMinutes(i)));
        }
        using FileStream fill = Fill(disk);
        using var over = new CancellationTokenSource();
        /* Room that is given up is taken by others at once. */
        Task others = Task.Run(() =>
        {
            while (!over.IsCancellationRequested)
                FillUp(fill);
        });
        try
        {
            for (int i = 0; i < 200; i++)
            {
                log.Lines.Clear();
                using var files = new WindowFiles(disk.Path, TimeSpan.FromDays(1), 100_000_000, log);
                Assert.Equal(Directory.GetFiles(disk.Path, "*.pb.gz").Sum(path => new FileInfo(path).Length), files.Bytes);
                Assert.Contains("was killed", Assert.Single(log.Lines));
            }
        }
        finally
        {
            over.Cancel();
            await others;
        }
    }

    /// <summary>One that somebody wrote by hand, say, and that is longer with its first line.</summary>
    [Fact]
    public void AListThatFindsNoRoomStaysAsItWas()
    {
        using SmallDisk disk = SmallDisk.Mount(megabytes: 1);
        string path = Path.Join(disk.Path, FileList.FileName);
        var names = new List<string>();
        for (int room = Page; room > 0; room -= names[^1].Length + 1)
            names.Add(NameOf((room > 200 ? 100 : room > 100 ? room / 2 : room) - 1, room));
        File.WriteAllLines(path, names);
        Assert.Equal(Page, new FileInfo(path).Length);
        foreach (string name in names)
            File.WriteAllText(Path.Join(disk.Path, name), "");
        using (Fill(disk))
            Assert.ThrowsAny<IOException>(() => FileList.Open(disk.Path));
        File.Delete(Path.Join(disk.Path, "fill"));
        using FileList list = FileList.Open(disk.Path);
        Assert.All(names, name => Assert.True(list.Contains(name)));
    }

    [Fact]
    public async Task AFullDiskCostsTheWindowsThatDoNotFitAndNoMore()
    {
        using SmallDisk disk = SmallDisk.Mount(megabytes: 1);
        using var files = new WindowFiles(disk.Path, TimeSpan.FromDays(1), 100_000_000, log);
        DateTime begin = DateTime.UtcNow.AddHours(-1);
        for (int i = 0; i < 10; i++)
            await files.TakeAsync(ServeFakes.Window("shop", begin.AddMinutes(i), stacks: 8000));
        SinkAccount account = files.Account;
        Assert.InRange(account.Delivered, 1, 9);
        Assert.Equal(10, account.Delivered + account.Dropped["write failed"]);
        Assert.Single(log.Lines, line => line.Contains("a window is lost", StringComparison.Ordinal));
        foreach (string path in Directory.GetFiles(disk.Path, "*.pb.gz"))
            PprofFile.Read(path).CheckValid();
        Assert.Equal(account.Delivered, Directory.GetFiles(disk.Path, "*.pb.gz").Length);
        Assert.Empty(Directory.GetFiles(disk.Path, "*.tmp"));
    }

    [Fact]
    public void AListOnAFullDiskEndsAllTheSame()
    {
        using SmallDisk disk = SmallDisk.Mount(megabytes: 1);
        string path = Path.Join(disk.Path, FileList.FileName);
        using (FileList list = FileList.Open(disk.Path))
        {
            /* To the end of a page: the next line takes another one. */
            for (long room; (room = Page - new FileInfo(path).Length) > 0;)
                list.Add(NameOf((int)(room > 200 ? 100 : room > 100 ? room / 2 : room) - 1, room));
            using FileStream fill = Fill(disk);
            Assert.ThrowsAny<IOException>(() => list.Add(NameOf(50, 0)));
            list.Complete();
        }
        Assert.Equal(Page, new FileInfo(path).Length);
    }

    private static FileStream Fill(SmallDisk disk)
    {
        var fill = new FileStream(Path.Join(disk.Path, "fill"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        FillUp(fill);
        return fill;
    }

    private static void FillUp(FileStream fill)
    {
        try
        {
            while (true)
                fill.Write(new byte[Page]);
        }
        catch (IOException)
        {
            /* There is no more room. */
        }
    }

    private static string NameOf(int length, long number)
    {
        string end = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"_{number}_20260102T030405.000Z.pb.gz");
        return new string('x', length - end.Length) + end;
    }

    private WindowFiles Open(TimeSpan? keepFor = null, long keepBytes = 100_000_000) => new(directory, keepFor ?? TimeSpan.FromDays(365), keepBytes, log);

    private string[] Names() => [.. Directory.GetFileSystemEntries(directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
