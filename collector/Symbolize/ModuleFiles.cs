using DotnetPprof.Interop;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Files of code that targets have, each opened and read once for as long as some target has it. A file is told by what
/// the kernel says of the open file, so that the same path in two containers is two files. Any thread may ask.
/// </summary>
internal sealed class ModuleFiles
{
    private readonly Counted<FileIdentity, ModuleFile> files = new();

    /// <summary>Files that are open.</summary>
    public int Count => files.Count;

    /// <returns>To be given back by <see cref="Close"/>.</returns>
    /// <exception cref="InvalidDataException">It is none that is known here, or damaged.</exception>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    public ModuleFile Open(string path) => Open(FileInterop.OpenRegular(path));

    /// <summary>The same; null where there is no such file, or it may not be read.</summary>
    /// <exception cref="InvalidDataException">It is none that is known here, or damaged.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public ModuleFile? TryOpen(string path) => FileInterop.TryOpenRegular(path) is { } handle ? Open(handle) : null;

    public void Close(ModuleFile file) => files.Release(file.Identity);

    private ModuleFile Open(SafeFileHandle handle)
    {
        if (FileInterop.IdentityOf(handle) is not { } identity)
        {
            handle.Dispose();
            throw new IOException("the file cannot be told from others");
        }

        if (files.Find(identity) is not { } known) return files.Add(identity, ModuleFile.Read(ByteSource.OfFile(handle), identity));
        handle.Dispose();
        return known;
    }
}
