#!/usr/bin/env python3
"""Update pairs: a release of the corpus and the release before it, artifacts of like kind.

usage: pairs.py plan --data DIR [--each ECOSYSTEM=N …]   -> DIR/names/<ecosystem>-pairs-wanted.jsonl
       pairs.py manifest --data DIR [--corpora DIR]      -> DIR/pairs/manifest.jsonl (and lab/corpora/pairs.jsonl.gz)

The newer one is in DIR/benign already; the fetchers bring the older one into DIR/pairs/<ecosystem>/<set>/. Names are
drawn by hash within each set; names without an earlier release are passed over. A few more than asked are planned,
since some older files are gone. For crates, modules and jars the earlier version is asked of the client here.
"""
import argparse
import collections
import gzip
import json
import pathlib

import fetching
import split
from plan import draw

EACH = {"npm": 330, "pypi": 330, "maven": 330, "cargo": 110, "golang": 110}


def candidates(data, eco):
    """One artifact a name, in drawn order; for PyPI names with two kinds the drawn one."""
    best = {}
    for line in fetching.read(data / "benign/manifest.jsonl"):
        if line["ecosystem"] == eco:
            rank = draw("pair-kind", line["name"] + line["kind"])
            if line["name"] not in best or rank < best[line["name"]][0]:
                best[line["name"]] = rank, line
    return [line for _, line in sorted(best.values(), key=lambda pair: draw("pair", pair[1]["name"]))]


def plan(data, each):
    for eco in split.ECOSYSTEMS:
        counts = collections.Counter()
        log = {entry["name"]: entry for entry in fetching.read(data / f"log/{eco}-pairs.jsonl")}
        with (data / f"names/{eco}-pairs-wanted.jsonl").open("w") as out:
            for line in candidates(data, eco):
                name, part = line["name"], line["set"]
                if counts[part] >= each[eco]:
                    continue
                if name in log:
                    counts[part] += "error" not in log[name]
                    continue
                version = line.get("previous") if eco in ("npm", "pypi") else "<" + line["version"]
                if version:
                    counts[part] += 1
                    out.write(json.dumps({"name": name, "version": version, "set": part, "kinds": [line["kind"]]}) + "\n")
        print(eco, dict(counts))


def manifest(data, corpora):
    rows = []
    for eco in split.ECOSYSTEMS:
        log = {entry["name"]: entry for entry in fetching.read(data / f"log/{eco}-pairs.jsonl") if "error" not in entry}
        for line in candidates(data, eco):
            old = log.get(line["name"])
            if old is None or old["sha256"] == line["sha256"] or old["version"] == line["version"]:
                continue
            path = pathlib.Path("pairs") / eco / line["set"] / old["filename"]
            if (data / path).exists():
                rows.append({"ecosystem": eco, "name": line["name"], "bucket": line["bucket"], "set": line["set"],
                             "old": {"version": old["version"], "filename": old["filename"], "sha256": old["sha256"], "path": str(path)},
                             "new": {"version": line["version"], "filename": line["filename"], "sha256": line["sha256"], "path": "benign/" + line["path"]}})
    for number, row in enumerate(rows):
        row["pair"] = f"{row['ecosystem']}-{number}"
    counts = collections.Counter((row["ecosystem"], row["set"]) for row in rows)
    with (data / "pairs/manifest.jsonl").open("w") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    if corpora:
        text = "".join(json.dumps({**row, **{side: {key: row[side][key] for key in ("version", "filename", "sha256")} for side in ("old", "new")}}, separators=(",", ":")) + "\n" for row in rows)
        with (corpora / "pairs.jsonl.gz").open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
            packed.write(text.encode())
    for eco in split.ECOSYSTEMS:
        print(eco, {part: counts[eco, part] for part in (split.TUNE, split.KEPT)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("plan", "manifest"))
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--corpora", type=pathlib.Path)
    parser.add_argument("--each", action="append", default=[])
    args = parser.parse_args()
    (args.data / "pairs").mkdir(exist_ok=True)
    if args.action == "plan":
        plan(args.data, EACH | {eco: int(number) for eco, number in (entry.split("=") for entry in args.each)})
    else:
        manifest(args.data, args.corpora)


if __name__ == "__main__":
    main()
