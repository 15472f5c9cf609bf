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
    /// <returns>The type and those around it, outermost first; all in one where the text is not of the form.</returns>
    public List<TypePart> ReadDeclaringType(List<string> arguments)
    {
        string name = ReadType(0, arguments, out List<TypePart> parts);
        if (position != text.Length) return [new TypePart(text.ToString(), "")];
        return parts.Sum(part => part.Name.Length + part.Arguments.Length + 1) == name.Length + 1 ? parts : [new TypePart(name, "")];
    }

    private string ReadType(int depth, List<string>? outerArguments, out List<TypePart> parts)
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

        parts = Parts(path, arguments);
        var name = new StringBuilder(string.Join('.', parts));
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
            arguments.Add(ReadType(depth + 1, null, out _));
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

    /// <summary>A nested type's name with its arguments, by dots.</summary>
    internal static string Combine(ReadOnlySpan<char> path, IReadOnlyList<string> arguments) => string.Join('.', Parts(path, arguments));

    /// <summary>Gives each type of a nested path the arguments that are its own.</summary>
    private static List<TypePart> Parts(ReadOnlySpan<char> path, IReadOnlyList<string> arguments)
    {
        var parts = new List<TypePart>();
        int used = 0;
        foreach (Range part in path.SplitAny('+', '/'))
        {
            ReadOnlySpan<char> one = path[part];
            int tick = one.LastIndexOf('`');
            if (tick < 0 || !int.TryParse(one[(tick + 1)..], out int arity) || arity is < 1 or > 255)
            {
                parts.Add(new TypePart(one.ToString(), ""));
                continue;
            }

            var own = new StringBuilder("<");
            for (int i = 0; i < arity; i++)
            {
                if (i > 0) own.Append(',');
                if (used < arguments.Count) own.Append(PrimitiveNames.Short(arguments[used++]));
            }

            parts.Add(new TypePart(one[..tick].ToString(), own.Append('>').ToString()));
        }

        return parts;
    }
}
