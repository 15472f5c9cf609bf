using System.Globalization;
using System.Runtime.InteropServices;
using Xunit;

namespace DotnetPprof.Tests.RealPrograms;

/// <summary>One thread of another process, kept from running (ptrace(2)). Made and disposed by one thread.</summary>
internal sealed partial class HeldThread : IDisposable
{
    private const int Seize = 0x4206;
    private const int Interrupt = 0x4207;
    private const int Detach = 17;
    private const int WaitForAll = 0x40000000;
    private const string Futex = "202 "; // the system call

    private readonly int tid;

    /// <summary>
    /// Holds the thread of a name, where it waits: elsewhere it may have a lock that others want. Skips the test where tracing is refused.
    /// </summary>
    public HeldThread(int pid, string name)
    {
        string task = Directory.EnumerateDirectories($"/proc/{pid}/task").Single(one => File.ReadAllText(one + "/comm").TrimEnd() == name);
        tid = int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture);
        while (true)
        {
            Assert.SkipUnless(PTrace(Seize, tid, 0, 0) == 0, "ptrace is refused here");
            Assert.Equal(0, PTrace(Interrupt, tid, 0, 0));
            Assert.Equal(tid, WaitPid(tid, out _, WaitForAll));
            if (File.ReadAllText(task + "/syscall").StartsWith(Futex, StringComparison.Ordinal))
                return;
            Dispose();
            Thread.Sleep(1);
        }
    }

    public void Dispose() => Assert.Equal(0, PTrace(Detach, tid, 0, 0));

    [LibraryImport("libc", EntryPoint = "ptrace")]
    private static partial long PTrace(long request, int pid, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "waitpid")]
    private static partial int WaitPid(int pid, out int status, int options);
}
