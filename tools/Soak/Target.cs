using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Interop;
using DotnetPprof.Session;

namespace DotnetPprof.Soak;

/// <summary>The workload, as started by us or by a collector.</summary>
internal sealed class Target : IDisposable
{
    private readonly ChildProgram program;
    private readonly bool isLaunched;
    private readonly Dictionary<string, (long Checked, Stopwatch Since)> progress = [];
    private Dictionary<string, (long Checked, long Interrupted)> reported = [];

    private Target(ChildProgram program, bool isLaunched)
    {
        this.program = program;
        this.isLaunched = isLaunched;
        Pid = int.Parse((program.WaitFor("ready ") ?? throw Ended())["ready ".Length..], CultureInfo.InvariantCulture);
    }

    /// <summary>The workload's own, whoever started it.</summary>
    internal int Pid { get; }

    /// <summary>The collector that launched it, or null.</summary>
    internal ChildProgram? Launcher => isLaunched ? program : null;

    /// <summary>By job, since the start.</summary>
    internal IReadOnlyDictionary<string, (long Checked, long Interrupted)> Reported => reported;

    internal static Target Start(LifePlan plan, string launchEngine, int launchRate, string profile)
    {
        List<string> command = [BuiltPrograms.Workload, $"{plan.Seed}", .. plan.Jobs];
        IEnumerable<KeyValuePair<string, string>> variables = plan.Variables;
        if (plan.Kind == TargetKind.WithVariables)
            variables = variables.Concat(AgentVariables.For(BuiltPrograms.Agent, null).Select(variable => KeyValuePair.Create(variable.Name, variable.Value)));
        if (plan.Kind == TargetKind.Launched)
            command = [BuiltPrograms.Collector, "collect", "--engine", launchEngine, "-r", $"{launchRate}", "-o", profile, "--", "dotnet", .. command];
        var program = new ChildProgram(command, variables);
        try
        {
            return new Target(program, plan.Kind == TargetKind.Launched);
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    /// <summary>Every job must get on; a wrong result ends the process, which shows here too.</summary>
    internal void CheckProgress()
    {
        reported = Ask("report", "report ").Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(word => word.Split(':'))
            .ToDictionary(parts => parts[0], parts => (long.Parse(parts[1], CultureInfo.InvariantCulture), long.Parse(parts[2], CultureInfo.InvariantCulture)));
        foreach ((string job, (long done, _)) in reported)
        {
            if (!progress.TryGetValue(job, out var last) || last.Checked != done)
                progress[job] = (done, Stopwatch.StartNew());
            else if (last.Since.Elapsed > ChildProgram.HangBound)
                throw new ProblemException(ProblemKind.Hang, $"the job '{job}' stands still: {HangDescription.Of(Pid)}");
        }
    }

    internal void Pause() => Ask("pause", "paused");

    internal void Resume() => Ask("resume", "resumed");

    internal void Signal(int number) => ProcessInterop.Kill(Pid, number);

    /// <summary>Ends it and holds it to the exit code it would have without us.</summary>
    internal void End(Ending ending)
    {
        bool hasLauncher = isLaunched && !program.HasExited;
        if (ending.Signal != 0)
            Signal(ending.Signal);
        else
            program.Send($"end {ending.Name}");
        if (isLaunched && !hasLauncher)
        {
            /* Nobody can ask for its exit code any more. */
            Wait.Until(() => !ProcFs.IsRunning(Pid), Pid, $"process {Pid} ends");
            return;
        }
        int code = program.WaitForExit("the workload");
        if (code != ending.Code)
            throw new ProblemException(ProblemKind.Crash, $"exit code {code} instead of {ending.Code} after '{ending.Name}': {program.Errors}");
    }

    public void Dispose()
    {
        if (ProcFs.IsRunning(Pid))
            Signal(9);
        program.Dispose();
    }

    private string Ask(string line, string answer)
    {
        program.Send(line);
        return program.WaitFor(answer) ?? throw Ended();
    }

    private ProblemException Ended()
    {
        int code = program.WaitForExit("the workload");
        return new ProblemException(ProblemKind.Crash, $"the workload ended by itself with exit code {code}: {program.Errors}");
    }
}
