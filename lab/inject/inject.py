#!/usr/bin/env python3
"""Puts harmless imitations of attacks into benign artifacts: the trojanised twins of the update pairs.

usage: inject.py pairs --data DIR [--ecosystem E] [--family TUNE|JUDGE]
       inject.py one ARTIFACT OUT --ecosystem E --family TUNE|JUDGE --seed SEED

`pairs` reads DIR/pairs/manifest.jsonl; the newer artifact of each pair of the set `tune` gets one shape of the TUNE
family, of the set `kept` one of the JUDGE family (lab/README.md says who may look at what). The shape is drawn by the
seed, which is the pair's name; when the artifact has no place for it, the next one is taken. Out:
DIR/pairs-injected/<tune|judge>/… and DIR/pairs-injected/manifest.jsonl.

All addresses are reserved ones, so nothing answers; what is written here is read by scanners and never run.
"""
import argparse
import hashlib
import importlib
import json
import pathlib
import posixpath
import subprocess
import sys
import tempfile
from collections import Counter

import classfile
from bundle import Bundle
from context import Context
from place import Cargo, Golang, Npm, Python, Unsuitable


class Jar:
    """A jar whose payload class is compiled later, with those of all other jars of the run."""

    def __init__(self, bundle):
        self.bundle = bundle
        self.pending = None

    def from_static(self, ctx, source):
        """An existing class gets a static initialiser that calls the new one."""
        names = [name for name in self.bundle.find(".class") if "META-INF" not in name and not name.endswith(("module-info.class", "package-info.class"))]
        ctx.rng.shuffle(names)
        for name in names[:200]:
            package = posixpath.dirname(name).replace("/", ".")
            if classfile.initialise(self.bundle.files[name], "x/Y", "z") is not None:
                text, kind, method = source(ctx, package)
                self.pending = (package, kind, text, lambda: self.bundle.put(name, classfile.initialise(self.bundle.files[name], posixpath.join(posixpath.dirname(name), kind), method)))
                return
        raise Unsuitable("no class without a static initialiser")

    def from_service(self, ctx, source, service):
        """The new class is named in a service file, so that a loader makes an instance of it."""
        names = [name for name in self.bundle.find(".class") if "META-INF" not in name and "/" in name]
        if not names:
            raise Unsuitable("no class in a package")
        package = posixpath.dirname(ctx.rng.choice(names)).replace("/", ".")
        text, kind, _ = source(ctx, package)

        def finish():
            path = "META-INF/services/" + service
            before = self.bundle.text(path).rstrip("\n") + "\n" if path in self.bundle.files else ""
            self.bundle.put(path, before + f"{package}.{kind}\n")

        self.pending = (package, kind, text, finish)


# Jars are held in memory until their classes are compiled; a run of javac for so many at once.
BATCH = 80
PLACES = {"npm": (Npm, "npm"), "pypi": (Python, "pypi"), "maven": (Jar, "jvm"), "cargo": (Cargo, "cargo"), "golang": (Golang, "golang")}


def prepare(artifact, ecosystem, family, seed):
    """The changed bundle (a jar's class still to be compiled) and the shape's name; Unsuitable when no shape fits."""
    pools = importlib.import_module(family.lower()).POOLS
    place, module = PLACES[ecosystem]
    shapes = list(importlib.import_module(f"{family.lower()}.{module}").SHAPES)
    order = Context(f"{family}:{seed}", pools).rng
    order.shuffle(shapes)
    reasons = []
    for shape in shapes:
        try:
            package = place(Bundle(artifact))
            shape(package, Context(f"{family}:{seed}:{shape.__name__}", pools))
            return package, shape.__name__
        except Unsuitable as reason:
            reasons.append(str(reason))
    raise Unsuitable("; ".join(sorted(set(reasons))))


