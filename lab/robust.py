#!/usr/bin/env python3
"""No crash, no hang, no escape: `bifocal scan` over archives as they come and over files made to break parsers.

usage: robust.py --bifocal PROGRAM [--archives LIST_OR_FOLDER…] [--jobs 2]

Counts, for the archives named and for the files made here: read, refused (by the archive's fault), analyses that broke
off (the child crashed, ran out of time or memory, or a thread panicked), and the longest analysis. Escapes are looked for
from outside: the scan runs in an empty folder of its own with an empty home, and nothing may have appeared there or beside
it afterwards. Archives are read as bytes; nothing of them is run, unpacked or kept. The exit code is 1 when anything broke
off, a path got no line, or a file appeared.
"""
import argparse
import gzip
import io
import json
import os
import pathlib
import random
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).parent / "bench"))
from measure import Failed, timed
from scan_speed import archives

BROKEN = {"behaviour/analysis-failed", "behaviour/analysis-broke-off"}


def texts():
    """Names of files and what stands in them."""
    many = 20_000
    for ending in ("js", "py", "rs", "go", "ts", "sh", "ps1"):
        yield f"parentheses.{ending}", b"(" * many
        yield f"balanced.{ending}", b"x = " + b"(" * many + b"1" + b")" * many
        yield f"brackets.{ending}", b"[" * many + b"]" * many
        yield f"braces.{ending}", b"{" * many
        yield f"mixed.{ending}", b"([{" * many
        yield f"not-utf8.{ending}", b"import os\xff\xfe\nconst a = '\xc3\x28';\nexec(\xf0\x28\x8c\xbc)\n" * 50
        yield f"nul.{ending}", b"a\0b = '\0'\n" * 1000
        yield f"utf16.{ending}", "﻿x = eval('1')\n".encode("utf-16")
        yield f"unclosed.{ending}", b"x = \"" + b"a" * 100_000
        yield f"one-operator.{ending}", b"x=" + b"-" * many + b"1"
        yield f"ternaries.{ending}", b"x=" + b"a?b:" * many + b"c"
        yield f"assignments.{ending}", b"a=" * many + b"1"
        yield f"arrows.{ending}", b"a=>" * many + b"1"
        yield f"calls.{ending}", b"f(" * many + b")" * many
        yield f"members.{ending}", b"a" + b".b" * many
        yield f"indents.{ending}", b"".join(b" " * depth + b"if x:\n" for depth in range(3_000))
        yield f"else-ifs.{ending}", b"if(a){}" + b"else if(a){}" * many
        yield f"functions.{ending}", b"function f(){" * 5_000
        yield f"lambdas.{ending}", b"x = " + b"lambda: " * many + b"1"
        yield f"interpolations.{ending}", b"x = " + b"`${" * many
        yield f"long-line.{ending}", b"x = '" + b"A" * 1_200_000 + b"'"
        yield f"quotes.{ending}", (b"'" + b'"' + b"`" + b"\\") * many
        yield f"comments.{ending}", b"/*" * many
        yield f"eval-of-itself.{ending}", b"s='eval(s)';eval(s);exec(s)\n" * 200
        yield f"doubling.{ending}", b"a='x'\n" + b"a=a+a\n" * 200 + b"exec(a)\n"
        yield f"recursion.{ending}", b"def f(x):\n  return f(f(x))\nf('a')\nfunction f(x){return f(f(x))}\n"
        yield f"noise.{ending}", random.Random(ending).randbytes(300_000)
    yield "package.json", b'{"a":' * many
    yield "package.json", b'{"scripts":{"install":"' + b"a && " * many + b'"}}'
    yield "pyproject.toml", b"a = " + b"[" * many
    yield "setup.cfg", b"[a]\n" * many
    yield "pom.xml", b"<a>" * many
    yield "A.class", b"\xca\xfe\xba\xbe" + b"\0" * 100 + b"\xff" * 10_000


def tar_of(files, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, compresslevel=1) if mode == "w:gz" else tarfile.open(fileobj=out, mode=mode) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return out.getvalue()


