using System.Runtime.InteropServices;
using System.Text;
using DotnetPprof.Agent.Interop;
using DotnetPprof.Region;

namespace DotnetPprof.Agent;

/// <summary>
/// The memfd the collector reads, as the agent maps it. Its size is fixed for ever: were it not sealed, anybody who
/// opened it could truncate it under the signal handler. It is sparse; only what a session uses takes memory, and gives
/// it back afterwards. Children do not inherit it, the kernel's dumps do not contain it. The runtime's createdump knows
/// nothing of that and reads all that can be read, which would give memory to all of it: so only what a session has used
/// can be. What could be read once stays so: a signal that comes late must not fault.
/// </summary>
internal sealed unsafe class SharedRegion
{
    /* EINTR, ENOMEM, ENOSPC */
    private const int Interrupted = 4;
    private const int OutOfMemory = 12;
    private const int NoSpace = 28;

    private const ulong ControlOffset = RegionLayout.Page;
    private const ulong CountersOffset = 2 * RegionLayout.Page;
    private const ulong AnchorsOffset = 3 * RegionLayout.Page;

    private static readonly ulong s_slotsOffset = PageAligned(AnchorsOffset + RegionLayout.Anchors * (ulong)sizeof(RegionAnchor));
    private static readonly ulong s_learningOffset = PageAligned(s_slotsOffset + RegionLayout.Slots * (ulong)sizeof(RegionSlot));

    /* What both sides write in a round of learning; the bulk of it lies behind and has no memory while nobody learns. */
    private static readonly ulong s_bulkOffset = PageAligned(s_learningOffset + RegionLayout.LearningRulesAt);
    private static readonly ulong s_chainsOffset = PageAligned(s_learningOffset + RegionLayout.LearningBytes);
    private static readonly ulong s_ringsOffset = PageAligned(s_chainsOffset + RegionLayout.ChainsBytes);
    private static readonly ulong s_totalBytes = s_ringsOffset + RegionLayout.RingsBytes;

    /* What can be read grows by so much at a time: each piece is a mapping of its own where its neighbours cannot be. */
    private const ulong Piece = 1 << 20;

    private readonly int _fd;
    private readonly (ulong Device, ulong Inode)? _identity;
    private readonly byte* _base;
    private readonly bool[] _accessible = new bool[(s_totalBytes + Piece - 1) / Piece];

    private SharedRegion(int fd, byte* address)
    {
        _fd = fd;
        _identity = Libc.Identity(fd);
        _base = address;
    }

    internal byte* Base => _base;

    internal RegionHeader* Header => (RegionHeader*)_base;

    internal RegionControl* Control => (RegionControl*)(_base + ControlOffset);

    internal ulong* Counters => (ulong*)(_base + CountersOffset);

    internal RegionAnchor* Anchors => (RegionAnchor*)(_base + AnchorsOffset);

    internal RegionLearning* Learning => (RegionLearning*)(_base + s_learningOffset);

    internal RegionSlot* Slot(uint index) => (RegionSlot*)(_base + s_slotsOffset) + index;

    /// <summary>
    /// Whether the collector of this number has locked it, which locks the byte of that number: the kernel takes the lock back
    /// when it is gone, however it went.
    /// </summary>
    internal bool IsLockedBy(ulong owner)
    {
        var wanted = new Libc.FileLock { Type = Libc.WriteLock, Start = (long)(owner & int.MaxValue), Length = 1 };
        return Libc.FileControl(_fd, Libc.GetFileLock, &wanted) == 0 && wanted.Type != Libc.NoLock;
    }

    /// <exception cref="AgentFailure">The kernel or a limit refused.</exception>
    internal static SharedRegion Create(AgentStart* start)
    {
        /* Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which would kill the process. */
        if (Libc.GetLimit(Libc.LimitFileSize, out Libc.Limit limit) == 0 && limit.Current < s_totalBytes)
            throw new AgentFailure(27, "RLIMIT_FSIZE is too small for the shared region");

        int fd = Libc.MemfdCreate(RegionLayout.RegionName, Libc.MemfdCloexec | Libc.MemfdAllowSealing);
        if (fd < 0)
            throw new AgentFailure(Marshal.GetLastPInvokeError(), "memfd_create was refused");
        void* address = null;
        if (Libc.Truncate(fd, (long)s_totalBytes) != 0 || (nint)(address = Libc.Map(null, (nuint)s_totalBytes, Libc.ProtNone, Libc.MapShared, fd, 0)) == -1)
        {
            int error = Marshal.GetLastPInvokeError();
            Libc.Close(fd);
            throw new AgentFailure(error, "the shared region could not be sized or mapped");
        }
        Libc.Advise(address, (nuint)s_totalBytes, Libc.AdviseDontFork);
        Libc.Advise(address, (nuint)s_totalBytes, Libc.AdviseDontDump);

        var region = new SharedRegion(fd, (byte*)address);
        if (!region.Populate(0, s_bulkOffset))
        {
            region.Destroy();
            throw new AgentFailure(OutOfMemory, "no memory for the shared region");
        }
        region.WriteHeader(start);
        return region;
    }

