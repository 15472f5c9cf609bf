using DotnetPprof.Model;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>
/// The source of an instruction of managed code: its method's line, and before it those of the methods inlined there.
/// Belongs to the drain; what it reads is written by the event threads.
/// </summary>
internal sealed class SourceFrames(PdbFiles pdbs, MethodIdentities identities, ManagedModules assemblies)
{
    /// <summary>More inlinees inside each other are left out: the JIT stops at 20.</summary>
    private const int MaxDepth = 64;

    /// <summary>Mappings and inlinees that are kept unpacked; beyond it all are forgotten but the one asked for. 512 KiB at most, and one body's.</summary>
    private const int MostUnpacked = 1 << 15;

    private readonly Dictionary<(Function Function, string File), Function> functions = [];
    private readonly Dictionary<(AssemblySource Source, uint Token), Function?> names = [];

    /* Instructions of one body are asked for in a row, those of hot ones again and again. */
    private readonly Dictionary<PackedIl, (NativeToIl Map, InlineTree? Inlined)> unpacked = [];
    private int unpackedEntries;

    /// <param name="ip">Inside <paramref name="method"/>.</param>
    /// <param name="method">The body.</param>
    /// <param name="mapping">Its assembly.</param>
    /// <returns>Innermost inlinee first, the body's own method last.</returns>
    public IReadOnlyList<Line> At(InstructionPointer ip, MethodCode method, Mapping mapping)
    {
        AssemblySource? source = method.Token == 0 ? null : pdbs.For(mapping);
        (NativeToIl Map, InlineTree? Inlined)? known = Unpack(method.Il);
        if (known?.Map.Find((uint)(ip.Value - method.Start)) is not { } place) return [LineOf(method.Function, source, method.Token, null)];
        var lines = new List<Line>(1);
        uint? il = place.Il;
        if (known?.Inlined is { } tree)
        {
            int index = (int)place.Inlinee;
            for (int depth = 0; depth < MaxDepth && index > 0 && index < tree.Nodes.Count; depth++)
            {
                InlineNode node = tree.Nodes[index];
                if (node.Parent < 0) break;
                if (Identity(node.MethodId, tree) is { } inlinee) AddLine(lines, inlinee, il);
                il = CallSite(node, tree, method, source);
                index = node.Parent;
            }
        }

        lines.Add(LineOf(method.Function, source, method.Token, il));
        return lines;
    }

    private (NativeToIl Map, InlineTree? Inlined)? Unpack(PackedIl il)
    {
        if (unpacked.TryGetValue(il, out (NativeToIl Map, InlineTree? Inlined) known)) return known;
        if (il.Unpack() is not { } made) return null;
        int entries = made.Map.Count + (made.Inlined?.Nodes.Count ?? 0);
        if (unpackedEntries + entries > MostUnpacked)
        {
            unpacked.Clear();
            unpackedEntries = 0;
        }

        unpacked.Add(il, made);
        unpackedEntries += entries;
        return made;
    }

    private void AddLine(List<Line> lines, IMethodIdentity inlinee, uint? il)
    {
        AssemblySource? source = SourceOf(inlinee);
        if (NameOf(inlinee, source) is { } function) lines.Add(LineOf(function, source, inlinee.Token, il));
    }

    /// <summary>Where the caller's IL calls an inlinee; null where that is not certain.</summary>
    private uint? CallSite(InlineNode node, InlineTree tree, MethodCode method, AssemblySource? source)
    {
        if (Identity(node.MethodId, tree) is not { } callee || SourceOf(callee)?.NameOf(callee.Token) is not { } name) return null;
        if (node.Parent == 0) return source?.CallOf(method.Token, node.CallIl, name.Method);
        return Identity(tree.Nodes[node.Parent].MethodId, tree) is { } caller ? SourceOf(caller)?.CallOf(caller.Token, node.CallIl, name.Method) : null;
    }

    private IMethodIdentity? Identity(ulong methodId, InlineTree tree) => identities.Find(methodId, tree.Time);

    private AssemblySource? SourceOf(IMethodIdentity method) => assemblies.Find(method.ModuleId) is { } mapping ? pdbs.For(mapping) : null;

    private Function? NameOf(IMethodIdentity method, AssemblySource? source)
    {
        if (method.Function is not null || source is null) return method.Function;
        if (!names.TryGetValue((source, method.Token), out Function? function))
        {
            function = source.NameOf(method.Token) is { } name ? ManagedName.ToFunction(name.Type, name.Method, name.Signature) : null;
            names.Add((source, method.Token), function);
        }

        return function;
    }

    private Line LineOf(Function function, AssemblySource? source, uint token, uint? il)
    {
        if (source?.StartOf(token) is not { } start) return new Line(function, 0);
        SourceLine line = il is { } known && source.LineAt(token, known) is { } found ? found : start with { Number = 0 };
        if (!functions.TryGetValue((function, line.File), out Function? placed))
            functions.Add((function, line.File), placed = function with { FileName = line.File, StartLine = line.File == start.File ? start.Number : 0 });
        return new Line(placed, line.Number);
    }
}
