using DotnetPprof.Interop;
using Microsoft.Win32.SafeHandles;

namespace DotnetPprof.Symbolize;

/// <summary>
/// A file read piece by piece. What is in it is hostile: every offset and length comes from the file itself and is
/// checked here, so that a reader fails with <see cref="InvalidDataException"/> and nothing else. Files are read, not
/// mapped: a file that shrinks under a mapping kills its reader.
/// </summary>
internal abstract class ByteSource : IDisposable
{
    public abstract ulong Length { get; }

    public static ByteSource OfFile(string path) => new FileSource(FileInterop.OpenRegular(path));

    /// <param name="handle">Owned from here on.</param>
    public static ByteSource OfFile(SafeFileHandle handle) => new FileSource(handle);

    public static ByteSource OfMemory(ReadOnlyMemory<byte> bytes) => new MemorySource(bytes);

    /// <param name="offset">First byte, from the file.</param>
    /// <param name="length">How many, from the file.</param>
    /// <param name="limit">More than this is refused.</param>
    /// <param name="what">What they are, for the message.</param>
    public byte[] Read(ulong offset, ulong length, uint limit, string what)
    {
        if (length > limit) throw new InvalidDataException($"{what}: {length} bytes are more than the {limit} allowed");
        if (offset > Length || length > Length - offset) throw new InvalidDataException($"{what}: beyond the end of the file");
        byte[] bytes = new byte[length];
        Fill(offset, bytes);
        return bytes;
    }

    public virtual void Dispose()
    {
    }

    protected abstract void Fill(ulong offset, byte[] into);

    private sealed class MemorySource(ReadOnlyMemory<byte> bytes) : ByteSource
    {
        public override ulong Length => (ulong)bytes.Length;

        protected override void Fill(ulong offset, byte[] into) => bytes.Span.Slice((int)offset, into.Length).CopyTo(into);
    }

    private sealed class FileSource : ByteSource
    {
        private readonly SafeFileHandle handle;

        public FileSource(SafeFileHandle handle)
        {
            this.handle = handle;
            Length = (ulong)Math.Max(0, RandomAccess.GetLength(handle));
        }

        public override ulong Length { get; }

        public override void Dispose() => handle.Dispose();

        protected override void Fill(ulong offset, byte[] into)
        {
            int done = 0;
            while (done < into.Length)
            {
                int read = RandomAccess.Read(handle, into.AsSpan(done), (long)offset + done);
                if (read <= 0) throw new InvalidDataException("the file became shorter while it was read");
                done += read;
            }
        }
    }
}
