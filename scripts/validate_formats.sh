#!/usr/bin/env bash
# Validates printed SARIF and CycloneDX documents (*.sarif, *.cdx.json) against the official schemas.
#
#   scripts/validate_formats.sh [FOLDER]     the default is where the command's tests put theirs
#
# The schemas come out of published packages through their ordinary clients: OASIS's from the crate serde-sarif, ECMA's
# from the Python package cyclonedx-python-lib. Both are kept in the build cache, outside the clone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
folder=${1:-$CARGO_TARGET_DIR/tmp/formats}
place=$BIFOCAL_BUILD_CACHE/schemas
sarif=0.8.0 cyclonedx=11.12.0 jsonschema=4.26.0

if [ "$(cat "$place/venv/versions" 2>/dev/null)" != "$cyclonedx $jsonschema" ]; then
  rm -rf "$place/venv"
  python3 -m venv "$place/venv"
  "$place/venv/bin/pip" install --quiet --disable-pip-version-check "cyclonedx-python-lib[json-validation]==$cyclonedx" "jsonschema==$jsonschema"
  echo "$cyclonedx $jsonschema" >"$place/venv/versions"
fi

mkdir -p "$place/sarif/src"
: >"$place/sarif/src/lib.rs"
printf '[package]\nname = "schemas"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nserde-sarif = "=%s"\n[workspace]\n' "$sarif" >"$place/sarif/Cargo.toml"
manifest=$(cargo metadata --quiet --format-version 1 --manifest-path "$place/sarif/Cargo.toml" |
  python3 -c 'import json,sys; print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "serde-sarif"))')

"$place/venv/bin/python" scripts/validate_formats.py "$(dirname "$manifest")/src/schema.json" "$folder"
