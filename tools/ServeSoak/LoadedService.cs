using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Tests.Serve;

namespace DotnetPprof.ServeSoak;

/// <summary>The tests' web service, started with the agent, and somebody who asks it for things.</summary>
internal sealed class LoadedService : IDisposable
{
    private readonly TargetProgram program;
    private readonly HttpClient client = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly CancellationTokenSource stop = new();
    private readonly Task load;
    private long requests;

    /// <param name="serve">Which is to find it.</param>
    /// <param name="pause">Between two requests.</param>
    internal LoadedService(ServeProcess serve, TimeSpan pause)
    {
        program = serve.StartService("WebService");
        load = Task.Run(() => Load(pause));
    }

    internal int Pid => program.Pid;

    /// <summary>Requests answered so far.</summary>
    internal long Requests => Interlocked.Read(ref requests);

    internal bool HasExited => program.HasExited;

    /// <summary>As the kernel does it, when memory is short.</summary>
    internal void Kill()
    {
        program.Signal(9);
        program.WaitForExit();
    }

    /// <summary>In good order.</summary>
    internal void End()
    {
        stop.Cancel();
        program.CloseInput();
        program.WaitForExit();
    }

    public void Dispose()
    {
        stop.Cancel();
        program.Dispose();
        load.Wait();
        client.Dispose();
        stop.Dispose();
    }

    private async Task Load(TimeSpan pause)
    {
        string address = program.WaitForLine("http://");
        for (int i = 0; !stop.IsCancellationRequested && !program.HasExited; i++)
        {
            try
            {
                await client.GetByteArrayAsync($"{address}/orders/{i % 3 * 400}", stop.Token).ConfigureAwait(false);
                Interlocked.Increment(ref requests);
                if (pause > TimeSpan.Zero)
                    await Task.Delay(pause, stop.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                /* It is gone, or about to be. */
            }
        }
    }
}
