using System.Runtime.CompilerServices;

namespace DotnetPprof.SoakWorkload.Jobs;

/// <summary>Exceptions of the hardware's and of the program's making, through frames with handlers of every kind.</summary>
internal sealed class ExceptionJob : Job
{
    private sealed class Node
    {
        public int Value = 1;
    }

    private const int Times = 100;

    /* The compiler must not know what it is. */
    private readonly object notANode = new object[1];
    private int finallies;
    private int filters;

    internal override string Name => "exceptions";

    internal override void Round(Random random)
    {
        finallies = filters = 0;
        int nulls = 0, divisions = 0, indices = 0, casts = 0, own = 0;
        for (int i = 0; i < Times; i++)
        {
            try
            {
                Fail(i % 5, i % 8);
            }
            catch (NullReferenceException e)
            {
                Check(e.StackTrace!.Contains(nameof(Fail), StringComparison.Ordinal), "a stack trace misses its method");
                nulls++;
            }
            catch (DivideByZeroException)
            {
                divisions++;
            }
            catch (IndexOutOfRangeException)
            {
                indices++;
            }
            catch (InvalidCastException)
            {
                casts++;
            }
            catch (ApplicationException e) when (Count(e, i))
            {
                own++;
            }
        }
        Check((nulls, divisions, indices, casts, own) == (20, 20, 20, 20, 20), $"exceptions caught: {(nulls, divisions, indices, casts, own)}");
        int frames = Enumerable.Range(0, Times).Sum(i => i % 8 + 1);
        Check(finallies == frames && filters == 20, $"{finallies} finally blocks of {frames} ran, {filters} filters");
    }

    private bool Count(ApplicationException exception, int number)
    {
        filters++;
        return exception.Message == (number % 8).ToString();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Fail(int how, int depth, int from = -1)
    {
        from = from < 0 ? depth : from;
        try
        {
            if (depth > 0)
                return Fail(how, depth - 1, from) + 1;
            Node? nothing = null;
            int[] none = [];
            return how switch
            {
                0 => nothing!.Value,
                1 => 1 / none.Length,
                2 => none[from],
                3 => ((Node)notANode).Value,
                _ => throw new ApplicationException(from.ToString()),
            };
        }
        finally
        {
            finallies++;
        }
    }
}

/// <summary>Stacks to the very end of what is safe, on threads with little of it.</summary>
internal sealed class RecursionJob : Job
{
    internal override string Name => "recursion";

    internal override void Round(Random random)
    {
        long sum = 0, depth = 0;
        var thread = new Thread(
            () =>
            {
                sum = Descend(1, out depth);
                Check(Descend(500) == 500 * 501 / 2, "a recursion's sum is wrong");
            },
            maxStackSize: 256 * 1024 + random.Next(4) * 64 * 1024);
        thread.Start();
        thread.Join();
        Check(depth > 100 && sum == depth * (depth + 1) / 2, $"a recursion of {depth} gave {sum}");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Descend(long depth, out long deepest)
    {
        try
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
        }
        catch (InsufficientExecutionStackException)
        {
            deepest = depth;
            return depth;
        }
        return Descend(depth + 1, out deepest) + depth;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Descend(long depth) => depth == 0 ? 0 : Descend(depth - 1) + depth;
}
