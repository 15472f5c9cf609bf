using DotnetPprof.Annotate;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Iced.Intel;

namespace DotnetPprof.Session;

/// <summary>Takes the code of the methods that had most samples, as it is in the target's memory at the end.</summary>
internal static class HotCode
{
    private const int MaxBodies = 256;
    private const uint MaxBytes = 1 << 18;

    public static IReadOnlyList<HotBody> Of(Profile profile, CaptureTarget target)
    {
        Dictionary<Location, MethodCode> methods = target.Symbolizer.Methods();
        var hits = new Dictionary<MethodCode, SortedDictionary<uint, HotPlace>>(ReferenceEqualityComparer.Instance);
        foreach (ProfileSample sample in profile.Samples)
        {
            if (sample.Stack.Count == 0 || !methods.TryGetValue(sample.Stack[0], out MethodCode? method)) continue;
            if (!hits.TryGetValue(method, out SortedDictionary<uint, HotPlace>? places)) hits.Add(method, places = []);
            uint offset = (uint)(sample.Stack[0].Address.Value - method.Start);
            HotPlace before = places.GetValueOrDefault(offset);
            places[offset] = new HotPlace(offset, before.Samples + sample.Count, before.CpuNanos + sample.CpuNanos);
        }

        var bodies = new List<HotBody>();
        foreach ((MethodCode method, SortedDictionary<uint, HotPlace> places) in hits.OrderByDescending(one => one.Value.Values.Sum(place => place.CpuNanos)).Take(MaxBodies))
        {
            // What took its place since is not the code that was sampled.
            if (method.Size is 0 or > MaxBytes || !target.Symbolizer.IsInPlace(method)) continue;
            byte[] code = target.Modules.ReadCode(method.Start, (int)method.Size);
            if (code.Length == (int)method.Size) bodies.Add(new HotBody(method.Function.Name, method.Start, code, [.. places.Values], SourceOf(method, code, target)));
        }

        return bodies;
    }

    private static List<SourcePlace> SourceOf(MethodCode method, byte[] code, CaptureTarget target)
    {
        var places = new List<SourcePlace>();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        while (decoder.IP < (ulong)code.Length)
        {
            uint offset = (uint)decoder.IP;
            decoder.Decode(out _);
            IReadOnlyList<Line> lines = target.Symbolizer.LinesOf(method, offset);
            Line innermost = lines[0];
            if (innermost.LineNumber == 0) continue;
            var place = new SourcePlace(offset, innermost.Function.FileName, innermost.LineNumber, lines.Count > 1 ? innermost.Function.Name : "");
            if (places.Count == 0 || places[^1] with { Offset = offset } != place) places.Add(place);
        }

        return places;
    }
}
