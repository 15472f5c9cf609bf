using System.Text;
using Markdig;

namespace DotnetPprof.HarmPrograms;

/// <summary>Markdown put together from pieces in every order: rendered, normalized, made plain.</summary>
internal static class MarkdownCases
{
    private const int Count = 400;

    private static readonly string[] pieces =
    [
        "# head *ing*", "> quote\n> more", "- item\n  - inner\n\n    para", "1. one\n2. two", "```c\ncode <b>\n```", "    indented",
        "| a | b |\n|---|:-:|\n| 1 | `2` |", "text **bold *both* bold** and _more_", "[link](http://x.y \"title\") ![img](a.png)",
        "[ref]: http://z 'q'\n\n[ref] [text][ref]", "<div>\nraw\n</div>", "***", "setext\n===", "&copy; &#35; \\* \\[", "a<br/>b  \nc",
        "Term\n:   Definition", "- [x] done\n- [ ] not", "note[^1]\n\n[^1]: foot", "~~gone~~ H~2~O x^2^ ==mark==", "https://auto.link www.x.org",
        ":smile: (c) ...", "{#id .class key=value}\n# attributed", "$$\nx^2\n$$", "*a `b* c`", "[un(closed", "**un*closed", "\t- tab\n\t\tdeep",
    ];

    internal static IEnumerable<(string, Func<string>)> All()
    {
        MarkdownPipeline plain = new MarkdownPipelineBuilder().Build(), advanced = new MarkdownPipelineBuilder().UseAdvancedExtensions().UseEmojiAndSmiley().Build();
        for (int i = 0; i < Count; i++)
        {
            int seed = i;
            yield return ($"markdown-{i}", (i % 4) switch
            {
                0 => () => Markdown.ToHtml(Text(seed), plain),
                1 => () => Markdown.Normalize(Text(seed), pipeline: plain),
                2 => () => Markdown.ToPlainText(Text(seed), advanced),
                _ => () => Markdown.ToHtml(Text(seed), advanced),
            });
        }
    }

    private static string Text(int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        for (int i = 0; i < 40; i++)
        {
            string piece = pieces[random.Next(pieces.Length)];
            text.Append(random.Next(5) == 0 ? piece[..random.Next(piece.Length)] : piece).Append(random.Next(3) == 0 ? "\n" : "\n\n");
        }
        return text.ToString();
    }
}
