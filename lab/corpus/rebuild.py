#!/usr/bin/env python3
"""Makes the corpus again from the committed manifests: fetches each release and compares digests.

usage: rebuild.py --data DIR [--pip-python PYTHON] [--ecosystem E …] [--sample N]

Reads lab/corpora/*.jsonl.gz. Releases that a registry no longer serves, or serves with other bytes, are reported; the
exit code is then 1. --sample tries N names an ecosystem. PYTHON is that of a virtual environment with pip 26 (pypi_get.py says why).
"""
import argparse
import collections
import gzip
import json
import pathlib
import subprocess
import sys

import fetching
import split
from plan import draw

HERE = pathlib.Path(__file__).parent
CORPORA = HERE.parent / "corpora"


def lines(name):
    with gzip.open(CORPORA / f"{name}.jsonl.gz", "rt") as text:
        return [json.loads(line) for line in text]


def fetch(eco, wanted, log, folder, data, python):
    command = {
        "npm": ["node", HERE / "npm_get.mjs", wanted, log, folder],
        "pypi": [python, HERE / "pypi_get.py", wanted, log, folder],
        "cargo": [sys.executable, HERE / "cargo_get.py", wanted, log, folder, data / "cargo-home"],
        "golang": [sys.executable, HERE / "golang_get.py", wanted, log, folder, data / "go/mod"],
        "maven": [sys.executable, HERE / "maven_get.py", wanted, log, folder, data / "m2", data / "maven-work"],
    }[eco]
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(command, check=True)


def plan(path, rows):
    """One wanted line a release, with the kinds of file that the manifest has of it."""
    kinds = collections.defaultdict(list)
    for row in rows:
        assert split.allowed(row["name"]), row["name"]
        kinds[row["name"], row["version"]].append(row.get("kind", "whl" if row["filename"].endswith(".whl") else "sdist"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"name": name, "version": version, "set": split.part(name), "kinds": kind}) + "\n" for (name, version), kind in kinds.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--pip-python", default=sys.executable)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--ecosystem", action="append", choices=split.ECOSYSTEMS)
    args = parser.parse_args()
    data, bad = args.data.resolve(), 0
    (data / "log").mkdir(parents=True, exist_ok=True)
    pairs = lines("pairs")
    releases = []
    for eco in args.ecosystem or split.ECOSYSTEMS:
        rows = lines(eco)
        names = sorted({row["name"] for row in pairs if row["ecosystem"] == eco}, key=lambda name: draw("sample", name))[: args.sample]
        if args.sample:
            rows = [row for row in rows if row["name"] in names]
        releases += [{key: row.get(key) for key in ("ecosystem", "name", "version", "bucket", "set", "source", "applications")} for row in rows]
        older = [{"name": row["name"], **row["old"]} for row in pairs if row["ecosystem"] == eco and (row["name"] in names or not args.sample)]
        for label, part, folder in (("", rows, data / "benign" / eco), ("-pairs", older, data / "pairs" / eco)):
            wanted, log = data / f"names/{eco}{label}-wanted.jsonl", data / f"log/{eco}{label}.jsonl"
            plan(wanted, part)
            fetch(eco, wanted, log, folder, data, args.pip_python)
            got = {(entry["name"], entry["filename"]): entry["sha256"] for entry in fetching.read(log) if "error" not in entry}
            wrong = [row for row in part if got.get((row["name"], row["filename"])) != row["sha256"]]
            bad += len(wrong)
            print(f"{eco}{label}: {len(part) - len(wrong)} of {len(part)} as in the manifest")
    (data / "names/releases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in releases))
    subprocess.run([sys.executable, HERE / "manifest.py", "--data", data], check=True)
    subprocess.run([sys.executable, HERE / "pairs.py", "manifest", "--data", data], check=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