    /// <summary>Last of all: a region without its seals is one that is not ready, and no collector opens it.</summary>
    /// <exception cref="AgentFailure">The kernel refused.</exception>
    internal void Seal()
    {
        if (Libc.FileControl(_fd, Libc.AddSeals, Libc.SealShrink | Libc.SealGrow | Libc.SealSeal) == 0)
            return;
        int error = Marshal.GetLastPInvokeError();
        Destroy();
        throw new AgentFailure(error, "the shared region could not be sealed");
    }

    /// <summary>Of an agent that does not come to be: it may be tried again, and again.</summary>
    internal void Destroy()
    {
        Libc.Unmap(_base, (nuint)s_totalBytes);
        Libc.Close(_fd);
    }

    /// <summary>Gives memory to a part of the chain section, so that the handler may write there.</summary>
    /// <returns>False when there is none.</returns>
    internal bool PopulateChains(ulong offset, ulong bytes) => Populate(s_chainsOffset + offset, bytes);

    /// <summary>Gives memory to the code and the rules of the learning section.</summary>
    /// <returns>False when there is none.</returns>
    internal bool PopulateLearning() => Populate(s_bulkOffset, s_chainsOffset - s_bulkOffset);

    /// <summary>Faults a ring in, so that the handler does not.</summary>
    /// <returns>False when there is no memory for it.</returns>
    internal bool PopulateRing(ulong offset, ulong bytes) => Populate(s_ringsOffset + offset, bytes);

    /// <summary>Gives the memory of learning, rings and chains back. No slot is armed and no collector owns the lease.</summary>
    internal void ReleaseSessionMemory()
    {
        if (IsOurs())
            Libc.Allocate(_fd, Libc.FallocatePunchHole | Libc.FallocateKeepSize, (long)s_bulkOffset, (long)(s_totalBytes - s_bulkOffset));
    }

    internal static void WriteText(byte* field, int size, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = Math.Min(bytes.Length, size - 1);
        for (int i = 0; i < size; i++)
            field[i] = i < length ? bytes[i] : (byte)0;
    }

    private static ulong PageAligned(ulong offset) => (offset + RegionLayout.Page - 1) & ~(ulong)(RegionLayout.Page - 1);

    private bool Populate(ulong offset, ulong bytes)
    {
        /* Memory first: where there is none (a commit limit), this fails, and touching a page would raise SIGBUS. */
        int error;
        if (!IsOurs())
            return false;
        do
            error = Libc.Allocate(_fd, 0, (long)offset, (long)bytes) == 0 ? 0 : Marshal.GetLastPInvokeError();
        while (error == Interrupted);
        if (error is OutOfMemory or NoSpace || !MakeAccessible(offset, bytes))
            return false;
        /* Before Linux 5.14 the advice is refused: then pages are faulted in one by one. */
        if (Libc.Advise(_base + offset, (nuint)bytes, Libc.AdvisePopulateWrite) == 0)
            return true;
        for (ulong at = offset; at < offset + bytes; at += RegionLayout.Page)
            Interlocked.Or(ref *(ulong*)(_base + at), 0);
        return true;
    }

    /* A program that closes descriptors which are not its own may have a file under this number by now: holes in it, or a
       file that has grown, would be damage. */
    private bool IsOurs() => Libc.Identity(_fd) == _identity;

    private bool MakeAccessible(ulong offset, ulong bytes)
    {
        for (ulong piece = offset / Piece; piece * Piece < offset + bytes; piece++)
        {
            if (_accessible[piece])
                continue;
            ulong at = piece * Piece;
            if (Libc.Protect(_base + at, (nuint)Math.Min(Piece, s_totalBytes - at), Libc.ProtRead | Libc.ProtWrite) != 0)
                return false;
            _accessible[piece] = true;
        }
        return true;
    }

    private void WriteHeader(AgentStart* start)
    {
        RegionHeader* header = Header;
        header->Magic = RegionLayout.Magic;
        header->Abi = RegionLayout.Abi;
        header->LayoutHash = RegionLayout.LayoutHash;
        header->Pid = (uint)Environment.ProcessId;
        header->TotalBytes = s_totalBytes;
        header->ControlOffset = ControlOffset;
        header->CountersOffset = CountersOffset;
        header->AnchorsOffset = AnchorsOffset;
        header->SlotsOffset = s_slotsOffset;
        header->LearningOffset = s_learningOffset;
        header->ChainsOffset = s_chainsOffset;
        header->RingsOffset = s_ringsOffset;
        header->SlotCount = RegionLayout.Slots;
        header->AnchorCapacity = RegionLayout.Anchors;
        header->SignalNumber = start->SignalNumber;
        header->ThreadRootReturn = start->ThreadRootReturn;
        header->MainRootReturn = start->MainRootReturn;
        header->KernelTickNs = KernelTick.Nanoseconds;
        WriteText(header->AgentVersion, 32, AgentVersion.Text);
        WriteText(header->RuntimeVersion, 32, Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(start->RuntimeVersion)));
    }
}
