#!/usr/bin/env bash
# Everything that wants a GPU, in one command and one JSON: bench/gpu.sh [OUT.json] [--tiny]
#
# Needs a build of Fae (artifacts/, or in FAE_ARTIFACTS the folder that `build.fsx Portable` packs), a libtorch for CUDA in FAE_LIBTORCH (an unpacked
# libtorch, or the torch/lib folder of a PyTorch wheel; where it is not set, that of the Python), and for the peers a Python with torch (FAE_PYTHON, else
# python3). FAE_TILES may name the magnetic tiles, which are then trained in full too. Without a GPU it says what is missing and ends with 5;
# FAE_DEVICE=cpu runs everything but the kernels on a CPU.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
artifacts=${FAE_ARTIFACTS:-$here/artifacts}
out=${1:-gpu.json}
tiny=${2:-}
device=${FAE_DEVICE:-cuda}
export FAE_PYTHON=${FAE_PYTHON:-$(command -v python3 || true)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fae() { if [ -x "$artifacts/fae" ]; then "$artifacts/fae" "$@"; else dotnet "$artifacts/bin/fae.dll" "$@"; fi; }
bench() { if [ -x "$artifacts/fae-bench" ]; then "$artifacts/fae-bench" "$@"; else dotnet "$artifacts/bench/Fae.Bench.dll" "$@"; fi; }

if [ -z "${FAE_LIBTORCH:-}" ] && [ -n "$FAE_PYTHON" ]; then
    theirs=$("$FAE_PYTHON" -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))' 2> /dev/null || true)
    [ -e "$theirs/libtorch_cuda.so" ] && export FAE_LIBTORCH=$theirs
fi

fae doctor >&2 || true
if [ "$device" = cpu ]; then echo "{}"; else bench gpu $tiny; fi > "$work/bench.json"

# A data set, trained in full and evaluated, while the GPU says how busy it is.
trained() { # NAME CONFIG DATA
    local steps=() watcher begin
    [ "$tiny" = --tiny ] && steps=(--steps 20)
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits --loop-ms=200 > "$work/$1.csv" &
    watcher=$!
    begin=$(date +%s)
    fae train --config "$2" --data "$3" --out "$work/$1-run" --device "$device" "${steps[@]}" >&2
    echo $(($(date +%s) - begin)) > "$work/$1.seconds"
    kill "$watcher"
    fae eval --model "$work/$1-run" --data "$3" --device "$device" --json "$work/$1.eval" >&2
}

fae demo-data --out "$work/demo-data" >&2
trained demo "$here/configs/demo.toml" "$work/demo-data"
[ -n "${FAE_TILES:-}" ] && trained tiles "$here/configs/magnetic-tile.toml" "$FAE_TILES"

"$FAE_PYTHON" - "$work" > "$out.part" <<'PYTHON'
import json, os, subprocess, sys
work = sys.argv[1]
name = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True).stdout.strip()
result = json.load(open(work + "/bench.json"))
result["device"] = name
for data in ["demo", "tiles"]:
    if not os.path.exists(f"{work}/{data}.seconds"):
        continue
    busy = [[float(v) for v in line.split(",")] for line in open(f"{work}/{data}.csv") if line.strip()]
    result[data] = {
        "seconds": int(open(f"{work}/{data}.seconds").read()),
        "utilisation_percent": sum(b[0] for b in busy) / max(1, len(busy)),
        "peak_memory_mib": max((b[1] for b in busy), default=0),
        "eval": json.load(open(f"{work}/{data}.eval")),
    }
print(json.dumps(result, indent=2, ensure_ascii=False))
PYTHON
mv "$out.part" "$out"
echo "wrote $out"
