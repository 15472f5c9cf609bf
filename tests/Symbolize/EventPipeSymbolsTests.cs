using System.Diagnostics;
using System.Runtime.InteropServices;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class EventPipeSymbolsTests(SymbolTargetProgram program, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = Harm.Child.HangBound;

    [Fact]
    public void ARunningTargetIsKnownAndWhatItDoesNextToo()
    {
        using var target = new SymbolTarget(program);
        using var symbols = new EventPipeSymbols(new DiagnosticsClient(target.Pid), new SymbolOptions());
        var clock = Stopwatch.StartNew();
        symbols.Attach(Patience);
        output.WriteLine($"attached in {clock.ElapsedMilliseconds} ms, {symbols.Code.Count} methods");
        MethodCode early = Named(symbols, "Program.Early(int)");
        Assert.Equal(MethodCode.Beginning, early.Loaded);
        Mapping mapping = symbols.Modules.Find(early.ModuleId)!;
        Assert.EndsWith("/target program.dll", mapping.FileName);
        Assert.InRange(mapping.BuildId.Length, 33, 40);
        Assert.Equal("int32 Program::Early(int32)", early.Function.SystemName);
        Named(symbols, "Generic<System.__Canon>.Size<T>(__Canon, T)");
        Assert.Empty(All(symbols, "Program.Late(string)"));

        (long before, long after) = target.Do("late");
        MethodCode late = WaitFor(symbols, "Program.Late(string)");
        Assert.InRange(late.Loaded.Value, before, after);
        output.WriteLine($"seen {Stopwatch.GetTimestamp() - late.Loaded.Value} ns after it was jitted");
        Assert.Same(late, symbols.Code.Find(new InstructionPointer(late.Start + 1), new MonotonicNanos(after)));

        target.Do("dynamic");
        MethodCode dynamic = WaitFor(symbols, "dynamicClass.OnTheFly(int)");
        Assert.Same(ManagedModules.Dynamic, dynamic.Mapping);
        (before, _) = target.Do("unload");
        MethodCode brief = WaitFor(symbols, "Program.InContext()");
        (_, after) = target.Do("collect");

        clock.Restart();
        symbols.Finish(Patience);
        output.WriteLine($"finished in {clock.ElapsedMilliseconds} ms");
        Assert.Empty(symbols.Warnings);
        Assert.InRange(dynamic.Unloaded.Value, before, after);
        Assert.InRange(brief.Unloaded.Value, before, after);
        Assert.Equal(MethodCode.Never, early.Unloaded);
        Assert.Contains(symbols.Code.Snapshot(), code => code.Size > 0 && code.Function.Name.StartsWith("System.Runtime.Loader.AssemblyLoadContext.InitiateUnload(", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ASuspendedTargetIsKnownFromItsFirstMethodAndAfterItsEnd()
    {
        string port = Path.Combine(Path.GetTempPath(), $"symbols-{Environment.ProcessId}.sock");
        using var cancel = new CancellationTokenSource(Patience);
        Task<DiagnosticsClientConnector> connecting = DiagnosticsClientConnector.FromDiagnosticPort(port, cancel.Token);
        long started = Stopwatch.GetTimestamp();
        using var target = new SymbolTarget(program, port);
        DiagnosticsClientConnector connector = await connecting;
        using var symbols = new EventPipeSymbols(connector.Instance, new SymbolOptions());
        symbols.AttachSuspended(Patience);
        connector.Instance.ResumeRuntime();
        target.WaitUntilReady();
        (long before, _) = target.Do("late");
        target.Exit();
        symbols.Finish(Patience);
        await connector.DisposeAsync();

        Assert.Empty(symbols.Warnings);
        Assert.InRange(Named(symbols, "Program.Main()").Loaded.Value, started, before);
        Named(symbols, "Program.Late(string)");
        IReadOnlyList<MethodCode> all = symbols.Code.Snapshot();
        output.WriteLine($"{all.Count} methods, {all.Count(code => code.Size == 0)} of them entry points without a size");
        Assert.Contains(all, code => code.Function.Name == "System.Console.ReadLine()");
    }

    [Fact]
    public void AKilledTargetKeepsItsNames()
    {
        using var target = new SymbolTarget(program);
        using var symbols = new EventPipeSymbols(new DiagnosticsClient(target.Pid), new SymbolOptions());
        symbols.Attach(Patience);
        target.Do("late");
        WaitFor(symbols, "Program.Late(string)");
        target.Kill();
        var clock = Stopwatch.StartNew();
        symbols.Finish(Patience);
        Assert.True(clock.Elapsed < Patience / 2, $"it waited {clock.Elapsed} for one that is dead");
        Named(symbols, "Program.Early(int)");
        Named(symbols, "Program.Late(string)");
    }

    [Fact]
    public void AHungTargetNeverHangsUs()
    {
        using var target = new SymbolTarget(program);
        using var symbols = new EventPipeSymbols(new DiagnosticsClient(target.Pid), new SymbolOptions());
        symbols.Attach(Patience);
        Assert.Empty(symbols.Warnings);
        Assert.Equal(0, Signal(target.Pid, Stop));
        try
        {
            using var stuck = new EventPipeSymbols(new DiagnosticsClient(target.Pid), new SymbolOptions());
            var clock = Stopwatch.StartNew();
            stuck.Attach(TimeSpan.FromSeconds(1));
            symbols.Finish(TimeSpan.FromSeconds(1));
            Assert.True(clock.Elapsed < Patience / 2, $"it waited {clock.Elapsed}");
            Assert.Contains(stuck.Warnings, warning => warning.Contains("does not answer", StringComparison.Ordinal));
            Assert.Contains(symbols.Warnings, warning => warning.Contains("hangs", StringComparison.Ordinal));
            Named(symbols, "Program.Early(int)");
        }
        finally
        {
            Signal(target.Pid, Continue);
        }
    }

    [Fact]
    public void ATargetThatIsNotThereIsAWarning()
    {
        using var symbols = new EventPipeSymbols(new DiagnosticsClient(int.MaxValue), new SymbolOptions());
        symbols.Attach(Patience);
        symbols.Finish(Patience);
        Assert.NotEmpty(symbols.Warnings);
    }

    private const int Stop = 19;
    private const int Continue = 18;

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int pid, int signal);

    private static List<MethodCode> All(EventPipeSymbols symbols, string name) =>
        symbols.Code.Snapshot().Where(code => code.Function.Name == name).ToList();

    private static MethodCode Named(EventPipeSymbols symbols, string name)
    {
        List<MethodCode> found = All(symbols, name);
        Assert.True(found.Count > 0, $"{name} is not among {symbols.Code.Count} methods: {string.Join("; ", symbols.Warnings)}");
        return found[0];
    }

    private static MethodCode WaitFor(EventPipeSymbols symbols, string name)
    {
        Harm.Eventually.True(() => All(symbols, name).Count > 0, $"{name} is known");
        return Named(symbols, name);
    }
}
