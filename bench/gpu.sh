#!/usr/bin/env bash
# Everything that wants a GPU, in one command and one JSON: bench/gpu.sh [OUT.json] [--tiny]
#
# Needs a build of Fae (artifacts/, or FAE_ARTIFACTS), a libtorch for CUDA in FAE_LIBTORCH (an unpacked libtorch, or the torch/lib folder of a PyTorch
# wheel), and for the peers a Python with torch (FAE_PYTHON, else python3). Without a GPU it says what is missing and ends with 5.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
artifacts=${FAE_ARTIFACTS:-$here/artifacts}
out=${1:-gpu.json}
tiny=${2:-}
export FAE_PYTHON=${FAE_PYTHON:-$(command -v python3 || true)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

runs() { # A program of ours, published with its runtime or not.
    local name=$1
    shift
    if [ -x "$artifacts/$name" ]; then "$artifacts/$name" "$@"; else dotnet "$artifacts/$name.dll" "$@"; fi
}

runs bin/fae doctor || true
runs bench/Fae.Bench gpu $tiny > "$work/bench.json"

# The demo, trained in full, while the GPU says how busy it is.
runs bin/fae demo-data --out "$work/demo"
nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits --loop-ms=200 > "$work/busy.csv" &
watcher=$!
begin=$(date +%s)
steps=()
[ "$tiny" = --tiny ] && steps=(--steps 20)
runs bin/fae train --config "$here/configs/demo.toml" --data "$work/demo" --out "$work/run" --device cuda "${steps[@]}"
seconds=$(($(date +%s) - begin))
kill "$watcher"
runs bin/fae eval --model "$work/run" --data "$work/demo" --device cuda --json "$work/eval.json"

"$FAE_PYTHON" - "$work" "$seconds" > "$out.part" <<'PYTHON'
import json, subprocess, sys
work, seconds = sys.argv[1], int(sys.argv[2])
busy = [[float(v) for v in line.split(",")] for line in open(work + "/busy.csv") if line.strip()]
name = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True).stdout.strip()
result = json.load(open(work + "/bench.json"))
result["device"] = name
result["demo"] = {
    "seconds": seconds,
    "utilisation_percent": sum(b[0] for b in busy) / max(1, len(busy)),
    "peak_memory_mib": max((b[1] for b in busy), default=0),
    "eval": json.load(open(work + "/eval.json")),
}
print(json.dumps(result, indent=2, ensure_ascii=False))
PYTHON
mv "$out.part" "$out"
echo "wrote $out"
