using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using DotnetPprof.Interop;

namespace DotnetPprof.Symbolize.Lines;

/// <param name="File">Path of the source file as the compiler saw it.</param>
/// <param name="Number">From 1.</param>
internal readonly record struct SourceLine(string File, int Number);

/// <summary>
/// What tells one assembly's source from another's. Which PDB a target's assembly goes with depends on the target's own
/// files and on its options, so each target looks for it, and has in common only with those that found the same file: a
/// target that passes off a PDB of its own under an assembly's id has it for itself.
/// </summary>
/// <param name="Assembly">Its file.</param>
/// <param name="Pdb">That of its PDB; null where the PDB is embedded, or there is none.</param>
internal readonly record struct SourceKey(FileIdentity Assembly, FileIdentity? Pdb);

/// <summary>
/// One assembly's metadata, IL, and, where there is a PDB, lines, for all targets that have these files. Its methods are
/// known by their tokens. What is damaged is not asked again: it has nothing to tell from then on. Any thread may ask.
/// </summary>
/// <param name="metadata">The assembly's; not owned.</param>
/// <param name="pdb">Owned; null for none.</param>
internal sealed class SharedSource(AssemblyMetadata metadata, MetadataReaderProvider? pdb) : IDisposable
{
    /// <summary>Of all methods asked for: a PDB can give each of them the same long list.</summary>
    private const int MaxPoints = 1 << 20;

    /// <summary>Longer paths than the kernel takes are no files.</summary>
    private const int MaxPathBytes = 4096;

    /// <summary>What is asked comes from targets, and what one of them asks must not grow for all others without end.</summary>
    private const int MaxCalls = 1 << 16;

    private readonly Lock gate = new();
    private readonly Dictionary<uint, List<Point>> points = [];
    private readonly Dictionary<(uint Token, string Callee), IReadOnlyList<uint>> calls = [];
    private readonly Dictionary<DocumentHandle, string> documents = [];
    private readonly MetadataReader? lines = pdb?.GetMetadataReader();
    private int pointCount;

    /// <summary>What is wrong with it, or null.</summary>
    public string? Problem { get; private set; }

    public void Dispose() => pdb?.Dispose();

    /// <summary>The line of an IL offset; null where none is known.</summary>
    public SourceLine? LineAt(uint token, uint il) => Try<SourceLine?>(() =>
    {
        SourceLine? line = null;
        foreach (Point point in PointsOf(token))
        {
            if (point.Il > il && line is not null) break;
            line = new SourceLine(point.File, point.Line);
        }

        return line;
    });

    /// <summary>Where a method starts: its first line.</summary>
    public SourceLine? StartOf(uint token) => Try(() => PointsOf(token) is [var first, ..] ? new SourceLine(first.File, first.Line) : (SourceLine?)null);

    /// <summary>The method's name in three strings, as the runtime's events spell it; null when there is none.</summary>
    public (string Type, string Method, string Signature)? NameOf(uint token) => Try(() => metadata.NameOf(token));

    /// <summary>
    /// The IL offset of a method's call of another: in the statement at <paramref name="hint"/>, or the only one there is.
    /// Null when the hint is wrong and the method has no such call, or several.
    /// </summary>
    /// <param name="token">The calling method.</param>
    /// <param name="hint">Where the call is said to be.</param>
    /// <param name="callee">The called method's bare name.</param>
    public uint? CallOf(uint token, uint hint, string callee) => Try(() =>
    {
        IReadOnlyList<uint> calls = CallsOf(token, callee);
        uint end = PointsOf(token).Find(point => point.Il > hint) is { Line: > 0 } next ? next.Il : uint.MaxValue;
        foreach (uint call in calls)
        {
            if (call >= hint && call < end) return call;
        }

        return calls.Count == 1 ? calls[0] : (uint?)null;
    });

    private IReadOnlyList<uint> CallsOf(uint token, string callee)
    {
        if (calls.TryGetValue((token, callee), out IReadOnlyList<uint>? found)) return found;
        if (metadata.IlOf(token) is not { } body) return [];
        if (calls.Count == MaxCalls) calls.Clear();
        calls.Add((token, callee), found = metadata.CallsOf(callee, CallsIn(body)));
        return found;
    }

    /// <summary>Operands are looked at too; that one of them looks like a call of just the name asked for is not to be feared.</summary>
    private static IEnumerable<(uint At, uint Token)> CallsIn(byte[] body)
    {
        const byte call = 0x28, callVirtual = 0x6f, newObject = 0x73;
        for (int at = 0; at + 5 <= body.Length; at++)
        {
            if (body[at] is call or callVirtual or newObject) yield return ((uint)at, BitConverter.ToUInt32(body, at + 1));
        }
    }

    private List<Point> PointsOf(uint token)
    {
        uint row = token & 0xffffff;
        if (lines is null || token >> 24 != 0x06 || row == 0 || row > lines.MethodDebugInformation.Count) return [];
        if (!points.TryGetValue(token, out List<Point>? list)) points.Add(token, list = Read(lines, (int)row));
        return list;
    }

    private List<Point> Read(MetadataReader lines, int row)
    {
        var list = new List<Point>();
        MethodDebugInformation method = lines.GetMethodDebugInformation(MetadataTokens.MethodDebugInformationHandle(row));
        if (method.SequencePointsBlob.IsNil) return list;
        foreach (SequencePoint point in method.GetSequencePoints())
        {
            if (++pointCount > MaxPoints) throw new BadImageFormatException("more lines than any assembly has");
            if (!point.IsHidden) list.Add(new Point((uint)point.Offset, FileOf(lines, point.Document), point.StartLine));
        }

        list.TrimExcess();
        return list;
    }

    private string FileOf(MetadataReader lines, DocumentHandle handle)
    {
        if (!documents.TryGetValue(handle, out string? file))
            documents.Add(handle, file = PathOf(lines, lines.GetDocument(handle).Name));
        return file;
    }

    /// <summary>A document's name is a list of parts, one byte for each and the same one as often as it likes.</summary>
    private static string PathOf(MetadataReader lines, DocumentNameBlobHandle name)
    {
        BlobReader parts = lines.GetBlobReader(name);
        long length = parts.Length;
        for (parts.ReadByte(); parts.RemainingBytes > 0 && length <= MaxPathBytes;)
            length += lines.GetBlobReader(parts.ReadBlobHandle()).Length;
        return length <= MaxPathBytes ? lines.GetString(name) : throw new BadImageFormatException("a document's name is too long");
    }

    private T? Try<T>(Func<T?> read)
    {
        lock (gate)
        {
            if (Problem is not null) return default;
            try
            {
                return read();
            }
            catch (Exception e) when (PdbFiles.IsDamage(e))
            {
                Problem = e.Message;
                return default;
            }
        }
    }

    private readonly record struct Point(uint Il, string File, int Line);
}
