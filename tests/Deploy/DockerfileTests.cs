using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace DotnetPprof.Tests.Deploy;

/// <summary>Docker's own reference, and the rules of hadolint that concern this file.</summary>
public partial class DockerfileTests
{
    private const string Name = "Dockerfile";

    private static readonly string[] Known =
        ["FROM", "RUN", "COPY", "ENV", "WORKDIR", "VOLUME", "EXPOSE", "USER", "ENTRYPOINT", "CMD", "LABEL", "ARG"];

    [Fact]
    public void HadolintFindsNothing()
    {
        if (DeployFiles.Run("hadolint", DeployFiles.PathOf(Name)) is not { } result)
            Assert.Skip("hadolint is not installed");
        else
            Assert.True(result.Code == 0, result.Output);
    }

    [Fact]
    public void InstructionsAreKnownAndStagesAreNamed()
    {
        List<(string Word, string Text)> instructions = Instructions();
        Assert.Empty(instructions.Select(instruction => instruction.Word).Except(Known));
        Assert.Equal("FROM", instructions[0].Word);
        List<string> images = [.. instructions.Where(i => i.Word == "FROM").Select(i => i.Text.Split(' ')[0])];
        Assert.Equal(2, images.Count);
        List<string> stages = [.. instructions.Where(i => i.Word == "FROM" && i.Text.Contains(" AS ")).Select(i => i.Text.Split(" AS ")[1])];
        images.AddRange(instructions.Where(i => i.Word == "COPY").Select(i => From().Match(i.Text)).Where(m => m.Success).Select(m => m.Groups[1].Value).Except(stages));
        // A tag each, and not one that moves on to the next version; nothing with another C library than glibc.
        Assert.All(images, image => Assert.Matches("^[a-z0-9./-]+:[0-9][0-9.]*$", image));
        Assert.DoesNotContain(images, image => image.Contains("alpine"));
    }

    [Fact]
    public void WhatIsCopiedIsThere()
    {
        foreach ((string _, string rest) in Instructions().Where(i => i.Word == "COPY" && !From().IsMatch(i.Text)))
        {
            string[] parts = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.All(parts[..^1], source => Assert.True(Path.Exists(Path.Join(DeployFiles.Root, source)), $"{source} is not in the repository"));
            if (parts.Length > 2)
                Assert.EndsWith("/", parts[^1]);
        }
        string program = Instructions().Single(i => i.Word == "ENTRYPOINT").Text;
        Assert.Equal(["/opt/dotnet-pprof/dotnet-pprof"], JsonSerializer.Deserialize<string[]>(program)!);
        Assert.Equal(["serve"], JsonSerializer.Deserialize<string[]>(Instructions().Single(i => i.Word == "CMD").Text)!);
    }

    /// <summary>What the collector's project needs of the repository is what the image is built of.</summary>
    [Fact]
    public void EveryProjectOfTheBuildIsCopied()
    {
        List<string> copied = [.. Instructions().Where(i => i.Word == "COPY" && !From().IsMatch(i.Text)).SelectMany(i => i.Text.Split(' ')[..^1])];
        var wanted = new Queue<string>(["collector/Collector.csproj"]);
        var seen = new HashSet<string>();
        while (wanted.TryDequeue(out string? project))
        {
            if (!seen.Add(project))
                continue;
            Assert.Contains(Path.GetDirectoryName(project) + "/", copied);
            string path = Path.Join(DeployFiles.Root, project);
            foreach (Match reference in Reference().Matches(File.ReadAllText(path)))
                wanted.Enqueue(Path.GetRelativePath(DeployFiles.Root, Path.GetFullPath(Path.Join(Path.GetDirectoryName(path), reference.Groups[1].Value))));
        }
        Assert.True(seen.Count >= 4);
        Assert.Contains("proto/", copied);
    }

    [Fact]
    public void ItRunsAsNobodyAndLeavesNoLists()
    {
        List<(string Word, string Text)> instructions = Instructions();
        Assert.Matches("^[1-9][0-9]*:[1-9][0-9]*$", instructions.Last(i => i.Word == "USER").Text);
        Assert.True(instructions.FindLastIndex(i => i.Word == "USER") > instructions.FindLastIndex(i => i.Word is "RUN" or "FROM"));
        foreach ((string _, string run) in instructions.Where(i => i.Word == "RUN" && i.Text.Contains("apt-get")))
        {
            Assert.Contains("apt-get update && apt-get install -y --no-install-recommends ", Spaces().Replace(run, " "));
            Assert.EndsWith("rm -rf /var/lib/apt/lists/*", run);
        }
        Assert.All(instructions.Where(i => i.Word == "WORKDIR"), i => Assert.StartsWith("/", i.Text));
        Assert.DoesNotContain(instructions, i => i.Word == "RUN" && i.Text.Contains("sudo"));
    }

    /// <summary>Comments left out, continued lines joined.</summary>
    private static List<(string Word, string Text)> Instructions()
    {
        IEnumerable<string> lines = DeployFiles.Text(Name).Split('\n').Where(line => !line.TrimStart().StartsWith('#'));
        return
        [
            .. string.Join('\n', lines).Replace("\\\n", " ", StringComparison.Ordinal)
                .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(line => line.Split(' ', 2))
                .Select(parts => (parts[0], parts.Length > 1 ? parts[1].Trim() : "")),
        ];
    }

    [GeneratedRegex(@"--from=(\S+)")]
    private static partial Regex From();

    [GeneratedRegex("<ProjectReference Include=\"([^\"]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
