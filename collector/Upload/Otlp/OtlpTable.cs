using Google.Protobuf;
using Google.Protobuf.Collections;

namespace DotnetPprof.Upload.Otlp;

/// <summary>One table of OpenTelemetry's dictionary: [0] is the zero value, and no entry is there twice.</summary>
internal sealed class OtlpTable<T>
    where T : class, IMessage<T>
{
    private readonly RepeatedField<T> entries;
    private readonly Dictionary<T, int> indices = new(ByBytes.Instance);

    public OtlpTable(RepeatedField<T> entries, T zero)
    {
        this.entries = entries;
        IndexOf(zero);
    }

    /// <summary>What the table takes in a message.</summary>
    public long Bytes { get; private set; }

    /// <summary>The index of an entry of this value, added when it is new; it must not change afterwards.</summary>
    public int IndexOf(T entry)
    {
        if (indices.TryGetValue(entry, out int index))
            return index;
        index = entries.Count;
        entries.Add(entry);
        indices.Add(entry, index);
        Bytes += 1 + CodedOutputStream.ComputeMessageSize(entry);
        return index;
    }

    /// <summary>
    /// A message's own hash is an exclusive or of its fields': for the indices of strings that were added one after the
    /// other it has a dozen values.
    /// </summary>
    private sealed class ByBytes : IEqualityComparer<T>
    {
        public static readonly ByBytes Instance = new();

        public bool Equals(T? x, T? y) => x is null ? y is null : x.Equals(y);

        public int GetHashCode(T entry)
        {
            var hash = new HashCode();
            hash.AddBytes(entry.ToByteArray());
            return hash.ToHashCode();
        }
    }
}
