#!/usr/bin/env python3
"""Groups archives whose Python code is the same but for names, strings and numbers: clones count once.

usage: families.py FOLDER|ARCHIVE … > families.jsonl        {"path", "family", "files"}
       families.py --compare LIST.jsonl ROOT                 agreement with the families that LIST gives

A file becomes the sequence of its tokens with each name that is no keyword written I, each string S, each number N;
comments, white space and empty files fall away. The family is the digest of the set of its files' digests. Texts are
read as bytes with limits, and not parsed beyond tokens, so a broken file gives a family too.
"""
import argparse
import collections
import hashlib
import io
import json
import keyword
import pathlib
import re
import sys
import tarfile
import zipfile

MOST_FILE, MOST_FILES = 3_000_000, 3_000
TOKEN = re.compile(
    rb"(?P<skip>\#[^\n]*|\\\r?\n|\s+)|(?P<string>[rRbBuUfF]{0,3}(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))"
    rb"|(?P<name>[A-Za-z_\x80-\xff][\w\x80-\xff]*)|(?P<number>\d[\w.]*)|(?P<mark>.)", re.S)
KEYWORDS = {word.encode() for word in keyword.kwlist}
LETTER = {"string": b"S", "number": b"N"}


def shape(source):
    """Digest of a source text's token sequence; None for one without tokens."""
    digest, any_token = hashlib.sha256(), False
    last = None
    for match in TOKEN.finditer(source[:MOST_FILE]):
        kind = match.lastgroup
        if kind == "skip":
            continue
        text = match.group()
        token = text if kind == "mark" or kind == "name" and text in KEYWORDS else LETTER.get(kind, b"I")
        # Strings in a row, and lists that differ in length alone, are one: payloads are data.
        if token == last == b"S":
            continue
        digest.update(token + b" ")
        any_token, last = True, token
    return digest.digest() if any_token else None


def sources(path):
    """Python texts of an archive, whatever its name says it is."""
    raw = path.read_bytes()
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for info in archive.infolist()[:MOST_FILES]:
                if info.filename.endswith(".py") and info.file_size <= MOST_FILE:
                    yield archive.read(info)
    else:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:*") as archive:
            for number, info in enumerate(archive):
                if number >= MOST_FILES:
                    return
                if info.isfile() and info.name.endswith(".py") and info.size <= MOST_FILE:
                    yield archive.extractfile(info).read()


def family(path):
    """(family, number of files with code)."""
    try:
        digests = {digest for digest in map(shape, sources(path)) if digest}
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, NotImplementedError):
        return "unreadable-" + hashlib.sha256(path.read_bytes()).hexdigest()[:8], 0
    if not digests:
        return "no-code", 0
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:12], len(digests)


def compare(rows):
    """Share of pairs that one grouping puts together and the other does too, both ways."""
    pairs = lambda counts: sum(n * (n - 1) // 2 for n in counts.values())
    both = pairs(collections.Counter((row["family"], row["own"]) for row in rows))
    theirs, own = pairs(collections.Counter(row["family"] for row in rows)), pairs(collections.Counter(row["own"] for row in rows))
    return both / theirs if theirs else 1.0, both / own if own else 1.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    parser.add_argument("--compare", nargs=2, type=pathlib.Path, metavar=("LIST", "ROOT"))
    args = parser.parse_args()
    if args.compare:
        rows = [json.loads(line) for line in args.compare[0].read_text().splitlines()]
        for row in rows:
            row["own"], _ = family(args.compare[1] / row["path"])
        kept, pure = compare(rows)
        print(f"{len(rows)} archives: {len({row['family'] for row in rows})} families in the list, {len({row['own'] for row in rows})} here; "
              f"{100 * kept:.1f} % of the list's pairs are together here, {100 * pure:.1f} % of the pairs here are together in the list")
        return
    for given in args.paths:
        for path in sorted(given.rglob("*")) if given.is_dir() else [given]:
            if path.is_file():
                name, files = family(path)
                sys.stdout.write(json.dumps({"path": str(path), "family": name, "files": files}) + "\n")


if __name__ == "__main__":
    main()
