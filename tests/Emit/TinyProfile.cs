using DotnetPprof.Model;

namespace DotnetPprof.Tests.Emit;

/// <summary>A profile of a few samples with literal values, in which every rule of the format occurs.</summary>
internal static class TinyProfile
{
    public static readonly Mapping Main = new(0x400000, 0x401000, 0, "/usr/bin/app", "b1", HasFunctions: false);
    public static readonly Mapping App = new(0, 0, 0, "/srv/App.dll", "0f3c", HasFunctions: true);
    public static readonly Mapping Synthetic = new(0, 0, 0, "[dotnet-pprof]", "", HasFunctions: true);

    public static readonly Function Parse = new("App.Parser.Parse<T>(string)", "valuetype App.Parser::Parse<!!0>(string)", "Parser.cs", 10);
    public static readonly Function Skip = new("App.Parser.Skip()", "instance void App.Parser::Skip()", "Parser.cs", 40);
    public static readonly Function Run = new("App.Program.Run()", "App.Program.Run()", "", 0);
    public static readonly Function Lost = new("[lost samples]", "", "", 0);

    public static readonly ProfileThread Worker = new(4711, "worker \U0001F980");
    public static readonly ProfileThread Nameless = new(12, "");

    public static Profile Create(params ProfileSample[] samples) => new(
        new UnixNanos(1_700_000_000_123_456_789), 5_000_000_001, 4_000_000, Main, samples, ["engine: timer", "clock: tsc"]);

    public static Profile Create()
    {
        var leaf = new Location(App, new InstructionPointer(0x7f0000001010), [new Line(Skip, 41), new Line(Parse, 12)]);
        var root = new Location(App, new InstructionPointer(0x7f0000002020), [new Line(Run, 0)]);
        var native = new Location(Main, new InstructionPointer(0x400123), []);
        var lost = new Location(Synthetic, default, [new Line(Lost, 0)]);
        return Create(
            new ProfileSample([leaf, root], Worker, 3, 12_000_000, null),
            new ProfileSample([native, root], Nameless, 1, 4_000_001, new UnixNanos(1_700_000_001_000_000_007)),
            new ProfileSample([lost], null, 0, 9, null));
    }
}
