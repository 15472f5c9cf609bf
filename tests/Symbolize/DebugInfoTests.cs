using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.CompilerServices;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>What the runtime and PDBs tell of a body's source.</summary>
public sealed class DebugInfoTests : IDisposable
{
    private readonly List<string> warnings = [];
    private readonly string directory = Directory.CreateTempSubdirectory("pdb").FullName;

    private static int First([CallerLineNumber] int line = 0) => line;

    private static int Second([CallerLineNumber] int line = 0) => line;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void NativeCodeIsMadeFromTheIlBeforeIt()
    {
        var map = new NativeToIl([new(0, 0, NativeToIl.Prolog), new(20, 1, 7), new(10, 0, 3), new(30, 0, NativeToIl.NoMapping), new(40, 0, NativeToIl.Epilog)]);
        Assert.Equal((0u, 0u), map.Find(9));
        Assert.Equal((0u, 3u), map.Find(10));
        Assert.Equal((1u, 7u), map.Find(29));
        Assert.Equal((1u, 7u), map.Find(35));
        Assert.Equal((1u, 7u), map.Find(uint.MaxValue));
        Assert.Null(new NativeToIl([]).Find(0));
        Assert.Null(new NativeToIl([new(8, 0, 0)]).Find(7));
    }

    [Fact]
    public void AnInlineTreeIsReadFromItsLinks()
    {
        // 0 inlines 1 and 3, 1 inlines 2.
        byte[] bytes = Rich([(10, 0, 1, 0), (11, 5, 2, 3), (12, 6, 0, 0), (13, 9, 0, 0)], [(0, 0, 0), (4, 2, 8)]);
        var (nodes, mappings) = Parse(bytes)!.Value;
        Assert.Equal([-1, 0, 1, 0], nodes.Select(node => node.Parent));
        Assert.Equal([10ul, 11, 12, 13], nodes.Select(node => node.MethodId));
        Assert.Equal(new IlMapping(4, 2, 8), mappings[1]);
        Assert.Null(Parse(bytes.AsSpan(1)));
        Assert.Null(Parse(Rich([(1, 0, 0, 0)], [(0, 1, 0)])));
    }

    private static (InlineNode[] Nodes, IlMapping[] Mappings)? Parse(ReadOnlySpan<byte> bytes)
    {
        if (RichDebugInfo.Count(bytes) is not { } count) return null;
        var nodes = new InlineNode[count.Nodes];
        var mappings = new IlMapping[count.Mappings];
        return RichDebugInfo.TryRead(bytes, nodes, mappings) ? (nodes, mappings) : null;
    }

