namespace DotnetPprof.Symbolize;

/// <summary>The keywords of C# for the types that have one.</summary>
internal static class PrimitiveNames
{
    private static readonly Dictionary<string, string> ByFullName = new()
    {
        ["System.Boolean"] = "bool",
        ["System.Byte"] = "byte",
        ["System.SByte"] = "sbyte",
        ["System.Char"] = "char",
        ["System.Int16"] = "short",
        ["System.UInt16"] = "ushort",
        ["System.Int32"] = "int",
        ["System.UInt32"] = "uint",
        ["System.Int64"] = "long",
        ["System.UInt64"] = "ulong",
        ["System.IntPtr"] = "nint",
        ["System.UIntPtr"] = "nuint",
        ["System.Single"] = "float",
        ["System.Double"] = "double",
        ["System.Decimal"] = "decimal",
        ["System.String"] = "string",
        ["System.Object"] = "object",
        ["System.Void"] = "void",
    };

    /// <summary>As signatures spell them; <c>int</c> is there the native integer and <c>unsigned int</c> its unsigned twin.</summary>
    private static readonly Dictionary<string, string> BySignature = new()
    {
        ["void"] = "void",
        ["bool"] = "bool",
        ["wchar"] = "char",
        ["char"] = "char",
        ["int8"] = "sbyte",
        ["unsigned int8"] = "byte",
        ["int16"] = "short",
        ["unsigned int16"] = "ushort",
        ["int32"] = "int",
        ["unsigned int32"] = "uint",
        ["int64"] = "long",
        ["unsigned int64"] = "ulong",
        ["float32"] = "float",
        ["float64"] = "double",
        ["int"] = "nint",
        ["unsigned int"] = "nuint",
        ["refany"] = "TypedReference",
        ["string"] = "string",
        ["object"] = "object",
    };

    /// <summary>The keyword for a full name, or the name itself.</summary>
    public static string Short(string fullName) => ByFullName.GetValueOrDefault(fullName, fullName);

    /// <summary>The keyword for a primitive of a signature, or the text itself.</summary>
    public static string FromSignature(string text) => BySignature.GetValueOrDefault(text, text);
}
