using System.Text;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Undoes what the C# compiler makes of lambdas, local functions, iterators, async methods, top-level statements and
/// file-local types (Roslyn's GeneratedNames and GeneratedNameKind): their code is shown as belonging to the method it
/// was written in. <c>Cart.&lt;&gt;c.&lt;Total&gt;b__3_0</c> is <c>Cart.Total.lambda</c>,
/// <c>Cart.&lt;LoadAsync&gt;d__5.MoveNext</c> is <c>Cart.LoadAsync</c>. Other names are left as they are.
/// </summary>
internal static class SourceName
{
    private const string Lambda = "lambda";

    /// <param name="types">The declaring type and those around it, outermost first, arguments made readable.</param>
    /// <param name="method">The bare name.</param>
    /// <param name="hasParameters">False where the parameters belong to the compiler's method, not to the one written.</param>
    /// <returns>Type and method, joined by dots.</returns>
    public static string Join(List<TypePart> types, string method, out bool hasParameters)
    {
        hasParameters = true;
        var parts = new List<string>();
        bool isWritten = method.StartsWith('<') || (types.Count > 0 && StateMachine(types[^1].Name) is not null);
        foreach (TypePart type in types)
        {
            if (isWritten && IsClosure(type.Name)) continue;
            if (StateMachine(type.Name) is { } machine)
            {
                machine[^1] += type.Arguments;
                parts.AddRange(machine);
                if (method != "MoveNext") continue;
                hasParameters = false;
                return string.Join('.', parts);
            }

            parts.Add(FileLocal(type.Name) + type.Arguments);
        }

        parts.AddRange(Method(method));
        return string.Join('.', parts);
    }

    /// <summary>A type's name without what keeps file-local types of several files apart: <c>&lt;File&gt;F0123__Name</c>.</summary>
    public static string FileLocal(string type)
    {
        int start = type.IndexOf('<', StringComparison.Ordinal);
        if (start < 0 || (start > 0 && type[start - 1] != '.')) return type;
        int close = Closing(type, start);
        if (close < 0 || close + 1 >= type.Length || type[close + 1] != 'F') return type;
        int name = type.IndexOf("__", close, StringComparison.Ordinal);
        return name > close && name + 2 < type.Length ? string.Concat(type.AsSpan(0, start), type.AsSpan(name + 2)) : type;
    }

    /// <summary>Classes that only hold what lambdas capture, or the lambdas that capture nothing.</summary>
    private static bool IsClosure(string type) => type == "<>c" || type.StartsWith("<>c__", StringComparison.Ordinal);

    /// <summary>The method an iterator or async method was made from: <c>&lt;Name&gt;d__5</c>.</summary>
    private static List<string>? StateMachine(string type)
    {
        if (Split(type) is not { } name || !name.Suffix.StartsWith('d')) return null;

        // In names of types the compiler writes '-' for the dots of explicitly implemented interfaces.
        return Method(name.Inner.Replace('-', '.'));
    }

    private static List<string> Method(string method)
    {
        if (Split(method) is not { } name) return [method];
        string rest = name.Suffix;

        // <Name>b__3_0 is a lambda in Name, <Name>g__Local|3_0 a local function; <Main>$ the top-level statements.
        if (rest.StartsWith("b__", StringComparison.Ordinal)) return [.. Method(name.Inner), Lambda];
        int bar = rest.LastIndexOf('|');
        if (rest.StartsWith("g__", StringComparison.Ordinal) && bar > 3) return [.. Method(name.Inner), rest[3..bar]];
        return rest is "$" or "" ? [name.Inner] : [method];
    }

    /// <summary>Splits <c>&lt;Inner&gt;Rest</c>; null for other names.</summary>
    private static (string Inner, string Suffix)? Split(string name)
    {
        if (!name.StartsWith('<')) return null;
        int close = Closing(name, 0);
        return close > 1 ? (name[1..close], name[(close + 1)..]) : null;
    }

    /// <summary>Index of the bracket that closes the one at <paramref name="open"/>, or -1.</summary>
    private static int Closing(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            if (text[i] == '<') depth++;
            if (text[i] == '>' && --depth == 0) return i;
        }

        return -1;
    }
}

/// <param name="Name">Without arity and arguments.</param>
/// <param name="Arguments"><c>&lt;int,string&gt;</c>, or empty.</param>
internal readonly record struct TypePart(string Name, string Arguments)
{
    public override string ToString() => Name + Arguments;
}
