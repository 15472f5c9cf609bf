using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using DotnetPprof.Interop;
using DotnetPprof.Tests.Harm;
using DotnetPprof.Tests.PprofReader;
using DotnetPprof.Tests.RealPrograms;
using DotnetPprof.Tests.Serve;

namespace DotnetPprof.ServeSoak;

/// <summary>
/// Many services that do little come and go at random, half of them killed. Watched: what <c>serve</c> takes. Checked:
/// every end of one that was sampled left a closed file, and nothing is left of those that are gone. At the end, while they
/// still come and go, <c>serve</c> is profiled, to tell the sampling's share of its CPU time from its own.
/// </summary>
internal sealed partial class ChurnRun(TimeSpan length, Random random, int count)
{
    private const double MostCpu = 0.05;
    private const long MostResidentMiB = 300;
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Services and <c>serve</c> compile their code better and better at first.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_shortestLife = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_longestLife = TimeSpan.FromSeconds(240);
    private static readonly TimeSpan s_longestProfile = TimeSpan.FromSeconds(60);

    private readonly Findings findings = new();
    private readonly List<Reading> readings = [];
    private readonly List<(int Pid, long Time)> ends = [];
    private readonly Stopwatch elapsed = Stopwatch.StartNew();
    private long mostResidentMiB;
    private double cpuOfChurn;

    internal async Task<Findings> Run()
    {
        using var serve = new ServeProcess();
        serve.Start();
        var living = new List<(LoadedService Service, TimeSpan Until)>();
        try
        {
            Look(serve);
            while (living.Count < count)
            {
                living.Add(Begin(serve));
                await Task.Delay(200).ConfigureAwait(false);
            }
            foreach ((LoadedService service, _) in living)
                await serve.WaitUntilSampling(service.Pid).ConfigureAwait(false);
            await Quiet(serve).ConfigureAwait(false);
            await Churn(serve, living).ConfigureAwait(false);
            mostResidentMiB = readings[^1].State.MostResidentKiB / 1024; // the profiler's agent is no part of it
            await Profile(serve, living).ConfigureAwait(false);
            foreach ((LoadedService service, _) in living)
                End(service);
            living.Clear();
            while ((await serve.Metrics().ConfigureAwait(false))["dotnet_pprof_targets{state=\"sampling\"}"] > 0)
                await Task.Delay(100).ConfigureAwait(false);
            await Task.Delay(TimeSpan.FromSeconds(5)).ConfigureAwait(false);
            Look(serve);
            CheckFiles(serve);
            Report();
            return findings;
        }
        finally
        {
            living.ForEach(one => one.Service.Dispose());
        }
    }

    /// <summary>All are there, and none comes or goes.</summary>
    private async Task Quiet(ServeProcess serve)
    {
        await Task.Delay(s_settle).ConfigureAwait(false);
        Look(serve);
        await Task.Delay(length / 6).ConfigureAwait(false);
        Look(serve);
        Share("all there, none comes or goes", readings[^2], readings[^1], required: true);
    }

    private async Task Churn(ServeProcess serve, List<(LoadedService Service, TimeSpan Until)> living)
    {
        /* Their lives go on from here: those that were over by now would all end at once. */
        for (int i = 0; i < living.Count; i++)
            living[i] = (living[i].Service, elapsed.Elapsed + (s_longestLife * random.NextDouble()));
        Reading before = readings[^1];
        TimeSpan end = elapsed.Elapsed + (length * 4 / 6);
        for (TimeSpan next = elapsed.Elapsed; elapsed.Elapsed < end; await Task.Delay(100).ConfigureAwait(false))
        {
            Replace(serve, living);
            if (elapsed.Elapsed < next)
                continue;
            next += s_look;
            Look(serve);
        }
        Look(serve);
        cpuOfChurn = Share($"{ends.Count} ended and were followed by others", before, readings[^1], required: false);
    }

    private async Task Profile(ServeProcess serve, List<(LoadedService Service, TimeSpan Until)> living)
    {
        string file = Path.Join(serve.Directory, "serve.pb.gz");
        using var collect = new ChildProcess(ProgramPaths.Dotnet, [ProgramPaths.Collector, "collect", "-p", $"{serve.Process.Pid}", "-r", "997", "-o", file], serve.Directory);
        Task sampling = Task.Run(() => collect.WaitForLine("Sampling"));
        for (; !sampling.IsCompleted; await Task.Delay(100).ConfigureAwait(false))
            Replace(serve, living);
        await sampling.ConfigureAwait(false);
        TimeSpan end = elapsed.Elapsed + (length / 6 < s_longestProfile ? length / 6 : s_longestProfile);
        for (; elapsed.Elapsed < end; await Task.Delay(100).ConfigureAwait(false))
            Replace(serve, living);
        collect.Signal(ProcessInterop.SigInt);
        collect.WaitForExit();
        IReadOnlyList<(string Stage, bool IsSampling, double Share)> stages = ServeStages.Of(PprofFile.Read(file));
        FindingsTable table = findings.Table("while they come and go, serve", "the sampling itself", "beyond it");
        foreach ((string stage, bool isSampling, double share) in stages)
            table.Add($"{stage}", $"{(isSampling ? share.ToString("P1", CultureInfo.InvariantCulture) : "")}", $"{(isSampling ? "" : share.ToString("P1", CultureInfo.InvariantCulture))}");
        double beyond = stages.Where(stage => !stage.IsSampling).Sum(stage => stage.Share);
        table.Add($"of its CPU time", $"{1 - beyond:P1}", $"{beyond:P1}");
        table.Add($"of a core", $"{(1 - beyond) * cpuOfChurn:P2}", $"{beyond * cpuOfChurn:P2}");
        findings.Require(beyond * cpuOfChurn <= MostCpu, $"{count} services that come and go cost {beyond * cpuOfChurn:P1} of a core beyond the sampling itself");
    }

