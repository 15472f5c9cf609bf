using System.Globalization;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// The managed assemblies of the target, one mapping each. Their mappings span no addresses: the code of one assembly is
/// spread over its image and the JIT's heaps, where it lies among others', and a mapping with addresses would claim them.
/// Written by the event threads, read by the drain.
/// </summary>
internal sealed class ManagedModules
{
    /// <summary>Code that belongs to no assembly: dynamic methods, IL stubs.</summary>
    public static readonly Mapping Dynamic = new(0, 0, 0, "[dynamic]", "", HasFunctions: true);

    /// <summary>Code of an assembly nobody told us of.</summary>
    public static readonly Mapping Unknown = new(0, 0, 0, "[managed]", "", HasFunctions: true) { Kind = CodeKind.Managed };

    private readonly Lock gate = new();
    private readonly Dictionary<ulong, Mapping> byId = [];
    private readonly Dictionary<string, Mapping> byPath = [];

    /// <summary>A module was loaded, or was there.</summary>
    /// <param name="moduleId">The runtime's id, reused after an unload.</param>
    /// <param name="path">The assembly's dll; in-memory assemblies have none, or only a name.</param>
    /// <param name="buildId">Its PDB id, see <see cref="PdbId"/>; empty when unknown.</param>
    public void Add(ulong moduleId, string path, string buildId)
    {
        string fileName = path.Length == 0 ? "[in memory]" : path.Contains('/') ? path : $"[{path}]";
        lock (gate)
        {
            if (byPath.TryGetValue(fileName, out Mapping? known) && (known.BuildId == buildId || buildId.Length == 0))
            {
                byId[moduleId] = known;
                return;
            }

            var mapping = new Mapping(0, 0, 0, fileName, buildId, HasFunctions: true) { Kind = CodeKind.Managed };
            byId[moduleId] = mapping;
            byPath[fileName] = mapping;
        }
    }

    public Mapping? Find(ulong moduleId)
    {
        lock (gate)
        {
            return byId.GetValueOrDefault(moduleId);
        }
    }

    /// <summary>The mapping for an assembly known by its file only.</summary>
    public Mapping ForFile(string path)
    {
        lock (gate)
        {
            if (!byPath.TryGetValue(path, out Mapping? mapping))
                byPath.Add(path, mapping = new Mapping(0, 0, 0, path, "", HasFunctions: true) { Kind = CodeKind.Managed });
            return mapping;
        }
    }

    /// <summary>
    /// The id symbol servers file a PDB under: the signature's hex digits, then the age in hex. Portable PDBs are filed
    /// with FFFFFFFF for an age (SSQP key conventions), which says less than the age that the event carries.
    /// </summary>
    public static string PdbId(Guid signature, int age) =>
        signature == Guid.Empty ? "" : signature.ToString("N") + age.ToString("x", CultureInfo.InvariantCulture);
}
