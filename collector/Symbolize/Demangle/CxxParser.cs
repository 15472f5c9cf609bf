using System.Text;

namespace DotnetPprof.Symbolize.Demangle;

/// <summary>Reads encodings and names; <see cref="CxxTypes"/> reads types, <see cref="CxxExpressions"/> the rest.</summary>
internal sealed class CxxParser
{
    private static readonly Dictionary<char, string> s_standard = new()
    {
        ['a'] = "std::allocator",
        ['b'] = "std::basic_string",
        ['s'] = "std::string",
        ['i'] = "std::istream",
        ['o'] = "std::ostream",
        ['d'] = "std::iostream",
    };

    private readonly CxxText text;
    private readonly CxxTypes types;
    private readonly CxxExpressions expressions;
    private readonly List<string> substitutions = [];
    private List<string> templateArguments = [];
    private bool inLambda;

    public CxxParser(CxxText text)
    {
        this.text = text;
        types = new CxxTypes(text, this);
        expressions = new CxxExpressions(text, this, types);
    }

    public void Remember(string substitution) => substitutions.Add(substitution);

    /// <summary>A function or variable, or what the compiler makes for one.</summary>
    public string Encoding() => text.Deeper(() =>
    {
        if (text.Current is 'T' or 'G' && Special() is { } special) return special;
        NameText name = Name();
        if (text.AtEnd || text.Current is 'E' or '.') return name.Text;
        if (name.HasReturnType) types.Type();
        return text.Spend(name.Text + types.Parameters() + name.Qualifiers);
    });

    public NameText Name() => text.Deeper(() =>
    {
        if (text.Accept('N')) return Nested();
        if (text.Accept('Z')) return Local();
        string name;
        if (text.Current == 'S' && text.Next != 't')
        {
            name = Substitution();
        }
        else
        {
            name = text.Accept("St") ? "std::" : "";
            name = text.Spend(name + Unqualified(null, out bool hasNoReturn));
            if (text.Current != 'I') return new NameText(name, "", false);
            Remember(name);
            return new NameText(text.Spend(WithArguments(name)), "", !hasNoReturn);
        }

        return text.Current == 'I' ? new NameText(text.Spend(WithArguments(name)), "", true) : new NameText(name, "", false);
    });

    /// <summary>S_, S0_ and so on: what was there before; or an abbreviation of the standard library.</summary>
    public string Substitution()
    {
        text.Expect('S');
        if (s_standard.TryGetValue(text.Current, out string? standard))
        {
            text.Take();
            return text.Spend(standard);
        }

        int index = text.SequenceNumber(36);
        return index < substitutions.Count ? text.Spend(substitutions[index]) : throw new UnreadableNameException();
    }

    /// <summary>T_, T0_ and so on.</summary>
    public string TemplateParameter()
    {
        text.Expect('T');
        int index = text.SequenceNumber(10);
        if (inLambda) return $"auto:{index + 1}";
        return index < templateArguments.Count ? text.Spend(templateArguments[index]) : throw new UnreadableNameException();
    }

    /// <param name="ofName">Whether the name being read is what T_ refers to from here on.</param>
    public string TemplateArguments(bool ofName)
    {
        text.Expect('I');
        List<string> outer = templateArguments;
        var arguments = new List<string>();
        while (!text.Accept('E')) arguments.Add(TemplateArgument());
        templateArguments = ofName ? arguments : outer;
        string list = string.Join(", ", arguments.Where(one => one.Length > 0));
        return text.Spend($"<{list}>");
    }

    /// <summary>A template's own name with its arguments; <c>operator&lt;&lt; &lt;int&gt;</c> needs a space.</summary>
    private string WithArguments(string name) => name + (name.EndsWith('<') ? " " : "") + TemplateArguments(true);

    /// <summary>A type's name keeps the template arguments of the function around it.</summary>
    public string TypeName()
    {
        List<string> outer = templateArguments;
        string name = Name().Text;
        templateArguments = outer;
        return name;
    }

    private string TemplateArgument() => text.Deeper(() =>
    {
        if (text.Accept('J'))
        {
            var pack = new List<string>();
            while (!text.Accept('E')) pack.Add(TemplateArgument());
            return text.Spend(string.Join(", ", pack.Where(one => one.Length > 0)));
        }

        if (text.Current == 'L') return expressions.Literal();
        if (!text.Accept('X')) return types.Type();
        string expression = expressions.Expression();
        text.Expect('E');
        return expression;
    });

    private string? Special()
    {
        int start = text.Position;
        string kind = text.Take(2);
        switch (kind)
        {
            case "TV": return text.Spend("vtable for " + types.Type());
            case "TT": return text.Spend("VTT for " + types.Type());
            case "TI": return text.Spend("typeinfo for " + types.Type());
            case "TS": return text.Spend("typeinfo name for " + types.Type());
            case "TW": return text.Spend("TLS wrapper function for " + Name().Text);
            case "TH": return text.Spend("TLS init function for " + Name().Text);
            case "GV": return text.Spend("guard variable for " + Name().Text);
            case "Th":
                Offset();
                return text.Spend("non-virtual thunk to " + Encoding());
            case "Tv":
                Offset();
                Offset();
                return text.Spend("virtual thunk to " + Encoding());
            case "Tc":
                CallOffset();
                CallOffset();
                return text.Spend("covariant return thunk to " + Encoding());
            case "GT":
                text.Take();
                return text.Spend("transaction clone for " + Encoding());
            default:
                text.Position = start;
                return kind[0] == 'T' ? null : throw new UnreadableNameException();
        }
    }

