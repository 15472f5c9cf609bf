using System.Security.Cryptography;
using DotnetPprof.Upload;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace DotnetPprof.Tests.Upload;

/// <summary>Nothing gets lost without being counted, whatever the receiver does.</summary>
public sealed class AccountTests : IDisposable
{
    private readonly UploadDirectory directory = new();

    public void Dispose() => directory.Dispose();

    internal static void CheckSum(UploadAccount account) =>
        Assert.Equal(account.Made + account.Recovered, account.Delivered + account.Queued + account.Dropped.Values.Sum());

    [Fact]
    public async Task SumsHoldAtEveryMoment()
    {
        const long limit = 40 * 4096;
        using UploadQueue queue = directory.Open(limit);
        var client = new MoodyClient();
        using var stop = new CancellationTokenSource();
        Task uploads = Task.Run(() => new Uploader(queue, client, NullLogger.Instance, async (_, _) => await Task.Yield()).RunAsync(stop.Token));
        Task<int> watch = Task.Run(() =>
        {
            int looks = 0;
            for (; !stop.IsCancellationRequested; looks++)
            {
                UploadAccount account = queue.Account;
                CheckSum(account);
                Assert.InRange(account.QueuedBytes, 0, limit);
            }
            return looks;
        });

        var sizes = new Random(1);
        for (int i = 0; i < 600; i++)
        {
            /* As long as nothing is taken the queue fills up, however slow the disk is. */
            client.IsAway = i < 100;
            queue.Add([.. Enumerable.Range(0, sizes.Next(1, 4)).Select(_ => RandomNumberGenerator.GetBytes(sizes.Next(1, i % 100 == 0 ? 200_000 : 20_000)))]);
        }
        /* On a busy machine all of them may be made before the first is sent. */
        await Task.Run(() => Harm.Eventually.True(() => queue.Account.Retries > 0, "a window was to be sent again"));
        client.Friendly = true;
        await Task.Run(() => Harm.Eventually.True(() => queue.Account.Queued == 0, "the queue is empty"));
        await stop.CancelAsync();
        await uploads;
        Assert.True(await watch > 0);

        UploadAccount end = queue.Account;
        CheckSum(end);
        Assert.Equal((600, 0, 0), (end.Made, end.Queued, end.QueuedBytes));
        Assert.Equal(client.Rejected, end.Dropped[DropReason.Rejected]);
        Assert.True(end.Delivered > 0 && end.Dropped[DropReason.QueueFull] > 0 && end.Dropped[DropReason.TooLarge] > 0 && end.Retries > 0, end.ToString());
        Assert.Empty(directory.Names);
    }

    private sealed class MoodyClient : IUploadClient
    {
        private readonly Random random = new(2);
        private volatile bool friendly;
        private volatile bool away;

        public bool IsAway
        {
            set => away = value;
        }

        public bool Friendly
        {
            set => friendly = value;
        }

        public long Rejected { get; private set; }

        public async Task<UploadOutcome> SendAsync(byte[] message, CancellationToken cancel)
        {
            await Task.Yield();
            int mood = away ? 1 : friendly ? 9 : random.Next(10);
            if (mood == 0)
                Rejected++;
            return mood switch
            {
                0 => UploadOutcome.Rejected("no"),
                < 6 => UploadOutcome.Retry("later"),
                _ => UploadOutcome.Delivered(),
            };
        }

        public void Dispose()
        {
        }
    }
}
