using System.Diagnostics;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Demangle;
using Xunit;

namespace DotnetPprof.Tests.Symbolize;

public class CxxNameTests(ITestOutputHelper log)
{
    [Theory]
    [InlineData("_Z3foov", "foo()")]
    [InlineData("_ZN3WKS7gc_heap4markEPhi", "WKS::gc_heap::mark(unsigned char*, int)")]
    [InlineData("_ZNK4Base3getEv", "Base::get() const")]
    [InlineData("_ZN4BaseC2Ei", "Base::Base(int)")]
    [InlineData("_ZN4BaseD0Ev", "Base::~Base()")]
    [InlineData("_ZTV4Base", "vtable for Base")]
    [InlineData("_ZThn16_N4Base3getEv", "non-virtual thunk to Base::get()")]
    [InlineData("_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work()")]
    [InlineData("_Z3maxIiET_S0_S0_", "max<int>(int, int)")]
    [InlineData("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int>>::push_back(int const&)")]
    [InlineData("_Z5applyPFvidEA4_c", "apply(void (*)(int, double), char [4])")]
    [InlineData("_Z1fPA3_iM4BaseKFivE", "f(int (*)[3], int (Base::*)() const)")]
    [InlineData("_ZZN4Base3runEvENKUliE_clEi", "Base::run()::{lambda(int)#1}::operator()(int) const")]
    [InlineData("_ZN4BasepLERKS_", "Base::operator+=(Base const&)")]
    [InlineData("_ZN4BasecvbEv", "Base::operator bool()")]
    [InlineData("_Z4sendNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", "send(std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char>>)")]
    [InlineData("_ZL6hiddeni.constprop.0", "hidden(int) [clone .constprop.0]")]
    [InlineData("_Z3barILb1ELi3EEvv", "bar<true, 3>()")]
    public void NamesAreAsWrittenInTheSource(string symbol, string expected) => Assert.Equal(expected, CxxName.Demangle(symbol));

    [Theory]
    [InlineData("memcpy")]
    [InlineData("_Z")]
    [InlineData("_ZN")]
    [InlineData("_Z3fo")]
    [InlineData("_Z99999999999999foo")]
    [InlineData("_ZS99999999_")]
    [InlineData("_ZT_")]
    [InlineData("_Z3fooS_")]
    public void WhatIsNoneStaysAsItIs(string symbol) => Assert.Null(CxxName.Demangle(symbol));

    [Fact]
    public void ALibraryFullOfTemplatesReadsAsBinutilsReadIt()
    {
        string[] symbols = Symbols();
        if (symbols.Length == 0) Assert.Skip("there is no libstdc++.so.6 in this process");
        string[] expected = Filter(symbols);
        if (expected.Length != symbols.Length) Assert.Skip("c++filt is not installed");
        int same = 0, unread = 0;
        for (int i = 0; i < symbols.Length; i++)
        {
            string? name = CxxName.Demangle(symbols[i]);
            if (name is null) unread++;

            // Return types stand in front, and are not told here.
            if (name is not null && Plain(expected[i]).EndsWith(Plain(name), StringComparison.Ordinal)) same++;
            else log.WriteLine($"{symbols[i]}\n  {name}\n  {expected[i]}");
        }

        log.WriteLine($"{same} of {symbols.Length} the same, {unread} not read");
        Assert.True(same > symbols.Length * 0.99, $"{same} of {symbols.Length}");
        Assert.True(unread < symbols.Length * 0.01, $"{unread} of {symbols.Length}");
    }

    [Fact]
    public void DamagedSymbolsEndSoon()
    {
        string[] symbols = [.. Symbols().Take(400), "_ZNSt6vectorIiSaIiEE9push_backERKi", "_ZZN4Base3runEvENKUliE_clEi", "_Z1fPA3_iM4BaseKFivE"];
        var random = new Random(11);
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < 100_000; round++)
        {
            char[] symbol = symbols[random.Next(symbols.Length)].ToCharArray();
            for (int i = 0; i < 3; i++) symbol[random.Next(2, symbol.Length)] = "NSTIEKPRFALZDBCUJXM0123456789_.clsv"[random.Next(35)];
            Assert.InRange(CxxName.Demangle(new string(symbol, 0, random.Next(2, symbol.Length + 1)))?.Length ?? 0, 0, 1 << 20);
        }

        log.WriteLine($"{clock.ElapsedMilliseconds} ms");
    }

    [Theory]
    [InlineData("P", "i")]
    [InlineData("N", "")]
    [InlineData("1AI", "")]
    [InlineData("FvPF", "")]
    [InlineData("Z1fv", "")]
    public void DeepAndBranchingSymbolsAreGivenUp(string part, string end) =>
        Assert.Null(CxxName.Demangle("_Z1f" + string.Concat(Enumerable.Repeat(part, 5000 / part.Length)) + end));

    [Fact]
    public void SubstitutionsCannotMakeATextWithoutEnd()
    {
        // Each argument list holds the one before it eight times.
        string symbol = "_Z1fI1AIiE";
        for (int i = 0; i < 12; i++) symbol += $"1B{"I" + string.Concat(Enumerable.Repeat("S" + "13579BDFHJLN"[i] + "_", 8))}E";
        Assert.Null(CxxName.Demangle(symbol + "Evv"));
    }

    /// <summary>Without what binutils writes otherwise: spaces, and the standard library's abbreviations in full.</summary>
    private static string Plain(string name)
    {
        name = name.Replace("> >", ">>", StringComparison.Ordinal).Replace("> >", ">>", StringComparison.Ordinal).Replace(" [", "[", StringComparison.Ordinal);
        foreach (string type in (string[])["string<char, std::char_traits<char>, std::allocator<char>>", "istream<char, std::char_traits<char>>", "ostream<char, std::char_traits<char>>", "iostream<char, std::char_traits<char>>"])
            name = name.Replace("std::basic_" + type, "std::" + type[..type.IndexOf('<')], StringComparison.Ordinal);
        foreach (string type in (string[])["string", "istream", "ostream", "iostream"])
            name = name.Replace($"std::{type}::basic_{type}", $"std::{type}::{type}", StringComparison.Ordinal).Replace($"std::{type}::~basic_{type}", $"std::{type}::~{type}", StringComparison.Ordinal);
        return name;
    }

    private static string[] Symbols()
    {
        string? path = File.ReadLines("/proc/self/maps").Where(line => line.Contains("/libstdc++.so.6", StringComparison.Ordinal)).Select(line => line[line.IndexOf('/')..]).FirstOrDefault();
        if (path is null) return [];
        using ElfFile file = ElfFile.Read(ByteSource.OfFile(path));
        ElfSymbols symbols = ElfSymbols.Read(file)!;
        return [.. Enumerable.Range(0, (int)(file.Sections.Max(section => section.Address + section.Size) / 16)).Select(i => symbols.Find((ulong)i * 16)?.Name).Where(name => name?.StartsWith("_Z", StringComparison.Ordinal) == true).Select(name => name!.Split('@')[0]).Distinct()];
    }

    private static string[] Filter(string[] symbols)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("c++filt") { RedirectStandardInput = true, RedirectStandardOutput = true })!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            foreach (string symbol in symbols) process.StandardInput.WriteLine(symbol);
            process.StandardInput.Close();
            return output.Result.TrimEnd('\n').Split('\n');
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return [];
        }
    }
}
