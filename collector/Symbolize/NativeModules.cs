using System.Globalization;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>An executable mapping and what is mapped there.</summary>
internal sealed record CodeRegion(MapRegion Region, NativeModule Module)
{
    /// <summary>Offset in the file of the byte at an address of the region.</summary>
    public ulong FileOffset(ulong address) => address - Region.Start + Region.Offset;
}

/// <summary>
/// What native code the target has, over time: what was seen once stays known, unless something else took its place.
/// Files are opened through /proc, so that targets with another mount namespace and files deleted since are read too.
/// Not thread-safe: it belongs to the drain.
/// </summary>
internal sealed class NativeModules : IDisposable
{
    /// <summary>Between two reads of the mappings that a lookup causes; doubled each time one did not help.</summary>
    private const long MinRefreshMillis = 20;

    private const long MaxRefreshMillis = 5000;

    private readonly string proc;
    private readonly Action<string> warn;
    private readonly Dictionary<(string Path, bool Deleted, ulong Start), NativeModule> modules = [];
    private readonly List<ElfFile> open = [];
    private CodeRegion[] regions = [];
    private long lastRefresh;
    private long refreshMillis = MinRefreshMillis;

    /// <param name="pid">The target, as this process sees it.</param>
    /// <param name="warn">Receives one line per problem.</param>
    public NativeModules(int pid, Action<string> warn)
    {
        proc = "/proc/" + pid.ToString(CultureInfo.InvariantCulture);
        this.warn = warn;
        Refresh();
        MainMapping = FindMain();
    }

    /// <summary>The executable the target runs.</summary>
    public Mapping MainMapping { get; }

    public void Dispose()
    {
        foreach (ElfFile file in open) file.Dispose();
        open.Clear();
    }

    /// <summary>Reads the mappings again; a target that is gone leaves everything as it was.</summary>
    public void Refresh()
    {
        lastRefresh = Environment.TickCount64;
        string text;
        try
        {
            text = File.ReadAllText(proc + "/maps");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (regions.Length == 0) warn($"{proc}/maps cannot be read ({e.Message}): native code stays unnamed");
            return;
        }

        List<MapRegion> all = ProcessMaps.Parse(text);
        var executable = all.FindAll(region => region.Executable);
        if (executable.Count == 0) return;
        var merged = new List<CodeRegion>(executable.Count + 16);
        foreach (MapRegion region in executable) merged.Add(Known(region) ?? new CodeRegion(region, Open(region, executable)));
        foreach (CodeRegion old in regions)
        {
            if (!IsCovered(old.Region, executable)) merged.Add(old);
        }

        merged.Sort((left, right) => left.Region.Start.CompareTo(right.Region.Start));
        regions = [.. merged];
    }

    /// <summary>What is mapped at an address; reads the mappings again when nothing was, but not more often than is cheap.</summary>
    public CodeRegion? Find(InstructionPointer ip)
    {
        CodeRegion? region = Search(ip.Value);
        if (region is not null || Environment.TickCount64 - lastRefresh < refreshMillis) return region;
        Refresh();
        region = Search(ip.Value);
        refreshMillis = region is not null ? MinRefreshMillis : Math.Min(refreshMillis * 2, MaxRefreshMillis);
        return region;
    }

    private CodeRegion? Search(ulong address)
    {
        int low = 0, high = regions.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (regions[middle].Region.Start <= address) low = middle + 1;
            else high = middle;
        }

