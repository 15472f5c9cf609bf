using System.Reflection.Metadata;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>
/// Finds the portable PDB of each assembly: embedded, beside it, in the directory the user names, or where it was built.
/// A PDB counts only if its id is the one the assembly asks for, and an assembly only if it is the one that was loaded.
/// Each target looks for itself; what it finds is read once for all that found the same files (<see cref="SourceKey"/>).
/// Files come from the target and are hostile: whatever is wrong with one, its methods have no lines. Belongs to the drain.
/// </summary>
/// <param name="root">What the target's paths are below, <c>/proc/PID/root</c>; tried first.</param>
/// <param name="directory">Where PDBs are looked for as well, or null.</param>
/// <param name="warn">Receives one line per damaged file.</param>
/// <param name="shared">With other targets; null for none of these.</param>
internal sealed class PdbFiles(string root, string? directory, Action<string> warn, SharedSymbols? shared = null) : IDisposable
{
    /// <summary>Larger ones are not read: they are read into memory.</summary>
    private const long MaxBytes = 512 << 20;

    private readonly Dictionary<Mapping, AssemblySource?> known = new(ReferenceEqualityComparer.Instance);
    private readonly List<(ModuleFile File, SourceKey Source)> open = [];
    private readonly SharedSymbols shared = shared ?? new SharedSymbols();

    public void Dispose()
    {
        foreach ((ModuleFile file, SourceKey source) in open)
        {
            shared.Sources.Release(source);
            shared.Files.Close(file);
        }

        open.Clear();
        known.Clear();
    }

    /// <summary>What is known of an assembly's source; null without its file.</summary>
    public AssemblySource? For(Mapping assembly)
    {
        if (!known.TryGetValue(assembly, out AssemblySource? source))
            known.Add(assembly, source = Open(assembly));
        return source;
    }

    /// <summary>What reading a damaged or vanishing file may throw.</summary>
    public static bool IsDamage(Exception e) =>
        e is BadImageFormatException or IOException or UnauthorizedAccessException or InvalidDataException or InvalidOperationException or ArgumentException or OverflowException;

    private AssemblySource? Open(Mapping assembly)
    {
        if (!assembly.FileName.StartsWith('/')) return null;
        foreach (string path in (string[])[root + assembly.FileName, assembly.FileName])
        {
            ModuleFile? file = null;
            try
            {
                file = shared.Files.TryOpen(path);
                if (file is not { Image: { } image, Metadata: { Exists: true } metadata }) continue;
                var debug = DebugDirectory.Read(image, file.Bytes);
                if (!IsTheOneLoaded(debug, assembly.BuildId)) continue;
                (SourceKey key, SharedSource source) = Find(file, metadata, debug, assembly.FileName);
                open.Add((file, key));
                file = null;
                return new AssemblySource(assembly.FileName, source, warn);
            }
            catch (Exception e) when (IsDamage(e))
            {
                warn($"{assembly.FileName}: {e.Message}; its methods have no lines");
            }
            finally
            {
                if (file is not null) shared.Files.Close(file);
            }
        }

        return null;
    }

    /// <summary>The event that told of the module told its PDB's id too.</summary>
    private static bool IsTheOneLoaded(DebugDirectory debug, string buildId) =>
        buildId.Length < 32 || debug.Id is not { } wanted || buildId.StartsWith(wanted.Guid.ToString("N"), StringComparison.OrdinalIgnoreCase);

    private (SourceKey Key, SharedSource Source) Find(ModuleFile file, AssemblyMetadata metadata, DebugDirectory debug, string assemblyPath)
    {
        if (debug.Embedded is null && debug.Id is { } id)
        {
            foreach (string candidate in CandidatesFor(debug.Path, assemblyPath))
            {
                if (FindWith(candidate, id, file, metadata) is { } found) return found;
            }
        }

        var alone = new SourceKey(file.Identity, null);
        return (alone, shared.Sources.Find(alone) ?? shared.Sources.Add(alone, new SharedSource(metadata, ReadEmbedded(file, debug))));
    }

    private static MetadataReaderProvider? ReadEmbedded(ModuleFile file, DebugDirectory debug) =>
        debug.Embedded is { } embedded ? EmbeddedPdb.Read(file.Bytes, embedded.Offset, embedded.Size) : null;

    private IEnumerable<string> CandidatesFor(string built, string assemblyPath)
    {
        string name = built[(built.LastIndexOfAny(['/', '\\']) + 1)..];
        if (name.Length == 0) yield break;
        string beside = Path.Join(Path.GetDirectoryName(assemblyPath), name);
        yield return root + beside;
        yield return beside;
        if (directory is not null) yield return Path.Join(directory, name);
        if (!built.StartsWith('/')) yield break;
        yield return root + built;
        yield return built;
    }

    /// <summary>With the PDB at a path; null where there is none, or it is not the one. What others have read is not read again.</summary>
    private (SourceKey Key, SharedSource Source)? FindWith(string path, BlobContentId id, ModuleFile assembly, AssemblyMetadata metadata)
    {
        MetadataReaderProvider? pdb = null;
        try
        {
            using SafeFileHandle? handle = FileInterop.TryOpenRegular(path);
            if (handle is null || FileInterop.IdentityOf(handle) is not { } identity) return null;
            var key = new SourceKey(assembly.Identity, identity);
            if (shared.Sources.Find(key) is { } known) return (key, known);
            if (identity.Size > MaxBytes) return null;
            using var file = new FileStream(handle, FileAccess.Read);
            pdb = MetadataReaderProvider.FromPortablePdbStream(file, MetadataStreamOptions.PrefetchMetadata | MetadataStreamOptions.LeaveOpen);
            MetadataReader reader = pdb.GetMetadataReader();
            if (reader.DebugMetadataHeader is not { } header || new BlobContentId(header.Id) != id) return null;
            var source = new SharedSource(metadata, pdb);
            pdb = null;
            return (key, shared.Sources.Add(key, source));
        }
        catch (Exception e) when (IsDamage(e))
        {
            warn($"{path}: {e.Message}; not used for lines");
            return null;
        }
        finally
        {
            pdb?.Dispose();
        }
    }
}
