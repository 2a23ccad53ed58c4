"""Where injected code goes in a package of each ecosystem, and what starts it. Shared by both families of styles."""
import json
import posixpath
import re


class Unsuitable(Exception):
    """The artifact has no place for this shape (no main file, no setup.py, …)."""


# npm ------------------------------------------------------------------------------------------------------------------
class Npm:
    def __init__(self, bundle):
        self.bundle, self.root = bundle, bundle.root
        name = self.root + "package.json"
        if name not in bundle.files:
            raise Unsuitable("no package.json")
        try:
            self.manifest = json.loads(bundle.text(name).lstrip("\ufeff"))
        except ValueError:
            raise Unsuitable("package.json is no JSON") from None
        self.manifest_name = name

    def save(self):
        self.bundle.put(self.manifest_name, json.dumps(self.manifest, indent=2, ensure_ascii=False) + "\n")

    def hook(self, rng, command, which=("preinstall", "install", "postinstall")):
        scripts = self.manifest.setdefault("scripts", {})
        if not isinstance(scripts, dict):
            raise Unsuitable("scripts is no object")
        name = rng.choice(which)
        scripts[name] = f"{scripts[name]} && {command}" if isinstance(scripts.get(name), str) and scripts[name].strip() else command
        self.save()

    def depend(self, name, spec, section="dependencies"):
        self.manifest.setdefault(section, {})[name] = spec
        self.save()

    def main(self):
        """The file that `require(name)` or `import name` loads."""
        candidates = [self.manifest.get("main"), self.manifest.get("module")]
        exports = self.manifest.get("exports")
        while isinstance(exports, dict):
            exports = exports.get(".", exports.get("default", exports.get("import", exports.get("require", exports.get("node")))))
        candidates += [exports if isinstance(exports, str) else None, "index.js"]
        for candidate in candidates:
            if isinstance(candidate, str):
                base = posixpath.normpath(posixpath.join(self.root, candidate.lstrip("/")))
                for path in (base, base + ".js", base + "/index.js", base + ".cjs", base + ".mjs"):
                    if path in self.bundle.files and path.endswith((".js", ".cjs", ".mjs")) and len(self.bundle.files[path]) < 2_000_000:
                        return path
        raise Unsuitable("no main file")

    def modules(self, path):
        """Whether a file is an ES module."""
        if path.endswith((".mjs", ".cjs")):
            return path.endswith(".mjs")
        return self.manifest.get("type") == "module" or bool(re.search(r"^\s*(import\s[^(]|export\s)", self.bundle.text(path), re.M))

    def new_file(self, rng, names, folder=None):
        """A path that is not taken, in the folder of the package that has the most code unless one is given."""
        if folder is None:
            folders = sorted({posixpath.dirname(name) for name in self.bundle.find(".js", ".mjs", ".cjs")} or {self.root.rstrip("/")})
            folder = rng.choice(folders)
        for _ in range(50):
            path = posixpath.join(folder, rng.choice(names))
            if path not in self.bundle.files:
                return path
        raise Unsuitable("no free name")

    def relative(self, path, start):
        spec = posixpath.relpath(path, posixpath.dirname(start))
        return spec if spec.startswith(".") else "./" + spec

    def local(self, path):
        return path[len(self.root):]


