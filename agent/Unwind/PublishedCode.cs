namespace DotnetPprof.Agent.Unwind;

/// <param name="MethodId">The runtime's; 0 when not known.</param>
/// <param name="ModuleId">Likewise.</param>
internal readonly record struct CodePiece(ulong Start, ulong End, ulong MethodId, ulong ModuleId)
{
    internal bool BelongsTo(ulong id) => id != 0 && (MethodId == id || ModuleId == id);
}

/// <summary>The pieces of code that have rules in force: in the order of their addresses, none overlapping another.</summary>
internal sealed class PublishedCode
{
    private readonly List<CodePiece> _pieces = [];

    internal void Clear() => _pieces.Clear();

    /// <summary>Takes out what overlaps a piece, and puts it in.</summary>
    /// <param name="remove">Called for each piece that goes.</param>
    internal void Replace(CodePiece piece, Action<CodePiece> remove)
    {
        int at = FirstEndingAfter(piece.Start), end = at;
        for (; end < _pieces.Count && _pieces[end].Start < piece.End; end++)
            remove(_pieces[end]);
        _pieces.RemoveRange(at, end - at);
        _pieces.Insert(at, piece);
    }

    /// <summary>Takes out what is to go.</summary>
    /// <param name="remove">Called for each piece that goes.</param>
    internal void RemoveWhere(Func<CodePiece, bool> isToGo, Action<CodePiece> remove) => _pieces.RemoveAll(piece =>
    {
        bool goes = isToGo(piece);
        if (goes)
            remove(piece);
        return goes;
    });

    private int FirstEndingAfter(ulong address)
    {
        int low = 0, high = _pieces.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_pieces[middle].End <= address)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
