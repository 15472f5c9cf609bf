using System.Diagnostics;
using System.Diagnostics.Tracing;
using DotnetPprof.Tests.Harm;
using Microsoft.Diagnostics.NETCore.Client;

namespace DotnetPprof.Soak;

/// <summary>Those who use the same runtime at the same time, as dotnet-trace, dotnet-counters and dotnet-dump do.</summary>
internal sealed class OtherClients(Random random, Findings findings, LifePlan plan)
{
    private const int SigCont = 18;
    private const int LookIntervalMs = 100;
    private const int LeftStoppedMs = 2000;

    private static readonly TimeSpan s_aftermath = TimeSpan.FromSeconds(1);

    /// <summary>A trace like dotnet-trace's, which stops in good order or hangs up.</summary>
    internal void Trace(Target target)
    {
        findings.Step("trace");
        var client = new DiagnosticsClient(target.Pid);
        EventPipeProvider[] providers =
        [
            new("Microsoft-Windows-DotNETRuntime", EventLevel.Verbose, 0x4c14fccbd),
            new("Microsoft-DotNETCore-SampleProfiler", EventLevel.Informational),
        ];
        bool hangsUp = random.Next(3) == 0;
        using EventPipeSession session = client.StartEventPipeSession(providers, requestRundown: random.Next(2) == 0, circularBufferMB: 16);
        Task<long> reading = Task.Run(() => ReadAll(session.EventStream));
        Thread.Sleep(random.Next(100, 1000));
        if (hangsUp)
            session.Dispose();
        else
            session.Stop();
        if (!reading.Wait(ChildProgram.HangBound))
            throw new ProblemException(ProblemKind.Hang, $"a trace does not end: {HangDescription.Of(target.Pid)}");
        if (!hangsUp && reading.Result == 0)
            throw new ProblemException(ProblemKind.Misbehaviour, "a trace is empty");
        findings.Count("traces beside");
    }

    /// <summary>createdump stops all threads and reads the whole process.</summary>
    internal void Dump(Target target)
    {
        findings.Step("dump");
        string path = Path.Combine(Path.GetTempPath(), $"soak-{target.Pid}.dmp");
        try
        {
            Await(Task.Run(() => new DiagnosticsClient(target.Pid).WriteDump(DumpType.Triage, path)), target);
        }
        catch (ServerErrorException e) when (e.Message.Contains("No such process", StringComparison.Ordinal))
        {
            /* createdump gives up where a thread ends while it stops them all, whoever looks on. */
            findings.Count("dumps that an ending thread spoiled");
            return;
        }
        catch (ServerErrorException e)
        {
            throw new ProblemException(ProblemKind.Misbehaviour, $"no dump could be written: {e.Message}");
        }
        finally
        {
            File.Delete(path);
        }
        findings.Count("dumps beside");
    }

    /*
     * createdump takes whatever a thread stops for to be the SIGSTOP of its attaching. Where that was a signal, the
     * SIGSTOP comes when createdump has gone, and the process is left stopped, perhaps after the dump's client has its
     * answer. A null reference is a signal too, so this happens without us; but timers of ours must not cause it.
     */
    private void Await(Task dump, Target target)
    {
        var waited = Stopwatch.StartNew();
        Stopwatch? answered = null;
        int stopped = 0;
        while (answered is null || stopped > 0 || answered.Elapsed < s_aftermath)
        {
            Thread.Sleep(LookIntervalMs);
            if (dump.IsCompleted)
                answered ??= Stopwatch.StartNew();
            stopped = ProcessState.IsStopped(target.Pid) ? stopped + 1 : 0;
            if (stopped * LookIntervalMs >= LeftStoppedMs)
            {
                GoOn(target);
                stopped = 0;
            }
            if (waited.Elapsed > ChildProgram.HangBound)
                throw new ProblemException(ProblemKind.Hang, $"a dump does not end: {HangDescription.Of(target.Pid)}");
        }
        dump.GetAwaiter().GetResult();
    }

    private void GoOn(Target target)
    {
        bool isSampled = ProcessState.TimersOf(target.Pid) > 0;
        if (isSampled && !plan.HasSignalsOfItsOwn)
            throw new ProblemException(ProblemKind.Hang, $"a dump left its process stopped while timers sampled it: {HangDescription.Of(target.Pid)}");
        findings.Count(isSampled ? "dumps that met a signal of their process's own, perhaps, and left it stopped" : "dumps that left their unsampled process stopped");
        target.Signal(SigCont);
    }

    private static long ReadAll(Stream stream)
    {
        byte[] buffer = new byte[64 * 1024];
        long total = 0;
        try
        {
            int read;
            while ((read = stream.Read(buffer)) > 0)
                total += read;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            /* Hung up. */
        }
        return total;
    }
}
