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

    /// <summary>
    /// Puts a piece in, and takes out what it overlaps. What is no method is known from where it was interrupted on, so it
    /// takes its own place alone, and none of a method's: that one's code was there whole, and is told of when it goes.
    /// </summary>
    /// <param name="remove">Called for each piece that goes.</param>
    /// <returns>False where a method is; nothing has changed then.</returns>
    internal bool TryReplace(CodePiece piece, Action<CodePiece> remove)
    {
        bool isMethod = piece.MethodId != 0;
        int at = FirstEndingAfter(piece.Start), end = at;
        for (; end < _pieces.Count && _pieces[end].Start < piece.End; end++)
        {
            if (!isMethod && _pieces[end].MethodId != 0)
                return false;
        }
        CodePiece before = default, after = default;
        if (!isMethod && at < end)
        {
            before = _pieces[at] with { End = piece.Start };
            after = _pieces[end - 1] with { Start = piece.End };
        }
        for (int i = at; i < end; i++)
        {
            CodePiece old = _pieces[i];
            remove(isMethod ? old : old with { Start = Math.Max(old.Start, piece.Start), End = Math.Min(old.End, piece.End) });
        }
        _pieces.RemoveRange(at, end - at);
        if (after.Start < after.End)
            _pieces.Insert(at, after);
        _pieces.Insert(at, piece);
        if (before.Start < before.End)
            _pieces.Insert(at, before);
        return true;
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
