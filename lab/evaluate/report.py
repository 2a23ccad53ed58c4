#!/usr/bin/env python3
"""The evaluation report: what is found at which false-positive rate, with intervals, and what falls short.

usage: report.py SCORES.jsonl … [--json OUT.json] [--threshold-set benign-tune]

Detection is counted by family (clones dominate the corpus): the share found within each family, averaged. A threshold
is set on one benign set and its false positives are counted on the other, which is kept aside: only counts of it are
printed, never a name or a path. An artifact without a score counts as an alarm.
"""
import argparse
import collections
import json
import math
import pathlib

import stats

RATES = (0.0, 0.001, 0.003, 0.01, 0.05)
ECOSYSTEMS = ("npm", "pypi", "maven", "cargo", "golang")


def load(paths):
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            row = json.loads(line)
            row["risk"] = math.inf if row["score"] is None else row["score"]
            yield row


def by_name(rows, alarm):
    """(names with an alarm on any artifact, names)."""
    names = collections.defaultdict(bool)
    for row in rows:
        names[row["ecosystem"], row["name"]] |= alarm(row)
    return sum(names.values()), len(names)


def families(rows, found):
    out = collections.defaultdict(list)
    for row in rows:
        out[row["family"]].append(found(row))
    return out


def percent(value, digits=1):
    return "n/a" if value != value else f"{100 * value:.{digits}f} %"


def false_positives(rows, alarm):
    k, n = by_name(rows, alarm)
    return {"alarms": k, "names": n, "artifacts": len(rows), "rate": k / n if n else None, "upper95": stats.upper_bound(k, n) if n else None}


def fp_text(fp):
    return f"{fp['alarms']} of {fp['names']} ({percent(fp['rate'] or 0, 2)}, at most {percent(fp['upper95'], 2)})" if fp["names"] else "none measured"


def detection(rows, found):
    groups = families(rows, found)
    low, high = stats.bootstrap(groups)
    return {"macro": stats.macro(groups), "low": low, "high": high, "families": len(groups), "archives": len(rows)}


def tpr_text(d):
    return f"{percent(d['macro'])} [{percent(d['low'])}, {percent(d['high'])}]" if d["families"] else "none measured"


def head(out, title):
    out.append(f"\n## {title}\n")


