#!/usr/bin/env python3
"""Puts the logs of the fetchers together into the corpus manifest, and checks that the files are there.

usage: manifest.py --data DIR [--corpora DIR]

DIR/names/releases.jsonl and DIR/log/<ecosystem>.jsonl -> DIR/benign/manifest.jsonl (one line an artifact, with its path).
With --corpora also the committed form, one file an ecosystem: lab/corpora/<ecosystem>.jsonl.gz, sorted, without paths
of this machine. STATUS.md of DIR gets the counts.
"""
import argparse
import collections
import gzip
import json
import pathlib

import fetching
import split

KINDS = {"npm": "tgz", "cargo": "crate", "maven": "jar", "golang": "zip"}


def lines_of(data):
    sources = {(row["ecosystem"], row["name"]): row for row in fetching.read(data / "names/releases.jsonl")}
    for eco in split.ECOSYSTEMS:
        seen = set()
        for entry in fetching.read(data / f"log/{eco}.jsonl"):
            name = entry["name"]
            if "error" in entry or (name, entry["filename"]) in seen:
                continue
            assert split.allowed(name) and split.part(name) == entry["set"], f"{name} is in the wrong part"
            seen.add((name, entry["filename"]))
            row = sources.get((eco, name), {})
            yield {"ecosystem": eco, "name": name, "version": entry["version"], "filename": entry["filename"], "sha256": entry["sha256"], "size": entry["size"],
                   "bucket": split.bucket(name), "set": entry["set"], "kind": entry.get("kind", KINDS.get(eco)), "source": row.get("source"),
                   "applications": row.get("applications"), "published": entry.get("published"), "releases": entry.get("releases"),
                   "previous": entry.get("previous"), "origin": "newest" if entry["wanted"] == "latest" else "closure" if eco == "maven" else "lockfile"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--corpora", type=pathlib.Path)
    args = parser.parse_args()
    benign = args.data / "benign"
    kept, missing = [], 0
    for line in lines_of(args.data):
        path = benign / line["ecosystem"] / line["set"] / line["filename"]
        if path.exists():
            kept.append((line, str(path.relative_to(benign))))
        else:
            missing += 1
    kept.sort(key=lambda pair: (split.ECOSYSTEMS.index(pair[0]["ecosystem"]), pair[0]["name"], pair[0]["filename"]))
    with (benign / "manifest.jsonl.part").open("w") as out:
        out.writelines(json.dumps({**line, "path": path}) + "\n" for line, path in kept)
    (benign / "manifest.jsonl.part").replace(benign / "manifest.jsonl")
    if args.corpora:
        args.corpora.mkdir(parents=True, exist_ok=True)
        for eco in split.ECOSYSTEMS:
            text = "".join(json.dumps({key: value for key, value in line.items() if value is not None}, separators=(",", ":")) + "\n" for line, _ in kept if line["ecosystem"] == eco)
            # No name and no time in the gzip header: the same corpus gives the same bytes.
            with (args.corpora / f"{eco}.jsonl.gz").open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
                out.write(text.encode())
    names, files = collections.defaultdict(set), collections.Counter()
    for line, _ in kept:
        names[line["ecosystem"], line["set"]].add(line["name"])
        files[line["ecosystem"], line["set"]] += 1
    report = ["ecosystem | tune names (files) | kept names (files)", "--- | --- | ---"]
    for eco in split.ECOSYSTEMS:
        report.append(f"{eco} | " + " | ".join(f"{len(names[eco, part])} ({files[eco, part]})" for part in (split.TUNE, split.KEPT)))
    print("\n".join(report), f"\n{missing} files of the logs are missing" if missing else "")
    notes = args.data / "STATUS-notes.md"
    (args.data / "STATUS.md").write_text("# Status of the lab's data\n\n" + "\n".join(report) + "\n\n" + (notes.read_text() if notes.exists() else ""))


if __name__ == "__main__":
    main()
