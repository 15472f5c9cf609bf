using System.Text;
using DotnetPprof.Model;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Turns the runtime's names into those a person reads. The runtime's method events spell a method in three strings:
/// <list type="bullet">
/// <item>the type: <c>Outer`1+Inner`1[System.__Canon,System.Int32]</c>, or <c>dynamicClass</c> for code without one;</item>
/// <item>the method's bare name;</item>
/// <item>the signature, close to ILAsm's: <c>instance generic !!0  (class System.String,!0[],int32&amp;)</c>.</item>
/// </list>
/// Strings that do not follow that grammar are passed on as they are: a name is never lost to a parser.
/// </summary>
internal static class ManagedName
{
    /// <summary>Names come from the target; a longer one is cut.</summary>
    private const int MaxLength = 4096;

    /// <summary>The raw signature stays in the system name whatever a person is shown.</summary>
    public static Function ToFunction(string type, string method, string signature)
    {
        string name = Cut(Readable(type, method, signature));
        string systemName = Cut(Raw(type, method, signature));
        return new Function(name, systemName == name ? systemName + " " : systemName, "", 0);
    }

    /// <summary><c>Namespace.Type&lt;Arg&gt;.Method(int, String)</c>: types in full where declared, short as arguments.</summary>
    public static string Readable(string type, string method, string signature)
    {
        var typeArguments = new List<string>();
        List<TypePart> types = type.Length > 0 ? new TypeNameReader(type).ReadDeclaringType(typeArguments) : [];
        var name = new StringBuilder(SourceName.Join(types, method, out bool hasParameters));
        if (!hasParameters || !MethodSignature.TryParse(signature, typeArguments, out MethodSignature parsed)) return name.ToString();
        if (parsed.GenericParameters.Count > 0) name.Append('<').AppendJoin(",", parsed.GenericParameters).Append('>');

        // A local function gets what it captures as a parameter that nobody wrote.
        IEnumerable<string> parameters = method.StartsWith('<') ? parsed.Parameters.Where(one => !one.Contains("<>c__DisplayClass", StringComparison.Ordinal)) : parsed.Parameters;
        return name.Append('(').AppendJoin(", ", parameters).Append(')').ToString();
    }

    /// <summary>The raw signature with <c>Type::Method</c> set where ILAsm has it: before the parameter list.</summary>
    public static string Raw(string type, string method, string signature)
    {
        string qualified = type.Length > 0 ? type + "::" + method : "::" + method;
        int parameters = MethodSignature.ParameterListStart(signature);
        if (parameters < 0) return signature.Length > 0 ? qualified + " " + signature : qualified;
        string returns = signature[..parameters].TrimEnd();
        return returns.Length > 0 ? $"{returns} {qualified}{signature[parameters..]}" : qualified + signature[parameters..];
    }

    private static string Cut(string text) => text.Length <= MaxLength ? text : string.Concat(text.AsSpan(0, MaxLength), "…");
}
