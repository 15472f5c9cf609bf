using System.Buffers.Text;
using DotnetPprof.Agent.Interop;

namespace DotnetPprof.Agent;

/// <param name="Low">First address of the stack; for the first thread, the lowest it may grow to.</param>
/// <param name="High">First address past it that the walk must not read.</param>
internal readonly record struct StackBounds(ulong Low, ulong High);

/// <summary>
/// Where thread stacks end, from /proc/self/maps. A mapping that holds a stack can reach past the stack, when the kernel
/// has merged it with a neighbour that may be unmapped later; the thread's control block, which libc puts at the top of
/// every stack it starts a thread on, is the end that can be trusted.
/// </summary>
internal sealed class StackMap
{
    private const int CacheLimit = 8192;

    private readonly Dictionary<ulong, StackBounds> _byTcb = [];
    private readonly List<(ulong Low, ulong High, bool IsFirst)> _writable = [];
    private byte[] _text = new byte[256 * 1024];

    /// <summary>
    /// A stack seen before, by its thread control block: libc hands the stacks of ended threads to new ones.
    /// </summary>
    internal bool TryCached(ulong sp, ulong tcb, out StackBounds bounds) =>
        _byTcb.TryGetValue(tcb, out bounds) && sp >= bounds.Low && sp < bounds.High;

    /// <summary>Reads the process's mappings anew; for the lookups that follow.</summary>
    internal void Refresh()
    {
        if (_byTcb.Count > CacheLimit)
            _byTcb.Clear();
        _writable.Clear();
        ReadOnlySpan<byte> text = ReadMaps();
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            /* low-high perms ... */
            if (!Utf8Parser.TryParse(line, out ulong low, out int used, 'x') || used + 1 >= line.Length)
                continue;
            if (!Utf8Parser.TryParse(line[(used + 1)..], out ulong high, out int usedHigh, 'x'))
                continue;
            ReadOnlySpan<byte> rest = line[(used + 1 + usedHigh)..];
            if (rest.Length < 5 || rest[1] != 'r' || rest[2] != 'w')
                continue;
            bool isFirst = rest.EndsWith("[stack]"u8);
            if (isFirst)
                low = LowestOfFirstThread(low, high);
            _writable.Add((low, high, isFirst));
        }
    }

    /// <returns>
    /// Null for a stack that is neither the first thread's nor libc's: a coroutine's, or one the program mapped itself.
    /// Nothing says how long that one stays mapped, so it is only read through the kernel.
    /// </returns>
    internal StackBounds? Find(ulong sp, ulong tcb)
    {
        foreach ((ulong low, ulong high, bool isFirst) in _writable)
        {
            if (sp < low || sp >= high)
                continue;
            if (isFirst)
                return new StackBounds(low, high);
            if (tcb <= sp || tcb >= high)
                return null;
            return _byTcb[tcb] = new StackBounds(low, tcb);
        }
        return null;
    }

    private static ulong LowestOfFirstThread(ulong low, ulong high) =>
        Libc.GetLimit(Libc.LimitStack, out Libc.Limit limit) == 0 && limit.Current < high ? Math.Min(low, high - limit.Current) : low;

    private ReadOnlySpan<byte> ReadMaps()
    {
        try
        {
            using var file = new FileStream("/proc/self/maps", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            int length = 0;
            while (true)
            {
                if (length == _text.Length)
                    Array.Resize(ref _text, _text.Length * 2);
                int read = file.Read(_text, length, _text.Length - length);
                if (read == 0)
                    return _text.AsSpan(0, length);
                length += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
