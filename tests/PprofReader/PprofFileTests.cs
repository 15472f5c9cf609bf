using Xunit;

namespace DotnetPprof.Tests.PprofReader;

/// <summary>The reader is a judge in other tests: it must see what is wrong.</summary>
public class PprofFileTests
{
    [Fact]
    public void ReadsLiteralBytes()
    {
        byte[] bytes =
        [
            0x0a, 0x04, 0x08, 0x01, 0x10, 0x02, // sample_type { type: 1 unit: 2 }
            0x12, 0x08, 0x0a, 0x01, 0x01, 0x12, 0x03, 0x80, 0xa0, 0x06, // sample { location_id: 1 value: 102400 }
            0x1a, 0x02, 0x08, 0x01, // mapping { id: 1 }
            0x22, 0x08, 0x08, 0x01, 0x10, 0x01, 0x22, 0x02, 0x08, 0x01, // location { id: 1 mapping_id: 1 line { function_id: 1 } }
            0x2a, 0x04, 0x08, 0x01, 0x10, 0x03, // function { id: 1 name: 3 }
            0x32, 0x00, 0x32, 0x03, 0x63, 0x70, 0x75, 0x32, 0x02, 0x6e, 0x73, 0x32, 0x01, 0x66, // "", "cpu", "ns", "f"
            0x70, 0x01, // default_sample_type: 1
        ];
        PprofFile file = PprofFile.Read(new MemoryStream(bytes));
        file.CheckValid();
        Assert.Equal([new PprofType("cpu", "ns")], file.SampleTypes);
        Assert.Equal([102400L], file.Samples[0].Values);
        Assert.Equal(["f"], file.Samples[0].FunctionNames);
    }

    [Theory]
    [InlineData("0a0208 01 3200 3201 61 7001 1a02 0802", "mapping 1 has id 2")]
    [InlineData("0a0208 01 3200 3201 61 7001 2202 0801", "location 1 has no mapping 0")]
    [InlineData("0a0208 01 3200 3201 61 7001 1203 0a0101", "has 0 values for 1 types")]
    [InlineData("0a0208 01 3200 3201 61 7001 1206 0a0107 120101", "points at a location that is not there")]
    [InlineData("0a0208 01 3200 3201 61 7001 2a06 0801 1001 1801", "pprof would strip it")]
    [InlineData("0a0208 01 3201 61 3201 62 7001", "string_table[0] is not the empty string")]
    [InlineData("0a0208 01 3200 3201 61", "the default sample type '' is not among them")]
    [InlineData("0a0208 01 3200 3201 61 7001 7801", "fields that some viewers reject: 15")]
    public void SeesViolations(string hex, string violation)
    {
        PprofFile file = PprofFile.Read(new MemoryStream(Convert.FromHexString(hex.Replace(" ", ""))));
        Assert.Contains(violation, Assert.Throws<InvalidDataException>(file.CheckValid).Message);
    }
}
