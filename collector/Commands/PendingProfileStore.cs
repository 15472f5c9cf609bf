using DotnetPprof.Model;

namespace DotnetPprof.Commands;

/// <summary>Stands where the real one will be.</summary>
internal sealed class PendingProfileStore : IProfileStore
{
    public void Write(string path, Profile profile) => throw Missing();

    public IReadOnlyList<TopFunction> Top(Profile profile, int count, bool inclusive) => throw Missing();

    public IReadOnlyList<TopFunction> Top(string path, int count, bool inclusive) => throw Missing();

    private static UserError Missing() => new(ExitCode.Unknown, "this build cannot read or write profiles yet");
}
