using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Fae.Bench;

/// <summary>The servers under load, as processes.</summary>
internal static partial class Load
{
    private static Served Ours(string model, string[] more)
    {
        var fae = Path.Combine(AppContext.BaseDirectory, "..", "bin", "fae");
        var port = FreePort();
        return new Served(Start(fae, ["serve", "--model", model, "--port", $"{port}", .. more]), port);
    }

    /// <summary>Null where Python or a library is missing.</summary>
    private static Served? Theirs()
    {
        if (!File.Exists(Comparison.Python))
            return null;
        var port = FreePort();
        try
        {
            return new Served(Start(Comparison.Python, [Path.Combine(AppContext.BaseDirectory, "server.py"), $"{port}"]), port);
        }
        catch (InvalidOperationException)
        {
            Console.Error.WriteLine("the peer does not run here");
            return null;
        }
    }

    private static Process Start(string program, string[] args)
    {
        var child =
            Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true, RedirectStandardOutput = true })
            ?? throw new InvalidOperationException($"{program} does not start");
        child.OutputDataReceived += (_, _) => { };
        child.ErrorDataReceived += (_, _) => { };
        child.BeginOutputReadLine();
        child.BeginErrorReadLine();
        return child;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A server's process, ready; killed when it is disposed.</summary>
    private sealed class Served : IDisposable
    {
        private readonly Process child;

        public Served(Process child, int port)
        {
            this.child = child;
            Url = new Uri($"http://127.0.0.1:{port}/");
            using var http = new HttpClient();
            for (var tries = 0; tries < 600; tries++)
            {
                try
                {
                    if (http.GetAsync(new Uri(Url, "ready")).GetAwaiter().GetResult().IsSuccessStatusCode)
                        return;
                }
                catch (HttpRequestException)
                {
                    // Not yet.
                }
                if (child.HasExited)
                    break;
                Thread.Sleep(100);
            }
            Dispose();
            throw new InvalidOperationException("a server did not become ready");
        }

        public Uri Url { get; }

        public double MemoryMib
        {
            get
            {
                child.Refresh();
                return child.WorkingSet64 / 1048576.0;
            }
        }

        public void Dispose()
        {
            if (child.Id > 0 && !child.HasExited)
            {
                child.Kill();
                child.WaitForExit();
            }
        }
    }
}
