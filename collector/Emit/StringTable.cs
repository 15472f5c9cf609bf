using System.Text;
using Google.Protobuf;

namespace DotnetPprof.Emit;

/// <summary>pprof's string table: index 0 is the empty string, every other string appears once, in order of first use.</summary>
internal sealed class StringTable
{
    private readonly Dictionary<string, long> indices = new(StringComparer.Ordinal) { [""] = 0 };
    private readonly List<string> strings = [""];

    public IReadOnlyList<string> Strings => strings;

    /// <summary>What the table takes in a message.</summary>
    public long Bytes { get; private set; } = EntryBytes("");

    /// <summary>The index of <paramref name="text"/>, added when it is new.</summary>
    public long Intern(string text)
    {
        if (indices.TryGetValue(text, out long index))
            return index;
        string encodable = Encodable(text);
        if (!ReferenceEquals(encodable, text))
        {
            index = Intern(encodable);
            indices.Add(text, index);
            return index;
        }
        index = strings.Count;
        strings.Add(text);
        Bytes += EntryBytes(text);
        indices.Add(text, index);
        return index;
    }

    private static int EntryBytes(string text) => 1 + CodedOutputStream.ComputeStringSize(text);

    /// <summary>
    /// Protobuf strings are UTF-8, which has no form for half a surrogate pair; obfuscated assemblies name methods so.
    /// </summary>
    private static string Encodable(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else
                return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        }
        return text;
    }
}
