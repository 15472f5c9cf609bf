using Xunit.Sdk;
using Xunit.v3;

namespace DotnetPprof.Tests;

/// <summary>
/// Tests that start programs take from seconds to a minute and more: they come first, and the thousand short ones fill
/// what the last of them leave of the machine.
/// </summary>
public sealed class ProgramsFirst : ITestCollectionOrderer
{
    private static readonly string[] s_starting = [".Serve.", ".Harm.", ".RealPrograms.", ".Commands.", ".Upload."];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Place(collection.TestCollectionDisplayName)).ThenBy(collection => collection.TestCollectionDisplayName, StringComparer.Ordinal)];

    private static int Place(string name)
    {
        int place = Array.FindIndex(s_starting, part => name.Contains(part, StringComparison.Ordinal));
        return place < 0 ? s_starting.Length : place;
    }
}
