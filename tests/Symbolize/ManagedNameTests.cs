using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class ManagedNameTests
{
    [Theory]
    [InlineData("P", "Main", "void  (class System.String[])", "P.Main(string[])")]
    [InlineData("System.Threading.Thread", "Sleep", "void  (int32)", "System.Threading.Thread.Sleep(int)")]
    [InlineData("System.IO.StreamWriter", "Flush", "instance void  ()", "System.IO.StreamWriter.Flush()")]
    [InlineData("System.Runtime.Loader.AssemblyLoadContext", ".ctor", "instance void  (bool,bool,class System.String)", "System.Runtime.Loader.AssemblyLoadContext..ctor(bool, bool, string)")]
    [InlineData("System.Threading.Tasks.Task+<>c", ".cctor", "void  ()", "System.Threading.Tasks.Task.<>c..cctor()")]
    [InlineData(
        "System.Collections.Generic.Dictionary`2[System.__Canon,System.Int32]",
        "TryInsert",
        "instance bool  (!0,!1,value class System.Collections.Generic.InsertionBehavior)",
        "System.Collections.Generic.Dictionary<System.__Canon,int>.TryInsert(__Canon, int, InsertionBehavior)")]
    [InlineData(
        "System.Collections.Generic.Dictionary`2+KeyCollection[System.__Canon,System.__Canon]",
        "CopyTo",
        "instance void  (!0[],int32)",
        "System.Collections.Generic.Dictionary<System.__Canon,System.__Canon>.KeyCollection.CopyTo(__Canon[], int)")]
    [InlineData(
        "System.Collections.Generic.List`1[System.Collections.Generic.KeyValuePair`2[System.__Canon,System.Int64[]]]",
        "get_Item",
        "instance !0  (int32)",
        "System.Collections.Generic.List<System.Collections.Generic.KeyValuePair<System.__Canon,System.Int64[]>>.get_Item(int)")]
    [InlineData(
        "Outer`1+Inner`1[System.__Canon,System.Int32]",
        "M",
        "instance generic !0  (class System.Collections.Generic.List`1<class System.Collections.Generic.Dictionary`2<class System.String,int32[]>>,!1&,!!0,!0[,],value class System.Nullable`1<int32>,int,wchar)",
        "Outer<System.__Canon>.Inner<int>.M<T>(List<Dictionary<string,int[]>>, int&, T, __Canon[,], Nullable<int>, nint, char)")]
    [InlineData("System.Activator", "CreateInstance", "generic !!0  ()", "System.Activator.CreateInstance<T>()")]
    [InlineData("A.B", "Zip", "generic void  (!!0[],!!1[])", "A.B.Zip<T1,T2>(T1[], T2[])")]
    [InlineData("A.B", "G", "void  (class System.Collections.Generic.Dictionary`2+Enumerator<class A.C+D,int32>)", "A.B.G(Dictionary<C.D,int>.Enumerator)")]
    [InlineData("A.B", "L", "instance bool  (class A.B+<>c__DisplayClass1_0,class A.B+<Run>d__3`1<int32>&)", "A.B.L(B.<>c__DisplayClass1_0, B.<Run>d__3<int>&)")]
    [InlineData("P", "Ptr", "int32  (int32*,void**,unsigned int8,fnptr void(int32),bool)", "P.Ptr(int*, void**, byte, fnptr void(int32), bool)")]
    [InlineData("P", "Ptr", "int32  (fnptr void(int32,int64),bool)", "P.Ptr(fnptr void(int32,int64), bool)")]
    [InlineData("dynamicClass", "IL_STUB_PInvoke", "void  (int32)", "dynamicClass.IL_STUB_PInvoke(int)")]
    [InlineData("", "Global", "void  ()", "Global()")]
    [InlineData("Shop.Cart+<>c", "<Total>b__3_0", "instance int32  (class Shop.Line)", "Shop.Cart.Total.lambda(Line)")]
    [InlineData("Shop.Cart+<>c__DisplayClass4_0", "<Find>b__1", "instance bool  (int32)", "Shop.Cart.Find.lambda(int)")]
    [InlineData("Shop.Cart", "<Find>b__4_2", "instance bool  (int32)", "Shop.Cart.Find.lambda(int)")]
    [InlineData("Shop.Cart", "<Find>g__Matches|4_0", "bool  (int32,value class Shop.Cart+<>c__DisplayClass4_0&)", "Shop.Cart.Find.Matches(int)")]
    [InlineData("Shop.Cart+<LoadAsync>d__5", "MoveNext", "instance void  ()", "Shop.Cart.LoadAsync")]
    [InlineData("Shop.Cart+<Lines>d__6`1[System.Int32]", "MoveNext", "instance bool  ()", "Shop.Cart.Lines<int>")]
    [InlineData("Shop.Cart+<Lines>d__6", "System.IDisposable.Dispose", "instance void  ()", "Shop.Cart.Lines.System.IDisposable.Dispose()")]
    [InlineData("Shop.Cart+<System-Collections-IEnumerable-GetEnumerator>d__7", "MoveNext", "instance bool  ()", "Shop.Cart.System.Collections.IEnumerable.GetEnumerator")]
    [InlineData("Shop.Cart+<>c+<<LoadAsync>b__5_0>d", "MoveNext", "instance void  ()", "Shop.Cart.LoadAsync.lambda")]
    [InlineData("Shop.Cart+<>c__DisplayClass5_0`1+<<LoadAsync>g__Fetch|0>d[System.Int32]", "MoveNext", "instance void  ()", "Shop.Cart.LoadAsync.Fetch")]
    [InlineData("Program", "<Main>$", "void  (class System.String[])", "Program.Main(string[])")]
    [InlineData("Program", "<<Main>$>g__Work|0_1", "void  ()", "Program.Main.Work()")]
    [InlineData("Program+<>c", "<<Main>$>b__0_0", "instance void  ()", "Program.Main.lambda()")]
    [InlineData("Interop+Sys", "<Send>g____PInvoke|9_0", "int32  (int)", "Interop.Sys.Send.__PInvoke(nint)")]
    [InlineData("App.<Parser>F0123ABCD__Scanner+Inner", "Next", "instance void  ()", "App.Scanner.Inner.Next()")]
    [InlineData("<PrivateImplementationDetails>", "ComputeStringHash", "unsigned int32  (class System.String)", "<PrivateImplementationDetails>.ComputeStringHash(string)")]
    [InlineData("<>f__AnonymousType0`1[System.Int32]", "get_X", "instance !0  ()", "<>f__AnonymousType0<int>.get_X()")]
    [InlineData("A.B", "<>n__0", "instance void  ()", "A.B.<>n__0()")]
    [InlineData("A.B+<>c", "<x", "void  ()", "A.B.<x()")]
    public void NamesArePutAsAPersonReadsThem(string type, string method, string signature, string expected) =>
        Assert.Equal(expected, ManagedName.Readable(type, method, signature));

    [Theory]
    [InlineData("System.IO.StreamWriter", "Write", "instance void  (class System.String)", "instance void System.IO.StreamWriter::Write(class System.String)")]
    [InlineData("A", "B", "void  (fnptr void(int32),bool)", "void A::B(fnptr void(int32),bool)")]
    [InlineData("A", "B", "", "A::B")]
    [InlineData("A", "B", "nonsense", "A::B nonsense")]
    public void SystemNamesKeepTheRawSignature(string type, string method, string signature, string expected) =>
        Assert.Equal(expected, ManagedName.ToFunction(type, method, signature).SystemName);

    [Theory]
    [InlineData("A", "B", "")]
    [InlineData("", "", "")]
    [InlineData("", "", "()")]
    [InlineData("A", "B", "void  (")]
    [InlineData("A", "B", ")")]
    [InlineData("A`", "B", "(,)")]
    [InlineData("A`99999999999[", "B", "(!99999999999,!!99999999999)")]
    [InlineData("A`1[[[[", "B", "(<<<<>>)")]
    [InlineData("A`1[]]]", "B", "generic (!!0<>)")]
    [InlineData("[", "B", "(&*[])")]
    [InlineData("A`1[B,", "C", "(class ,value class )")]
    public void WhateverTheTargetSendsHasTwoDifferentNames(string type, string method, string signature)
    {
        Function function = ManagedName.ToFunction(type, method, signature);
        Assert.NotEqual(function.Name, function.SystemName);
        Assert.Contains(method, function.Name);
    }

    [Fact]
    public void DamagedNamesAreNeverFatal()
    {
        string[] parts = ["Outer`1+Inner`1[System.__Canon,System.Int32[]]", "instance generic !0  (class A.L`1<class B.D`2<class System.String,int32[]>>,!1&,!!0,!0[,],fnptr void(int32))"];
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            char[] type = parts[0].ToCharArray(), signature = parts[1].ToCharArray();
            for (int i = 0; i < 4; i++)
            {
                type[random.Next(type.Length)] = "[]`+,<>()!&*1 "[random.Next(14)];
                signature[random.Next(signature.Length)] = "[]`+,<>()!&*1 "[random.Next(14)];
            }

            Function function = ManagedName.ToFunction(new string(type), "Method", new string(signature, 0, random.Next(signature.Length)));
            Assert.NotEqual(function.Name, function.SystemName);
        }
    }

    [Fact]
    public void DeepAndLongNamesAreBounded()
    {
        Function function = ManagedName.ToFunction(string.Concat(Enumerable.Repeat("A`1[", 50_000)), "M", "void  (" + string.Concat(Enumerable.Repeat("class A`1<", 50_000)) + ")");
        Assert.InRange(function.Name.Length, 1, 5000);
        Assert.InRange(function.SystemName.Length, 1, 5000);
    }
}
