#!/usr/bin/env bash
# A folder to carry to a machine with a GPU and without .NET, less than 60 MB: bench/gpu-kit.sh KIT [DATA...]
#
# KIT/fae.tar.xz is the portable build with the benchmarks and the tests that run on every device, without the pretrained backbone; each
# DATA set is shrunk to 256 pixels and packed beside it. There: tar xf KIT/fae.tar.xz -C /tmp, and so on, then
# FAE_ARTIFACTS=/tmp/fae FAE_SETS=/tmp/sets bench/gpu.sh OUT
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
kit=${1:?bench/gpu-kit.sh KIT [DATA...]}
shift
mkdir -p "$kit"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

dotnet "$here/artifacts/dev/Fae.Dev.dll" assemble
cp -r "$here/artifacts/portable/fae" "$work/fae"
bin=$work/fae/bin
rm -rf "$bin/backbones" "$work/fae/dotnet/shared/Microsoft.NETCore.App"/*/libmscor*
for file in "$here/artifacts/tests"/*.dll "$here/artifacts/tests"/Fae.Tests.*.json; do
    [ -e "$bin/$(basename "$file")" ] || cp "$file" "$bin/"
done
python3 - "$bin" "$work/fae/dotnet" <<'PYTHON'
# A host refuses to start when a file that is named here is missing.
import glob, json, os, sys
bin, dotnet = sys.argv[1:]
def strip(path, folder):
    with open(path) as file:
        deps = json.load(file)
    for target in deps["targets"].values():
        for library in target.values():
            for kind in ("runtime", "native", "runtimeTargets"):
                for name in list(library.get(kind, {})):
                    places = [os.path.join(folder, name), os.path.join(folder, os.path.basename(name))]
                    if not any(os.path.exists(place) for place in places):
                        del library[kind][name]
    with open(path, "w") as file:
        json.dump(deps, file)
strip(os.path.join(bin, "Fae.Tests.deps.json"), bin)
for path in glob.glob(dotnet + "/shared/Microsoft.NETCore.App/*/*.deps.json"):
    strip(path, os.path.dirname(path))
PYTHON
sed 's/Fae.Bench.dll/Fae.Tests.dll/' "$work/fae/fae-bench" > "$work/fae/fae-tests"
chmod +x "$work/fae/fae-tests"
XZ_OPT="-9 -T0" tar --create --xz --file "$kit/fae.tar.xz" --directory "$work" fae

for data in "$@"; do
    "${FAE_PYTHON:-/usr/bin/python3}" - "$data" "$work/sets/$(basename "$data")" <<'PYTHON'
import os, sys
import cv2
source, to = sys.argv[1:]
for folder, _, files in os.walk(source):
    for name in files:
        path = os.path.join(folder, name)
        image = cv2.imread(path, cv2.IMREAD_UNCHANGED)
        if image is None:
            continue
        into = os.path.join(to, os.path.relpath(folder, source))
        os.makedirs(into, exist_ok=True)
        scale = 256 / max(image.shape[:2])
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        mask = "ground_truth" in os.path.relpath(folder, source)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        stem = os.path.splitext(name)[0]
        cv2.imwrite(os.path.join(into, stem + (".png" if mask else ".jpg")), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
PYTHON
done
[ -d "$work/sets" ] && tar --create --file "$kit/sets.tar" --directory "$work" sets
ls -l "$kit"
