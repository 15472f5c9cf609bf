namespace DotnetPprof.SoakWorkload;

/// <summary>A result that is not what it must be: the worst that can happen, so the process says so and ends.</summary>
internal sealed class WrongResultException(string what) : Exception(what);

/// <summary>One kind of work. Every round computes something and checks it.</summary>
internal abstract class Job
{
    internal long Checked;

    /// <summary>Waits that a signal cut short where POSIX lets it, and the program has to go on waiting.</summary>
    internal long Interrupted;

    /// <summary>One word.</summary>
    internal abstract string Name { get; }

    /// <summary>A fraction of a second of work. Throws <see cref="WrongResultException"/>.</summary>
    /// <param name="random">The job's own; the same for the same seed.</param>
    internal abstract void Round(Random random);

    protected static void Check(bool isRight, string what)
    {
        if (!isRight)
            throw new WrongResultException(what);
    }
}
