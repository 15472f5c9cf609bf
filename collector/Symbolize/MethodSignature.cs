namespace DotnetPprof.Symbolize;

/// <summary>
/// A signature of the runtime's method events, its types made readable: type parameters replaced by the declaring type's
/// arguments, namespaces dropped.
/// </summary>
/// <param name="Parameters">The parameters' types.</param>
/// <param name="GenericParameters">Names for the method's own type parameters: as many as the signature lets one see.</param>
internal readonly record struct MethodSignature(IReadOnlyList<string> Parameters, IReadOnlyList<string> GenericParameters)
{
    /// <summary>More type parameters than this are not listed.</summary>
    private const int MaxGenericParameters = 16;

    public static bool TryParse(string signature, IReadOnlyList<string> typeArguments, out MethodSignature parsed)
    {
        parsed = default;
        int start = ParameterListStart(signature);
        if (start < 0) return false;
        var generics = GenericNames(signature, start);
        var parameters = new List<string>();
        ReadOnlySpan<char> list = signature.AsSpan(start + 1, signature.Length - start - 2);
        while (!list.IsEmpty)
        {
            int end = EndOfType(list);
            parameters.Add(ReadType(list[..end].Trim(), typeArguments, generics, 0));
            list = end < list.Length ? list[(end + 1)..] : [];
        }

        parsed = new MethodSignature(parameters, generics);
        return true;
    }

    /// <summary>Index of the parenthesis that opens the parameter list, which the signature ends with; -1 without one.</summary>
    public static int ParameterListStart(string signature)
    {
        if (!signature.EndsWith(')')) return -1;
        int depth = 0;
        for (int i = signature.Length - 1; i >= 0; i--)
        {
            if (signature[i] == ')') depth++;
            if (signature[i] == '(' && --depth == 0) return i;
        }

        return -1;
    }

    private static List<string> GenericNames(string signature, int parameterList)
    {
        var names = new List<string>();
        bool generic = signature.AsSpan(0, parameterList).TrimStart() is var head
            && (head.StartsWith("generic ") || head.StartsWith("instance generic "));
        if (!generic) return names;
        int count = 1;
        for (int at = signature.IndexOf("!!", StringComparison.Ordinal); at >= 0; at = signature.IndexOf("!!", at + 2, StringComparison.Ordinal))
        {
            int index = ReadIndex(signature.AsSpan(at + 2), out _);
            if (index is >= 0 and < MaxGenericParameters) count = Math.Max(count, index + 1);
        }

        for (int i = 0; i < count; i++) names.Add(count == 1 ? "T" : $"T{i + 1}");
        return names;
    }

    /// <summary>Index of the comma that ends the first type of a list, or the list's length.</summary>
    private static int EndOfType(ReadOnlySpan<char> list)
    {
        int depth = 0;
        for (int i = 0; i < list.Length; i++)
        {
            if (list[i] is '<' or '[' or '(' && !IsPartOfName(list, i)) depth++;
            else if (list[i] is '>' or ']' or ')' && !IsPartOfName(list, i)) depth--;
            else if (list[i] == ',' && depth == 0) return i;
        }

        return list.Length;
    }

    /// <summary>Compilers name types such as <c>&lt;&gt;c__DisplayClass1</c>; a bracket at the start of a name opens no list.</summary>
    private static bool IsPartOfName(ReadOnlySpan<char> text, int i)
    {
        if (text[i] is not ('<' or '>')) return false;
        int open = i;
        if (text[i] == '>')
        {
            while (open >= 0 && text[open] != '<')
            {
                if (text[open] is ',' or ' ') return false;
                open--;
            }
        }

        return open >= 0 && (open == 0 || text[open - 1] is '.' or '+' or '/' or ' ' or ',');
    }

    private static string ReadType(ReadOnlySpan<char> text, IReadOnlyList<string> typeArguments, List<string> generics, int depth)
    {
        int suffixStart = text.Length;
        while (suffixStart > 0 && text[suffixStart - 1] is '&' or '*' or '[' or ']' or ',') suffixStart--;
        string suffix = text[suffixStart..].ToString();
        text = text[..suffixStart];
        if (text.StartsWith("class ")) text = text[6..];
        else if (text.StartsWith("value class ")) text = text[12..];
        if (depth > 32) return text.ToString() + suffix;
        if (text.StartsWith("!!"))
        {
            int index = ReadIndex(text[2..], out int digits);
            if (digits + 2 == text.Length && index >= 0 && index < generics.Count) return generics[index] + suffix;
        }
        else if (text.StartsWith("!"))
        {
            int index = ReadIndex(text[1..], out int digits);
            if (digits + 1 == text.Length && index >= 0 && index < typeArguments.Count) return ShortName(PrimitiveNames.Short(typeArguments[index])) + suffix;
        }

        int open = -1;
        for (int i = 0; i < text.Length && open < 0; i++)
        {
            if (text[i] == '<' && !IsPartOfName(text, i)) open = i;
        }

        if (open < 0 || !text.EndsWith(">"))
        {
            string whole = text.ToString();
            if (whole.StartsWith("fnptr ", StringComparison.Ordinal)) return whole + suffix;
            string primitive = PrimitiveNames.Short(PrimitiveNames.FromSignature(whole));
            return (primitive == whole ? TypeNameReader.Combine(WithoutNamespace(whole), []) : primitive) + suffix;
        }

        var arguments = new List<string>();
        ReadOnlySpan<char> list = text[(open + 1)..^1];
        while (!list.IsEmpty)
        {
            int end = EndOfType(list);
            arguments.Add(ReadType(list[..end].Trim(), typeArguments, generics, depth + 1));
            list = end < list.Length ? list[(end + 1)..] : [];
        }

        return TypeNameReader.Combine(WithoutNamespace(text[..open]), arguments) + suffix;
    }

    /// <summary>The namespace ends at the last dot of the outermost type, which the first + or / ends.</summary>
    private static ReadOnlySpan<char> WithoutNamespace(ReadOnlySpan<char> path)
    {
        int nested = path.IndexOfAny('+', '/');
        int dot = (nested < 0 ? path : path[..nested]).LastIndexOf('.');
        return path[(dot + 1)..];
    }

    /// <summary>Drops the namespace of a type argument, which is made readable already.</summary>
    private static string ShortName(string name)
    {
        int end = name.IndexOf('<', StringComparison.Ordinal);
        int dot = name.AsSpan(0, end > 0 ? end : name.Length).LastIndexOf('.');
        return dot + 1 < name.Length ? name[(dot + 1)..] : name;
    }

    private static int ReadIndex(ReadOnlySpan<char> text, out int digits)
    {
        digits = 0;
        while (digits < text.Length && digits < 6 && char.IsAsciiDigit(text[digits])) digits++;
        return digits == 0 ? -1 : int.Parse(text[..digits], System.Globalization.CultureInfo.InvariantCulture);
    }
}
