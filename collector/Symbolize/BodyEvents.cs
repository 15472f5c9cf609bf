using System.Buffers.Binary;
using System.Runtime.InteropServices;
using DotnetPprof.Model;
using DotnetPprof.Symbolize.Lines;

namespace DotnetPprof.Symbolize;

/// <summary>
/// What one session's events say of modules and bodies: where these are, their IL, what was inlined, and who the inlinees are.
/// Belongs to the thread that reads the session: within it, events of one body follow each other, so that they find
/// theirs although ids are reused.
/// </summary>
internal sealed class BodyEvents(EventIntake intake)
{
    /// <summary>The runtime writes no larger ones.</summary>
    private const int MaxEventBytes = 1 << 17;

    private const int MaxMapEntries = 1 << 16;
    private const int MaxUnfinished = 256;
    private const int MaxUnfinishedBytes = 32 << 20;

    /// <summary>
    /// What else there is to say of a body follows within microseconds, or when its thread next gets a core: those of the
    /// last second are looked back at, and up to this many.
    /// </summary>
    private const int MostBodies = 1 << 15;

    private const long BodyGenerationNanos = 1_000_000_000;

    /// <summary>Maps that wait for their body, which comes next.</summary>
    private const int MostEarly = 1 << 12;

    /// <summary>Maps that may be replaced by those that come with an inline tree, right after them: so long they stand alone.</summary>
    private const int MostPlain = 1 << 6;

    private readonly TwoGenerations<(ulong Method, ulong Code), MethodCode> bodies = new(MostBodies);
    private readonly TwoGenerations<(ulong Method, ulong Code), PackedIl> early = new(MostEarly);
    private readonly Dictionary<(ulong Method, ulong Code), List<byte>> chunks = [];
    private readonly IlBlocks blocks = new();
    private readonly Queue<(MethodCode Body, PackedIl Map)> plain = new();

    /// <summary>Bodies and maps that are held for what may follow; for tests.</summary>
    internal int Held => bodies.Count + early.Count;

    /// <summary>Every event comes by here.</summary>
    public void Read(in RuntimeEvent e)
    {
        if (e.Data.Length > MaxEventBytes) return;
        if (e.Kind.Provider == EventProvider.Runtime) ReadRuntime(e.Kind.Id, e.Data, e.Kind.Version, e.Time);
        else if (e.Kind.Provider == EventProvider.Rundown) ReadRundown(e.Kind.Id, e.Data, e.Kind.Version, e.Time);
        else if (e.Kind is { Provider: EventProvider.Private, Id: 189, Version: 0 }) Inlined(e.Data, e.Time);
    }

    private void ReadRuntime(int id, ReadOnlySpan<byte> data, int version, MonotonicNanos time)
    {
        switch (id)
        {
            case 143 when MethodEvent.TryRead(data, version, out MethodEvent e):
                bodies.TurnAt(time.Value, BodyGenerationNanos);
                bodies.Set((e.MethodId, e.NativeCodeId), intake.MethodLoaded(e, time));
                break;
            case 144 when MethodEvent.TryRead(data, version, out MethodEvent e):
                intake.MethodUnloaded(e, time);
                break;
            case 152 when ModuleEvent.TryRead(data, version, out ModuleEvent e):
                intake.ModuleExists(e);
                break;
            case 153 when ModuleEvent.TryRead(data, version, out ModuleEvent e):
                intake.ModuleUnloaded(e, time);
                break;
            case 159:
                EntryPoint(data);
                break;
            case 190:
                Map(data, isRundown: false);
                break;
            case 72:
                Details(data, time);
                break;
            case 15:
                Types(data);
                break;
        }
    }

    /// <summary>In a rundown the map comes before the body it belongs to.</summary>
    private void ReadRundown(int id, ReadOnlySpan<byte> data, int version, MonotonicNanos time)
    {
        if (id == 150)
        {
            Map(data, isRundown: true);
        }
        else if (id == 154 && ModuleEvent.TryRead(data, version, out ModuleEvent module))
        {
            intake.ModuleExists(module);
        }
        else if (id == 144 && MethodEvent.TryRead(data, version, out MethodEvent e))
        {
            MethodCode body = intake.MethodExists(e, time);
            if (early.Remove((e.MethodId, e.NativeCodeId), out PackedIl map) && !body.Il.IsKnown) body.Il = map.MovedTo(blocks);
        }
    }

    /// <summary>R2RGetEntryPoint: method, 8 bytes; type, name and signature; entry point, 8 bytes.</summary>
    internal void EntryPoint(ReadOnlySpan<byte> data)
    {
        if (data.Length < 8) return;
        int names = EventShape.TextBytes(data[8..], texts: 3);
        if (names >= 0 && data.Length - 8 - names >= 8)
            intake.EntryPointFound(U64(data, 0), MemoryMarshal.Cast<byte, char>(data.Slice(8, names)), U64(data, 8 + names));
    }

