#!/usr/bin/env python3
"""Writes the malicious archives that a list names out of a bare clone of their corpus, as files that nobody can write or run.

usage: extract.py GIT_DIR LIST.jsonl OUT

LIST has {"path", "family", "month"} a line; only what it lists is read. Nothing is unpacked. OUT must lie outside this
repository: samples are bytes to read, never to be run, imported, installed or committed.
"""
import json
import pathlib
import subprocess
import sys

MOST_BYTES = 200_000_000
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def main():
    git, listing, out = map(pathlib.Path, sys.argv[1:4])
    out = out.resolve()
    if out.is_relative_to(REPOSITORY):
        sys.exit("samples do not go into the repository: choose a folder outside it")
    paths = [json.loads(line)["path"] for line in listing.read_text().splitlines()]
    objects = subprocess.Popen(["git", f"--git-dir={git}", "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    written = there = missing = 0
    for path in paths:
        target = (out / path).resolve()
        if not target.is_relative_to(out) or "\n" in path:
            sys.exit(f"path leaves the folder: {path!r}")
        objects.stdin.write(f"HEAD:{path}\n".encode())
        objects.stdin.flush()
        header = objects.stdout.readline().split()
        if header[-1:] == [b"missing"] or len(header) != 3:
            missing += 1
            continue
        content = objects.stdout.read(int(header[2]) + 1)[:-1]
        if target.exists():
            there += 1
        elif len(content) <= MOST_BYTES:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o400)
            written += 1
    objects.stdin.close()
    print(f"{written} written, {there} there before, {missing} missing in the clone")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
