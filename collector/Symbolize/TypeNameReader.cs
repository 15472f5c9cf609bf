using System.Text;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Reads a type as method events name it: reflection's syntax, <c>A.B`1+C`2[X,Y,Z]</c>, with <c>[]</c>, <c>[,]</c>,
/// <c>*</c> and <c>&amp;</c> after it and possibly an assembly's name after an argument. The arguments belong to the
/// nesting types in order, by the numbers behind the backquotes.
/// </summary>
internal ref struct TypeNameReader(ReadOnlySpan<char> text)
{
    /// <summary>Deep nesting is cut off: the input comes from the target, and this is recursive.</summary>
    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<char> text = text;
    private int position;

    /// <param name="arguments">Receives the type's arguments, which a signature calls !0, !1 and so on.</param>
    public string ReadDeclaringType(List<string> arguments)
    {
        string name = ReadType(0, arguments);
        return position == text.Length ? name : text.ToString();
    }

    private string ReadType(int depth, List<string>? outerArguments)
    {
        int start = position;
        while (position < text.Length && text[position] is not ('[' or ']' or ',' or '*' or '&')) position++;
        ReadOnlySpan<char> path = text[start..position];
        var arguments = new List<string>();
        if (position + 1 < text.Length && text[position] == '[' && text[position + 1] is not (']' or ',' or '*') && depth < MaxDepth)
        {
            position++;
            ReadArguments(depth, arguments);
        }

        var name = new StringBuilder(Combine(path, arguments));
        outerArguments?.AddRange(arguments);
        while (position < text.Length && text[position] is '[' or '*' or '&')
        {
            int end = text[position] == '[' ? text[position..].IndexOf(']') + position : position;
            if (end < position) break;
            name.Append(text[position..(end + 1)]);
            position = end + 1;
        }

        return name.ToString();
    }

    private void ReadArguments(int depth, List<string> arguments)
    {
        while (position < text.Length)
        {
            bool bracketed = text[position] == '[';
            if (bracketed) position++;
            arguments.Add(ReadType(depth + 1, null));
            if (bracketed)
            {
                // [Type, Assembly, Version=...]
                while (position < text.Length && text[position] != ']') position++;
                position++;
            }

            if (position >= text.Length) return;
            char separator = text[position];
            if (separator is not (',' or ']')) return;
            position++;
            if (separator == ']') return;
        }
    }

    /// <summary>Gives each type of a nested path the arguments that are its own.</summary>
    internal static string Combine(ReadOnlySpan<char> path, IReadOnlyList<string> arguments)
    {
        var name = new StringBuilder();
        int used = 0;
        bool nested = false;
        foreach (Range part in path.SplitAny('+', '/'))
        {
            ReadOnlySpan<char> one = path[part];
            if (nested) name.Append('.');
            nested = true;
            int tick = one.LastIndexOf('`');
            if (tick < 0 || !int.TryParse(one[(tick + 1)..], out int arity) || arity is < 1 or > 255)
            {
                name.Append(one);
                continue;
            }

            name.Append(one[..tick]).Append('<');
            for (int i = 0; i < arity; i++)
            {
                if (i > 0) name.Append(',');
                if (used < arguments.Count) name.Append(PrimitiveNames.Short(arguments[used++]));
            }

            name.Append('>');
        }

        return name.ToString();
    }
}
