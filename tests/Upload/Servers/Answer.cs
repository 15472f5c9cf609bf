namespace DotnetPprof.Tests.Upload.Servers;

/// <summary>What a test server does with a request that breaks no rule.</summary>
internal enum AnswerKind
{
    Accept,
    Refuse,
    NeverAnswer,
    BreakRequest,
    BreakReply,
    PartialSuccess,
    HugeReply,
    ProxyPage,
}

/// <param name="Kind">What it does.</param>
/// <param name="Status">Of a refusal: HTTP's or gRPC's code.</param>
/// <param name="RetryAfter">Of a refusal: HTTP's header, or the seconds of gRPC's RetryInfo; null for none.</param>
/// <param name="Rejected">Of a partial success: how many profiles.</param>
/// <param name="Text">For people; of a Connect error also its code, before a colon.</param>
internal sealed record Answer(AnswerKind Kind, int Status = 0, string? RetryAfter = null, int Rejected = 0, string Text = "")
{
    public static Answer Accept { get; } = new(AnswerKind.Accept);

    public static Answer Refuse(int status, string? retryAfter = null, string text = "") => new(AnswerKind.Refuse, status, retryAfter, Text: text);
}
