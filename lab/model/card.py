"""The model's card, and the report on the part that was kept aside."""
import json
import pathlib

import numpy as np

import data
import measure

NOT_FOR = [
    "proof that a package is safe: a low risk means that nothing like the known shapes was seen",
    "packages of other populations than those below: no rate is claimed for them",
    "rating authors, projects or companies",
    "a verdict without its evidence: read the places that the signal names",
]
LEVEL_WORDS = {"annotate": "noted", "hold": "held", "deny": "denied"}


def percent(value, places=1):
    return f"{100 * value:.{places}f} %"


def render(report, kept=None):
    """The card as a page of the documentation."""
    out = []
    say = out.append
    say("# The risk score and its model card\n")
    say("<!-- Written by lab/model/train.py. Change the program, not this page. -->\n")
    say(INTRODUCTION)
    say(f"## Model {report['version']}\n")
    say(f"Trained {report['trained']} on facts of `{report['analyser']}`: {report['form']}, {report['trees']} trees over {len(report['asked'])} "
        f"of {report['measured']} features. The risk is calibrated for **even odds** between malicious and benign, on margins that were "
        f"held out (expected calibration error {report['calibration']['error']:.3f}). Where one release in N is malicious, divide the odds "
        "risk/(1−risk) by N−1.\n")
    malicious = report["malicious"]
    say("## What it was trained on\n")
    say("| population | artifacts |\n| --- | --- |")
    kinds = ", ".join(f"{count} {kind}" for kind, count in malicious["kinds"].items())
    say(f"| malicious PyPI archives of {malicious['families']} families, {malicious['months'][0]} to {malicious['months'][1]} ({kinds}) | {malicious['artifacts']} |")
    for name, count in report["benign"].items():
        say(f"| benign {name} | {count} |")
    say(f"\nNot analysed and left out (they are held without a score): {report['not_analysed']['malicious']} malicious, {report['not_analysed']['benign']} benign.\n")
    say(POPULATION)
    say("## Thresholds\n")
    say("Conformal: at most the rate of the benign releases of the same population reaches the threshold. Where there are too few releases "
        "for a rate, the threshold lies beyond the highest risk that was seen, as if the next benign release were the worst, and the rate is "
        "**not claimed**.\n")
    say("| ecosystem | benign releases | noted (1 %) | held (0.1 %) | denied (0.01 %) |\n| --- | --- | --- | --- | --- |")
    for name, own in report["levels"].items():
        note = report["thresholds"].get(name)
        cells = []
        for level in ("annotate", "hold", "deny"):
            claim = "" if note is None or note[level]["claimed"] else ", not claimed"
            cells.append(f"{own[level]:.5f}{claim}")
        say(f"| {name} | {note['releases'] if note else '—'} | {' | '.join(cells)} |")
    say("")
    say("## What it finds\n")
    say("Out of fold (every family and every name was scored by a model that had not seen it); mean over families, with 95 % bootstrap intervals.\n")
    say("| false alarms among benign releases | PyPI | all ecosystems |\n| --- | --- | --- |")
    for pypi, every in zip(report["tables"]["pypi"], report["tables"]["all"]):
        cells = [f"{percent(row['tpr'])} ({percent(row['low'])}–{percent(row['high'])})" for row in (pypi, every)]
        say(f"| {percent(pypi['fpr'])} | {cells[0]} | {cells[1]} |")
    say("")
    say("| level | families reached | " + " | ".join(f"false alarms, {name}" for name in report["at_thresholds"]["hold"]["benign"]) + " |")
    say("| --- |" + " --- |" * (1 + len(report["at_thresholds"]["hold"]["benign"])))
    for level, own in report["at_thresholds"].items():
        cells = [f"{part['hits']} of {part['n']} (≤ {percent(part['upper'], 2)})" for part in own["benign"].values()]
        say(f"| {LEVEL_WORDS[level]} | {percent(own['families']['tpr'])} ({percent(own['families']['low'])}–{percent(own['families']['high'])}) | {' | '.join(cells)} |")
    say("\nBounds are one-sided 95 % Clopper–Pearson. Out-of-fold false alarms are optimistic where detectors were tuned on the same releases.\n")
    if kept:
        say("## Kept aside\n")
        say(f"Benign releases that were never looked at while tuning, scored by the shipped model, once for each release of the model ({kept['date']}).\n")
        say("| population | releases | noted | held by the score | denied | held under the default policy |\n| --- | --- | --- | --- | --- | --- |")
        for name, own in kept["benign"].items():
            cells = [f"{own[key]} (≤ {percent(measure.upper_bound(own[key], own['n']), 2)})" for key in ("annotate", "hold", "deny", "policy")]
            say(f"| {name} | {own['n']} | {' | '.join(cells)} |")
        say("\nFamily-macro detection out of fold, at thresholds set by these releases:\n")
        say("| false alarms | PyPI | all ecosystems |\n| --- | --- | --- |")
        for pypi, every in zip(kept["tables"]["pypi"], kept["tables"]["all"]):
            cells = [f"{percent(row['tpr'])} ({percent(row['low'])}–{percent(row['high'])})" for row in (pypi, every)]
            say(f"| {percent(pypi['fpr'])} | {cells[0]} | {cells[1]} |")
        say("")
    say("## What weighs most\n")
    say("| feature | mean part of the log-odds |\n| --- | --- |")
    for name, share in report["importance"].items():
        words = report["words"].get(name, "")
        say(f"| `{name}`: {words} | {share:.2f} |")
    say("\nA higher value of any feature never lowers the risk.\n")
    say("## What it must not be used for\n")
    say("".join(f"- {line}\n" for line in NOT_FOR))
    say("## Every feature\n")
    say(FEATURES)
    say("| feature | the package … | used |\n| --- | --- | --- |")
    for name, words in report["words"].items():
        say(f"| `{name}` | {words} | {'yes' if name in report['asked'] else ''} |")
    return "\n".join(out).replace("\n\n\n", "\n\n").rstrip() + "\n"


