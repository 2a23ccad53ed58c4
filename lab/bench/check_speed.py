#!/usr/bin/env python3
"""Speed and memory of `bifocal check` on one npm lockfile, beside the npm client and osv-scanner, in one run.

usage: check_speed.py --bifocal PROGRAM --lockfile package-lock.json [--osv-scanner PROGRAM] [--runs N] [--records N]

What is run, each in folders of its own that are removed afterwards:
  cold   `npm ci --ignore-scripts` with an empty cache, then `bifocal check` with an empty cache, alternating
  warm   `bifocal check` on the filled cache, and `osv-scanner --offline` on the same lockfile with the same OSV data
The OSV data are made here (the same zip for both): records for names that no package has, and one for each tenth
package of the lockfile. Limits from the project's goals are printed beside the figures; the exit code is 1 when one
is missed. CPU and memory are summed over the process and all its children (measure.py); a child that is not waited for
makes the run fail, because its time would be missing. Processor time matters more than the wall clock on a machine that
does other things as well.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time
import zipfile

from measure import Failed, timed

WARM_MS, WARM_MB, COLD_RATIO = 300, 150, 1.3


def make_osv(path, lockfile, records):
    """An OSV zip: `records` for packages that do not exist and one for each tenth package of the lockfile."""
    names = sorted({key.rpartition("node_modules/")[2] for key in json.load(open(lockfile))["packages"] if key})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for number in range(records):
            name = f"bench-absent-{number}" if number >= len(names) // 10 else names[number * 10]
            record = {
                "schema_version": "1.6.0", "id": f"BENCH-{number}", "published": "2024-01-01T00:00:00Z",
                "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "summary": "made for this benchmark",
                "affected": [{"package": {"ecosystem": "npm", "name": name},
                              "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "0.0.1"}]}]}],
            }
            out.writestr(f"BENCH-{number}.json", json.dumps(record))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True, type=pathlib.Path)
    parser.add_argument("--lockfile", required=True, type=pathlib.Path)
    parser.add_argument("--osv-scanner", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warm-runs", type=int, default=15)
    parser.add_argument("--records", type=int, default=50_000)
    args = parser.parse_args()
    bifocal = args.bifocal.resolve()
    failed = []
    with tempfile.TemporaryDirectory(prefix="bifocal-bench-") as work:
        work = pathlib.Path(work)
        project = work / "project"
        project.mkdir()
        shutil.copy(args.lockfile, project / "package-lock.json")
        manifest = args.lockfile.parent / "package.json"
        root = json.load(open(args.lockfile))["packages"][""]
        # The client needs a manifest that agrees with the lockfile's root; workspaces are left to the lockfile.
        if manifest.exists():
            shutil.copy(manifest, project / "package.json")
        else:
            keep = ("name", "version", "dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "overrides")
            (project / "package.json").write_text(json.dumps({key: root[key] for key in keep if key in root}))
        osv = work / "osv" / "osv-scanner" / "npm" / "all.zip"
        osv.parent.mkdir(parents=True)
        make_osv(osv, args.lockfile, args.records)
        env = dict(os.environ, BIFOCAL_FEEDS_DIR=str(work / "feeds"), BIFOCAL_CACHE_DIR=str(work / "cache"))
        timed([bifocal, "feed", "update", osv], env=env)
        check = [bifocal, "check", project / "package-lock.json", "--format", "json", "-v"]

        npm_runs, cold_runs = [], []
        for _ in range(args.runs):
            target = work / "install"
            shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(work / "npm-cache", ignore_errors=True)
            shutil.copytree(project, target)
            npm_env = dict(os.environ, npm_config_cache=str(work / "npm-cache"), npm_config_audit="false", npm_config_fund="false")
            npm_runs.append(timed(["npm", "ci", "--ignore-scripts", "--no-progress"], cwd=target, env=npm_env, ok=(0,)))
            shutil.rmtree(work / "cache", ignore_errors=True)
            cold_runs.append(timed(check, env=env, ok=(0, 1, 3)))
        report = json.loads(cold_runs[-1]["out"])
        warm_runs = [timed(check, env=env, ok=(0, 1, 3)) for _ in range(args.warm_runs)]
        peer_runs = []
        if args.osv_scanner:
            peer = [args.osv_scanner.resolve(), "scan", "source", "--offline", "--local-db-path", work / "osv", "--format", "json",
                    "--lockfile", project / "package-lock.json"]
            peer_runs = [timed(peer, ok=(0, 1)) for _ in range(args.warm_runs)]

        for run in cold_runs + warm_runs:
            if run["unwaited"] > 0.1:
                print(f"{run['unwaited']:.2f} s of processor time belong to children that were not waited for")
                failed.append("children")
        middle = lambda runs, key: statistics.median(run[key] for run in runs)
        print(f"lockfile: {args.lockfile.name}, {report['summary']}")
        print(f"{'':34}{'wall':>10}{'cpu':>10}{'peak MB':>10}")
        rows = [("npm ci, empty cache", npm_runs), ("bifocal check, empty cache", cold_runs), ("bifocal check, warm", warm_runs)]
        if peer_runs:
            rows.append((f"osv-scanner offline, {args.records} records", peer_runs))
        for name, runs in rows:
            print(f"{name:34}{middle(runs, 'wall') * 1000:>8.0f}ms{middle(runs, 'cpu') * 1000:>8.0f}ms{max(run['mb'] for run in runs):>10.0f}")
        for line in cold_runs[-1]["err"].splitlines():
            if line.startswith("spent"):
                print(f"split of the last cold run: {line}")
        ratio = middle(cold_runs, "wall") / middle(npm_runs, "wall")
        spread = lambda runs: ", ".join(f"{run['wall']:.1f}" for run in runs)
        print(f"cold runs: npm {spread(npm_runs)} s; bifocal {spread(cold_runs)} s")
        print(f"cold: {ratio:.2f} times npm's install (limit {COLD_RATIO}), {middle(cold_runs, 'cpu') / middle(npm_runs, 'cpu'):.2f} times its processor time")
        releases = report["summary"]["releases"]
        warm_ms = middle(warm_runs, "wall") * 1000
        warm_mb = max(run["mb"] for run in warm_runs)
        print(f"warm: {warm_ms:.0f} ms and {warm_mb:.0f} MB for {releases} releases (limits for 1,000: {WARM_MS} ms, {WARM_MB} MB)")
        if peer_runs:
            print(f"warm: {warm_ms / (middle(peer_runs, 'wall') * 1000):.2f} times osv-scanner's time, {warm_mb / max(run['mb'] for run in peer_runs):.2f} times its memory")
        if ratio > COLD_RATIO:
            failed.append("cold")
        if warm_ms > WARM_MS * max(1, releases / 1000) or warm_mb > WARM_MB:
            failed.append("warm")
    if failed:
        print(f"missed: {', '.join(failed)}")
    return 1 if failed else 0


try:
    sys.exit(main())
except Failed as failure:
    sys.exit(str(failure))
