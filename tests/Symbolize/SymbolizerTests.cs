using System.Runtime.InteropServices;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;
using Microsoft.Diagnostics.NETCore.Client;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public sealed class SymbolizerTests : IDisposable
{
    private static readonly MonotonicNanos Now = new(1);

    private readonly SymbolTargetProgram program;
    private readonly ITestOutputHelper output;
    private readonly List<string> warnings = [];
    private readonly CodeMap code = new();
    private readonly ManagedModules assemblies = new();
    private readonly NativeModules modules;
    private readonly PdbFiles pdbs;
    private readonly Symbolizer symbolizer;

    public SymbolizerTests(SymbolTargetProgram program, ITestOutputHelper output)
    {
        this.program = program;
        this.output = output;
        modules = new NativeModules(Environment.ProcessId, warnings.Add);
        pdbs = new PdbFiles("", null, warnings.Add);
        symbolizer = new Symbolizer(code, assemblies, modules, new SourceFrames(pdbs, new MethodIdentities(), assemblies));
    }

    public void Dispose()
    {
        modules.Dispose();
        pdbs.Dispose();
    }

    [Fact]
    public void ALibrarysExportIsNamedWithItsModule()
    {
        nint library = NativeLibrary.Load("libc.so.6");
        nint address = NativeLibrary.GetExport(library, "getpid");
        Location location = symbolizer.Resolve(Ip(address + 4), Now);
        Assert.Contains("getpid", Assert.Single(location.Lines).Function.Name);
        Assert.EndsWith("@libc.so.6", location.Lines[0].Function.SystemName);
        Assert.EndsWith("/libc.so.6", location.Mapping.FileName);
        Assert.InRange(location.Mapping.BuildId.Length, 32, 40);
        Assert.InRange(location.Address.Value, location.Mapping.Start, location.Mapping.Limit - 1);
        Assert.True(location.Mapping.HasFunctions);
        Assert.Same(location, symbolizer.Resolve(Ip(address + 4), new MonotonicNanos(99)));
        Location other = symbolizer.Resolve(Ip(address + 5), Now);
        Assert.NotSame(location, other);
        Assert.Same(location.Lines[0].Function, other.Lines[0].Function);
        Assert.Same(location.Mapping, other.Mapping);
        Assert.Equal(3, symbolizer.Stats.Native);
    }

    [Fact]
    public void WhatAStrippedRuntimeLibraryDoesNotExportIsNamedByItsFunctionsStart()
    {
        MapRegion text = ProcessMaps.Parse(File.ReadAllText("/proc/self/maps")).Find(region => region.Executable && region.Path.EndsWith("/libcoreclr.so", StringComparison.Ordinal));
        if (text.Path is null) Assert.Skip("libcoreclr.so is not mapped under its name");
        var names = new HashSet<string>();
        int bare = 0, places = 0;
        for (ulong address = text.Start + 64; address < text.End; address += 4099)
        {
            places++;
            Location location = symbolizer.Resolve(new InstructionPointer(address), Now);
            string name = Assert.Single(location.Lines).Function.Name;
            if (name.StartsWith("libcoreclr.so!+0x", StringComparison.Ordinal) && location.Lines[0].Function == symbolizer.Resolve(new InstructionPointer(address - 1), Now).Lines[0].Function) bare++;
            names.Add(name);
        }

        output.WriteLine($"{places} places, {bare} named by a range that also holds the byte before, for example {names.First()}");
        Assert.True(bare > places * 8 / 10);
    }

    [Fact]
    public void TheMainBinaryIsTheOneThatRuns()
    {
        Assert.Equal(Environment.ProcessPath, symbolizer.MainMapping.FileName);
        Assert.True(symbolizer.MainMapping.Limit > symbolizer.MainMapping.Start);
        Assert.NotEqual("", symbolizer.MainMapping.BuildId);
        Assert.Empty(warnings);
    }

    [Fact]
    public void TheVdsoIsNamed()
    {
        MapRegion vdso = ProcessMaps.Parse(File.ReadAllText("/proc/self/maps")).Find(region => region.Path == "[vdso]");
        if (vdso.End == 0) Assert.Skip("no vdso here");
        byte[] image = new byte[vdso.End - vdso.Start];
        Marshal.Copy((nint)vdso.Start, image, 0, image.Length);
        using ElfFile file = ElfFile.Read(ByteSource.OfMemory(image));
        var named = new HashSet<string>();
        for (ulong address = vdso.Start; address < vdso.End; address += 16)
        {
            Location location = symbolizer.Resolve(new InstructionPointer(address), Now);
            Assert.Equal("[vdso]", location.Mapping.FileName);
            named.Add(location.Lines[0].Function.Name);
        }

        Assert.Contains(named, name => name.Contains("clock_gettime", StringComparison.Ordinal));
    }

    [Fact]
    public void RuntimeStubsAndNowhereHaveTheirOwnMappings()
    {
        MapRegion stubs = ProcessMaps.Parse(File.ReadAllText("/proc/self/maps")).Find(region => region.Executable && region.IsRuntimeCode);
        if (stubs.End == 0) Assert.Skip("the runtime's code is not in a doublemapper memfd here");
        Location stub = symbolizer.Resolve(new InstructionPointer(stubs.Start), Now);
        Assert.Equal("[runtime stubs]", stub.Mapping.FileName);
        Assert.Equal("[runtime stubs]", Assert.Single(stub.Lines).Function.Name);
        Location nowhere = symbolizer.Resolve(new InstructionPointer(0x10), Now);
        Assert.Equal("[unknown]", nowhere.Mapping.FileName);
        Assert.Empty(nowhere.Lines);
        Assert.False(nowhere.Mapping.HasFunctions);
        Assert.Same(nowhere, symbolizer.Resolve(new InstructionPointer(0x10), Now));
    }

    [Fact]
    public void SyntheticFramesShareAMappingButNoAddress()
    {
        Location lost = symbolizer.Synthetic("[lost samples]");
        Location unsampled = symbolizer.Synthetic("[unsampled threads]");
        Assert.Same(lost, symbolizer.Synthetic("[lost samples]"));
        Assert.Same(lost.Mapping, unsampled.Mapping);
        Assert.NotEqual(lost.Address, unsampled.Address);
        Assert.Equal("[lost samples]", lost.Lines[0].Function.Name);
        Assert.NotEqual(lost.Lines[0].Function.Name, lost.Lines[0].Function.SystemName);
    }

    [Fact]
    public void CodeOfTwoTimesAtOneAddressHasTwoLocations()
    {
        code.Load(new MethodCode(new MethodCodeKey(1, 0, 0x1000), 0x100, 1, null, new Function("A", "A()", "", 0)), new MonotonicNanos(10));
        code.Load(new MethodCode(new MethodCodeKey(2, 0, 0x1000), 0x100, 1, null, new Function("B", "B()", "", 0)), new MonotonicNanos(20));
        assemblies.Add(1, "/app/a.dll", "id");
        Location first = symbolizer.Resolve(new InstructionPointer(0x1010), new MonotonicNanos(15));
        Location second = symbolizer.Resolve(new InstructionPointer(0x1010), new MonotonicNanos(25));
        Assert.Equal(("A", "B"), (first.Lines[0].Function.Name, second.Lines[0].Function.Name));
        Assert.Equal(new Mapping(0, 0, 0, "/app/a.dll", "id", true) { Kind = CodeKind.Managed }, first.Mapping);
        Assert.Same(first.Mapping, second.Mapping);
        Assert.Same(first, symbolizer.Resolve(new InstructionPointer(0x1010), new MonotonicNanos(16)));
    }

    [Fact]
    public void HitsAllocateNothing()
    {
        code.Load(new MethodCode(new MethodCodeKey(1, 0, 0x1000), 0x100, 1, null, new Function("A", "A()", "", 0)), new MonotonicNanos(10));
        nint native = NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "getpid");
        void Both()
        {
            symbolizer.Resolve(new InstructionPointer(0x1010), new MonotonicNanos(15));
            symbolizer.Resolve(Ip(native), Now);
        }

        Both();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) Both();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void PrecompiledMethodsAreNamedByEntryPointAloneWhenTheTargetDies()
    {
        // As in a target that was killed: the stream told of entry points, and no rundown of sizes ever came.
        using var target = new SymbolTarget(program);
        using var symbols = new EventPipeSymbols(new DiagnosticsClient(target.Pid), new SymbolOptions());
        symbols.Attach(Harm.Child.HangBound);
        target.Do("collect");
        using var targetModules = new NativeModules(target.Pid, warnings.Add);
        var entriesOnly = new CodeMap();
        int precompiled = 0, named = 0;
        foreach (MethodCode method in symbols.Code.Snapshot())
        {
            if (targetModules.Find(new InstructionPointer(method.Start))?.Module is AssemblyModule)
                entriesOnly.EntryPoint(method.MethodId, method.Start, method.Function);
        }

        target.Kill();
        var names = new Symbolizer(entriesOnly, symbols.Modules, targetModules, new SourceFrames(pdbs, symbols.Identities, symbols.Modules));
        foreach (MethodCode method in symbols.Code.Snapshot())
        {
            if (method.Size == 0 || targetModules.Find(new InstructionPointer(method.Start))?.Module is not AssemblyModule) continue;
            precompiled++;
            Location location = names.Resolve(new InstructionPointer(method.Start + Math.Min(1, method.Size - 1)), Now);
            if (location.Lines[0].Function == method.Function && location.Mapping.BuildId.Length > 0) named++;
        }

        output.WriteLine($"{named} of {precompiled} precompiled methods; {string.Join("; ", warnings)}");
        Assert.True(precompiled > 300);
        Assert.True(named >= precompiled * 0.995);
        Assert.Empty(warnings);
    }

    private static InstructionPointer Ip(nint address) => new((ulong)address);
}
