#!/usr/bin/env bash
# The repeating tests in full; CI runs the same with small counts. Takes hours on two cores.
#
# usage: lab/long.sh [SECONDS_PER_FUZZ_TARGET]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
BIFOCAL_KILLS=50 BIFOCAL_ALTERATIONS=200 cargo test --release -p bifocal --test it -- --nocapture
scripts/fuzz.sh "${1:-600}"
