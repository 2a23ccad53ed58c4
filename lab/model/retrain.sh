#!/usr/bin/env bash
# Trains the risk model anew: features, training, data file, card, snapshot. One command:
#
#   lab/model/retrain.sh --malicious MANIFEST DIR --benign MANIFEST DIR --work DIR [--kept] [--compare]
#
# Malicious archives are read as bytes by confined children of the `features` program and never run. --kept also counts on
# the part that was kept aside: once for each release of the model, never while tuning. --compare shows several forms of
# model instead of training one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../.." && pwd)
kept=no; compare=no; work=; malicious=; benign=; jobs=${JOBS:-2}
while [ $# -gt 0 ]; do
  case "$1" in
    --malicious) malicious=$2; malicious_root=$3; shift 3;;
    --benign) benign=$2; benign_root=$3; shift 3;;
    --work) work=$2; shift 2;;
    --kept) kept=yes; shift;;
    --compare) compare=yes; shift;;
    *) echo "retrain.sh: unknown argument $1; read the head of this file" >&2; exit 2;;
  esac
done
[ -n "$work" ] && [ -n "$malicious" ] && [ -n "$benign" ] || { sed -n '2,9p' "$0" >&2; exit 2; }
mkdir -p "$work"
python=$work/venv/bin/python
[ -x "$python" ] || { python3 -m venv "$work/venv"; "$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"; }
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

features() { (cd "$root" && cargo build --quiet --release -p bifocal-behaviour --example features); }
program=${CARGO_TARGET_DIR:-$root/target}/release/examples/features
features
"$program" --names > "$work/names.json"
# list SET OUT: the paths of a population, one a line.
list() {
  "$python" - "$1" "$malicious" "$malicious_root" "$benign" "$benign_root" <<'PYTHON'
import json, pathlib, sys
wanted, malicious, malicious_root, benign, benign_root = sys.argv[1:]
if wanted == "malicious":
    for line in open(malicious):
        print(pathlib.Path(malicious_root) / json.loads(line)["path"])
else:
    for line in open(benign):
        entry = json.loads(line)
        if entry["set"] == wanted:
            print(pathlib.Path(benign_root) / entry["path"])
PYTHON
}
for population in malicious tune; do
  list $population > "$work/$population.list"
  "$program" --jobs "$jobs" --files-from "$work/$population.list" > "$work/$population.jsonl"
done
common=(--names "$work/names.json" --malicious "$malicious" --malicious-root "$malicious_root" --benign "$benign" --benign-root "$benign_root"
  --features "$work/malicious.jsonl" --features "$work/tune.jsonl" --out "$root/crates/machine-lens/behaviour/model")
if [ $compare = yes ]; then
  exec "$python" "$here/train.py" compare "${common[@]}"
fi
"$python" "$here/train.py" fit "${common[@]}" --scores "$work/scores.jsonl" --report "$work/report.json"
if [ $kept = yes ]; then
  features
  list kept > "$work/kept.list"
  "$program" --jobs "$jobs" --files-from "$work/kept.list" > "$work/kept.jsonl"
  "$python" "$here/train.py" kept --names "$work/names.json" --features "$work/kept.jsonl" --benign "$benign" --benign-root "$benign_root" \
    --out "$root/crates/machine-lens/behaviour/model" --scores "$work/scores.jsonl" --report "$work/kept.json"
fi
"$python" "$here/write_card.py" "$work/report.json" "$work/kept.json" > "$root/docs/src/reference/risk-score.md"
(cd "$root" && INSTA_UPDATE=always cargo test --quiet -p bifocal-behaviour model)
echo "retrained: $(cat "$root/crates/machine-lens/behaviour/model/version")"
