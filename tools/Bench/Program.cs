using System.CommandLine;
using DotnetPprof.Bench.Clock;
using DotnetPprof.Bench.Compare;
using DotnetPprof.Bench.Convert;
using DotnetPprof.Bench.GroundTruth;

namespace DotnetPprof.Bench;

internal static class Program
{
    private static int Main(string[] args)
    {
        var root = new RootCommand("Measurements of dotnet-pprof. Run them on a quiet machine, in Release.")
        {
            ClockCommand.Create(),
            CompareCommand.Create(),
            ConvertCommand.Create(),
            ClockTruthCommand.Create(),
        };
        try
        {
            return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (BenchException error)
        {
            Console.Error.WriteLine($"bench: {error.Message}");
            return 1;
        }
    }
}

/// <summary>Something that the person who runs a measurement must know, and no bug.</summary>
internal sealed class BenchException(string message) : Exception(message);
