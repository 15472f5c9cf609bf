using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace DotnetPprof.Serve;

/// <summary>What is served where.</summary>
internal static class Website
{
    public const string HealthPath = "/healthz";
    public const string ReadyPath = "/readyz";

    /* Of an answer to HEAD the server leaves out the body. */
    private static readonly string[] s_reading = [HttpMethods.Get, HttpMethods.Head];

    public static void Map(WebApplication app)
    {
        ServeOptions options = app.Services.GetRequiredService<ServeOptions>();
        Supervisor supervisor = app.Services.GetRequiredService<Supervisor>();
        WindowFiles? files = app.Services.GetService<WindowFiles>();
        var profiles = new ProfileEndpoint(supervisor);
        var metrics = new Metrics(supervisor);
        var index = new IndexPage(supervisor, options);

        app.Use(next => context => new AccessControl(options).Check(context, next));
        app.MapMethods("/", s_reading, context => Redirect(context));
        /* With the slash its links lead where they are meant to; routing takes both for one. */
        app.MapMethods("/debug/pprof/", s_reading, context => !context.Request.Path.Value!.EndsWith('/') ? Redirect(context) : GoPprof.Text(context, index.Write(files is not null), "text/html; charset=utf-8"));
        app.MapGet("/debug/pprof/profile", profiles.Profile);
        app.MapMethods("/debug/pprof/profile", [HttpMethods.Head], NoProfile);
        app.MapMethods("/debug/pprof/cmdline", s_reading, profiles.CommandLine);
        app.MapMethods("/debug/pprof/{name}", s_reading, context => GoPprof.Error(context, StatusCodes.Status404NotFound, "Unknown profile"));
        app.MapMethods("/windows/{name}", s_reading, context => File(context, files));
        app.MapMethods("/metrics", s_reading, context => GoPprof.Text(context, metrics.Write(), Metrics.ContentType));
        app.MapMethods(HealthPath, s_reading, context => GoPprof.Text(context, "ok\n"));
        app.MapMethods(ReadyPath, s_reading, context => supervisor.IsReady
            ? GoPprof.Text(context, "ready\n")
            : GoPprof.Error(context, StatusCodes.Status503ServiceUnavailable, "processes have not been looked for yet"));
        app.MapFallback("{*path}", context => GoPprof.Error(context, StatusCodes.Status404NotFound, "there is nothing here; see /debug/pprof/"));
    }

    private static Task Redirect(HttpContext context)
    {
        context.Response.Redirect("/debug/pprof/");
        return Task.CompletedTask;
    }

    /// <summary>Nothing is sampled to say how long it would be.</summary>
    private static Task NoProfile(HttpContext context)
    {
        context.Response.Headers.Allow = HttpMethods.Get;
        return GoPprof.Error(context, StatusCodes.Status405MethodNotAllowed, "a profile is taken by GET alone");
    }

    private static async Task File(HttpContext context, WindowFiles? files)
    {
        string name = (string)context.Request.RouteValues["name"]!;
        await using FileStream? file = files?.OpenRead(name);
        if (file is null)
        {
            await GoPprof.Error(context, StatusCodes.Status404NotFound, "no such window is kept").ConfigureAwait(false);
            return;
        }
        byte[] bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes, context.RequestAborted).ConfigureAwait(false);
        await GoPprof.Profile(context, bytes).ConfigureAwait(false);
    }
}
