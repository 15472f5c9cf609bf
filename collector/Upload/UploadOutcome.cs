using DotnetPprof.Model;

namespace DotnetPprof.Upload;

/// <summary>What became of one message.</summary>
internal enum UploadResult
{
    /// <summary>The receiver has it.</summary>
    Delivered,

    /// <summary>The receiver does not want it, and would not the next time.</summary>
    Rejected,

    /// <summary>It may be tried again.</summary>
    Retry,
}

/// <param name="Result">What became of it.</param>
/// <param name="Reason">One line for people; of a delivered message a warning of the receiver's, or empty.</param>
/// <param name="RetryAfter">How long the receiver asked to be left alone; null when it did not.</param>
internal readonly record struct UploadOutcome(UploadResult Result, string Reason, TimeSpan? RetryAfter = null)
{
    /// <summary>Of what a receiver says no more than this is passed on, in characters.</summary>
    private const int MostText = 300;

    public static UploadOutcome Delivered(string warning = "") => new(UploadResult.Delivered, Short(warning));

    public static UploadOutcome Rejected(string reason) => new(UploadResult.Rejected, Short(reason));

    public static UploadOutcome Retry(string reason, TimeSpan? after = null) => new(UploadResult.Retry, Short(reason), after);

    private static string Short(string text) => FileProblem.OneLine(text.Length > MostText ? text[..MostText] : text);
}
