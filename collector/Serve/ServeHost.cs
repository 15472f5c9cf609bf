using System.Net.Sockets;
using DotnetPprof.Interop;
using DotnetPprof.Model;
using DotnetPprof.Session;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace DotnetPprof.Serve;

/// <summary>Puts the service together and runs it until it is told to end.</summary>
internal static class ServeHost
{
    /// <summary>There are threads by the hundred, and none of them is in a hurry.</summary>
    private const int MostArenas = 2;

    /// <summary>For the last windows to be named and written.</summary>
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(25);

    /// <exception cref="UserError">It cannot start.</exception>
    public static void Run(ServeOptions options, string agentPath)
    {
        AllocatorInterop.LimitArenas(MostArenas);
        using WebApplication app = Build(options, agentPath);
        Run(app, options);
    }

    internal static void Run(WebApplication app, ServeOptions options)
    {
        if (Start(app, options))
            app.WaitForShutdown();
        /* The host ends as if it had been asked to. */
        foreach (BackgroundService service in app.Services.GetServices<IHostedService>().OfType<BackgroundService>())
        {
            if (service.ExecuteTask is { IsFaulted: true } failed)
                failed.GetAwaiter().GetResult();
        }
    }

    /// <returns>False when it was to end before it had begun.</returns>
    private static bool Start(WebApplication app, ServeOptions options)
    {
        try
        {
            app.Start();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new UserError(ExitCode.Argument, $"cannot listen on {options.Listen}: {FileProblem.OneLine(e.Message)}");
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return false;
        }
        app.Logger.LogInformation("serving http://{Address}/debug/pprof/", app.Urls.FirstOrDefault()?.Replace("http://", "", StringComparison.Ordinal) ?? options.Listen.ToString());
        return true;
    }

    internal static WebApplication Build(ServeOptions options, string agentPath)
    {
        /* Empty: nothing of the directory it is started in, or of the environment, configures it. */
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(options.Listen);
        });
        builder.Logging.AddConsole(console => console.FormatterName = LineFormatter.FormatterName)
            .AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>()
            .AddFilter("Microsoft", LogLevel.Warning)
            /* What it tells of is thrown too, and told of then. */
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        IServiceCollection services = builder.Services;
        services.AddSystemd();
        services.AddRoutingCore();
        services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);
        services.Configure<HostOptions>(host =>
        {
            host.ShutdownTimeout = s_endPatience;
            host.ServicesStopConcurrently = true;
        });
        services.AddSingleton(options);
        services.AddSingleton(new CaptureFactory(agentPath));
        services.AddSingleton<IAgentProbe, RegionAgentProbe>();
        if (options.OutputDirectory is { } directory)
        {
            services.AddSingleton(provider => new WindowFiles(directory, options.KeepFor, options.KeepBytes, provider.GetRequiredService<ILogger<WindowFiles>>()));
            services.AddSingleton<IWindowSink>(provider => provider.GetRequiredService<WindowFiles>());
        }
        if (options.Uploads.Push is { } push)
            services.AddSingleton<IWindowSink>(provider => options.Uploads.OpenPush(push, provider.GetRequiredService<ILoggerFactory>()));
        if (options.Uploads.Otlp is { } otlp)
            services.AddSingleton<IWindowSink>(provider => options.Uploads.OpenOtlp(otlp, provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<Supervisor>();
        services.AddHostedService(provider => provider.GetRequiredService<Supervisor>());
        WebApplication app = builder.Build();
        try
        {
            Website.Map(app);
            return app;
        }
        catch
        {
            /* Some of the sinks may be open. */
            ((IDisposable)app).Dispose();
            throw;
        }
    }
}
