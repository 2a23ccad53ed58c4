#!/usr/bin/env python3
"""Honest npm install hooks: how many the benign set has, and whether any is held.

usage: hooks.py SCORES.jsonl --data DIR

Reads package.json of every npm tarball for preinstall, install and postinstall, and a binding.gyp without a hook of its
own (npm then builds it). Held ones of the tuning set are printed with the hook; of the kept-aside part only counts.
The exit code is 1 when one is held.
"""
import argparse
import collections
import json
import pathlib
import re
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import stats

HOOKS = ("preinstall", "install", "postinstall")
SORTS = [("native build", r"node-gyp|node-pre-gyp|prebuild|cmake-js|neon|napi|binding\.gyp|nan\b|cargo"), ("binary fetch", r"install\.(c|m)?js|download|postinstall-?(prepare)?\.(c|m)?js|fetch"),
         ("message or check", r"opencollective|echo|donate|funding|only-allow|check|node -e"), ("other", r"")]


def hook_of(path):
    """{hook: command} of a tarball, or None when it has none or cannot be read."""
    try:
        with tarfile.open(path) as archive:
            manifest, gyp = None, False
            for info in archive:
                name = info.name.split("/", 1)[-1]
                if name == "package.json" and info.isfile() and info.size < 5_000_000:
                    manifest = json.loads(archive.extractfile(info).read().decode("utf-8-sig", errors="replace"))
                gyp |= name == "binding.gyp"
    except (tarfile.TarError, OSError, ValueError):
        return None
    scripts = manifest.get("scripts") if isinstance(manifest, dict) else None
    hooks = {key: scripts[key] for key in HOOKS if isinstance(scripts, dict) and isinstance(scripts.get(key), str)}
    if gyp and not {"install", "preinstall"} & set(hooks):
        hooks["install"] = "node-gyp rebuild (implied)"
    return hooks or None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    args = parser.parse_args()
    verdicts = {row["path"]: row for row in map(json.loads, args.scores.open())}
    counts, held, total = collections.Counter(), [], collections.Counter()
    for line in (args.data / "benign/manifest.jsonl").open():
        row = json.loads(line)
        if row["ecosystem"] != "npm":
            continue
        path = str((args.data / "benign" / row["path"]).resolve())
        total[row["set"]] += 1
        hooks = hook_of(path)
        if hooks is None:
            continue
        sort = next(name for name, pattern in SORTS if re.search(pattern, " ".join(hooks.values())))
        verdict = verdicts[path]["verdict"] if path in verdicts else "not scanned"
        counts[row["set"], sort, "passes" if verdict == "allow" else verdict] += 1
        if verdict not in ("allow", "not scanned"):
            held.append((row["set"], row["name"], hooks, verdicts[path]["holding"]))
    for part in ("tune", "kept"):
        n = sum(number for (which, _, _), number in counts.items() if which == part)
        k = sum(number for (which, _, verdict), number in counts.items() if which == part and verdict not in ("passes", "not scanned"))
        print(f"{part}: {n} of {total[part]} npm packages have an install hook; {k} held" + (f", at most {100 * stats.upper_bound(k, n):.1f} %" if n else ""))
        for (which, sort, verdict), number in sorted(counts.items()):
            if which == part:
                print(f"  {sort}, {verdict}: {number}")
    for part, name, hooks, holding in held:
        if part == "tune":
            print(f"held: {name} {hooks} for {holding}")
    return 1 if held else 0


if __name__ == "__main__":
    sys.exit(main())
