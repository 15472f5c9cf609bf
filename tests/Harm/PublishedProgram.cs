using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>
/// Publishes a program with a runtime of its own, of a kind and version that the build here does not have: it says
/// "ready", is busy in Busy.Work, called by Busy.Outer, on its main thread and on one named "second", and ends when its
/// input does.
/// </summary>
internal static class PublishedProgram
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>FRAMEWORK</TargetFramework>
            <RuntimeIdentifier>linux-x64</RuntimeIdentifier>
            <SelfContained>true</SelfContained>
            <InvariantGlobalization>true</InvariantGlobalization>
            <NuGetAudit>false</NuGetAudit>
          </PropertyGroup>
        </Project>
        """;

    private const string Source = """
        using System;
        using System.Runtime.CompilerServices;
        using System.Threading;
        using System.Threading.Tasks;

        Console.WriteLine("ready");
        Task input = Task.Run(Console.ReadLine);
        var second = new Thread(() => Busy.Outer(input)) { Name = "second" };
        second.Start();
        Busy.Outer(input);
        second.Join();

        static class Busy
        {
            [ThreadStatic]
            static double x;

            [MethodImpl(MethodImplOptions.NoInlining)]
            public static void Outer(Task end)
            {
                while (!end.IsCompleted)
                {
                    Work();
                    Thrower();
                }
            }

            [MethodImpl(MethodImplOptions.NoInlining)]
            static void Work()
            {
                for (int i = 0; i < 1_000_000; i++)
                    x = x * 0.99 + 1;
            }

            [MethodImpl(MethodImplOptions.NoInlining)]
            static void Thrower()
            {
                try
                {
                    ((string)null).ToString();
                }
                catch (NullReferenceException)
                {
                }
            }
        }
        """;

    /// <summary>Skips the test, with the reason, where the packages for it cannot be had.</summary>
    /// <returns>The program's path.</returns>
    internal static string Publish(string directory, string framework, string option, ITestOutputHelper output)
    {
        string project = Directory.CreateDirectory(Path.Join(directory, "Published")).FullName;
        File.WriteAllText(Path.Join(project, "Published.csproj"), Project.Replace("FRAMEWORK", framework, StringComparison.Ordinal));
        File.WriteAllText(Path.Join(project, "Program.cs"), Source);
        using var publish = new ChildProcess(ProgramPaths.Dotnet, ["publish", project, "-c", "Release", option, "-o", Path.Join(project, "out"), "-nologo"], project);
        if (publish.WaitForExit() != 0)
        {
            output.WriteLine(publish.Output);
            Assert.SkipWhen(publish.Output.Contains("NU1", StringComparison.Ordinal), $"the packages for {framework} {option} cannot be had here");
            Assert.Fail(publish.Output);
        }
        return Path.Join(project, "out", "Published");
    }
}
