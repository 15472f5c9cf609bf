using System.Globalization;
using System.Text;

namespace DotnetPprof.Symbolize;

/// <summary>One line of /proc/PID/maps (proc_pid_maps(5)).</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address past it.</param>
/// <param name="Offset">Offset in the file of the byte at <paramref name="Start"/>.</param>
/// <param name="Executable">Whether its bytes can be executed.</param>
/// <param name="Path">File, bracketed name or empty, without the kernel's <c> (deleted)</c>.</param>
/// <param name="Deleted">Whether the file is no longer there under that path.</param>
internal readonly record struct MapRegion(ulong Start, ulong End, ulong Offset, bool Executable, string Path, bool Deleted)
{
    public const string RuntimeCodePrefix = "/memfd:doublemapper";

    /// <summary>The memory the runtime shares with itself to write code it maps as executable elsewhere (W^X).</summary>
    public bool IsRuntimeCode => Path.StartsWith(RuntimeCodePrefix, StringComparison.Ordinal);

    /// <summary>Whether a file that was opened by a path backs it.</summary>
    public bool HasFile => Path.StartsWith('/') && !Path.StartsWith("/memfd:", StringComparison.Ordinal);
}

/// <summary>Parser of /proc/PID/maps.</summary>
internal static class ProcessMaps
{
    private const string DeletedSuffix = " (deleted)";
    private static readonly byte[] s_runtimeCode = Encoding.UTF8.GetBytes(MapRegion.RuntimeCodePrefix);

    /// <summary>Lines that are not of the form are left out: a line may be cut where the target died.</summary>
    public static List<MapRegion> Parse(string text)
    {
        var regions = new List<MapRegion>();
        string latest = ""; // a file has several regions in a row
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (TryParseLine(line, ref latest, out MapRegion region)) regions.Add(region);
        }

        return regions;
    }

    /// <summary>
    /// Leaves only the lines of mappings that can be executed, and of the runtime's code memory: one in twenty, and those
    /// that hardly ever change.
    /// </summary>
    /// <returns>How many bytes are left, at the beginning.</returns>
    public static int KeepCode(Span<byte> text)
    {
        int kept = 0;
        for (int at = 0; at < text.Length;)
        {
            int end = text[at..].IndexOf((byte)'\n');
            int next = end < 0 ? text.Length : at + end + 1;
            Span<byte> line = text[at..next];
            int permissions = line.IndexOf((byte)' ') + 1;
            if ((permissions > 0 && line.Length > permissions + 3 && line[permissions + 2] == 'x') || line.IndexOf(s_runtimeCode) >= 0)
            {
                line.CopyTo(text[kept..]);
                kept += line.Length;
            }

            at = next;
        }

        return kept;
    }

    private static bool TryParseLine(ReadOnlySpan<char> line, ref string latest, out MapRegion region)
    {
        region = default;
        ReadOnlySpan<char> rest = line;
        ReadOnlySpan<char> range = NextField(ref rest);
        ReadOnlySpan<char> permissions = NextField(ref rest);
        ReadOnlySpan<char> offsetText = NextField(ref rest);
        NextField(ref rest);
        ReadOnlySpan<char> inode = NextField(ref rest);
        int dash = range.IndexOf('-');
        if (dash <= 0 || permissions.Length < 4 || inode.IsEmpty) return false;
        if (!TryHex(range[..dash], out ulong start) || !TryHex(range[(dash + 1)..], out ulong end) || !TryHex(offsetText, out ulong offset) || end <= start)
            return false;

        // The path is what is left, spaces and all; the kernel pads in front of it and escapes newlines as \012.
        ReadOnlySpan<char> path = rest.TrimStart(' ');
        bool deleted = path.EndsWith(DeletedSuffix, StringComparison.Ordinal);
        if (deleted) path = path[..^DeletedSuffix.Length];
        if (!path.SequenceEqual(latest)) latest = path.ToString().Replace("\\012", "\n", StringComparison.Ordinal);
        region = new MapRegion(start, end, offset, permissions[2] == 'x', latest, deleted);
        return true;
    }

    private static ReadOnlySpan<char> NextField(ref ReadOnlySpan<char> rest)
    {
        rest = rest.TrimStart(' ');
        int end = rest.IndexOf(' ');
        if (end < 0) end = rest.Length;
        ReadOnlySpan<char> field = rest[..end];
        rest = rest[end..];
        return field;
    }

    private static bool TryHex(ReadOnlySpan<char> text, out ulong value) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
