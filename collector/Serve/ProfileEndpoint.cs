using System.Globalization;
using DotnetPprof.Emit;
using DotnetPprof.Session;
using Microsoft.AspNetCore.Http;

namespace DotnetPprof.Serve;

/// <summary>What is asked of one process: a profile of the next seconds, its command line.</summary>
internal sealed class ProfileEndpoint(Supervisor supervisor)
{
    private const int DefaultSeconds = 30;
    private const int MostSeconds = 3600;

    /// <summary><c>/debug/pprof/profile?seconds=N</c>, and <c>pid=</c> or <c>service=</c> where there are several.</summary>
    public async Task Profile(HttpContext context)
    {
        if (await Chosen(context).ConfigureAwait(false) is not { } target)
            return;
        /* As Go does: what is no number of seconds is the default. */
        if (!long.TryParse(context.Request.Query["seconds"], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds) || seconds <= 0)
            seconds = DefaultSeconds;
        if (seconds > MostSeconds)
        {
            await GoPprof.Error(context, StatusCodes.Status400BadRequest, $"a profile of more than {MostSeconds} seconds is not taken at once; use the windows that are kept").ConfigureAwait(false);
            return;
        }
        CaptureResult? result;
        try
        {
            result = await target.ProfileAsync(TimeSpan.FromSeconds(seconds), context.RequestAborted).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        if (result is null)
        {
            string why = target.Problem is { } problem ? $": {problem}" : "";
            await GoPprof.Error(context, StatusCodes.Status503ServiceUnavailable, $"{Name(target)} is not being sampled{why}").ConfigureAwait(false);
            return;
        }
        using var bytes = new MemoryStream();
        PprofWriter.Write(result.Profile, bytes);
        await GoPprof.Profile(context, bytes.GetBuffer().AsMemory(0, (int)bytes.Length)).ConfigureAwait(false);
    }

    /// <summary><c>/debug/pprof/cmdline</c>: the arguments, with a NUL between two.</summary>
    public async Task CommandLine(HttpContext context)
    {
        if (await Chosen(context).ConfigureAwait(false) is { } target)
            await GoPprof.Text(context, string.Join('\0', target.Process.CommandLine)).ConfigureAwait(false);
    }

    /// <summary>The one process that is meant; null when the request was answered with why there is none.</summary>
    private async Task<ServedTarget?> Chosen(HttpContext context)
    {
        string pid = context.Request.Query["pid"].ToString();
        string service = context.Request.Query["service"].ToString();
        List<ServedTarget> living = [.. supervisor.Targets.Where(target => target.State != TargetState.Ended)];
        List<ServedTarget> chosen = [.. living.Where(target =>
            (pid.Length == 0 || pid == target.Process.Pid.ToString(CultureInfo.InvariantCulture)) && (service.Length == 0 || service == target.Process.Service))];
        /* Where nothing was asked for, one that cannot be sampled is no choice. */
        if (chosen.Count > 1 && chosen.Count(target => target.State == TargetState.Sampling) == 1)
            chosen.RemoveAll(target => target.State != TargetState.Sampling);
        if (chosen.Count == 1)
            return chosen[0];
        string list = living.Count == 0 ? "" : ":\n" + string.Join('\n', living.Select(target => $"  {Name(target)}"));
        string text = chosen.Count > 1 ? $"several processes fit; choose one with pid= or service={list}"
            : living.Count > 0 ? $"no such process is profiled; there are{list}"
            : "no process is profiled yet; start one with the variables that `dotnet-pprof env` prints";
        await GoPprof.Error(context, chosen.Count > 1 ? StatusCodes.Status400BadRequest : StatusCodes.Status404NotFound, text).ConfigureAwait(false);
        return null;
    }

    private static string Name(ServedTarget target) => $"pid={target.Process.Pid} service={target.Process.Service}";
}
