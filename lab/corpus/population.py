#!/usr/bin/env python3
"""What the benign population is made of: counts that belong beside every false-positive rate.

usage: population.py [--popular ECOSYSTEM=FILE …] [--today YYYY-MM-DD]

Reads lab/corpora/*.jsonl.gz. Dates are the registry's where it gives them (npm's are left out: a mirror may make them up).
--popular takes a list of names, most popular first; names outside it are the long tail.
"""
import argparse
import datetime
import gzip
import json
import pathlib
import statistics

import split

CORPORA = pathlib.Path(__file__).parent.parent / "corpora"


def share(part, whole):
    return f"{part} ({100 * part / whole:.0f} %)" if whole else "0"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--popular", action="append", default=[])
    parser.add_argument("--today", default=None, help="the day that ages are counted to; by default the newest date in the manifests")
    args = parser.parse_args()
    popular = {eco: set(pathlib.Path(path).read_text().split()) for eco, path in (entry.split("=") for entry in args.popular)}
    rows = []
    for eco in split.ECOSYSTEMS:
        with gzip.open(CORPORA / f"{eco}.jsonl.gz", "rt") as text:
            rows += map(json.loads, text)
    dated = lambda row: row.get("published") and row["ecosystem"] != "npm"
    newest = args.today or max(row["published"][:10] for row in rows if dated(row))
    today = datetime.date.fromisoformat(newest)
    print(f"ages counted to {today}\n")
    print("| ecosystem | set | names | files | applications they come from | of one application alone | newest version taken | outside the popular list | published in the last 30 days | 365 days | at most 5 releases | median kB |")
    print("| --- " * 12 + "|")
    for eco in split.ECOSYSTEMS:
        for part in (split.TUNE, split.KEPT):
            mine = [row for row in rows if row["ecosystem"] == eco and row["set"] == part]
            names = {row["name"]: row for row in mine}
            n = len(names)
            if not n:
                continue
            ages = [(today - datetime.date.fromisoformat(row["published"][:10])).days for row in names.values() if dated(row)]
            few = [row for row in names.values() if row.get("releases")]
            print(f"| {eco} | {part} | {n} | {len(mine)} | {len({(row.get('source') or '').split('@')[0] for row in mine})} | {share(sum(row.get('applications') == 1 for row in names.values()), n)} "
                  f"| {share(sum(row['origin'] == 'newest' for row in names.values()), n)} | {share(sum(name not in popular[eco] for name in names), n) if eco in popular else 'not asked'} "
                  f"| {share(sum(age <= 30 for age in ages), len(ages)) if ages else 'no dates'} | {share(sum(age <= 365 for age in ages), len(ages)) if ages else 'no dates'} "
                  f"| {share(sum(row['releases'] <= 5 for row in few), len(few)) if few else 'not known'} | {statistics.median(row['size'] for row in mine) / 1000:.0f} |")


if __name__ == "__main__":
    main()
