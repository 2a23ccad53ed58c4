#!/usr/bin/env python3
"""Update pairs through `bifocal diff`: how many ordinary upgrades and how many trojanised twins are held.

usage: pairs.py --bifocal PROGRAM --data DIR [--sample N] [--jobs N] [--ecosystem E …] [--out FILE.jsonl]

Only the part for tuning is read: pairs of set `tune`, twins of family TUNE. The sample is the first N pairs in order of
a digest of the pair's name, so that two runs see the same ones. A pair that cannot be compared counts as held among
ordinary pairs and as missed among twins.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "evaluate"))
import stats

ECOSYSTEMS = ("npm", "pypi", "maven", "cargo", "golang")


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def plan(data, ecosystems, sample):
    """(ecosystem, pair, shape or None, old path, new path): ordinary pairs and their twins."""
    order = lambda row: hashlib.sha256(row["pair"].encode()).hexdigest()
    pairs = [row for row in rows(data / "pairs/manifest.jsonl") if row["set"] == "tune"]
    twins = {(row["ecosystem"], row["pair"]): row for row in rows(data / "pairs-injected/manifest.jsonl") if row["set"] == "tune" and row["family"] == "TUNE"}
    for ecosystem in ecosystems:
        chosen = sorted((row for row in pairs if row["ecosystem"] == ecosystem), key=order)[:sample]
        for row in chosen:
            old = data / row["old"]["path"]
            yield ecosystem, row["pair"], None, old, data / row["new"]["path"]
            twin = twins.get((ecosystem, row["pair"]))
            if twin:
                yield ecosystem, row["pair"], twin["shape"], old, data / twin["path"]


def compare(program, job, timeout=300):
    ecosystem, pair, shape, old, new = job
    line = {"ecosystem": ecosystem, "pair": pair, "shape": shape, "verdict": "error", "signals": [], "why": ""}
    try:
        run = subprocess.run([program, "diff", "--format", "json", "--jobs", "1", str(old), str(new)], capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {**line, "why": "time-out"}
    if run.returncode not in (0, 1, 3) or not run.stdout:
        return {**line, "why": run.stderr.decode(errors="replace")[:200]}
    report = json.loads(run.stdout)
    signals = sorted({signal["id"] for artifact in report["artifacts"] for signal in artifact["signals"]})
    messages = sorted({signal["message"] for artifact in report["artifacts"] for signal in artifact["signals"] if signal["id"].endswith("attack-shape")})
    return {**line, "verdict": report["verdict"], "signals": signals, "why": "; ".join(report.get("not_compared", []) + messages)}


def share(k, n):
    return f"{k} of {n} ({100 * k / n:.1f} %)" if n else "none"


def summary(lines):
    out = ["| ecosystem | ordinary, held | at most (95 %) | ordinary, annotated | twins, held |", "| --- " * 5 + "|"]
    annotated = lambda line: any("/update-gained-" in signal for signal in line["signals"])
    for ecosystem in ECOSYSTEMS:
        mine = [line for line in lines if line["ecosystem"] == ecosystem]
        plain = [line for line in mine if line["shape"] is None]
        twins = [line for line in mine if line["shape"] is not None]
        if not mine:
            continue
        alarms = sum(line["verdict"] != "allow" for line in plain)
        bound = f"{100 * stats.upper_bound(alarms, len(plain)):.1f} %" if plain else "n/a"
        held = sum(line["verdict"] in ("hold", "deny") for line in twins)
        out.append(f"| {ecosystem} | {share(alarms, len(plain))} | {bound} | {share(sum(map(annotated, plain)), len(plain))} | {share(held, len(twins))} |")
    shapes = collections.defaultdict(list)
    for line in lines:
        if line["shape"]:
            shapes[line["ecosystem"], line["shape"]].append(line["verdict"] in ("hold", "deny"))
    out += ["", "| ecosystem | shape | held |", "| --- | --- | --- |"]
    out += [f"| {ecosystem} | {shape} | {share(sum(held), len(held))} |" for (ecosystem, shape), held in sorted(shapes.items())]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bifocal", required=True)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--sample", type=int, default=10**6)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--ecosystem", action="append", choices=ECOSYSTEMS)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    jobs = list(plan(args.data, args.ecosystem or ECOSYSTEMS, args.sample))
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        lines = list(pool.map(lambda job: compare(args.bifocal, job), jobs))
    if args.out:
        args.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    print(summary(lines))


if __name__ == "__main__":
    main()
