namespace DotnetPprof.Model;

/// <summary>Process exit codes; the numbers are dotnet-trace's.</summary>
public enum ExitCode
{
    Ok = 0,
    SessionCreation = 1,
    Tracing = 2,
    Argument = 3,
    Platform = 4,
    Unknown = 5,
}

/// <summary>
/// Something the user can mend. The message is one line: what happened, why, and what to do. It is printed to standard
/// error as it stands, and <see cref="Code"/> becomes the exit code.
/// </summary>
public sealed class UserError(ExitCode code, string message) : Exception(message)
{
    public ExitCode Code { get; } = code;
}
