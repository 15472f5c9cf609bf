using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>Tests of the walk, whose roots, rules and modules are the process's.</summary>
[CollectionDefinition(Name)]
public sealed class WalkCollection
{
    public const string Name = "walk";
}
