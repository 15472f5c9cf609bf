using System.Globalization;

namespace DotnetPprof.Report;

/// <summary>What a location without a function is called.</summary>
internal static class UnnamedPlace
{
    public static string Name(string module, ulong address)
    {
        string place = string.Create(CultureInfo.InvariantCulture, $"0x{address:x}");
        return module.Length == 0 ? place : $"{module[(module.LastIndexOf('/') + 1)..]}!{place}";
    }
}
