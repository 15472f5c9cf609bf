using System.Runtime.InteropServices;

namespace DotnetPprof.Session;

/// <summary>
/// Ctrl-C and its like, as requests to stop. While one of these lives no such signal ends this process: a profile
/// that is being written is not lost to an impatient second Ctrl-C.
/// </summary>
internal sealed class StopRequests : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _second = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="onSignal">Called for each, with whether it was Ctrl-C's signal.</param>
    internal StopRequests(Action<PosixSignal>? onSignal = null)
    {
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                onSignal?.Invoke(context.Signal);
                Request();
            }));
        }
    }

    /// <summary>Completes at the first request.</summary>
    internal Task First => _first.Task;

    /// <summary>Completes at the second: somebody is impatient.</summary>
    internal Task Second => _second.Task;

    internal void Request()
    {
        if (!_first.TrySetResult()) _second.TrySetResult();
    }

    /// <summary>Takes Enter for a request too. Only for a terminal, and only when nobody else reads from it.</summary>
    internal void ListenForEnter()
    {
        var reader = new Thread(() =>
        {
            // Read raw, line by line as the terminal gives them: the class library's console would change its modes.
            using var input = new FileStream(new Microsoft.Win32.SafeHandles.SafeFileHandle(0, ownsHandle: false), FileAccess.Read, 1);
            byte[] one = new byte[1];
            while (input.Read(one) == 1)
            {
                if (one[0] == '\n') Request();
            }
        })
        { IsBackground = true, Name = "enter" };
        reader.Start();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
    }
}
