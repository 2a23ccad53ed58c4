#!/usr/bin/env python3
"""Compares the releases that `bifocal check` chooses for manifests without a lockfile with those that the real clients lock.

    lab/resolve/compare.py --bifocal PROGRAM [--only npm|pypi|cargo] [--uv PROGRAM] [--verbose]

In: the manifests below, each written to a folder of its own. Out: a line for each, with the number of releases that both
chose, that only the client chose, and that only bifocal chose. The clients (npm, uv, cargo) go by the user's own
configuration, resolve only, and run nothing of a package. Exit code 1 where a set differs.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

NPM = {
    "web server": {"dependencies": {"express": "^4", "morgan": "^1", "cors": "*"}, "devDependencies": {"mocha": "^10"}},
    "bundler": {"dependencies": {"express": "^5.0.0"}, "devDependencies": {"webpack": "^5", "webpack-cli": "^6", "babel-loader": "^9", "@babel/core": "^7"}},
    "react app": {
        "dependencies": {"react": "^18", "react-dom": "^18", "@mui/material": "^5", "@emotion/react": "^11", "@emotion/styled": "^11"},
        "devDependencies": {"vite": "^6", "eslint": "^8", "eslint-plugin-react": "^7", "typescript": "~5.6"},
        "overrides": {"semver": "^7.6.0"},
    },
}
PYPI = {
    "web": ["flask[async]>=2", "requests", "pandas"],
    "service": ["fastapi", "uvicorn[standard]", "sqlalchemy>=2,<3", "httpx<1"],
    "notebook": ["jupyterlab<5", "matplotlib", "scikit-learn"],
}
CARGO = {
    "service": {"serde": '{ version = "1", features = ["derive"] }', "tokio": '{ version = "1", features = ["full"] }', "reqwest": '"0.12"', "clap": '{ version = "4", features = ["derive"] }'},
    "old and new": {"rand": '"0.8"', "rand_core": '"0.9"', "regex": '{ version = "1", default-features = false, features = ["std"] }', "hyper": '{ version = "0.14", features = ["full"] }'},
    "command": {"anyhow": '"1"', "ratatui": '"0.29"', "tracing-subscriber": '{ version = "0.3", features = ["json", "env-filter"] }', "rusqlite": '{ version = "0.32", features = ["bundled"] }'},
}


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed in {folder}:\n{done.stdout}{done.stderr}")
    return done.stdout


def npm(folder, manifest, _arguments):
    (folder / "package.json").write_text(json.dumps({"name": "compared", "version": "1.0.0", **manifest}))
    run(["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    lock = folder / "package-lock.json"
    entries = json.loads(lock.read_text())["packages"]
    lock.unlink()
    names = {key: entry.get("name") or key.rpartition("node_modules/")[2] for key, entry in entries.items() if key}
    return "package.json", {f"{names[key]}@{entries[key]['version']}" for key in names if not entries[key].get("inBundle")}


def pypi(folder, requirements, arguments):
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n")
    python = run([sys.executable, "-c", "import shutil; print(shutil.which('python3'))"], folder).strip()
    text = run([arguments.uv, "pip", "compile", "-q", "--no-annotate", "--no-header", "--no-build", "--python", python, "requirements.txt"], folder)
    return "requirements.txt", {line.split(";")[0].strip().replace("==", "@") for line in text.splitlines() if "==" in line}


def cargo(folder, dependencies, _arguments):
    lines = "".join(f"{name} = {value}\n" for name, value in dependencies.items())
    (folder / "Cargo.toml").write_text(f'[package]\nname = "compared"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n{lines}')
    (folder / "src").mkdir()
    (folder / "src/lib.rs").write_text("")
    run(["cargo", "generate-lockfile"], folder)
    lock = folder / "Cargo.lock"
    found = re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"\nsource', lock.read_text())
    lock.unlink()
    return "Cargo.toml", {f"{name}@{version}" for name, version in found}


def bifocal(program, folder, manifest, client):
    """The releases of the report; verdicts do not matter here."""
    done = subprocess.run([program, "check", manifest, "--format", "json"], cwd=folder, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"bifocal failed in {folder}:\n{done.stderr}")
    report = json.loads(done.stdout)
    found = set()
    for release in report["releases"]:
        name, version = release["purl"].split("/", 1)[1].rsplit("@", 1)
        found.add(f"{name}@{version}".replace("%40", "@").replace("%2B", "+"))
    for missing in report["not_evaluated"]:
        print(f"    not evaluated: {missing['what']}: {missing['error'][:300]}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bifocal", required=True)
    parser.add_argument("--uv", default="uv")
    parser.add_argument("--only", choices=["npm", "pypi", "cargo"])
    parser.add_argument("--verbose", action="store_true", help="name what differs")
    arguments = parser.parse_args()
    arguments.bifocal = str(pathlib.Path(arguments.bifocal).resolve())
    differing = 0
    for name, cases, client in [("npm", NPM, npm), ("pypi", PYPI, pypi), ("cargo", CARGO, cargo)]:
        if arguments.only not in (None, name):
            continue
        for case, manifest in cases.items():
            with tempfile.TemporaryDirectory() as path:
                folder = pathlib.Path(path)
                file, locked = client(folder, manifest, arguments)
                chosen = bifocal(arguments.bifocal, folder, file, name)
            only_client, only_bifocal = sorted(locked - chosen), sorted(chosen - locked)
            differing += bool(only_client or only_bifocal)
            print(f"{name:6} {case:12} both {len(locked & chosen):4}  only the client {len(only_client):3}  only bifocal {len(only_bifocal):3}", flush=True)
            if arguments.verbose:
                for label, names in [("only the client", only_client), ("only bifocal", only_bifocal)]:
                    for one in names:
                        print(f"    {label}: {one}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
