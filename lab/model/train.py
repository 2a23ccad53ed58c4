#!/usr/bin/env python3
"""Trains the risk model, writes its data file and card, and reports what it is worth.

usage: train.py compare OPTIONS            grouped cross-validation of several forms of model
       train.py fit OPTIONS                train the chosen one: data file, card, out-of-fold scores, report
       train.py kept OPTIONS               counts on the part that was kept aside; once a release of the model

Reads features that the `features` program wrote (see lab/model/retrain.sh, which runs everything).
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np

import calibrate
import card
import data
import measure
from forest import Forest

# Shares of the kinds of benign artifacts in training. Malicious artifacts are source distributions almost throughout, so
# that kind weighs most: what tells it from a wheel must not look like malice.
SHARES = {"sdist": 0.5, "whl": 0.25, "tgz": 0.2, "other": 0.05}
# Left out of every model: sizes, first versions and counts of dependencies tell popular packages from fresh ones, not
# honest ones from malicious ones.
LEFT_OUT = {"source-bytes", "source-files", "other-files", "first-version", "dependencies", "without-code"}


def candidates():
    """Name and maker of each form of model."""
    return {
        "one question a tree": lambda free: Forest(depth=1, trees=400, rate=0.1, free=free),
        "two questions a tree": lambda free: Forest(depth=2, trees=250, rate=0.08, free=free),
        "three questions a tree": lambda free: Forest(depth=3, trees=200, rate=0.06, free=free),
        "four questions a tree": lambda free: Forest(depth=4, trees=200, rate=0.05, free=free),
    }


# Deeper trees were no better out of fold (`train.py compare`), and one question a tree can be read: what a feature adds
# depends on its own value alone.
CHOSEN = "one question a tree"


def read(arguments):
    names = json.loads(pathlib.Path(arguments.names).read_text())
    features = [line for path in arguments.features for line in data.lines(path)]
    benign = [(arguments.benign, arguments.benign_root, "tune")]
    table, failed = data.read([entry["name"] for entry in names["features"]], features, arguments.malicious, arguments.malicious_root, benign)
    return names, table, failed


def used(names):
    return [entry["name"] for entry in names["features"] if entry["name"] not in LEFT_OUT]


def columns(table, wanted):
    at = {name: index for index, name in enumerate(table.names)}
    return table.values[:, [at[name] for name in wanted]]


def held_out(maker, wanted, table, weight):
    """Margins of every row by a model that has not seen its group."""
    values, margins = columns(table, wanted), np.zeros(len(table))
    for fold in range(data.FOLDS):
        test = table.fold == fold
        model = maker(()).fit(wanted, values[~test], table.malicious[~test], weight[~test])
        margins[test] = model.margin(values[test])
    return margins


def releases(table, scores, mask):
    """The highest score of each benign release, since one artifact is enough to hold it."""
    best = {}
    for group, score in zip(table.group[mask], scores[mask]):
        best[group] = max(score, best.get(group, float("-inf")))
    return np.array([best[group] for group in sorted(best)])


def show(title, rows):
    cells = " ".join(f"{row['fpr']:.1%}:{row['tpr']:.3f}[{row['low']:.3f},{row['high']:.3f}]" for row in rows)
    print(f"{title:34} {cells}", flush=True)


def compare(arguments):
    names, table, failed = read(arguments)
    weight = data.weights(table, SHARES)
    print(f"{table.malicious.sum()} malicious of {len(set(table.group[table.malicious]))} families, {(~table.malicious).sum()} benign, {len(failed)} failed")
    families = table.group[table.malicious]
    for name, maker in candidates().items():
        for label, wanted in (("", used(names)), (" (behaviour only)", [n["name"] for n in names["features"] if not n["describing"]])):
            margins = held_out(maker, wanted, table, weight)
            for population in ("pypi", "all"):
                benign = ~table.malicious & ((table.ecosystem == "pypi") | (population == "all"))
                show(f"{name}{label}, {population}", measure.table(margins[table.malicious], families, releases(table, margins, benign)))


def holds(row):
    """Whether findings hold the artifact by themselves under the default policy."""
    return any(
        status == "failed" or (kind == "malware" and severity in ("high", "critical") and confidence >= 0.9 and identity != "behaviour/risk-score")
        for identity, kind, severity, confidence, status in row["signals"])


def thresholds(table, odds):
    """Thresholds of each ecosystem and of all others, in risk, with what they rest on."""
    levels, notes = {}, {}
    for ecosystem in sorted(set(table.ecosystem[~table.malicious])):
        values = releases(table, odds, ~table.malicious & (table.ecosystem == ecosystem))
        own, note = {}, {"releases": len(values)}
        floor = 0.0
        for level, rate in calibrate.LEVELS.items():
            at, claimed = calibrate.conformal(values, rate)
            floor = max(floor, float(calibrate.probability(at)))
            own[level] = floor
            note[level] = {"rate": rate, "claimed": claimed, "reached": int((values >= at).sum())}
        levels[ecosystem], notes[ecosystem] = own, note
    levels["other"] = {level: max(own[level] for own in levels.values()) for level in calibrate.LEVELS}
    return levels, notes


def write_scores(path, table, failed, risk, margins, levels):
    """Out-of-fold lines in the lab's form."""
    with open(path, "w", encoding="utf-8") as out:
        for row, entry in enumerate(table.rows):
            at = levels[entry["ecosystem"]]
            verdict = "deny" if risk[row] >= at["deny"] else "hold" if risk[row] >= at["hold"] or holds(entry) else "allow"
            out.write(json.dumps({
                "path": entry["path"], "sha256": entry["sha256"], "ecosystem": entry["ecosystem"], "name": entry["name"], "set": entry["set"],
                "family": entry["family"], "month": entry["month"], "score": float(risk[row]), "verdict": verdict,
                "signals": sorted({signal[0] for signal in entry["signals"] if signal[4] == "present"}), "fold": int(table.fold[row]),
            }) + "\n")
        for entry in failed:
            out.write(json.dumps({
                "path": entry["path"], "sha256": entry["sha256"], "ecosystem": entry["ecosystem"], "name": entry["name"], "set": entry["set"],
                "family": entry["family"], "month": entry["month"], "score": None, "verdict": "hold",
                "signals": [], "fold": data.fold_of(entry["group"]),
            }) + "\n")