    /// <summary>
    /// MethodILToNativeMap: method, native code id, 8 bytes each; a byte; how many (2 bytes); that many IL offsets, then
    /// that many native ones, 4 bytes each.
    /// </summary>
    internal void Map(ReadOnlySpan<byte> data, bool isRundown)
    {
        if (data.Length < 19) return;
        (ulong, ulong) key = (U64(data, 0), U64(data, 8));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(data[17..]);
        if (count is 0 or > MaxMapEntries || data.Length - 19 < count * 8) return;
        MethodCode? body = null;
        if (!isRundown && (!bodies.TryGetValue(key, out body) || body.Il.IsKnown)) return;
        IlMapping[] rented = Scratch.Rent<IlMapping>(count);
        Span<IlMapping> mappings = rented.AsSpan(0, count);
        for (int i = 0; i < count; i++)
            mappings[i] = new IlMapping(U32(data, 19 + (count * 4) + (i * 4)), 0, U32(data, 19 + (i * 4)));
        if (body is null) early.Set(key, PackedIl.Of(mappings));
        else AddPlain(body, PackedIl.Of(mappings));
        Scratch.Return(rented);
    }

    private void AddPlain(MethodCode body, PackedIl map)
    {
        body.Il = map;
        plain.Enqueue((body, map));
        if (plain.Count <= MostPlain) return;
        (MethodCode older, PackedIl told) = plain.Dequeue();
        if (older.Il == told) older.Il = told.MovedTo(blocks);
    }

    /// <summary>
    /// MethodRichDebugInfo: 2 bytes; method, native code id, IL code id, 8 bytes each; the chunk's number, of which the top
    /// bit means the last; its length (4 bytes each), and its bytes.
    /// </summary>
    internal void Inlined(ReadOnlySpan<byte> data, MonotonicNanos time)
    {
        if (data.Length < 34) return;
        (ulong, ulong) key = (U64(data, 2), U64(data, 10));
        uint number = U32(data, 26), length = U32(data, 30);
        if (length > data.Length - 34) return;
        ReadOnlySpan<byte> chunk = data.Slice(34, (int)length);
        bool isFirst = (number & 0x7fffffff) == 0, isLast = (number & 0x80000000) != 0;
        if (!chunks.Remove(key, out List<byte>? whole) || isFirst)
        {
            if (isFirst && isLast)
            {
                Keep(key, chunk, time);
                return;
            }

            whole = [];
        }

        whole.AddRange(chunk);
        if (!isLast)
        {
            if (whole.Count <= RichDebugInfo.MaxBytes && chunks.Count < MaxUnfinished && whole.Count + chunks.Values.Sum(one => one.Count) <= MaxUnfinishedBytes)
                chunks[key] = whole;
            return;
        }

        Keep(key, CollectionsMarshal.AsSpan(whole), time);
    }

    private void Keep((ulong, ulong) key, ReadOnlySpan<byte> info, MonotonicNanos time)
    {
        if (!bodies.TryGetValue(key, out MethodCode? body) || RichDebugInfo.Count(info) is not { } count) return;
        InlineNode[] rentedNodes = Scratch.Rent<InlineNode>(count.Nodes);
        IlMapping[] rentedMappings = Scratch.Rent<IlMapping>(count.Mappings);
        Span<InlineNode> nodes = rentedNodes.AsSpan(0, count.Nodes);
        Span<IlMapping> mappings = rentedMappings.AsSpan(0, count.Mappings);
        if (RichDebugInfo.TryRead(info, nodes, mappings))
        {
            // The first is the body's own method: alone it says that nothing was inlined.
            body.Il = PackedIl.Of(mappings, nodes.Length > 1 ? nodes : [], time, blocks);
            intake.ToldInlinees();
        }

        Scratch.Return(rentedNodes);
        Scratch.Return(rentedMappings);
    }

    /// <summary>MethodDetails: method, type, 8 bytes each; token, 4 bytes; and what is not used.</summary>
    internal void Details(ReadOnlySpan<byte> data, MonotonicNanos time)
    {
        if (data.Length >= 20) intake.Identities.AddDetails(U64(data, 0), U64(data, 8), U32(data, 16), time);
    }

    /// <summary>
    /// BulkType: how many (4 bytes), 2 bytes; each with type and module, 8 bytes each, token and flags, 4 each, a byte, a
    /// name that a zero ends, the number of parameters (4 bytes) and these, 8 bytes each.
    /// </summary>
    internal void Types(ReadOnlySpan<byte> data)
    {
        if (data.Length < 6) return;
        uint count = U32(data, 0);
        data = data[6..];
        for (uint i = 0; i < count && data.Length >= 31; i++)
        {
            intake.Identities.AddType(U64(data, 0), U64(data, 8));
            data = data[25..];
            int name = 0;
            while (name + 2 <= data.Length && (data[name] | data[name + 1]) != 0) name += 2;
            if (data.Length < name + 6) return;
            ulong parameters = (ulong)U32(data, name + 2) * 8;
            data = data[(name + 6)..];
            if (parameters > (ulong)data.Length) return;
            data = data[(int)parameters..];
        }
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}
