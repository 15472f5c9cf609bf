using DotnetPprof.Interop;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A file of code that targets have: a library or an assembly. Open from when it was first seen, so that a target that
/// dies or a file that is deleted can still be named. Any thread may read it.
/// </summary>
internal sealed class ModuleFile : IDisposable
{
    private ModuleFile(ByteSource bytes, FileIdentity identity)
    {
        Bytes = bytes;
        Identity = identity;
        if (PortableImage.IsPortableExecutable(bytes))
        {
            var image = new PortableImage(bytes);
            Image = image;
            Precompiled = ReadyToRunImage.Read(image);
            Metadata = new AssemblyMetadata(image);
        }
        else
        {
            Names = new ElfNames(ElfFile.Read(bytes));
        }
    }

    public FileIdentity Identity { get; }

    public ByteSource Bytes { get; }

    /// <summary>Of an ELF file; otherwise null.</summary>
    public ElfNames? Names { get; }

    /// <summary>Of an assembly; otherwise null.</summary>
    public PortableImage? Image { get; }

    /// <summary>Of an assembly; otherwise null.</summary>
    public ReadyToRunImage? Precompiled { get; }

    /// <summary>Of an assembly; otherwise null.</summary>
    public AssemblyMetadata? Metadata { get; }

    /// <summary>Takes ownership of the source, also when it fails.</summary>
    /// <exception cref="InvalidDataException">It is neither, or damaged.</exception>
    public static ModuleFile Read(ByteSource bytes, FileIdentity identity)
    {
        try
        {
            return new ModuleFile(bytes, identity);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Metadata?.Dispose();
        Bytes.Dispose();
    }
}
