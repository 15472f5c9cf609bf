using DotnetPprof.Emit;
using DotnetPprof.Model;
using DotnetPprof.Report;

namespace DotnetPprof.Commands;

/// <summary>Profiles as files.</summary>
internal sealed class ProfileStore : IProfileStore
{
    public IReadOnlyList<string> Write(string path, Profile profile) => ProfileParts.Write(path, profile);

    public IReadOnlyList<TopFunction> Top(Profile profile, int count, bool inclusive) =>
        Rows(TopFunctionsReport.Of(profile), count, inclusive);

    public IReadOnlyList<TopFunction> Top(string path, int count, bool inclusive) =>
        Rows(TopFunctionsReport.Read(path), count, inclusive);

    private static List<TopFunction> Rows(TopFunctionsReport report, int count, bool inclusive) =>
        [.. report.Rank(count, inclusive).Select(row =>
            new TopFunction(row.Name, row.Exclusive, row.ExclusivePercent, row.Inclusive, row.InclusivePercent))];
}
