#!/usr/bin/env python3
"""Names and versions of the benign population: what real applications pin.

usage: collect.py --out releases.jsonl [--clone DIR …] [--wheel FILE …]

--clone  a folder of bare clones named owner+repo (git directory in it or in repo/); lockfiles are read out of the
         newest commit with git, nothing is checked out or run. Test folders are left out: their lockfiles are made up.
--wheel  an application's own wheel whose integrations carry manifest.json files with pinned requirements.

One line a package name, the newest of the pinned versions: {"ecosystem","name","version","bucket","set","source","applications"}.
Names of buckets 65-99 are dropped here, so that no later step can download one.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict

import lockfiles
import split

MADE_UP = re.compile(r"(^|/)(tests?|__tests__|fixtures?|testdata|mocks?|mock_packages|smoke-tests|syntax-tests|examples?-broken)(/|$)")
MANIFEST_FOLDER = re.compile(r"^(homeassistant/components|music_assistant/providers|custom_components)/[^/]+/manifest\.json$")


def natural(version):
    """A rough version order that is good enough to prefer the newer pin; pre-releases sort below their release."""
    return [(1, int(piece), "") if piece.isdigit() else (0, 0, piece) for piece in re.findall(r"\d+|[A-Za-z]+", version)] + [(0.5, 0, "")]


def of_clone(folder):
    """(source, releases) of a bare clone: every lockfile of its newest commit."""
    git = next((path for path in (folder / "repo" / ".git", folder / "repo", folder) if (path / "HEAD").is_file()), None)
    if git is None:
        return None, set()
    run = lambda *args: subprocess.run(["git", f"--git-dir={git}", *args], capture_output=True, check=True).stdout
    commit = run("rev-parse", "HEAD").decode().strip()
    found = set()
    for line in run("ls-tree", "-r", "-l", "-z", "HEAD").split(b"\0"):
        if not line:
            continue
        meta, _, path = line.partition(b"\t")
        path = path.decode(errors="replace")
        size = meta.split()[3]
        if lockfiles.reader_for(path) and not MADE_UP.search(path) and size.isdigit() and int(size) < 20_000_000:
            if path.endswith("manifest.json") and not MANIFEST_FOLDER.match(path):
                continue
            try:
                text = run("show", f"HEAD:{path}").decode(errors="replace")
            except subprocess.CalledProcessError:  # a large file that the snapshot lacks
                continue
            found |= lockfiles.releases(path, text)
    return f"{folder.name.replace('+', '/')}@{commit[:12]}", found


def of_wheel(path):
    """(source, releases) of an application's wheel with integration manifests."""
    found = set()
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            if MANIFEST_FOLDER.match(name) or name.endswith("package_constraints.txt"):
                found |= lockfiles.releases(name, wheel.read(name).decode(errors="replace"))
    return path.name, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--clone", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--wheel", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--extra", action="append", default=[], type=pathlib.Path, help="lines {source, ecosystem, name, version} of a client's own resolution")
    args = parser.parse_args()
    sources = [of_clone(folder) for root in args.clone for folder in sorted(root.iterdir()) if folder.is_dir()]
    sources += [of_wheel(path) for path in args.wheel]
    extra = defaultdict(set)
    for path in args.extra:
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            extra[entry["source"]].add((entry["ecosystem"], split.normalise(entry["ecosystem"], entry["name"]), entry["version"]))
    sources += sorted(extra.items())
    seen = defaultdict(dict)
    for source, found in sources:
        if source:
            print(f"{source}: {dict(Counter(eco for eco, _, _ in found))}", file=sys.stderr)
        for eco, name, version in found:
            seen[eco, name].setdefault(version, source)
            seen[eco, name].setdefault(None, set()).add(source)
    counts = Counter()
    with args.out.open("w") as out:
        for (eco, name), versions in sorted(seen.items()):
            counts[eco, split.part(name)] += 1
            if not split.allowed(name):
                continue
            applications = len(versions.pop(None))
            version = max(versions, key=lambda v: (natural(v), v))
            out.write(json.dumps({"ecosystem": eco, "name": name, "version": version, "bucket": split.bucket(name), "set": split.part(name),
                                  "source": versions[version], "applications": applications}) + "\n")
    for eco in split.ECOSYSTEMS:
        print(eco, {part: counts[eco, part] for part in (split.TUNE, split.KEPT, split.JUDGE)}, file=sys.stderr)


if __name__ == "__main__":
    main()
