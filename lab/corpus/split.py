"""The split of benign names, applied before anything is downloaded or scanned.

bucket = sha256("split-v1:" + name) as an integer, mod 100, where the name is spelled as its registry normalises it:
0-32 are for tuning, 33-64 are kept aside and only counted, 65-99 are for judges and never enter the lab.
"""
import hashlib
import re

TUNE, KEPT, JUDGE = "tune", "kept", "judge"
ECOSYSTEMS = ("npm", "pypi", "cargo", "maven", "golang")


def normalise(ecosystem, name):
    """The name as the ecosystem's registry spells it (PyPI: PEP 503; the others keep their spelling)."""
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "pypi" else name


def bucket(name):
    return int(hashlib.sha256(f"split-v1:{name}".encode()).hexdigest(), 16) % 100


def part(name):
    """tune, kept or judge for an already normalised name."""
    number = bucket(name)
    return TUNE if number < 33 else KEPT if number < 65 else JUDGE


def allowed(name):
    """Whether the lab may download the package at all."""
    return part(name) != JUDGE
