#!/usr/bin/env python3
"""Trains the risk model, writes its data file and card, and reports what it is worth.

usage: train.py compare OPTIONS     grouped cross-validation of several forms of model and sets of features
       train.py fit OPTIONS         train the chosen one: data file, out-of-fold scores, report

Reads features that the `features` program wrote (see lab/model/retrain.sh, which runs everything).
"""
import argparse
import concurrent.futures
import datetime
import hashlib
import json
import os
import pathlib

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
LEFT_OUT = {"source-bytes", "source-files", "other-files", "first-version", "dependencies", "without-code", "density"}
# Features that say how carefully a release was filled in, whatever its code does. docs/src/decisions/risk-score.md.
METADATA = {"missing-about", "missing-about-and-acts", "template-about", "other-name", "other-repository", "huge-version", "says-test"}
# The one of them that asks for an act: it counts only in a package that does something by itself at import or installation.
BESIDE_ACTS = "missing-about-and-acts"


def sets(names):
    """Features of each set that is compared."""
    every = [entry["name"] for entry in names["features"] if entry["name"] not in LEFT_OUT]
    return {
        "all": every,
        "metadata only beside acts": [name for name in every if name not in METADATA or name == BESIDE_ACTS],
        "without metadata": [name for name in every if name not in METADATA],
        # What detectors found counts by how many and how heavy they are, not by which: detectors change more often than
        # the model, and the figures were the same.
        "acts, shapes and sums of findings": [name for name in every if name not in METADATA and not name.startswith("finding:")],
        "acts and shapes alone": [name for name in every if name not in METADATA and not name.startswith("finding")],
    }


def candidates():
    """Name and maker of each form of model."""
    return {
        "one question a tree": lambda: Forest(depth=1, trees=400, rate=0.1),
        "two questions a tree": lambda: Forest(depth=2, trees=250, rate=0.08),
        "three questions a tree": lambda: Forest(depth=3, trees=200, rate=0.06),
    }


# Deeper trees were no better out of fold (`train.py compare`), and one question a tree can be read: what a feature adds
# depends on its own value alone.
CHOSEN = "one question a tree"
CHOSEN_SET = "acts, shapes and sums of findings"
# What the card says where further releases of names were taken.
MORE_NOTE = "For PyPI several releases of a name were read; a name counts once, by the worst of its releases."
# The populations whose benign releases set the threshold of a curve.
SHOWN = ("all", "pypi", "npm")
# Folds that are fitted at a time.
WORKERS = int(os.environ.get("JOBS") or 2)
# The sets that the card shows beside one another.
COMPARED = ("all", "metadata only beside acts", CHOSEN_SET, "acts and shapes alone")


def read(arguments):
    names = json.loads(pathlib.Path(arguments.names).read_text())
    features = [line for path in arguments.features for line in data.lines(path)]
    benign = [(arguments.benign, arguments.benign_root, "tune"), *((pathlib.Path(folder) / "manifest.jsonl", folder, "tune") for folder in arguments.more)]
    table, failed = data.read([entry["name"] for entry in names["features"]], features, arguments.malicious, arguments.malicious_root, benign)
    return names, table, failed


def columns(table, wanted):
    at = {name: index for index, name in enumerate(table.names)}
    return table.values[:, [at[name] for name in wanted]]


def fold_margins(job):
    """Margins of one fold by a model that was fitted on the others."""
    form, wanted, values, malicious, weight, test = job
    return candidates()[form]().fit(wanted, values, malicious, weight).margin(test)


def held_out(form, sets_of_features, table, weight):
    """For each set of features, margins of every row by a model that has not seen its group.

    Folds are fitted beside one another; the result is the same."""
    tests = [table.fold == fold for fold in range(data.FOLDS)]
    found = {label: np.zeros(len(table)) for label in sets_of_features}
    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        running = []
        for label, wanted in sets_of_features.items():
            values = columns(table, wanted)
            running += [(label, test, pool.submit(fold_margins, (form, wanted, values[~test], table.malicious[~test], weight[~test], values[test]))) for test in tests]
        for label, test, future in running:
            found[label][test] = future.result()
    return found


def releases(table, scores, mask):
    """The highest score of each benign release, since one artifact is enough to hold it."""
    best = {}
    for group, score in zip(table.group[mask], scores[mask]):
        best[group] = max(score, best.get(group, float("-inf")))
    return np.array([best[group] for group in sorted(best)])


