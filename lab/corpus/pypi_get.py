#!/usr/bin/env python3
"""Fetches wheels and sdists with pip's own index and network code and the user's pip configuration; builds nothing.

usage: PYTHON_WITH_PIP pypi_get.py WANTED.jsonl LOG.jsonl FOLDER [PROCESSES]

`pip download` runs a source distribution's setup code to learn its dependencies; the lab must not, so this takes the
file that pip would take and stops there. Written against pip 26; run it with a virtual environment that has that.

WANTED: {"name","version"|"latest","set","kinds":["whl","sdist"]} a line; of each kind the file that pip prefers for
this platform, kinds that a release lacks are left out ("whl|sdist": the first of both that exists). LOG gets a line a
file: version, filename, kind, sha256, size, published, previous (the version before it that has a file of the kind),
or error. What is in the log is skipped, so a run resumes.
"""
import collections
import hashlib
import json
import multiprocessing
import os
import pathlib
import re
import sys

MOST_BYTES = 40_000_000
STATE = {}


def start():
    from pip._internal.cli.cmdoptions import make_target_python
    from pip._internal.commands import create_command

    command = create_command("download")
    STATE["context"] = command.main_context()
    STATE["context"].__enter__()
    options, _ = command.parse_args(["--no-deps", "--no-cache-dir", "--quiet"])
    session = command.get_default_session(options)
    STATE["session"] = session
    STATE["finder"] = command._build_package_finder(options, session, make_target_python(options), ignore_requires_python=True)


def kind_of(link):
    return "whl" if link.is_wheel else "sdist" if link.filename.endswith((".tar.gz", ".tgz", ".zip", ".tar.bz2")) else None


def fetch(link, target):
    """Writes the file; gives (sha256, size)."""
    digest, size = hashlib.sha256(), 0
    response = STATE["session"].get(link.url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True)
    response.raise_for_status()
    if int(response.headers.get("Content-Length") or 0) > MOST_BYTES:
        response.close()
        raise ValueError("larger than the lab takes")
    part = target.with_name(target.name + ".part")
    with part.open("wb") as out:
        for chunk in response.iter_content(1 << 16):
            size += len(chunk)
            if size > MOST_BYTES:
                raise ValueError("larger than the lab takes")
            digest.update(chunk)
            out.write(chunk)
    if link.hash_name == "sha256" and link.hash != digest.hexdigest():
        raise ValueError("the file is not the one that the index names")
    os.replace(part, target)
    return digest.hexdigest(), size


def one(job):
    wanted, folder = job
    lines = []
    note = lambda **more: lines.append({"name": wanted["name"], "wanted": wanted["version"], "set": wanted["set"], **more})
    try:
        from pip._vendor.packaging.version import Version

        ranked = collections.defaultdict(lambda: collections.defaultdict(list))
        for candidate in STATE["finder"].find_all_candidates(wanted["name"]):
            if kind_of(candidate.link) and not candidate.link.is_yanked:
                ranked[kind_of(candidate.link)][candidate.version].append(candidate.link)
        versions = set(ranked["whl"]) | set(ranked["sdist"])
        stable = [v for v in versions if not v.is_prerelease] or versions
        version = max(stable, default=None) if wanted["version"] == "latest" else Version(wanted["version"])
        if version not in versions:
            raise ValueError("no file for this version and platform")
        for kinds in wanted["kinds"]:
            kind = next((kind for kind in kinds.split("|") if version in ranked[kind]), None)
            if kind is None:
                continue
            # Prefer the wheel that fits every platform, then the smallest name: the choice is the same in every run.
            link = sorted(ranked[kind][version], key=lambda link: ("none-any" not in link.filename, link.filename))[0]
            before = [v for v in ranked[kind] if v < version and (version.is_prerelease or not v.is_prerelease)]
            target = folder / wanted["set"] / re.sub(r"[^A-Za-z0-9._+-]", "_", link.filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            sha256, size = fetch(link, target)
            published = getattr(link, "upload_time", None)
            note(version=str(version), filename=target.name, kind=kind, sha256=sha256, size=size, published=published.isoformat() if published else None,
                 previous=str(max(before)) if before else None, releases=len(versions))
    except Exception as error:  # one bad release must not end the run; the log says why it is missing
        note(error=re.sub(r"https?://\S+", "the registry", f"{type(error).__name__}: {error}")[:200])
    return lines


def main():
    wanted_file, log_file, folder = map(pathlib.Path, sys.argv[1:4])
    processes = int(sys.argv[4]) if len(sys.argv) > 4 else 4
    read = lambda path: [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(entry["name"], entry["wanted"]) for entry in read(log_file)}
    queue = [entry for entry in read(wanted_file) if (entry["name"], entry["version"]) not in done]
    with multiprocessing.Pool(processes, start) as pool, log_file.open("a") as log:
        for count, lines in enumerate(pool.imap_unordered(one, [(entry, folder) for entry in queue]), 1):
            log.writelines(json.dumps(line) + "\n" for line in lines)
            log.flush()
            if count % 100 == 0:
                print(f"{count} done, {len(queue) - count} to go", file=sys.stderr)


if __name__ == "__main__":
    main()
