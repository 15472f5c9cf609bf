using DotnetPprof.Interop;
using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Children of a sampled process are nobody's business but its own.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ForkTests(ITestOutputHelper output)
{
    private const int SigUsr1 = 10;

    /// <summary>What the program Forks is to call.</summary>
    internal const string Forks = """
        #include <signal.h>
        #include <sys/prctl.h>
        #include <sys/wait.h>
        #include <time.h>
        #include <unistd.h>
        #include <pthread.h>
        static void *nothing(void *argument) { return argument; }
        static long now(void)
        {
            struct timespec t;
            clock_gettime(CLOCK_MONOTONIC, &t);
            return t.tv_sec * 1000 + t.tv_nsec / 1000000;
        }
        /* The child computes for that long at least, and until it is sent SIGUSR1: so whoever looks at it finds it there. */
        int fork_and_compute(int milliseconds)
        {
            sigset_t told, before;
            sigemptyset(&told);
            sigaddset(&told, SIGUSR1);
            pthread_sigmask(SIG_BLOCK, &told, &before);
            int pid = fork();
            if (pid != 0) {
                pthread_sigmask(SIG_SETMASK, &before, 0);
                return pid;
            }
            long begun = now(), age;
            volatile unsigned sink = 1;
            do {
                for (int i = 0; i < 100000; i++)
                    sink = sink * 31 + 1;
                sigpending(&told);
                age = now() - begun;
            } while (age < milliseconds || (!sigismember(&told, SIGUSR1) && age < 300000));
            pthread_t thread;
            if (pthread_create(&thread, 0, nothing, 0) != 0 || pthread_join(thread, 0) != 0)
                _exit(1);
            _exit(42);
        }
        /* Children that live for a while without exec, one every 5 ms. */
        int fork_for(int milliseconds)
        {
            int made = 0;
            for (long end = now() + milliseconds; now() < end; usleep(5000)) {
                int pid = fork();
                if (pid == 0) {
                    usleep(50000);
                    _exit(0);
                }
                made += pid > 0;
                while (waitpid(-1, 0, WNOHANG) > 0)
                    ;
            }
            return made;
        }
        /* Whoever restricts ptrace to descendants is told, as by the runtime, that the child may. */
        int fork_and_run(const char *path)
        {
            prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
            int pid = fork();
            if (pid == 0) {
                execl(path, path, (char *)0);
                _exit(127);
            }
            return pid;
        }
        int wait_for(int pid)
        {
            int status = 0;
            while (waitpid(pid, &status, 0) < 0)
                ;
            return status;
        }
        """;

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void ProgramsCanBeStartedAtAHighRate(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using var library = new CLibrary(Forks);
        using Child target = Targets.StartWithAgent("Forks", library.Path);
        using ICapture capture = Targets.Attach(target, engine, 10_000);
        target.Send("exec 100");
        Assert.Equal("100", target.ReadLine());
        output.WriteLine($"{capture.Finish().Summary.Samples} samples");
        target.Send("stop");
        Assert.Equal(0, target.WaitForExit());
    }

    /// <summary>A fork stops the timers in case a dump follows; a program that forks all the time is sampled for all that.</summary>
    [Fact]
    public void ProgramThatForksAllTheTimeIsSampled()
    {
        using var library = new CLibrary(Forks);
        using Child target = Targets.StartWithAgent("Forks", library.Path);
        using ICapture capture = Targets.Attach(target, Engines.Timer, 1000);
        target.Send("forks 4000");
        int made = int.Parse(target.ReadLine());
        CaptureSummary summary = capture.Finish().Summary;
        output.WriteLine($"{made} forks, {summary.Samples} samples; {summary.UnsampledNanos / 1e6:0} of {summary.CpuNanos / 1e6:0} ms of CPU time unsampled");
        Assert.True(made > 50, $"{made} forks");
        Assert.InRange(summary.UnsampledNanos / (double)summary.CpuNanos, 0, 0.25);
        target.Send("stop");
        Assert.Equal(0, target.WaitForExit());
    }

    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void ChildThatGoesOnAfterForkHasNothingOfOurs(string engine)
    {
        Engines.SkipWhereRefused(engine);
        using var library = new CLibrary(Forks);
        using Child target = Targets.StartWithAgent("Forks", library.Path);
        using ICapture capture = Targets.Attach(target, engine, 10_000);
        target.Send("fork 1500");
        int child = int.Parse(target.ReadLine());
        Assert.InRange(ProcessState.TimersOf(child), -1, 0);
        Assert.Equal(0, ProcessState.PerfEventsOf(child));
        Assert.False(ProcessState.Maps(child, "memfd:dotnet-pprof"), "the child has the region mapped");
        Assert.Equal(0, ProcessInterop.Kill(child, SigUsr1));
        Assert.Equal($"{42 << 8}", target.ReadLine());
        output.WriteLine($"{capture.Finish().Summary.Samples} samples");
        target.Send("stop");
        Assert.Equal(0, target.WaitForExit());
    }
}
