using DotnetPprof.Interop;
using DotnetPprof.Report;

namespace DotnetPprof.Soak;

/// <summary>Collectors as users start them, and what becomes of them.</summary>
internal sealed class CollectorRuns(Random random, Captures captures, Findings findings) : IDisposable
{
    private const int SigKill = 9;
    private const int SigCont = 18;
    private const int SigStop = 19;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("soak-");

    internal string ProfilePath => Path.Combine(folder.FullName, "profile.pb.gz");

    /// <summary>One that ends by itself, or by a signal that asks it to.</summary>
    internal void Collect(Target target)
    {
        int signal = random.Next(3) switch { 0 => 0, 1 => ProcessInterop.SigInt, _ => ProcessInterop.SigTerm };
        using ChildProgram collector = Start(target, signal == 0 ? ["-d", $"{random.Next(1, 3)}s"] : []);
        if (signal != 0)
        {
            WaitUntilSampling(collector);
            Thread.Sleep(random.Next(50, 1500));
            findings.Step($"signal {signal}");
            collector.Signal(signal);
        }
        Expect(collector, 0);
        CheckProfile();
        findings.Count(signal == 0 ? "collectors that ended in time" : "collectors ended by SIGINT or SIGTERM");
        Captures.AssertAsleep(target);
    }

    /// <summary>One that is killed at any moment of its life.</summary>
    internal void Kill(Target target)
    {
        using ChildProgram collector = Start(target);
        if (random.Next(3) > 0)
            WaitUntilSampling(collector);
        Thread.Sleep(random.Next(1000));
        findings.Step("kill");
        collector.Signal(SigKill);
        collector.WaitForExit("a collector");
        findings.Count("collectors killed");
        Captures.AssertAsleep(target);
    }

    /// <summary>A second one beside one at work.</summary>
    internal void Refuse(Target target)
    {
        using ChildProgram second = Start(target, "-d", "1s");
        Expect(second, 1);
        if (!second.Errors.Contains("one at a time", StringComparison.Ordinal))
            throw new ProblemException(ProblemKind.Misbehaviour, $"a second collector ended otherwise than refused: {second.Errors}");
        findings.Count("second collectors refused");
    }

    /// <summary>One that does not run for so long that the agent gives it up.</summary>
    internal void StopLong(Target target)
    {
        using ChildProgram collector = Start(target);
        WaitUntilSampling(collector);
        findings.Step("stop it");
        collector.Signal(SigStop);
        Captures.AssertAsleep(target);
        collector.Signal(SigCont);
        Expect(collector, 2);
        CheckProfile();
        findings.Count("collectors stopped for too long");
    }

    /// <summary>A target that does not run for a moment.</summary>
    internal void StopTarget(Target target)
    {
        using ChildProgram collector = Start(target, "-d", "3s");
        WaitUntilSampling(collector);
        findings.Step("stop the target");
        target.Signal(SigStop);
        Thread.Sleep(random.Next(50, 1500));
        target.Signal(SigCont);
        Expect(collector, 0);
        CheckProfile();
        findings.Count("targets stopped and continued");
    }

    /// <summary>The programs that only look.</summary>
    internal void Look(Target target)
    {
        using ChildProgram looker = new([BuiltPrograms.Collector, .. random.Next(2) == 0 ? ["ps"] : new[] { "doctor", "-p", $"{target.Pid}" }], []);
        int code = looker.WaitForExit("ps or doctor");
        if (code is not 0 and not 1)
            throw new ProblemException(ProblemKind.Misbehaviour, $"exit code {code} of ps or doctor: {looker.Errors}");
        findings.Count("looks by ps and doctor");
    }

    internal void CheckProfile()
    {
        try
        {
            TopFunctionsReport.Read(ProfilePath);
        }
        catch (Exception e)
        {
            throw new ProblemException(ProblemKind.Misbehaviour, $"the profile cannot be read: {e.Message}");
        }
        File.Delete(ProfilePath);
    }

    public void Dispose() => folder.Delete(recursive: true);

    private ChildProgram Start(Target target, params string[] options)
    {
        findings.Count("collectors started");
        string[] choices = ["-r", $"{captures.Rate()}", "--engine", captures.EngineName(), .. random.Next(3) == 0 ? ["--timestamps"] : Array.Empty<string>(), .. options];
        findings.Step($"collect {string.Join(' ', choices)}");
        return new ChildProgram([BuiltPrograms.Collector, "collect", "-p", $"{target.Pid}", "-o", ProfilePath, .. choices], []);
    }

    private static void WaitUntilSampling(ChildProgram collector)
    {
        if (collector.WaitFor("Sampling") is null)
            throw new ProblemException(ProblemKind.Misbehaviour, $"a collector did not sample, exit code {collector.WaitForExit("a collector")}: {collector.Errors}");
    }

    private static void Expect(ChildProgram collector, int code)
    {
        int actual = collector.WaitForExit("a collector");
        if (actual != code)
            throw new ProblemException(ProblemKind.Misbehaviour, $"a collector ended with {actual} instead of {code}: {collector.Errors}");
    }
}
