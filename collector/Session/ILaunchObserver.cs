using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Session;

/// <summary>Is told of every runtime, below the launched command, that is to be profiled. Called on several threads.</summary>
internal interface ILaunchObserver
{
    /// <summary>Whether runtimes that start now are still to be profiled.</summary>
    bool WantsMore { get; }

    /// <summary>The runtime has the agent's variables and waits to be resumed, which happens when this returns.</summary>
    void OnSuspended(DiagnosticsClient client, int pid);

    /// <summary>The runtime was resumed and is about to load the agent.</summary>
    void OnResumed(int pid);

    /// <summary>A program that was meant cannot be profiled by its nature.</summary>
    void OnSkipped(string reason);

    /// <summary>A runtime that was meant to be profiled could not be readied; it runs on without.</summary>
    void OnFailed(int pid, Exception error);
}
