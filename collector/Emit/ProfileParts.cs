using System.Globalization;
using System.Runtime.InteropServices;
using DotnetPprof.Model;

namespace DotnetPprof.Emit;

/// <summary>
/// Puts a profile on disk in as many files as it takes: protobuf holds no message of 2 GiB, and viewers load a file
/// whole. Each part is a profile of its own stretch of time, with all the names it needs; given to pprof together they
/// are the whole.
/// </summary>
internal sealed class ProfileParts
{
    /// <summary>
    /// Of one file's message, uncompressed; it is exceeded by at most one sample and the names new with it. Some 800,000
    /// samples of 30 frames, for which <c>go tool pprof</c> takes 4 GB: with more, most machines could not open a part.
    /// </summary>
    public const long DefaultPartBytes = 64L << 20;

    private readonly string path;
    private readonly Profile profile;
    private readonly List<string> written = [];
    private long samplesWritten;
    private UnixNanos reached;

    private ProfileParts(string path, Profile profile)
    {
        this.path = path;
        this.profile = profile;
        reached = profile.Start;
    }

    /// <summary>Writes NAME.pb.gz, NAME.2.pb.gz and so on, each whole or not at all.</summary>
    /// <param name="path">Of the first file, or a device, which gets everything in one.</param>
    /// <param name="profile">What to write.</param>
    /// <param name="partBytes">See <see cref="DefaultPartBytes"/>.</param>
    /// <returns>The paths of the files, in order of time.</returns>
    /// <exception cref="UserError">
    /// See <see cref="ProfileFile"/>. Parts that were finished stay; what did not fit with its times is left in the
    /// last file without them, and the message says so.
    /// </exception>
    public static IReadOnlyList<string> Write(string path, Profile profile, long partBytes = DefaultPartBytes)
    {
        var parts = new ProfileParts(path, profile);
        try
        {
            parts.WriteAll(ProfileFile.IsDevice(path) ? long.MaxValue : partBytes);
        }
        catch (UserError e) when (e.Code == ExitCode.Tracing && profile.Timed is not null)
        {
            throw new UserError(ExitCode.Tracing, $"{e.Message}; {parts.WriteRestWithoutTimes()}");
        }
        return parts.written;
    }

    /// <summary>NAME.NUMBER.pb.gz for NAME.pb.gz.</summary>
    public static string Numbered(string path, int number)
    {
        string extension = path.EndsWith(".pb.gz", StringComparison.Ordinal) ? ".pb.gz" : Path.GetExtension(path);
        return string.Create(CultureInfo.InvariantCulture, $"{path[..^extension.Length]}.{number}{extension}");
    }

    private string NextPath => written.Count == 0 ? path : Numbered(path, written.Count + 1);

    private void WriteAll(long partBytes)
    {
        using IEnumerator<ProfileSample> samples = ((IEnumerable<ProfileSample>?)profile.Timed ?? profile.Samples).GetEnumerator();
        bool more = MoveNext(samples);
        do
        {
            string part = NextPath;
            long count = 0;
            UnixNanos latest = reached;
            ProfileFile.WriteAtomically(part, output =>
            {
                using var message = new PprofMessage(output, profile);
                for (; more && message.Bytes < partBytes; more = samples.MoveNext(), count++)
                {
                    ProfileSample sample = samples.Current;
                    message.Add(sample);
                    if (sample.Time is { } time && time.CompareTo(latest) > 0)
                        latest = time;
                }
                latest = more ? Earlier(latest, End) : End;
                message.Finish(reached, latest.Value - reached.Value, Comments(last: !more));
            });
            written.Add(part);
            samplesWritten += count;
            reached = latest;
            // Its tables lived long enough to count as lasting, and would pile up part by part.
            if (more)
                GC.Collect();
        }
        while (more);
    }

    /// <summary>Reading the first sample is not writing, but fails no differently.</summary>
    private bool MoveNext(IEnumerator<ProfileSample> samples)
    {
        try
        {
            return samples.MoveNext();
        }
        catch (IOException e)
        {
            throw new UserError(ExitCode.Tracing, $"cannot write '{path}': {FileProblem.Of(e)}");
        }
    }

    /// <summary>The sums are small, and the room that the timed samples took is free by then.</summary>
    /// <returns>What became of it, for people.</returns>
    private string WriteRestWithoutTimes()
    {
        string rest = NextPath;
        try
        {
            IReadOnlyList<ProfileSample> sums = written.Count == 0 ? profile.Samples : WithoutTimes(profile.Timed!, samplesWritten);
            profile.Timed!.Dispose();
            Profile untimed = profile with { Samples = sums, Timed = null };
            ProfileFile.WriteAtomically(rest, output =>
            {
                using var message = new PprofMessage(output, untimed);
                foreach (ProfileSample sample in sums)
                    message.Add(sample);
                List<string> comments = Comments(last: true);
                message.Finish(reached, End.Value - reached.Value, comments);
            });
            return $"'{rest}' has {(written.Count == 0 ? "all samples" : "the rest")} without times";
        }
        catch (Exception e) when (e is UserError or IOException)
        {
            return written.Count == 0 ? "nothing was written" : $"{string.Join(", ", written)} hold what came before";
        }
    }

    private UnixNanos End => new(Math.Max(reached.Value, profile.Start.Value + profile.DurationNanos));

    private static UnixNanos Earlier(UnixNanos a, UnixNanos b) => a.CompareTo(b) < 0 ? a : b;

    private List<string> Comments(bool last)
    {
        List<string> comments = [.. profile.Comments];
        int number = written.Count + 1;
        if (!last || number > 1)
            comments.Add(string.Create(CultureInfo.InvariantCulture, $"part: {number}{(last ? ", the last" : "")}; the others are files of their own"));
        return comments;
    }

    private static List<ProfileSample> WithoutTimes(IEnumerable<ProfileSample> samples, long skip)
    {
        var indices = new Dictionary<(object Stack, object? Thread), int>(new ByReference());
        var sums = new List<ProfileSample>();
        foreach (ProfileSample sample in samples)
        {
            if (skip-- > 0)
                continue;
            ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(indices, (sample.Stack, sample.Thread), out bool known);
            if (known)
            {
                ProfileSample sum = sums[index];
                sums[index] = sum with { Count = sum.Count + sample.Count, CpuNanos = sum.CpuNanos + sample.CpuNanos };
                continue;
            }
            index = sums.Count;
            sums.Add(sample with { Time = null });
        }
        return sums;
    }

    private sealed class ByReference : IEqualityComparer<(object Stack, object? Thread)>
    {
        public bool Equals((object Stack, object? Thread) x, (object Stack, object? Thread) y) =>
            ReferenceEquals(x.Stack, y.Stack) && ReferenceEquals(x.Thread, y.Thread);

        public int GetHashCode((object Stack, object? Thread) pair) =>
            HashCode.Combine(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(pair.Stack), System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(pair.Thread));
    }
}
