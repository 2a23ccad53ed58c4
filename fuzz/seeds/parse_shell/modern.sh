#!/usr/bin/env bash
set -euo pipefail; x=${1:-$(uname -s | tr A-Z a-z)} y=`echo "a\`b\`"` z=$((1 + 2)) a=(1 "2" [5]=x)
cat <<-'EOF' | sed "s/a/$x/" >> "${HOME}/.x" 2>&1 &
	$not
	EOF
if [[ -f $y && "$x" =~ ^a.*$ ]]; then case "$z" in a|b) : ;; *) exit 1 ;;& esac; elif ! command -v curl; then true; fi
f() { local IFS=,; for i in "$@" {1..3}; do printf %s "$i" || break; done; while read -r l; do eval "$l"; done < <(cat); }
curl -fsSL "https://example.com/${x}.sh" -o- | sh -s -- -y; echo ZWNobyBoaQo= | base64 -d | bash
python3 -c 'import os; os.system("echo")'; node -e "require('fs')"; trap 'rm -f "$t"' EXIT INT; (cd / && exec 3<>/dev/tcp/192.0.2.1/80)