def report(rows, threshold_set):
    sets = collections.defaultdict(list)
    for row in rows:
        sets[row["set"]].append(row)
    bad, tune, kept = sets["malicious-dev"], sets["benign-tune"], sets["benign-kept"]
    out, data = ["# Evaluation"], {}
    out.append("\n" + "; ".join(f"{name}: {len(part)} artifacts" for name, part in sorted(sets.items())))
    unscored = collections.Counter(row["set"] for row in rows if row["score"] is None)
    failed = collections.Counter(row["set"] for row in rows if row["verdict"] == "error" or row.get("failed"))
    if unscored or failed:
        out.append(f"\nwithout a score: {dict(unscored)}; error or failed analysis: {dict(failed)}")

    head(out, "Verdicts of the default policy (behaviour lens alone)")
    held = lambda row: row["verdict"] not in ("allow",)
    data["verdict"] = {"tpr": detection(bad, held)}
    out.append(f"families held or denied: {tpr_text(data['verdict']['tpr'])} of {data['verdict']['tpr']['families']} families")
    for label, part in (("benign-tune", tune), ("benign-kept", kept)):
        data["verdict"][label] = false_positives(part, held)
        out.append(f"{label}, names with a hold: {fp_text(data['verdict'][label])}")
        for eco in ECOSYSTEMS:
            mine = [row for row in part if row["ecosystem"] == eco]
            if mine:
                data["verdict"][f"{label}/{eco}"] = false_positives(mine, held)
                out.append(f"  {eco}: {fp_text(data['verdict'][f'{label}/{eco}'])}")

    head(out, "Family-macro true-positive rate at false-positive rates")
    out.append(f"thresholds set on {threshold_set}; 95 % intervals: bootstrap over families, Clopper-Pearson upper bounds\n")
    base = sets[threshold_set]
    if not base:
        out.append(f"\nno artifact of {threshold_set}: no threshold, and nothing below this line")
        return "\n".join(out) + "\n", data
    data["curve"] = []
    out.append("| wanted FPR | threshold | TPR | FPR on benign-kept, all | npm | PyPI | TPR at a PyPI threshold |")
    out.append("| --- | --- | --- | --- | --- | --- | --- |")
    for rate in RATES:
        limit = stats.threshold([row["risk"] for row in base], rate)
        pypi = [row["risk"] for row in base if row["ecosystem"] == "pypi"]
        own = stats.threshold(pypi, rate) if pypi else math.inf
        above = lambda row, limit=limit: row["risk"] > limit or row["risk"] == math.inf
        entry = {"rate": rate, "threshold": limit, "tpr": detection(bad, above), "fpr": false_positives(kept, above),
                 **{eco: false_positives([row for row in kept if row["ecosystem"] == eco], above) for eco in ECOSYSTEMS},
                 "pypi_threshold": own, "tpr_pypi_threshold": detection(bad if pypi else [], lambda row: row["risk"] > own or row["risk"] == math.inf)}
        data["curve"].append(entry)
        out.append(f"| {percent(rate)} | {limit:.4g} | {tpr_text(entry['tpr'])} | {fp_text(entry['fpr'])} | {fp_text(entry['npm'])} | {fp_text(entry['pypi'])} | {tpr_text(entry['tpr_pypi_threshold'])} |")
    limit = data["curve"][3]["threshold"]
    found = lambda row: row["risk"] > limit or row["risk"] == math.inf

    head(out, "By month, at the 1 % threshold")
    months = collections.defaultdict(list)
    for row in bad:
        months[row["month"]].append(row)
    data["months"] = {month: detection(part, found) for month, part in sorted(months.items(), key=lambda item: str(item[0]))}
    out += [f"{month}: {percent(d['macro'])} of {d['families']} families" for month, d in data["months"].items()]

    head(out, "By kind, as the detectors name it, at the 1 % threshold")
    kinds = collections.defaultdict(list)
    for row in bad:
        kinds[row.get("kind")].append(row)
    data["kinds"] = {str(kind): {**detection(part, found), "held": stats.macro(families(part, held))} for kind, part in sorted(kinds.items(), key=lambda item: str(item[0]))}
    out += [f"{kind}: {percent(d['macro'])} of {d['families']} families ({percent(d['held'])} held)" for kind, d in data["kinds"].items()]

    head(out, "By file, benign-kept at the 1 % threshold")
    shapes = collections.defaultdict(list)
    for row in kept:
        shapes[row["ecosystem"], row.get("kind_of_file"), row.get("origin")].append(row)
    for key, part in sorted(shapes.items(), key=str):
        out.append(f"{' '.join(map(str, key))}: {fp_text(false_positives(part, found))}")

    head(out, "Detectors: what each one adds")
    out.append("| detector | families it fires on | families held only through it | benign-tune names | benign-kept names |")
    out.append("| --- | --- | --- | --- | --- |")
    data["detectors"] = {}
    for one in sorted({signal for row in rows for signal in row["signals"]}):
        fires = lambda row, one=one: one in row["signals"]
        only = lambda row, one=one: row.get("holding") == [one]
        entry = {"families": stats.macro(families(bad, fires)), "only": stats.macro(families(bad, only)), "tune": by_name(tune, fires), "kept": by_name(kept, fires)}
        data["detectors"][one] = entry
        out.append(f"| {one} | {percent(entry['families'])} | {percent(entry['only'])} | {entry['tune'][0]} of {entry['tune'][1]} | {entry['kept'][0]} of {entry['kept'][1]} |")
    out += ablation(rows, bad, base, data)

    if any(name.startswith(("pair", "inject")) for name in sets):
        out += pairs(sets, data)
    return "\n".join(out) + "\n", data


