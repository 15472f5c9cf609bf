using DotnetPprof.Model;
using DotnetPprof.Upload;

namespace DotnetPprof.Tests.Upload;

/// <summary>Profiles to upload, with every kind of frame and thread.</summary>
internal static class SampleProfiles
{
    public const long PeriodNanos = 4_000_000;

    public static readonly UnixNanos Start = new(1_700_000_000_000_000_000);
    public const long DurationNanos = 60_000_000_000;

    public static readonly Mapping Library = new(0x7f00_0000_0000, 0x7f00_0010_0000, 0x1000, "/usr/lib/libc.so.6", "0123abcd", HasFunctions: true);
    public static readonly Mapping Assembly = new(0, 0, 0, "/srv/App.dll", "MVID", HasFunctions: true) { Kind = CodeKind.Managed };
    public static readonly Mapping Words = new(0, 0, 0, "[dotnet-pprof]", "", HasFunctions: true) { Kind = CodeKind.Synthetic };

    public static readonly ProfileOrigin Origin = new(
        "shop", 4711, "/usr/bin/dotnet", new string('a', 64),
        [new("service.version", "1.2"), new("host.name", "node-7"), new("deployment.environment.name", "")]);

    public static Location Managed(string name, ulong address = 0x5000) =>
        new(Assembly, new InstructionPointer(address), [new Line(new Function(name, "void " + name, "", 0), 0)]);

    public static Location Native(string name, ulong address = 0x7f00_0000_1234) =>
        new(Library, new InstructionPointer(address), [new Line(new Function(name, "", "", 0), 0)]);

    public static Location Synthetic(string name, ulong address = 1) =>
        new(Words, new InstructionPointer(address), [new Line(new Function(name, "", "", 0), 0)]);

    public static ProfileSample Sample(ProfileThread? thread, long count, params Location[] stack) =>
        new(stack, thread, count, count * PeriodNanos, null);

    public static Profile Of(params ProfileSample[] samples) =>
        new(Start, DurationNanos, PeriodNanos, Library, samples, ["engine: timer"]);

    /// <summary>A profile with everything in it.</summary>
    public static Profile Whole()
    {
        var worker = new ProfileThread(17, "worker one");
        Location main = Managed("App.Main");
        return Of(
            Sample(worker, 10, Native("memcpy"), Managed("App.Copy"), main),
            Sample(new ProfileThread(18, ""), 5, Synthetic("[kernel]", 2), Native("read", 0x7f00_0000_2000), main),
            Sample(new ProfileThread(19, "worker one"), 3, Managed("App.Copy", 0x6000), main),
            new ProfileSample([Synthetic("[unsampled threads]", 3)], null, 0, 2 * PeriodNanos, null),
            new ProfileSample([Synthetic("[lost samples]", 4)], worker, 0, 0, null));
    }

    /// <summary>Distinct stacks with long names, as many as make parts necessary.</summary>
    public static Profile Large(int stacks, int nameLength) => Of(
        [.. Enumerable.Range(0, stacks).Select(i => Sample(new ProfileThread(1, "main"), 1, Managed($"App.{new string('x', nameLength)}{i}", (ulong)i + 1), Managed("App.Main")))]);
}
