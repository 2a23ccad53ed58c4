#!/usr/bin/env bash
# Trains the risk model anew: features, training, thresholds, data file, card, out-of-fold scores. One command:
#
#   lab/model/retrain.sh --data DIR --malicious MANIFEST --work DIR [--more FOLDER]... [--twins] [--names ECOSYSTEM=N]... [--again]
#       [--least-hold RISK] [--compare]
#
# DIR is the lab's data folder (lab/README.md). Read are the malicious archives of the manifest, the benign releases of the
# tuning part and, with --twins and for the report alone, the trojanised twins of the tuning part; what is kept aside is never opened.
# --more: a folder with further benign releases of the tuning part; its manifest.jsonl has the form of that of the benign
# releases, with paths relative to the folder. Every name is checked against the split.
# --names: of the tuning part only N names of that ecosystem, those with the lowest digests, where time is short.
# --again: takes the out-of-fold margins of the last run on the same rows; only how thresholds are set has changed.
# Archives are read as bytes by confined children of the `features` program and never run. Features that the same code
# measured on the same files are not measured again. --compare shows several forms of model and sets of features instead of
# training one. The model is fitted once with the floor --least-hold under every hold; then the fixtures are scored, and where
# a benign one that acts lies higher, the thresholds are set again above it.
# PYTHON names an interpreter with the packages of requirements.txt; without it one is set up in the work folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); root=$(cd "$here/../.." && pwd)
compare=no; twins=no; least=0; work=; malicious=; data=; more=(); names=(); again=(); jobs=${JOBS:-2}
while [ $# -gt 0 ]; do
  case "$1" in
    --malicious) malicious=$2; shift 2;;
    --data) data=$2; shift 2;;
    --work) work=$2; shift 2;;
    --more) more+=("$2"); shift 2;;
    --names) names+=("$2"); shift 2;;
    --least-hold) least=$2; shift 2;;
    --again) again=(--again); shift;;
    --twins) twins=yes; shift;;
    --compare) compare=yes; shift;;
    *) echo "retrain.sh: unknown argument $1; read the head of this file" >&2; exit 2;;
  esac
done
[ -n "$work" ] && [ -n "$malicious" ] && [ -n "$data" ] || { sed -n '2,18p' "$0" >&2; exit 2; }
mkdir -p "$work"
python=${PYTHON:-$work/venv/bin/python}
[ -x "$python" ] || { python3 -m venv "$work/venv"; "$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"; }
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

(cd "$root" && cargo build --quiet --release -p bifocal-behaviour --example features)
program=${CARGO_TARGET_DIR:-$root/target}/release/examples/features
"$program" --names > "$work/names.json"
"$python" - "$malicious" "$data" "$work" "${names[*]}" "${more[@]}" <<'PYTHON'
import hashlib, json, pathlib, sys
malicious, data, work = map(pathlib.Path, sys.argv[1:4])
most, more = dict(pair.split("=") for pair in sys.argv[4].split()), [pathlib.Path(folder) for folder in sys.argv[5:]]
rows = lambda path: [json.loads(line) for line in path.read_text().splitlines()]
tune = [row for row in rows(data / "benign/manifest.jsonl") if row["set"] == "tune"]
for ecosystem, number in most.items():
    ranked = sorted({row["name"] for row in tune if row["ecosystem"] == ecosystem}, key=lambda name: hashlib.sha256(f"some-v1:{name}".encode()).digest())
    wanted = set(ranked[:int(number)])
    tune = [row for row in tune if row["ecosystem"] != ecosystem or row["name"] in wanted]
lists = {
    "malicious": [data / "malicious-dev" / row["path"] for row in rows(malicious)],
    "tune": [data / "benign" / row["path"] for row in tune],
    "more": [folder / row["path"] for folder in more for row in rows(folder / "manifest.jsonl") if row["set"] == "tune"],
    "injected": [data / row["path"] for row in rows(data / "pairs-injected/manifest.jsonl") if row["set"] == "tune" and row["family"] == "TUNE"],
}
for name, paths in lists.items():
    (work / f"{name}.list").write_text("".join(f"{path}\n" for path in paths))