INTRODUCTION = """`bifocal scan` prints a `score` for each artifact, and the signal `behaviour/risk-score` says in words what it rests on.
Detectors judge one shape each and hold on their own; the score weighs everything together, so that several things of
which none would be enough are seen, and so that releases can be put in order.

It is a sum of small decision trees over named features. Each feature is a number that the analysis counts: how eagerly
the package does a thing, what stands together in one file, the shape of its text, what its manifest leaves out, what
detectors found. The signal names the features that raised the risk most and the places where they were seen.
"""

POPULATION = """The benign part are releases that real applications pin, with their dependency closures, and newest releases of packages of
all ranks. Popular packages are easier than fresh uploads by unknown authors; the rates are for this population. There are
no malicious samples of npm, Maven, cargo and Go in training: for them the score carries over what it learnt of behaviour
from Python, and is tested with hand-written shapes only.

To keep the model from learning the wrong thing, source distributions weigh half of the benign part (malicious archives are
source distributions almost throughout), every family and every name weighs the same whatever its number of artifacts, and
sizes, file counts, first versions and dependency counts are measured but not used: they tell popular packages from fresh
ones, not honest ones from malicious ones.
"""

FEATURES = """Features about acts have one scale: 0 never, 1 when somebody calls it, 2 when its module is loaded, 3 at import, 4 while the
package is installed. Combinations (`a+b`) take the least eager part, in the file where that is highest. Findings: 1 noted, 2
medium, 3 high, 4 malware by the detector's own judgement, 5 critical. Lengths are base-2 logarithms.
"""


def kept(arguments, read):
    """Counts on the kept-aside part with the shipped model; the single artifacts are not shown."""
    names = json.loads(pathlib.Path(arguments.names).read_text())
    features = [line for path in arguments.features for line in data.lines(path)]
    table, failed = data.read([entry["name"] for entry in names["features"]], features, benign=[(arguments.benign, arguments.benign_root, "kept")])
    model = json.loads((pathlib.Path(arguments.out) / "risk.json").read_text())
    levels = model["thresholds"]
    # The risk is the one that Rust computed with the shipped model, the verdict what its own findings say.
    from train import holds, releases, show

    risk = np.array([row["risk"] for row in table.rows])
    held = np.array([holds(row) for row in table.rows])
    result = {"date": arguments.date, "version": model["version"], "benign": {}, "tables": {},
              "not_analysed": len(failed)}
    populations = {name: table.ecosystem == name for name in sorted(set(table.ecosystem))}
    for origin in sorted({row["origin"] for row in table.rows if row["origin"]}):
        populations |= {f"{name}, {origin}": (table.ecosystem == name) & np.array([row["origin"] == origin for row in table.rows])
                        for name in sorted(set(table.ecosystem)) if ((table.ecosystem == name) & np.array([row["origin"] == origin for row in table.rows])).any()}
    for name, mask in populations.items():
        at = {level: np.array([levels.get(ecosystem, levels["other"])[level] for ecosystem in table.ecosystem]) for level in ("annotate", "hold", "deny")}
        own = {"n": len(releases(table, risk, mask))}
        for level in at:
            own[level] = int(releases(table, (risk >= at[level]).astype(float), mask).sum())
        own["policy"] = int(releases(table, (held | (risk >= at["hold"])).astype(float), mask).sum())
        result["benign"][name] = own
        print(name, own)
    if arguments.scores:
        dev = [line for line in data.lines(arguments.scores) if line["set"] == "malicious-dev"]
        scores = np.array([1.0 if line["score"] is None else line["score"] for line in dev])
        families = np.array([line["family"] for line in dev])
        for population in ("pypi", "all"):
            mask = (table.ecosystem == "pypi") | (population == "all")
            result["tables"][population] = measure.table(scores, families, releases(table, risk, mask))
            show(f"kept aside, {population}", result["tables"][population])
    pathlib.Path(arguments.report).write_text(json.dumps(result, indent=1) + "\n")
