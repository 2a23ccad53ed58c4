#!/usr/bin/env python3
"""Fetches Go modules' zips with `go mod download`, without their dependencies.

usage: golang_get.py WANTED.jsonl LOG.jsonl FOLDER GOMODCACHE

A version `<V` asks for the release before V in the order of `go list -m -versions`; V without a tag has none.
"""
import json
import os
import pathlib
import subprocess
import sys

import fetching


def go(cache, *args):
    env = {**os.environ, "GOMODCACHE": str(cache), "GOFLAGS": "-modcacherw -mod=mod", "GO111MODULE": "on", "GOTOOLCHAIN": "local"}
    done = subprocess.run(["go", *args], cwd=cache, env=env, capture_output=True, text=True, timeout=300)
    answer = json.loads(done.stdout) if done.stdout.strip() else {}
    if done.returncode or answer.get("Error"):
        raise ValueError(str(answer.get("Error") or done.stderr.strip())[:300])
    return answer


def previous(cache, name, version):
    versions = go(cache, "list", "-m", "-versions", "-json", f"{name}@{version}").get("Versions") or []
    if version not in versions:
        raise ValueError("not a tagged version")
    before = [v for v in versions[: versions.index(version)] if "-" in version or "-" not in v]
    if not before:
        raise ValueError("no earlier version")
    return before[-1]


def main():
    wanted, log, folder, cache = map(pathlib.Path, sys.argv[1:5])
    cache.mkdir(parents=True, exist_ok=True)

    def one(entry):
        version = previous(cache, entry["name"], entry["version"][1:]) if entry["version"].startswith("<") else entry["version"]
        answer = go(cache, "mod", "download", "-json", f"{entry['name']}@{version}")
        info = json.loads(pathlib.Path(answer["Info"]).read_text())
        filename = f"{entry['name'].replace('/', '+')}@{version}.zip"
        return {"version": version, "kind": "zip", "published": info.get("Time"), **fetching.keep(pathlib.Path(answer["Zip"]), folder, entry["set"], filename)}

    fetching.run(fetching.waiting(wanted, log), log, one, 4)


if __name__ == "__main__":
    main()
