using Xunit;

namespace DotnetPprof.Tests.Commands;

/// <summary>Tests that signal the test process itself: every run that listens would hear them, so they go one by one.</summary>
[CollectionDefinition(Name)]
public class SignalCollection
{
    public const string Name = "signals";
}
