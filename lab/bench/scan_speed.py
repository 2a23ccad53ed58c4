#!/usr/bin/env python3
"""Speed and memory of `bifocal scan` over many archives, and on files made to be slow.

usage: scan_speed.py --bifocal PROGRAM --archives LIST_OR_FOLDER… [--sample 5000] [--seed 1] [--jobs 2] [--day 44000]

What is run:
  archives    a sample of the archives named (files of paths, folders), in one `scan --jobs N`: processor time of each
              artifact as its analyser measured it, processor time of all processes over the number of artifacts, peak
              memory summed over all processes; and the day of that many artifacts that follows from it
  one line    source files of 1.2 MB in one line, made here and harmless, each in a package of its own
Limits from the project's goals are printed beside the figures; the exit code is 1 when one is missed.
"""
import argparse
import base64
import io
import json
import pathlib
import random
import re
import sys
import tarfile
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from measure import Failed, timed

MEDIAN_MS, P95_MS, MEMORY_MB, ONE_LINE_MS = 2, 50, 100, 200
ENDINGS = (".tgz", ".tar.gz", ".tar.bz2", ".zip", ".whl", ".egg", ".jar", ".crate")


def archives(places):
    """All archives that lie in folders or are named in files."""
    for place in map(pathlib.Path, places):
        if place.is_dir():
            yield from sorted(str(path) for path in place.rglob("*") if path.is_file() and path.name.lower().endswith(ENDINGS))
        else:
            yield from (line for line in place.read_text().splitlines() if line)


def scan(bifocal, paths, jobs, work):
    listing = work / "paths"
    listing.write_text("".join(f"{path}\n" for path in paths))
    run = timed([bifocal, "scan", "--jobs", jobs, "--format", "jsonl", "-v", "--files-from", listing], ok=(0, 1, 3))
    run["lines"] = [json.loads(line) for line in run["out"].splitlines()]
    said = re.search(r"spent ([\d.]+) s .* on (\d+) artifacts: median ([\d.]+) ms, 95th percentile ([\d.]+) ms, longest ([\d.]+) ms", run["err"])
    if len(run["lines"]) != len(paths) or not said:
        raise Failed(f"{len(run['lines'])} lines for {len(paths)} paths:\n{run['err']}")
    run["analysis"], _, run["median"], run["p95"], run["longest"] = map(float, said.groups())
    return run


