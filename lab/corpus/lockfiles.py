"""Exact releases out of lockfiles and manifests of real applications.

In: the path of a file in a repository (its name decides the form) and its text. Out: (ecosystem, name, version)
tuples of registry releases; links, git and URL dependencies are left out. A file of unknown form gives nothing.
"""
import json
import re
import tomllib

from split import normalise

EXACT_NPM = re.compile(r"^\d+\.\d+\.\d+[-+.0-9A-Za-z]*$")
EXACT_PYPI = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([0-9][0-9A-Za-z.!+_-]*)")
FOREIGN = re.compile(r"^(?:git|https?|file|link|portal|patch|workspace|github|exec)[+:@]")


def package_lock(text):
    data = json.loads(text)
    for key, entry in data.get("packages", {}).items():
        name = entry.get("name") or key.rpartition("node_modules/")[2]
        if "node_modules/" in key and not entry.get("link") and EXACT_NPM.match(str(entry.get("version", ""))):
            if not FOREIGN.match(entry.get("resolved", "")) or entry.get("resolved", "").endswith(".tgz"):
                yield "npm", name, entry["version"]
    stack = [data.get("dependencies", {})] if "packages" not in data else []
    while stack:
        for name, entry in stack.pop().items():
            if isinstance(entry, dict):
                if EXACT_NPM.match(str(entry.get("version", ""))):
                    yield "npm", name, entry["version"]
                if isinstance(entry.get("dependencies"), dict):
                    stack.append(entry["dependencies"])


def yarn_lock(text):
    """Both forms: `name@range:` with `version "1.0.0"`, and `"name@npm:range":` with `resolution`."""
    name = None
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            head = line.rstrip(":").split(",")[0].strip().strip('"')
            name, _, spec = head[1:].partition("@")
            name = head[0] + name
            alias = re.match(r"^npm:(@?[^@]+)@", spec)
            name = alias.group(1) if alias else None if FOREIGN.match(spec) else name
        elif match := re.match(r'^  version:? "?([^"\s]+)"?$', line):
            if name and EXACT_NPM.match(match.group(1)):
                yield "npm", name, match.group(1)


def pnpm_lock(text):
    """Keys of `packages:` over the forms `/name/1.0.0_peer`, `/name@1.0.0(peer)` and `name@1.0.0`."""
    inside = False
    for line in text.splitlines():
        if line and not line.startswith(" "):
            inside = line.startswith("packages:")
        elif inside and (match := re.match(r"^  '?/?((?:@[^/@]+/)?[^/@'\s(]+)[@/](\d[^('_:\s]*)", line)):
            if EXACT_NPM.match(match.group(2)):
                yield "npm", match.group(1), match.group(2)


def poetry_or_uv(text):
    for entry in tomllib.loads(text).get("package", []):
        source = entry.get("source") or {}
        if source.get("type") in ("git", "directory", "file", "url", "legacy") or set(source) & {"git", "editable", "virtual", "directory", "url", "path"}:
            continue
        if "version" in entry:
            yield "pypi", entry["name"], entry["version"]


def pipfile_lock(text):
    data = json.loads(text)
    for section in ("default", "develop"):
        for name, entry in data.get(section, {}).items():
            if isinstance(entry, dict) and str(entry.get("version", "")).startswith("=="):
                yield "pypi", name, entry["version"][2:]


def requirements(text):
    for line in text.splitlines():
        if match := EXACT_PYPI.match(line):
            yield "pypi", match.group(1), match.group(2)


def integration_manifest(text):
    """A home-automation integration's manifest.json: `requirements` with exact pins."""
    for line in json.loads(text).get("requirements", []):
        if match := EXACT_PYPI.match(line):
            yield "pypi", match.group(1), match.group(2)


def cargo_lock(text):
    for entry in tomllib.loads(text).get("package", []):
        if entry.get("source", "").startswith("registry+") and "checksum" in entry:
            yield "cargo", entry["name"], entry["version"]


def go_mod(text):
    replaced = set(re.findall(r"^\s*(?:replace\s+)?(\S+)(?:\s+v\S+)?\s+=>", text, re.M))
    for name, version in re.findall(r"^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]+/\S+|[a-z0-9.-]+\.[a-z]+)\s+(v\d\S*)", text, re.M):
        if name not in replaced:
            yield "golang", name, version


READERS = {
    "package-lock.json": package_lock, "npm-shrinkwrap.json": package_lock, "yarn.lock": yarn_lock, "pnpm-lock.yaml": pnpm_lock,
    "poetry.lock": poetry_or_uv, "uv.lock": poetry_or_uv, "pdm.lock": poetry_or_uv, "Pipfile.lock": pipfile_lock, "manifest.json": integration_manifest,
    "Cargo.lock": cargo_lock, "go.mod": go_mod,
}


def reader_for(path):
    base = path.rpartition("/")[2]
    if re.match(r"^(?:.*[-_.])?(?:requirements|constraints)[^/]*\.txt$", base):
        return requirements
    return READERS.get(base)


def releases(path, text):
    """The set of normalised releases that a file pins; a file that cannot be read gives an empty set."""
    reader = reader_for(path)
    try:
        return {(eco, normalise(eco, name), version) for eco, name, version in reader(text)} if reader else set()
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()
