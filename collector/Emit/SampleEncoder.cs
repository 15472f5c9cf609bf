using System.Globalization;
using DotnetPprof.Model;
using Google.Protobuf;
using Pprof = Perftools.Profiles;

namespace DotnetPprof.Emit;

/// <summary>
/// Writes the samples of one pprof file. There may be tens of millions over some thousand stacks and threads, so what
/// a stack and a thread come out as is encoded once, and a sample is its length, these, and three numbers.
/// </summary>
internal sealed class SampleEncoder(StringTable strings, CodeTables tables, SampleLabels names, CodedOutputStream message)
{
    private const byte SampleTag = Pprof.Profile.SampleFieldNumber << 3 | LengthDelimited;
    private const byte LocationIdsTag = Pprof.Sample.LocationIdFieldNumber << 3 | LengthDelimited;
    private const byte ValuesTag = Pprof.Sample.ValueFieldNumber << 3 | LengthDelimited;
    private const byte LabelTag = Pprof.Sample.LabelFieldNumber << 3 | LengthDelimited;
    private const byte KeyTag = Pprof.Label.KeyFieldNumber << 3;
    private const byte NumberTag = Pprof.Label.NumFieldNumber << 3;
    private const byte LengthDelimited = (byte)WireFormat.WireType.LengthDelimited;

    private readonly Dictionary<IReadOnlyList<Location>, ByteString> stacks = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ProfileThread, ByteString[]> threads = new(ReferenceEqualityComparer.Instance);

    /// <summary>Appends a sample to the message.</summary>
    /// <returns>The bytes it takes there.</returns>
    public int Write(in ProfileSample sample)
    {
        if (!stacks.TryGetValue(sample.Stack, out ByteString? stack))
            stacks.Add(sample.Stack, stack = LocationIds(sample.Stack));
        ByteString[] labels = sample.Thread is { } thread ? LabelsOf(thread) : [];

        int values = CodedOutputStream.ComputeInt64Size(sample.Count) + CodedOutputStream.ComputeInt64Size(sample.CpuNanos);
        int size = (stack.Length > 0 ? FieldSize(stack.Length) : 0) + FieldSize(values);
        foreach (ByteString label in labels)
            size += FieldSize(label.Length);
        long timeKey = 0;
        int timeSize = 0;
        if (sample.Time is { } taken && names.EndTimestamp is { } timeName)
        {
            timeKey = strings.Intern(timeName);
            timeSize = 2 + CodedOutputStream.ComputeInt64Size(timeKey) + CodedOutputStream.ComputeInt64Size(taken.Value);
            size += FieldSize(timeSize);
        }

        message.WriteRawTag(SampleTag);
        message.WriteLength(size);
        if (stack.Length > 0)
            WriteBytes(LocationIdsTag, stack);
        message.WriteRawTag(ValuesTag);
        message.WriteLength(values);
        message.WriteInt64(sample.Count);
        message.WriteInt64(sample.CpuNanos);
        foreach (ByteString label in labels)
            WriteBytes(LabelTag, label);
        if (timeSize > 0)
        {
            message.WriteRawTag(LabelTag);
            message.WriteLength(timeSize);
            message.WriteRawTag(KeyTag);
            message.WriteInt64(timeKey);
            message.WriteRawTag(NumberTag);
            message.WriteInt64(sample.Time!.Value.Value);
        }
        return FieldSize(size);
    }

    private ByteString LocationIds(IReadOnlyList<Location> stack)
    {
        int size = 0;
        for (int i = 0; i < stack.Count; i++)
            size += CodedOutputStream.ComputeUInt64Size(tables.IdOf(stack[i]));
        byte[] bytes = new byte[size];
        using var ids = new CodedOutputStream(bytes);
        for (int i = 0; i < stack.Count; i++)
            ids.WriteUInt64(tables.IdOf(stack[i]));
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    private ByteString[] LabelsOf(ProfileThread thread)
    {
        if (threads.TryGetValue(thread, out ByteString[]? labels))
            return labels;
        var made = new List<ByteString>();
        if (names.ThreadId is { } id)
            made.Add(Label(id, thread.Id.ToString(CultureInfo.InvariantCulture)));
        // A label must have a value, and index 0, the empty string, counts as none.
        if (thread.Name.Length > 0)
            made.Add(Label(names.ThreadName, thread.Name));
        labels = [.. made];
        threads.Add(thread, labels);
        return labels;
    }

    private ByteString Label(string key, string text) =>
        new Pprof.Label { Key = strings.Intern(key), Str = strings.Intern(text) }.ToByteString();

    private void WriteBytes(byte tag, ByteString bytes)
    {
        message.WriteRawTag(tag);
        message.WriteBytes(bytes);
    }

    private static int FieldSize(int length) => 1 + CodedOutputStream.ComputeLengthSize(length) + length;
}
