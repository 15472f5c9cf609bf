using System.Text;
using DotnetPprof.Serve;
using DotnetPprof.Session;
using DotnetPprof.Upload;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>What a process says of itself through the kernel: some of each text is its own.</summary>
internal static class FuzzedTexts
{
    internal static IEnumerable<byte[]> Processes() =>
        new[] { "stat", "status", "cmdline", "environ", "cgroup", "maps" }.Select(file => Read($"/proc/self/{file}"));

    internal static void ReadProcess(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        ProcTexts.StatField(text, 22);
        foreach (string kind in (string[])["Uid:", "NSpid:", "Tgid:"])
        {
            ProcTexts.Number(text, kind, 2);
            ProcTexts.Number(text, kind, ProcTexts.Last);
        }
        ProcTexts.Arguments(text);
        ProcTexts.Variables(text);
        ProcTexts.Files(text.Split('\n'));
        ContainerId.Of(text);
    }

    internal static IEnumerable<byte[]> Attributes()
    {
        yield return "service.name=shop%20front,service.version=1.2.3,deployment.environment.name=prod%2Feu,host.name=h\u00f6st"u8.ToArray();
        yield return Encoding.ASCII.GetBytes("service.name=x" + string.Concat(Enumerable.Repeat("%F0%9F%98%80", 200)));
        yield return "service.name=%F0%9F%98%80%zz,=x,host.name=%00%ff,deployment.environment==,,"u8.ToArray();
    }

    internal static void ReadAttributes(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        foreach (string variable in (string[])["OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME"])
        {
            var labels = ResourceLabels.Of(new Dictionary<string, string> { [variable] = text });
            foreach (string label in (string[])[labels.Service, labels.Version, labels.Environment, labels.Host])
            {
                if (label.Length > 255 || label.Any(char.IsControl))
                    throw new InvalidOperationException($"'{label}' is no label");
                /* As it is written into profiles: half a character would make the whole of it unreadable to strict readers. */
                if (new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(label) < 0)
                    throw new InvalidOperationException();
            }
        }
    }

    private static byte[] Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        return bytes.Length <= 16384 ? bytes : bytes[..16384];
    }
}