    private void CallOffset()
    {
        if (text.Take() == 'v') Offset();
        Offset();
    }

    private void Offset()
    {
        text.Accept('n');
        text.Number();
        text.Expect('_');
    }

    /// <summary>Behind N: qualifiers of the function itself, then scopes from the outside in.</summary>
    private NameText Nested()
    {
        string qualifiers = types.Qualifiers();
        if (text.Current is 'R' or 'O') qualifiers += text.Take() == 'R' ? " &" : " &&";
        string name = "", last = "";
        bool hasReturn = false;
        while (!text.Accept('E'))
        {
            char c = text.Current;
            bool isStandard = c == 'S' && text.Next == 't', isOld = c == 'S' && !isStandard;
            if (c == 'I')
            {
                if (name.Length == 0) throw new UnreadableNameException();
                name = text.Spend(WithArguments(name));
                hasReturn = !IsConstructor(last);
            }
            else if (isOld || (c == 'T' && text.Next is '_' or >= '0' and <= '9') || (c == 'D' && text.Next is 't' or 'T'))
            {
                if (name.Length > 0) throw new UnreadableNameException();
                name = isOld ? Substitution() : c == 'T' ? TemplateParameter() : types.Type();
                last = LastName(name);
                if (isOld) continue;
            }
            else if (isStandard)
            {
                text.Accept("St");
                name = last = "std";
                continue;
            }
            else
            {
                last = Unqualified(last, out bool hasNoReturn);
                name = text.Spend(name.Length == 0 ? last : $"{name}::{last}");
                hasReturn = false;
                if (hasNoReturn) last = "~";
                text.Accept('M');
            }

            if (text.Current != 'E') Remember(name);
        }

        return name.Length > 0 ? new NameText(name, qualifiers, hasReturn) : throw new UnreadableNameException();
    }

    private static bool IsConstructor(string last) => last == "~";

    /// <summary>Behind Z: something inside a function.</summary>
    private NameText Local()
    {
        string function = Encoding();
        text.Expect('E');
        if (text.Accept('s'))
        {
            Discriminator();
            return new NameText(text.Spend(function + "::string literal"), "", false);
        }

        if (text.Accept('d'))
        {
            if (char.IsAsciiDigit(text.Current)) text.Number();
            text.Expect('_');
        }

        NameText entity = Name();
        Discriminator();
        return entity with { Text = text.Spend($"{function}::{entity.Text}") };
    }

    private void Discriminator()
    {
        if (text.Current != '_') return;
        text.Take();
        if (!text.Accept('_'))
        {
            text.Take();
            return;
        }

        text.Number();
        text.Expect('_');
    }

    /// <param name="scope">The name of the class around it, for constructors.</param>
    /// <param name="hasNoReturn">Constructors, destructors and conversions: they are templates without a return type.</param>
    public string Unqualified(string? scope, out bool hasNoReturn)
    {
        hasNoReturn = false;
        text.Accept('L');
        char c = text.Current;
        string name;
        if (char.IsAsciiDigit(c))
        {
            name = SourceName();
        }
        else if (c is 'C' or 'D' && (char.IsAsciiDigit(text.Next) || text.Next == 'I'))
        {
            text.Take();
            bool inherits = text.Accept('I');
            text.Take();
            if (inherits) types.Type();
            if (string.IsNullOrEmpty(scope)) throw new UnreadableNameException();
            hasNoReturn = true;
            int tag = scope.IndexOf("[abi:", StringComparison.Ordinal);
            if (tag > 0) scope = scope[..tag];
            name = c == 'D' ? "~" + scope : scope;
        }
        else if (c == 'U')
        {
            name = Unnamed();
        }
        else if (text.Accept("DC"))
        {
            var names = new List<string>();
            while (!text.Accept('E')) names.Add(SourceName());
            name = $"[{string.Join(", ", names)}]";
        }
        else
        {
            name = expressions.OperatorName(out hasNoReturn);
        }

        while (text.Accept('B')) name = text.Spend($"{name}[abi:{SourceName()}]");
        return name;
    }

    public string SourceName()
    {
        string name = text.Take(text.Number());
        return name.StartsWith("_GLOBAL_", StringComparison.Ordinal) && name.Length > 9 && name[9] == 'N' ? "(anonymous namespace)" : name;
    }

    private string Unnamed()
    {
        text.Expect('U');
        if (text.Accept('t')) return $"{{unnamed type#{text.SequenceNumber(10) + 1}}}";
        text.Expect('l');
        bool outer = inLambda;
        inLambda = true;
        string parameters = types.Parameters();
        inLambda = outer;
        text.Expect('E');
        return text.Spend($"{{lambda{parameters}#{text.SequenceNumber(10) + 1}}}");
    }

    /// <summary>A class's own name: what its constructor is called.</summary>
    private static string LastName(string name)
    {
        int depth = 0, end = name.Length;
        for (int i = name.Length - 1; i >= 0; i--)
        {
            if (name[i] == '>') depth++;
            else if (name[i] == '<' && --depth == 0) end = i;
            else if (name[i] == ':' && depth == 0) return name[(i + 1)..Math.Max(end, i + 1)];
        }

        return name[..end];
    }
}

/// <param name="Text">With scopes.</param>
/// <param name="Qualifiers">What stands behind the parameters: <c> const</c>.</param>
/// <param name="HasReturnType">Whether the encoding goes on with a return type: a template's does.</param>
internal readonly record struct NameText(string Text, string Qualifiers, bool HasReturnType);
