#!/usr/bin/env bash
# Tests of the lab's own code. The generator's test asks the parsers of five languages; without them it is skipped by name.
set -euo pipefail
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
python3 corpus/test_corpus.py
python3 evaluate/test_evaluate.py
python3 projects/test_check_projects.py
for tool in node javac java gofmt rustfmt; do
  command -v "$tool" >/dev/null || { echo "skipped: inject/test_inject.py ($tool is not installed)"; exit 0; }
done
python3 inject/test_inject.py
