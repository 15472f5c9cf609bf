using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using DotnetPprof.Model;
using DotnetPprof.Symbolize;
using DotnetPprof.Symbolize.Lines;
using DotnetPprof.Tests.RealPrograms;

namespace DotnetPprof.Tests.Fuzz;

/// <summary>An assembly and its PDB as files, as a target has them: how long the assembly is (4 bytes), it, and the PDB.</summary>
internal static class FuzzedAssemblies
{
    private const uint MostTokens = 48;

    private static readonly string s_directory = Directory.CreateTempSubdirectory("fuzz").FullName;

    static FuzzedAssemblies() => AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(s_directory, recursive: true);

    internal static IEnumerable<byte[]> All()
    {
        string path = ProgramPaths.TestProgram("Lines");
        yield return Together(File.ReadAllBytes(path), File.ReadAllBytes(Path.ChangeExtension(path, ".pdb")));
        yield return Together(DeepSignature([0x1d]), []);
        yield return Together(DeepSignature([0x20, .. TypeSpecification(1)]), []);
        yield return Together(WithEmbeddedPdb(File.ReadAllBytes(Path.ChangeExtension(path, ".pdb"))), []);
    }

    internal static void Read(byte[] input)
    {
        int length = input.Length < 4 ? 0 : (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(input), (uint)input.Length - 4);
        string path = Path.Join(s_directory, "Lines.dll");
        File.WriteAllBytes(path, input.AsSpan(Math.Min(4, input.Length), length));
        File.WriteAllBytes(Path.ChangeExtension(path, ".pdb"), input.AsSpan(Math.Min(4 + length, input.Length)));
        using var files = new PdbFiles("", null, _ => { });
        if (files.For(new Mapping(0, 0, 0, path, "", true)) is { } source)
        {
            for (uint token = 0x06000000; token < 0x06000000 + MostTokens; token++)
            {
                source.StartOf(token);
                source.LineAt(token, 5);
                source.NameOf(token);
                source.CallOf(token, 0, "WriteLine");
            }
        }
        try
        {
            using ByteSource bytes = ByteSource.OfFile(path);
            if (!PortableImage.IsPortableExecutable(bytes))
                return;
            using var metadata = new AssemblyMetadata(new PortableImage(bytes));
            for (uint token = 0x06000000; token < 0x06000000 + MostTokens; token++)
                metadata.FunctionOf(token);
        }
        catch (Exception e) when (PdbFiles.IsDamage(e))
        {
            /* What AssemblyModule expects. */
        }
    }

    private static byte[] Together(byte[] assembly, byte[] pdb) => [.. BitConverter.GetBytes(assembly.Length), .. assembly, .. pdb];

    /// <summary>A method that returns a type wrapped as often as fits; with a type specification that is wrapped in itself.</summary>
    private static byte[] DeepSignature(byte[] wrapping)
    {
        var metadata = new MetadataBuilder();
        byte[] deep = [.. Enumerable.Repeat(wrapping, 60_000 / wrapping.Length).SelectMany(bytes => bytes), 0x08];
        metadata.AddTypeSpecification(metadata.GetOrAddBlob((byte[])[.. wrapping, 0x08]));
        BlobHandle signature = metadata.GetOrAddBlob((byte[])[0, 0, .. wrapping.Length == 1 ? deep : [.. wrapping, 0x08]]);
        metadata.AddMethodDefinition(MethodAttributes.Static | MethodAttributes.Abstract, MethodImplAttributes.IL, metadata.GetOrAddString("Deep"), signature, -1, default);
        return Image(metadata, null);
    }

    private static byte[] TypeSpecification(int row)
    {
        var token = new BlobBuilder();
        token.WriteCompressedInteger(CodedIndex.TypeDefOrRefOrSpec(MetadataTokens.TypeSpecificationHandle(row)));
        return token.ToArray();
    }

    private static byte[] WithEmbeddedPdb(byte[] pdb)
    {
        var directory = new DebugDirectoryBuilder();
        var bytes = new BlobBuilder();
        bytes.WriteBytes(pdb);
        directory.AddEmbeddedPortablePdbEntry(bytes, 0x0100);
        return Image(new MetadataBuilder(), directory);
    }

    private static byte[] Image(MetadataBuilder metadata, DebugDirectoryBuilder? debug)
    {
        metadata.AddModule(0, metadata.GetOrAddString("Lines.dll"), metadata.GetOrAddGuid(new Guid(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)), default, default);
        metadata.AddTypeDefinition(default, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata), new BlobBuilder(), debugDirectoryBuilder: debug).Serialize(image);
        return [.. image.ToImmutableArray()];
    }
}
