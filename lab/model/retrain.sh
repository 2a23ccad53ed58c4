#!/usr/bin/env bash
# Trains the risk model anew: features, training, thresholds, data file, card, out-of-fold scores. One command:
#
#   lab/model/retrain.sh --data DIR --malicious MANIFEST --work DIR [--least-hold RISK] [--compare]
#
# DIR is the lab's data folder (lab/README.md). Read are the malicious archives of the manifest, the benign releases of the
# tuning part and, for the report alone, the trojanised twins of the tuning part; what is kept aside is never opened.
# Archives are read as bytes by confined children of the `features` program and never run. Features that are newer than
# that program are not measured again. --compare shows several forms of model and sets of features instead of training one.
# --least-hold: no threshold of a hold lies below this risk; the fixtures' test, which runs last, prints the highest of a benign case.
# PYTHON names an interpreter with the packages of requirements.txt; without it one is set up in the work folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../.." && pwd)
compare=no; least=0; work=; malicious=; data=; jobs=${JOBS:-2}
while [ $# -gt 0 ]; do
  case "$1" in
    --malicious) malicious=$2; shift 2;;
    --data) data=$2; shift 2;;
    --work) work=$2; shift 2;;
    --least-hold) least=$2; shift 2;;
    --compare) compare=yes; shift;;
    *) echo "retrain.sh: unknown argument $1; read the head of this file" >&2; exit 2;;
  esac
done
[ -n "$work" ] && [ -n "$malicious" ] && [ -n "$data" ] || { sed -n '2,11p' "$0" >&2; exit 2; }
mkdir -p "$work"
python=${PYTHON:-$work/venv/bin/python}
[ -x "$python" ] || { python3 -m venv "$work/venv"; "$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"; }
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

(cd "$root" && cargo build --quiet --release -p bifocal-behaviour --example features)
program=${CARGO_TARGET_DIR:-$root/target}/release/examples/features
"$program" --names > "$work/names.json"
"$python" - "$malicious" "$data" "$work" <<'PYTHON'
import json, pathlib, sys
malicious, data, work = map(pathlib.Path, sys.argv[1:])
rows = lambda path: [json.loads(line) for line in path.read_text().splitlines()]
lists = {
    "malicious": [data / "malicious-dev" / row["path"] for row in rows(malicious)],
    "tune": [data / "benign" / row["path"] for row in rows(data / "benign/manifest.jsonl") if row["set"] == "tune"],
    "injected": [data / row["path"] for row in rows(data / "pairs-injected/manifest.jsonl") if row["set"] == "tune" and row["family"] == "TUNE"],
}
for name, paths in lists.items():
    (work / f"{name}.list").write_text("".join(f"{path}\n" for path in paths))
PYTHON
for population in malicious tune injected; do
  if [ "$work/$population.jsonl" -nt "$program" ] && [ "$(wc -l < "$work/$population.jsonl")" = "$(wc -l < "$work/$population.list")" ]; then continue; fi
  "$program" --jobs "$jobs" --files-from "$work/$population.list" > "$work/$population.partial"
  mv "$work/$population.partial" "$work/$population.jsonl"
done
common=(--names "$work/names.json" --malicious "$malicious" --malicious-root "$data/malicious-dev" --benign "$data/benign/manifest.jsonl"
  --benign-root "$data/benign" --features "$work/malicious.jsonl" --features "$work/tune.jsonl")
if [ $compare = yes ]; then
  exec "$python" "$here/train.py" compare "${common[@]}"
fi
"$python" "$here/train.py" fit "${common[@]}" --out "$root/crates/machine-lens/behaviour/model" --scores "$work/scores.jsonl" --report "$work/report.json" --least-hold "$least" \
  --injected "$work/injected.jsonl" --injected-manifest "$data/pairs-injected/manifest.jsonl" --injected-root "$data"
"$python" "$here/card.py" "$work/report.json" > "$root/docs/src/reference/risk-score.md"
(cd "$root" && cargo test --quiet -p bifocal-behaviour --lib model && cargo test --quiet -p bifocal-behaviour --test it fixtures -- --nocapture)
echo "retrained: $(cat "$root/crates/machine-lens/behaviour/model/version"); commit the data file, the version and the card"