    private void Replace(ServeProcess serve, List<(LoadedService Service, TimeSpan Until)> living)
    {
        for (int i = 0; i < living.Count; i++)
        {
            if (elapsed.Elapsed < living[i].Until)
                continue;
            End(living[i].Service);
            living[i] = Begin(serve);
        }
    }

    private (LoadedService Service, TimeSpan Until) Begin(ServeProcess serve) =>
        (new LoadedService(serve, s_pause), elapsed.Elapsed + s_shortestLife + ((s_longestLife - s_shortestLife) * random.NextDouble()));

    private void End(LoadedService service)
    {
        ends.Add((service.Pid, (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100));
        if (random.Next(2) == 0)
            service.Kill();
        else
            service.End();
        service.Dispose();
    }

    private void Look(ServeProcess serve) => readings.Add(new Reading(elapsed.Elapsed, ProcessState.Of(serve.Process.Pid), CpuOf(serve.Process.Pid)));

    private static double CpuOf(int pid)
    {
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11]) + long.Parse(fields[12])) / 100.0;
    }

    private double Share(string what, Reading from, Reading to, bool required)
    {
        double seconds = (to.Time - from.Time).TotalSeconds, share = (to.CpuSeconds - from.CpuSeconds) / seconds;
        FindingsTable table = findings.Tables.Find(table => table.Headers[0] == "CPU of serve") ?? findings.Table("CPU of serve", "seconds", "share of a core");
        table.Add($"{what}", $"{seconds:0}", $"{share:P2}");
        if (required)
            findings.Require(share <= MostCpu, $"{count} services cost {share:P1} of a core");
        return share;
    }

    private void Report()
    {
        FindingsTable table = findings.Table("what serve holds", "at its start", "at most", "after the last service");
        ProcessState first = readings[0].State, last = readings[^1].State;
        table.Add($"resident MiB", $"{first.ResidentKiB / 1024:N0}", $"{mostResidentMiB:N0}", $"{last.ResidentKiB / 1024:N0}");
        Add("descriptors", state => state.Files);
        Add("mappings", state => state.Mappings);
        Add("threads", state => state.Threads);
        findings.Require(mostResidentMiB <= MostResidentMiB, $"serve took {mostResidentMiB} MiB");
        /* The runtime keeps two descriptors of every assembly that it has loaded, and its pools for a while. */
        findings.Require(last.Files <= first.Files + 300, $"descriptors went from {first.Files} to {last.Files}");
        findings.Require(last.Threads <= first.Threads + 24, $"threads went from {first.Threads} to {last.Threads}");

        void Add(string what, Func<ProcessState, long> of) =>
            table.Add($"{what}", $"{of(readings[0].State):N0}", $"{readings.Max(reading => of(reading.State)):N0}", $"{of(readings[^1].State):N0}");
    }

    private void CheckFiles(ServeProcess serve)
    {
        HashSet<int> sampled = [.. Sampling().Matches(serve.Process.Output).Select(match => int.Parse(match.Groups[1].Value))];
        int closed = 0, early = 0, brokenOff = BrokenOff().Count(serve.Process.Output);
        double latest = 0;
        foreach ((int pid, long time) in ends)
        {
            List<PprofFile> windows = serve.Windows(pid); // each is read, and held to pprof's rules
            if (!sampled.Contains(pid))
            {
                early++;
                continue;
            }
            if (windows.Count == 0)
                continue;
            closed++;
            latest = Math.Max(latest, (time - windows[^1].EndNanos) / 1e9);
        }
        findings.Table("services that ended", "ended before they were sampled", "left a closed file", "last window's end before theirs, at most (s)", "times sampling broke off")
            .Add($"{ends.Count}", $"{early}", $"{closed}", $"{latest:0.00}", $"{brokenOff}");
        findings.Require(closed + early == ends.Count, $"{ends.Count - early - closed} services ended and left no file");
        findings.Require(latest < 2, $"a service's last {latest:0.0} s are in no window");
        findings.Require(brokenOff == 0, $"sampling broke off {brokenOff} times while a service lived, first: {BrokenOff().Match(serve.Process.Output).Value}");
    }

    [GeneratedRegex(@"sampling \S+ \(([0-9]+)\)")]
    private static partial Regex Sampling();

    [GeneratedRegex(".*is not sampled for a moment.*")]
    private static partial Regex BrokenOff();

    private sealed record Reading(TimeSpan Time, ProcessState State, double CpuSeconds);
}
