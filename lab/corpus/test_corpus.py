#!/usr/bin/env python3
"""Lockfile readers over hand-written files, and the split."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import collect
import families
import lockfiles
import split


class Readers(unittest.TestCase):
    def check(self, path, text, expected):
        self.assertEqual(lockfiles.releases(path, text), set(expected))

    def test_npm_lock_of_version_three_leaves_links_and_workspaces_out(self):
        text = json.dumps({"packages": {"": {"version": "1.0.0"}, "node_modules/@a/b": {"version": "1.2.3"}, "node_modules/x/node_modules/y": {"version": "2.0.0-rc.1"},
                                        "node_modules/here": {"link": True, "version": "1.0.0"}, "node_modules/alias": {"name": "real", "version": "3.0.0"},
                                        "node_modules/forked": {"version": "1.0.0", "resolved": "git+ssh://git@example.com/x.git#1"}}})
        self.check("web/package-lock.json", text, [("npm", "@a/b", "1.2.3"), ("npm", "y", "2.0.0-rc.1"), ("npm", "real", "3.0.0")])

    def test_npm_lock_of_version_one_is_nested(self):
        text = json.dumps({"dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}}, "c": {"version": "github:x/c#1"}}})
        self.check("package-lock.json", text, [("npm", "a", "1.0.0"), ("npm", "b", "2.0.0")])

    def test_both_forms_of_yarn_lock(self):
        self.check("yarn.lock", '# v1\n\n"@a/b@^1.0.0", "@a/b@^1.1.0":\n  version "1.1.0"\n  resolved "x"\n\nc@~2.0.0:\n  version "2.0.1"\n', [("npm", "@a/b", "1.1.0"), ("npm", "c", "2.0.1")])
        self.check("yarn.lock", '__metadata:\n  version: 8\n\n"x@npm:^1.0.0":\n  version: 1.0.2\n\n"y@npm:z@2.0.0":\n  version: 2.0.0\n\n"w@workspace:.":\n  version: 0.0.0\n', [("npm", "x", "1.0.2"), ("npm", "z", "2.0.0")])

    def test_forms_of_pnpm_lock(self):
        for text in ("packages:\n\n  /@a/b/1.0.0_peer@2.0.0:\n    dev: true\n  /c/2.0.0:\n", "packages:\n\n  '@a/b@1.0.0(peer@2.0.0)':\n    x: y\n  c@2.0.0:\n", "packages:\n\n  /@a/b@1.0.0(peer@2.0.0):\n  /c@2.0.0:\n"):
            self.check("pnpm-lock.yaml", text + "\nother:\n  z@9.0.0:\n", [("npm", "@a/b", "1.0.0"), ("npm", "c", "2.0.0")])

    def test_python_locks_are_normalised_and_leave_other_sources_out(self):
        self.check("uv.lock", '[[package]]\nname = "A_b.C"\nversion = "1.0"\nsource = { registry = "x" }\n[[package]]\nname = "me"\nversion = "0"\nsource = { editable = "." }\n', [("pypi", "a-b-c", "1.0")])
        self.check("requirements-dev.txt", "# x\nA.b==1.0 ; python_version > '3'\nc>=2\n-e .\nd[x]==2.0\n", [("pypi", "a-b", "1.0"), ("pypi", "d", "2.0")])
        self.check("Pipfile.lock", json.dumps({"default": {"a": {"version": "==1.0"}, "b": {"git": "x"}}, "develop": {}}), [("pypi", "a", "1.0")])

    def test_cargo_and_go(self):
        self.check("Cargo.lock", '[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "registry+x"\nchecksum = "00"\n[[package]]\nname = "own"\nversion = "0.1.0"\n', [("cargo", "a", "1.0.0")])
        self.check("go.mod", "module example.com/m\n\nrequire example.com/a/v2 v2.0.0\nrequire (\n\texample.com/b v1.0.0 // indirect\n\texample.com/c v1.0.0\n)\nreplace example.com/c => ../c\n",
                   [("golang", "example.com/a/v2", "v2.0.0"), ("golang", "example.com/b", "v1.0.0")])

    def test_what_cannot_be_read_gives_nothing(self):
        for path in ("package-lock.json", "poetry.lock", "Cargo.lock", "Pipfile.lock"):
            self.check(path, "{ not this [", [])
        self.check("README.md", "a==1.0", [])


class Families(unittest.TestCase):
    def test_clones_with_other_names_strings_and_comments_are_one_family(self):
        one = b"# a\nimport os\nfor x in ['a', 'b']:\n    print(x, 1)\n"
        clone = b"import sys\n\nfor other_name in ['zzz', 'c']:\n\tshow(other_name, 99)  # other\n"
        self.assertEqual(families.shape(one), families.shape(clone))
        self.assertNotEqual(families.shape(one), families.shape(one.replace(b"for", b"while")))
        self.assertIsNone(families.shape(b"# only a comment\n\n"))

    def test_broken_text_has_a_family_too(self):
        self.assertIsNotNone(families.shape(b"exec('" + b"''never closed \xff ((("))

    def test_agreement_of_two_groupings(self):
        rows = [{"family": "a", "own": "1"}, {"family": "a", "own": "1"}, {"family": "a", "own": "2"}, {"family": "b", "own": "2"}]
        self.assertEqual(families.compare(rows), (1 / 3, 1 / 2))


class Split(unittest.TestCase):
    def test_buckets_of_known_names(self):
        # Computed by hand from the rule; a change of the rule would move names between tuning and judging.
        self.assertEqual([split.bucket(name) for name in ("homeassistant", "n8n")], [21, 76])
        self.assertEqual([split.part(name) for name in ("homeassistant", "n8n")], ["tune", "judge"])
        self.assertFalse(split.allowed("n8n"))

    def test_names_are_normalised_for_pypi_alone(self):
        self.assertEqual(split.normalise("pypi", "Zope.Interface__X"), "zope-interface-x")
        self.assertEqual(split.normalise("npm", "@A/b_C"), "@A/b_C")

    def test_the_newer_pin_is_preferred(self):
        versions = ["1.9.0", "1.10.0-rc.1", "1.10.0", "1.2.30"]
        self.assertEqual(max(versions, key=collect.natural), "1.10.0")


if __name__ == "__main__":
    unittest.main()