def compile_all(jars):
    """Compiles the payload classes of all jars in one run of javac and puts them in."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number, jar in enumerate(jars):
            package, kind, text, _ = jar.pending
            # A source folder each, so that two jars with the same package do not meet.
            path = folder / "src" / str(number) / (kind + ".java")
            path.parent.mkdir(parents=True)
            path.write_text(text)
        # Two jars that would give the same class are compiled in rounds of their own.
        seen, rounds = Counter(), {}
        for number, jar in enumerate(jars):
            key = jar.pending[:2]
            rounds.setdefault(seen[key], []).append((number, jar))
            seen[key] += 1
        for numbered in rounds.values():
            out = folder / "out"
            out.mkdir(exist_ok=True)
            done = subprocess.run(["javac", "--release", "8", "-proc:none", "-nowarn", "-Xlint:none", "-g:none", "-d", out,
                                   *(folder / "src" / str(number) / (jar.pending[1] + ".java") for number, jar in numbered)], capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"javac refused a generated class:\n{done.stderr[:2000]}")
            for _, jar in numbered:
                package, kind, _, finish = jar.pending
                base = package.replace(".", "/")
                for path in sorted((out / base).glob(kind + "*.class")):
                    jar.bundle.put(posixpath.join(base, path.name), path.read_bytes())
                    path.unlink()
                finish()


def of_pairs(args):
    rows, jars, failed = [], [], Counter()
    out = args.data / "pairs-injected"
    for line in (args.data / "pairs/manifest.jsonl").read_text().splitlines():
        pair = json.loads(line)
        family = "TUNE" if pair["set"] == "tune" else "JUDGE"
        if args.ecosystem and pair["ecosystem"] != args.ecosystem or args.family and family != args.family:
            continue
        seed = f"pair-v1:{pair['ecosystem']}:{pair['name']}"
        artifact = args.data / pair["new"]["path"]
        try:
            package, shape = prepare(artifact, pair["ecosystem"], family, seed)
        except Unsuitable as reason:
            failed[pair["ecosystem"], family, str(reason)] += 1
            continue
        except Exception as error:  # an archive that the standard library cannot read is left out, and counted
            failed[pair["ecosystem"], family, type(error).__name__] += 1
            continue
        target = out / family.lower() / pair["ecosystem"] / artifact.name
        row = {"ecosystem": pair["ecosystem"], "name": pair["name"], "pair": pair["pair"], "set": pair["set"], "family": family, "shape": shape,
               "seed": seed, "path": str(target.relative_to(args.data))}
        rows.append((row, package, target))
        if pair["ecosystem"] == "maven":
            jars.append(rows[-1])
            if len(jars) == BATCH:
                finish_jars(jars)
        else:
            finish(*rows[-1])
    finish_jars(jars)
    before = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()] if (out / "manifest.jsonl").exists() else []
    new = {row["path"]: row for row, _, _ in rows}
    with (out / "manifest.jsonl").open("w") as manifest:
        manifest.writelines(json.dumps(row) + "\n" for row in [row for row in before if row["path"] not in new] + list(new.values()))
    counts = Counter((row["ecosystem"], row["family"]) for row in new.values())
    for key, number in sorted(counts.items()):
        print(*key, number)
    for key, number in sorted(failed.items()):
        print("left out:", *key, number, file=sys.stderr)


def finish_jars(jars):
    """Compiles what a batch of jars needs, writes them, and lets them go."""
    if jars:
        compile_all([package for _, package, _ in jars])
        for entry in jars:
            finish(*entry)
    jars.clear()


def finish(row, package, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    package.bundle.write(target)
    row["sha256"] = hashlib.sha256(target.read_bytes()).hexdigest()
    package.bundle = None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    pairs = actions.add_parser("pairs")
    pairs.add_argument("--data", required=True, type=pathlib.Path)
    pairs.add_argument("--ecosystem", choices=PLACES)
    pairs.add_argument("--family", choices=("TUNE", "JUDGE"))
    one = actions.add_parser("one")
    one.add_argument("artifact", type=pathlib.Path)
    one.add_argument("out", type=pathlib.Path)
    one.add_argument("--ecosystem", required=True, choices=PLACES)
    one.add_argument("--family", required=True, choices=("TUNE", "JUDGE"))
    one.add_argument("--seed", required=True)
    args = parser.parse_args()
    if args.action == "pairs":
        (args.data / "pairs-injected").mkdir(exist_ok=True)
        of_pairs(args)
    else:
        package, shape = prepare(args.artifact, args.ecosystem, args.family, args.seed)
        if args.ecosystem == "maven":
            compile_all([package])
        package.bundle.write(args.out)
        print(shape)


if __name__ == "__main__":
    main()
