using DotnetPprof.Model;

namespace DotnetPprof.Report;

/// <summary>Adds up the samples of a pprof file.</summary>
internal static class PprofSummary
{
    /// <summary>
    /// Frames walked at most, seconds of work. A file of the largest size has fewer, unless it names places with
    /// thousands of inlined functions over and over.
    /// </summary>
    private const long MostFrames = 1L << 32;

    /// <param name="profile">The file's bytes, unpacked.</param>
    /// <param name="path">For messages.</param>
    /// <param name="totals">Gets every stack.</param>
    /// <exception cref="UserError">The bytes are no valid profile.</exception>
    public static PprofValueType Read(ReadOnlyMemory<byte> profile, string path, FunctionTotals totals)
    {
        if (profile.IsEmpty)
            throw new UserError(ExitCode.Argument, $"'{path}' is not a profile: it is empty or cut off");
        try
        {
            var tables = new PprofTables(profile);
            int value = tables.ChooseValue();
            AddSamples(profile.Span, tables, value, totals);
            return tables.ValueType(value);
        }
        catch (InvalidDataException e)
        {
            throw new UserError(ExitCode.Argument, $"'{path}' is not a valid pprof profile: {e.Message}");
        }
    }

    private static void AddSamples(ReadOnlySpan<byte> profile, PprofTables tables, int value, FunctionTotals totals)
    {
        var functions = new Dictionary<ulong, int[]>();
        var stack = new List<ulong>();
        var values = new List<ulong>();
        long frames = 0;
        var reader = new WireReader(profile);
        while (reader.Next())
        {
            if (reader.Field != 2)
                continue;
            stack.Clear();
            values.Clear();
            var sample = new WireReader(reader.Bytes);
            while (sample.Next())
            {
                if (sample.Field == 1)
                    Append(ref sample, stack);
                else if (sample.Field == 2)
                    Append(ref sample, values);
            }
            if (values.Count != tables.SampleTypes)
                throw new InvalidDataException("a sample has more or fewer values than there are sample types");
            AddSample(stack, (long)values[value], tables, functions, totals, ref frames);
        }
    }

    private static void AddSample(
        List<ulong> stack, long value, PprofTables tables, Dictionary<ulong, int[]> functions,
        FunctionTotals totals, ref long frames)
    {
        totals.BeginStack(value);
        bool leaf = true;
        foreach (ulong location in stack)
        {
            if (!functions.TryGetValue(location, out int[]? indices))
                functions.Add(location, indices = [.. tables.NamesAt(location).Select(totals.IndexOf)]);
            frames += indices.Length;
            if (frames > MostFrames)
                throw new InvalidDataException("its stacks are too large");
            foreach (int function in indices)
            {
                totals.AddFrame(function, value, leaf);
                leaf = false;
            }
        }
    }

    /// <summary>Repeated numbers come packed or one by one.</summary>
    private static void Append(ref WireReader field, List<ulong> numbers)
    {
        if (!field.IsBytes)
        {
            numbers.Add(field.Number);
            return;
        }
        ReadOnlySpan<byte> packed = field.Bytes;
        while (!packed.IsEmpty)
            numbers.Add(WireReader.Varint(ref packed));
    }
}
