using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>The C# compiler of the SDK, compiling this product's own sources, is profiled from its first instruction.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class CompilerTests(ITestOutputHelper log)
{
    [Fact]
    public void CompilerIsProfiledWhole()
    {
        string compiler = Path.Join(ProgramPaths.Sdk, "Roslyn", "bincore", "csc.dll");
        if (!File.Exists(compiler))
            Assert.Skip($"the SDK has no compiler at {compiler}");
        using var collector = new Collector();
        string compiled = Path.Join(collector.Directory, "compiled.dll");
        string arguments = Path.Join(collector.Directory, "arguments.rsp");
        File.WriteAllLines(arguments, Arguments(compiled).Select(argument => $"\"{argument}\""));

        PprofFile profile = collector.Collect("-r", "1000", "--", ProgramPaths.Dotnet, compiler, $"@{arguments}");

        Assert.True(File.Exists(compiled));
        var quality = new StackQuality(profile);
        log.WriteLine($"{quality}; unsampled {profile.UnsampledShare:P2}");
        Assert.True(profile.CpuNanosUnder("Microsoft.CodeAnalysis.CSharp") > 0);
        quality.MeetsTheBar(profile);
    }

    /// <summary>The sources as the build compiled them, its generated ones included, with the SDK's source generators.</summary>
    private static IEnumerable<string> Arguments(string output)
    {
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string configuration = new DirectoryInfo(Path.GetDirectoryName(ProgramPaths.Collector)!).Parent!.Name;
        string generated = Path.Join(ProgramPaths.CollectorSources, "obj", configuration, "net10.0");
        string webFramework = Path.Join(framework, "..", "..", "Microsoft.AspNetCore.App", Path.GetFileName(framework));
        string packs = Path.Join(ProgramPaths.Sdk, "..", "..", "packs", "Microsoft.NETCore.App.Ref");
        string generators = Directory.GetDirectories(packs).Select(pack => Path.Join(pack, "analyzers", "dotnet", "cs")).Last(Directory.Exists);
        string[] product = [.. Directory.GetFiles(Path.GetDirectoryName(ProgramPaths.Collector)!, "*.dll").Where(file => Path.GetFileName(file) is not ("dotnet-pprof.dll" or "DemoWorkload.dll" or "Dia2Lib.dll" or "TraceReloggerLib.dll"))];
        return
        [
            "-nologo", "-target:exe", "-unsafe", "-nullable:enable", "-langversion:latest", "-optimize", "-nowarn:CS1701,CS1702", $"-out:{output}",
            .. Directory.GetFiles(framework, "*.dll").Concat(Directory.GetFiles(webFramework, "*.dll")).Concat(product).Select(file => $"-reference:{file}"),
            .. Directory.GetFiles(generators, "*.dll").Select(file => $"-analyzer:{file}"),
            .. Directory.GetFiles(ProgramPaths.CollectorSources, "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/") && !file.Contains("/bin/")),
            .. Directory.GetFiles(generated, "*.cs", SearchOption.AllDirectories),
        ];
    }
}
