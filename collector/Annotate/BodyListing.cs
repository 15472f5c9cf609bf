using System.Globalization;
using DotnetPprof.Model;
using Iced.Intel;

namespace DotnetPprof.Annotate;

/// <summary>A body as text: a line for each instruction, its samples before it and its source line behind it.</summary>
internal static class BodyListing
{
    private const int InstructionColumn = 52;

    /// <summary>Bodies of the methods that a text names, those with most time first; an error when there is none.</summary>
    public static IReadOnlyList<HotBody> Matching(IReadOnlyList<HotBody> bodies, string method)
    {
        List<HotBody> found = [.. bodies.Where(body => WithoutArguments(body.Name) == method || body.Name == method)];
        if (found.Count == 0) found = [.. bodies.Where(body => body.Name.Contains(method, StringComparison.Ordinal))];
        if (found.Count == 0) throw new UserError(ExitCode.Argument, $"no method with samples and code is named '{method}'; `report FILE topN` lists the methods with samples");
        return [.. found.OrderByDescending(body => body.CpuNanos)];
    }

    public static IEnumerable<string> Lines(HotBody body)
    {
        long all = Math.Max(1, body.CpuNanos);
        yield return Invariant($"{body.Name}  {body.CpuNanos / 1e9:0.00} s by itself, {body.Hits.Sum(hit => hit.Samples)} samples, {body.Code.Length} bytes at 0x{body.Start:x}");
        yield return Invariant($"{"self",9} {"",6} {"address",14}  instruction");
        var formatter = new IntelFormatter { Options = { SpaceAfterOperandSeparator = true, HexPrefix = "0x", HexSuffix = "", UppercaseHex = false, RipRelativeAddresses = true } };
        var output = new StringOutput();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(body.Code));
        decoder.IP = body.Start;
        int hit = 0, place = 0;
        string shown = "";
        while (decoder.IP - body.Start < (ulong)body.Code.Length)
        {
            decoder.Decode(out Instruction instruction);
            formatter.Format(instruction, output);
            uint end = (uint)(instruction.NextIP - body.Start);
            long nanos = 0;
            for (; hit < body.Hits.Count && body.Hits[hit].Offset < end; hit++) nanos += body.Hits[hit].CpuNanos;
            for (; place < body.Source.Count && body.Source[place].Offset < end; place++)
            {
            }

            string source = place > 0 ? Text(body.Source[place - 1]) : "";
            string text = output.ToStringAndReset();
            string time = nanos > 0 ? Invariant($"{nanos / 1e9,7:0.000} s {100.0 * nanos / all,5:0.0}%") : "";
            string line = Invariant($"{time,16} {instruction.IP,14:x}  {text}");
            yield return source != shown && source.Length > 0 ? line.PadRight(InstructionColumn + 20) + " ; " + source : line;
            shown = source;
        }
    }

    private static string Text(SourcePlace place)
    {
        string where = Invariant($"{place.File[(place.File.LastIndexOfAny(['/', '\\']) + 1)..]}:{place.Line}");
        return place.Method.Length == 0 ? where : $"{where} ({place.Method})";
    }

    private static string WithoutArguments(string name) => Commands.CaptureView.WithoutArguments(name);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
