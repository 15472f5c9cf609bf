using System.Text;

namespace DotnetPprof.Symbolize.Demangle;

/// <summary>
/// Demangles C++ symbols by the Itanium C++ ABI's grammar ("Mangling"): names, template arguments and parameters, without
/// return types, which a profile has no use for. Symbols come from the target's files: depth, length and work are
/// bounded, and what is not of the grammar, or of its rarer parts, stays as it is.
/// </summary>
internal static class CxxName
{
    private const int MaxLength = 16384;

    /// <summary>The name as written in C++, or null.</summary>
    public static string? Demangle(string symbol)
    {
        if (symbol.Length > MaxLength || !symbol.StartsWith("_Z", StringComparison.Ordinal)) return null;

        // Behind a dot stand the compiler's notes on clones: .cold, .constprop.0, .isra.3.
        int dot = symbol.IndexOf('.', StringComparison.Ordinal);
        string mangled = dot < 0 ? symbol : symbol[..dot];
        try
        {
            var text = new CxxText(mangled) { Position = 2 };
            string name = new CxxParser(text).Encoding();
            if (!text.AtEnd) return null;
            return dot < 0 ? name : $"{name} [clone {symbol.AsSpan(dot)}]";
        }
        catch (UnreadableNameException)
        {
            return null;
        }
    }
}

/// <summary>A symbol that is not of the grammar, or asks for too much.</summary>
internal sealed class UnreadableNameException : Exception;

/// <summary>The symbol, where in it we are, and what of its allowance is left.</summary>
internal sealed class CxxText(string text)
{
    private const int MaxDepth = 96;

    private int depth;
    private int allowance = 1 << 20;

    public int Position { get; set; }

    public bool AtEnd => Position >= text.Length;

    public char Current => AtEnd ? '\0' : text[Position];

    public char Next => Position + 1 < text.Length ? text[Position + 1] : '\0';

    public char Take() => AtEnd ? throw new UnreadableNameException() : text[Position++];

    public bool Accept(char expected)
    {
        if (Current != expected || AtEnd) return false;
        Position++;
        return true;
    }

    public bool Accept(string expected)
    {
        if (string.CompareOrdinal(text, Position, expected, 0, expected.Length) != 0) return false;
        Position += expected.Length;
        return true;
    }

    public void Expect(char expected)
    {
        if (!Accept(expected)) throw new UnreadableNameException();
    }

    /// <summary>A decimal number; fails where there is none.</summary>
    public int Number()
    {
        int value = 0, start = Position;
        while (char.IsAsciiDigit(Current) && value < 1_000_000) value = (value * 10) + (Take() - '0');
        return Position > start && value < 1_000_000 ? value : throw new UnreadableNameException();
    }

    /// <summary>Numbers of parameters and substitutions: <c>_</c> is 0, <c>0_</c> is 1, in a base.</summary>
    public int SequenceNumber(int numberBase)
    {
        if (Accept('_')) return 0;
        int value = 0;
        do
        {
            char c = Take();
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetterUpper(c) ? c - 'A' + 10 : numberBase;
            if (digit >= numberBase || value > 1_000_000) throw new UnreadableNameException();
            value = (value * numberBase) + digit;
        }
        while (!Accept('_'));
        return value + 1;
    }

    public string Take(int length)
    {
        if (length < 0 || length > text.Length - Position) throw new UnreadableNameException();
        Position += length;
        return Spend(text.Substring(Position - length, length));
    }

    /// <summary>Counts what is built: substitutions could make a short symbol a text without end.</summary>
    public string Spend(string built)
    {
        allowance -= built.Length + 1;
        return allowance >= 0 ? built : throw new UnreadableNameException();
    }

    /// <summary>Reads a part that may contain parts like itself.</summary>
    public T Deeper<T>(Func<T> read)
    {
        if (++depth > MaxDepth) throw new UnreadableNameException();
        T result = read();
        depth--;
        return result;
    }
}
