using DotnetPprof.Tests.PprofReader;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>The product as a child process, in a directory of its own.</summary>
internal sealed class Collector : IDisposable
{
    private readonly List<ChildProcess> started = [];

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;

    public string ProfilePath => Path.Join(Directory, "profile.pb.gz");

    /// <summary>What the last <c>collect</c> said.</summary>
    public string LastOutput { get; private set; } = "";

    /// <summary>Starts it with these arguments.</summary>
    public ChildProcess Start(params string[] arguments)
    {
        var process = new ChildProcess(ProgramPaths.Dotnet, [ProgramPaths.Collector, .. arguments], Directory);
        started.Add(process);
        return process;
    }

    /// <summary>Starts <c>collect</c> into <see cref="ProfilePath"/>.</summary>
    public ChildProcess StartCollecting(params string[] arguments) => Start(["collect", "-o", ProfilePath, .. arguments]);

    /// <summary>Runs it to its end.</summary>
    public (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        ChildProcess process = Start(arguments);
        return (process.WaitForExit(), process.Output, process.Errors);
    }

    /// <summary>Runs <c>collect</c>, which has to succeed, and reads the profile, which has to be valid.</summary>
    public PprofFile Collect(params string[] arguments) => Finish(StartCollecting(arguments));

    /// <summary>The same for one that runs already.</summary>
    public PprofFile Finish(ChildProcess collecting, int expectedExitCode = 0)
    {
        int exitCode = collecting.WaitForExit();
        LastOutput = collecting.Output;
        if (exitCode != expectedExitCode)
            throw new InvalidOperationException($"exit code {exitCode}:{Environment.NewLine}{collecting.Output}{Environment.NewLine}{collecting.Errors}");
        return ReadProfile();
    }

    public PprofFile ReadProfile()
    {
        PprofFile profile = PprofFile.Read(ProfilePath);
        profile.CheckValid();
        return profile;
    }

    public void Dispose()
    {
        foreach (ChildProcess process in started)
            process.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
