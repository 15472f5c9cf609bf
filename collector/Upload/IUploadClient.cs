namespace DotnetPprof.Upload;

/// <summary>Sends messages to one receiver, one after another.</summary>
internal interface IUploadClient : IDisposable
{
    /// <summary>Tries once. Every failure but being cancelled is an outcome, not an exception.</summary>
    Task<UploadOutcome> SendAsync(byte[] message, CancellationToken cancel);
}
