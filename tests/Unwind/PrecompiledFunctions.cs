using System.Buffers.Binary;

namespace DotnetPprof.Tests.Unwind;

/// <summary>A function of a precompiled (ReadyToRun) image with what its compiler says about its frame.</summary>
/// <param name="Address">RVA.</param>
internal sealed record PrecompiledFunction(uint Address, byte[] Code, FrameTruth Frame);

/// <summary>
/// A function's UNWIND_INFO (PE format, "x64 exception handling"): what each prologue instruction does.
/// </summary>
internal sealed class FrameTruth(ReadOnlyMemory<byte> info)
{
    private const int Rbp = 5;

    /// <summary>What holds at an offset that is in no epilogue.</summary>
    /// <returns>Distances below the canonical frame address, as in FrameState; Frame 0: rbp heads nothing.</returns>
    public (int Depth, int SavedRbp, int Frame) At(int offset)
    {
        ReadOnlySpan<byte> bytes = info.Span;
        int count = bytes[2];
        (int depth, int savedRbp, int frame) = (8, 0, 0);
        /* The codes stand in reverse: the prologue's last instruction comes first. */
        var codes = new List<int>();
        for (int i = 0; i < count; i += Slots(bytes[4..], i))
            codes.Add(i);
        codes.Reverse();
        foreach (int i in codes)
        {
            ReadOnlySpan<byte> code = bytes[(4 + (2 * i))..];
            if (code[0] > offset)
                break;
            int information = code[1] >> 4;
            switch (code[1] & 15)
            {
                case 0:
                    depth += 8;
                    savedRbp = information == Rbp ? depth : savedRbp;
                    break;
                case 1:
                    depth += information == 0 ? 8 * BinaryPrimitives.ReadUInt16LittleEndian(code[2..]) : BinaryPrimitives.ReadInt32LittleEndian(code[2..]);
                    break;
                case 2:
                    depth += (8 * information) + 8;
                    break;
                case 3:
                    frame = depth - (16 * (bytes[3] >> 4));
                    break;
                case 11:
                    frame = depth - (16 * BinaryPrimitives.ReadInt32LittleEndian(code[2..]));
                    break;
                default:
                    throw new InvalidDataException($"unwind code {code[1] & 15}");
            }
        }
        return (depth, savedRbp, frame);
    }

    private static int Slots(ReadOnlySpan<byte> codes, int index) => (codes[(2 * index) + 1] & 15, codes[(2 * index) + 1] >> 4) switch
    {
        (1, 0) or (4, _) or (8, _) => 2,
        (1, _) or (5, _) or (9, _) or (11, _) => 3,
        _ => 1,
    };
}

/// <summary>Reads the functions of a precompiled assembly from its file.</summary>
internal static class PrecompiledFunctions
{
    public static IEnumerable<PrecompiledFunction> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        using var reader = new System.Reflection.PortableExecutable.PEReader(new MemoryStream(file));
        System.Reflection.PortableExecutable.DirectoryEntry table = reader.PEHeaders.PEHeader!.ExceptionTableDirectory;
        for (int i = 0; i + 12 <= table.Size; i += 12)
        {
            int entry = Offset(table.RelativeVirtualAddress + i);
            uint begin = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(entry));
            uint end = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(entry + 4));
            uint info = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(entry + 8));
            yield return new PrecompiledFunction(begin, file.AsSpan(Offset((int)begin), (int)(end - begin)).ToArray(), new FrameTruth(file.AsMemory(Offset((int)info))));
        }

        int Offset(int address)
        {
            System.Reflection.PortableExecutable.SectionHeader section = reader.PEHeaders.SectionHeaders[reader.PEHeaders.GetContainingSectionIndex(address)];
            return address - section.VirtualAddress + section.PointerToRawData;
        }
    }
}
