#!/usr/bin/env python3
"""Joins `bifocal scan --format jsonl` with the manifests into the lines that the report and the trainer read.

usage: join.py SCAN.jsonl … --data DIR [--malicious MANIFEST.jsonl] [--score rules] > scores.jsonl

The form of a line is in lab/README.md. A path that no manifest knows is an error. With `--score rules` a line without
a score gets one from its worst present signal, which orders artifacts before there is a model.
"""
import argparse
import json
import pathlib
import sys

SEVERITY = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
KINDS = ["malware", "beacon", "proof-of-concept", "obfuscation-only", "obfuscation", "risky-habit"]


def rows(path):
    with open(path) as lines:
        for line in lines:
            yield json.loads(line)


def known(data, malicious):
    """{absolute path: what the manifests say}."""
    out = {}
    for row in rows(malicious):
        out[str(data / "malicious-dev" / row["path"])] = {"ecosystem": "pypi", "name": row["path"].split("/")[0], "set": "malicious-dev", "family": row["family"], "month": row["month"]}
    for row in rows(data / "benign/manifest.jsonl"):
        out[str(data / "benign" / row["path"])] = {"ecosystem": row["ecosystem"], "name": row["name"], "set": f"benign-{row['set']}", "kind_of_file": row["kind"], "origin": row["origin"]}
    for name, label in (("pairs", "pair"), ("pairs-injected", "inject")):
        if (data / name / "manifest.jsonl").exists():
            for row in rows(data / name / "manifest.jsonl"):
                base = {"ecosystem": row["ecosystem"], "name": row["name"], "pair": row["pair"]}
                if label == "pair":
                    out[str(data / row["old"]["path"])] = {**base, "set": f"pair-{row['set']}", "side": "old"}
                else:
                    out[str(data / row["path"])] = {**base, "set": f"inject-{row['family'].lower()}", "shape": row["shape"]}
    return out


def joined(scan, base, rules):
    present = [signal for signal in scan["signals"] if signal["status"] == "present" and signal["lens"] == "behaviour"]
    kinds = {signal.get("kind") for signal in present}
    holding = sorted({signal["id"] for signal in present if signal.get("kind") == "malware" and SEVERITY.get(signal["severity"], 0) >= 3 and (signal.get("confidence") or 0) >= 0.9})
    score = scan.get("score")
    if score is None and rules and not scan.get("error"):
        score = max((SEVERITY.get(signal["severity"], 0) / 5 * (1 if signal.get("kind") == "malware" else 0.5) + (signal.get("confidence") or 0) / 10 for signal in present), default=0.0)
    return {
        "path": scan["path"], "sha256": (scan.get("sha256") or "").removeprefix("sha256:") or None, **{"family": None, "month": None, **base},
        "score": score, "verdict": "error" if scan.get("error") else scan["verdict"], "signals": sorted({signal["id"] for signal in present}),
        "failed": sorted({signal["id"] for signal in scan["signals"] if signal["status"] == "failed"}), "holding": holding,
        "malware": sorted({signal["id"] for signal in present if signal.get("kind") == "malware"}),
        "kind": next((kind for kind in KINDS if kind in kinds), None), "millis": scan.get("millis"), "fold": None,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--malicious", type=pathlib.Path, required=True, help="the list of families that may be looked at")
    parser.add_argument("--score", choices=("model", "rules"), default="model")
    args = parser.parse_args()
    index = known(args.data.resolve(), args.malicious)
    for path in args.scans:
        for scan in rows(path):
            base = index.get(str(pathlib.Path(scan["path"]).resolve()))
            if base is None:
                sys.exit(f"no manifest knows {scan['path']}")
            print(json.dumps(joined(scan, base, args.score == "rules")))


if __name__ == "__main__":
    main()
