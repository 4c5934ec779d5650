using System;
using System.Diagnostics;
using System.Linq;
using Fae.Core;
using Fae.Engine;
using TorchSharp;
using static TorchSharp.torch;

var net = new UNet(ConfigModule.defaults.Network, 3, Fae.Core.Random.ofSeed(0));
var x = rand(8, 3, 256, 256);
double Time(string what, Action a) { a(); a(); var s = Stopwatch.StartNew(); for (var i = 0; i < 5; i++) { using var sc = NewDisposeScope(); a(); } Console.WriteLine($"{what} {s.ElapsedMilliseconds / 5.0} ms"); return 0; }
Console.WriteLine($"threads {get_num_threads()} interop {get_num_interop_threads()}");
net.train();
Time("forward train", () => { using var o = net.forward(x); });
Time("fwd+bwd", () => { var o = net.forward(x); (o - x).square().mean().backward(); });
net.eval();
using (no_grad()) Time("forward eval", () => { using var o = net.forward(x); });
Tensor CL(Tensor t) => t.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
foreach (var cl in new[] { false, true })
{
    var h = rand(8, 24, 128, 128); if (cl) h = CL(h); h.requires_grad = true;
    var conv = nn.Conv2d(24, 24, 3, padding: 1, bias: false); var bn = nn.BatchNorm2d(24);
    var g = cl ? CL(rand(8, 24, 128, 128)) : rand(8, 24, 128, 128);
    Time($"conv f cl={cl}", () => conv.forward(h));
    Time($"conv f+b cl={cl}", () => conv.forward(h).backward([g]));
    Time($"bn f+b cl={cl}", () => bn.forward(h).backward([g]));
    Time($"relu f+b cl={cl}", () => nn.functional.relu(h).backward([g]));
    Time($"add f+b cl={cl}", () => (h + g).backward([g]));
    var gp = cl ? CL(rand(8, 24, 64, 64)) : rand(8, 24, 64, 64);
    Time($"pool f+b cl={cl}", () => nn.functional.max_pool2d(h, 2).backward([gp]));
    var gu = cl ? CL(rand(8, 24, 256, 256)) : rand(8, 24, 256, 256);
    Time($"up f+b cl={cl}", () => nn.functional.interpolate(h, scale_factor: [2, 2], mode: InterpolationMode.Nearest).backward([gu]));
    var gc = cl ? CL(rand(8, 48, 128, 128)) : rand(8, 48, 128, 128);
    Time($"cat f+b cl={cl}", () => cat([h, h], 1).backward([gc]));
    var h2 = rand(8, 96, 32, 32); if (cl) h2 = CL(h2); h2.requires_grad = true;
    var g2 = cl ? CL(rand(8, 96, 32, 32)) : rand(8, 96, 32, 32);
    foreach (var d in new[] { 1, 4, 32 })
    {
        var c2 = nn.Conv2d(96, 96, 3, padding: d, dilation: d, bias: false);
        Time($"dil{d} f cl={cl}", () => c2.forward(h2));
        Time($"dil{d} f+b cl={cl}", () => c2.forward(h2).backward([g2]));
    }
}
