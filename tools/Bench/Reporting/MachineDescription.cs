using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace DotnetPprof.Bench.Reporting;

/// <summary>What a measurement was made on: enough to judge it and to compare it with another, and nothing that names a host.</summary>
/// <param name="Cpu">The model, and its family and stepping: virtual machines often hide more of it.</param>
/// <param name="Cores">That this process may run on.</param>
/// <param name="Virtual">Whether under a hypervisor.</param>
/// <param name="Kernel">Its release.</param>
/// <param name="ClockSource">The kernel's own.</param>
/// <param name="System">The distribution.</param>
/// <param name="Runtime">The .NET runtime the measurement ran in.</param>
/// <param name="LoadAtStart">Runnable threads in the minute before; near 0 on an idle machine.</param>
/// <param name="Date">UTC.</param>
internal sealed record MachineDescription(
    string Cpu, int Cores, bool Virtual, string Kernel, string ClockSource, string System, string Runtime, double LoadAtStart, string Date)
{
    /// <summary>Above this, something else was running, and small differences mean nothing.</summary>
    private const double QuietLoad = 0.5;

    /// <summary>For file names: the processor and its cores.</summary>
    public string ShortName => Slug($"{Cpu} {Cores}c");

    public bool Quiet => LoadAtStart <= QuietLoad;

    internal static MachineDescription Read()
    {
        string info = Text("/proc/cpuinfo");
        return new MachineDescription(
            $"{Field(info, "model name")} (family {Field(info, "cpu family")}, model {Field(info, "model")}, stepping {Field(info, "stepping")})",
            Environment.ProcessorCount,
            $" {Field(info, "flags")} ".Contains(" hypervisor ", StringComparison.Ordinal),
            Text("/proc/sys/kernel/osrelease").Trim(),
            Text("/sys/devices/system/clocksource/clocksource0/current_clocksource").Trim(),
            Field(Text("/etc/os-release").Replace('=', ':'), "PRETTY_NAME").Trim('"'),
            RuntimeInformation.FrameworkDescription,
            double.TryParse(Text("/proc/loadavg").Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double load) ? load : 0,
            DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
    }

    internal string ToMarkdown()
    {
        var table = new TextTable(["machine", ""]);
        table.Add("CPU", Cpu);
        table.Add("cores", Cores.ToString(CultureInfo.InvariantCulture) + (Virtual ? ", virtual" : ""));
        table.Add("system", System);
        table.Add("kernel", Kernel);
        table.Add("kernel's clock source", ClockSource);
        table.Add("runtime", Runtime);
        table.Add("load at the start", LoadAtStart.ToString("0.00", CultureInfo.InvariantCulture) + (Quiet ? "" : ": not idle, small differences mean nothing"));
        table.Add("date", Date);
        return table.ToString();
    }

    private static string Slug(string text)
    {
        var slug = new StringBuilder();
        // What stands in parentheses is for people.
        int open = text.IndexOf('(');
        string name = open < 0 ? text : text[..open] + text[(text.IndexOf(')', open) + 1)..];
        foreach (char c in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(c))
                slug.Append(c);
            else if (slug.Length > 0 && slug[^1] != '-')
                slug.Append('-');
        }
        return slug.ToString().Trim('-');
    }

    private static string Field(string text, string name)
    {
        foreach (string line in text.Split('\n'))
        {
            int colon = line.IndexOf(':');
            if (colon > 0 && line[..colon].Trim() == name)
                return line[(colon + 1)..].Trim();
        }
        return "unknown";
    }

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }
}
