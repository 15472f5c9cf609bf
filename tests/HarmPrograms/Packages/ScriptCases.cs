using System.Text.RegularExpressions;
using Jint;

namespace DotnetPprof.HarmPrograms;

/// <summary>Programs for an interpreter, each with numbers of its own: calls, closures, generators, exceptions, regular expressions.</summary>
internal static class ScriptCases
{
    private const int Count = 240;

    private static readonly string[] programs =
    [
        "function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); } fib(10 + N % 8);",
        "let out = []; for (let i = 0; i < 50 + N; i++) { out.push((i * 7919 + N) % 1009); } out.sort((a, b) => a - b).join();",
        "JSON.stringify({ n: N, list: [...Array(N % 20).keys()].map(x => ({ x, y: x * x })), text: 'é'.repeat(N % 9) });",
        "let s = ''; try { null.x; } catch (e) { s += e.name; } finally { s += N; } try { undefinedName(); } catch (e) { s += e.message; } s;",
        "function* g(n) { for (let i = 0; i < n; i++) yield i * N; } let t = 0; for (const v of g(200)) t += v; t;",
        "'a1b22c333'.repeat(1 + N % 5).replace(/([a-z])(\\d+)/g, (m, a, d) => a.toUpperCase() + (Number(d) + N)) + 'x' + 'N'.split('').reverse().join('');",
        "class A { constructor(v) { this.v = v; } get w() { return this.v * 2; } static make(v) { return new A(v); } } class B extends A { get w() { return super.w + N; } } [new B(N).w, A.make(N).w, new B(1) instanceof A].join();",
        "const m = new Map(); for (let i = 0; i < 300; i++) { const k = 'k' + (i * N % 37); m.set(k, (m.get(k) || 0) + i); } [...m].sort().join('|');",
        "Math.sqrt(N) + ',' + (N / 7).toFixed(12) + ',' + (N * 1e21) + ',' + parseInt('z' + N, 36) + ',' + (0.1 * N).toString(2);",
        "let x = N; for (let i = 0; i < 5000; i++) { x = (x * 1103515245 + 12345) & 0x7fffffff; x ^= x >>> 3; } x;",
        "throw new RangeError('case ' + N);",
        "let depth = 0; function down() { depth++; down(); } try { down(); } catch (e) { depth = e.name; } depth + N;",
    ];

    internal static IEnumerable<(string, Func<string>)> All()
    {
        for (int i = 0; i < Count; i++)
        {
            string program = Regex.Replace(programs[i % programs.Length], @"\bN\b", $"{i + 1}");
            yield return ($"script-{i}", () => new Engine(options => options.LimitRecursion(60)).Evaluate(program).ToString());
        }
    }
}
