using System.Security.Cryptography;
using DotnetPprof.Upload;
using Microsoft.Extensions.Logging.Abstractions;

// Fills an upload queue until it is killed, and says after each window how many there are.
// QueueFiller DIRECTORY
using var queue = new UploadQueue(QueueDirectory.Open(args[0]), 1L << 30, NullLogger.Instance);
Console.WriteLine($"recovered {queue.Account.Recovered}");
for (int made = 1; ; made++)
{
    queue.Add([RandomNumberGenerator.GetBytes(RandomNumberGenerator.GetInt32(20_000))]);
    Console.WriteLine($"made {made}");
}
