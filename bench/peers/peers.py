"""The peers of Fae's benchmark: the same work in Python, timed the same way.

usage: peers.py WORK SIZE PARAMETER WARM_UP_MS REPEATS [FILE] -> one line of JSON: {"peer": name and version, "ms": [one per repetition]}
"""
import json
import math
import sys
import time

import numpy as np

THREADS = 2
THRESHOLD = 0.05


def pictures(size, seed=1):
    random = np.random.default_rng(seed)
    x = random.random((size, size), dtype=np.float32)
    return x, np.clip(x + 0.1 * (random.random((size, size), dtype=np.float32) - 0.5), 0, 1)


def cv2_blur(size, k):
    import cv2

    cv2.setNumThreads(THREADS)
    x, _ = pictures(size)

    def work():
        y = x
        for _ in range(3):
            y = cv2.blur(y, (k, k))

    return "cv2.blur, OpenCV " + cv2.__version__, work


def avg_pool2d(size, k):
    import torch

    torch.set_num_threads(THREADS)
    x = torch.from_numpy(pictures(size)[0])[None, None]

    def work():
        y = x
        for _ in range(3):
            y = torch.nn.functional.avg_pool2d(y, k, 1, k // 2, count_include_pad=False)

    return "avg_pool2d, torch " + torch.__version__, work


def ssim(size, window):
    import skimage
    from skimage.metrics import structural_similarity

    x, r = pictures(size)
    return "structural_similarity, scikit-image " + skimage.__version__, lambda: structural_similarity(x, r, win_size=window, data_range=1.0, full=True)


def gms(size, _):
    import torch

    torch.set_num_threads(THREADS)
    x, r = (torch.from_numpy(image)[None, None] for image in pictures(size))
    prewitt = torch.tensor([[[[-1.0, 0, 1]] * 3]]) / 3
    kernels = torch.cat([prewitt, prewitt.transpose(2, 3)])

    def gradient(image):
        padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
        return torch.nn.functional.conv2d(padded, kernels).square().sum(1).sqrt()

    def work():
        with torch.no_grad():
            a, b = gradient(x), gradient(r)
            return 1 - (2 * a * b + 0.0026) / (a * a + b * b + 0.0026)

    return "GMS by conv2d, torch " + torch.__version__, work


def perlin(size, rows, columns, random):
    """Perlin noise of rows x columns cells, as DRAEM's code draws it."""
    grid = np.stack(np.meshgrid(np.arange(size) * rows / size % 1, np.arange(size) * columns / size % 1, indexing="ij"), -1)
    angles = 2 * math.pi * random.random((rows + 1, columns + 1))
    gradients = np.stack([np.cos(angles), np.sin(angles)], -1)
    cells = gradients.repeat(size // rows, 0).repeat(size // columns, 1)
    step_y, step_x = size // rows, size // columns

    def dot(dy, dx):
        corner = cells[dy * step_y :, dx * step_x :][:size, :size]
        return (np.stack([grid[..., 0] - dy, grid[..., 1] - dx], -1) * corner).sum(-1)

    t = 6 * grid**5 - 15 * grid**4 + 10 * grid**3
    left = dot(0, 0) + t[..., 0] * (dot(1, 0) - dot(0, 0))
    right = dot(0, 1) + t[..., 0] * (dot(1, 1) - dot(0, 1))
    return math.sqrt(2) * (left + t[..., 1] * (right - left))


def draem(size, _):
    """DRAEM (Zavrtanik et al. 2021): a turned, thresholded Perlin mask; a texture changed in three random ways; a blend by beta in [0.2, 1]."""
    import cv2

    cv2.setNumThreads(1)
    random = np.random.default_rng(1)
    image = random.random((size, size, 3), dtype=np.float32)
    textures = [random.integers(0, 256, (480, 640, 3), dtype=np.uint8) for _ in range(8)]

    def table(f):
        return lambda t: cv2.LUT(t, np.clip(f(np.arange(256, dtype=np.float32)), 0, 255).astype(np.uint8))

    def hue(t):
        hsv = cv2.cvtColor(t, cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(np.int32) + random.integers(-50, 51)) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)

    def turn(picture):
        matrix = cv2.getRotationMatrix2D((size / 2, size / 2), random.uniform(-90, 90), 1)
        return cv2.warpAffine(picture, matrix, (size, size))

    def stretch(t):
        return cv2.normalize(t, None, 0, 255, cv2.NORM_MINMAX)

    def equalise(t):
        return cv2.merge([cv2.equalizeHist(plane) for plane in cv2.split(t)])

    def sharpen(t):
        return cv2.filter2D(t, -1, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32))

    changes = [
        table(lambda v: 255 * (v / 255) ** random.uniform(0.5, 2)),
        table(lambda v: random.uniform(0.8, 1.2) * v + random.integers(-30, 31)),
        sharpen,
        hue,
        table(lambda v: np.where(v < random.integers(32, 128), v, 255 - v)),
        table(lambda v: v // 64 * 64),
        table(lambda v: 255 - v),
        stretch,
        equalise,
        turn,
    ]

    def work():
        texture = cv2.resize(textures[random.integers(len(textures))], (size, size))
        for i in random.choice(len(changes), 3, replace=False):
            texture = changes[i](texture)
        noise = turn(perlin(size, 2 ** int(random.integers(0, 6)), 2 ** int(random.integers(0, 6)), random).astype(np.float32))
        mask = (noise > 0.5).astype(np.float32)[..., None]
        beta = random.uniform(0, 0.8)
        return image * (1 - mask) + (1 - beta) * mask * texture.astype(np.float32) / 255 + beta * mask * image, mask

    return "DRAEM's generator, NumPy " + np.__version__ + ", OpenCV " + cv2.__version__, work


def auroc(count, _):
    import sklearn
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(1)
    scores = (random.random(count) ** 4 * 0.01).astype(np.float32)
    labels = random.random(count) < 0.02 + 2 * scores
    return "roc_auc_score, scikit-learn " + sklearn.__version__, lambda: roc_auc_score(labels, scores)


def aupro(size, count):
    """Exact, by one sort of all pixels: a defect-free pixel counts in the rate of false alarms, a region's pixel as its share of the region."""
    import skimage
    from skimage.measure import label

    random = np.random.default_rng(1)
    maps = random.random((count, size, size), dtype=np.float32)
    masks = np.zeros((count, size, size), bool)
    for i in range(0, count, 2):
        for _ in range(3):
            y, x = random.integers(0, size - size // 8, 2)
            masks[i, y : y + size // 16, x : x + size // 8] = True
    maps[masks] += 0.3

    def work():
        share = np.zeros(maps.shape)
        regions = 0
        for i in range(count):
            labelled, n = label(masks[i], connectivity=2, return_num=True)
            regions += n
            sizes = np.bincount(labelled.ravel())
            share[i] = np.where(labelled > 0, 1 / sizes[labelled], 0)
        order = np.argsort(-maps.ravel(), kind="stable")
        fpr = np.cumsum(~masks.ravel()[order]) / (~masks).sum()
        pro = np.cumsum(share.ravel()[order]) / regions
        keep = fpr <= 0.3
        return np.trapz(pro[keep], fpr[keep]) / 0.3

    return "AUPRO by NumPy " + np.__version__ + " and scikit-image " + skimage.__version__, work


def unet(channels=3, fold=2, width=24, depth=2, dilations=(1, 2, 4, 8, 16, 32)):
    """Fae's network of the default configuration, in PyTorch's own words."""
    import torch
    from torch import nn

    def block(a, b, dilation=1):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=dilation, dilation=dilation, bias=False), nn.BatchNorm2d(b), nn.ReLU())

    def double(a, b):
        return nn.Sequential(block(a, b), block(b, b))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            planes = channels * fold * fold
            widths = [width << level for level in range(depth + 1)]
            self.encoder = nn.ModuleList(double(planes if level == 0 else widths[level - 1], widths[level]) for level in range(depth))
            self.entry = block(widths[depth - 1], widths[depth])
            self.bottleneck = nn.ModuleList(block(widths[depth], widths[depth], dilation) for dilation in dilations)
            self.rise = nn.ModuleList(nn.Conv2d(widths[level + 1], 4 * widths[level], 1) for level in reversed(range(depth)))
            self.decoder = nn.ModuleList(double(widths[level], widths[level]) for level in reversed(range(depth)))
            self.exit = nn.Conv2d(widths[0], planes, 1)

        def forward(self, x):
            h = nn.functional.pixel_unshuffle(x, fold).contiguous(memory_format=torch.channels_last)
            skips = []
            for stage in self.encoder:
                h = stage(h)
                skips.append(h)
                h = nn.functional.max_pool2d(h, 2)
            h = self.entry(h)
            for stage in self.bottleneck:
                h = h + stage(h)
            for rise, stage in zip(self.rise, self.decoder):
                h = stage(nn.functional.pixel_shuffle(rise(h), 2).contiguous(memory_format=torch.channels_last) + skips.pop())
            return x + nn.functional.pixel_shuffle(self.exit(h), fold)

    torch.manual_seed(1)
    torch.set_num_threads(THREADS)
    return UNet().to(memory_format=torch.channels_last)


def inspector():
    """What makes a verdict with regions of the bytes of a picture."""
    import cv2
    import torch

    cv2.setNumThreads(THREADS)
    net = unet().eval()

    def inspect(data):
        image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
        x = torch.from_numpy(image).permute(2, 0, 1)[None]
        with torch.no_grad():
            difference = (x - net(x)).square().mean(1)[0].numpy()
        for _ in range(2):
            difference = cv2.blur(difference, (9, 9))
        regions = cv2.connectedComponentsWithStats((difference >= THRESHOLD).astype(np.uint8), connectivity=8)
        return difference.max(), regions

    return inspect


def inspection(data):
    """From the bytes of a picture to a verdict with regions, again and again."""
    inspect = inspector()
    return lambda: inspect(data)


def inference(size, _):
    import cv2
    import torch

    with open(sys.argv[6], "rb") as file:
        return "torch " + torch.__version__ + ", OpenCV " + cv2.__version__, inspection(file.read())


def cold_start(size, _):
    import subprocess

    import cv2
    import torch

    command = [sys.executable, __file__, "inspect_once", str(size), "0", "0", "0", sys.argv[6]]
    return "a new Python, torch " + torch.__version__ + ", OpenCV " + cv2.__version__, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def inspect_once(size, _):
    return "", inference(size, 0)[1]


def decode_opencv(size, _):
    import cv2

    cv2.setNumThreads(THREADS)
    picture = np.fromfile(sys.argv[6], np.uint8)

    def work():
        image = cv2.cvtColor(cv2.imdecode(picture, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255

    return "OpenCV " + cv2.__version__, work


def decode_pillow(size, _):
    import io

    import PIL
    from PIL import Image

    with open(sys.argv[6], "rb") as file:
        data = file.read()

    def work():
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((size, size), Image.BICUBIC), np.float32) / 255

    return "Pillow " + PIL.__version__, work


def training(size, batch, device="cpu", way=lambda net: net):
    """One step of equation (3): the two-term loss, clipped gradients, Adam; the batch is there already."""
    import torch

    net = unet().to(device).train()
    seen = way(net)
    adam = torch.optim.Adam(net.parameters(), 0.002)
    target = torch.rand(batch, 3, size, size, device=device)
    corrupted = torch.rand(batch, 3, size, size, device=device)
    mask = (torch.rand(batch, 1, size, size, device=device) > 0.9).float()

    def work():
        adam.zero_grad()
        error = (seen(corrupted) - target).square().mean(1, keepdim=True)
        clean = 1 - mask
        loss = 5 * (error * clean).sum() / (clean.sum() + 1) + 5 * (error * mask).sum() / (mask.sum() + 1)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        return loss.item()

    return "torch " + torch.__version__ + ", data not made", work


def training_cuda(size, batch):
    name, work = training(size, batch, "cuda")
    return name + ", eager", work


def training_compiled(size, batch):
    import torch

    name, work = training(size, batch, "cuda", torch.compile)
    return name + ", torch.compile", work


LAUNCHES = 20


def on_gpu(size, work):
    """Two planes on the GPU, and a work done so often before the GPU is waited for."""
    import torch

    a, b = (torch.rand(1, 1, size, size, device="cuda") for _ in range(2))

    def often():
        with torch.no_grad():
            for _ in range(LAUNCHES):
                work(torch, a, b)
            torch.cuda.synchronize()

    return "torch " + torch.__version__, often


def cuda_filter(size, k):
    def pooled(torch, a, b):
        y = a
        for _ in range(3):
            y = torch.nn.functional.avg_pool2d(y, k, 1, k // 2, count_include_pad=False)
        return y

    name, work = on_gpu(size, pooled)
    return "avg_pool2d, " + name, work


def cuda_gms(size, _):
    import torch

    prewitt = torch.tensor([[[[-1.0, 0, 1]] * 3]], device="cuda") / 3
    kernels = torch.cat([prewitt, prewitt.transpose(2, 3)])

    def gradient(image):
        padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
        return torch.nn.functional.conv2d(padded, kernels).square().sum(1).sqrt()

    def gms(torch, a, b):
        x, r = gradient(a), gradient(b)
        return 1 - (2 * x * r + 0.0026) / (x * x + r * r + 0.0026)

    name, work = on_gpu(size, gms)
    return "conv2d, " + name, work


def cuda_ssim(size, _):
    def mean(torch, t):
        return torch.nn.functional.avg_pool2d(t, 11, 1, 5, count_include_pad=False)

    def ssim(torch, a, b):
        ma, mb = mean(torch, a), mean(torch, b)
        va, vb, both = mean(torch, a * a) - ma * ma, mean(torch, b * b) - mb * mb, mean(torch, a * b) - ma * mb
        return 1 - (2 * ma * mb + 0.0001) * (2 * both + 0.0009) / ((ma * ma + mb * mb + 0.0001) * (va + vb + 0.0009))

    name, work = on_gpu(size, ssim)
    return "avg_pool2d, " + name, work


def cuda_mse(size, _):
    name, work = on_gpu(size, lambda torch, a, b: (a - b).square())
    return "sub and square, " + name, work


def cuda_top(size, _):
    name, work = on_gpu(size, lambda torch, a, b: a.reshape(-1).topk(size * size // 200).values.mean().item())
    return "topk and mean, " + name, work


def cuda_sum(size, _):
    name, work = on_gpu(size, lambda torch, a, b: a.sum().item())
    return "sum, " + name, work


def cuda_copy(size, _):
    name, work = on_gpu(size, lambda torch, a, b: a.copy_(b))
    return "copy_ twice, " + name, work


def resnet18():
    """Stages 2 and 3 of a ResNet-18; the weights do not matter for the time."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, a, b, stride):
            super().__init__()
            first, second = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.Conv2d(b, b, 3, 1, 1, bias=False)
            self.body = nn.Sequential(first, nn.BatchNorm2d(b), nn.ReLU(), second, nn.BatchNorm2d(b))
            self.short = nn.Identity()
            if stride != 1 or a != b:
                self.short = nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b))

        def forward(self, x):
            return torch.relu(self.body(x) + self.short(x))

    stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    one, two, three = [nn.Sequential(Block(a, b, s), Block(b, b, 1)) for a, b, s in [(64, 64, 1), (64, 128, 2), (128, 256, 2)]]
    net = nn.ModuleList([stem, one, two, three]).eval()

    def stages(x):
        second = net[2](net[1](net[0](x)))
        return second, net[3](second)

    return stages


def embed(stages, x):
    import torch
    from torch.nn import functional

    second, third = [functional.avg_pool2d(stage, 3, 1, 1) for stage in stages(x)]
    third = functional.interpolate(third, size=second.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([second, third], 1)


def rows(embedding):
    return embedding.permute(0, 2, 3, 1).reshape(-1, embedding.shape[1])


def patchcore_training(size, count):
    """Features of the pictures, a random projection to 64 numbers, 3,000 greedy farthest points, as public programs do it."""
    import torch

    torch.set_num_threads(THREADS)
    stages = resnet18()
    images = torch.rand(count, 3, size, size)

    def work():
        with torch.no_grad():
            patches = torch.cat([rows(embed(stages, images[i : i + 8])) for i in range(0, count, 8)])
            patches = patches[torch.randperm(len(patches))[:100_000]]
            points = patches @ (torch.randn(patches.shape[1], 64) / 8)
            chosen, nearest = [0], torch.full([len(points)], math.inf)
            for _ in range(min(3000, len(points)) - 1):
                nearest = torch.minimum(nearest, (points - points[chosen[-1]]).square().sum(1))
                chosen.append(int(nearest.argmax()))
            return patches[chosen]

    return "the same in Python, torch " + torch.__version__, work


def patchcore_inference(size, entries):
    import torch
    from torch.nn import functional

    torch.set_num_threads(THREADS)
    stages = resnet18()
    image, bank = torch.rand(1, 3, size, size), torch.rand(entries, 384)
    norms = bank.square().sum(1)

    def work():
        with torch.no_grad():
            embedding = embed(stages, image)
            patches = rows(embedding)
            squares = patches.square().sum(1) + torch.addmm(norms, patches, bank.t(), alpha=-2).amin(1)
            distance = squares.clamp_min(0).sqrt().reshape(1, 1, *embedding.shape[2:])
            return functional.interpolate(distance, size=(size, size), mode="bilinear", align_corners=False)

    return "the same in Python, torch " + torch.__version__, work


if __name__ == "__main__":
    name, work = globals()[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
    warm_up_ms, repeats = float(sys.argv[4]), int(sys.argv[5])
    begin = time.perf_counter()
    while True:
        work()
        if 1000 * (time.perf_counter() - begin) >= warm_up_ms:
            break
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"peer": name, "ms": times}))