def fit(arguments):
    names, table, failed = read(arguments)
    weight, wanted, maker = data.weights(table, SHARES), used(names), candidates()[CHOSEN]
    margins = held_out(maker, wanted, table, weight)
    knots = calibrate.knots(margins, table.malicious, weight)
    odds = calibrate.log_odds(margins, knots)
    risk = calibrate.probability(odds)
    levels, notes = thresholds(table, odds)
    model = maker(()).fit(wanted, columns(table, wanted), table.malicious, weight)
    importance = model.importance(columns(table, wanted), weight)
    asked = sorted(name for name, share in importance.items() if share > 0)

    families = table.group[table.malicious]
    report = {
        "form": CHOSEN, "trees": len(model.written), "asked": asked, "measured": len(names["features"]), "levels": levels,
        "words": {entry["name"]: entry["words"] for entry in names["features"]},
        "analyser": names["analyser"].split("+risk-")[0],
        "malicious": {"artifacts": int(table.malicious.sum()), "families": len(set(families)),
                      "kinds": {kind: int(((table.kind == kind) & table.malicious).sum()) for kind in sorted(set(table.kind[table.malicious]))},
                      "months": [min(row["month"] for row in table.rows if row["month"]), max(row["month"] for row in table.rows if row["month"])]},
        "benign": {f"{ecosystem} {kind}": int(((table.ecosystem == ecosystem) & (table.kind == kind) & ~table.malicious).sum())
                   for ecosystem, kind in sorted({(e, k) for e, k in zip(table.ecosystem[~table.malicious], table.kind[~table.malicious])})},
        "not_analysed": {"malicious": sum(entry["malicious"] for entry in failed), "benign": sum(not entry["malicious"] for entry in failed)},
        "tables": {population: measure.table(margins[table.malicious], families, releases(
            table, margins, ~table.malicious & ((table.ecosystem == "pypi") | (population == "all")))) for population in ("pypi", "all")},
        "calibration": dict(zip(("error", "bins"), calibrate.error(risk, table.malicious, weight))),
        "thresholds": notes,
        "importance": dict(sorted(importance.items(), key=lambda item: -item[1])[:25]),
        "at_thresholds": at_thresholds(table, risk, levels),
    }
    for population, rows in report["tables"].items():
        show(f"out of fold, {population}", rows)

    trees = {"base": round(model.base, 5), "trees": model.written, "calibration": knots, "features": asked}
    version = arguments.version or hashlib.sha256(json.dumps(trees, sort_keys=True).encode()).hexdigest()[:8]
    folder = pathlib.Path(arguments.out)
    write_model(folder / "risk.json", {
        "schema_version": 1, "version": version,
        "card": {"population": report["malicious"], "benign": report["benign"], "trained": arguments.date, "analyser": report["analyser"],
                 "thresholds": notes, "out_of_fold": report["tables"],
                 "not_for": card.NOT_FOR},
        "features": asked, "base": trees["base"], "calibration": knots,
        "thresholds": {name: {level: float(f"{at:.9g}") for level, at in own.items()} for name, own in levels.items()},
        "trees": model.written})
    (folder / "version").write_text(version)
    write_scores(arguments.scores, table, failed, risk, margins, levels)
    pathlib.Path(arguments.report).write_text(json.dumps({**report, "version": version, "trained": arguments.date}, indent=1) + "\n")
    print(f"model {version}: {len(model.written)} trees over {len(asked)} features, calibration error {report['calibration']['error']:.3f}")


