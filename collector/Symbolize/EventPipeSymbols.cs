using System.Diagnostics.Tracing;
using DotnetPprof.Model;
using DotnetPprof.Symbolize.Lines;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Has the target's runtime tell what managed code is where: a stream of what comes and goes, and rundowns of what
/// exists. The stream starts first, so that nothing falls between it and the first rundown; a last rundown at the end
/// brings what the stream lost and the sizes of precompiled methods.
/// <para>
/// The diagnostic port belongs to the target: it may be stopped, hung or dead at any moment. Every wait here has an end,
/// and what goes wrong is a warning: a profile with fewer names is still a profile.
/// </para>
/// </summary>
/// <param name="client">The target.</param>
/// <param name="options">What names show.</param>
/// <param name="names">Shared with other targets; null for none of these.</param>
internal sealed class EventPipeSymbols(DiagnosticsClient client, SymbolOptions options, FunctionNames? names = null) : IDisposable
{
    private const string RuntimeProvider = "Microsoft-Windows-DotNETRuntime";
    private const string PrivateProvider = "Microsoft-Windows-DotNETRuntimePrivate";
    private const string RundownProvider = "Microsoft-Windows-DotNETRuntimeRundown";

    /// <summary>
    /// Loader 0x8: modules. Jit 0x10: methods loaded and unloaded, dynamic ones too. CompilationDiagnostic 0x2000000000:
    /// R2RGetEntryPoint, because precompiled methods raise no load event when they are first used.
    /// JittedMethodILToNativeMap 0x20000: the IL that code was made from. MethodDiagnostic 0x4000000000 and Type 0x80000:
    /// who the methods are that were inlined.
    /// </summary>
    private const long StreamKeywords = 0x8 | 0x10 | 0x2000000000 | 0x20000 | 0x4000000000 | 0x80000;

    /// <summary>JittedMethodRichDebugInfo: what was inlined, from a runtime that was started with DOTNET_RichDebugInfo=1.</summary>
    private const long PrivateKeywords = 0x40000;

    /// <summary>
    /// Loader 0x8, Jit 0x10, NGen 0x20 (precompiled methods in use), JittedMethodILToNativeMap 0x20000, End 0x100: at the
    /// session's end.
    /// </summary>
    private const long RundownKeywords = 0x8 | 0x10 | 0x20 | 0x20000 | 0x100;

    private const int StreamBufferMegabytes = 64;
    private const int RundownBufferMegabytes = 256;

    private readonly EventIntake intake = new(options, names ?? new FunctionNames());
    private EventPipeReader? stream;

    public CodeMap Code => intake.Code;

    public ManagedModules Modules => intake.Modules;

    public MethodIdentities Identities => intake.Identities;

    /// <summary>Whether the runtime tells what it inlines.</summary>
    public bool TellsInlinees => intake.TellsInlinees;

    /// <summary>One line each, losses included.</summary>
    public IReadOnlyList<string> Warnings => intake.Warnings;

    /// <summary>Attaches to a running target: stream, then first rundown. Afterwards all that exists is known.</summary>
    public void Attach(TimeSpan timeout)
    {
        var deadline = new Deadline(timeout);
        if (StartStream(deadline)) Rundown(deadline);
    }

    /// <summary>Attaches to a target that waits to be resumed, which the caller does afterwards: there is nothing to run down.</summary>
    public void AttachSuspended(TimeSpan timeout) => StartStream(new Deadline(timeout));

    /// <summary>Takes a last rundown, where the target still lives, and ends the stream.</summary>
    public void Finish(TimeSpan timeout)
    {
        if (stream is not { } reader) return;
        stream = null;

        // Stopping the stream's session brings the last rundown, in the same stream and so in its order.
        reader.Stop(new Deadline(timeout));
    }

    /// <summary>Ends what <see cref="Finish"/> did not, without waiting for much.</summary>
    public void Dispose() => Finish(TimeSpan.FromSeconds(1));

    private bool StartStream(Deadline deadline)
    {
        stream = Start([new EventPipeProvider(RuntimeProvider, EventLevel.Verbose, StreamKeywords), new EventPipeProvider(PrivateProvider, EventLevel.Verbose, PrivateKeywords)], StreamBufferMegabytes, isStream: true, deadline);
        return stream is not null;
    }

    private void Rundown(Deadline deadline)
    {
        // The rundown is what a session does at its end: this one is stopped as soon as it runs.
        EventPipeReader? rundown = Start([new EventPipeProvider(RundownProvider, EventLevel.Verbose, RundownKeywords)], RundownBufferMegabytes, isStream: false, deadline);
        rundown?.Stop(deadline);
    }

    private EventPipeReader? Start(EventPipeProvider[] providers, int megabytes, bool isStream, Deadline deadline)
    {
        string what = isStream ? "the stream of method events" : "the rundown of existing methods";
        using var cancel = new CancellationTokenSource(deadline.Left);
        Task<EventPipeSession> starting = Task.Run(() => StartSession(providers, megabytes, cancel.Token));
        try
        {
            if (starting.Wait(deadline.Left) && starting.Result is var session)
                return new EventPipeReader(session.EventStream, session.StopAsync, session, intake, isStream);
            intake.Warn($"{what} did not start in time: the target's diagnostic port does not answer; managed code may stay unnamed");
        }
        catch (AggregateException e)
        {
            string reason = e.InnerException is OperationCanceledException
                ? "the target's diagnostic port does not answer"
                : e.InnerException?.Message ?? e.Message;
            intake.Warn($"{what} did not start: {reason}; managed code may stay unnamed");
        }

        // A session that starts after all, too late, is not kept.
        starting.ContinueWith(late => late.Result.Dispose(), TaskContinuationOptions.OnlyOnRanToCompletion);
        return null;
    }

    private async Task<EventPipeSession> StartSession(EventPipeProvider[] providers, int megabytes, CancellationToken cancel)
    {
        try
        {
            // Without stacks: they are collected in the target, and nobody reads them here.
            var configuration = new EventPipeSessionConfiguration(providers, megabytes, RundownKeywords, requestStackwalk: false);
            return await client.StartEventPipeSessionAsync(configuration, cancel).ConfigureAwait(false);
        }
        catch (UnsupportedCommandException)
        {
            // Runtimes before .NET 9 cannot choose what a rundown holds.
            return await client.StartEventPipeSessionAsync(providers, requestRundown: true, megabytes, cancel).ConfigureAwait(false);
        }
    }
}
