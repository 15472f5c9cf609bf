using System.Collections.Concurrent;
using System.IO.Compression;
using System.Threading.Channels;

namespace DemoWorkload;

/// <summary>Requests flow through a channel to asynchronous workers that wait, compute and answer.</summary>
internal sealed class Gateway
{
    private readonly Channel<int> _requests = Channel.CreateBounded<int>(64);
    private readonly ConcurrentDictionary<int, long> _answers = new();

    internal async Task RunAsync(CancellationToken stop)
    {
        var workers = Enumerable.Range(0, 3).Select(_ => HandleAllAsync()).ToArray();
        try
        {
            for (int request = 0; ; request++)
            {
                await _requests.Writer.WriteAsync(request, stop);
                if (request % 50 == 0) await Task.Delay(2, stop);
            }
        }
        catch (OperationCanceledException)
        {
            _requests.Writer.Complete();
        }

        await Task.WhenAll(workers);
    }

    private async Task HandleAllAsync()
    {
        await foreach (int request in _requests.Reader.ReadAllAsync()) _answers[request % 1000] = await HandleAsync(request);
    }

    private static async Task<long> HandleAsync(int request)
    {
        await Task.Yield();
        byte[] page = RenderPage(request);
        using var compressed = new MemoryStream();
        await using (var zip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true)) await zip.WriteAsync(page);
        return compressed.Length;
    }

    private static byte[] RenderPage(int request)
    {
        byte[] page = new byte[4096];
        for (int i = 0; i < page.Length; i++) page[i] = (byte)('a' + (i * 7 + request) % 26);
        return page;
    }
}
