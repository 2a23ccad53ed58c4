#!/usr/bin/env bash
# Sets up what the build needs, builds Bifocal and checks the example project: five ecosystems, real releases, fetched
# from the registries that this machine's own clients use.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
if command -v dpkg-query >/dev/null; then need_debian build-essential pkg-config ca-certificates; fi
command -v cargo >/dev/null || { echo "cargo is not installed: install Rust with rustup, then run this again" >&2; exit 2; }
say "building bifocal (several minutes the first time)"
cargo build --release --locked -p bifocal
say "bifocal check examples/shop"
set +e
# A variable of these scripts is none of the program's, which refuses those that it does not know.
env -u BIFOCAL_BUILD_CACHE "$CARGO_TARGET_DIR/release/bifocal" check examples/shop "$@"
code=$?
say "the program is at $CARGO_TARGET_DIR/release/bifocal (exit code $code)"
exit $code