def curves(table, failed, margins):
    """Family-macro detection at rates of false alarms, by the ecosystem whose benign releases set the threshold.

    What could not be analysed has no score and counts as an alarm, on both sides."""
    bad = [entry for entry in failed if entry["malicious"]]
    scores = np.concatenate([margins[table.malicious], np.full(len(bad), np.inf)])
    families = np.array([*table.group[table.malicious], *(entry["group"] for entry in bad)], dtype=object)
    result = {}
    for population in SHOWN:
        own = {"all": None}.get(population, population)
        lost = {entry["group"] for entry in failed if not entry["malicious"] and own in (None, entry["ecosystem"])}
        benign = np.concatenate([releases(table, margins, ~table.malicious & ((table.ecosystem == own) | (own is None))), np.full(len(lost), np.inf)])
        result[population] = measure.table(scores, families, benign)
    return result


def show(title, rows):
    cells = " ".join(f"{row['fpr']:.1%}:{row['tpr']:.3f}[{row['low']:.3f},{row['high']:.3f}]" for row in rows)
    print(f"{title:58} {cells}", flush=True)


def compare(arguments):
    names, table, failed = read(arguments)
    weight = data.weights(table, SHARES)
    print(f"{table.malicious.sum()} malicious of {len(set(table.group[table.malicious]))} families, {(~table.malicious).sum()} benign, {len(failed)} failed")
    for form in candidates():
        if arguments.form and form != arguments.form:
            continue
        for label, margins in held_out(form, sets(names), table, weight).items():
            rows = curves(table, failed, margins)
            for population in ("pypi", "npm", "all"):
                show(f"{form}, {label}, {population}", rows[population])


def holds(row):
    """Whether findings hold the artifact by themselves under the default policy."""
    return any(
        status == "failed" or (kind in ("malware", "beacon", "proof-of-concept") and severity in ("high", "critical") and confidence >= 0.9
                               and identity != "behaviour/risk-score")
        for identity, kind, severity, confidence, status in row["signals"])


def thresholds(table, odds, held, failed, least_hold=0.0):
    """Thresholds of each ecosystem and of all others, in risk, with what they rest on.

    Releases that findings hold, or that could not be analysed, use up part of what a rate allows: the rates are those of
    everything together. Ecosystems with few releases get at least the thresholds of those with many, since a threshold
    just beyond the worst of a few hundred would be reached by the next few hundred.

    Where an ecosystem has releases of several kinds, each with enough of them, a level takes the highest of what they ask for
    together and alone: source distributions do more by themselves than wheels do, and are what is built where there is no wheel.
    """
    levels, notes = {}, {}
    for ecosystem in sorted(set(table.ecosystem[~table.malicious])):
        mask = ~table.malicious & (table.ecosystem == ecosystem)
        parts = [(mask, [entry for entry in failed if not entry["malicious"] and entry["ecosystem"] == ecosystem])]
        kinds = sorted(set(table.kind[mask]))
        if len(kinds) > 1:
            alone = {kind: (mask & (table.kind == kind), [entry for entry in parts[0][1] if entry["kind"] == kind]) for kind in kinds}
            parts += [part for part in alone.values() if len(set(table.group[part[0]])) >= calibrate.LARGE]
        asked = [conformal_levels(table, odds, held, *part) for part in parts]
        own, note = {}, asked[0]["note"]
        for level in calibrate.LEVELS:
            at = max(answer["at"][level] for answer in asked)
            own[level] = float(calibrate.probability(at))
            note[level]["claimed"] = all(answer["note"][level]["claimed"] for answer in asked)
            note[level].update(reached=int((asked[0]["values"][level] >= at).sum()), own=own[level])
        if len(kinds) > 1:
            note["kinds"] = {kind: {"releases": len(set(table.group[part])), "held_by_findings": len(set(table.group[part & held]))}
                             for kind, (part, _) in alone.items()}
        levels[ecosystem], notes[ecosystem] = own, note
    large = [own for name, own in levels.items() if notes[name]["releases"] >= calibrate.LARGE] or list(levels.values())
    floors = {level: max(own[level] for own in large) for level in calibrate.LEVELS}
    for name, own in levels.items():
        if notes[name]["releases"] < calibrate.LARGE:
            levels[name] = {level: max(at, floors[level]) for level, at in own.items()}
        elif name not in set(table.ecosystem[table.malicious]):
            # Without malicious samples of its own, nothing is known to lie between the highest benign release and this floor.
            levels[name] = {level: at if level == "annotate" else max(at, floors[level]) for level, at in own.items()}
        notes[name]["raised_to_the_floor"] = levels[name] != own
    if least_hold > 0:
        # The hand-written benign cases count as seen, wherever they come from.
        least = float(calibrate.probability(np.log(least_hold / (1 - least_hold)) + calibrate.BEYOND))
        levels = {name: {**own, "hold": max(own["hold"], least), "deny": max(own["deny"], least)} for name, own in levels.items()}
    levels["other"] = {level: max(own[level] for own in levels.values()) for level in calibrate.LEVELS}
    return levels, notes