# Python ---------------------------------------------------------------------------------------------------------------
class Python:
    def __init__(self, bundle):
        self.bundle, self.wheel = bundle, bundle.path.suffix == ".whl"
        self.root = bundle.root

    def package_init(self):
        """The __init__.py of the import package (the shallowest one outside tests), or a top-level module."""
        inits = [name for name in self.bundle.find("/__init__.py") if not re.search(r"(^|/)(tests?|testing|docs?|examples?)/", name)]
        if inits:
            return min(inits, key=lambda name: (name.count("/"), len(name), name))
        modules = [name for name in self.bundle.find(".py") if name.count("/") == self.root.count("/") and not name.endswith(("setup.py", "conftest.py"))]
        if not modules:
            raise Unsuitable("no import package")
        return min(modules)

    def folder(self):
        return posixpath.dirname(self.package_init())

    def setup(self):
        name = self.root + "setup.py"
        if self.wheel or name not in self.bundle.files:
            raise Unsuitable("no setup.py")
        return name

    def metadata(self):
        names = self.bundle.find(".dist-info/METADATA") if self.wheel else [self.root + "PKG-INFO"]
        if not names or names[0] not in self.bundle.files:
            raise Unsuitable("no metadata")
        return names[0]

    def after_imports(self, name, code):
        """Puts code behind the last top-level import of the file's head (never inside a docstring or a statement)."""
        lines = self.bundle.text(name).split("\n")
        place, quote, depth = 0, None, 0
        for number, line in enumerate(lines[:400]):
            bare = line.strip()
            if quote:
                if quote in bare:
                    quote, place = None, number + 1
                continue
            opening = re.match(r"^[rRuUbB]{0,2}('''|\"\"\")", bare)
            if opening and depth == 0 and line[:1] not in (" ", "\t"):
                if bare.count(opening.group(1)) == 1:
                    quote = opening.group(1)
                else:
                    place = number + 1
                continue
            before, depth = depth, depth + bare.count("(") - bare.count(")")
            if before == 0 and re.match(r"^(from\s+\S+\s+import|import)\s", line) or (before > 0 and depth == 0 and place == number):
                place = number + 1
            elif before > 0 and place == number:
                place = number + 1
            elif bare and not bare.startswith("#") and before == 0 and not bare.endswith("\\"):
                break
        lines[place:place] = code.rstrip("\n").split("\n")
        self.bundle.put(name, "\n".join(lines))

    def append(self, name, code):
        text = self.bundle.text(name)
        self.bundle.put(name, text + ("" if text.endswith("\n") or not text else "\n") + code)

    def prepend(self, name, code):
        """At the head, but behind `from __future__` lines, which must come first."""
        if "from __future__" in self.bundle.text(name):
            self.after_imports(name, code)
        else:
            self.bundle.put(name, code + self.bundle.text(name))


# Go and Rust ----------------------------------------------------------------------------------------------------------
class Golang:
    def __init__(self, bundle):
        self.bundle, self.root = bundle, bundle.root

    def package(self):
        """(folder, package name) of a library package, the shallowest with a plain .go file."""
        best = None
        for name in self.bundle.find(".go"):
            if name.endswith("_test.go") or re.search(r"/(testdata|internal/test|examples?|vendor)/", name):
                continue
            match = re.search(r"^package\s+([A-Za-z_]\w*)\s*(//.*)?$", self.bundle.text(name), re.M)
            if match and match.group(1) != "documentation" and "//go:build ignore" not in self.bundle.text(name) and "+build ignore" not in self.bundle.text(name):
                key = (match.group(1) == "main", name.count("/"), name)
                best = min(best, (key, name, match.group(1))) if best else (key, name, match.group(1))
        if best is None:
            raise Unsuitable("no Go package")
        return posixpath.dirname(best[1]), best[2], best[1]


class Cargo:
    def __init__(self, bundle):
        self.bundle, self.root = bundle, bundle.root
        if self.root + "Cargo.toml" not in bundle.files:
            raise Unsuitable("no Cargo.toml")

    def manifest(self):
        return self.bundle.text(self.root + "Cargo.toml")

    def save(self, text):
        self.bundle.put(self.root + "Cargo.toml", text)

    def library(self):
        for name in ("src/lib.rs", "lib.rs"):
            if self.root + name in self.bundle.files:
                return self.root + name
        raise Unsuitable("no library")

    def build_script(self, code):
        """Adds `code` (a body of statements) as or into the build script; (items, statements)."""
        items, statements = code
        match = re.search(r'^build\s*=\s*"([^"]+)"', self.manifest(), re.M)
        name = self.root + (match.group(1) if match else "build.rs")
        if name in self.bundle.files:
            text = self.bundle.text(name)
            found = re.search(r"fn main\(\)[^{]*\{", text)
            if not found:
                raise Unsuitable("the build script has no plain main")
            self.bundle.put(name, text[: found.end()] + "\n    " + statements + text[found.end():] + "\n" + items)
        elif re.search(r"^build\s*=\s*false", self.manifest(), re.M):
            self.save(re.sub(r"^build\s*=\s*false", 'build = "build.rs"', self.manifest(), flags=re.M))
            self.bundle.put(self.root + "build.rs", f"{items}\nfn main() {{\n    {statements}\n}}\n")
        else:
            self.bundle.put(self.root + "build.rs", f"{items}\nfn main() {{\n    {statements}\n}}\n")
