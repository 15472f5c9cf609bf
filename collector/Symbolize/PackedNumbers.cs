using System.Buffers.Binary;

namespace DotnetPprof.Symbolize;

/// <summary>Numbers of seven bits a byte, the low ones first; the top bit says that there is more.</summary>
internal static class PackedNumbers
{
    private const int MostBytes = 10;

    /// <summary>In memory of a pool's, until <see cref="Release"/>: thousands of these are made in a second.</summary>
    /// <param name="likely">Bytes; more make it larger.</param>
    internal struct Packer(int likely)
    {
        private byte[] buffer = Scratch.Rent<byte>(likely + MostBytes);
        private int length;

        public readonly ReadOnlySpan<byte> Packed => buffer.AsSpan(0, length);

        public void Add(ulong number)
        {
            Span<byte> room = Room();
            int at = 0;
            for (; number > 0x7f; number >>= 7) room[at++] = (byte)(number | 0x80);
            room[at++] = (byte)number;
            length += at;
        }

        /// <summary>One that is near 0 takes few bytes, also below it.</summary>
        public void AddSigned(long number) => Add((ulong)((number << 1) ^ (number >> 63)));

        /// <summary>One that is not small, in 4 bytes.</summary>
        public void AddWhole(int number)
        {
            BinaryPrimitives.WriteInt32LittleEndian(Room(), number);
            length += sizeof(int);
        }

        /// <inheritdoc cref="AddWhole(int)"/>
        public void AddWhole(long number)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Room(), number);
            length += sizeof(long);
        }

        /// <summary>What was packed is not to be looked at any more.</summary>
        public void Release()
        {
            Scratch.Return(buffer);
            buffer = [];
            length = 0;
        }

        private Span<byte> Room()
        {
            if (buffer.Length - length < MostBytes)
            {
                byte[] larger = Scratch.Rent<byte>(buffer.Length * 2);
                Packed.CopyTo(larger);
                Scratch.Return(buffer);
                buffer = larger;
            }

            return buffer.AsSpan(length);
        }
    }

    /// <param name="rest">What a <see cref="Packer"/> made.</param>
    internal ref struct Unpacker(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> rest = rest;

        public readonly bool IsAtEnd => rest.IsEmpty;

        public ulong Next()
        {
            ulong number = 0;
            int length = 0;
            do number |= (ulong)(rest[length] & 0x7f) << (7 * length);
            while (rest[length++] > 0x7f);
            rest = rest[length..];
            return number;
        }

        public long NextSignedLong()
        {
            ulong number = Next();
            return unchecked((long)((number >> 1) ^ (0 - (number & 1))));
        }

        public int NextSigned() => (int)NextSignedLong();

        public int NextWhole()
        {
            int number = BinaryPrimitives.ReadInt32LittleEndian(rest);
            rest = rest[sizeof(int)..];
            return number;
        }

        public long NextWholeLong()
        {
            long number = BinaryPrimitives.ReadInt64LittleEndian(rest);
            rest = rest[sizeof(long)..];
            return number;
        }
    }
}
