namespace DotnetPprof.Drain;

/// <summary>What was to be a region is none, or one of another version, or damaged. The message is for the user.</summary>
internal sealed class RegionFormatException(string message) : Exception(message);
