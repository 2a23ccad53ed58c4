#!/usr/bin/env python3
"""Fetches jars with Maven's dependency plugin, without what they depend on, many in one run.

usage: maven_get.py WANTED.jsonl LOG.jsonl FOLDER LOCAL_REPOSITORY WORK

A version `<V` asks for the release before V: Maven resolves the range `[0,V)` (poms only), again below a pre-release
when V is none.
"""
import pathlib
import re
import subprocess
import sys
from xml.sax.saxutils import escape

import fetching

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
BATCH = 40
UNSTABLE = re.compile(r"(alpha|beta|snapshot|preview|[-.](rc|cr|m|ea|pre|b|a)\.?-?\d*$|incubating-rc)", re.I)
HEAD = ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>example</groupId>'
        "<artifactId>lab</artifactId><version>0</version>")


def coordinates(entry):
    group, artifact = entry["name"].split(":")
    return f"<groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"


def mvn(work, repository, pom, *args):
    work.mkdir(parents=True, exist_ok=True)
    (work / "pom.xml").write_text(pom)
    done = subprocess.run(["mvn", "-B", "-q", f"-Dmaven.repo.local={repository}", "-f", work / "pom.xml", *args], capture_output=True, text=True, timeout=900)
    return done.returncode == 0, done.stdout + done.stderr


def blamed(message, batch):
    """The entries that Maven's message names, or else the whole batch when it is down to one."""
    named = [entry for entry in batch if re.search(re.escape(entry["name"]) + r"[:\s]", message)]
    return named or (batch if len(batch) == 1 else [])


def each_batch(queue, attempt, fail):
    """Runs attempt(batch) -> (ok, message) over the queue; what Maven blames is failed, and the rest tried again."""
    waiting = [queue[start:start + BATCH] for start in range(0, len(queue), BATCH)]
    while waiting:
        batch = waiting.pop(0)
        if not batch:
            continue
        ok, message = attempt(batch)
        if ok:
            continue
        bad = blamed(message, batch)
        for entry in bad:
            fail(entry, message)
        rest = [entry for entry in batch if entry not in bad]
        if bad:
            waiting.insert(0, rest)
        else:
            waiting[:0] = [rest[: len(rest) // 2], rest[len(rest) // 2:]]


def earlier(queue, repository, work, fail):
    """Sets entry["resolved"] for versions of the form `<V`."""
    for entry in queue:
        entry["bound"] = entry["version"][1:]
    for _ in range(8):
        open_ones = [entry for entry in queue if "resolved" not in entry and "failed" not in entry]
        if not open_ones:
            return

        def attempt(batch):
            tree = work / "tree.txt"
            tree.unlink(missing_ok=True)
            pom = HEAD + "<dependencies>" + "".join(
                f"<dependency>{coordinates(entry)}<version>[0,{escape(entry['bound'])})</version><exclusions><exclusion><groupId>*</groupId>"
                "<artifactId>*</artifactId></exclusion></exclusions></dependency>" for entry in batch) + "</dependencies></project>"
            ok, message = mvn(work, repository, pom, PLUGIN + ":tree", f"-DoutputFile={tree}", "-DoutputType=text")
            if ok:
                found = dict(re.findall(r"([A-Za-z0-9._-]+:[A-Za-z0-9._-]+):jar:([A-Za-z0-9._+-]+):", tree.read_text()))
                for entry in batch:
                    version = found.get(entry["name"])
                    if version is None:
                        fail(entry, "no earlier version")
                    elif UNSTABLE.search(version) and not UNSTABLE.search(entry["version"]):
                        entry["bound"] = version
                    else:
                        entry["resolved"] = version
            return ok, message

        each_batch(open_ones, attempt, fail)
    for entry in queue:
        if "resolved" not in entry and "failed" not in entry:
            fail(entry, "only pre-releases before it")


def main():
    wanted, log_file = sys.argv[1:3]
    folder, repository, work = map(pathlib.Path, sys.argv[3:6])
    queue = fetching.waiting(wanted, log_file)
    with open(log_file, "a") as log:
        def note(entry, **more):
            log.write(fetching.json.dumps({"name": entry["name"], "wanted": entry["version"], "set": entry["set"], **more}) + "\n")
            log.flush()

        def fail(entry, message):
            entry["failed"] = True
            note(entry, error=re.sub(r"https?://\S+", "the registry", message.strip())[:160])

        earlier([entry for entry in queue if entry["version"].startswith("<")], repository, work, fail)
        ready = [entry for entry in queue if "failed" not in entry]

        def attempt(batch):
            items = "".join(f"<artifactItem>{coordinates(entry)}<version>{escape(entry.get('resolved', entry['version']))}</version></artifactItem>" for entry in batch)
            pom = HEAD + ("<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId>"
                          f"<configuration><artifactItems>{items}</artifactItems><outputDirectory>{escape(str(work / 'jars'))}</outputDirectory>"
                          "<prependGroupId>true</prependGroupId><overWriteReleases>true</overWriteReleases></configuration></plugin></plugins></build></project>")
            ok, message = mvn(work, repository, pom, PLUGIN + ":copy")
            if ok:
                for entry in batch:
                    group, artifact = entry["name"].split(":")
                    version = entry.get("resolved", entry["version"])
                    found = work / "jars" / f"{group}.{artifact}-{version}.jar"
                    try:
                        note(entry, version=version, kind="jar", published=None, **fetching.keep(found, folder, entry["set"], f"{group}+{artifact}-{version}.jar"))
                        found.unlink()
                    except (OSError, ValueError) as error:
                        fail(entry, fetching.why(error))
                print(f"{len(batch)} copied", file=sys.stderr)
            return ok, message

        each_batch(ready, attempt, fail)


if __name__ == "__main__":
    main()
