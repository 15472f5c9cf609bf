using System.Security.Cryptography;
using DotnetPprof.Model;
using DotnetPprof.Upload;
using Xunit;

namespace DotnetPprof.Tests.Upload;

public sealed class UploadQueueTests : IDisposable
{
    private readonly UploadDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void WindowsComeOutInOrderAndWhole()
    {
        using UploadQueue queue = directory.Open();
        byte[][] first = [RandomNumberGenerator.GetBytes(100_000), [], [1, 2, 3]];
        queue.Add(first);
        queue.Add([[4]]);
        QueuedWindow window = queue.Take(0)!;
        Assert.Equal(first, queue.Read(window));
        queue.Delivered(window);
        window = queue.Take(window.Sequence)!;
        Assert.Equal([[4]], queue.Read(window)!);
        queue.Delivered(window);
        Assert.Null(queue.Take(0));
        Assert.Empty(directory.Names);
        Assert.Equal((2, 2, 0, 0), (queue.Account.Made, queue.Account.Delivered, queue.Account.Queued, queue.Account.QueuedBytes));
    }

    [Fact]
    public void OneThatFailsHoldsUpNobody()
    {
        using UploadQueue queue = directory.Open();
        for (byte i = 1; i <= 3; i++)
            queue.Add([[i]]);
        var order = new List<long>();
        for (long last = 0; order.Count < 4;)
        {
            QueuedWindow window = queue.Take(last)!;
            order.Add(last = window.Sequence);
            queue.Keep(window);
        }
        Assert.Equal([1, 2, 3, 1], order);
    }

    [Fact]
    public void OldestMakeRoom()
    {
        const long limit = 20 * 4096;
        using UploadQueue queue = directory.Open(limit);
        for (int i = 0; i < 50; i++)
        {
            queue.Add([RandomNumberGenerator.GetBytes(8000)]);
            Assert.InRange(queue.Account.QueuedBytes, 1, limit);
            Assert.InRange(directory.Bytes, 1, limit);
            AccountTests.CheckSum(queue.Account);
        }
        UploadAccount account = queue.Account;
        Assert.InRange(account.Queued, 5, 10);
        Assert.Equal((50, 50 - account.Queued), (account.Made, account.Dropped[DropReason.QueueFull]));
        Assert.Equal(51 - account.Queued, queue.Take(0)!.Sequence);
    }

    [Fact]
    public void OneThatIsBeingSentStays()
    {
        using UploadQueue queue = directory.Open(2 * 4096);
        queue.Add([[1]]);
        QueuedWindow sent = queue.Take(0)!;
        for (int i = 0; i < 5; i++)
            queue.Add([[2]]);
        Assert.Equal([[1]], queue.Read(sent)!);
        queue.Delivered(sent);
        Assert.Equal((6, 1, 1, 4), (queue.Account.Made, queue.Account.Delivered, queue.Account.Queued, queue.Account.Dropped[DropReason.QueueFull]));

        queue.Take(0);
        queue.Add([RandomNumberGenerator.GetBytes(7000)]);
        Assert.Equal(5, queue.Account.Dropped[DropReason.QueueFull]);
        queue.Add([RandomNumberGenerator.GetBytes(9000)]);
        Assert.Equal(1, queue.Account.Dropped[DropReason.TooLarge]);
        AccountTests.CheckSum(queue.Account);
    }

    [Fact]
    public void WhatWasLeftIsTakenUp()
    {
        using (UploadQueue before = directory.Open())
        {
            before.Add([[1]]);
            before.Add([[2]]);
        }
        File.WriteAllText(Path.Join(directory.Path, QueueFile.TemporaryOf(3)), "half a win");
        File.WriteAllText(Path.Join(directory.Path, "notes.txt"), "somebody's");
        File.CreateSymbolicLink(Path.Join(directory.Path, QueueFile.NameOf(9)), "/etc/passwd");
        using UploadQueue queue = directory.Open();
        Assert.Equal((0, 2, 2), (queue.Account.Made, queue.Account.Recovered, queue.Account.Queued));
        Assert.DoesNotContain(directory.Names, QueueFile.IsTemporary);
        Assert.Contains("notes.txt", directory.Names);
        queue.Add([[3]]);
        var contents = new List<byte>();
        while (queue.Take(0) is { } window)
        {
            contents.Add(queue.Read(window)![0][0]);
            queue.Delivered(window);
        }
        Assert.Equal([1, 2, 3], contents);
        AccountTests.CheckSum(queue.Account);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(60)]
    public void DamagedFilesAreCountedAndDropped(int length)
    {
        using UploadQueue queue = directory.Open();
        queue.Add([RandomNumberGenerator.GetBytes(100)]);
        QueuedWindow window = queue.Take(0)!;
        using (FileStream file = File.OpenWrite(Path.Join(directory.Path, QueueFile.NameOf(window.Sequence))))
            file.SetLength(length);
        Assert.Null(queue.Read(window));
        Assert.Equal((0, 1), (queue.Account.Queued, queue.Account.Dropped[DropReason.Disk]));
        Assert.Empty(directory.Names);
    }

    [Fact]
    public void FullDiskIsCounted()
    {
        using Files.SmallDisk disk = Files.SmallDisk.Mount(1);
        using var queue = new UploadQueue(
            QueueDirectory.Open(Path.Join(disk.Path, "queue")), 100 << 20, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        for (int i = 0; i < 4; i++)
            queue.Add([RandomNumberGenerator.GetBytes(400_000)]);
        Assert.Equal((2, 2), (queue.Account.Queued, queue.Account.Dropped[DropReason.Disk]));
        queue.Delivered(queue.Take(0)!);
        queue.Add([RandomNumberGenerator.GetBytes(400_000)]);
        Assert.Equal(2, queue.Account.Queued);
        AccountTests.CheckSum(queue.Account);
    }

    [Fact]
    public void DirectoryIsTheOwnersAlone()
    {
        using UploadQueue queue = directory.Open();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory.Path));
        UserError second = Assert.Throws<UserError>(() => directory.Open());
        Assert.Contains("another dotnet-pprof uses it", second.Message);
    }

    [Fact]
    public void DirectoriesOfOthersAreRefused()
    {
        Directory.CreateDirectory(directory.Path);
        File.SetUnixFileMode(directory.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);
        Assert.Contains("others may use it too", Assert.Throws<UserError>(() => directory.Open()).Message);

        string real = directory.Path + "-real";
        Directory.Move(directory.Path, real);
        File.SetUnixFileMode(real, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(directory.Path, real);
        Assert.Contains("it is a link", Assert.Throws<UserError>(() => directory.Open()).Message);

        File.Delete(directory.Path);
        File.WriteAllText(directory.Path, "a file");
        Assert.Equal(ExitCode.Argument, Assert.Throws<UserError>(() => directory.Open()).Code);
    }

    /// <summary>The directory that was opened is used to the end, whatever its name leads to by then.</summary>
    [Fact]
    public void SwappedDirectoryIsNotWrittenTo()
    {
        using UploadQueue queue = directory.Open();
        string moved = directory.Path + "-moved";
        Directory.Move(directory.Path, moved);
        Directory.CreateDirectory(directory.Path);
        queue.Add([[1]]);
        Assert.Empty(directory.Names);
        Assert.Contains(Directory.EnumerateFiles(moved), path => path.EndsWith(QueueFile.NameOf(1), StringComparison.Ordinal));
    }
}
