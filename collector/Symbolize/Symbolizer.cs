using DotnetPprof.Model;
using DotnetPprof.Symbolize.Lines;

namespace DotnetPprof.Symbolize;

/// <summary>Frames resolved so far, counted each time one was asked for.</summary>
/// <param name="ManagedNamed">Managed code that has its method's name.</param>
/// <param name="ManagedUnnamed">Code of a managed assembly's image whose method nobody told us of.</param>
/// <param name="RuntimeStubs">Memory of the runtime's code heaps that is no known method.</param>
/// <param name="Native">Code of a native module.</param>
/// <param name="AnonymousCode">Executable memory that is neither a file's nor known to be the runtime's.</param>
/// <param name="Unknown">Addresses where nothing executable was seen.</param>
internal readonly record struct SymbolStats(
    long ManagedNamed, long ManagedUnnamed, long RuntimeStubs, long Native, long AnonymousCode, long Unknown);

/// <summary>
/// Names places in code: managed methods first, by address and time; then native modules, by address. Locations are
/// interned: the same instruction of the same code is the same instance. Belongs to the drain, not thread-safe; the code
/// map it reads may be written meanwhile.
/// </summary>
internal sealed class Symbolizer(CodeMap code, ManagedModules assemblies, NativeModules modules, SourceFrames source)
{
    private static readonly Mapping Unknown = new(0, 0, 0, "[unknown]", "", HasFunctions: false);
    private static readonly Mapping Own = new(0, 0, 0, "[dotnet-pprof]", "", HasFunctions: true) { Kind = CodeKind.Synthetic };

    private readonly Dictionary<Place, Location> locations = [];
    private readonly Dictionary<string, Location> synthetic = [];
    private readonly Dictionary<string, Function> stubs = [];
    private SymbolStats stats;

    public Mapping MainMapping => modules.MainMapping;

    public SymbolStats Stats => stats;

    /// <param name="ip">Executing instruction, or a return address's <see cref="ReturnAddress.CallSite"/>.</param>
    /// <param name="time">When it was executed.</param>
    public Location Resolve(InstructionPointer ip, MonotonicNanos time)
    {
        if (code.Find(ip, time) is { } method) return Managed(ip, method, null);
        if (modules.Find(ip) is not { } region) return Nowhere(ip);
        switch (region.Module)
        {
            case AssemblyModule assembly:
                return Precompiled(ip, region, assembly);
            case ElfModule elf:
                stats = stats with { Native = stats.Native + 1 };
                return locations.TryGetValue(new Place(ip, elf), out Location? known)
                    ? known
                    : Add(ip, elf, elf.Mapping, elf.FunctionAt(region.FileOffset(ip.Value)));
            default:
                var nameless = (NamelessModule)region.Module;
                if (nameless == NamelessModule.RuntimeStubs) stats = stats with { RuntimeStubs = stats.RuntimeStubs + 1 };
                else stats = stats with { AnonymousCode = stats.AnonymousCode + 1 };
                return locations.TryGetValue(new Place(ip, nameless), out known) ? known : Add(ip, nameless, nameless.Mapping, Stub(ip, region) ?? nameless.Function);
        }
    }

    /// <summary>A frame that stands for no code, such as time that was not sampled.</summary>
    /// <param name="bracketedName">As shown: <c>[lost samples]</c>.</param>
    public Location Synthetic(string bracketedName)
    {
        if (!synthetic.TryGetValue(bracketedName, out Location? location))
        {
            // Viewers merge by mapping and address: each of these needs an address of its own.
            var address = new InstructionPointer((ulong)synthetic.Count + 1);
            location = new Location(Own, address, [new Line(NativeName.Bracketed(bracketedName), 0)]);
            synthetic.Add(bracketedName, location);
        }

        return location;
    }

    /// <summary>The body behind each location of managed code that was named so far.</summary>
    public Dictionary<Location, MethodCode> Methods()
    {
        var methods = new Dictionary<Location, MethodCode>(ReferenceEqualityComparer.Instance);
        foreach ((Place place, Location location) in locations)
        {
            if (place.Code is MethodCode method) methods[location] = method;
        }

        return methods;
    }

