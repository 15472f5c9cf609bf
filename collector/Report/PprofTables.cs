using System.Text;

namespace DotnetPprof.Report;

/// <summary>What a sample's value measures.</summary>
internal readonly record struct PprofValueType(string Type, string Unit);

/// <summary>The tables of a pprof file as ids point at them: strings, functions' names, locations' functions.</summary>
internal sealed class PprofTables
{
    /// <summary>An entry takes two bytes of a file and dozens here.</summary>
    private const int MostEntries = 1 << 24;

    private readonly List<Range> strings = [];
    private readonly List<(long Type, long Unit)> sampleTypes = [];
    private readonly Dictionary<ulong, long> functionNames = [];
    private readonly Dictionary<ulong, long> mappingFiles = [];
    private readonly Dictionary<ulong, Range> locations = [];
    private readonly Dictionary<long, string> texts = [];
    private readonly ReadOnlyMemory<byte> profile;
    private long defaultSampleType;

    /// <exception cref="InvalidDataException">The bytes are no pprof profile.</exception>
    public PprofTables(ReadOnlyMemory<byte> profile)
    {
        this.profile = profile;
        var reader = new WireReader(profile.Span);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1 when reader.IsBytes:
                    sampleTypes.Add(Pair(reader.Bytes, 1, 2));
                    break;
                case 3 when reader.IsBytes:
                    AddNamed(mappingFiles, Pair(reader.Bytes, 1, 5), "mapping");
                    break;
                case 4 when reader.IsBytes:
                    if (!locations.TryAdd((ulong)Pair(reader.Bytes, 1, 1).First, RangeOf(reader.Bytes)))
                        throw new InvalidDataException("two locations have the same id");
                    break;
                case 5 when reader.IsBytes:
                    AddNamed(functionNames, Pair(reader.Bytes, 1, 2), "function");
                    break;
                case 6 when reader.IsBytes:
                    strings.Add(RangeOf(reader.Bytes));
                    break;
                case 14 when !reader.IsBytes:
                    defaultSampleType = (long)reader.Number;
                    break;
                case 2 when reader.IsBytes:
                    break;
                case 1 or 2 or 3 or 4 or 5 or 6 or 14:
                    throw new InvalidDataException("a field has the wrong type");
            }
            if (strings.Count + locations.Count + functionNames.Count + mappingFiles.Count + sampleTypes.Count > MostEntries)
                throw new InvalidDataException("its tables are too large");
        }
        if (sampleTypes.Count == 0 || strings.Count == 0 || !profile[strings[0]].IsEmpty)
            throw new InvalidDataException("it has no sample types or no string table");
    }

    public int SampleTypes => sampleTypes.Count;

    /// <summary>Which of a sample's values to report: CPU time, else the profile's default, else the last.</summary>
    public int ChooseValue()
    {
        string preferred = Text(defaultSampleType);
        int chosen = sampleTypes.Count - 1;
        for (int i = sampleTypes.Count - 1; i >= 0; i--)
        {
            string type = Text(sampleTypes[i].Type);
            if (type == "cpu")
                return i;
            if (type == preferred)
                chosen = i;
        }
        return chosen;
    }

    public PprofValueType ValueType(int index) => new(Text(sampleTypes[index].Type), Text(sampleTypes[index].Unit));

    /// <summary>The names of the functions at a location, innermost inlinee first.</summary>
    public List<string> NamesAt(ulong location)
    {
        if (!locations.TryGetValue(location, out Range range))
            throw new InvalidDataException("a sample points at a location that is not there");
        var names = new List<string>();
        ulong address = 0;
        ulong mapping = 0;
        var reader = new WireReader(profile.Span[range]);
        while (reader.Next())
        {
            if (reader.Field == 2)
                mapping = reader.Number;
            else if (reader.Field == 3)
                address = reader.Number;
            else if (reader.Field == 4 && functionNames.TryGetValue((ulong)Pair(reader.Bytes, 1, 2).First, out long name))
                names.Add(Text(name));
        }
        names.RemoveAll(name => name.Length == 0);
        if (names.Count == 0)
            names.Add(UnnamedPlace.Name(mappingFiles.TryGetValue(mapping, out long file) ? Text(file) : "", address));
        return names;
    }

    /// <summary>Each string is decoded once: a long one may be pointed at by millions of entries.</summary>
    private string Text(long index)
    {
        if (texts.TryGetValue(index, out string? text))
            return text;
        if (index < 0 || index >= strings.Count)
            throw new InvalidDataException("a string index points outside the string table");
        text = Encoding.UTF8.GetString(profile.Span[strings[(int)index]]);
        texts.Add(index, text);
        return text;
    }

    private Range RangeOf(ReadOnlySpan<byte> part)
    {
        profile.Span.Overlaps(part, out int start);
        return part.IsEmpty ? default : new Range(start, start + part.Length);
    }

    private static void AddNamed(Dictionary<ulong, long> table, (long Id, long Name) entry, string what)
    {
        if (entry.Id == 0 || !table.TryAdd((ulong)entry.Id, entry.Name))
            throw new InvalidDataException($"a {what} has no id, or one that another has");
    }

    /// <summary>Two numbers of a small message, 0 where absent.</summary>
    private static (long First, long Second) Pair(ReadOnlySpan<byte> message, int first, int second)
    {
        (long First, long Second) pair = default;
        var reader = new WireReader(message);
        while (reader.Next())
        {
            if (reader.Field == first)
                pair.First = (long)reader.Number;
            if (reader.Field == second)
                pair.Second = (long)reader.Number;
        }
        return pair;
    }
}
