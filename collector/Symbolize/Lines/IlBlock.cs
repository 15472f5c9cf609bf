using System.IO.Compression;

namespace DotnetPprof.Symbolize.Lines;

/// <summary>
/// What was told of some bodies' IL, one record after the other, which takes the memory of one object and, once it is full,
/// is compressed. Written by one thread, read by any.
/// </summary>
/// <param name="room">Memory to be filled until it is closed; null where it is for one record alone.</param>
internal sealed class IlBlock(byte[]? room = null)
{
    /// <summary>Bytes before it is compressed; a larger record has a block of its own. All of it is read for each of its records.</summary>
    public const int MostBytes = 8 << 10;

    /* The fastest: others find little more in what is packed already. */
    private const int Quality = 1;
    private const int WindowBits = 14;

    private readonly Lock gate = new();
    private byte[] bytes = room ?? [];
    private int length;
    private bool isCompressed;

    /// <param name="record">What is to be read again.</param>
    /// <param name="at">Where it is.</param>
    /// <returns>False when it is full.</returns>
    public bool TryAdd(ReadOnlySpan<byte> record, out int at)
    {
        lock (gate)
        {
            at = length;
            int needed = length + sizeof(int) + record.Length;
            if (isCompressed || (length > 0 && needed > MostBytes)) return false;
            if (needed > bytes.Length) Array.Resize(ref bytes, needed);
            BitConverter.TryWriteBytes(bytes.AsSpan(at), record.Length);
            record.CopyTo(bytes.AsSpan(at + sizeof(int)));
            length = needed;
            return true;
        }
    }

    /// <summary>Nothing is added from now on, and nothing read from the memory that it was filled in.</summary>
    public void Close()
    {
        lock (gate)
        {
            if (isCompressed) return;
            byte[] rented = Scratch.Rent<byte>(BrotliEncoder.GetMaxCompressedLength(length));
            if (!BrotliEncoder.TryCompress(bytes.AsSpan(0, length), rented, out int written, Quality, WindowBits))
                throw new InvalidOperationException("there was room for what was compressed, and yet it was not");
            bytes = rented.AsSpan(0, written).ToArray();
            isCompressed = true;
            Scratch.Return(rented);
        }
    }

    /// <summary>The record at a place.</summary>
    public byte[] Read(int at)
    {
        lock (gate)
        {
            byte[] whole = bytes;
            if (isCompressed)
            {
                whole = new byte[length];
                if (!BrotliDecoder.TryDecompress(bytes, whole, out int written) || written != length)
                    throw new InvalidOperationException("what was compressed here cannot be read");
            }

            return whole.AsSpan(at + sizeof(int), BitConverter.ToInt32(whole, at)).ToArray();
        }
    }
}
