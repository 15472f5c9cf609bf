using DotnetPprof.Model;

namespace DotnetPprof.Upload;

/// <summary>How a receiver wants profiles.</summary>
internal interface IUploadFormat
{
    /// <summary>Whether messages have samples with their times where the profile has.</summary>
    bool TakesTimes { get; }

    /// <returns>
    /// Messages that together hold the profile, each small enough for a receiver with default limits. None when there
    /// is nothing to tell.
    /// </returns>
    IReadOnlyList<byte[]> Encode(Profile profile, ProfileOrigin origin);
}
