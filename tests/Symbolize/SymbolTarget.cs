using System.Diagnostics;
using System.Globalization;
using DotnetPprof.Tests.Symbolize;
using Xunit;

[assembly: AssemblyFixture(typeof(SymbolTargetProgram))]

namespace DotnetPprof.Tests.Symbolize;

/// <summary>The target program, compiled once by the SDK's own compiler against the runtime that runs the tests.</summary>
public sealed class SymbolTargetProgram : IDisposable
{
    private const string Source =
        """
        using System;
        using System.Reflection.Emit;
        using System.Runtime.CompilerServices;
        using System.Runtime.InteropServices;
        using System.Runtime.Loader;

        public class Generic<T> { [MethodImpl(MethodImplOptions.NoInlining)] public static int Size<U>(T value, U other) => 1; }

        public static class Program
        {
            [DllImport("libc")] static extern int clock_gettime(int clock, long[] time);
            static long Now() { var time = new long[2]; clock_gettime(1, time); return time[0] * 1_000_000_000 + time[1]; }
            [MethodImpl(MethodImplOptions.NoInlining)] static int Early(int a) => a + 1;
            [MethodImpl(MethodImplOptions.NoInlining)] static int Late(string a) => a.Length;
            [MethodImpl(MethodImplOptions.NoInlining)] public static int InContext() => 3;
            [MethodImpl(MethodImplOptions.NoInlining)] static void Unload(string path)
            {
                var context = new AssemblyLoadContext("brief", isCollectible: true);
                context.LoadFromAssemblyPath(path).GetType("Program").GetMethod("InContext").Invoke(null, null);
                context.Unload();
            }
            [MethodImpl(MethodImplOptions.NoInlining)] static void Dynamic()
            {
                var method = new DynamicMethod("OnTheFly", typeof(int), new[] { typeof(int) });
                var il = method.GetILGenerator();
                il.Emit(OpCodes.Ldarg_0);
                il.Emit(OpCodes.Ret);
                method.CreateDelegate<Func<int, int>>()(1);
            }
            public static void Main()
            {
                Early(1);
                Generic<string>.Size<int>("", 1);
                Now();
                Console.WriteLine("ready");
                while (Console.ReadLine() is { } command)
                {
                    long before = Now();
                    if (command == "late") Late("x");
                    if (command == "dynamic") Dynamic();
                    if (command == "unload") Unload(typeof(Program).Assembly.Location);
                    if (command == "collect") for (int i = 0; i < 5; i++) { GC.Collect(); GC.WaitForPendingFinalizers(); }
                    Console.WriteLine($"{before} {Now()}");
                }
            }
        }
        """;

    private readonly string directory = Directory.CreateTempSubdirectory("symbols").FullName;

    public SymbolTargetProgram()
    {
        string root = Path.GetFullPath(Path.Combine(RuntimeEnvironmentDirectory, "..", "..", ".."));
        Dotnet = Path.Combine(root, "dotnet");
        string? compiler = Directory.Exists(Path.Combine(root, "sdk"))
            ? Directory.EnumerateFiles(Path.Combine(root, "sdk"), "csc.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal).LastOrDefault()
            : null;
        if (compiler is null) return;
        Compiler = compiler;
        Assembly = Path.Combine(directory, "target program.dll");
        File.WriteAllText(Path.Combine(directory, "p.cs"), Source);
        File.WriteAllText(
            Path.ChangeExtension(Assembly, ".runtimeconfig.json"),
            $$"""{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" } } }""");
        var start = new ProcessStartInfo(Dotnet) { RedirectStandardOutput = true };
        foreach (string argument in (string[])["exec", compiler, "-nologo", "-o+", "-debug:portable", "-nostdlib", "-out:" + Assembly, Path.Combine(directory, "p.cs")])
            start.ArgumentList.Add(argument);
        foreach (string name in (string[])["System.Private.CoreLib", "System.Runtime", "System.Console", "System.Reflection.Emit.Lightweight", "System.Reflection.Emit.ILGeneration", "System.Reflection.Primitives", "System.Runtime.Loader", "System.Runtime.InteropServices"])
            start.ArgumentList.Add("-r:" + Path.Combine(RuntimeEnvironmentDirectory, name + ".dll"));
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException(output);
    }

    public string Dotnet { get; }

    /// <summary>Empty where there is no SDK.</summary>
    public string Assembly { get; } = "";

    public string Compiler { get; } = "";

    private static string RuntimeEnvironmentDirectory => System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory();

    public void Dispose() => Directory.Delete(directory, recursive: true);
}

/// <summary>One running instance of the target program, told what to do by lines on its standard input.</summary>
internal sealed class SymbolTarget : IDisposable
{
    private readonly Process process;

    public SymbolTarget(SymbolTargetProgram program, string? diagnosticPort = null)
    {
        if (program.Assembly.Length == 0) Assert.Skip("the .NET SDK, whose compiler builds the target program, is not beside this runtime");
        var start = new ProcessStartInfo(program.Dotnet) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(program.Assembly);
        if (diagnosticPort is not null) start.Environment["DOTNET_DiagnosticPorts"] = diagnosticPort + ",suspend";
        process = Process.Start(start)!;
        if (diagnosticPort is null) WaitUntilReady();
    }

    public int Pid => process.Id;

    public void WaitUntilReady() => Assert.Equal("ready", process.StandardOutput.ReadLine());

    /// <summary>CLOCK_MONOTONIC before and after the target did it, in nanoseconds.</summary>
    public (long Before, long After) Do(string command)
    {
        process.StandardInput.WriteLine(command);
        string[] times = process.StandardOutput.ReadLine()!.Split(' ');
        return (long.Parse(times[0], CultureInfo.InvariantCulture), long.Parse(times[1], CultureInfo.InvariantCulture));
    }

    public void Exit()
    {
        process.StandardInput.Close();
        process.WaitForExit();
    }

    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited) Kill();
        process.Dispose();
    }
}
