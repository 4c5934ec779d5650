#!/usr/bin/env bash
# Everything that wants a GPU, in one command: bench/gpu.sh OUT [--tiny]
#
# Each step writes a file into the folder OUT as soon as it has ended, has a time limit of its own, and does not stop the others when it
# fails; OUT/steps.csv says how each ended. The kernels come first and need no libtorch.
#
# Needs a build of Fae (artifacts/, or in FAE_ARTIFACTS the folder that `build.fsx Portable` or bench/gpu-kit.sh packs), a libtorch for
# CUDA in FAE_LIBTORCH (an unpacked libtorch, or the torch/lib folder of a PyTorch wheel; where it is not set, that of the Python), and for
# the peers a Python with torch (FAE_PYTHON, else python3). FAE_SETS may name a folder of data sets, which are trained in full too. Without
# a GPU it says so and ends with 5. FAE_STEPS names the steps to run, of "laws kernels doctor demo sets bench ablation"; all of them but
# the last if it is not set. FAE_DEVICE=cpu trains on a CPU. OUT/summary.json is written last: how each step ended, and of each set the
# times and the metrics.
set -uo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
artifacts=${FAE_ARTIFACTS:-$here/artifacts}
out=${1:?bench/gpu.sh OUT [--tiny]}
tiny=${2:-}
device=${FAE_DEVICE:-cuda}
steps=${FAE_STEPS:-laws kernels doctor demo ${FAE_SETS:+sets} bench}
[ "$device" = cpu ] && steps=${FAE_STEPS:-doctor demo ${FAE_SETS:+sets}}
export FAE_PYTHON=${FAE_PYTHON:-$(command -v python3 || true)}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fae() { if [ -x "$artifacts/fae" ]; then "$artifacts/fae" "$@"; else dotnet "$artifacts/bin/fae.dll" "$@"; fi; }
bench() { if [ -x "$artifacts/fae-bench" ]; then "$artifacts/fae-bench" "$@"; else dotnet "$artifacts/bench/Fae.Bench.dll" "$@"; fi; }
tests() { if [ -x "$artifacts/fae-tests" ]; then "$artifacts/fae-tests" "$@"; else dotnet "$artifacts/tests/Fae.Tests.dll" "$@"; fi; }
export -f fae bench tests
export artifacts here out work tiny device

if ! nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader > "$out/gpu.txt" 2> /dev/null; then
    echo "gpu.sh: there is no GPU here (nvidia-smi finds none)" >&2
    exit 5
fi

# Since a time.
seconds() { "$FAE_PYTHON" -c "print(round($(date +%s.%N) - $1, 2))"; }
export -f seconds

# NAME SECONDS FUNCTION
step() {
    local begin code
    [[ " $steps " == *" $1 "* ]] || return 0
    begin=$(date +%s.%N)
    timeout "$2" bash -c "$3" > "$out/$1.txt" 2>&1
    code=$?
    echo "$1,$code,$(seconds "$begin")" | tee -a "$out/steps.csv"
}

# The laws of the specification on the GPU itself.
laws() { tests --devices --cases "${FAE_CASES:-300}" --filter-test-list "PTX (GPU)" --no-spinner; }

kernels() { bench gpu-kernels $tiny > "$out/kernels.json"; }

# A data set trained in full and evaluated, while the GPU says how busy it is: NAME DATA TRAINING...
trained() {
    local name=$1 data=$2 watcher begin
    shift 2
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits --loop-ms=200 > "$out/$name-busy.csv" &
    watcher=$!
    begin=$(date +%s.%N)
    fae train --data "$data" --out "$work/$name-run" --device "$device" "$@"
    seconds "$begin" > "$out/$name-seconds.txt"
    kill "$watcher"
    fae eval --model "$work/$name-run" --data "$data" --device "$device" --json "$out/$name-eval.json"
}

demo() {
    fae demo-data --out "$work/demo-data"
    trained demo "$work/demo-data" --config "$here/configs/demo.toml" ${tiny:+--steps 20}
}

sets() {
    for set in "${FAE_SETS:?}"/*/; do
        trained "$(basename "$set")" "$set" --config "$here/configs/default.toml" ${tiny:+--steps 20}
    done
}

steps_beside_torch() { bench gpu $tiny > "$out/training.json"; }

ablation() {
    fae reproduce --data "${FAE_SETS:?}" --out "$work/ablation" --ablate noise --seeds "${FAE_SEEDS:-3}" --device "$device"
    cp "$work/ablation/full"/*.md "$work/ablation/full"/*.csv "$out/"
}
export -f laws kernels trained demo sets steps_beside_torch ablation

step laws 120 laws
step kernels 120 kernels

if [ -z "${FAE_LIBTORCH:-}" ] && [ -n "$FAE_PYTHON" ]; then
    theirs=$("$FAE_PYTHON" -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))' 2> /dev/null || true)
    [ -e "$theirs/libtorch_cuda.so" ] && export FAE_LIBTORCH=$theirs
fi

step doctor 120 "fae doctor"
step demo 240 demo
step sets 480 sets
step bench 300 steps_beside_torch
step ablation 590 ablation

"$FAE_PYTHON" - "$out" <<'PYTHON'
import csv, glob, json, os, sys
out = sys.argv[1]
read = lambda name: open(os.path.join(out, name)).read().strip()
rows = csv.reader(open(os.path.join(out, "steps.csv")))
steps = {name: {"exit_code": int(code), "seconds": float(seconds)} for name, code, seconds in rows}
result = {"gpu": read("gpu.txt"), "steps": steps, "sets": {}}
for path in glob.glob(os.path.join(out, "*-seconds.txt")):
    name = os.path.basename(path)[: -len("-seconds.txt")]
    busy = [[float(v) for v in line.split(",")] for line in read(name + "-busy.csv").splitlines()]
    result["sets"][name] = {
        "seconds": float(read(name + "-seconds.txt")),
        "utilisation_percent": sum(b[0] for b in busy) / max(1, len(busy)),
        "peak_memory_mib": max((b[1] for b in busy), default=0),
        "eval": json.loads(read(name + "-eval.json")),
    }
with open(os.path.join(out, "summary.json"), "w") as file:
    json.dump(result, file, indent=2)
sys.exit(0 if all(step["exit_code"] == 0 for step in steps.values()) else 1)
PYTHON
