#!/usr/bin/env bash
# Runs fuzz targets: scripts/fuzz.sh [SECONDS|EXECUTIONSx] [TARGET...]
#
# SECONDS for each target (default 30), or a number of executions (1000000x); all targets of fuzz/Cargo.toml when none is
# named; a TARGET may be a pattern. Long runs:
#   scripts/fuzz.sh 3600
#   scripts/fuzz.sh 1000000x 'parse_*'
# Needs no nightly: the coverage passes are built into stable rustc, libFuzzer comes with libfuzzer-sys and needs a C++
# compiler. FUZZ_SANITIZER=address runs through `cargo +nightly fuzz` instead, for targets with C code under them.
# What was found lies in fuzz/artifacts/TARGET/, what was learnt in fuzz/corpus/TARGET/; both stay out of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

amount=30
if [[ "${1:-}" =~ ^[0-9]+x?$ ]]; then
  amount=$1
  shift
fi
mapfile -t all < <(sed -n '/^\[\[bin\]\]/,/^path/s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)
targets=()
for pattern in "${@:-*}"; do
  matched=no
  for target in "${all[@]}"; do
    # shellcheck disable=SC2053 # the right side is a pattern
    if [[ "$target" == $pattern ]]; then targets+=("$target"); matched=yes; fi
  done
  [ $matched = yes ] || { echo "no fuzz target matches $pattern" >&2; exit 2; }
done

export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/fuzz"
host=$(rustc -vV | sed -n 's/^host: //p')
flags=(
  -Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
  -Clink-dead-code
  --cfg fuzzing
)

build() {
  say "building ${#targets[@]} fuzz targets"
  local bins=()
  for target in "${targets[@]}"; do bins+=(--bin "$target"); done
  # With --target, build scripts and macros are not instrumented.
  RUSTFLAGS="${flags[*]}" cargo build --quiet --release --locked --manifest-path fuzz/Cargo.toml --target "$host" "${bins[@]}"
}

# Seeds beside those of fuzz/seeds: the detectors' fixtures, by what they are written in.
gather() {
  local target=$1 folder=$2 endings=()
  case $target in
    parse_javascript | peel_script) endings=(js ts mjs cjs) ;;
    parse_python) endings=(py pth) ;;
    parse_rust) endings=(rs) ;;
    parse_go) endings=(go) ;;
    parse_jvm) endings=(class) ;;
    parse_shell) endings=(sh) ;;
    parse_powershell) endings=(ps1) ;;
  esac
  for ending in "${endings[@]}"; do
    find crates -path '*/fixtures/*' -name "*.$ending" -type f
  done | while read -r file; do cp "$file" "$folder/$(printf %s "$file" | tr / -)"; done
}

run() {
  local target=$1 gathered=$2
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target" "fuzz/seeds/$target"
  gather "$target" "$gathered"
  local options=(-timeout=30 -rss_limit_mb=3072 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/")
  case $amount in *x) options+=(-runs="${amount%x}") ;; *) options+=(-max_total_time="$amount") ;; esac
  # The largest seed sets the length, unless it is small.
  options+=(-max_len=65536)
  local folders=("fuzz/corpus/$target" "fuzz/seeds/$target" "$gathered")
  if [ -n "${FUZZ_SANITIZER:-}" ]; then
    cargo +nightly fuzz run --sanitizer "$FUZZ_SANITIZER" "$target" "${folders[@]}" -- "${options[@]}"
  else
    "$CARGO_TARGET_DIR/$host/release/$target" "${options[@]}" "${folders[@]}"
  fi
}

[ -n "${FUZZ_SANITIZER:-}" ] || build
failed=()
for target in "${targets[@]}"; do
  case $amount in *x) say "$target, ${amount%x} executions" ;; *) say "$target for $amount s" ;; esac
  log=$(mktemp)
  gathered=$(mktemp -d)
  if run "$target" "$gathered" >"$log" 2>&1; then
    grep -E 'cov:|stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$log" | tail -4
  else
    tail -40 "$log"
    failed+=("$target")
  fi
  rm -rf "$log" "$gathered"
done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'fuzzing found something in: %s (inputs in fuzz/artifacts)\n' "${failed[*]}" >&2
  exit 1
fi
say "nothing found"
