#!/usr/bin/env python3
"""What to download next: names of releases.jsonl that no log has yet.

usage: plan.py RELEASES.jsonl LOG_FOLDER OUT_FOLDER [--limit ECOSYSTEM=N …]

Writes OUT_FOLDER/<ecosystem>-wanted.jsonl in an order drawn by hash, so that a limit takes a sample and not the head of
the alphabet. Half of the names that a single application pins are asked for at their newest version instead of the
pinned one: fresh releases of the long tail. PyPI names get both a wheel and an sdist for two names in five, else
the file that pip would take.
"""
import argparse
import hashlib
import json
import pathlib

import split


def draw(purpose, name):
    return int(hashlib.sha256(f"{purpose}-v1:{name}".encode()).hexdigest(), 16)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("releases", type=pathlib.Path)
    parser.add_argument("logs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--limit", action="append", default=[], help="most names of a set, as ecosystem=N")
    args = parser.parse_args()
    limits = {eco: int(number) for eco, number in (entry.split("=") for entry in args.limit)}
    rows = sorted(map(json.loads, args.releases.read_text().splitlines()), key=lambda row: draw("order", row["name"]))
    for eco in split.ECOSYSTEMS:
        log = args.logs / f"{eco}.jsonl"
        logged = {json.loads(line)["name"]: json.loads(line)["set"] for line in log.read_text().splitlines()} if log.exists() else {}
        counts = {part: sum(1 for name in logged if split.part(name) == part) for part in (split.TUNE, split.KEPT)}
        wanted = 0
        with (args.out / f"{eco}-wanted.jsonl").open("w") as out:
            for row in rows:
                name, part = row["name"], row["set"]
                if row["ecosystem"] != eco or name in logged or not split.allowed(name) or counts[part] >= limits.get(eco, 1 << 30):
                    continue
                newest = eco in ("npm", "pypi") and row["applications"] == 1 and draw("newest", name) % 2 == 0
                entry = {"name": name, "version": "latest" if newest else row["version"], "set": part}
                if eco == "pypi":
                    entry["kinds"] = ["whl|sdist"] if draw("kind", name) % 5 < 3 else ["whl", "sdist"]
                out.write(json.dumps(entry) + "\n")
                counts[part] += 1
                wanted += 1
        print(eco, f"{wanted} wanted,", f"{len(logged)} logged before, then", counts)


if __name__ == "__main__":
    main()
