namespace DotnetPprof.Agent;

internal static class Placeholder
{
}