    [Fact]
    public void NoTreeLeadsInCircles()
    {
        var random = new Random(3);
        for (int round = 0; round < 20_000; round++)
        {
            int count = random.Next(1, 8);
            byte[] bytes = Rich([.. Enumerable.Range(0, count).Select(i => ((ulong)i, 0u, (uint)random.Next(9), (uint)random.Next(9)))], []);
            var (nodes, _) = Parse(bytes)!.Value;
            for (int i = 0; i < nodes.Length; i++)
            {
                int steps = 0;
                for (int at = i; at >= 0; at = nodes[at].Parent) Assert.True(steps++ < 9);
            }

            random.NextBytes(bytes);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)random.Next(4));
            Parse(bytes);
        }
    }

    [Fact]
    public void MapsWithoutABodyAreForgotten()
    {
        var events = new BodyEvents(new EventIntake(new SymbolOptions(), new FunctionNames()));
        byte[] map = [.. new byte[17], 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (ulong method = 0; method < 20_000; method++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(map, method);
            events.Map(map, isRundown: true);
        }

        Assert.InRange(events.Held, 1, 10_000);
    }

    [Fact]
    public void ReusedAddressesKeepTheirOwnLines()
    {
        string path = Assembly.GetExecutingAssembly().Location;
        using var pdbs = new PdbFiles("", null, warnings.Add);
        using var modules = new NativeModules(Environment.ProcessId, warnings.Add);
        var code = new CodeMap();
        var assemblies = new ManagedModules();
        assemblies.Add(1, path, "");
        var symbolizer = new Symbolizer(code, assemblies, modules, new SourceFrames(pdbs, new MethodIdentities(), assemblies));
        code.Load(Body(1, nameof(First)), new MonotonicNanos(10));
        code.Load(Body(2, nameof(Second)), new MonotonicNanos(20));
        Line first = Assert.Single(symbolizer.Resolve(new InstructionPointer(0x1004), new MonotonicNanos(15)).Lines);
        Line second = Assert.Single(symbolizer.Resolve(new InstructionPointer(0x1004), new MonotonicNanos(25)).Lines);
        Assert.Equal(("First", "Second"), (first.Function.Name, second.Function.Name));
        Assert.True(first.LineNumber > 0, string.Join("; ", warnings));
        Assert.Equal(first.LineNumber + 2, second.LineNumber);
        Assert.EndsWith("/DebugInfoTests.cs", first.Function.FileName);
        Assert.Empty(warnings);
    }

    [Fact]
    public void WhatIsToldLaterOfABodyCounts()
    {
        using var pdbs = new PdbFiles("", null, warnings.Add);
        var identities = new MethodIdentities();
        var assemblies = new ManagedModules();
        assemblies.Add(1, Assembly.GetExecutingAssembly().Location, "");
        var source = new SourceFrames(pdbs, identities, assemblies);
        MethodCode outer = Body(1, nameof(First)), inlinee = Body(2, nameof(Second));
        identities.AddNamed(inlinee, new MonotonicNanos(1));
        Mapping mapping = assemblies.Find(1)!;
        Assert.Single(source.At(new InstructionPointer(0x1004), outer, mapping));
        outer.Il = PackedIl.Of([new(0, 1, 0)], [new(1, 0, -1), new(2, 0, 0)], new MonotonicNanos(1));
        Assert.Equal(["Second", "First"], source.At(new InstructionPointer(0x1004), outer, mapping).Select(line => line.Function.Name));
    }

    [Fact]
    public void APdbOfAnotherBuildIsNotBelieved()
    {
        string path = Assembly.GetExecutingAssembly().Location;
        string copy = Path.Combine(directory, "Tests.dll");
        File.Copy(path, copy);
        File.Copy(Path.ChangeExtension(typeof(PdbFiles).Assembly.Location, ".pdb"), Path.Combine(directory, "Tests.pdb"));
        using var pdbs = new PdbFiles(directory, null, warnings.Add);
        using var other = new PdbFiles("", null, warnings.Add);
        Assert.Null(other.For(new Mapping(0, 0, 0, copy, new string('0', 32) + "1", true)));
        Assert.NotNull(other.For(new Mapping(0, 0, 0, path, "", true))!.StartOf(Token(nameof(First))));
    }

    /// <summary>What is at a path is the target's choice.</summary>
    [Fact]
    public void APipeInAFilesPlaceIsNotWaitedFor()
    {
        string pipe = Path.Combine(directory, "Tests.dll");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe)) made.WaitForExit();
        using var pdbs = new PdbFiles("", null, warnings.Add);
        Assert.Null(pdbs.For(new Mapping(0, 0, 0, pipe, "", true)));
        Assert.Throws<IOException>(() => ByteSource.OfFile(pipe));
        Assert.Null(DotnetPprof.Session.FileSearch.Find(pipe, "x"u8));
    }

    [Fact]
    public void DamagedPdbsAndAssembliesNeverThrow()
    {
        string path = Assembly.GetExecutingAssembly().Location;
        byte[] assembly = File.ReadAllBytes(path), pdb = File.ReadAllBytes(Path.ChangeExtension(path, ".pdb"));
        string copy = Path.Combine(directory, "Tests.dll");
        var random = new Random(9);
        for (int round = 0; round < 60; round++)
        {
            byte[] damaged = (byte[])(round % 2 == 0 ? pdb : assembly).Clone();
            for (int i = 0; i < 1 + (round * 40); i++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(copy, round % 2 == 0 ? assembly : damaged);
            File.WriteAllBytes(Path.ChangeExtension(copy, ".pdb"), round % 2 == 0 ? damaged : pdb);
            using var pdbs = new PdbFiles("", directory, warnings.Add);
            if (pdbs.For(new Mapping(0, 0, 0, copy, "", true)) is not { } source) continue;
            for (uint row = 0; row < 3000; row += 17)
            {
                source.LineAt(0x06000000 + row, row);
                source.CallOf(0x06000000 + row, row, "ToString");
                source.NameOf(0x06000000 + row);
            }
        }
    }

    private static MethodCode Body(ulong id, string method) =>
        new(new MethodCodeKey(id, 0, 0x1000), 0x100, 1, null, new Function(method, method + "()", "", 0)) { Token = Token(method), Il = PackedIl.Of([new(0, 0, 0)]) };

    private static uint Token(string method) => (uint)typeof(DebugInfoTests).GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!.MetadataToken;

    private static byte[] Rich((ulong Method, uint Il, uint Child, uint Sibling)[] nodes, (uint Native, uint Inlinee, uint Il)[] mappings)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(nodes.Length);
        writer.Write(mappings.Length);
        foreach ((ulong method, uint il, uint child, uint sibling) in nodes)
        {
            writer.Write(method);
            writer.Write(il);
            writer.Write(child);
            writer.Write(sibling);
        }

        foreach ((uint native, uint inlinee, uint il) in mappings)
        {
            writer.Write(il);
            writer.Write(inlinee);
            writer.Write(native);
            writer.Write((byte)0);
        }

        return stream.ToArray();
    }
}