def at_thresholds(table, risk, levels):
    """What each level takes, out of fold: families by share, and releases of benign names by ecosystem and origin."""
    result = {}
    families = table.group[table.malicious]
    for level in calibrate.LEVELS:
        hit = np.array([risk[row] >= levels[table.ecosystem[row]][level] for row in range(len(table))])
        shares = measure.by_family(hit[table.malicious].astype(float), families, 0.5)
        mean, low, high = measure.macro(shares)
        result[level] = {"families": {"n": len(shares), "tpr": mean, "low": low, "high": high}, "benign": {}}
        for ecosystem in sorted(set(table.ecosystem[~table.malicious])):
            mask = ~table.malicious & (table.ecosystem == ecosystem)
            values = releases(table, hit.astype(float), mask)
            hits = int(values.sum())
            result[level]["benign"][ecosystem] = {"n": len(values), "hits": hits, "upper": measure.upper_bound(hits, len(values))}
    return result


def write_model(path, model):
    """A tree a line, so that people can read it and differences stay small."""
    text = json.dumps({key: value for key, value in model.items() if key != "trees"}, indent=1)
    trees = ",\n  ".join(json.dumps(tree) for tree in model["trees"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.removesuffix("\n}") + f",\n \"trees\": [\n  {trees}\n ]\n}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["compare", "fit", "kept"])
    parser.add_argument("--names", required=True, help="output of `features --names`")
    parser.add_argument("--features", required=True, action="append", help="output of `features`; may be repeated")
    parser.add_argument("--malicious", help="manifest of the malicious archives")
    parser.add_argument("--malicious-root", help="the folder in which they lie")
    parser.add_argument("--benign", required=True, help="manifest of the benign artifacts")
    parser.add_argument("--benign-root", required=True, help="the folder in which they lie")
    parser.add_argument("--out", help="folder of the shipped model: risk.json and version")
    parser.add_argument("--scores", help="fit: where out-of-fold scores go")
    parser.add_argument("--report", help="where the report goes, as JSON")
    parser.add_argument("--version", help="fit: version of the model, by default a digest of it")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the training, for the card")
    arguments = parser.parse_args()
    {"compare": compare, "fit": fit, "kept": lambda given: card.kept(given, read)}[arguments.command](arguments)


if __name__ == "__main__":
    main()
