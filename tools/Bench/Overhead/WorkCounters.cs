using System.IO.MemoryMappedFiles;

namespace DotnetPprof.Bench.Overhead;

/// <summary>
/// How much work each thread of a program has done, in a file that it and the measurement have mapped: looking costs the
/// program nothing. Each thread writes its own cache lines.
/// </summary>
internal sealed unsafe class WorkCounters : IDisposable
{
    private const int ThreadBytes = 128;
    private const int MostThreads = 32;

    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* memory;

    /// <param name="path">Made when it is not there.</param>
    internal WorkCounters(string path)
    {
        file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, mapName: null, ThreadBytes * MostThreads);
        view = file.CreateViewAccessor();
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref memory);
    }

    /// <summary>Units of work of one thread; what a unit is, only the program knows.</summary>
    /// <param name="thread">Its number, from 0.</param>
    internal ref long Of(int thread) => ref *(long*)(memory + thread * ThreadBytes);

    /// <summary>Of all threads, now.</summary>
    internal long Total
    {
        get
        {
            long total = 0;
            for (int i = 0; i < MostThreads; i++)
                total += Volatile.Read(ref Of(i));
            return total;
        }
    }

    public void Dispose()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        file.Dispose();
    }
}
