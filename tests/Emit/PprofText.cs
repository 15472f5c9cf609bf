using System.Text;
using DotnetPprof.Tests.PprofReader;

namespace DotnetPprof.Tests.Emit;

/// <summary>A pprof file as text that a person can review in a test.</summary>
internal static class PprofText
{
    public static string Of(PprofFile file)
    {
        var text = new StringBuilder();
        text.AppendLine($"types {string.Join(' ', file.SampleTypes.Select(Type))} default {file.DefaultSampleType}");
        text.AppendLine($"period {Type(file.PeriodType!)} {file.Period} time {file.TimeNanos} duration {file.DurationNanos}");
        foreach (string comment in file.Comments)
            text.AppendLine($"comment {comment}");
        foreach (PprofSample s in file.Samples)
            text.AppendLine($"sample {string.Join(' ', s.Values)}: {string.Join(' ', s.LocationIds)}{string.Concat(s.Labels.Select(Label))}");
        foreach (PprofMapping m in file.Mappings)
        {
            string flags = $"{(m.HasFunctions ? "F" : "")}{(m.HasFilenames ? "N" : "")}{(m.HasLineNumbers ? "L" : "")}{(m.HasInlineFrames ? "I" : "")}";
            text.AppendLine($"mapping {m.Id} {m.Start:x}-{m.Limit:x} +{m.Offset:x} {m.FileName} {m.BuildId} {flags}".TrimEnd());
        }
        foreach (PprofLocation l in file.Locations)
            text.AppendLine($"location {l.Id} in {l.MappingId} at {l.Address:x}{string.Concat(l.Lines.Select(x => $" {x.FunctionId}:{x.Line}"))}");
        foreach (PprofFunction f in file.Functions)
            text.AppendLine($"function {f.Id} {f.Name} | {f.SystemName} | {f.FileName}:{f.StartLine}");
        return text.ToString();
    }

    private static string Type(PprofType type) => $"{type.Type}/{type.Unit}";

    private static string Label(PprofLabel label) =>
        $" {label.Key}={(label.Text is { } text ? $"'{text}'" : label.Number)}{label.Unit}";
}
