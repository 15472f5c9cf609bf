namespace DotnetPprof.Report;

/// <summary>What one function used. Values are in the report's unit, nanoseconds for CPU time.</summary>
/// <param name="Name">As in the profile.</param>
/// <param name="Exclusive">In the function itself.</param>
/// <param name="ExclusivePercent">Of the profile's total, 0 to 100.</param>
/// <param name="Inclusive">In the function and all it called; counted once per stack, however often it recurs there.</param>
/// <param name="InclusivePercent">Of the profile's total, 0 to 100.</param>
internal readonly record struct FunctionRow(
    string Name, long Exclusive, double ExclusivePercent, long Inclusive, double InclusivePercent);