def conformal_levels(table, odds, held, mask, failed):
    """The thresholds, in log-odds, that the benign releases of a mask ask for, with what they rest on."""
    spent = set(table.group[mask & held]) | {entry["group"] for entry in failed}
    count = len(set(table.group[mask]) | {entry["group"] for entry in failed})
    answer, floor = {"at": {}, "values": {}, "note": {"releases": count, "held_by_findings": len(spent)}}, -np.inf
    for level, rate in calibrate.LEVELS.items():
        # What the level asks of the code, as in model/mod.rs.
        counted = mask & (table.acts >= calibrate.ACTS[level]) & ~np.isin(table.group, list(spent))
        values = releases(table, odds, counted)
        at, claimed = calibrate.conformal(values, rate, count, 0 if level == "annotate" else len(spent))
        floor = max(floor, at)
        answer["at"][level], answer["values"][level] = floor, values
        answer["note"][level] = {"rate": rate, "claimed": claimed}
    return answer


def reached(table, risk, levels):
    """For each row the levels that the score reaches, as the program decides."""
    at = {level: np.array([levels[ecosystem][level] for ecosystem in table.ecosystem]) for level in calibrate.LEVELS}
    return {level: (risk >= at[level]) & (table.acts >= calibrate.ACTS[level]) for level in calibrate.LEVELS}


def at_thresholds(table, failed, hits, held):
    """What each level takes, out of fold, and what everything together holds: families by share, and benign releases."""
    bad = [entry["group"] for entry in failed if entry["malicious"]]
    families = np.array([*table.group[table.malicious], *bad], dtype=object)
    result = {}
    # A name of which detectors hold any release is none that the score holds alone.
    alone = hits["hold"] & ~np.isin(table.group, list(set(table.group[held & ~table.malicious]))) & ~(held & table.malicious)
    for label, hit in {**hits, "alone": alone, "findings": held, "verdict": hits["hold"] | held}.items():
        # What could not be analysed is held by the verdict, and reaches no level.
        failing = 1.0 if label == "verdict" else 0.0
        shares = measure.by_family(np.concatenate([hit[table.malicious].astype(float), np.full(len(bad), failing)]), families, 0.5)
        mean, low, high = measure.macro(shares)
        result[label] = {"families": {"n": len(shares), "tpr": mean, "low": low, "high": high}, "benign": {}}
        for ecosystem in ("all", *sorted(set(table.ecosystem[~table.malicious]))):
            mask = ~table.malicious & ((table.ecosystem == ecosystem) | (ecosystem == "all"))
            count = int(releases(table, hit.astype(float), mask).sum())
            n = len(set(table.group[mask]))
            if label == "verdict":
                lost = {entry["group"] for entry in failed if not entry["malicious"] and ecosystem in ("all", entry["ecosystem"])} - set(table.group[mask & hit])
                count, n = count + len(lost), len(set(table.group[mask]) | lost)
            result[label]["benign"][ecosystem] = {"n": n, "hits": count, "upper": measure.upper_bound(count, n)}
    return result


def injected(arguments, names, model, wanted, knots, levels):
    """Trojanised twins of the tuning part: how many the score and everything together hold, by ecosystem."""
    if not arguments.injected:
        return {}
    known = {str(pathlib.Path(arguments.injected_root) / entry["path"]): entry for entry in data.lines(arguments.injected_manifest)}
    counts = {}
    for line in data.lines(arguments.injected):
        entry = known[line["path"]]
        own = counts.setdefault(entry["ecosystem"], {"n": 0, "annotate": 0, "hold": 0, "verdict": 0})
        own["n"] += 1
        if line.get("error") or line.get("values") is None:
            own["verdict"] += 1
            continue
        values = np.array([[line["values"].get(name, 0.0) for name in wanted]])
        risk = float(calibrate.probability(calibrate.log_odds(model.margin(values), knots))[0])
        acts = data.ACTS.index(line["acts"])
        hit = {level: risk >= levels[entry["ecosystem"]][level] and acts >= calibrate.ACTS[level] for level in calibrate.LEVELS}
        own["annotate"] += hit["annotate"]
        own["hold"] += hit["hold"]
        own["verdict"] += hit["hold"] or holds(line)
    return counts