def one_line_files():
    """Name of the file and its text: 1.2 MB without a line break, in the shapes of installers, bundlers and obfuscators."""
    size, dice = 1_200_000, random.Random(7)
    noise = bytes(dice.getrandbits(8) for _ in range(size))
    words = " ".join(dice.choice(["alpha", "beta", "gamma", "delta"]) for _ in range(size // 4))
    hexes = noise.hex()
    packed = base64.b64encode(zlib.compress(noise[: size * 3 // 4])).decode()
    inner = base64.b64encode(("total = 0\n" + "total = total + 1\n" * 40_000).encode()).decode()
    numbers = ",".join(str(byte) for byte in noise[:300_000])
    yield "setup.py", f"import base64,zlib;exec(zlib.decompress(base64.b64decode('{packed}')))"
    yield "setup.py", f"import base64;exec(base64.b64decode('{inner}'))"
    yield "setup.py", "x = [" + numbers + "];exec(bytes(x))"
    yield "setup.py", "x = '" + words[:size] + "'"
    yield "setup.py", "x = " + "+".join("chr(%d)" % (97 + byte % 26) for byte in noise[:100_000]) + ";exec(x)"
    yield "setup.py", "exec(''.join(chr(ord(c)^7) for c in '" + words[: size - 60] + "'))"
    yield "setup.py", ";".join(f"v{n}={byte}" for n, byte in enumerate(noise[:110_000]))
    yield "index.js", f"eval(Buffer.from('{packed}','base64').toString())"
    yield "index.js", "var a=[" + ",".join(f"'{hexes[at:at + 12]}'" for at in range(0, 1_000_000, 12)) + "];eval(a.join(''))"
    yield "index.js", "(function(){" + "".join(f"function f{n}(a,b){{return a+b*{n}}}" for n in range(34_000)) + "})();"
    yield "index.js", "!function(e){var t={};" + "".join(f"t[{n}]=function(e,t,n){{e.exports=n({n + 1})}};" for n in range(25_000)) + "}();"
    yield "index.js", "var _0x1a2b=[" + ",".join(f"'\\x{hexes[at:at + 2]}\\x{hexes[at + 2:at + 4]}'" for at in range(0, 400_000, 4)) + "];"
    yield "index.js", "x=" + "+".join(f"'{hexes[at:at + 2]}'" for at in range(0, 480_000, 2))
    yield "index.js", "x=" + "".join(f"a{n}?{n}:" for n in range(2_000)) + "0;y='" + words[: size - 30_000] + "'"
    yield "index.js", "module.exports={" + ",".join(f"k{n}:{{a:{n},b:'{hexes[n * 2:n * 2 + 8]}'}}" for n in range(45_000)) + "}"


def one_line_archives(folder):
    for number, (name, text) in enumerate(one_line_files()):
        manifest = ("package.json", json.dumps({"name": "example-case", "version": "1.0.0", "scripts": {"install": "node index.js"}}))
        files = [(name, text), manifest if name == "index.js" else ("PKG-INFO", "Metadata-Version: 2.1\nName: example-case\nVersion: 1.0\n")]
        path = folder / f"{number:02}-{name}.tar.gz"
        with tarfile.open(path, "w:gz", compresslevel=6) as out:
            for inside, content in files:
                member = tarfile.TarInfo(("package/" if name == "index.js" else "example_case-1.0/") + inside)
                member.size = len(content.encode())
                out.addfile(member, io.BytesIO(content.encode()))
        yield str(path), text[:40]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True, type=pathlib.Path)
    parser.add_argument("--archives", nargs="+", required=True)
    parser.add_argument("--sample", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--day", type=int, default=44_000)
    parser.add_argument("--slowest", type=int, default=10, help="how many of the slowest archives to name")
    args = parser.parse_args()
    bifocal = args.bifocal.resolve()
    missed = []

    def check(name, value, limit, unit):
        print(f"  {name}: {value:.1f} {unit} (limit {limit} {unit})")
        if value > limit:
            missed.append(name)

    with tempfile.TemporaryDirectory(prefix="bifocal-bench-") as work:
        work = pathlib.Path(work)
        paths = list(archives(args.archives))
        known = len(paths)
        if known > args.sample:
            paths = sorted(random.Random(args.seed).sample(paths, args.sample))
        if not paths:
            raise Failed("no archives found")
        sizes = sum(pathlib.Path(path).stat().st_size for path in paths)
        run = scan(bifocal, paths, args.jobs, work)
        broken = sum(1 for line in run["lines"] if line["error"] or any(signal["status"] == "failed" for signal in line["signals"]))
        count = len(paths)
        print(f"{count} of {known} archives, {sizes / 1e6:.0f} MB, {args.jobs} jobs: {run['wall']:.1f} s, {run['cpu']:.1f} s of processor time ({run['analysis']:.1f} s in analysers), {broken} failed or not read")
        print(f"  processor time of all processes over artifacts: {run['cpu'] / count * 1000:.2f} ms")
        check("median", run["median"], MEDIAN_MS, "ms")
        check("95th percentile", run["p95"], P95_MS, "ms")
        print(f"  longest: {run['longest']:.0f} ms")
        check("memory of all processes", run["mb"], MEMORY_MB, "MB")
        if run["unwaited"] > 0.1:
            missed.append("children")
            print(f"  {run['unwaited']:.2f} s of processor time belong to children that were not waited for")
        for line in sorted(run["lines"], key=lambda line: -line["millis"])[: args.slowest]:
            print(f"    {line['millis']:>6} ms  {pathlib.Path(line['path']).stat().st_size / 1e6:>6.2f} MB  {pathlib.Path(line['path']).name}")
        day = run["cpu"] / count * args.day
        print(f"a day of {args.day} such artifacts: {day / 3600:.2f} hours of processor time, {day / 86400 * 100:.2f} % of one processor; {run['wall'] / count * args.day / 60:.0f} minutes on {args.jobs}")

        made = dict(one_line_archives(work))
        run = scan(bifocal, list(made), args.jobs, work)
        print(f"1.2 MB in one line, {len(made)} shapes: median {run['median']:.0f} ms")
        for line in run["lines"]:
            print(f"    {line['millis']:>6} ms  {made[line['path']]}")
        check("slowest single line", run["longest"], ONE_LINE_MS, "ms")
    if missed:
        print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(str(failure))
