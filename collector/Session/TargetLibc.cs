namespace DotnetPprof.Session;

/// <summary>The C library a process runs on; the agent's library needs glibc of a certain age.</summary>
/// <param name="IsMusl">Whether it is musl, which the agent does not run on.</param>
/// <param name="Version">glibc's version, null when unknown.</param>
internal sealed record TargetLibc(bool IsMusl, Version? Version)
{
    internal static readonly Version Needed = new(2, 34);

    internal bool IsGoodEnough => !IsMusl && (Version is null || Version >= Needed);

    /// <summary>Null when this user may not look or the process has no C library.</summary>
    internal static TargetLibc? Of(int pid)
    {
        if (ProcFs.MappedFiles(pid) is not { } files) return null;
        if (files.Any(file => Path.GetFileName(file).StartsWith("ld-musl-", StringComparison.Ordinal))) return new TargetLibc(true, null);
        string? path = files.FirstOrDefault(file => Path.GetFileName(file) is "libc.so.6");
        // Older builds carry the version in the file's name.
        path ??= files.FirstOrDefault(file => Path.GetFileName(file).StartsWith("libc-2.", StringComparison.Ordinal));
        if (path is null) return null;
        // The library's banner, "GNU C Library (...) stable release version 2.36.", is there even when it is stripped.
        string? banner = FileSearch.Find($"/proc/{pid}/root{path}", "release version "u8);
        return new TargetLibc(false, ParseVersion(banner));
    }

    private static Version? ParseVersion(string? banner)
    {
        if (banner is null) return null;
        int end = 0;
        while (end < banner.Length && (char.IsAsciiDigit(banner[end]) || banner[end] == '.')) end++;
        return Version.TryParse(banner.AsSpan(0, end).TrimEnd('.'), out var version) ? version : null;
    }
}
