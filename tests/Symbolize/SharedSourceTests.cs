using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.PortableExecutable;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

/// <summary>What targets with the same files have in common.</summary>
public sealed class SharedSourceTests : IDisposable
{
    private static readonly string s_assembly = Assembly.GetExecutingAssembly().Location;
    private readonly List<string> warnings = [];
    private readonly SharedSymbols shared = new();
    private readonly string directory = Directory.CreateTempSubdirectory("shared").FullName;

    private static uint Token => (uint)typeof(SharedSourceTests).GetMethod(nameof(Dispose))!.MetadataToken;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void AnAssemblyIsReadOnceUntilItsLastTargetGoes()
    {
        string copy = CopyTo("one");
        using PdbFiles first = Target(), second = Target();
        AssemblySource one = first.For(Named(copy))!, other = second.For(Named(copy))!;
        Assert.Same(one.Shared, other.Shared);
        Assert.Equal((1, 1), (shared.Files.Count, shared.Sources.Count));
        Assert.EndsWith("/SharedSourceTests.cs", one.StartOf(Token)!.Value.File);
        Assert.Equal(nameof(Dispose), one.NameOf(Token)!.Value.Method);
        Assert.Equal([copy], FilesHeld());
        first.Dispose();
        Assert.Equal(nameof(Dispose), other.NameOf(Token)!.Value.Method);
        Assert.NotNull(other.LineAt(Token, 0));
        second.Dispose();
        Assert.Equal((0, 0), (shared.Files.Count, shared.Sources.Count));
        Assert.Empty(FilesHeld());
        Assert.Empty(warnings);
    }

    [Fact]
    public void ATargetIsNotGivenAPdbThatAnotherOneFound()
    {
        string copy = CopyTo("alone");
        string own = Directory.CreateDirectory(Path.Combine(directory, "own")).FullName, others = Directory.CreateDirectory(Path.Combine(directory, "others")).FullName;
        File.Move(Path.ChangeExtension(copy, ".pdb"), Path.Combine(own, Path.GetFileName(Path.ChangeExtension(copy, ".pdb"))));
        File.Copy(Path.ChangeExtension(s_assembly, ".pdb"), Path.Combine(others, Path.GetFileName(Path.ChangeExtension(s_assembly, ".pdb"))));
        using PdbFiles first = Target(own), second = Target(others), third = Target(own);
        AssemblySource one = first.For(Named(copy))!, other = second.For(Named(copy))!;
        Assert.NotSame(one.Shared, other.Shared);
        Assert.Same(one.Shared, third.For(Named(copy))!.Shared);
        Assert.Equal((1, 2), (shared.Files.Count, shared.Sources.Count));
        Assert.Equal(one.StartOf(Token), other.StartOf(Token));
    }

    [Fact]
    public void TheSamePathInTwoContainersIsTwoFiles()
    {
        string inside = Path.GetRelativePath(Path.Combine(directory, "a"), CopyTo("a"));
        CopyTo("b");
        using PdbFiles first = new(Path.Combine(directory, "a"), null, warnings.Add, shared), second = new(Path.Combine(directory, "b"), null, warnings.Add, shared);
        Assert.NotSame(first.For(Named("/" + inside))!.Shared, second.For(Named("/" + inside))!.Shared);
        Assert.Equal((2, 2), (shared.Files.Count, shared.Sources.Count));
    }

    [Fact]
    public void DamageIsToldToEveryTargetOnce()
    {
        string copy = CopyTo("damaged");
        byte[] bytes = File.ReadAllBytes(copy);
        using (var image = new PEReader(new MemoryStream(bytes)))
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(image.PEHeaders.CorHeaderStartOffset + 8), 0xffff_0000); // where the metadata is
        File.WriteAllBytes(copy, bytes);
        var told = new List<string>();
        using PdbFiles first = Target(), second = new("", null, told.Add, shared);
        AssemblySource one = first.For(Named(copy))!, other = second.For(Named(copy))!;
        Assert.Same(one.Shared, other.Shared);
        Assert.Null(one.NameOf(Token));
        Assert.Null(one.LineAt(Token, 0));
        Assert.Null(other.LineAt(Token, 0));
        Assert.Null(other.NameOf(Token));
        Assert.Contains(copy, Assert.Single(warnings));
        Assert.Contains(copy, Assert.Single(told));
    }

    [Fact]
    public void ManyTargetsMayAskAtOnce()
    {
        string copy = CopyTo("many");
        using PdbFiles reference = new("", null, warnings.Add);
        uint[] tokens = [.. Enumerable.Range(1, 400).Select(row => 0x06000000 + (uint)row)];
        string[] expected = [.. tokens.Select(token => Answers(reference.For(Named(copy))!, token))];
        Parallel.For(0, 32, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            using PdbFiles target = Target();
            AssemblySource source = target.For(Named(copy))!;
            Assert.Equal(expected, tokens.Select(token => Answers(source, token)));
        });
        Assert.Equal((0, 0), (shared.Files.Count, shared.Sources.Count));
        Assert.Empty(warnings);
    }

    [Fact]
    public void IlIsWhatTheRuntimeRuns()
    {
        using ByteSource bytes = ByteSource.OfFile(s_assembly);
        using var metadata = new AssemblyMetadata(new PortableImage(bytes));
        int compared = 0;
        foreach (MethodInfo method in typeof(SharedSourceTests).Assembly.GetTypes().SelectMany(type => type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance)).Take(3000))
        {
            if (method.GetMethodBody()?.GetILAsByteArray() is not { } il) continue;
            Assert.Equal(il, metadata.IlOf((uint)method.MetadataToken));
            compared++;
        }

        Assert.True(compared > 500, $"{compared} methods");
        Assert.Null(metadata.IlOf(0x06ffffff));
    }

    [Fact]
    public void NativeModulesAreOpenedOnceForAll()
    {
        using (var first = new NativeModules(Environment.ProcessId, warnings.Add, shared.Files))
        {
            int open = shared.Files.Count;
            Assert.True(open > 0);
            using var second = new NativeModules(Environment.ProcessId, warnings.Add, shared.Files);
            Assert.InRange(shared.Files.Count, open, open + 8); // tests beside this one may load something
        }

        Assert.Equal(0, shared.Files.Count);
    }

    private static string Answers(AssemblySource source, uint token) =>
        $"{source.NameOf(token)} {source.StartOf(token)} {source.LineAt(token, 7)} {source.CallOf(token, 0, "Equal")}";

    private static Mapping Named(string path) => new(0, 0, 0, path, "", HasFunctions: true);

    private PdbFiles Target(string? symbols = null) => new("", symbols, warnings.Add, shared);

    private string CopyTo(string name)
    {
        string copy = Path.Combine(Directory.CreateDirectory(Path.Combine(directory, name)).FullName, Path.GetFileName(s_assembly));
        File.Copy(s_assembly, copy);
        File.Copy(Path.ChangeExtension(s_assembly, ".pdb"), Path.ChangeExtension(copy, ".pdb"));
        return copy;
    }

    /// <summary>This test's files that are open, and those that are mapped.</summary>
    private List<string> FilesHeld() =>
    [
        .. Directory.EnumerateFiles("/proc/self/fd").Select(one => new FileInfo(one).LinkTarget ?? "").Where(path => path.StartsWith(directory, StringComparison.Ordinal)),
        .. File.ReadLines("/proc/self/maps").Where(line => line.Contains(directory, StringComparison.Ordinal)),
    ];
}
