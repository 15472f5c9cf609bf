using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DotnetPprof.Region;
using Xunit;

namespace DotnetPprof.Tests.Native;

/// <summary>The two sides of the region's layout, each as its own compiler sees it.</summary>
public class LayoutTests
{
    [Fact]
    public void CSharpStructsAreTheOnesInC()
    {
        (int code, string output, string error) = NativeBuild.Run("layout_probe");
        Assert.True(code == 0, error);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string line in lines)
        {
            string[] words = line.Split(' ');
            Assert.Equal(line, $"{words[0]} {words[1]} {words[2]} {Seen(words[0], words[1], words[2])}");
        }
        Assert.True(lines.Length > 150, $"only {lines.Length} facts to compare");

        /* And nothing on the C# side that C does not know. */
        HashSet<string> fields = [.. lines.Where(l => l.StartsWith("field ")).Select(l => l.Split(' ')).Select(w => $"{w[1]}.{Pascal(w[2])}")];
        IEnumerable<Type> structs = typeof(RegionHeader).Assembly.GetTypes().Where(t => t.IsValueType && t.IsPublic && !t.IsEnum);
        Assert.All(structs.SelectMany(t => t.GetFields()), field => Assert.Contains($"{field.DeclaringType!.Name}.{field.Name}", fields));
    }

    /// <summary>Files of other builds are told apart by these words: they stay where they are in every layout to come.</summary>
    [Fact]
    public void WhatTellsVersionsApartNeverMoves()
    {
        Assert.Equal(0x31464F525050444EUL, RegionLayout.Magic);
        Assert.Equal(0, Offset<RegionHeader>("Magic"));
        Assert.Equal(8, Offset<RegionHeader>("Abi"));
        Assert.Equal(12, Offset<RegionHeader>("Pid"));
        Assert.Equal(16, Offset<RegionHeader>("LayoutHash"));
        Assert.Equal(24, Offset<RegionHeader>("TotalBytes"));
    }

    [Fact]
    public void HandlerAndCollectorWriteToDifferentCacheLines()
    {
        Assert.Equal(256, Unsafe.SizeOf<RegionSlot>());
        int[] lines = [Offset<RegionSlot>("Name") / 64, Offset<RegionSlot>("Head") / 64, Offset<RegionSlot>("Tail") / 64];
        Assert.Equal(3, lines.Distinct().Count());
        Assert.Equal(Offset<RegionSlot>("Tail") / 64, Offset<RegionSlot>("DrainedGeneration") / 64);
        Assert.NotEqual(Offset<RegionControl>("Command") / 64, Offset<RegionControl>("Acknowledged") / 64);
        Assert.Equal(32, Unsafe.SizeOf<RegionRecord>());
        Assert.Equal((int)RegionLayout.ChainUnit, Unsafe.SizeOf<RegionChain>());
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);

    private static string Seen(string what, string of, string name)
    {
        Type type = typeof(RegionHeader).Assembly.GetType("DotnetPprof.Region." + of, throwOnError: true)!;
        FieldInfo? field = type.GetField(Pascal(name));
        return what switch
        {
            "struct" => $"{Marshal.SizeOf(type)} 0",
            "value" => $"{Convert.ToInt64(Enum.Parse(type, Pascal(name)))} 0",
            "constant" => $"{field!.GetRawConstantValue()} 0",
            _ => $"{Marshal.OffsetOf(type, field!.Name)} {Marshal.SizeOf(field.FieldType)}",
        };
    }

    private static string Pascal(string name) =>
        string.Concat(name.Split('_').Select(word => char.ToUpperInvariant(word[0]) + word[1..].ToLowerInvariant()));
}
