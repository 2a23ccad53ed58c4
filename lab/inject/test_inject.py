#!/usr/bin/env python3
"""Every shape of both families, put into a tiny package by several seeds, gives code that its language's own tools parse.

usage: python3 lab/inject/test_inject.py        (needs node, javac, gofmt, rustfmt; a missing tool is a failure, not a skip)
"""
import importlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import inject
from bundle import Bundle
from context import Context
from place import Unsuitable

SEEDS = range(5)
RESERVED = re.compile(r"example\.(com|net|org)|\.example\b|\.invalid|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.")


def tar(path, files):
    with tarfile.open(path, "w:gz") as out:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            out.addfile(info, io.BytesIO(text.encode()))


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)


def packages(folder):
    """One or two small honest packages an ecosystem."""
    manifest = json.dumps({"name": "small", "version": "1.0.0", "main": "lib/index.js"})
    tar(folder / "small-1.0.0.tgz", {"package/package.json": manifest, "package/lib/index.js": "'use strict';\nconst a = 1;\nmodule.exports = { a };\n"})
    modern = json.dumps({"name": "small", "version": "1.0.0", "type": "module", "exports": {".": {"import": "./index.js"}}})
    tar(folder / "modern-1.0.0.tgz", {"package/package.json": modern, "package/index.js": "import fs from 'node:fs';\nexport const a = fs.sep;\n"})
    setup = "from setuptools import setup\n\nsetup(name='small', version='1.0', packages=['small'], install_requires=['six'])\n"
    module = '"""Small."""\nfrom os import (\n    path,\n    sep,\n)\n\nfrom . import core\n\n__version__ = "1.0"\n'
    core = "import re\n\n\ndef split(text):\n    return re.split(',', text)\n"
    project = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    tar(folder / "small-1.0.tar.gz", {"small-1.0/PKG-INFO": "Name: small\nVersion: 1.0\n\nText\n", "small-1.0/setup.py": setup, "small-1.0/pyproject.toml": project,
                                      "small-1.0/small/__init__.py": module, "small-1.0/small/core.py": core})
    zipped(folder / "small-1.0-py3-none-any.whl", {"small/__init__.py": module, "small/core.py": core, "small-1.0.dist-info/METADATA": "Name: small\nVersion: 1.0\n\nText\n",
                                                    "small-1.0.dist-info/RECORD": ""})
    source = folder / "Small.java"
    source.write_text("package small; public class Small { public int a() { return 1; } }")
    subprocess.run(["javac", "--release", "8", "-Xlint:none", "-d", folder / "classes", source], check=True, capture_output=True)
    zipped(folder / "small-1.0.jar", {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "small/Small.class": (folder / "classes/small/Small.class").read_bytes()})
    tar(folder / "small-1.0.0.crate", {"small-1.0.0/Cargo.toml": '[package]\nname = "small"\nversion = "1.0.0"\n\n[lib]\nproc-macro = true\n',
                                       "small-1.0.0/src/lib.rs": "use proc_macro::TokenStream;\n#[proc_macro]\npub fn one(input: TokenStream) -> TokenStream {\n    input\n}\n"})
    zipped(folder / "small@v1.0.0.zip", {"example.com/small@v1.0.0/go.mod": "module example.com/small\n",
                                         "example.com/small@v1.0.0/small.go": 'package small\n\nimport (\n\t"fmt"\n)\n\n// Say says.\nfunc Say(a string) {\n\tfmt.Println(a)\n}\n'})
    return {"npm": ["small-1.0.0.tgz", "modern-1.0.0.tgz"], "pypi": ["small-1.0.tar.gz", "small-1.0-py3-none-any.whl"], "maven": ["small-1.0.jar"],
            "cargo": ["small-1.0.0.crate"], "golang": ["small@v1.0.0.zip"]}


