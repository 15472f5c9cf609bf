using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Generations;

/// <summary>
/// Makes code, runs it for half a second and has it unloaded, over and over until standard input ends, so that addresses
/// are used again by code of another shape. In generation N, CallerN calls LeafN; a leaf has a frame in every third one.
/// A generation is two dynamic methods, or with the arguments "contexts N" an assembly in a load context of its own, and
/// there are N of them.
/// </summary>
internal static class Program
{
    private const int LifeMilliseconds = 500;
    private static volatile bool s_stop;

    private static void Main(string[] args)
    {
        Func<int, WeakReference?> live = args is ["contexts", _] ? LiveInContext : LiveInMethods;
        int count = args is ["contexts", var most] ? int.Parse(most) : int.MaxValue;
        var running = new Thread(() =>
        {
            for (int generation = 0; generation < count && !s_stop; generation++)
            {
                WeakReference? context = live(generation);
                do
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }
                while (context is { IsAlive: true });
            }
        });
        running.Start();
        Console.WriteLine("ready");
        if (count == int.MaxValue)
        {
            Console.In.ReadToEnd();
            s_stop = true;
        }
        running.Join();
        Console.WriteLine("done");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference? LiveInMethods(int generation)
    {
        DynamicMethod leaf = Method($"Leaf{generation}");
        EmitLeaf(leaf.GetILGenerator(), generation);
        DynamicMethod caller = Method($"Caller{generation}");
        EmitLoop(caller.GetILGenerator(), 20_000, il => il.Emit(OpCodes.Call, leaf));
        Run(caller.CreateDelegate<Func<long, long>>());
        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference? LiveInContext(int generation)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName($"Generation{generation}"), typeof(object).Assembly);
        TypeBuilder type = assembly.DefineDynamicModule("Code").DefineType("Loaded.Code", TypeAttributes.Public);
        MethodBuilder leaf = Method(type, $"Leaf{generation}");
        leaf.SetImplementationFlags(MethodImplAttributes.NoInlining);
        EmitLeaf(leaf.GetILGenerator(), generation);
        MethodBuilder caller = Method(type, $"Caller{generation}");
        EmitLoop(caller.GetILGenerator(), 20_000, il => il.Emit(OpCodes.Call, leaf));
        type.CreateType();
        using var file = new MemoryStream();
        assembly.Save(file);
        file.Position = 0;
        var context = new AssemblyLoadContext($"Generation{generation}", isCollectible: true);
        Run(context.LoadFromStream(file).GetType("Loaded.Code")!.GetMethod(caller.Name)!.CreateDelegate<Func<long, long>>());
        context.Unload();
        return new WeakReference(context);
    }

    private static void Run(Func<long, long> run)
    {
        long end = Environment.TickCount64 + LifeMilliseconds, x = 1;
        while (Environment.TickCount64 < end && !s_stop)
            x = run(x) | 1;
    }

    private static MethodBuilder Method(TypeBuilder type, string name) =>
        type.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, typeof(long), [typeof(long)]);

    private static DynamicMethod Method(string name) => new(name, typeof(long), [typeof(long)], typeof(Program).Module);

    private static void EmitLeaf(ILGenerator il, int generation)
    {
        if (generation % 3 == 0)
        {
            EmitLoop(il, 20, body =>
            {
                body.Emit(OpCodes.Ldc_I8, 31L);
                body.Emit(OpCodes.Mul);
            });
            return;
        }
        il.Emit(OpCodes.Ldarg_0);
        for (int i = 0; i < 12 + (generation % 4); i++)
        {
            il.Emit(OpCodes.Ldc_I8, 31L);
            il.Emit(OpCodes.Mul);
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Xor);
        }
        il.Emit(OpCodes.Ret);
    }

    /// <summary>x = argument; `times` times: x = body(x); gives x.</summary>
    private static void EmitLoop(ILGenerator il, int times, Action<ILGenerator> body)
    {
        LocalBuilder x = il.DeclareLocal(typeof(long)), i = il.DeclareLocal(typeof(int));
        Label again = il.DefineLabel();
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Stloc, x);
        il.Emit(OpCodes.Ldc_I4, times);
        il.Emit(OpCodes.Stloc, i);
        il.MarkLabel(again);
        il.Emit(OpCodes.Ldloc, x);
        body(il);
        il.Emit(OpCodes.Stloc, x);
        il.Emit(OpCodes.Ldloc, i);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stloc, i);
        il.Emit(OpCodes.Ldloc, i);
        il.Emit(OpCodes.Brtrue, again);
        il.Emit(OpCodes.Ldloc, x);
        il.Emit(OpCodes.Ret);
    }
}
