#!/usr/bin/env bash
# Sets up everything (Debian packages and cargo tools too) and passes every test; CI runs just this.
# What a machine lacks and cannot install is skipped by name, at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
skipped=()

say "setting up"
if command -v dpkg-query >/dev/null; then
  need_debian build-essential pkg-config ca-certificates git curl python3 python3-venv clang
fi
command -v cargo >/dev/null || { echo "cargo is not installed: install Rust with rustup, then run this again" >&2; exit 2; }
need_tool cargo-deny 0.20.2
need_tool mdbook 0.5.4
# Clients that no Debian package brings; tests against one that cannot be had are skipped by name.
need_uv 0.13.9 || echo "uv cannot be installed" >&2
command -v npm >/dev/null && { need_pnpm 10.34.8 || echo "pnpm cannot be installed" >&2; }

say "versions"
rustc --version
skipped+=("tests against a real gradle (Debian's 4.4 cannot lock dependencies)")
for client in npm pnpm pip uv cargo mvn go git; do
  if command -v "$client" >/dev/null; then
    case $client in go) go version ;; mvn) mvn --version 2>/dev/null | sed -n 1p ;; *) printf '%s ' "$client"; "$client" --version 2>/dev/null | sed -n 1p ;; esac
  else
    skipped+=("tests against the real $client (not installed)")
  fi
done

say "format"
cargo fmt --all --check

say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "tests"
cargo test --workspace --locked --no-fail-fast

say "printed formats against the official schemas"
scripts/validate_formats.sh

say "the lab"
lab/test.sh

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
mdbook build docs --dest-dir "$BIFOCAL_BUILD_CACHE/book"
python3 scripts/check_links.py "$BIFOCAL_BUILD_CACHE/book" README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md

say "dependencies"
cargo deny --all-features --locked check bans licenses sources
if [ -d "${CARGO_DENY_ADVISORY_DB:-/nonexistent}" ]; then
  cargo deny --all-features --locked check advisories --disable-fetch
else
  skipped+=("cargo deny check advisories (set CARGO_DENY_ADVISORY_DB to a local database)")
fi

say "fuzz, in short"
# All targets; lab/long.sh runs them longer.
if ! scripts/fuzz.sh "${BIFOCAL_FUZZ_SECONDS:-3}"; then
  echo "a fuzz target failed" >&2
  exit 1
fi

say "done"
for item in "${skipped[@]:-}"; do [ -z "$item" ] || echo "skipped: $item"; done
