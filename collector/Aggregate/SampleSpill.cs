using System.Runtime.InteropServices;

namespace DotnetPprof.Aggregate;

/// <summary>
/// A sequence of samples on disk, 32 bytes each. The file has no name from the moment it exists, so that it goes with
/// this process however that ends; there is none while the samples fit the buffer of 1 MiB.
/// </summary>
/// <param name="directory">Where the file lies; must be on a disk, because what lies in memory saves none.</param>
internal sealed class SampleSpill(string directory) : ISampleStore
{
    private const int BufferedSamples = 32_768;

    private readonly NumberedSample[] buffer = new NumberedSample[BufferedSamples];
    private FileStream? file;
    private int buffered;

    /// <summary>Samples kept, those in the buffer included.</summary>
    public long Count => Stored + buffered;

    /// <summary>Samples on disk.</summary>
    public long Stored { get; private set; }

    /// <summary>Samples added since the last that went to disk.</summary>
    public ReadOnlySpan<NumberedSample> Unsaved => buffer.AsSpan(0, buffered);

    public void Add(in NumberedSample sample)
    {
        buffer[buffered++] = sample;
        if (buffered == buffer.Length)
            Store();
    }

    public void DropUnsaved() => buffered = 0;

    public IEnumerable<NumberedSample> Read(long first)
    {
        var block = new NumberedSample[(int)Math.Min(BufferedSamples, Stored)];
        for (long at = first; at < Stored;)
        {
            int length = (int)Math.Min(block.Length, Stored - at);
            ReadBlock(block.AsSpan(0, length), at);
            for (int i = 0; i < length; i++)
                yield return block[i];
            at += length;
        }
        for (long at = Math.Max(0, first - Stored); at < buffered; at++)
            yield return buffer[at];
    }

    /// <summary>Gives the room on disk back.</summary>
    public void Dispose()
    {
        file?.Dispose();
        file = null;
        Stored = 0;
        buffered = 0;
    }

    private void Store()
    {
        file ??= CreateNameless();
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(buffer.AsSpan(0, buffered));
        RandomAccess.Write(file.SafeFileHandle, bytes, Offset(Stored));
        Stored += buffered;
        buffered = 0;
    }

    private void ReadBlock(Span<NumberedSample> samples, long first)
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(samples);
        long offset = Offset(first);
        while (bytes.Length > 0)
        {
            int read = RandomAccess.Read(file!.SafeFileHandle, bytes, offset);
            if (read == 0)
                throw new IOException("the temporary file of samples has become shorter");
            bytes = bytes[read..];
            offset += read;
        }
    }

    private static unsafe long Offset(long sample) => sample * sizeof(NumberedSample);

    private FileStream CreateNameless()
    {
        string path = Path.Join(directory, $".dotnet-pprof-{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        var created = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        try
        {
            File.Delete(path);
            return created;
        }
        catch
        {
            created.Dispose();
            throw;
        }
    }
}
