using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>
/// The functions of a precompiled (ReadyToRun) assembly: the exception directory of its PE file, RUNTIME_FUNCTION
/// entries of begin, end and unwind information as 4-byte RVAs (PE format, "The .pdata Section"). It gives size to
/// methods of which the runtime reports only the entry point, and leads to the definitions of those it does not report
/// at all: precompiled P/Invoke stubs. Hostile like every file. Any thread may ask: what is read late is the same, whoever
/// reads it.
/// </summary>
internal sealed class ReadyToRunImage
{
    private const uint MaxTableBytes = 128 << 20;
    private const int EntrySize = 12;

    private readonly PortableImage image;
    private readonly byte[] table;
    private ReadyToRunHeader? header;
    private Dictionary<uint, uint>? definitions;

    private ReadyToRunImage(PortableImage image, byte[] table)
    {
        this.image = image;
        this.table = table;
    }

    /// <param name="bytes">The file; read later too, and not owned.</param>
    public static ReadyToRunImage Read(ByteSource bytes) => Read(new PortableImage(bytes));

    /// <param name="image">The file's outline; read later too.</param>
    public static ReadyToRunImage Read(PortableImage image)
    {
        (uint address, uint size) = image.IsWide ? image.Directory(PortableImage.ExceptionDirectory) : default;
        return new ReadyToRunImage(image, size == 0 ? [] : image.ReadUpTo(address, size, MaxTableBytes, "PE exception table"));
    }

    /// <summary>How far into its function a byte of the file is, and how long that is; null outside all functions.</summary>
    public PrecompiledFunction? FunctionAt(ulong fileOffset)
    {
        if (image.AddressOf(fileOffset) is not { } address) return null;
        int low = 0, high = table.Length / EntrySize;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (At(middle * EntrySize) <= address) low = middle + 1;
            else high = middle;
        }

        if (low == 0) return null;
        uint begin = At((low - 1) * EntrySize), end = At(((low - 1) * EntrySize) + 4);
        return address < end ? new PrecompiledFunction((uint)low - 1, address - begin, end - begin) : null;
    }

    /// <summary>Whether a byte of the file is one of the thunks that bind calls at their first use.</summary>
    public bool IsThunk(ulong fileOffset) =>
        image.AddressOf(fileOffset) is { } address && Header.Contains(ReadyToRunHeader.DelayLoadThunks, address);

    /// <summary>
    /// The metadata token of the method definition that starts at a function; null for instantiations of generic methods
    /// and for parts of methods, such as exception handlers, that are functions of their own.
    /// </summary>
    public uint? DefinitionAt(uint function) =>
        (definitions ??= ReadDefinitions()).TryGetValue(function, out uint token) ? token : null;

    private ReadyToRunHeader Header
    {
        get
        {
            (uint address, uint size) = image.Directory(PortableImage.CliDirectory);
            return header ??= size >= 72 ? new ReadyToRunHeader(image, address) : ReadyToRunHeader.None;
        }
    }

    private Dictionary<uint, uint> ReadDefinitions()
    {
        const uint methodDef = 0x06000000;
        var found = new Dictionary<uint, uint>();
        byte[] bytes = Header.Read(image, ReadyToRunHeader.MethodDefEntryPoints);
        var entries = new NativeFormatArray(bytes);
        for (uint i = 0; i < entries.Count; i++)
        {
            if (entries.Find(i) is not { } at || NativeFormatArray.ReadUnsigned(bytes, ref at) is not { } id) continue;

            // The lowest bit: fixups follow, and the next one where.
            found[(id & 1) != 0 ? id >> 2 : id >> 1] = methodDef | (i + 1);
        }

        return found;
    }

    private uint At(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(offset));
}

/// <param name="Index">In the image's table of functions.</param>
/// <param name="Distance">Bytes from its start.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct PrecompiledFunction(uint Index, uint Distance, uint Size);
