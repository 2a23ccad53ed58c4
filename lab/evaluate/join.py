#!/usr/bin/env python3
"""Joins `bifocal scan --format jsonl` with the manifests into the lines that the report and the trainer read.

usage: join.py SCAN.jsonl … --data DIR [--malicious MANIFEST.jsonl] [--score rules] [--held-out SCORES.jsonl] > scores.jsonl

The form of a line is in lab/README.md. A path that no manifest knows is an error. With `--score rules` a line without
a score gets one from its worst present signal, which orders artifacts before there is a model. `--held-out` takes score, its level and fold from the trainer's lines where there
are some: the shipped model has seen those artifacts.
"""
import argparse
import json
import pathlib
import sys

SEVERITY = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
RISK = "behaviour/risk-score"
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
    holding = sorted({signal["id"] for signal in present if signal.get("kind") in ("malware", "beacon", "proof-of-concept") and SEVERITY.get(signal["severity"], 0) >= 3
                      and ((signal.get("confidence") or 0) >= 0.9 or signal["id"] == RISK)})
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


def held_out(line, unseen):
    """The line with the score of a model that has not seen it, and the verdict that follows."""
    if unseen is None:
        return line
    present = set(line["signals"]) - {RISK} | ({RISK} if unseen.get("risk_level") else set())
    holding = set(line["holding"]) - {RISK} | ({RISK} if unseen.get("risk_level") in ("hold", "deny") else set())
    malware = set(line["malware"]) - {RISK} | (holding & {RISK})
    # Findings are those of this scan; the trainer's lines may be of older detectors.
    verdict = line["verdict"] if line["verdict"] in ("deny", "error") else "hold" if holding or line["failed"] else "allow"
    return {**line, "score": unseen["score"], "verdict": verdict, "fold": unseen["fold"],
            "signals": sorted(present), "holding": sorted(holding), "malware": sorted(malware)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--malicious", type=pathlib.Path, required=True, help="the list of families that may be looked at")
    parser.add_argument("--score", choices=("model", "rules"), default="model")
    parser.add_argument("--held-out", type=pathlib.Path, help="the trainer's lines for what the model was trained on")
    args = parser.parse_args()
    unseen = {str(pathlib.Path(row["path"]).resolve()): row for row in rows(args.held_out)} if args.held_out else {}
    index = known(args.data.resolve(), args.malicious)
    for path in args.scans:
        for scan in rows(path):
            base = index.get(str(pathlib.Path(scan["path"]).resolve()))
            if base is None:
                sys.exit(f"no manifest knows {scan['path']}")
            print(json.dumps(held_out(joined(scan, base, args.score == "rules"), unseen.get(str(pathlib.Path(scan["path"]).resolve())))))


if __name__ == "__main__":
    main()
