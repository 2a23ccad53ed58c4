#!/usr/bin/env python3
"""Scans everything that the lab has, joins it with the manifests, and writes the report: one command.

usage: run.py --bifocal PROGRAM --data DIR --malicious LIST --out DIR [--jobs N] [--score model|rules] [--part P …]
              [--held-out SCORES] [--tune-only]

Parts: malicious, benign, older (the release before, of update pairs), injected; all by default. Out: scan.jsonl, scores.jsonl, report.md, report.json and
false-positives.html (tuning set alone) in the out folder. CPU and peak memory of each scan are printed.

--held-out: lines of `lab/model/train.py` for what the shipped model was trained on; their scores and levels, made by
models that had not seen the line's group, take the place of the program's. Without it, detection of trained families is
too good. --tune-only leaves out what is kept aside and what is only for judging.
"""
import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "bench"))
from group import measured

PARTS = ("malicious", "benign", "older", "injected")


def paths(part, data, malicious, tune_only=False):
    all_rows = lambda path: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    rows = lambda path: [row for row in all_rows(path) if not tune_only or row.get("set", "tune") == "tune"]
    if part == "malicious":
        return [data / "malicious-dev" / row["path"] for row in rows(malicious)]
    if part == "benign":
        return [data / "benign" / row["path"] for row in rows(data / "benign/manifest.jsonl")]
    if part == "older":
        return [data / row["old"]["path"] for row in rows(data / "pairs/manifest.jsonl")]
    return [data / row["path"] for row in rows(data / "pairs-injected/manifest.jsonl")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--malicious", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--score", choices=("model", "rules"), default="model")
    parser.add_argument("--held-out", type=pathlib.Path)
    parser.add_argument("--tune-only", action="store_true")
    parser.add_argument("--part", action="append", choices=PARTS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    data, scans = args.data.resolve(), []
    for part in args.part or PARTS:
        listed = [path for path in paths(part, data, args.malicious, args.tune_only) if path.exists()]
        listing, scan = args.out / f"{part}.list", args.out / f"{part}.scan.jsonl"
        listing.write_text("".join(f"{path}\n" for path in listed))
        _, out, cpu, wall, memory = measured([args.bifocal, "scan", "--jobs", str(args.jobs), "--format", "jsonl", "--files-from", listing], patience=4 * 3600, look_every=0.1)
        scan.write_bytes(out)
        lines = len(out.splitlines())
        print(f"{part}: {lines} of {len(listed)} artifacts, {wall:.0f} s, {1000 * cpu / max(1, lines):.1f} ms CPU an artifact, {memory:.0f} MB over its processes", file=sys.stderr)
        if lines != len(listed):
            sys.exit(f"{part}: some artifacts have no line")
        scans.append(scan)
    scores = args.out / "scores.jsonl"
    with scores.open("w") as out:
        subprocess.run([sys.executable, HERE / "join.py", *scans, "--data", data, "--malicious", args.malicious, "--score", args.score,
                        *(["--held-out", args.held_out] if args.held_out else [])], stdout=out, check=True)
    with (args.out / "report.md").open("w") as out:
        subprocess.run([sys.executable, HERE / "report.py", scores, "--json", args.out / "report.json"], stdout=out, check=True)
    subprocess.run([sys.executable, HERE / "browser.py", scores, *scans, "--out", args.out / "false-positives.html"], check=True)
    print(f"report: {args.out / 'report.md'}", file=sys.stderr)


if __name__ == "__main__":
    main()
