# fae serve as a Windows service; run as administrator. See docs/guide/services.md.
param(
    [string] $Program = "C:\Program Files\Fae\fae.exe",
    [string] $Model = "C:\ProgramData\Fae\model.safetensors",
    [int] $Port = 8080
)

$ErrorActionPreference = "Stop"
$command = "`"$Program`" serve --model `"$Model`" --port $Port --history C:\ProgramData\Fae\history.sqlite --log text"
New-Service -Name "Fae" -BinaryPathName $command -DisplayName "Fae visual anomaly detection" -StartupType Automatic
# Started again 5 seconds after a crash or an exit code other than 0; the count of failures begins anew each day.
sc.exe failure Fae reset= 86400 actions= restart/5000/restart/5000/restart/60000
sc.exe failureflag Fae 1
Start-Service -Name "Fae"
