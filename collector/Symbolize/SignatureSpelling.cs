using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace DotnetPprof.Symbolize;

/// <summary>Spells types of signatures as the runtime's events do: <c>class System.Collections.Generic.List`1&lt;int32&gt;</c>.</summary>
internal sealed class SignatureSpelling : ISignatureTypeProvider<string, object?>
{
    private const int MaxNesting = 64;

    /// <summary>Names nest and repeat: longer ones are cut, so that no signature grows without end.</summary>
    private const int MaxLength = 4096;

    /// <summary>A type with those around it: <c>Namespace.Outer+Inner</c>.</summary>
    public static string PathOf(MetadataReader metadata, TypeDefinitionHandle handle, int depth)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        string name = metadata.GetString(type.Name);
        if (type.GetDeclaringType() is { IsNil: false } outer && depth > 0) return Cut($"{PathOf(metadata, outer, depth - 1)}+{name}");
        return Cut(type.Namespace.IsNil ? name : $"{metadata.GetString(type.Namespace)}.{name}");
    }

    public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode switch
    {
        PrimitiveTypeCode.Void => "void",
        PrimitiveTypeCode.Boolean => "bool",
        PrimitiveTypeCode.Char => "wchar",
        PrimitiveTypeCode.SByte => "int8",
        PrimitiveTypeCode.Byte => "unsigned int8",
        PrimitiveTypeCode.Int16 => "int16",
        PrimitiveTypeCode.UInt16 => "unsigned int16",
        PrimitiveTypeCode.Int32 => "int32",
        PrimitiveTypeCode.UInt32 => "unsigned int32",
        PrimitiveTypeCode.Int64 => "int64",
        PrimitiveTypeCode.UInt64 => "unsigned int64",
        PrimitiveTypeCode.Single => "float32",
        PrimitiveTypeCode.Double => "float64",
        PrimitiveTypeCode.IntPtr => "int",
        PrimitiveTypeCode.UIntPtr => "unsigned int",
        PrimitiveTypeCode.String => "class System.String",
        PrimitiveTypeCode.Object => "class System.Object",
        PrimitiveTypeCode.TypedReference => "refany",
        _ => "?",
    };

    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        Kind(rawTypeKind) + PathOf(reader, handle, MaxNesting);

    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        Kind(rawTypeKind) + PathOf(reader, handle, MaxNesting);

    /// <summary>Only modifiers are given this way, which are not spelled; a specification can be made to contain itself.</summary>
    public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) => "?";

    public string GetSZArrayType(string elementType) => Cut(elementType + "[]");

    public string GetArrayType(string elementType, ArrayShape shape) => Cut($"{elementType}[{new string(',', Math.Clamp(shape.Rank - 1, 0, 31))}]");

    public string GetByReferenceType(string elementType) => Cut(elementType + "&");

    public string GetPointerType(string elementType) => Cut(elementType + "*");

    public string GetPinnedType(string elementType) => elementType;

    public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => Cut($"{genericType}<{string.Join(',', typeArguments)}>");

    public string GetGenericTypeParameter(object? genericContext, int index) => $"!{index}";

    public string GetGenericMethodParameter(object? genericContext, int index) => $"!!{index}";

    public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;

    public string GetFunctionPointerType(MethodSignature<string> signature) =>
        Cut($"fnptr {signature.ReturnType}({string.Join(',', signature.ParameterTypes)})");

    private static string PathOf(MetadataReader metadata, TypeReferenceHandle handle, int depth)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        string name = metadata.GetString(type.Name);
        if (type.ResolutionScope.Kind == HandleKind.TypeReference && depth > 0)
            return Cut($"{PathOf(metadata, (TypeReferenceHandle)type.ResolutionScope, depth - 1)}+{name}");
        return Cut(type.Namespace.IsNil ? name : $"{metadata.GetString(type.Namespace)}.{name}");
    }

    /// <summary>ELEMENT_TYPE_VALUETYPE is 0x11, ELEMENT_TYPE_CLASS 0x12.</summary>
    private static string Kind(byte rawTypeKind) => rawTypeKind == 0x11 ? "value class " : "class ";

    public static string Cut(string text) => text.Length <= MaxLength ? text : text[..MaxLength];
}
