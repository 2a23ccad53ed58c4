#!/usr/bin/env bash
# Runs fuzz targets: scripts/fuzz.sh [SECONDS] [TARGET...]
#
# SECONDS for each target (default 30); all targets of fuzz/Cargo.toml when none is named. A long run:
#   scripts/fuzz.sh 3600
# Needs no nightly: the coverage passes are built into stable rustc, libFuzzer comes with libfuzzer-sys and needs a C++
# compiler. FUZZ_SANITIZER=address runs through `cargo +nightly fuzz` instead, for targets with C code under them.
# What was found lies in fuzz/artifacts/TARGET/, what was learnt in fuzz/corpus/TARGET/; both stay out of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

seconds=30
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(sed -n '/^\[\[bin\]\]/,/^path/s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)
fi

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

run() {
  local target=$1
  mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target" "fuzz/seeds/$target"
  local options=(-max_total_time="$seconds" -timeout=30 -rss_limit_mb=3072 -print_final_stats=1 -artifact_prefix="fuzz/artifacts/$target/")
  # The largest seed sets the length, unless it is small.
  options+=(-max_len=65536)
  if [ -n "${FUZZ_SANITIZER:-}" ]; then
    cargo +nightly fuzz run --sanitizer "$FUZZ_SANITIZER" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- "${options[@]}"
  else
    "$CARGO_TARGET_DIR/$host/release/$target" "${options[@]}" "fuzz/corpus/$target" "fuzz/seeds/$target"
  fi
}

[ -n "${FUZZ_SANITIZER:-}" ] || build
failed=()
for target in "${targets[@]}"; do
  say "$target for $seconds s"
  log=$(mktemp)
  if run "$target" >"$log" 2>&1; then
    grep -E 'cov:|stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$log" | tail -4
  else
    tail -40 "$log"
    failed+=("$target")
  fi
  rm -f "$log"
done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'fuzzing found something in: %s (inputs in fuzz/artifacts)\n' "${failed[*]}" >&2
  exit 1
fi
say "nothing found"
