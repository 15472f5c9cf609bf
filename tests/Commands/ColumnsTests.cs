using DotnetPprof.Commands;
using Spectre.Console.Testing;
using Xunit;

namespace DotnetPprof.Tests.Commands;

public class ColumnsTests
{
    [Theory]
    [InlineData(80, Cut.Start, "PID  NAME\n  1  a name\n 22  Some.Space.Method\n")]
    [InlineData(14, Cut.Start, "PID  NAME\n  1  a name\n 22  …e.Method\n")]
    [InlineData(14, Cut.End, "PID  NAME\n  1  a name\n 22  Some.Spa…\n")]
    [InlineData(14, Cut.Nothing, "PID  NAME\n  1  a name\n 22  Some.Space.Method\n")]
    [InlineData(3, Cut.End, "PID  …\n  1  …\n 22  …\n")]
    [InlineData(3, Cut.Start, "PID  …\n  1  …\n 22  …\n")]
    internal void OnlyTheLastColumnIsCut(int width, Cut cut, string expected)
    {
        var console = new TestConsole().Width(width);
        var columns = new Columns(["PID", "NAME"], index => index == 0);
        columns.Add("1", "a name");
        columns.Add("22", "Some.Space.Method");
        columns.Write(console, cut);
        Assert.Equal(expected, console.Output);
    }
}
