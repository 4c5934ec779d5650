#!/usr/bin/env bash
# Runs the published program of another system under an emulator and compares its scores with those of this machine's program.
# Usage: tests/platforms.sh win-x64 | linux-arm64
# Needs `dotnet fsi build.fsx Build`, `Pack` and `Publish SYSTEM`, and root.
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
    export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES=mshtml= DOTNET_EnableWriteXorExecute=0 KMP_AFFINITY=disabled
    wine=/usr/lib/wine/wine64
    # .NET wants Windows 10; wine 8 begins with 7. The first start asks for nothing where mscoree is off.
    WINEDLLOVERRIDES="mscoree,mshtml=" "$wine" reg add 'HKCU\Software\Wine' /v Version /d win10 /f >/dev/null
    cat >"$work/prng.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, (ULONG)size); }
C
    x86_64-w64-mingw32-gcc -shared -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" "$work/prng.c" -ladvapi32
    other() { "$wine" "$program/fae.exe" "$@" 2> >(grep --text --invert-match DXGI >&2); }
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

[ "$system" = win-x64 ] || exit 0
# System.Drawing works under Windows alone.
mkdir "$work/drawing"
cat >"$work/drawing/drawing.csproj" <<X
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <RestoreAdditionalProjectSources>$PWD/artifacts/packages</RestoreAdditionalProjectSources>
    <RestorePackagesPath>$work/drawing/packages</RestorePackagesPath>
  </PropertyGroup>
  <ItemGroup>
    <Compile Include="$PWD/tests/platforms/SystemDrawing.cs" />
    <PackageReference Include="Fae.SystemDrawing" Version="*" />
  </ItemGroup>
</Project>
X
dotnet publish "$work/drawing" --runtime win-x64 --self-contained --output "$work/drawing/out" --verbosity quiet --nologo
picture=$(find "$work/data/test" -name '*.png' | head --lines 1)
timeout 120 "$wine" "$work/drawing/out/drawing.exe" "$(path "$work/run")" "$(path "$picture")" |
    grep --text 'scores as from the file' # wine's exit code of a program that crashes is 0

# As a Windows service: registered, started, asked, stopped in order; one that cannot work stops with an exit code that starts it again.
# Services get their environment from the registry, when wine's service manager starts.
"$wine" reg add 'HKLM\System\CurrentControlSet\Control\Session Manager\Environment' /v DOTNET_EnableWriteXorExecute /d 0 /f >/dev/null
"${wine%/*}/wineserver" --kill && sleep 2
serve="$(path "$program/fae.exe") serve --model $(path "$work/run") --port 8991"
"$wine" sc create Fae binPath= "$serve" && "$wine" sc create Broken binPath= "$serve --history $(path "$work/own.json")"
"$wine" cmd /c 'ping -n 120 127.0.0.1' >/dev/null & # wine ends its services with its last program
exit_code() { "$wine" sc query "$1" | tr -d '\r' | awk '$1 == "STATE" { state = $4 } $1 == "WIN32_EXIT_CODE" { print state, $3 }'; }
"$wine" net start Fae
curl --silent --fail --retry 20 --retry-all-errors http://127.0.0.1:8991/ready
echo " as a service"
"$wine" net stop Fae
[ "$(exit_code Fae)" = "STOPPED 0" ] || { echo "stopped service: $(exit_code Fae)" >&2 && exit 1; }
"$wine" net start Broken
for _ in 1 2 3 4 5 6 7 8 9; do [ "$(exit_code Broken)" = "STOPPED 1" ] && break; sleep 1; done
[ "$(exit_code Broken)" = "STOPPED 1" ] || { echo "service that cannot work: $(exit_code Broken)" >&2 && exit 1; }
kill %1 && "${wine%/*}/wineserver" --kill
echo "services start, stop in order, and say that they failed"
