using System.IO.Compression;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace DotnetPprof.SoakWorkload.Jobs;

/// <summary>SHA-256 in OpenSSL, over and over itself: one wrong bit anywhere and the end is another.</summary>
internal sealed class HashJob : Job
{
    private const int Times = 2000;

    /* By Python's hashlib, from 32 zeros. */
    private const string Expected = "4aa241482140ae279432edae9365b656b054a9598a28b670340b72545068c117";

    internal override string Name => "hash";

    internal override void Round(Random random)
    {
        byte[] hash = new byte[32];
        for (int i = 0; i < Times; i++)
            SHA256.HashData(hash, hash);
        Check(Convert.ToHexStringLower(hash) == Expected, $"a hash came out as {Convert.ToHexStringLower(hash)}");
    }
}

/// <summary>Sums that live in the widest registers of the machine, and rounded ones that depend on its control word.</summary>
internal sealed class VectorJob : Job
{
    private const int Times = 200_000;

    internal override string Name => "vector";

    internal override void Round(Random random)
    {
        int start = random.Next(1000);
        Vector512<long> sum = Vector512<long>.Zero, step = Vector512.Create<long>(start);
        Vector256<double> product = Vector256.Create(1.0);
        double alone = 1.0;
        for (int i = 0; i < Times; i++)
        {
            sum += step;
            step += Vector512<long>.One;
            product = product * Vector256.Create(1.0000001) + Vector256.Create(1e-9);
            alone = alone * 1.0000001 + 1e-9;
        }
        long expected = (long)Times * start + (long)Times * (Times - 1) / 2;
        Check(sum == Vector512.Create(expected), $"a vector sum is {sum} instead of {expected}");
        Check(product == Vector256.Create(alone), $"a vector product is {product} instead of {alone}");
    }
}

/// <summary>A sort, held against what must not change by sorting.</summary>
internal sealed class SortJob : Job
{
    internal override string Name => "sort";

    internal override void Round(Random random)
    {
        int[] numbers = new int[20_000];
        long sum = 0;
        for (int i = 0; i < numbers.Length; i++)
            sum += numbers[i] = random.Next();
        Array.Sort(numbers, (a, b) => a.CompareTo(b));
        long sorted = numbers[0];
        for (int i = 1; i < numbers.Length; i++)
        {
            Check(numbers[i - 1] <= numbers[i], "an array is not in order");
            sorted += numbers[i];
        }
        Check(sum == sorted, "sorting changed an array's sum");
        var words = numbers.Take(500).Distinct().ToDictionary(number => number.ToString("x8"));
        Check(words.Keys.Order(StringComparer.Ordinal).All(word => Regex.IsMatch(word, "^[0-9a-f]{8}$") && words[word] == Convert.ToInt32(word, 16)), "a text is not its number");
    }
}

/// <summary>Through zlib and back.</summary>
internal sealed class CompressJob : Job
{
    internal override string Name => "compress";

    internal override void Round(Random random)
    {
        byte[] bytes = new byte[64 * 1024];
        random.NextBytes(bytes.AsSpan(0, bytes.Length / 2));
        var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zip.Write(bytes);
        packed.Position = 0;
        byte[] unpacked = new byte[bytes.Length];
        using var unzip = new GZipStream(packed, CompressionMode.Decompress);
        unzip.ReadExactly(unpacked);
        Check(unpacked.AsSpan().SequenceEqual(bytes) && unzip.ReadByte() < 0, "compression lost bytes");
    }
}
