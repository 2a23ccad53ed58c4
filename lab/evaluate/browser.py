#!/usr/bin/env python3
"""A local page of the false positives of the tuning set, riskiest first, with what was seen where.

usage: browser.py SCORES.jsonl SCAN.jsonl … --out PAGE.html [--most N] [--all-signals] [--misses]

Lists held artifacts, and those with a score or any malware-class signal, of `benign-tune` only. Of `benign-kept` it shows counts by
ecosystem and nothing else, so that looking at the page cannot spoil the figure. With --misses it lists
instead the malicious families of which no archive is held, one archive each, largest first; that page quotes samples and
stays on this machine. Evidence is hostile text: all of it is
escaped, the page has no script and loads nothing.
"""
import argparse
import collections
import html
import json
import pathlib

STYLE = """body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2330;background:#fff}
summary{cursor:pointer;padding:.35rem 0}summary b{font-weight:600}details{border-top:1px solid #dde1e8}
pre{background:#f4f6f9;padding:.5rem;overflow-x:auto;white-space:pre-wrap;word-break:break-all;margin:.2rem 0 .8rem}
.hold{color:#a11}.muted{color:#5b6575}table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:left}"""


def place(evidence):
    where = evidence.get("path") or evidence.get("feed") or ""
    if evidence.get("line"):
        where += f":{evidence['line']}"
    chain = " \u2192 ".join(evidence.get("chain") or [])
    return f"{where}{' (' + chain + ')' if chain else ''}"


def entry(score, scan, everything):
    esc = lambda value: html.escape(str(value))
    signals = [signal for signal in scan["signals"] if signal["status"] == "present" and (everything or signal.get("kind") == "malware" or signal["id"] in score["holding"])]
    held = "hold" if score["verdict"] != "allow" else "muted"
    parts = [f'<details><summary><b class="{held}">{esc(score["verdict"])}</b> {esc(score["ecosystem"])} <b>{esc(score["name"])}</b> '
             f'<span class="muted">{esc(pathlib.Path(score["path"]).name)}, score {esc(score["score"])}, {esc(", ".join(score["signals"]))}</span></summary>']
    for signal in signals:
        parts.append(f'<div>{esc(signal["id"])} <span class="muted">{esc(signal["severity"])}, {esc(signal.get("kind"))}, confidence {esc(signal.get("confidence"))}</span><br>{esc(signal["message"])}</div>')
        for evidence in (signal.get("evidence") or [])[:5]:
            parts.append(f'<div class="muted">{esc(place(evidence))}</div><pre>{esc((evidence.get("snippet") or "")[:1200])}</pre>')
    return "\n".join(parts) + "</details>"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=pathlib.Path)
    parser.add_argument("scans", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--all-signals", action="store_true", help="also signals that no verdict rests on")
    parser.add_argument("--misses", action="store_true", help="missed malicious families instead of false positives")
    args = parser.parse_args()
    title = "Missed families" if args.misses else "False positives of the tuning set"
    kept, listed, by_signal = collections.Counter(), {}, collections.Counter()
    sizes, caught = collections.Counter(), set()
    for line in args.scores.open():
        row = json.loads(line)
        if row["set"] == "malicious-dev":
            sizes[row["family"]] += 1
            if row["verdict"] != "allow":
                caught.add(row["family"])
            elif args.misses:
                listed.setdefault(row["family"], row)
        elif args.misses:
            continue
        elif row["set"] == "benign-kept":
            kept[row["ecosystem"], row["verdict"]] += 1
        elif row["set"] == "benign-tune" and (row["verdict"] != "allow" or row["signals"] and (args.all_signals or row.get("kind") == "malware" or row["score"])):
            listed[row["path"]] = row
            by_signal.update(row["signals"])
    if args.misses:
        listed = {row["path"]: row for family, row in listed.items() if family not in caught}
        by_signal.update(signal for row in listed.values() for signal in row["signals"])
    ranked = sorted(listed.values(), key=lambda row: (row["verdict"] == "allow", -sizes[row["family"]], -(row["score"] if row["score"] is not None else 2), row["path"]))[:args.most]
    wanted = {row["path"] for row in ranked}
    scans = {}
    for path in args.scans:
        for line in path.open():
            scan = json.loads(line)
            if scan["path"] in wanted:
                scans[scan["path"]] = scan
    page = [f"<!doctype html><meta charset=utf-8><title>{title}</title>", f"<style>{STYLE}</style>", f"<h1>{title}</h1>",
            f"<p>{len(ranked)} of {len(listed)} artifacts; {sum(row['verdict'] != 'allow' for row in listed.values())} held.</p><table>"]
    page += [f"<tr><td>{html.escape(name)}<td>{number}" for name, number in by_signal.most_common()]
    page += ["</table><p class=muted>Kept aside, counts alone: ", html.escape("; ".join(f"{eco} {verdict} {number}" for (eco, verdict), number in sorted(kept.items()))), "</p>"]
    page += [entry(row, scans[row["path"]], args.all_signals or args.misses) for row in ranked if row["path"] in scans]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(page))
    print(f"{len(ranked)} artifacts on {args.out}")


if __name__ == "__main__":
    main()
