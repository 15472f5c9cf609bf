using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Tests that start processes of their own run one at a time: they measure, and would disturb each other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealProcesses
{
    public const string Name = "real processes";
}
