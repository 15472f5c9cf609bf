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
