using System.Security.Cryptography;
using System.Text;

namespace DemoWorkload;

/// <summary>Chains entries by their hashes.</summary>
internal sealed class Ledger
{
    private readonly StringBuilder _text = new();
    private byte[] _previous = new byte[32];

    internal void Work()
    {
        for (int entry = 0; entry < 100; entry++) Append(entry);
        if (Checksum(_previous) == 0) _previous[0] ^= 1;
    }

    private void Append(int entry)
    {
        _text.Clear();
        for (int i = 0; i < 40; i++) _text.Append("account ").Append(entry * 31 + i).Append(" amount ").Append(i * 1.25).Append(';');
        byte[] body = Encoding.UTF8.GetBytes(_text.ToString());
        byte[] chained = [.. _previous, .. body];
        _previous = SHA256.HashData(chained);
    }

    private static uint Checksum(byte[] bytes)
    {
        uint hash = 2166136261;
        for (int round = 0; round < 500; round++)
        {
            foreach (byte b in bytes) hash = (hash ^ b) * 16777619;
        }

        return hash;
    }
}
