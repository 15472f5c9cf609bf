using System.Buffers.Binary;
using DotnetPprof.Symbolize;

namespace DotnetPprof.Session;

/// <summary>
/// What processor a process's code is for, by the ELF headers of its runtime and its program: one for another runs here
/// under an emulator, which is what the kernel sees.
/// </summary>
internal static class TargetMachine
{
    private const ushort X64 = 62;
    private const uint HeaderBytes = 20;

    /// <summary>The processor's name where it is not x64; null where it is, or cannot be told.</summary>
    internal static string? OtherThanX64(int pid)
    {
        string? runtime = ProcFs.MappedFiles(pid)?.FirstOrDefault(file => Path.GetFileName(file) == "libcoreclr.so");
        return (runtime ?? ProcFs.Executable(pid)) is { } path && MachineOf($"/proc/{pid}/root{path}") is { } machine && machine != X64 ? NameOf(machine) : null;
    }

    /// <summary>e_machine of an ELF header; null for what is none.</summary>
    private static ushort? MachineOf(string path)
    {
        const int machine = 18, byteOrder = 5;
        try
        {
            using ByteSource file = ByteSource.OfFile(path);
            byte[] header = file.Read(0, HeaderBytes, HeaderBytes, "ELF header");
            if (!header.AsSpan(0, 4).SequenceEqual("\u007fELF"u8)) return null;
            return header[byteOrder] == 2 ? BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(machine)) : BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(machine));
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            return null;
        }
    }

    private static string NameOf(ushort machine) => machine switch
    {
        3 => "x86",
        22 => "s390x",
        40 => "arm",
        183 => "arm64",
        243 => "RISC-V",
        258 => "LoongArch",
        _ => $"machine {machine} (ELF's number)",
    };
}
