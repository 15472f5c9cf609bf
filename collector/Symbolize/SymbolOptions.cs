namespace DotnetPprof.Symbolize;

/// <summary>What names and lines are asked for beyond those that every profile has.</summary>
/// <param name="Tiers">Whether a method's name says how it was compiled, which keeps its tiers apart.</param>
/// <param name="Directory">Where PDBs are looked for that are not beside their assemblies; or null.</param>
public sealed record SymbolOptions(bool Tiers = false, string? Directory = null);
