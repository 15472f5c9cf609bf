using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>
/// Tests that start programs and weigh their CPU time, or their own. Nothing else of ours runs beside them. Those that
/// only look at what comes out belong to no collection: three run at a time.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RealProgramsCollection
{
    public const string Name = "real programs";
}
