#!/usr/bin/env bash
# Runs the published program of another system under an emulator and compares its scores with those of this machine's program.
# Usage: tests/platforms.sh win-x64 | linux-arm64
# Needs `dotnet fsi build.fsx Build` and `dotnet fsi build.fsx Publish SYSTEM`, and root.
set -euo pipefail
cd "$(dirname "$0")/.."
system=${1:?name a system: win-x64 or linux-arm64}
program=$PWD/artifacts/publish/$system
work=$(mktemp --directory)
trap 'rm --recursive --force "$work"' EXIT
own="dotnet $PWD/artifacts/bin/fae.dll"
install() { apt-get install --yes --no-install-recommends "$@" >/dev/null; }

apt-get update >/dev/null
case $system in
win-x64)
    install wine64 gcc-mingw-w64-x86-64-win32
    export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES=mshtml= DOTNET_EnableWriteXorExecute=0
    wine=/usr/lib/wine/wine64
    # .NET wants Windows 10; wine 8 begins with 7. The first start asks for nothing where mscoree is off.
    WINEDLLOVERRIDES="mscoree,mshtml=" "$wine" reg add 'HKCU\Software\Wine' /v Version /d win10 /f >/dev/null
    cat >"$work/prng.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
C
    x86_64-w64-mingw32-gcc -shared -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" "$work/prng.c" -ladvapi32
    other() { "$wine" "$program/fae.exe" "$@" 2> >(grep -v 'DXGI' >&2); }
    path() { printf 'Z:%s' "$1"; }
    ;;
linux-arm64)
    install qemu-user-static
    dpkg --add-architecture arm64
    apt-get update >/dev/null
    (cd "$work" && apt-get download libc6:arm64 libgcc-s1:arm64 libstdc++6:arm64 zlib1g:arm64 libssl3:arm64 2>/dev/null)
    dpkg --remove-architecture arm64
    for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
    export QEMU_LD_PREFIX=$work/root
    other() { qemu-aarch64-static "$program/fae" "$@"; }
    path() { printf '%s' "$1"; }
    ;;
*) echo "$system: no emulator is known; there are win-x64 and linux-arm64" >&2 && exit 2 ;;
esac

other --version
other doctor
$own demo-data --out "$work/data"
small=(--set train.steps=20 --set image.size=64 --set network.width=8 --set network.depth=1)
if [ "$system" = win-x64 ]; then
    other train --config configs/demo.toml --data "$(path "$work/data")" --out "$(path "$work/run")" "${small[@]}"
else
    $own train --config configs/demo.toml --data "$work/data" --out "$work/run" "${small[@]}"
fi

$own inspect --model "$work/run" "$work"/data/test/good --json "$work/own.json"
other inspect --model "$(path "$work/run")" "$(path "$work/data/test/good")" --json "$(path "$work/other.json")"
python3 - "$work/own.json" "$work/other.json" <<'P'
import json, sys
own, other = (json.load(open(path)) for path in sys.argv[1:])
assert len(own) == len(other) > 0, (len(own), len(other))
apart = max(abs(a["score"] / b["score"] - 1) for a, b in zip(own, other))
print(f"{len(own)} pictures, scores at most {apart:.2g} apart")
sys.exit(apart > 1e-3)
P
