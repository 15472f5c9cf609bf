using DotnetPprof.Model;
using DotnetPprof.Session;

namespace DotnetPprof.Serve;

/// <summary>A window of one process, named and closed: nothing in it changes any more, and any thread may read it.</summary>
/// <param name="Process">Whose.</param>
/// <param name="From">Wall-clock time of its begin; that of the window before ends there.</param>
/// <param name="To">Wall-clock time of its end. Later than <paramref name="From"/>.</param>
/// <param name="IsCut">Whether it ended before its time: with the process, or with this program.</param>
/// <param name="Profile">Its samples, visible losses included; Profile.Timed is there for sinks that take times.</param>
/// <param name="Summary">CPU time, rate, losses and warnings.</param>
internal sealed record FinishedWindow(
    ServedProcess Process, UnixNanos From, UnixNanos To, bool IsCut, Profile Profile, CaptureSummary Summary);