def write_scores(path, table, failed, risk, odds, hits, held):
    """Out-of-fold lines in the lab's form."""
    with open(path, "w", encoding="utf-8") as out:
        common = ("path", "ecosystem", "name", "set", "family", "month")
        for row, entry in enumerate(table.rows):
            verdict = "hold" if hits["hold"][row] or held[row] else "allow"
            out.write(json.dumps({
                **{key: entry[key] for key in common}, "sha256": (entry["sha256"] or "").removeprefix("sha256:"), "score": round(float(risk[row]), 9),
                "logit": round(float(odds[row]), 6), "verdict": verdict, "risk_level": next((level for level in ("deny", "hold", "annotate") if hits[level][row]), None),
                "signals": sorted({signal[0] for signal in entry["signals"] if signal[4] == "present" and signal[0] != "behaviour/risk-score"}),
                "fold": int(table.fold[row])}) + "\n")
        for entry in failed:
            out.write(json.dumps({**{key: entry[key] for key in common}, "sha256": (entry["sha256"] or "").removeprefix("sha256:"), "score": None, "verdict": "hold",
                                  "signals": [], "fold": data.fold_of(entry["group"])}) + "\n")


def out_of_fold(arguments, names, table, weight):
    """Margins by each set of features that the card compares; --again takes those of the last run on the same rows."""
    kept = pathlib.Path(arguments.margins) if arguments.margins else None
    if arguments.again:
        with np.load(kept) as old:
            found = dict(old)
        if all(len(own) == len(table) for own in found.values()):
            return found
        raise SystemExit(f"{kept} is of other rows; run without --again")
    margins = held_out(CHOSEN, {label: used for label, used in sets(names).items() if label in COMPARED}, table, weight)
    if kept:
        np.savez(kept, **margins)
    return margins


def fit(arguments):
    names, table, failed = read(arguments)
    weight, wanted, maker = data.weights(table, SHARES), sets(names)[CHOSEN_SET], candidates()[CHOSEN]
    margins = out_of_fold(arguments, names, table, weight)
    margins, others = margins[CHOSEN_SET], margins
    knots = calibrate.knots(margins, table.malicious, weight)
    odds = calibrate.log_odds(margins, knots)
    risk = calibrate.probability(odds)
    held = np.array([holds(row) for row in table.rows])
    levels, notes = thresholds(table, odds, held, failed, arguments.least_hold)
    hits = reached(table, risk, levels)
    model = maker().fit(wanted, columns(table, wanted), table.malicious, weight)
    importance = model.importance(columns(table, wanted), weight)
    asked = sorted(name for name, share in importance.items() if share > 0)
    families = set(table.group[table.malicious]) | {entry["group"] for entry in failed if entry["malicious"]}
    benign = sorted({(e, k) for e, k in zip(table.ecosystem[~table.malicious], table.kind[~table.malicious])})
    report = {
        "form": CHOSEN, "feature_set": CHOSEN_SET, "steps": len(model.written), "asked": asked, "measured": len(names["features"]), "levels": levels,
        "words": {entry["name"]: entry["words"] for entry in names["features"]},
        "analyser": names["analyser"].split("+risk-")[0],
        "malicious": {"artifacts": int(table.malicious.sum()), "families": len(families),
                      "kinds": {kind: int(((table.kind == kind) & table.malicious).sum()) for kind in sorted(set(table.kind[table.malicious]))},
                      "months": months(table)},
        "benign": {f"{ecosystem} {kind}": int(((table.ecosystem == ecosystem) & (table.kind == kind) & ~table.malicious).sum()) for ecosystem, kind in benign},
        "notes": [*arguments.note, *(MORE_NOTE for _ in arguments.more[:1])],
        "benign_names": {f"{ecosystem} {kind}": len(set(table.group[(table.ecosystem == ecosystem) & (table.kind == kind) & ~table.malicious])) for ecosystem, kind in benign},
        "not_analysed": {"malicious": sum(entry["malicious"] for entry in failed), "benign": sum(not entry["malicious"] for entry in failed)},
        "tables": {label: curves(table, failed, own) for label, own in others.items()},
        "calibration": dict(zip(("error", "bins"), calibrate.error(risk, table.malicious, weight))),
        "thresholds": notes, "least_hold": arguments.least_hold,
        "importance": dict(sorted(importance.items(), key=lambda item: -item[1])[:25]),
        "at_thresholds": at_thresholds(table, failed, hits, held),
        "injected": injected(arguments, names, model, wanted, knots, levels),
    }
    for label, tables in report["tables"].items():
        for population in ("pypi", "npm", "all"):
            show(f"out of fold, {label}, {population}", tables[population])
    for label, own in report["at_thresholds"].items():
        print(f"{label}: families {own['families']['tpr']:.3f} [{own['families']['low']:.3f}, {own['families']['high']:.3f}]; benign "
              + ", ".join(f"{name} {part['hits']}/{part['n']}" for name, part in own["benign"].items()))
    print("injected:", report["injected"])

    trees = {"base": round(model.base, 5), "trees": model.written, "calibration": knots, "thresholds": levels}
    version = hashlib.sha256(json.dumps(trees, sort_keys=True).encode()).hexdigest()[:8]
    folder = pathlib.Path(arguments.out)
    write_model(folder / "risk.json", {
        "schema_version": 1, "version": version,
        "card": {"population": report["malicious"], "benign": report["benign"], "trained": arguments.date, "analyser": report["analyser"],
                 "features": CHOSEN_SET, "thresholds": notes, "out_of_fold": {name: report["tables"][CHOSEN_SET][name] for name in ("pypi", "all")},
                 "not_for": card.NOT_FOR},
        "features": asked, "base": trees["base"], "calibration": knots,
        "thresholds": {name: {level: float(f"{at:.9g}") for level, at in own.items()} for name, own in levels.items()},
        "trees": model.written})
    (folder / "version").write_text(version)
    write_scores(arguments.scores, table, failed, risk, odds, hits, held)
    pathlib.Path(arguments.report).write_text(json.dumps({**report, "version": version, "trained": arguments.date}, indent=1) + "\n")
    print(f"model {version}: {len(model.written)} steps over {len(asked)} features, calibration error {report['calibration']['error']:.3f}")


