using System.Runtime.Versioning;
using Xunit;

[assembly: SupportedOSPlatform("linux")]

/* What runs beside others mostly waits for other programs. */
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
