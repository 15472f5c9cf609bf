namespace DotnetPprof.Symbolize.Demangle;

/// <summary>Reads operators' names and the expressions that template arguments may be.</summary>
internal sealed class CxxExpressions(CxxText text, CxxParser names, CxxTypes types)
{
    private static readonly Dictionary<string, string> s_unary = new()
    {
        ["ps"] = "+",
        ["ng"] = "-",
        ["ad"] = "&",
        ["de"] = "*",
        ["co"] = "~",
        ["nt"] = "!",
        ["pp"] = "++",
        ["mm"] = "--",
    };

    private static readonly Dictionary<string, string> s_binary = new()
    {
        ["pl"] = "+",
        ["mi"] = "-",
        ["ml"] = "*",
        ["dv"] = "/",
        ["rm"] = "%",
        ["an"] = "&",
        ["or"] = "|",
        ["eo"] = "^",
        ["aS"] = "=",
        ["pL"] = "+=",
        ["mI"] = "-=",
        ["mL"] = "*=",
        ["dV"] = "/=",
        ["rM"] = "%=",
        ["aN"] = "&=",
        ["oR"] = "|=",
        ["eO"] = "^=",
        ["ls"] = "<<",
        ["rs"] = ">>",
        ["lS"] = "<<=",
        ["rS"] = ">>=",
        ["eq"] = "==",
        ["ne"] = "!=",
        ["lt"] = "<",
        ["gt"] = ">",
        ["le"] = "<=",
        ["ge"] = ">=",
        ["ss"] = "<=>",
        ["aa"] = "&&",
        ["oo"] = "||",
        ["cm"] = ",",
        ["pm"] = "->*",
    };

    private static readonly Dictionary<string, string> s_other = new()
    {
        ["nw"] = " new",
        ["na"] = " new[]",
        ["dl"] = " delete",
        ["da"] = " delete[]",
        ["cl"] = "()",
        ["ix"] = "[]",
        ["pt"] = "->",
        ["qu"] = "?",
        ["aw"] = " co_await",
    };

    /// <param name="isConversion">A conversion to a type: its template has no return type.</param>
    public string OperatorName(out bool isConversion)
    {
        isConversion = false;
        string code = text.Take(2);
        if (s_binary.TryGetValue(code, out string? symbol) || s_unary.TryGetValue(code, out symbol) || s_other.TryGetValue(code, out symbol))
            return "operator" + symbol;
        if (code == "li") return "operator\"\" " + names.SourceName();
        if (code != "cv") throw new UnreadableNameException();
        isConversion = true;
        return text.Spend("operator " + types.Type());
    }

    /// <summary>L type value E, or L and an encoding.</summary>
    public string Literal() => text.Deeper(() =>
    {
        text.Expect('L');
        if (text.Accept("_Z") || text.Accept('Z'))
        {
            string name = names.Encoding();
            text.Expect('E');
            return name;
        }

        char code = text.Current;
        string type = types.Type();
        string sign = text.Accept('n') ? "-" : "";
        int start = text.Position;
        while (!text.AtEnd && text.Current != 'E') text.Take();
        int length = text.Position - start;
        text.Position = start;
        string value = text.Take(length);
        text.Expect('E');
        return text.Spend(code switch
        {
            'b' => value switch { "0" => "false", "1" => "true", _ => $"(bool){value}" },
            'i' => sign + value,
            'j' => value + "u",
            'l' => sign + value + "l",
            'm' => value + "ul",
            'x' => sign + value + "ll",
            'y' => value + "ull",
            'f' or 'd' or 'e' => $"({type})[{value}]",
            'D' when value is "" or "0" => $"({type})0",
            _ => $"({type}){sign}{value}",
        });
    });

    public string Expression() => text.Deeper(() =>
    {
        switch (text.Current)
        {
            case 'L': return Literal();
            case 'T': return names.TemplateParameter();
        }

        if (text.Accept("sr"))
        {
            string scope = types.Type();
            string member = names.Unqualified(null, out _);
            return text.Spend(text.Current == 'I' ? $"{scope}::{member}{names.TemplateArguments(false)}" : $"{scope}::{member}");
        }

        if (text.Accept("st")) return text.Spend($"sizeof ({types.Type()})");
        if (text.Accept("sz")) return text.Spend($"sizeof ({Expression()})");
        if (text.Accept("sZ")) return text.Spend($"sizeof...({names.TemplateParameter()})");
        if (text.Accept("cv")) return text.Spend($"({types.Type()}){Expression()}");
        string code = text.Take(2);
        if (s_unary.TryGetValue(code, out string? unary)) return text.Spend($"{unary}({Expression()})");
        if (!s_binary.TryGetValue(code, out string? binary)) throw new UnreadableNameException();
        string left = Expression();
        return text.Spend($"({left}){binary}({Expression()})");
    });
}
