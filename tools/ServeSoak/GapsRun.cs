using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Tests.Serve;

namespace DotnetPprof.ServeSoak;

/// <summary>
/// One service under load, windows of 10 s. In between the service or <c>serve</c> is killed. Checked afterwards: windows
/// abut, their CPU time is the process's, and a kill costs at most the window in progress.
/// </summary>
internal sealed class GapsRun(TimeSpan length, Random random, int kills)
{
    private const int WindowSeconds = 10;

    /// <summary>A sampling period at the default rate.</summary>
    private const long PeriodNanos = 10_000_000;

    /// <summary>Samples are held until their names are known, and a window is named and written after that.</summary>
    private const double ClosingSeconds = 4;

    /// <summary>To attach to a service again: the agent gives up a dead owner after 3 s, and its runtime tells of its code.</summary>
    private const double AttachSeconds = 10;

    private readonly Findings findings = new();
    private readonly List<Life> lives = [];

    /// <summary>Wall-clock times at which <c>serve</c> was killed, and whether the next one said so.</summary>
    private readonly List<(long Time, bool IsSaid)> ends = [];

    internal async Task<Findings> Run()
    {
        using var serve = new ServeProcess();
        string[] arguments = ["--window", $"{WindowSeconds}s"];
        serve.Start(arguments);
        LoadedService service = Begin(serve);
        await serve.WaitUntilSampling(service.Pid).ConfigureAwait(false);
        List<bool> plan = [.. Enumerable.Range(0, 2 * kills).Select(i => i % 2 == 0)];
        TimeSpan between = length / (plan.Count + 1);
        foreach (bool isService in plan)
        {
            await Task.Delay(between * (0.75 + (random.NextDouble() / 2))).ConfigureAwait(false);
            if (isService)
            {
                lives[^1].End = Now;
                await Task.Delay(20).ConfigureAwait(false); // for a last reading of its clock
                service.Kill();
                service.Dispose();
                service = Begin(serve);
            }
            else
            {
                serve.Process.Signal(9);
                long at = Now;
                serve.Process.WaitForExit();
                serve.Start(arguments);
                ends.Add((at, serve.Process.Output.Contains("was killed", StringComparison.Ordinal)));
            }
            await serve.WaitUntilSampling(service.Pid).ConfigureAwait(false);
        }
        await Task.Delay(between).ConfigureAwait(false);
        serve.Process.Signal(Interop.ProcessInterop.SigTerm);
        serve.Process.WaitForExit();
        lives[^1].End = Now;
        await Task.Delay(20).ConfigureAwait(false);
        Check(serve);
        service.Dispose();
        return findings;
    }

    private static long Now => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    private LoadedService Begin(ServeProcess serve)
    {
        var service = new LoadedService(serve, TimeSpan.Zero);
        lives.Add(new Life(service.Pid, new CpuWitness(service.Pid)));
        return service;
    }

    private void Check(ServeProcess serve)
    {
        FindingsTable table = findings.Table("service", "windows", "seconds", "largest gap (ns)", "CPU of windows (s)", "of the process (s)", "error", "worst window");
        FindingsTable losses = findings.Table("killed", "after (s)", "not in a window before (s)", "sampled again after (s)", "said");
        foreach (Life life in lives)
        {
            List<PprofFile> windows = serve.Windows(life.Pid);
            findings.Require(windows.Count > 0, $"service {life.Pid} has no window");
            if (windows.Count > 0)
                CheckLife(life, windows, table, losses);
            life.Cpu.Dispose();
        }
    }

    private void CheckLife(Life life, List<PprofFile> windows, FindingsTable table, FindingsTable losses)
    {
        long gap = 0, profiled = 0, used = 0, spanned = 0;
        double worst = 0;
        for (int i = 0; i < windows.Count; i++)
        {
            PprofFile window = windows[i];
            if (i > 0)
            {
                long between = window.TimeNanos - windows[i - 1].EndNanos;
                (long killed, bool isSaid) = ends.Find(end => end.Time >= windows[i - 1].EndNanos && end.Time <= window.TimeNanos);
                if (killed == 0)
                    gap = Math.Max(gap, Math.Abs(between));
                else
                    AddKill(losses, "serve", windows[i - 1].EndNanos, killed, window.TimeNanos, isSaid);
            }
            long truth = life.Cpu.Between(window.TimeNanos, Math.Min(window.EndNanos, life.End));
            profiled += window.CpuNanos;
            used += truth;
            spanned += window.DurationNanos;
            if (window.DurationNanos > 1_000_000_000 && truth > 0)
                worst = Math.Max(worst, Math.Abs((double)(window.CpuNanos - truth) / truth));
        }
        double error = used > 0 ? (double)(profiled - used) / used : 0;
        table.Add($"{life.Pid}", $"{windows.Count}", $"{spanned / 1e9:0.0}", $"{gap}", $"{profiled / 1e9:0.00}", $"{used / 1e9:0.00}", $"{error:P2}", $"{worst:P2}");
        findings.Require(gap <= PeriodNanos, $"service {life.Pid}: {gap} ns between two windows");
        findings.Require(Math.Abs(error) <= 0.05, $"service {life.Pid}: windows' CPU is {error:P1} off");
        if (life == lives[^1])
            return;
        bool says = windows[^1].Comments.Any(comment => comment.StartsWith("end: the target ended", StringComparison.Ordinal));
        double lost = (life.End - windows[^1].EndNanos) / 1e9;
        losses.Add($"service {life.Pid}", $"{(life.End - windows[0].TimeNanos) / 1e9:0.0}", $"{Math.Max(0, lost):0.00}", $"-", $"{(says ? "yes" : "no")}");
        findings.Require(says && lost < WindowSeconds, $"service {life.Pid} was killed: {lost:0.0} s are in no window, said: {says}");
    }

    private void AddKill(FindingsTable losses, string what, long end, long killed, long again, bool isSaid)
    {
        double lost = (killed - end) / 1e9, until = (again - killed) / 1e9;
        losses.Add($"{what}", $"-", $"{lost:0.00}", $"{until:0.00}", $"{(isSaid ? "yes" : "no")}");
        findings.Require(lost <= WindowSeconds + ClosingSeconds, $"{what} was killed: more than the window in progress is lost, {lost:0.0} s");
        findings.Require(until <= AttachSeconds, $"{what} was killed: {until:0.0} s until the service was sampled again");
        findings.Require(isSaid, $"{what} was killed, and the next one did not say so");
    }

    /// <param name="Pid">Of a service.</param>
    /// <param name="Cpu">What it used, at any time.</param>
    private sealed record Life(int Pid, CpuWitness Cpu)
    {
        /// <summary>When it was killed, or the run ended.</summary>
        public long End { get; set; } = long.MaxValue;
    }
}
