using System.ComponentModel;
using System.Diagnostics;
using DotnetPprof.Emit;
using Xunit;

namespace DotnetPprof.Tests.Emit;

/// <summary>Programs that people open profiles with read ours; skipped where they are not installed.</summary>
public sealed class ExternalReadersTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("dotnet-pprof-test-").FullName;
    private readonly string profile;

    public ExternalReadersTests()
    {
        profile = Path.Join(directory, "tiny.pb.gz");
        ProfileFile.WriteAtomically(profile, TinyProfile.Create());
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void GoToolPprofReadsIt()
    {
        if (Run("go", ["version"]) is not { ExitCode: 0 })
            Assert.Skip("go is not on PATH");
        (int exitCode, string output) = Run("go", ["tool", "pprof", "-top", profile])!.Value;
        Assert.True(exitCode == 0, output);
        Assert.Contains("Type: cpu", output);
        Assert.Contains("App.Parser.Skip()", output);
        Assert.Contains("App.Parser.Parse<T>(string)", output);
        Assert.Contains("16ms, 100% of 16ms total", output);

        (exitCode, string raw) = Run("go", ["tool", "pprof", "-raw", profile])!.Value;
        Assert.True(exitCode == 0, raw);
        Assert.Contains("samples/count cpu/nanoseconds[dflt]", raw);
        Assert.Contains("thread name:[worker \U0001F980]", raw);
        Assert.Contains("1: 0x400000/0x401000/0x0 /usr/bin/app b1", raw);
        Assert.Contains("2: 0x0/0x0/0x0 /srv/App.dll 0f3c [FN][FL][LN][IN]", raw);
    }

    [Fact]
    public void PprofFormatReadsIt()
    {
        const string Script =
            """
            const { Profile } = require('pprof-format');
            const bytes = require('zlib').gunzipSync(require('fs').readFileSync(process.argv[1]));
            const profile = Profile.decode(bytes);
            const text = i => profile.stringTable.strings[Number(i)];
            console.log(profile.sampleType.map(t => text(t.type) + '/' + text(t.unit)).join(' '));
            console.log(profile.function.map(f => text(f.name)).join(' '));
            console.log(profile.sample.map(s => s.value.join(',')).join(' '));
            console.log(profile.sample[1].label.map(l => text(l.key) + '=' + (text(l.str) || l.num)).join(' '));
            """;
        if (Run("node", ["-e", "require.resolve('pprof-format')"]) is not { ExitCode: 0 })
            Assert.Skip("node is not on PATH, or cannot resolve pprof-format (npm install -g pprof-format)");
        (int exitCode, string output) = Run("node", ["-e", Script, profile])!.Value;
        Assert.True(exitCode == 0, output);
        Assert.Equal(
            """
            samples/count cpu/nanoseconds
            App.Parser.Skip() App.Parser.Parse<T>(string) App.Program.Run() [lost samples]
            3,12000000 1,4000001 0,9
            thread id=12 end_timestamp_ns=1700000001000000007

            """,
            output);
    }

    private (int ExitCode, string Output)? Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory,
        };
        string installed = Environment.GetEnvironmentVariable("NODE_PATH") ?? "";
        start.Environment["NODE_PATH"] = $"{installed}:/usr/local/lib/node_modules:/usr/lib/node_modules";
        start.Environment["PPROF_TMPDIR"] = directory;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, process.ExitCode == 0 ? output : output + errors.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
