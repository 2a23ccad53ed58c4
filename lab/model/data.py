"""What the training reads: features of artifacts, joined with the manifests that say what they are.

Malicious artifacts belong to families (clones share one), benign ones to package names. Families and names are the
groups: whatever is learnt, chosen or measured keeps a group on one side.
"""
import hashlib
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "corpus"))
import split  # noqa: E402

FOLDS = 10
# What code was seen to do, as far as it bounds the level of the score.
ACTS = ("nothing", "somewhere", "by-itself")


def fold_of(group):
    """The fold in which a group is held out. By digest, so that it stays the same when data is added."""
    return int(hashlib.sha256(f"fold-v1:{group}".encode()).hexdigest(), 16) % FOLDS


def lines(path):
    with open(path, encoding="utf-8") as text:
        return [json.loads(line) for line in text if line.strip()]


class Table:
    """Rows of one population: values, and what each row is."""

    def __init__(self, names, rows):
        self.names = names
        self.rows = rows
        at = {name: index for index, name in enumerate(names)}
        self.values = np.zeros((len(rows), len(names)))
        for row, entry in enumerate(rows):
            for name, value in entry["values"].items():
                if name in at:
                    self.values[row, at[name]] = value
        self.malicious = np.array([entry["malicious"] for entry in rows], dtype=bool)
        self.group = np.array([entry["group"] for entry in rows], dtype=object)
        self.kind = np.array([entry["kind"] for entry in rows], dtype=object)
        self.ecosystem = np.array([entry["ecosystem"] for entry in rows], dtype=object)
        self.acts = np.array([ACTS.index(entry["acts"]) for entry in rows])
        self.fold = np.array([fold_of(group) for group in self.group])

    def __len__(self):
        return len(self.rows)

    def take(self, mask):
        return Table(self.names, [row for row, keep in zip(self.rows, mask) if keep])


def kind_of(path):
    name = path.lower()
    return "whl" if name.endswith(".whl") else "tgz" if name.endswith(".tgz") else "sdist"


def read(names, features, malicious_manifest=None, malicious_root=None, benign=()):
    """Joins `features` (lines of the `features` program) with the manifests. A line that is in none is an error.

    benign: (manifest, root, set) triples; `set` chooses the manifest's lines, and no name of another part of the split may be
    among them. Several releases of a name are one group. Artifacts that could not be analysed have no features; they are
    counted and left out, since they are held without a score.
    """
    known = {}
    if malicious_manifest:
        for entry in lines(malicious_manifest):
            path = str(pathlib.Path(malicious_root) / entry["path"])
            known[path] = {"malicious": True, "group": f"family:{entry['family']}", "family": entry["family"], "month": entry["month"],
                           "kind": kind_of(entry["path"]), "ecosystem": "pypi", "set": "malicious-dev", "name": entry["path"].split("/")[0],
                           "origin": None, "tail": False}
    for manifest, root, wanted in benign:
        for entry in lines(manifest):
            if entry["set"] != wanted:
                continue
            if split.part(entry["name"]) != wanted:
                raise SystemExit(f"{manifest}: {entry['name']} is of the part {split.part(entry['name'])}, not of {wanted}")
            path = str(pathlib.Path(root) / entry["path"])
            known[path] = {"malicious": False, "group": f"{entry['ecosystem']}:{entry['name']}", "family": None, "month": None,
                           "kind": entry["kind"], "ecosystem": entry["ecosystem"], "set": f"benign-{wanted}", "name": entry["name"],
                           "origin": entry.get("origin"),
                           "tail": entry.get("applications") == 1 or 0 < (entry.get("releases") or 0) <= 5}
    rows, failed, seen = [], [], set()
    for line in features:
        about = known.get(line["path"])
        if about is None or line["path"] in seen:
            continue
        seen.add(line["path"])
        row = {**about, **{key: line.get(key) for key in ("path", "sha256", "error", "signals", "values", "version", "risk", "acts")}}
        (failed if line.get("error") or line.get("values") is None else rows).append(row)
    return Table(names, rows), failed


def weights(table, shares):
    """Weights by which every family counts the same, each kind of benign artifact has its share, and both classes weigh the
    same. The shares keep the model from learning the kind instead of the behaviour. Names of the long tail (of one
    application alone, or with few releases) count twice, since popular packages are easier than fresh uploads."""
    weight = np.zeros(len(table))
    sizes = {}
    for group, kind in zip(table.group, table.kind):
        sizes[group, kind] = sizes.get((group, kind), 0) + 1
    families = {}
    for group in table.group[table.malicious]:
        families[group] = families.get(group, 0) + 1
    for row in range(len(table)):
        group = table.group[row]
        weight[row] = 1 / families[group] if table.malicious[row] else (
            (2 if table.rows[row]["tail"] else 1) / sizes[group, table.kind[row]])
    for kind in set(table.kind[~table.malicious]):
        mask = ~table.malicious & (table.kind == kind)
        weight[mask] *= shares.get(kind, shares["other"]) / weight[mask].sum()
    weight[table.malicious] /= weight[table.malicious].sum()
    weight[~table.malicious] /= weight[~table.malicious].sum()
    return weight * len(table) / 2