        return low > 0 && address < regions[low - 1].Region.End ? regions[low - 1] : null;
    }

    /// <summary>Whether something overlaps a region, among regions in the order of their addresses.</summary>
    private static bool IsCovered(MapRegion region, List<MapRegion> others)
    {
        int low = 0, high = others.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (others[middle].Start < region.End) low = middle + 1;
            else high = middle;
        }

        return low > 0 && others[low - 1].End > region.Start;
    }

    private CodeRegion? Known(MapRegion region)
    {
        CodeRegion? at = Search(region.Start);
        return at is not null && at.Region == region ? at : null;
    }

    private NativeModule Open(MapRegion region, List<MapRegion> executable)
    {
        if (region.Path == "[vdso]") return OpenVdso(region);
        if (region.IsRuntimeCode) return NamelessModule.RuntimeStubs;
        if (!region.HasFile) return NamelessModule.AnonymousCode;

        // A module may have several executable mappings; one that was unmapped and mapped again is another module.
        List<MapRegion> parts = executable.FindAll(other => other.Path == region.Path && other.Deleted == region.Deleted);
        MapRegion first = parts.MinBy(part => part.Start);
        var key = (region.Path, region.Deleted, first.Start);
        if (!modules.TryGetValue(key, out NativeModule? module))
        {
            module = OpenFile(first, parts.Max(part => part.End));
            modules.Add(key, module);
        }

        return module;
    }

    private NativeModule OpenFile(MapRegion first, ulong limit)
    {
        Mapping Mapped(string buildId) => new(first.Start, limit, first.Offset, first.Path, buildId, HasFunctions: true);
        string problem = "";
        foreach (string path in PathsOf(first))
        {
            try
            {
                ByteSource bytes = ByteSource.OfFile(path);
                if (ReadyToRunImage.IsPortableExecutable(bytes))
                {
                    using (bytes) return new AssemblyModule(first.Path, Mapped(""), ReadyToRunImage.Read(bytes));
                }

                ElfFile file = ElfFile.Read(bytes);
                open.Add(file);
                return new ElfModule(first.Path, Mapped(file.BuildId), file, id => FindDebugFile(first.Path, id), warn);
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                if (problem.Length == 0 || e is InvalidDataException) problem = e.Message;
            }
        }

        warn($"{first.Path}: {problem}; its functions stay unnamed");
        return first.Path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)
            ? new AssemblyModule(first.Path, Mapped(""), null)
            : new ElfModule(first.Path, Mapped(""), null, _ => null, warn);
    }

    /// <summary>
    /// Where the bytes may be had, the surest first: the mapping itself (needs privileges), the target's own file system,
    /// the same path here. A deleted file's path may lead to its successor by now, so it is not followed.
    /// </summary>
    private IEnumerable<string> PathsOf(MapRegion region)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"{proc}/map_files/{region.Start:x}-{region.End:x}");
        if (region.Path == MainPath()) yield return proc + "/exe";
        if (region.Deleted) yield break;
        yield return proc + "/root" + region.Path;
        yield return region.Path;
    }

    private ElfFile? FindDebugFile(string path, string buildId)
    {
        string byId = buildId.Length > 2 ? $"/usr/lib/debug/.build-id/{buildId[..2]}/{buildId[2..]}.debug" : "";
        foreach (string candidate in (string[])[byId, proc + "/root" + byId, path + ".dbg", proc + "/root" + path + ".dbg"])
        {
            try
            {
                if (byId.Length == 0 || !File.Exists(candidate)) continue;
                ElfFile file = ElfFile.Read(ByteSource.OfFile(candidate));
                if (file.BuildId == buildId) return file;
                file.Dispose();
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                warn($"{candidate}: {e.Message}; not used for names");
            }
        }

        return null;
    }

    /// <summary>The kernel maps the same image into every process, so that this process's own tells its symbols.</summary>
    private NativeModule OpenVdso(MapRegion region)
    {
        ElfFile? file = null;
        try
        {
            MapRegion own = ProcessMaps.Parse(File.ReadAllText("/proc/self/maps")).Find(other => other.Path == "[vdso]");
            if (own.End - own.Start is > 0 and <= 1 << 20 && own.End - own.Start == region.End - region.Start)
            {
                byte[] image = new byte[own.End - own.Start];
                using FileStream memory = new("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
                memory.Seek((long)own.Start, SeekOrigin.Begin);
                memory.ReadExactly(image);
                file = ElfFile.Read(ByteSource.OfMemory(image));
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            warn($"[vdso]: {e.Message}; its functions stay unnamed");
        }

        var mapping = new Mapping(region.Start, region.End, 0, "[vdso]", file?.BuildId ?? "", HasFunctions: true);
        return new ElfModule("[vdso]", mapping, file, _ => null, warn);
    }

    private string MainPath()
    {
        try
        {
            return new FileInfo(proc + "/exe").LinkTarget?.Replace(" (deleted)", "", StringComparison.Ordinal) ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private Mapping FindMain()
    {
        string path = MainPath();
        foreach (CodeRegion region in regions)
        {
            if (path.Length > 0 && region.Module.Path == path) return region.Module.Mapping;
        }

        return new Mapping(0, 0, 0, path.Length > 0 ? path : "[unknown]", "", HasFunctions: true);
    }
}
