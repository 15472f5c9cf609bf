using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DotnetPprof.Model;
using Microsoft.Win32.SafeHandles;

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
internal sealed class NativeModules : ITargetCode, IDisposable
{
    /// <summary>Between two reads of the mappings that a lookup causes; doubled each time one did not help.</summary>
    private const long MinRefreshMillis = 20;

    private const long MaxRefreshMillis = 5000;

    private const int LikelyMapsBytes = 1 << 17;

    /* One that could not be read is tried again. */
    private static readonly Lazy<byte[]> s_vdso = new(ReadVdso, LazyThreadSafetyMode.PublicationOnly);

    private readonly string proc;
    private readonly Action<string> warn;
    private readonly Dictionary<(string Path, bool Deleted, ulong Start), NativeModule> modules = [];
    private readonly ModuleFiles files;
    private readonly List<ModuleFile> open = [];
    private byte[] latestMaps = [];
    private CodeRegion[] regions = [];
    private MapRegion[] cells = []; // the runtime's data beside its code
    private CodeRegion? latest; // one of them: samples come in runs from one place
    private long lastRefresh;
    private long refreshMillis = MinRefreshMillis;

    /// <param name="pid">The target, as this process sees it.</param>
    /// <param name="warn">Receives one line per problem.</param>
    /// <param name="files">Where files are opened that other targets may have too; null for none of these.</param>
    public NativeModules(int pid, Action<string> warn, ModuleFiles? files = null)
    {
        this.files = files ?? new ModuleFiles();
        proc = "/proc/" + pid.ToString(CultureInfo.InvariantCulture);
        this.warn = warn;
        Memory = new CodeMemory(pid);
        Refresh();
        MainMapping = FindMain();
    }

    /// <summary>The executable the target runs.</summary>
    public Mapping MainMapping { get; }

    /// <summary>What is in the target's code memory.</summary>
    public CodeMemory Memory { get; }

    public void Dispose()
    {
        foreach (ModuleFile file in open) files.Close(file);
        open.Clear();
        Memory.Dispose();
    }

    /// <summary>Reads the mappings again; a target that is gone leaves everything as it was.</summary>
    public void Refresh()
    {
        lastRefresh = Environment.TickCount64;
        List<MapRegion> all;
        try
        {
            if (ReadMaps() is not { } changed) return;
            all = changed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (regions.Length == 0) warn($"{proc}/maps cannot be read ({e.Message}): native code stays unnamed");
            return;
        }

        Memory.Keep();
        var executable = all.FindAll(region => region.Executable);
        if (executable.Count == 0) return;
        cells = [.. all.Where(region => region.IsRuntimeCode && !region.Executable)];
        var merged = new List<CodeRegion>(executable.Count + 16);
        foreach (MapRegion region in executable) merged.Add(Known(region) ?? new CodeRegion(region, Open(region, executable)));
        foreach (CodeRegion old in regions)
        {
            if (!IsCovered(old.Region, executable)) merged.Add(old);
        }

        merged.Sort((left, right) => left.Region.Start.CompareTo(right.Region.Start));
        regions = [.. merged];
        latest = null;
    }

    /// <summary>What is mapped at an address; reads the mappings again when nothing was, but not more often than is cheap.</summary>
    public CodeRegion? Find(InstructionPointer ip)
    {
        if (latest is { } last && ip.Value >= last.Region.Start && ip.Value < last.Region.End) return last;
        CodeRegion? region = latest = Search(ip.Value);
        if (region is not null || Environment.TickCount64 - lastRefresh < refreshMillis) return region;
        Refresh();
        region = Search(ip.Value);
        refreshMillis = region is not null ? MinRefreshMillis : Math.Min(refreshMillis * 2, MaxRefreshMillis);
        return region;
    }

    /// <summary>The code at an address as it is now: from the runtime's memory, or from the file mapped there.</summary>
    /// <returns>The bytes that could be read: fewer than asked for, or none.</returns>
    public byte[] ReadCode(ulong address, int length)
    {
        if (Search(address) is not { } at) return [];
        byte[] code = new byte[length];
        if (at.Module is NamelessModule) return code[..Memory.Read(at.Region, address, code)];
        try
        {
            return at.Module.Bytes?.Read(at.FileOffset(address), (ulong)length, (uint)length, "code") ?? [];
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return [];
        }
    }

    public bool IsMapped(InstructionPointer ip) => Find(ip) is not null;

    public ulong? ReadWord(ulong address)
    {
        int index = Array.FindLastIndex(cells, region => region.Start <= address);
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return index >= 0 && address < cells[index].End && Memory.Read(cells[index], address, word) == word.Length
            ? BinaryPrimitives.ReadUInt64LittleEndian(word)
            : null;
    }

    /// <summary>The mappings that have to do with code, or null when they are what they were. Hardly anything else is read so often, and from so many targets.</summary>
    private List<MapRegion>? ReadMaps()
    {
        using SafeFileHandle maps = File.OpenHandle(proc + "/maps");
        byte[] text = LargeBuffers.Pool.Rent(LikelyMapsBytes);
        try
        {
            int length = 0;
            for (int read; (read = RandomAccess.Read(maps, text.AsSpan(length), length)) > 0;)
            {
                length += read;
                if (length < text.Length) continue;
                byte[] larger = LargeBuffers.Pool.Rent(text.Length * 2);
                text.CopyTo(larger, 0);
                LargeBuffers.Pool.Return(text);
                text = larger;
            }

            length = ProcessMaps.KeepCode(text.AsSpan(0, length));
            byte[] hash = SHA256.HashData(text.AsSpan(0, length));
            if (hash.AsSpan().SequenceEqual(latestMaps)) return null;
            latestMaps = hash;
            return ProcessMaps.Parse(Encoding.UTF8.GetString(text, 0, length));
        }
        finally
        {
            LargeBuffers.Pool.Return(text);
        }
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
                ModuleFile file = files.Open(path);
                open.Add(file);
                return file.Names is { } names
                    ? new ElfModule(first.Path, Mapped(names.BuildId), names, id => FindDebugFile(first.Path, id), warn) { Bytes = file.Bytes }
                    : new AssemblyModule(first.Path, Mapped(""), file.Precompiled, file.Metadata, warn) { Bytes = file.Bytes };
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                if (problem.Length == 0 || e is InvalidDataException) problem = e.Message;
            }
        }

        warn($"{first.Path}: {problem}; its functions stay unnamed");
        return first.Path.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)
            ? new AssemblyModule(first.Path, Mapped(""), null, null, warn)
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
            byte[] image = s_vdso.Value;
            if (image.Length > 0 && (ulong)image.Length == region.End - region.Start) file = ElfFile.Read(ByteSource.OfMemory(image));
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            warn($"[vdso]: {e.Message}; its functions stay unnamed");
        }

        var mapping = new Mapping(region.Start, region.End, 0, "[vdso]", file?.BuildId ?? "", HasFunctions: true);
        return new ElfModule("[vdso]", mapping, file is null ? null : new ElfNames(file), _ => null, warn);
    }

    private static byte[] ReadVdso()
    {
        MapRegion own = ProcessMaps.Parse(File.ReadAllText("/proc/self/maps")).Find(other => other.Path == "[vdso]");
        if (own.End - own.Start is 0 or > 1 << 20) return [];
        byte[] image = new byte[own.End - own.Start];
        using FileStream memory = new("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        memory.Seek((long)own.Start, SeekOrigin.Begin);
        memory.ReadExactly(image);
        return image;
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
