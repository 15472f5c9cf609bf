using System.CommandLine;
using DotnetPprof.Bench.Budget;
using DotnetPprof.Bench.Capacity;
using DotnetPprof.Bench.Clock;
using DotnetPprof.Bench.Compare;
using DotnetPprof.Bench.Convert;
using DotnetPprof.Bench.GroundTruth;
using DotnetPprof.Bench.Overhead;
using DotnetPprof.Bench.StackTruth;

namespace DotnetPprof.Bench;

internal static class Program
{
    private static int Main(string[] args)
    {
        var root = new RootCommand("Measurements of dotnet-pprof. Run them on a quiet machine, in Release.")
        {
            BudgetCommand.Create(),
            CapacityCommand.Create(),
            ClockCommand.Create(),
            CompareCommand.Create(),
            ConvertCommand.Create(),
            ClockTruthCommand.Create(),
            OverheadCommand.Create(),
            TruthCommand.Create(),
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
