namespace DotnetPprof.Symbolize.Demangle;

/// <summary>Reads types. A declarator wraps around its name, so a type is what stands to the left and to the right of it.</summary>
internal sealed class CxxTypes(CxxText text, CxxParser names)
{
    private static readonly Dictionary<char, string> s_builtin = new()
    {
        ['v'] = "void",
        ['w'] = "wchar_t",
        ['b'] = "bool",
        ['c'] = "char",
        ['a'] = "signed char",
        ['h'] = "unsigned char",
        ['s'] = "short",
        ['t'] = "unsigned short",
        ['i'] = "int",
        ['j'] = "unsigned int",
        ['l'] = "long",
        ['m'] = "unsigned long",
        ['x'] = "long long",
        ['y'] = "unsigned long long",
        ['n'] = "__int128",
        ['o'] = "unsigned __int128",
        ['f'] = "float",
        ['d'] = "double",
        ['e'] = "long double",
        ['g'] = "__float128",
        ['z'] = "...",
    };

    private static readonly Dictionary<char, string> s_extended = new()
    {
        ['d'] = "decimal64",
        ['e'] = "decimal128",
        ['f'] = "decimal32",
        ['h'] = "half",
        ['i'] = "char32_t",
        ['s'] = "char16_t",
        ['u'] = "char8_t",
        ['a'] = "auto",
        ['c'] = "decltype(auto)",
        ['n'] = "decltype(nullptr)",
    };

    private readonly Dictionary<string, Declarator> declarators = [];

    public string Type() => text.Deeper(Read).ToString();

    /// <summary>A list of types up to the end of what contains it: <c>(int, char*)</c>.</summary>
    public string Parameters()
    {
        var parameters = new List<string>();
        while (!text.AtEnd && text.Current is not ('E' or '.'))
        {
            if (text.Current is 'R' or 'O' && text.Next == 'E') break;
            parameters.Add(Type());
        }

        if (parameters.Count == 1 && parameters[0] == "void") parameters.Clear();
        return text.Spend($"({string.Join(", ", parameters.Where(one => one.Length > 0))})");
    }

    /// <summary>r, V and K in this order, as they stand behind what they qualify.</summary>
    public string Qualifiers()
    {
        string qualifiers = text.Accept('r') ? " restrict" : "";
        if (text.Accept('V')) qualifiers = " volatile" + qualifiers;
        if (text.Accept('K')) qualifiers = " const" + qualifiers;
        return qualifiers;
    }

    public string? Builtin(char code) => s_builtin.GetValueOrDefault(code);

    private Declarator Read()
    {
        char c = text.Current;
        if (s_builtin.TryGetValue(c, out string? builtin))
        {
            text.Take();
            return new Declarator(builtin, "", false);
        }

        if (c == 'S' && text.Next != 't')
        {
            string known = names.Substitution();
            if (text.Current != 'I') return declarators.GetValueOrDefault(known, new Declarator(known, "", false));
            return Remember(new Declarator(text.Spend(known + names.TemplateArguments(false)), "", false));
        }

        if (c == 'D' && text.Next is not ('p' or 't' or 'T' or 'v' or 'o' or 'F'))
        {
            text.Take();
            return s_extended.TryGetValue(text.Take(), out string? extended) ? new Declarator(extended, "", false) : throw new UnreadableNameException();
        }

        return Remember(Compound(c));
    }

