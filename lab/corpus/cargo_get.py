#!/usr/bin/env python3
"""Fetches single crates with `cargo info`, which downloads the crate it describes and nothing else.

usage: cargo_get.py WANTED.jsonl LOG.jsonl FOLDER CARGO_HOME

CARGO_HOME is a folder of the lab's own, so that the crates of other work stay out; copy a cargo configuration into it
if yours replaces the source. A version `<V` asks for the release before V: the one that cargo resolves for that
requirement.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import fetching


def cargo(home, *args, cwd=None):
    env = {**os.environ, "CARGO_HOME": str(home)}
    done = subprocess.run(["cargo", *args], cwd=cwd, env=env, capture_output=True, text=True, timeout=180)
    if done.returncode:
        raise ValueError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "cargo failed")
    return done.stdout


def previous(home, name, version):
    """The version that cargo resolves for `<version`, or None."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "src").mkdir()
        (folder / "src/lib.rs").write_text("")
        (folder / "Cargo.toml").write_text(f'[package]\nname = "before"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n"{name}" = "<{version}"\n')
        try:
            cargo(home, "generate-lockfile", "--quiet", cwd=folder)
        except ValueError:
            return None
        packages = tomllib.loads((folder / "Cargo.lock").read_text())["package"]
        direct = next(p for p in packages if p["name"] == "before").get("dependencies", [])
        for package in packages:
            if package["name"] == name and (name in direct or f"{name} {package['version']}" in direct):
                return package["version"]
    return None


def main():
    wanted, log, folder, home = map(pathlib.Path, sys.argv[1:5])
    home.mkdir(parents=True, exist_ok=True)

    def one(entry):
        name, version = entry["name"], entry["version"].split("+")[0]
        if version.startswith("<"):
            version = previous(home, name, version[1:])
            if version is None:
                raise ValueError("no earlier version")
            version = version.split("+")[0]
        cargo(home, "info", "--quiet", f"{name}@{version}")
        found = next(iter(sorted(home.glob(f"registry/cache/*/{name}-{version}*.crate"))))
        return {"version": version, "kind": "crate", "published": None, **fetching.keep(found, folder, entry["set"], found.name)}

    fetching.run(fetching.waiting(wanted, log), log, one, 3)


if __name__ == "__main__":
    main()
