#!/usr/bin/env python3
"""Fetches jars with Maven's dependency plugin, without what they depend on, many in one run.

usage: maven_get.py WANTED.jsonl LOG.jsonl FOLDER LOCAL_REPOSITORY WORK

A version `<V` asks for the release before V, which is looked up in the metadata that the versions plugin fetches. (A range
would do, but Maven reads the pom of every version in it.)
"""
import pathlib
import re
import subprocess
import sys
from xml.sax.saxutils import escape

import fetching

PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
UPDATES = "org.codehaus.mojo:versions-maven-plugin:2.18.0:display-dependency-updates"
BATCH = 40
UNSTABLE = re.compile(r"(alpha|beta|snapshot|preview|[-.](rc|cr|m|ea|pre|b|a)\.?-?\d*$|incubating-rc)", re.I)
HEAD = ('<project><modelVersion>4.0.0</modelVersion><groupId>example</groupId>'
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


def natural(version):
    """Maven's order, near enough for releases: numbers by value, pre-releases below their release."""
    pieces = re.findall(r"\d+|[a-z]+", version.lower())
    return [(2, int(piece)) if piece.isdigit() else (0 if UNSTABLE.search("-" + piece) else 1, 0) for piece in pieces] + [(1, 0)]


def earlier(queue, repository, work, fail):
    """Sets entry["resolved"] for versions of the form `<V`, out of the metadata that Maven leaves in its repository."""
    def attempt(batch):
        pom = HEAD + "<dependencies>" + "".join(f"<dependency>{coordinates(entry)}<version>{escape(entry['version'][1:])}</version></dependency>" for entry in batch)
        return mvn(work, repository, pom + "</dependencies></project>", UPDATES, "-DprocessDependencyManagement=false")

    each_batch(queue, attempt, fail)
    for entry in queue:
        if "failed" in entry:
            continue
        group, artifact = entry["name"].split(":")
        before, bound = set(), entry["version"][1:]
        for metadata in (repository / group.replace(".", "/") / artifact).glob("maven-metadata-*.xml"):
            before |= {version for version in re.findall(r"<version>([^<]+)</version>", metadata.read_text()) if natural(version) < natural(bound)}
        if not UNSTABLE.search(bound):
            before = {version for version in before if not UNSTABLE.search(version)}
        if before:
            entry["resolved"] = max(before, key=lambda version: (natural(version), version))
        else:
            fail(entry, "no earlier version")


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
