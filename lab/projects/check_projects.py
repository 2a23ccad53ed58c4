#!/usr/bin/env python3
"""Runs `bifocal check` on real projects of five ecosystems and lists every hold, deny and error with its reason.

usage: check_projects.py --bifocal PROGRAM --clones DIR [--only NAME…] [--popularity DIR] [--report FILE]

DIR holds clones (bare or not) of the repositories that projects.toml names, as DIR/owner+name/repo, DIR/owner/name or
DIR/name; each file is read at the commit of the manifest. Pinned requirements are resolved with `uv` where it is on the
path. Everything is fetched from the registries that this machine's own clients use. --popularity: lists
popular-<ecosystem>.txt (npm, pypi, go) of names, most popular first, are loaded as feeds. The exit code is 1 when a
release was held or denied that the manifest does not explain (`expected`: a purl and why), when something could not be
evaluated that it does not explain (`expected`: the purl, or the dependency as the report names it), when a release has no
artifact that was looked at, or when a project was left out.

Without --only, the attack shapes and their benign twins (crates/bifocal/tests/it/shapes) are then checked by the same
PROGRAM, in the same run, under the same policy: the exit code is also 1 when a shape is allowed or a twin is not.
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


def look_through(report, explained):
    """Lines about what is not allowed or was not looked at, the findings, and how many of them nothing explains."""
    lines, findings = [], []
    open_ones = {"verdicts": 0, "errors": 0, "not looked at": 0}

    def explain(sort, name):
        note = explained.get(name)
        open_ones[sort] += note is None
        return f"          {'justified: ' + note if note else 'NOT EXPLAINED'}"

    for release in report["releases"]:
        purl, verdict = release["purl"], release["verdict"]
        if verdict in ("hold", "deny"):
            reasons = "; ".join(f"[{one['rule']}] {one['message']}" for one in release["reasons"] if one["verdict"] != "allow")
            findings.append({"purl": purl, "verdict": verdict, "reasons": reasons})
            lines += [f"    {verdict:5} {purl}", f"          {reasons}", explain("verdicts", purl)]
        if verdict == "error" or release.get("error"):
            lines += [f"    error {purl}: {release.get('error')}", explain("errors", purl)]
        elif not release["artifacts"] and purl not in explained:
            open_ones["not looked at"] += 1
            lines.append(f"    {purl}: no artifact was looked at")
    for missing in report["not_evaluated"]:
        lines += [f"    error {missing['what']}: {missing['error']}", explain("errors", missing["what"])]
    return lines, findings, open_ones


def check_shapes(bifocal, work):
    """Publishes the shapes on a loopback upstream and checks them: the report that the test writes, or why there is none."""
    written = work / "shapes.json"
    env = dict(os.environ, BIFOCAL_PROGRAM=str(bifocal), BIFOCAL_SHAPES_REPORT=str(written))
    run = subprocess.run(["cargo", "test", "--quiet", "--locked", "-p", "bifocal", "--test", "it", "shapes::"], cwd=HERE, env=env, capture_output=True)
    if not written.exists():
        return None, run.stderr.decode(errors="replace").strip()[-600:]
    return json.loads(written.read_text()), None


def look_through_shapes(report, policies):
    """Lines about the shapes, and how many verdicts are wrong or came from another policy than the projects'."""
    rows, summary = report["shapes"], report["summary"]
    held = sum(row["attack"]["verdict"] in ("hold", "deny") for row in rows)
    allowed = sum(row["twin"]["verdict"] == "allow" for row in rows)
    lines = [f"shapes: {held} of {len(rows)} attack shapes held or denied, {allowed} of {len(rows)} benign twins allowed; "
             f"{summary['releases']} releases, {summary['artifacts']} artifacts looked at"]
    for row in rows:
        ecosystem = row["attack"]["purl"].removeprefix("pkg:").split("/")[0]
        lines.append(f"    {ecosystem:8} {row['name']}: {row['attack']['verdict']}, its twin: {row['twin']['verdict']}")
    wrong = 2 * len(rows) - held - allowed
    if policies - {report["policy"]["digest"]}:
        wrong += 1
        lines.append("    the shapes were judged by another policy than the projects")
    return lines, wrong


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
    findings, skipped, looked_into, policies, shapes, wrong_shapes = [], [], 0, set(), None, 0
    open_ones = {"verdicts": 0, "errors": 0, "not looked at": 0}
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
            policies.add(report.get("policy", {}).get("digest"))
            summary = report["summary"]
            for key in total:
                total[key] += summary[key]
            source = project.get("commit", " ".join(project.get("requirements", [])))[:40]
            print(f"{project['name']:16}{source:42}{summary['releases']:>6} releases{summary['artifacts']:>7} artifacts"
                  f"{summary['hold']:>4} held{summary['deny']:>4} denied{summary['error']:>4} errors{took:>8.1f} s", flush=True)
            explained = project.get("expected", {})
            lines, found, left = look_through(report, explained)
            print("".join(line + "\n" for line in lines), end="", flush=True)
            findings += [{"project": project["name"], **one} for one in found]
            for sort in open_ones:
                open_ones[sort] += left[sort]
            looked_into += 1
        if not args.only:
            shapes, why = check_shapes(bifocal, work)
            if why is None:
                lines, wrong_shapes = look_through_shapes(shapes, policies)
                print("\n" + "\n".join(lines))
            else:
                skipped.append(f"the attack shapes: {why}")
    print(f"\nall: {total}")
    for line in skipped:
        print(f"skipped: {line}")
    print(f"without an explanation in projects.toml: {open_ones['verdicts']} holds or denies, {open_ones['errors']} errors; "
          f"{open_ones['not looked at']} releases without an artifact")
    if args.report:
        args.report.write_text(json.dumps({"total": total, "findings": findings, "skipped": skipped, "shapes": shapes}, indent=1))
    if not total["artifacts"]:
        print("no artifact was looked at")
    return 1 if any(open_ones.values()) or skipped or wrong_shapes or not looked_into or not total["artifacts"] else 0


if __name__ == "__main__":
    sys.exit(main())
