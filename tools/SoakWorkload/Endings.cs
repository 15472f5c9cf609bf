using System.Runtime.CompilerServices;

namespace DotnetPprof.SoakWorkload;

/// <summary>The ways a process can end by itself, with all its threads at work.</summary>
internal static class Endings
{
    /// <returns>The exit code, where there is a way to return one.</returns>
    internal static int End(string how)
    {
        switch (how)
        {
            case "return":
                return 3;
            case "exit":
                Environment.Exit(7);
                return 0;
            case "unhandled":
                throw new InvalidOperationException("nobody handles this");
            case "failfast":
                Environment.FailFast("as asked");
                return 0;
            case "overflow":
                return Recurse(1);
            case "abort":
                Libc.Abort();
                return 0;
            default:
                throw new ArgumentException(how);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Recurse(int depth) => Recurse(depth + 1) + depth;
}
