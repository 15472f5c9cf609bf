using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace DotnetPprof.Symbolize;

/// <summary>
/// Names of an assembly's methods by their metadata tokens, spelled as the runtime's events spell them, so that
/// <see cref="ManagedName"/> makes the same of them. Arguments of generic types are their parameters' names.
/// </summary>
internal sealed class MethodNames(MetadataReader metadata)
{
    private const int MaxNesting = 64;

    /// <summary>
    /// Each byte of a signature can be a type inside the one before, and the library's reader calls itself for each: a
    /// longer one could take all of the stack. The class library's longest has 124 bytes.
    /// </summary>
    private const int MaxSignatureBytes = 1024;

    private const int MaxTypeParameters = 64;

    public MetadataReader Metadata { get; } = metadata;

    public bool Has(uint token) => token >> 24 == 0x06 && (token & 0xffffff) is > 0 and var row && row <= Metadata.MethodDefinitions.Count;

    /// <exception cref="BadImageFormatException">The file is damaged.</exception>
    public (string Type, string Method, string Signature)? Of(uint token)
    {
        if (!Has(token)) return null;
        MethodDefinition method = Metadata.GetMethodDefinition((MethodDefinitionHandle)MetadataTokens.Handle((int)token));
        if (Metadata.GetBlobReader(method.Signature).Length > MaxSignatureBytes) throw new BadImageFormatException("a method's signature is too long");
        MethodSignature<string> signature = method.DecodeSignature(new SignatureSpelling(), null);
        string generic = signature.GenericParameterCount > 0 ? "generic " : "";
        string instance = signature.Header.IsInstance ? "instance " : "";
        string spelled = $"{instance}{generic}{signature.ReturnType}  ({string.Join(',', signature.ParameterTypes)})";
        return (TypeOf(method.GetDeclaringType()), Metadata.GetString(method.Name), spelled);
    }

    /// <summary>Whether a call's token refers to a method of this bare name.</summary>
    public bool IsCallee(uint token, string name)
    {
        int row = (int)(token & 0xffffff);
        switch (token >> 24)
        {
            case 0x06 when Has(token):
                return Metadata.StringComparer.Equals(Metadata.GetMethodDefinition(MetadataTokens.MethodDefinitionHandle(row)).Name, name);
            case 0x0a when row > 0 && row <= Metadata.GetTableRowCount(TableIndex.MemberRef):
                return Metadata.StringComparer.Equals(Metadata.GetMemberReference(MetadataTokens.MemberReferenceHandle(row)).Name, name);
            case 0x2b when row > 0 && row <= Metadata.GetTableRowCount(TableIndex.MethodSpec):
                uint method = (uint)MetadataTokens.GetToken(Metadata.GetMethodSpecification(MetadataTokens.MethodSpecificationHandle(row)).Method);
                return method >> 24 != 0x2b && IsCallee(method, name);
            default:
                return false;
        }
    }

    private string TypeOf(TypeDefinitionHandle handle)
    {
        // A nested type has the parameters of those around it as well, before its own.
        string[] parameters = [.. Metadata.GetTypeDefinition(handle).GetGenericParameters().Take(MaxTypeParameters).Select(one => Metadata.GetString(Metadata.GetGenericParameter(one).Name))];
        string arguments = parameters.Length > 0 ? SignatureSpelling.Cut($"[{string.Join(',', parameters)}]") : "";
        return SignatureSpelling.PathOf(Metadata, handle, MaxNesting) + arguments;
    }
}
