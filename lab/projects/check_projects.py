#!/usr/bin/env python3
"""Runs `bifocal check` on real projects of five ecosystems and lists every hold, deny and error with its reason.

usage: check_projects.py --bifocal PROGRAM --clones DIR [--only NAME…] [--popularity DIR] [--report FILE]

DIR holds clones (bare or not) of the repositories that projects.toml names, as DIR/owner+name/repo, DIR/owner/name or
DIR/name; each file is read at the commit of the manifest. Pinned requirements are resolved with `uv` where it is on the
path. Everything is fetched from the registries that this machine's own clients use. --popularity: lists
popular-<ecosystem>.txt (npm, pypi, go) of names, most popular first, are loaded as feeds. The exit code is 1 when a
release was held or denied that the manifest does not explain, or when an artifact was not looked at.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).parent


def git_dir(clones, repository):
    owner, name = repository.split("/")
    for path in (clones / f"{owner}+{name}" / "repo", clones / owner / name, clones / name):
        for candidate in (path, path / ".git"):
            if (candidate / "HEAD").exists():
                return candidate
    return None


def materialise(project, clones, folder):
    """Writes the project's files; gives why not, or None."""
    if "requirements" in project:
        source = folder / "requirements.in"
        source.write_text("\n".join(project["requirements"]) + "\n")
        try:
            subprocess.run(["uv", "pip", "compile", "--generate-hashes", "--no-header", "-q", source, "-o", folder / "requirements.txt",
                            "--exclude-newer", project["date"]], check=True, capture_output=True)
        except FileNotFoundError:
            return "uv is not on the path"
        except subprocess.CalledProcessError as error:
            return error.stderr.decode(errors="replace").strip()[-300:]
        source.unlink()
        return None
    repo = git_dir(clones, project["repository"])
    if repo is None:
        return f"no clone of {project['repository']} below {clones}"
    for file in project["files"]:
        shown = subprocess.run(["git", f"--git-dir={repo}", "show", f"{project['commit']}:{file}"], capture_output=True)
        if shown.returncode != 0:
            return shown.stderr.decode(errors="replace").strip()
        (folder / pathlib.Path(file).name).write_bytes(shown.stdout)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True, type=pathlib.Path)
    parser.add_argument("--clones", required=True, type=pathlib.Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--popularity", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path, help="keep the cache here between runs")
    parser.add_argument("--report", type=pathlib.Path, help="also write the findings as JSON")
    args = parser.parse_args()
    bifocal = args.bifocal.resolve()
    manifest = tomllib.loads((HERE / "projects.toml").read_text())
    total = {"releases": 0, "allow": 0, "hold": 0, "deny": 0, "error": 0, "artifacts": 0}
    findings, skipped, unexplained, not_looked_at = [], [], 0, 0
    with tempfile.TemporaryDirectory(prefix="bifocal-projects-") as work:
        work = pathlib.Path(work)
        env = dict(os.environ, BIFOCAL_CACHE_DIR=str(args.cache.resolve() if args.cache else work / "cache"), BIFOCAL_FEEDS_DIR=str(work / "feeds"))
        if args.popularity:
            for ecosystem, name in (("npm", "npm"), ("pypi", "pypi"), ("golang", "go")):
                subprocess.run([bifocal, "feed", "update", "--popularity", ecosystem, args.popularity / f"popular-{name}.txt"], env=env, check=True)
        for project in manifest["project"]:
            if args.only and project["name"] not in args.only:
                continue
            folder = work / project["name"]
            folder.mkdir()
            why = materialise(project, args.clones, folder)
            if why:
                skipped.append(f"{project['name']}: {why}")
                continue
            started = time.monotonic()
            run = subprocess.run([bifocal, "check", "--format", "json"], cwd=folder, env=env, capture_output=True)
            took = time.monotonic() - started
            if run.returncode not in (0, 1, 3):
                skipped.append(f"{project['name']}: exit {run.returncode}: {run.stderr.decode(errors='replace').strip()[-300:]}")
                continue
            report = json.loads(run.stdout)
            summary = report["summary"]
            for key in total:
                total[key] += summary[key]
            source = project.get("commit", " ".join(project.get("requirements", [])))[:40]
            print(f"{project['name']:16}{source:42}{summary['releases']:>6} releases{summary['artifacts']:>7} artifacts"
                  f"{summary['hold']:>4} held{summary['deny']:>4} denied{summary['error']:>4} errors{took:>8.1f} s", flush=True)
            explained = project.get("expected", {})
            for release in report["releases"]:
                if release["verdict"] in ("hold", "deny"):
                    reasons = "; ".join(f"[{one['rule']}] {one['message']}" for one in release["reasons"] if one["verdict"] != "allow")
                    note = explained.get(release["purl"])
                    unexplained += note is None
                    findings.append({"project": project["name"], "purl": release["purl"], "verdict": release["verdict"], "reasons": reasons})
                    print(f"    {release['verdict']:5} {release['purl']}\n          {reasons}\n          {'justified: ' + note if note else 'NOT EXPLAINED'}")
                elif release["verdict"] == "error":
                    print(f"    error {release['purl']}: {release['error']}")
                elif not release["artifacts"]:
                    not_looked_at += 1
                    print(f"    {release['purl']}: no artifact was looked at")
            for missing in report["not_evaluated"]:
                print(f"    error {missing['what']}: {missing['error']}")
    print(f"\nall: {total}")
    for line in skipped:
        print(f"skipped: {line}")
    print(f"{unexplained} holds or denies without an explanation in projects.toml, {not_looked_at} releases without an artifact")
    if args.report:
        args.report.write_text(json.dumps({"total": total, "findings": findings, "skipped": skipped}, indent=1))
    return 1 if unexplained or not_looked_at or skipped else 0


sys.exit(main())
