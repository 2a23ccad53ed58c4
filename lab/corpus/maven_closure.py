#!/usr/bin/env python3
"""Dependency closures of real Maven applications, resolved by Maven from poms alone.

usage: maven_closure.py --clones DIR --out EXTRA.jsonl --work DIR [--repository DIR]

The applications' own poms are never run: their direct dependencies, managed versions, imported BOMs and outside parent
are read out of the newest commit, a plain pom with these is written, and `dependency:tree` (which fetches poms, no
jars) resolves it. Dependencies that Maven cannot find or that have no version are dropped and reported.
One line a release for collect.py --extra: {"source","ecosystem","name","version"}.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

TREE = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:tree"
SAFE = re.compile(r"^[A-Za-z0-9._-]+$")


def poms(git):
    run = lambda *args: subprocess.run(["git", f"--git-dir={git}", *args], capture_output=True, check=True).stdout
    commit = run("rev-parse", "HEAD").decode().strip()
    found = []
    for path in run("ls-tree", "-r", "--name-only", "-z", "HEAD").decode(errors="replace").split("\0"):
        if re.search(r"(^|/)pom\.xml$", path) and not re.search(r"(^|/)(src/test|testdata|fixtures|archetype-resources)/", path):
            try:
                text = run("show", f"HEAD:{path}").decode(errors="replace")
                if "<!DOCTYPE" not in text and "<!ENTITY" not in text:
                    found.append(ET.fromstring(re.sub(r'\sxmlns="[^"]+"', "", text, count=1)))
            except (subprocess.CalledProcessError, ET.ParseError):
                continue
    return commit, found


def text_of(node, path):
    found = node.find(path)
    return (found.text or "").strip() if found is not None else ""


class Application:
    """What the poms of one repository say, put together."""

    def __init__(self, trees):
        self.properties, self.managed, self.direct, self.boms, self.parents = {}, {}, {}, set(), set()
        self.own = {text_of(tree, "artifactId") for tree in trees}
        for tree in trees:
            parent = tree.find("parent")
            for prop in tree.findall("properties/*"):
                self.properties.setdefault(prop.tag, (prop.text or "").strip())
            if parent is not None and text_of(parent, "artifactId") not in self.own:
                self.parents.add((text_of(parent, "groupId"), text_of(parent, "artifactId"), text_of(parent, "version")))
        for tree in trees:
            for dependency in tree.findall("dependencyManagement/dependencies/dependency"):
                self.note(dependency, managed=True)
        for tree in trees:
            for dependency in tree.findall("dependencies/dependency"):
                self.note(dependency, managed=False)

    def expand(self, value):
        for _ in range(5):
            value = re.sub(r"\$\{([^}]+)\}", lambda match: self.properties.get(match.group(1), match.group(0)), value)
        return value

    def note(self, node, managed):
        group, artifact, version = (self.expand(text_of(node, key)) for key in ("groupId", "artifactId", "version"))
        if artifact in self.own or not SAFE.match(group) or not SAFE.match(artifact) or (version and not SAFE.match(version)):
            return
        if text_of(node, "scope") == "import":
            if version:
                self.boms.add((group, artifact, version))
        elif text_of(node, "type") not in ("", "jar") or text_of(node, "classifier") or text_of(node, "scope") == "system":
            return
        elif managed:
            if version:
                self.managed.setdefault((group, artifact), version)
        else:
            self.direct[group, artifact] = version or self.direct.get((group, artifact), "")

    def pom(self, dropped):
        line = lambda group, artifact, version, more="": (
            f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(artifact)}</artifactId>"
            + (f"<version>{escape(version)}</version>" if version else "") + f"{more}</dependency>")
        parents = [parent for parent in sorted(self.parents) if all(map(SAFE.match, parent)) and parent[:2] not in dropped]
        parent = ""
        if len(parents) == 1:
            parent = "<parent>" + "".join(f"<{key}>{value}</{key}>" for key, value in zip(("groupId", "artifactId", "version"), parents[0])) + "<relativePath/></parent>"
        properties = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in self.properties.items()
                             if re.match(r"^[A-Za-z_][\w.-]*version$", key, re.I) and SAFE.match(value)) if parent else ""
        managed = "".join(line(group, artifact, version) for (group, artifact), version in sorted(self.managed.items()) if (group, artifact) not in dropped)
        managed += "".join(line(*bom, "<type>pom</type><scope>import</scope>") for bom in sorted(self.boms) if bom[:2] not in dropped)
        direct = "".join(line(group, artifact, version) for (group, artifact), version in sorted(self.direct.items()) if (group, artifact) not in dropped)
        return (f'<project><modelVersion>4.0.0</modelVersion>{parent}<groupId>example</groupId>'
                f"<artifactId>closure</artifactId><version>0</version><properties>{properties}</properties>"
                f"<dependencyManagement><dependencies>{managed}</dependencies></dependencyManagement><dependencies>{direct}</dependencies></project>")


def resolve(application, folder, repository):
    """Releases of the closure, and what had to be dropped."""
    folder.mkdir(parents=True, exist_ok=True)
    dropped = set()
    for _ in range(25):
        (folder / "pom.xml").write_text(application.pom(dropped))
        tree = folder / "tree.txt"
        tree.unlink(missing_ok=True)
        done = subprocess.run(["mvn", "-B", "-q", f"-Dmaven.repo.local={repository}", "-f", folder / "pom.xml", TREE, f"-DoutputFile={tree}", "-DoutputType=text"],
                              capture_output=True, text=True, timeout=900)
        if done.returncode == 0 and tree.exists():
            found = re.findall(r"([A-Za-z0-9._-]+):([A-Za-z0-9._-]+):jar:([A-Za-z0-9._+-]+):(?:compile|runtime|provided|test)", tree.read_text())
            return {(f"{group}:{artifact}", version) for group, artifact, version in found}, dropped
        known = set(application.direct) | {bom[:2] for bom in application.boms} | {parent[:2] for parent in application.parents} | set(application.managed)
        named = set(re.findall(r"([A-Za-z0-9._-]+):([A-Za-z0-9._-]+):(?:jar|pom)", done.stdout + done.stderr)) & known
        if not named - dropped:
            # The culprit is deeper: the chain names the direct dependency that led there.
            print(f"  gave up: {(done.stdout + done.stderr).strip()[-300:]}", file=sys.stderr)
            return set(), dropped
        dropped |= named
    return set(), dropped


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--repository", required=True, type=pathlib.Path)
    args = parser.parse_args()
    done = {json.loads(line)["source"] for line in args.out.read_text().splitlines()} if args.out.exists() else set()
    for folder in sorted(args.clones.iterdir()):
        git = next((path for path in (folder / "repo" / ".git", folder / "repo", folder) if (path / "HEAD").is_file()), None)
        if git is None:
            continue
        commit, trees = poms(git)
        source = f"{folder.name.replace('+', '/')}@{commit[:12]}"
        if not trees or source in done:
            continue
        found, dropped = resolve(Application(trees), args.work / folder.name, args.repository)
        print(f"{source}: {len(found)} jars, {len(dropped)} dropped", file=sys.stderr)
        with args.out.open("a") as out:
            for name, version in sorted(found):
                out.write(json.dumps({"source": source, "ecosystem": "maven", "name": name, "version": version}) + "\n")


if __name__ == "__main__":
    main()