def make(folder):
    """Writes the made archives; gives their paths."""
    paths = []

    def put(name, content):
        path = folder / name
        path.write_bytes(content)
        paths.append(str(path))

    for number, (name, content) in enumerate(texts()):
        manifest = [("package/package.json", b'{"name":"example-case","version":"1.0.0","scripts":{"install":"node ' + name.encode() + b'"}}')]
        put(f"{number:03}-{name}.tgz", tar_of([("package/" + name, content)] + (manifest if name != "package.json" else [])))
    zeros = 500_000_000
    with open(folder / "zeros.tar", "wb") as out:
        member = tarfile.TarInfo("package/zeros.js")
        member.size = zeros
        out.write(member.tobuf())
        out.truncate(512 + zeros + (-zeros) % 512 + 1024)
    paths.append(str(folder / "zeros.tar"))
    with open(folder / "zeros.py", "wb") as out:
        out.truncate(zeros)
    paths.append(str(folder / "zeros.py"))
    with gzip.open(folder / "zeros.tar.gz", "wb", compresslevel=9) as out, open(folder / "zeros.tar", "rb") as source:
        while chunk := source.read(1 << 20):
            out.write(chunk)
    paths.append(str(folder / "zeros.tar.gz"))
    put("zeros.whl", zip_of([("example_case/zeros.py", bytes(zeros))]))
    nested = b"print(1)"
    for _ in range(60):
        nested = tar_of([("a.tar.gz", nested)])
    put("nested.tar.gz", nested)
    put("deep-folders.tgz", tar_of([("package/" + "a/" * 1_500 + "x.js", b"eval(1)")]))
    put("many-files.tgz", tar_of([(f"package/{number}.js", b"require('./%d')" % (number + 1)) for number in range(30_000)]))
    put("circle.tgz", tar_of([(f"package/{number}.js", b"".join(b"require('./%d');" % other for other in range(100))) for number in range(100)]))
    put("empty.tgz", b"")
    put("noise.tgz", random.Random(3).randbytes(1_000_000))
    put("cut.tgz", tar_of([("package/a.js", random.Random(4).randbytes(100_000))])[:5_000])
    return paths


def report(name, paths, lines, run):
    """Prints the counts; gives what must not be."""
    if len(lines) != len(paths):
        return [f"{name}: {len(paths)} paths, {len(lines)} lines"]
    refused, broken, unread = Counter(), [], Counter()
    for line in lines:
        ids = {signal["id"] for signal in line["signals"]}
        if line["error"]:
            unread[line["error"]] += 1
        if broke := ids & BROKEN:
            message = next(signal["message"] for signal in line["signals"] if signal["id"] in broke)
            broken.append(f"{name}: {line['path']}: {message}")
        if "behaviour/archive-refused" in ids:
            message = next(signal["message"] for signal in line["signals"] if signal["id"] == "behaviour/archive-refused")
            refused[message.partition("refused: ")[2].split(":")[0][:70]] += 1
    slowest = max(lines, key=lambda line: line["millis"], default=None)
    print(f"{name}: {len(paths)} paths in {run['wall']:.0f} s, {sum(refused.values())} refused as archives, {sum(unread.values())} not read, {len(broken)} broke off; longest {slowest['millis'] if slowest else 0} ms; {run['mb']:.0f} MB at most")
    for reason, count in (refused + unread).most_common(12):
        print(f"    {count:>5}  {reason}")
    return broken


def below(folder):
    return sorted(str(path) for path in folder.rglob("*"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True, type=pathlib.Path)
    parser.add_argument("--archives", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    bifocal = args.bifocal.resolve()
    wrong = []
    with tempfile.TemporaryDirectory(prefix="bifocal-robust-") as work:
        work = pathlib.Path(work)
        made, cage = work / "made", work / "cage"
        made.mkdir()
        for inner in ("home", "tmp", "here"):
            (cage / inner).mkdir(parents=True)
        sets = [("made to break parsers", make(made))]
        sets += [(str(place), list(archives([place]))) for place in args.archives]
        before = below(cage)
        env = {"PATH": os.environ["PATH"], "HOME": str(cage / "home"), "TMPDIR": str(cage / "tmp")}
        for name, paths in sets:
            listing = made / "paths"
            listing.write_text("".join(f"{os.path.abspath(path)}\n" for path in paths))
            run = timed([bifocal, "scan", "--jobs", args.jobs, "--format", "jsonl", "--files-from", listing], cwd=cage / "here", env=env, ok=(0, 1, 3), every=0.05)
            wrong += report(name, paths, [json.loads(line) for line in run["out"].splitlines()], run)
        appeared = [path for path in below(cage) if path not in before]
        print(f"files that appeared: {len(appeared)}")
        wrong += [f"appeared: {path}" for path in appeared]
    for what in wrong[:50]:
        print(what)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(str(failure))
