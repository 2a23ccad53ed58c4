"""The model's card, as a page of the documentation.

usage: card.py REPORT.json > risk-score.md
"""
import json
import pathlib
import sys

NOT_FOR = [
    "proof that a package is safe: a low risk means that nothing like the known shapes was seen",
    "packages of other populations than those below: no rate is claimed for them",
    "rating authors, projects or companies",
    "a verdict without its evidence: read the places that the signal names",
]
LABELS = {"annotate": "noted by the score", "hold": "held by the score", "deny": "at the level *deny*",
          "alone": "held by the score alone", "findings": "held by detectors, whatever the score", "verdict": "held under the default policy, everything together"}


def percent(value, places=1):
    return f"{100 * value:.{places}f} %"


def interval(row):
    return f"{percent(row['tpr'])} ({percent(row['low'])}–{percent(row['high'])})"


def alarms(part):
    return f"{part['hits']} of {part['n']} (≤ {percent(part['upper'], 2)})"


def render(report):
    """The whole page."""
    parts = [
        "# The risk score and its model card", "<!-- Written by lab/model/card.py. Change the program, not this page. -->", INTRODUCTION.strip(),
        *training(report), *bounds(report), *found(report), *weights(report)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def training(report):
    malicious, lost = report["malicious"], report["not_analysed"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in malicious["kinds"].items())
    rows = [f"| malicious PyPI archives of {malicious['families']} families, {malicious['months'][0]} to {malicious['months'][1]} ({kinds}) | {malicious['artifacts']} |"]
    rows += [f"| benign {name}{names(report, name)} | {count} |" for name, count in report["benign"].items()]
    return [
        f"## Model {report['version']}",
        f"Trained {report['trained']} on facts of `{report['analyser']}`: {report['steps']} steps over {len(report['asked'])} of {report['measured']} "
        f"features. The risk is calibrated for **even odds** between malicious and benign, on margins that were held out (expected calibration error "
        f"{report['calibration']['error']:.3f}). Where one release in N is malicious, divide the odds risk/(1−risk) by N−1.",
        "## What it was trained on",
        "| population | artifacts |\n| --- | --- |\n" + "\n".join(rows),
        f"Not analysed and left out (they are held without a score): {lost['malicious']} malicious, {lost['benign']} benign.",
        *report.get("notes", []),
        POPULATION,
    ]


def bounds(report):
    rows = []
    for name, own in report["levels"].items():
        note = report["thresholds"].get(name)
        claims = ["" if note is None or note[level]["claimed"] else ", not claimed" for level in ("annotate", "hold", "deny")]
        raised = "" if note is None or not note["raised_to_the_floor"] else ", raised to the floor"
        cells = [f"{own[level]:.5f}{claim}" for level, claim in zip(("annotate", "hold", "deny"), claims)]
        rows.append(f"| {name} | {note['releases'] if note else '—'}{raised} | {' | '.join(cells)} |")
    return [
        "## Thresholds",
        "Conformal: at most the rate of the benign releases of the same population reaches the threshold. Releases that detectors hold are counted "
        "into the rates of *held* and *denied*, which are those of everything together. Where there are too few releases for a rate, the threshold "
        "lies beyond the highest risk that was seen, as if the next benign release were the worst, and the rate is **not claimed**. An ecosystem with "
        "few releases takes no threshold below that of a larger one, and one without malicious samples no hold below that of one that has some." + kinds(report)
        + (f" No hold lies below {report['least_hold']:.4f}, the highest risk of a hand-written benign case that acts by itself."
           if report.get("least_hold") else ""),
        "| ecosystem | benign releases | noted (1 %) | held (0.1 %) | denied (0.01 %) |\n| --- | --- | --- | --- | --- |\n" + "\n".join(rows),
    ]


def names(report, population):
    """How many names a population has, where the report counts them."""
    counted = report.get("benign_names", {}).get(population)
    return "" if counted is None else f" ({counted} names)"


def kinds(report):
    """The sentence about ecosystems whose kinds of releases set thresholds of their own."""
    said = [f"{name}: " + ", ".join(f"{own['releases']} names with a {kind}" for kind, own in note["kinds"].items())
            for name, note in report["thresholds"].items() if note.get("kinds")]
    if not said:
        return ""
    return (" Where an ecosystem has several kinds of releases, each with at least 1,000 names, the highest of the thresholds of all and of each kind "
            f"alone is taken ({'; '.join(said)}).")


def found(report):
    tables = report["tables"]
    shipped = tables[report["feature_set"]]
    out = [
        "## What it finds",
        "Out of fold (every family and every name was scored by a model that had not seen it); mean over families, with 95 % bootstrap intervals. The "
        "thresholds are set by the benign releases of the column.",
        "| false alarms among benign releases | PyPI | npm | all ecosystems |\n| --- | --- | --- | --- |\n" + "\n".join(
            f"| {percent(own[0]['fpr'])} | {' | '.join(interval(row) for row in own)} |" for own in zip(shipped["pypi"], shipped["npm"], shipped["all"])),
        "The same with other features:",
        "| features | PyPI, at 0.1 % | PyPI, at 1 % | all, at 0.1 % | all, at 1 % |\n| --- | --- | --- | --- | --- |\n" + "\n".join(
            f"| {label}{' (shipped)' if label == report['feature_set'] else ''} | {interval(own['pypi'][1])} | {interval(own['pypi'][3])} | {interval(own['all'][1])} | {interval(own['all'][3])} |"
            for label, own in tables.items()),
        "At the thresholds:",
    ]
    names = list(report["at_thresholds"]["hold"]["benign"])
    rows = [f"| {LABELS[level]} | {interval(own['families'])} | {' | '.join(alarms(own['benign'][name]) for name in names)} |" for level, own in report["at_thresholds"].items()]
    out.append("| | families reached | " + " | ".join(f"false alarms, {name}" for name in names) + " |\n| --- |" + " --- |" * (1 + len(names)) + "\n" + "\n".join(rows))
    out.append("Bounds are one-sided 95 % Clopper–Pearson. A name counts once, by the worst of its releases. **These releases set the thresholds, and detectors were "
               "mended on them: the rates are no promise for others.**")
    out.append(KEPT_ASIDE.format(which="this model" if report["version"] == MEASURED else f"an earlier model ({MEASURED})"))
    if report["injected"]:
        out.append("Trojanised twins of benign releases, of which the training saw none (styles of the tuning family):")
        out.append("| ecosystem | twins | noted by the score | held by the score | held, everything together |\n| --- | --- | --- | --- | --- |\n" + "\n".join(
            f"| {name} | {own['n']} | {own['annotate']} | {own['hold']} | {own['verdict']} |" for name, own in sorted(report["injected"].items())))
    return out


def weights(report):
    return [
        "## What weighs most",
        "| feature | mean part of the log-odds |\n| --- | --- |\n" + "\n".join(
            f"| `{name}`: {report['words'].get(name, '')} | {share:.2f} |" for name, share in report["importance"].items() if share > 0),
        "A higher value of any feature never lowers the risk.",
        "## What it must not be used for",
        "\n".join(f"- {line}" for line in NOT_FOR),
        "## Every feature",
        FEATURES,
        "| feature | the package … | used |\n| --- | --- | --- |\n" + "\n".join(
            f"| `{name}` | {words} | {'yes' if name in report['asked'] else ''} |" for name, words in report["words"].items()),
    ]


INTRODUCTION = """`bifocal scan` prints a `score` for each artifact, and the signal `behaviour/risk-score` says in words what it rests on.
Detectors judge one shape each and hold on their own; the score weighs everything together, so that several things of
which none would be enough are seen, and so that releases can be put in order.

It is a sum of steps: a feature that lies over a bound adds so much. Each feature is a number that the analysis counts: how
eagerly the package does a thing, what stands together in one file, the shape of its text, what detectors found. The signal
names the features that raised the risk most and the places where they were seen. `model/risk.json` lists the steps.

The level *medium* is only noted; *high* is held by the default policy; *critical* is denied by the strict pack, and by no
other. Whatever the score, it is noted at most when the code was not seen to do anything at import or installation that
honest code seldom does, and no detector holds it.
"""

POPULATION = """The benign part are releases that real applications pin, with their dependency closures, and newest releases of packages of
all ranks. Popular packages are easier than fresh uploads by unknown authors; the rates are for this population. There are
no malicious samples of npm, Maven, cargo and Go in training: for them the score carries over what it learnt of behaviour
from Python, and is tested with hand-written shapes only.

To keep the model from learning the wrong thing, source distributions weigh half of the benign part (malicious archives are
source distributions almost throughout), every family and every name weighs the same whatever its number of artifacts, and
sizes, file counts, first versions and dependency counts are measured but not used: they tell popular packages from fresh
ones, not honest ones from malicious ones. What a release says about itself is treated likewise; [why](../decisions/risk-score.md).
"""

# The model that was measured on the part kept aside, and what it held there.
MEASURED = "6409db8b"
KEPT_ASIDE = """**The rates did not hold on the part that was kept aside.** There the default policy with {which} and the detectors of its
time held 15 of 1,304 PyPI names: 11.5 in 1,000 with an upper 95 % bound of 17.7, where 4 of 1,224 were held here. That was measured once, before
many of today's detectors were mended; nothing was measured there since. [More on it](../decisions/risk-score.md).
"""

FEATURES = """Features about acts have one scale: 0 never, 1 when somebody calls it, 2 when its module is loaded, 3 at import, 4 while the
package is installed. Combinations (`a+b`) take the least eager part, in the file where that is highest. Findings: 1 noted, 2
medium, 3 high, 4 holds by itself, 5 critical malware. Lengths are base-2 logarithms.
"""


if __name__ == "__main__":
    print(render(json.loads(pathlib.Path(sys.argv[1]).read_text())), end="")
