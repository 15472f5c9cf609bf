using System.IO.Compression;
using System.Text.Json;
using DotnetPprof.Model;

namespace DotnetPprof.Annotate;

/// <param name="Offset">Bytes from the body's start to the instruction.</param>
/// <param name="Samples">Stack samples whose leaf it is.</param>
/// <param name="CpuNanos">CPU time they stand for.</param>
public readonly record struct HotPlace(uint Offset, long Samples, long CpuNanos);

/// <param name="Offset">Bytes from the body's start to the first instruction that was made from it.</param>
/// <param name="File">Source file.</param>
/// <param name="Line">From 1.</param>
/// <param name="Method">The method inlined there; empty for the body's own.</param>
public readonly record struct SourcePlace(uint Offset, string File, int Line, string Method);

/// <summary>The machine code of one method as it was compiled once, with the samples that hit it.</summary>
/// <param name="Name">The method, as in the profile.</param>
/// <param name="Start">Its address in the target.</param>
/// <param name="Code">Its bytes.</param>
/// <param name="Hits">By offset.</param>
/// <param name="Source">By offset; empty without a PDB.</param>
public sealed record HotBody(string Name, ulong Start, byte[] Code, IReadOnlyList<HotPlace> Hits, IReadOnlyList<SourcePlace> Source)
{
    public long CpuNanos => Hits.Sum(hit => hit.CpuNanos);
}

/// <summary>Hot code beside a saved profile, in a file of its own: gzip-compressed JSON.</summary>
internal static class CodeFile
{
    private const int MaxBytes = 256 << 20;

    /// <summary>As many of these as a file has room for add up to less than a long holds.</summary>
    private const long MaxCount = long.MaxValue >> 28;

    public static string BesideProfile(string profile) => profile + ".code";

    public static void Write(string path, IReadOnlyList<HotBody> bodies)
    {
        try
        {
            using var file = new GZipStream(File.Create(path), CompressionLevel.Optimal);
            JsonSerializer.Serialize(file, bodies);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError(ExitCode.Tracing, $"cannot write '{path}': {e.Message}");
        }
    }

    public static IReadOnlyList<HotBody> Read(string path)
    {
        try
        {
            using var file = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            using var whole = new MemoryStream();
            byte[] buffer = new byte[1 << 16];
            for (int read = file.Read(buffer); read > 0; read = file.Read(buffer))
            {
                whole.Write(buffer, 0, read);
                if (whole.Length > MaxBytes) throw new InvalidDataException("it is too large");
            }

            whole.Position = 0;
            List<HotBody?> bodies = JsonSerializer.Deserialize<List<HotBody?>>(whole) ?? [];
            return [.. bodies.OfType<HotBody>().Where(IsWhole)];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserError(ExitCode.Argument, $"there is no '{path}': the code of a profile's methods is kept by `collect --code`");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or JsonException or UnauthorizedAccessException)
        {
            throw new UserError(ExitCode.Argument, $"cannot read '{path}': {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static bool IsWhole(HotBody body) =>
        body is { Code: not null, Hits: not null, Source: not null, Name: not null }
        && body.Source.All(place => place is { File: not null, Method: not null })
        && body.Hits.All(hit => hit is { Samples: >= 0 and <= MaxCount, CpuNanos: >= 0 and <= MaxCount });
}
