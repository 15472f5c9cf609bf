namespace DotnetPprof.Model;

/// <summary>Why a file could not be written, as one line says it.</summary>
internal static class FileProblem
{
    /// <summary>The framework's message on one line, without the file's path: that of a temporary file helps nobody.</summary>
    public static string Of(Exception error)
    {
        string message = error.Message;
        int path = message.IndexOf(" : '", StringComparison.Ordinal);
        return OneLine(path > 0 ? message[..path] : message);
    }

    public static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
