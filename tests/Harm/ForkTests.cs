using DotnetPprof.Session;
using DotnetPprof.Tests.RealPrograms;
using Xunit;

namespace DotnetPprof.Tests.Harm;

/// <summary>Children of a sampled process are nobody's business but its own.</summary>
[Collection(RealProgramsCollection.Name)]
public sealed class ForkTests(ITestOutputHelper output)
{
    private const string Forks = """
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
        int fork_and_compute(int milliseconds)
        {
            int pid = fork();
            if (pid != 0)
                return pid;
            long end = now() + milliseconds;
            volatile unsigned sink = 1;
            while (now() < end)
                for (int i = 0; i < 100000; i++)
                    sink = sink * 31 + 1;
            pthread_t thread;
            if (pthread_create(&thread, 0, nothing, 0) != 0 || pthread_join(thread, 0) != 0)
                _exit(1);
            _exit(42);
        }
        int wait_for(int pid)
        {
            int status = 0;
            while (waitpid(pid, &status, 0) < 0)
                ;
            return status;
        }
        """;

    [Fact]
    public void ProgramsCanBeStartedAtAHighRate()
    {
        using var library = new CLibrary(Forks);
        using Child target = Targets.StartWithAgent("Forks", library.Path);
        using ICapture capture = Targets.Attach(target, 10_000);
        target.Send("exec 100");
        Assert.Equal("100", target.ReadLine());
        output.WriteLine($"{capture.Finish().Summary.Samples} samples");
        target.Send("stop");
        Assert.Equal(0, target.WaitForExit());
    }

    [Fact]
    public void ChildThatGoesOnAfterForkHasNothingOfOurs()
    {
        using var library = new CLibrary(Forks);
        using Child target = Targets.StartWithAgent("Forks", library.Path);
        using ICapture capture = Targets.Attach(target, 10_000);
        target.Send("fork 1500");
        int child = int.Parse(target.ReadLine());
        Assert.InRange(ProcessState.TimersOf(child), -1, 0);
        Assert.False(ProcessState.Maps(child, "memfd:dotnet-pprof"), "the child has the region mapped");
        Assert.Equal($"{42 << 8}", target.ReadLine());
        output.WriteLine($"{capture.Finish().Summary.Samples} samples");
        target.Send("stop");
        Assert.Equal(0, target.WaitForExit());
    }
}