    /// <summary>Whether a body is still the last that was at its address.</summary>
    public bool IsInPlace(MethodCode method) => code.IsLastAt(method);

    /// <summary>The source of one of a body's instructions, innermost inlinee first.</summary>
    /// <param name="method">The body.</param>
    /// <param name="offset">Bytes from its start.</param>
    public IReadOnlyList<Line> LinesOf(MethodCode method, uint offset) =>
        source.At(new InstructionPointer(method.Start + offset), method, MappingOf(method, null));

    private Mapping MappingOf(MethodCode method, AssemblyModule? image) => method.Mapping
        ?? assemblies.Find(method.ModuleId)
        ?? (image is not null ? assemblies.ForFile(image.Path) : ManagedModules.Unknown);

    private Location Managed(InstructionPointer ip, MethodCode method, AssemblyModule? image)
    {
        stats = stats with { ManagedNamed = stats.ManagedNamed + 1 };
        if (locations.TryGetValue(new Place(ip, method), out Location? known)) return known;
        Mapping mapping = MappingOf(method, image);
        return Add(ip, method, mapping, source.At(ip, method, mapping));
    }

    /// <summary>Code in an assembly's image: its function table leads to the entry point that was reported.</summary>
    private Location Precompiled(InstructionPointer ip, CodeRegion region, AssemblyModule assembly)
    {
        ulong offset = region.FileOffset(ip.Value);
        PrecompiledFunction? function = assembly.FunctionAt(offset);
        if (function is { } at && code.FindEntryPoint(ip.Value - at.Distance) is { } method) return Managed(ip, method, assembly);

        // The module, not the method, is its identity: when the name comes later, that is another location.
        stats = stats with { ManagedUnnamed = stats.ManagedUnnamed + 1 };
        return locations.TryGetValue(new Place(ip, assembly), out Location? known)
            ? known
            : Add(ip, assembly, assemblies.ForFile(assembly.Path), assembly.NameAt(offset));
    }

    /// <summary>What stub of the runtime's is at a place, by the code that is there now: stubs hardly ever go.</summary>
    private Function? Stub(InstructionPointer ip, CodeRegion region)
    {
        int before = (int)Math.Min(ip.Value - region.Region.Start, StubKinds.Before);
        Span<byte> around = stackalloc byte[StubKinds.Before + StubKinds.After];
        int read = modules.Memory.Read(region.Region, ip.Value - (uint)before, around[..(before + StubKinds.After)]);
        if (read <= before || StubKinds.Find(around[..read], before) is not { } kind) return null;
        if (!stubs.TryGetValue(kind, out Function? function)) stubs.Add(kind, function = StubKinds.ToFunction(kind));
        return function;
    }

    private Location Nowhere(InstructionPointer ip)
    {
        stats = stats with { Unknown = stats.Unknown + 1 };
        var place = new Place(ip, Unknown);
        if (locations.TryGetValue(place, out Location? known)) return known;
        var location = new Location(Unknown, ip, []);
        locations.Add(place, location);
        return location;
    }

    private Location Add(InstructionPointer ip, object code, Mapping mapping, Function function) =>
        Add(ip, code, mapping, [new Line(function, 0)]);

    private Location Add(InstructionPointer ip, object code, Mapping mapping, IReadOnlyList<Line> lines)
    {
        var location = new Location(mapping, ip, lines);
        locations.Add(new Place(ip, code), location);
        return location;
    }

    /// <param name="Ip">The instruction.</param>
    /// <param name="Code">What it belonged to: a method's body or a module, told apart by reference.</param>
    private readonly record struct Place(InstructionPointer Ip, object Code)
    {
        public bool Equals(Place other) => Ip == other.Ip && ReferenceEquals(Code, other.Code);

        public override int GetHashCode() => HashCode.Combine(Ip.Value, System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(Code));
    }
}
