#!/usr/bin/env bash
# The repeating tests in full; CI runs the same with small counts. Takes hours on two cores.
#
# usage: lab/long.sh [SECONDS_PER_FUZZ_TARGET [EXECUTIONS_PER_PARSER_FRONT]]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
BIFOCAL_KILLS=50 BIFOCAL_ALTERATIONS=200 cargo test --release -p bifocal --test it -- --nocapture
scripts/fuzz.sh "${1:-600}"
# The fronts that read code of packages, by count: what runs on every artifact must have seen a million inputs.
scripts/fuzz.sh "${2:-1000000}x" 'parse_*'
