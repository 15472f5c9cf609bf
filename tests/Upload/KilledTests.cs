using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Upload;
using Xunit;

namespace DotnetPprof.Tests.Upload;

public sealed class KilledTests : IDisposable
{
    private const int SigKill = 9;

    private readonly UploadDirectory directory = new();

    public void Dispose() => directory.Dispose();

    /// <summary>Of what was in the queue nothing is lost, and of what was being written there is all or nothing.</summary>
    [Fact]
    public void QueueOutlivesItsProcess()
    {
        int safe = 0;
        for (int round = 1; round <= 5; round++)
        {
            using var filler = new ChildProcess(ProgramPaths.Dotnet, [ProgramPaths.TestProgram("QueueFiller"), directory.Path]);
            int recovered = Number(filler.WaitForLine("recovered "));
            // The one in progress may have been written, and not been said.
            Assert.InRange(recovered, safe, safe + 1);
            filler.WaitForLine($"made {round * 7}");
            filler.Signal(SigKill);
            filler.WaitForExit();
            safe = recovered + Number(filler.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Last(line => line.StartsWith("made ", StringComparison.Ordinal)));
        }

        using UploadQueue queue = directory.Open(1L << 30);
        Assert.InRange(queue.Account.Recovered, safe, safe + 1);
        Assert.DoesNotContain(directory.Names, QueueFile.IsTemporary);
        while (queue.Take(0) is { } window)
        {
            Assert.NotNull(queue.Read(window));
            queue.Delivered(window);
        }
        Assert.Equal(queue.Account.Recovered, queue.Account.Delivered);
    }

    private static int Number(string line) => int.Parse(line.Trim().Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
}
