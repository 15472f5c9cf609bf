using DotnetPprof.Tests.PprofReader;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary><c>collect -- COMMAND</c>: the command's output and exit code stay its own.</summary>
public sealed class LaunchTests : IDisposable
{
    private const int SigInt = 2;
    private readonly Collector collector = new();

    public void Dispose() => collector.Dispose();

    [Fact]
    public void ExitCodeIsTheCommands()
    {
        ChildProcess collecting = collector.StartCollecting("--", "sh", "-c", "echo spoken; exit 7");
        Assert.Equal(7, collecting.WaitForExit());
        Assert.Equal("spoken", collecting.Output);
        Assert.Contains("nothing was profiled", collecting.Errors);
    }

    [Fact]
    public void CommandWithoutDotnetIsAnError()
    {
        ChildProcess collecting = collector.StartCollecting("--", "true");
        Assert.Equal(1, collecting.WaitForExit());
        Assert.Contains("nothing was profiled", collecting.Errors);
    }

    [Fact]
    public void CommandThatIsNotThere()
    {
        (int exitCode, _, string errors) = collector.Run("collect", "--", "no-such-program");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("no-such-program", errors);
        Assert.Single(errors.Split('\n'));
    }

    [Fact]
    public void ProgramThatEndsAtOnce()
    {
        ChildProcess collecting = collector.StartCollecting("--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Burner"), "0");
        collecting.CloseInput();
        PprofFile profile = collector.Finish(collecting);
        Assert.Contains("heavy 0 light 0", collecting.Output);
        Assert.True(profile.CpuNanos > 0);
    }

    [Fact]
    public void ProgramThatFailsKeepsItsExitCodeAndItsProfile()
    {
        ChildProcess collecting = collector.StartCollecting("--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Burner"), "not a number");
        PprofFile profile = collector.Finish(collecting, expectedExitCode: 134); // 128 + SIGABRT
        Assert.Contains("System.FormatException", collecting.Errors);
        Assert.True(profile.CpuNanos > 0);
    }

    [Fact]
    public void CtrlCReachesTheCommand()
    {
        ChildProcess collecting = collector.StartCollecting("--", ProgramPaths.Dotnet, ProgramPaths.TestProgram("Burner"), "1");
        collecting.WaitForLine("ready");
        string children = string.Concat(Directory.GetDirectories($"/proc/{collecting.Pid}/task").Select(task => File.ReadAllText(task + "/children")));
        DrainedRecords.Wait(int.Parse(children), records: 50);
        collecting.Signal(SigInt);
        PprofFile profile = collector.Finish(collecting, expectedExitCode: 130); // 128 + SIGINT
        Assert.True(profile.CpuNanosUnder("Burner.Program.Heavy") > 0);
    }

    [Fact]
    public void DotnetRunProfilesTheProgramThatWasMeant()
    {
        string project = Path.Join(collector.Directory, "Tiny");
        Directory.CreateDirectory(project);
        File.WriteAllText(Path.Join(project, "Tiny.csproj"),
            """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
              </PropertyGroup>
            </Project>
            """);
        File.WriteAllText(Path.Join(project, "Program.cs"),
            """
            double x = 0;
            double begun = CpuSeconds();
            while (CpuSeconds() < begun + 3)
                x = Tiny.Work(x);
            System.Console.WriteLine(x > 0 ? "tiny is done" : "");
            return 3;

            static double CpuSeconds() => System.Environment.CpuUsage.TotalTime.TotalSeconds;

            static class Tiny
            {
                [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
                public static double Work(double x)
                {
                    for (int i = 0; i < 100_000; i++)
                        x = x * 0.99 + 1;
                    return x;
                }
            }
            """);
        ChildProcess collecting = collector.StartCollecting("--", ProgramPaths.Dotnet, "run", "--project", project);
        PprofFile profile = collector.Finish(collecting, expectedExitCode: 3);
        Assert.Contains("tiny is done", collecting.Output);
        Assert.True(profile.CpuNanosUnder("Tiny.Work") > profile.CpuNanos / 2, "the profile is not the program's");
        Assert.Equal(["profile.pb.gz"], Directory.GetFiles(collector.Directory, "*.pb.gz").Select(Path.GetFileName));
    }
}