def ablation(rows, bad, base, data):
    """The model without one of its inputs at a time: the score less the input's contribution, thresholds set anew."""
    if not any(row.get("contributions") for row in bad):
        return []
    out = ["\n## Ablation: the score without one input\n", "| input | TPR at 1 % FPR | TPR at 0.1 % FPR |", "| --- | --- | --- |"]
    inputs = sorted({key for row in rows for key in (row.get("contributions") or {})})
    data["ablation"] = {}
    for one in [None, *inputs]:
        value = lambda row, one=one: math.inf if row["score"] is None else row.get("logit", 0.0) - (row.get("contributions") or {}).get(one, 0.0)
        benign = [value(row) for row in base]
        limits = [stats.threshold(benign, rate) for rate in (0.01, 0.001)]
        data["ablation"][str(one)] = [stats.macro(families(bad, lambda row, limit=limit: value(row) > limit)) for limit in limits]
        out.append(f"| {one or '(all inputs)'} | " + " | ".join(percent(found) for found in data["ablation"][str(one)]) + " |")
    return out


def pairs(sets, data):
    """Held: the newer artifact alone. Gained: it has a malware-class signal that the release before has not."""
    out = ["\n## Update pairs\n", "| ecosystem | styles | injected, held | injected, held or gained | not injected, held | not injected, held or gained |", "| --- " * 6 + "|"]
    held = lambda row: row["verdict"] not in ("allow",)
    key = lambda row: (row["ecosystem"], row["name"])
    plain = collections.defaultdict(list)
    for part in ("benign-tune", "benign-kept"):
        for row in sets[part]:
            plain[key(row)].append(row)
    older = {key(row): row for part in ("pair-tune", "pair-kept") for row in sets[part]}
    gained = lambda row: held(row) or key(row) in older and bool(set(row.get("malware") or []) - set(older[key(row)].get("malware") or []))
    caught = lambda rows, test: f"{sum(map(test, rows))} of {len(rows)} ({percent(sum(map(test, rows)) / len(rows))}, at least {percent(stats.lower_bound(sum(map(test, rows)), len(rows)))})"
    false = lambda rows, test: f"{sum(map(test, rows))} of {len(rows)}, at most {percent(stats.upper_bound(sum(map(test, rows)), len(rows)))}" if rows else "not scanned"
    data["pairs"] = {}
    for family in ("tune", "judge"):
        for eco in ECOSYSTEMS:
            mine = [row for row in sets[f"inject-{family}"] if row["ecosystem"] == eco]
            if not mine:
                continue
            # Of a PyPI release with a wheel and an sdist, the one that the pair has: the injected twin keeps its file name.
            honest = [row for twin in mine for row in plain[key(twin)] if pathlib.Path(row["path"]).name == pathlib.Path(twin["path"]).name]
            data["pairs"][f"{family}/{eco}"] = {"injected": len(mine), "held": sum(map(held, mine)), "gained": sum(map(gained, mine)),
                                                 "honest": len(honest), "honest_held": sum(map(held, honest)), "honest_gained": sum(map(gained, honest))}
            late = lambda text: text if older else "releases before not scanned"
            out.append(f"| {eco} | {family} | {caught(mine, held)} | {late(caught(mine, gained))} | {false(honest, held)} | {late(false(honest, gained))} |")
    shapes = collections.defaultdict(list)
    for family in ("tune", "judge"):
        for row in sets[f"inject-{family}"]:
            shapes[family, row["ecosystem"], row["shape"]].append(held(row))
    out.append("\nby shape:")
    data["shapes"] = {}
    for key, found in sorted(shapes.items()):
        data["shapes"]["/".join(key)] = [sum(found), len(found)]
        out.append(f"{' '.join(key)}: {sum(found)} of {len(found)}")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", nargs="+", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--threshold-set", default="benign-tune", choices=("benign-tune", "benign-kept"))
    args = parser.parse_args()
    text, data = report(list(load(args.scores)), args.threshold_set)
    print(text, end="")
    if args.json:
        args.json.write_text(json.dumps(data, indent=1, default=str))


if __name__ == "__main__":
    main()
