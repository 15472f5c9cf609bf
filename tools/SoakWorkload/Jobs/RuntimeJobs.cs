using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace DotnetPprof.SoakWorkload.Jobs;

/// <summary>Programs started, with what they print and how they exit.</summary>
internal sealed class ChildJob : Job
{
    internal override string Name => "children";

    internal override void Round(Random random)
    {
        int code = random.Next(256);
        using var child = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"read line; echo got $line; exit {code}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        child.StandardInput.WriteLine($"number {code}");
        string said = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Check(said == $"got number {code}\n" && child.ExitCode == code, $"a child said '{said}' and exited with {child.ExitCode} instead of {code}");
    }
}

/// <summary>This assembly, loaded once more and unloaded.</summary>
internal sealed class LoadContextJob : Job
{
    internal override string Name => "contexts";

    internal override void Round(Random random)
    {
        WeakReference context = Use(random.Next(1000));
        for (int i = 0; context.IsAlive; i++)
        {
            Check(i < 1000, "a load context cannot be unloaded");
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    /// <summary>Called in the copy.</summary>
    public static int Square(int number)
    {
        int sum = 0;
        for (int i = 0; i < number; i++)
            sum += 2 * i + 1;
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Use(int number)
    {
        var context = new AssemblyLoadContext("soak", isCollectible: true);
        Assembly copy = context.LoadFromAssemblyPath(typeof(LoadContextJob).Assembly.Location);
        MethodInfo square = copy.GetType(typeof(LoadContextJob).FullName!)!.GetMethod(nameof(Square))!;
        Check(square.DeclaringType != typeof(LoadContextJob), "the copy is the original");
        Check((int)square.Invoke(null, [number])! == number * number, "a loaded method's result is wrong");
        context.Unload();
        return new WeakReference(context);
    }
}

/// <summary>Methods made at run time and thrown away.</summary>
internal sealed class DynamicMethodJob : Job
{
    private const int Times = 20;

    internal override string Name => "dynamic";

    internal override void Round(Random random)
    {
        for (int i = 0; i < Times; i++)
        {
            int addend = random.Next(1000);
            Func<int, int> add = Make(addend);
            int sum = 0;
            for (int j = 0; j < 1000; j++)
                sum = add(sum);
            Check(sum == 1000 * addend, $"a dynamic method gave {sum} instead of {1000 * addend}");
        }
    }

    private static Func<int, int> Make(int addend)
    {
        var method = new DynamicMethod("add", typeof(int), [typeof(int)]);
        ILGenerator il = method.GetILGenerator();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I4, addend);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ret);
        return method.CreateDelegate<Func<int, int>>();
    }
}

/// <summary>Lists, pinned arrays and weak references, through collections of every kind.</summary>
internal sealed class HeapJob : Job
{
    private sealed class Node(Node? next, int value)
    {
        public readonly Node? Next = next;
        public readonly int Value = value;
        public readonly byte[] Load = new byte[value % 64];
    }

    internal override string Name => "heap";

    internal override unsafe void Round(Random random)
    {
        const int length = 5000;
        Node? list = null;
        for (int i = 0; i < length; i++)
            list = new Node(list, i);
        byte[] large = new byte[100_000 + random.Next(100_000)];
        fixed (byte* pinned = large)
        {
            pinned[large.Length - 1] = 42;
            if (random.Next(4) == 0)
                GC.Collect(random.Next(3), random.Next(2) == 0 ? GCCollectionMode.Forced : GCCollectionMode.Optimized, blocking: random.Next(2) == 0);
            Check(pinned[large.Length - 1] == 42 && large[^1] == 42, "a pinned array has moved");
        }
        int expected = length;
        for (Node? at = list; at is not null; at = at.Next)
            Check(at.Value == --expected && at.Load.Length == at.Value % 64, "the heap is damaged");
        Check(expected == 0, "a list has lost nodes");
    }
}