    private Declarator Compound(char c)
    {
        switch (c)
        {
            case 'r' or 'V' or 'K':
                string qualifiers = Qualifiers();
                Declarator inner = text.Deeper(Read);
                return inner.Wraps ? inner with { Right = inner.Right + qualifiers } : inner with { Left = inner.Left + qualifiers };
            case 'P':
                text.Take();
                return Pointer("*");
            case 'R':
                text.Take();
                return Pointer("&");
            case 'O':
                text.Take();
                return Pointer("&&");
            case 'C' or 'G':
                text.Take();
                return new Declarator(Type() + (c == 'C' ? " _Complex" : " _Imaginary"), "", false);
            case 'F':
                return Function();
            case 'D':
                return Decorated();
            case 'A':
                return Array();
            case 'M':
                text.Take();
                string owner = Type();
                return Pointer($"{owner}::*", " ");
            case 'U':
                text.Take();
                string vendor = names.SourceName();
                if (text.Current == 'I') vendor += names.TemplateArguments(false);
                return new Declarator($"{Type()} {vendor}", "", false);
            case 'u':
                text.Take();
                return new Declarator(names.SourceName(), "", false);
            case 'T' when text.Next is '_' or >= '0' and <= '9':
                string parameter = names.TemplateParameter();
                if (text.Current != 'I') return declarators.GetValueOrDefault(parameter, new Declarator(parameter, "", false));
                names.Remember(parameter);
                return new Declarator(text.Spend(parameter + names.TemplateArguments(false)), "", false);
            case 'T':
                text.Take();
                if (text.Take() is not ('s' or 'u' or 'e')) throw new UnreadableNameException();
                return new Declarator(names.TypeName(), "", false);
            default:
                return new Declarator(names.TypeName(), "", false);
        }
    }

    private Declarator Pointer(string mark, string space = "")
    {
        Declarator to = text.Deeper(Read);
        if (mark[0] == '&' && !to.Wraps && to.Left.EndsWith('&'))
        {
            // References to references are one: only && to && stays &&.
            return mark == "&" ? to with { Left = to.Left.TrimEnd('&') + "&" } : to;
        }

        return to.Wraps && to.Right.Length > 0 && to.Right[0] != ')'
            ? new Declarator($"{to.Left}({mark}", ")" + to.Right, true)
            : to with { Left = to.Left + space + mark };
    }

    private Declarator Function()
    {
        text.Expect('F');
        text.Accept('Y');
        string returns = Type();
        string parameters = Parameters();
        string reference = text.Current is 'R' or 'O' ? text.Take() == 'R' ? " &" : " &&" : "";
        text.Expect('E');
        return new Declarator(returns + " ", parameters + reference, true);
    }

    private Declarator Array()
    {
        text.Expect('A');
        string size = char.IsAsciiDigit(text.Current) ? $"{text.Number()}" : text.Current == '_' ? "" : throw new UnreadableNameException();
        text.Expect('_');
        Declarator of = text.Deeper(Read);
        return new Declarator(of.Wraps ? of.Left : of.Left + " ", $"[{size}]{of.Right}", true);
    }

    private Declarator Decorated()
    {
        if (text.Accept("Dp"))
        {
            // A parameter pack's arguments are listed; one that is not known by now is left open.
            return text.Deeper(Read);
        }

        if (text.Accept("Do")) return text.Deeper(Read) is { Wraps: true } function ? function with { Right = function.Right + " noexcept" } : throw new UnreadableNameException();
        if (text.Accept("Dv"))
        {
            int lanes = text.Number();
            text.Expect('_');
            return new Declarator($"{Type()} __vector({lanes})", "", false);
        }

        if (!text.Accept("DF")) throw new UnreadableNameException();
        int bits = text.Number();
        text.Expect('_');
        return new Declarator($"_Float{bits}", "", false);
    }

    /// <summary>Every type but the built-in ones may be referred to later.</summary>
    private Declarator Remember(Declarator type)
    {
        string whole = text.Spend(type.ToString());
        names.Remember(whole);
        if (type.Wraps) declarators[whole] = type;
        return type;
    }

    /// <param name="Left">Before the name.</param>
    /// <param name="Right">After it.</param>
    /// <param name="Wraps">Whether a pointer to it goes into the middle: functions, arrays, and pointers to these.</param>
    private readonly record struct Declarator(string Left, string Right, bool Wraps)
    {
        public override string ToString() => Left + Right;
    }
}
