#!/usr/bin/env python3
"""Tests of check_projects.py: with a program that answers as it is told, in place of Bifocal."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import check_projects

PURL = "pkg:npm/x@1.0.0"


def release(verdict, artifacts=1, error=None):
    one = {"purl": PURL, "verdict": verdict, "reasons": [{"rule": "r", "message": "m", "verdict": verdict}], "artifacts": [{}] * artifacts}
    return {**one, "error": error} if error else one


def left(releases, explained=(), missing=()):
    report = {"releases": releases, "not_evaluated": [{"what": what, "error": "it is not fetched"} for what in missing]}
    return tuple(check_projects.look_through(report, dict(explained))[2].values())


class LookThrough(unittest.TestCase):
    def test_what_nothing_explains_is_counted(self):
        why = {PURL: "why"}
        self.assertEqual(left([release("allow")]), (0, 0, 0))
        self.assertEqual(left([release("hold")]), (1, 0, 0))
        self.assertEqual(left([release("hold")], why), (0, 0, 0))
        self.assertEqual(left([release("error", 0, "no connection")]), (0, 1, 0))
        self.assertEqual(left([release("error", 0, "no connection")], why), (0, 0, 0))
        self.assertEqual(left([release("hold", 1, "a feed is missing")]), (1, 1, 0))
        self.assertEqual(left([release("allow", 0)]), (0, 0, 1))
        self.assertEqual(left([release("allow")], (), ["git x"]), (0, 1, 0))
        self.assertEqual(left([release("allow")], {"git x": "why"}, ["git x"]), (0, 0, 0))


class Shapes(unittest.TestCase):
    def test_a_shape_that_is_allowed_and_a_twin_that_is_held_are_wrong(self):
        def report(attack, twin):
            row = {"name": "n", "attack": {"purl": PURL, "verdict": attack}, "twin": {"purl": PURL, "verdict": twin}}
            return {"policy": {"digest": "sha256:1"}, "summary": {"releases": 2, "artifacts": 2}, "shapes": [row]}

        self.assertEqual(check_projects.look_through_shapes(report("deny", "allow"), {"sha256:1"})[1], 0)
        self.assertEqual(check_projects.look_through_shapes(report("allow", "allow"), {"sha256:1"})[1], 1)
        self.assertEqual(check_projects.look_through_shapes(report("hold", "hold"), {"sha256:1"})[1], 1)
        self.assertEqual(check_projects.look_through_shapes(report("hold", "allow"), {"sha256:2"})[1], 1)


class ExitCode(unittest.TestCase):
    def run_with(self, releases, code):
        """The exit code over one project whose check answers with these releases."""
        project = next(one for one in check_projects.tomllib.loads((HERE / "projects.toml").read_text())["project"] if "repository" in one)
        summary = dict.fromkeys(("releases", "allow", "hold", "deny", "error"), 0) | {"artifacts": sum(len(one["artifacts"]) for one in releases)}
        report = json.dumps({"summary": summary, "releases": releases, "not_evaluated": []})
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            programs = {"bifocal": f"cat <<'END'\n{report}\nEND\nexit {code}\n", "git": "echo\n"}
            for name, text in programs.items():
                (work / name).write_text("#!/bin/sh\n" + text)
                (work / name).chmod(0o755)
            clone = work / project["repository"].split("/")[1]
            clone.mkdir()
            (clone / "HEAD").touch()
            run = subprocess.run([sys.executable, HERE / "check_projects.py", "--bifocal", work / "bifocal", "--clones", work, "--only", project["name"]],
                                 capture_output=True, text=True, env=dict(os.environ, PATH=f"{work}:{os.environ['PATH']}"))
        return run.returncode, run.stdout + run.stderr

    def test_errors_and_what_was_not_looked_at_are_a_failure(self):
        self.assertEqual(self.run_with([release("allow")], 0)[0], 0)
        code, said = self.run_with([release("error", 0, "no connection")] * 78, 3)
        self.assertEqual(code, 1, said)
        self.assertIn("78 errors", said)
        code, said = self.run_with([], 0)
        self.assertEqual(code, 1, said)
        self.assertIn("no artifact was looked at", said)


if __name__ == "__main__":
    unittest.main()
