using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>Tests that start programs and weigh their CPU time. Nothing else of ours runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealProgramsCollection
{
    public const string Name = "real programs";
}
