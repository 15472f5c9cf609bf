using System.Globalization;
using DotnetPprof.Tests.PprofReader;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Questions to a profile.</summary>
internal static class ProfileExtensions
{
    public const string Unsampled = "[unsampled threads]";
    public const string Agent = "[dotnet-pprof agent]";

    extension(PprofFile profile)
    {
        public long CpuNanos => profile.Samples.Sum(sample => sample.CpuNanos);

        /// <summary>Samples that stand for a thread's stack, not for time of the process as a whole.</summary>
        public IEnumerable<PprofSample> StackSamples => profile.Samples.Where(sample => sample.Label("thread id") is not null);

        public long EndNanos => profile.TimeNanos + profile.DurationNanos;

        public long CpuNanosUnder(string function) =>
            profile.Samples.Where(sample => sample.FunctionNames.Any(name => name.Contains(function, StringComparison.Ordinal))).Sum(sample => sample.CpuNanos);

        /// <summary>What came of the rate that was asked for: no period is shorter than twice a sample's cost, which on some machines is more than 50 us.</summary>
        public double ArmedHz => double.Parse(
            profile.Comments.Single(comment => comment.StartsWith("rate: ", StringComparison.Ordinal)).Split("armed ")[1].Split(' ')[0], CultureInfo.InvariantCulture);

        public double UnsampledShare => (double)profile.CpuNanosUnder(Unsampled) / profile.CpuNanos;
    }

    extension(PprofSample sample)
    {
        public long Count => sample.Values[0];

        public long CpuNanos => sample.Values[1];

        public string ThreadName => sample.Label("thread name")?.Text ?? "";

        public bool Has(string function) => sample.FunctionNames.Any(name => name.Contains(function, StringComparison.Ordinal));
    }
}
