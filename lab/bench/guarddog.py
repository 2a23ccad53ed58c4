#!/usr/bin/env python3
"""GuardDog beside `bifocal scan` on the same archives in the same run: CPU, memory, detection, false positives.

usage: guarddog.py --bifocal PROGRAM --guarddog PROGRAM --data DIR --malicious MANIFEST.jsonl
                   [--families N] [--benign N] [--seed S] [--out ROWS.jsonl]

A sample drawn by seed: one archive a family of N families, N benign archives of each of npm, PyPI wheels and PyPI
sdists (of the tuning set). GuardDog scans each local archive in a process of its own, as its users do; Bifocal scans
the same list in one process with --jobs 2, and besides each archive of a smaller sample in a process of its own. CPU and
memory are those of the process and all that it starts (group.py). GuardDog's lists of popular names are copied and
dated today, so that it loses no time on fetching them.
Ratios: mean CPU an archive, GuardDog's over Bifocal's, in bulk and process against process.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "evaluate"))
import stats
from group import measured


def sample(args):
    rng = random.Random(args.seed)
    families = {}
    for line in args.malicious.read_text().splitlines():
        row = json.loads(line)
        families.setdefault(row["family"], []).append(row["path"])
    chosen = rng.sample(sorted(families), min(args.families, len(families)))
    rows = [{"set": "malicious", "ecosystem": "pypi", "path": args.data / "malicious-dev" / rng.choice(families[family])} for family in chosen]
    benign = {"npm tgz": [], "pypi whl": [], "pypi sdist": []}
    for line in (args.data / "benign/manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["set"] == "tune" and f"{row['ecosystem']} {row['kind']}" in benign:
            benign[f"{row['ecosystem']} {row['kind']}"].append(row)
    for label, part in benign.items():
        rows += [{"set": label, "ecosystem": row["ecosystem"], "path": args.data / "benign" / row["path"]} for row in rng.sample(part, min(args.benign, len(part)))]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True, type=pathlib.Path)
    parser.add_argument("--guarddog", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--malicious", required=True, type=pathlib.Path)
    parser.add_argument("--families", type=int, default=100)
    parser.add_argument("--benign", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    rows = sample(args)
    version = subprocess.run([args.guarddog, "--version"], capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        resources = next(args.guarddog.resolve().parent.parent.glob("lib/python*/site-packages/guarddog/analyzer/metadata/resources"))
        shutil.copytree(resources, work / "resources")
        for path in (work / "resources").iterdir():
            os.utime(path)
        env = dict(os.environ, GUARDDOG_TOP_PACKAGES_CACHE_LOCATION=str(work / "resources"), GUARDDOG_PARALLELISM="1")
        listing = work / "paths"
        listing.write_text("".join(f"{row['path']}\n" for row in rows))
        code, out, bulk_cpu, bulk_wall, bulk_mb = measured([args.bifocal, "scan", "--jobs", "2", "--format", "jsonl", "--files-from", listing], patience=3600)
        scans = [json.loads(line) for line in out.splitlines()]
        if len(scans) != len(rows):
            sys.exit(f"bifocal gave {len(scans)} lines for {len(rows)} archives (exit code {code})")
        for number, (row, scan) in enumerate(zip(rows, scans), 1):
            row.update(verdict=scan["verdict"], score=scan["score"], millis=scan["millis"], error=scan["error"])
            code, out, row["guarddog_cpu"], row["guarddog_wall"], row["guarddog_mb"] = measured([args.guarddog, row["ecosystem"], "scan", row["path"], "--output-format", "json"], env=env)
            try:
                answer = json.loads(out)
                row["guarddog"] = (answer.get("risk_score") or {}).get("score")
                row["findings"] = sum(1 for found in (answer.get("results") or {}).values() if found)
            except ValueError:
                row["guarddog"] = row["findings"] = None
            if number % 8 == 1:
                _, _, row["bifocal_cpu"], _, row["bifocal_mb"] = measured([args.bifocal, "scan", "--jobs", "1", "--format", "jsonl", row["path"]])
            if number % 25 == 0:
                print(f"{number} of {len(rows)}", file=sys.stderr)
    if args.out:
        args.out.write_text("".join(json.dumps({**row, "path": row["path"].name if row["set"] != "malicious" else None}) + "\n" for row in rows))

    print(f"{version}, {len(rows)} archives, seed {args.seed}\n")
    print("| set | n | GuardDog: no answer | >= 1 finding | score >= 5 | >= 7 | Bifocal: held | error |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for label in dict.fromkeys(row["set"] for row in rows):
        mine = [row for row in rows if row["set"] == label]
        n = len(mine)
        share = lambda found: f"{100 * found / n:.0f} %"
        none = sum(row["guarddog"] is None for row in mine)
        over = lambda limit: sum((row["guarddog"] or 0) >= limit for row in mine)
        held = sum(row["verdict"] != "allow" for row in mine)
        bound = f" (at most {100 * stats.upper_bound(held, n):.1f} %)" if label != "malicious" else ""
        print(f"| {label} | {n} | {none} | {share(sum((row['findings'] or 0) > 0 for row in mine))} | {share(over(5))} | {share(over(7))} | {share(held)}{bound} | {sum(row['error'] is not None for row in mine)} |")
    print("\n| families found at a false-positive rate, threshold set on these benign archives | 0 % | 1 % | 5 % |\n| --- | --- | --- | --- |")
    for label, value in (("GuardDog's score", lambda row: row["guarddog"] or 0), ("Bifocal's score", lambda row: row["score"])):
        if all(value(row) is not None for row in rows):
            limits = [stats.threshold([value(row) for row in rows if row["set"] != "malicious"], rate) for rate in (0, 0.01, 0.05)]
            bad = [value(row) for row in rows if row["set"] == "malicious"]
            print(f"| {label} | " + " | ".join(f"{100 * sum(score > limit for score in bad) / len(bad):.0f} %" for limit in limits) + " |")
    dog = sorted(row["guarddog_cpu"] for row in rows)
    own = [row["bifocal_cpu"] for row in rows if "bifocal_cpu" in row]
    beside = [row["guarddog_cpu"] for row in rows if "bifocal_cpu" in row]
    millis = sorted(row["millis"] for row in rows if row["millis"] is not None)
    p95 = lambda values: values[min(len(values) - 1, int(0.95 * len(values)))]
    print(f"\nGuardDog: CPU mean {statistics.mean(dog):.2f} s, median {statistics.median(dog):.2f} s, p95 {p95(dog):.2f} s; memory at most {max(row['guarddog_mb'] for row in rows):.0f} MB")
    print(f"Bifocal, one process, --jobs 2: CPU mean {1000 * bulk_cpu / len(rows):.1f} ms an archive, {bulk_wall:.1f} s in all; "
          f"its own clock: median {statistics.median(millis):.0f} ms, p95 {p95(millis):.0f} ms; memory at most {bulk_mb:.0f} MB")
    print(f"Bifocal, a process an archive ({len(own)} of them): CPU mean {1000 * statistics.mean(own):.1f} ms")
    print(f"ratio of mean CPU: {statistics.mean(dog) / (bulk_cpu / len(rows)):.0f} times in bulk, {statistics.mean(beside) / statistics.mean(own):.0f} times process against process")


if __name__ == "__main__":
    main()