def months(table):
    """First and last month of the malicious part; archives without a date claim one before the index existed."""
    known = sorted(row["month"] for row in table.rows if row["month"] and row["month"] >= "2010")
    return [known[0], known[-1]]


def write_model(path, model):
    """A step a line, so that people can read it and differences stay small."""
    text = json.dumps({key: value for key, value in model.items() if key != "trees"}, indent=1)
    trees = ",\n  ".join(json.dumps(tree) for tree in model["trees"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.removesuffix("\n}") + f",\n \"trees\": [\n  {trees}\n ]\n}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["compare", "fit"])
    parser.add_argument("--names", required=True, help="output of `features --names`")
    parser.add_argument("--features", required=True, action="append", help="output of `features`; may be repeated")
    parser.add_argument("--malicious", required=True, help="manifest of the malicious archives")
    parser.add_argument("--malicious-root", required=True, help="the folder in which they lie")
    parser.add_argument("--benign", required=True, help="manifest of the benign artifacts; its tuning part is read")
    parser.add_argument("--benign-root", required=True, help="the folder in which they lie")
    parser.add_argument("--more", action="append", default=[], help="a folder with further benign artifacts of the tuning part and their manifest.jsonl; may be repeated")
    parser.add_argument("--injected", help="output of `features` for trojanised twins of the tuning part, for the report")
    parser.add_argument("--injected-manifest", help="their manifest")
    parser.add_argument("--injected-root", help="the folder in which they lie")
    parser.add_argument("--form", choices=list(candidates()), help="compare: this form alone")
    parser.add_argument("--least-hold", type=float, default=0.0, help="fit: the highest risk of a benign fixture that acts, as their test prints it")
    parser.add_argument("--out", help="fit: folder of the shipped model: risk.json and version")
    parser.add_argument("--note", action="append", default=[], help="fit: a paragraph for the card; may be repeated")
    parser.add_argument("--margins", help="fit: where out-of-fold margins are kept")
    parser.add_argument("--again", action="store_true", help="fit: take the margins that were kept; only the floor of a hold has changed")
    parser.add_argument("--scores", help="fit: where out-of-fold scores go")
    parser.add_argument("--report", help="fit: where the report goes, as JSON")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the training, for the card")
    arguments = parser.parse_args()
    {"compare": compare, "fit": fit}[arguments.command](arguments)


if __name__ == "__main__":
    main()