def parse(name, content):
    """Fails when the language's own tool does not take the file."""
    text = content.decode(errors="replace")
    if name.endswith((".js", ".cjs", ".mjs")):
        kind = "module" if re.search(r"^(import\s[^(]|export\s)", text, re.M) else "commonjs"
        command = ["node", f"--input-type={kind}", "--check", "-"]
    elif name.endswith(".py"):
        compile(text, name, "exec")
        return
    elif name.endswith(".go"):
        command = ["gofmt", "-e"]
    elif name.endswith(".rs"):
        command = ["rustfmt", "--edition", "2021", "--emit", "stdout", "--quiet"]
    elif name.endswith("package.json"):
        json.loads(text)
        return
    else:
        return
    done = subprocess.run(command, input=content, capture_output=True, timeout=60)
    # rustfmt looks for modules beside standard input; that is not a matter of syntax.
    if done.returncode and b"file not found for module" not in done.stderr and b"couldn't read" not in done.stderr:
        raise AssertionError(f"{name}: {done.stderr.decode()[:500]}\n{text[:1500]}")


class EveryShape(unittest.TestCase):
    def test_every_shape_parses_and_changes_something(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for ecosystem, artifacts in packages(folder).items():
                place, module = inject.PLACES[ecosystem]
                for family in ("tune", "judge"):
                    pools = importlib.import_module(family).POOLS
                    for shape in dict.fromkeys(importlib.import_module(f"{family}.{module}").SHAPES):
                        fitted = 0
                        for artifact in artifacts:
                            for seed in SEEDS if ecosystem != "maven" else range(2):
                                package = place(Bundle(folder / artifact))
                                before = dict(package.bundle.files)
                                try:
                                    shape(package, Context(f"test:{seed}", pools))
                                except Unsuitable:
                                    continue
                                if ecosystem == "maven":
                                    inject.compile_all([package])
                                fitted += 1
                                changed = {name: content for name, content in package.bundle.files.items() if before.get(name) != content}
                                self.assertTrue(changed, shape.__name__)
                                for name, content in changed.items():
                                    with self.subTest(ecosystem=ecosystem, family=family, shape=shape.__name__, seed=seed, file=name):
                                        parse(name, content)
                                target = folder / ("out" + artifact)
                                package.bundle.write(target)
                                again = Bundle(target)
                                self.assertEqual({name for name in again.files}, {name for name in package.bundle.files})
                        self.assertGreater(fitted, 0, f"{ecosystem} {family} {shape.__name__} fits neither package")

    def test_the_same_seed_gives_the_same_bytes_and_another_one_others(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            packages(folder)
            outs = []
            for seed in ("a", "a", "b"):
                package, _ = inject.prepare(folder / "small-1.0.0.tgz", "npm", "JUDGE", seed)
                outs.append(package.bundle.files)
            self.assertEqual(outs[0], outs[1])
            self.assertNotEqual(outs[0], outs[2])

    def test_families_share_no_address(self):
        tune, judge = (importlib.import_module(family).POOLS for family in ("tune", "judge"))
        for key in ("hosts", "nets", "paths", "deps"):
            self.assertFalse(set(tune[key]) & set(judge[key]), key)
        for pools in (tune, judge):
            for host in pools["hosts"] + pools["nets"]:
                self.assertRegex(host, RESERVED)

    def test_a_static_initialiser_runs_first(self):
        """The changed class is one that the virtual machine takes: the honest class's method still answers."""
        import classfile
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "A.java").write_text('public class A { public static void main(String[] a) { System.out.println("main"); } }')
            (folder / "B.java").write_text('class B { static void go() { System.out.println("first"); } }')
            subprocess.run(["javac", "-d", folder, folder / "A.java", folder / "B.java"], check=True)
            path = folder / "A.class"
            path.write_bytes(classfile.initialise(path.read_bytes(), "B", "go"))
            done = subprocess.run(["java", "-Xverify:all", "-cp", folder, "A"], capture_output=True, text=True)
            self.assertEqual(done.stdout.split(), ["first", "main"], done.stderr)
            self.assertIsNone(classfile.initialise(path.read_bytes(), "B", "go"))


if __name__ == "__main__":
    unittest.main()
