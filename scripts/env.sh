# Shared by the scripts: where build output and tools are kept between runs, outside the clone. Sourced, not run.
: "${BIFOCAL_BUILD_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/bifocal-build}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$BIFOCAL_BUILD_CACHE/target}"
export PATH="$BIFOCAL_BUILD_CACHE/tools/bin:$PATH"
mkdir -p "$BIFOCAL_BUILD_CACHE"

say() { printf '\n== %s\n' "$*"; }

# Debian packages by name; installs only what is missing, and says what it cannot install.
need_debian() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  say "installing ${missing[*]}"
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# A cargo tool at an exact version, kept outside the clone.
need_tool() {
  local name=$1 version=$2
  if "$BIFOCAL_BUILD_CACHE/tools/bin/$name" --version 2>/dev/null | grep -qF "$version"; then return 0; fi
  say "building $name $version"
  CARGO_TARGET_DIR="$BIFOCAL_BUILD_CACHE/tools/target" cargo install --quiet --locked --root "$BIFOCAL_BUILD_CACHE/tools" --version "$version" "$name"
}

# uv at an exact version, from the Python index of this machine, in a folder of its own.
need_uv() {
  local folder="$BIFOCAL_BUILD_CACHE/clients/uv-$1"
  if [ ! -x "$folder/bin/uv" ]; then
    say "installing uv $1"
    rm -rf "$folder"
    python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "uv==$1" || return 1
  fi
  mkdir -p "$BIFOCAL_BUILD_CACHE/tools/bin" && ln -sf "$folder/bin/uv" "$BIFOCAL_BUILD_CACHE/tools/bin/uv"
}

# pnpm at an exact version, from the npm registry of this machine, in a folder of its own.
need_pnpm() {
  local folder="$BIFOCAL_BUILD_CACHE/clients/pnpm-$1"
  if [ ! -x "$folder/node_modules/.bin/pnpm" ]; then
    say "installing pnpm $1"
    rm -rf "$folder"
    mkdir -p "$folder" && npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "pnpm@$1" || return 1
  fi
  mkdir -p "$BIFOCAL_BUILD_CACHE/tools/bin" && ln -sf "$folder/node_modules/.bin/pnpm" "$BIFOCAL_BUILD_CACHE/tools/bin/pnpm"
}
