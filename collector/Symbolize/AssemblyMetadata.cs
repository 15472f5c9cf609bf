using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Names and IL of an assembly's methods by their metadata tokens. Names are read into memory when first asked for, IL
/// whenever it is. What is damaged throws: see <see cref="Lines.PdbFiles.IsDamage"/>. Any thread may ask.
/// </summary>
/// <param name="image">The file.</param>
internal sealed class AssemblyMetadata(PortableImage image) : IDisposable
{
    private const uint CliHeaderBytes = 72;
    private const uint MaxBytes = 256 << 20;
    private const uint MaxIlBytes = 16 << 20;

    private readonly Lock gate = new();
    private MetadataReaderProvider? provider;
    private MethodNames? names;

    /// <summary>Whether the file says that it has any.</summary>
    public bool Exists => image.Directory(PortableImage.CliDirectory).Size >= CliHeaderBytes;

    public void Dispose() => provider?.Dispose();

    /// <param name="token">Of a method definition.</param>
    public Function? FunctionOf(uint token) =>
        NameOf(token) is { } name ? ManagedName.ToFunction(name.Type, name.Method, name.Signature) : null;

    /// <summary>The method's name in three strings, as the runtime's events spell it; null when there is none.</summary>
    public (string Type, string Method, string Signature)? NameOf(uint token)
    {
        lock (gate)
        {
            return Names.Of(token);
        }
    }

    /// <summary>A method's IL; null when there is no such method, empty when it has none.</summary>
    public byte[]? IlOf(uint token)
    {
        int address;
        lock (gate)
        {
            if (!Names.Has(token)) return null;
            address = Names.Metadata.GetMethodDefinition((MethodDefinitionHandle)MetadataTokens.Handle((int)token)).RelativeVirtualAddress;
        }

        return address == 0 ? [] : IlAt((uint)address);
    }

    /// <summary>Which of some call tokens refer to a method of this bare name.</summary>
    public IReadOnlyList<uint> CallsOf(string name, IEnumerable<(uint At, uint Token)> calls)
    {
        lock (gate)
        {
            return [.. calls.Where(call => Names.IsCallee(call.Token, name)).Select(call => call.At)];
        }
    }

    private MethodNames Names => names ??= new MethodNames((provider ??= Open()).GetMetadataReader());

    /*
     * ECMA-335 II.25.4: one byte that has the size above its low two bits, or twelve that have it at 4 and their own in
     * the top four bits of the first two.
     */
    private byte[] IlAt(uint address)
    {
        const uint fatBytes = 12;
        byte first = image.Read(address, 1, 1, "method header")[0];
        if ((first & 3) == 2) return image.Read(address + 1, (uint)first >> 2, MaxIlBytes, "IL");
        if ((first & 3) != 3) throw new InvalidDataException("method header: of no known form");
        byte[] fat = image.Read(address, fatBytes, fatBytes, "method header");
        return image.Read(address + ((uint)fat[1] >> 4 << 2), ElfFile.U32(fat, 4), MaxIlBytes, "IL");
    }

    /* ECMA-335 II.25.3.3: address and size of the metadata stand at 8 in the CLI header. */
    private MetadataReaderProvider Open()
    {
        byte[] header = image.Read(image.Directory(PortableImage.CliDirectory).Address, CliHeaderBytes, CliHeaderBytes, "CLI header");
        byte[] metadata = image.Read(ElfFile.U32(header, 8), ElfFile.U32(header, 12), MaxBytes, "metadata");
        return MetadataReaderProvider.FromMetadataImage(ImmutableCollectionsMarshal.AsImmutableArray(metadata));
    }
}