PYTHON
# What the features rest on is the code that measures, not the model or the time at which the program was built.
code=$(cd "$root" && git ls-files -z 'crates/core/src/*' 'crates/sandbox/src/*' 'crates/machine-lens/*/src/*' Cargo.lock | xargs -0 sha256sum | sha256sum)
populations=(malicious more tune); [ $twins = no ] || populations+=(injected)
for population in "${populations[@]}"; do
  stamp="$code $(sha256sum < "$work/$population.list")"
  if [ -f "$work/$population.jsonl" ] && [ "$(cat "$work/$population.of" 2>/dev/null)" = "$stamp" ]; then continue; fi
  # A run that was cut off is taken up where it stopped.
  [ "$(cat "$work/$population.partial.of" 2>/dev/null)" = "$stamp" ] || rm -f "$work/$population.partial"
  echo "$stamp" > "$work/$population.partial.of"
  "$python" - "$work/$population" <<'PYTHON'
import json, pathlib, sys
partial, wanted, rest = (pathlib.Path(f"{sys.argv[1]}.{end}") for end in ("partial", "list", "rest"))
whole = [line for line in (partial.read_text().splitlines(True) if partial.exists() else []) if line.endswith("}\n")]
partial.write_text("".join(whole))
done = {json.loads(line)["path"] for line in whole}
rest.write_text("".join(f"{path}\n" for path in wanted.read_text().splitlines() if path not in done))
PYTHON
  "$program" --jobs "$jobs" --files-from "$work/$population.rest" >> "$work/$population.partial"
  mv "$work/$population.partial" "$work/$population.jsonl"
  mv "$work/$population.partial.of" "$work/$population.of"
done
common=(--names "$work/names.json" --malicious "$malicious" --malicious-root "$data/malicious-dev" --benign "$data/benign/manifest.jsonl"
  --benign-root "$data/benign" --features "$work/malicious.jsonl" --features "$work/tune.jsonl" --features "$work/more.jsonl")
for folder in "${more[@]}"; do common+=(--more "$folder"); done
if [ $compare = yes ]; then
  exec "$python" "$here/train.py" compare "${common[@]}"
fi
report=()
[ $twins = no ] || report=(--injected "$work/injected.jsonl" --injected-manifest "$data/pairs-injected/manifest.jsonl" --injected-root "$data")
model=$root/crates/machine-lens/behaviour/model
fit() { # FLOOR [--again]
  "$python" "$here/train.py" fit "${common[@]}" --out "$model" --scores "$work/scores.jsonl" --report "$work/report.json" \
    --margins "$work/margins.npz" "${report[@]}" --least-hold "$@"
  "$python" "$here/card.py" "$work/report.json" > "$root/docs/src/reference/risk-score.md"
}
fit "$least" "${again[@]}"
# The highest risk of a benign fixture that acts by itself; the test that prints it fails where that lies above a threshold.
printed=$(cd "$root" && cargo test --quiet -p bifocal-behaviour --test it fixtures -- --nocapture 2>&1 || true)
highest=$(sed -n 's/.*highest risk of a benign fixture that the score rates as malware: \([0-9.]*\).*/\1/p' <<< "$printed" | head -1)
[ -n "$highest" ] || { echo "$printed" | tail -40 >&2; echo "retrain.sh: the fixtures' test did not print the highest risk of a benign case" >&2; exit 1; }
if awk "BEGIN { exit !($highest > $least) }"; then fit "$highest" --again; fi
(cd "$root" && cargo test --quiet -p bifocal-behaviour --lib model && cargo test --quiet -p bifocal-behaviour --test it fixtures)
echo "retrained: $(cat "$model/version"); commit the data file, the version and the card"
