using System.Globalization;
using DotnetPprof.Model;
using DotnetPprof.Symbolize.Demangle;

namespace DotnetPprof.Symbolize;

/// <summary>Names for native code.</summary>
internal static class NativeName
{
    /// <summary>A symbol of a module, demangled where it is C++; the raw symbol stays in the system name.</summary>
    public static Function ToFunction(string symbol, string modulePath)
    {
        /* libc's .symtab spells versions into its names: pthread_sigmask@GLIBC_2.2.5. */
        int version = symbol.IndexOf('@');
        string name = version > 0 ? symbol[..version] : symbol;
        return new Function(CxxName.Demangle(name) ?? name, symbol + "@" + FileName(modulePath), "", 0);
    }

    /// <summary>A place in a module that has no symbol: <c>libcoreclr.so!+0x1a2b30</c>.</summary>
    /// <param name="modulePath">The module's file.</param>
    /// <param name="address">Linked address, of the function's start where that is known.</param>
    public static Function ToFunction(string modulePath, ulong address)
    {
        string name = FileName(modulePath) + "!+0x" + address.ToString("x", CultureInfo.InvariantCulture);
        return new Function(name, name + "@" + modulePath, "", 0);
    }

    /// <summary>A bracketed name for what is no function of any file.</summary>
    public static Function Bracketed(string name) => new(name, name + "@dotnet-pprof", "", 0);

    private static string FileName(string path) => path[(path.LastIndexOf('/') + 1)..];
}
