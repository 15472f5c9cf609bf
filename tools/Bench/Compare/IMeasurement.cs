namespace DotnetPprof.Bench.Compare;

/// <summary>One configuration, which can be run again and again.</summary>
internal interface IMeasurement
{
    string Name { get; }

    /// <summary>Runs it once and gives the value, in the metric's unit.</summary>
    double Measure();
}
