//! Malformed and hostile files: each is refused by its own error, at its line.

use crate::fixtures::entry;
use bifocal_core::Inventory;
use bifocal_readers::{NoFiles, Problem, ReadContext, ReadError, read_as};

fn read_text(id: &str, text: &str) -> Result<Inventory, ReadError> {
    read_bytes(id, text.as_bytes())
}

fn read_bytes(id: &str, bytes: &[u8]) -> Result<Inventory, ReadError> {
    read_as(id, entry(id), bytes, &ReadContext::new(&NoFiles))
}

#[test]
fn malformed_files_are_refused_with_line_expectation_and_finding() {
    let long = "x".repeat(2000);
    let long_name = format!("{{\"lockfileVersion\": 3, \"packages\": {{\n\"node_modules/{long}\": {{\"version\": \"1.0.0\"}}}}}}");
    let cases: &[(&str, &str, &str)] = &[
        // npm
        ("package-lock", "[]", "package-lock.json:1: expected the lockfile to be a table, found a list"),
        ("package-lock", "{}", "package-lock.json:1: expected a field `lockfileVersion` in the lockfile, found none"),
        ("package-lock", "{\n\"lockfileVersion\": 9}", "package-lock.json:2: expected lockfileVersion 1, 2 or 3, found 9"),
        ("package-lock", "{\"lockfileVersion\": 3}", "package-lock.json:1: expected a field `packages` in the lockfile, found none"),
        (
            "package-lock",
            "{\"lockfileVersion\": 3,\n\"packages\": []}",
            "package-lock.json:2: expected packages to be a table, found a list",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {}}}",
            "package-lock.json:2: expected a field `version` in node_modules/a, found none",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": 1}}}",
            "package-lock.json:2: expected version to be a string, found a number",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/../../etc\": {\"version\": \"1.0.0\"}}}",
            "package-lock.json:2: expected a package and version, found one that is refused: `../../etc` is not a npm package name: it has an empty or relative path segment",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"../1\"}}}",
            "package-lock.json:2: expected a package and version, found one that is refused: `pkg:npm/a@../1` is not a package URL: the version contains a character that no registry allows",
        ),
        ("package-lock", &long_name, "package-lock.json:2: expected a package and version, found one that is refused:"),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1.0.0\", \"integrity\": \"sha512-AAAA\"}}}",
            "package-lock.json:2: expected a digest, found one that is refused: `AAAA` is neither hex nor base64 of a sha512 digest",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1.0.0\", \"resolved\": \"what is this\"}}}",
            "package-lock.json:2: expected `resolved` to be an address, found `what is this`",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1.0.0\"},\n\"node_modules/a\": {\"version\": \"2.0.0\"}}}",
            "package-lock.json:3: key `node_modules/a` is there twice",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 1, \"dependencies\": {\n\"a\": {}}}",
            "package-lock.json:2: expected a field `version` in a, found none",
        ),
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1.0.0\"\n",
            "package-lock.json:3: expected `,` or `}`, found the end of the file",
        ),
        ("yarn-lock-v1", "alpha@^1\n  version \"1.0.0\"\n", "yarn.lock:1: expected package patterns that end with `:`, found alpha@^1"),
        (
            "yarn-lock-v1",
            "  version \"1.0.0\"\n",
            "yarn.lock:1: expected a package pattern at the start of a line, found version \"1.0.0\"",
        ),
        ("yarn-lock-v1", "a@1:\n   version \"1.0.0\"\n", "yarn.lock:2: expected an indent of 0, 2 or 4 spaces, found 3"),
        ("yarn-lock-v1", "a@1:\n  version \"1.0.0\n", "yarn.lock:2: expected the closing `\"` of a word, found \"1.0.0"),
        ("yarn-lock-v1", "a@1:\n  resolved \"x\"\n", "yarn.lock:1: expected a field `version` in a@1, found none"),
        ("yarn-lock-v1", "a@1:\n  version \"1\"\n  version \"2\"\n", "yarn.lock:3: key `version` is there twice"),
        ("yarn-lock-v1", "a@1:\n  version \"1.0.0\"\n\na@1:\n  version \"2.0.0\"\n", "yarn.lock:4: key `a@1` is there twice"),
        ("yarn-lock-v1", "<<<<<<< HEAD\n", "yarn.lock:1: expected a yarn lockfile, found a merge conflict marker"),
        ("yarn-lock-v1", "a@1 b@2:\n", "yarn.lock:1: expected `,` between package patterns, found b@2"),
        ("yarn-berry", "a: 1\n", "yarn.lock:1: expected a field `__metadata` in the lockfile, found none"),
        ("yarn-berry", "__metadata:\n  version: two\n", "yarn.lock:2: expected lockfile version 3 or later, found two"),
        (
            "yarn-berry",
            "__metadata:\n  version: 8\n\"a@npm:1\":\n  version: 1.0.0\n",
            "yarn.lock:3: expected a field `resolution` in a@npm:1, found none",
        ),
        (
            "yarn-berry",
            "__metadata:\n  version: 8\n\"a@npm:1\":\n  resolution: nothing\n",
            "yarn.lock:3: expected a resolution `name@protocol:…`, found `nothing`",
        ),
        (
            "yarn-berry",
            "__metadata: &a\n  version: 8\nb: *a\n",
            "yarn.lock:1: expected plain YAML, found an anchor or alias, which no lockfile needs",
        ),
        ("pnpm-lock", "lockfileVersion: '4.0'\n", "pnpm-lock.yaml:1: expected lockfileVersion 5 to 9, found 4.0"),
        ("pnpm-lock", "packages: {}\n", "pnpm-lock.yaml:1: expected a field `lockfileVersion` in the lockfile, found none"),
        (
            "pnpm-lock",
            "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n",
            "pnpm-lock.yaml:3: expected a field `resolution` in a@1.0.0, found none",
        ),
        (
            "pnpm-lock",
            "lockfileVersion: '9.0'\npackages:\n  a:\n    resolution: {integrity: ''}\n",
            "pnpm-lock.yaml:3: expected a package key `name@version` or a `tarball`, found `a`",
        ),
        (
            "pnpm-lock",
            "lockfileVersion: '9.0'\npackages: !!js/function 'x'\n",
            "pnpm-lock.yaml:2: expected packages to be a table, found a string",
        ),
        ("package-json", "{\"dependencies\": {\n\"a\": 1}}", "package.json:2: expected a to be a string, found a number"),
        (
            "package-json",
            "{\"dependencies\": {\n\"a\": \"catalog:\"}}",
            "package.json:2: `a` of catalog `default` is not defined in the workspace",
        ),
        ("package-json", "{\"overrides\": {\n\"a\": \"$b\"}}", "package.json:2: $b is not defined in the dependencies of the project"),
        (
            "package-json",
            "{\"dependencies\": {\n\"a b\": \"1\"}}",
            "package.json:2: expected a package and version, found one that is refused: `a b` is not a npm package name: it contains white space or control characters",
        ),
        // Python
        ("requirements", "\n-e\n", "requirements.txt:2: expected an option that pip allows in requirements files, found `-e`"),
        ("requirements", "a==1\nb >>> 2\n", "requirements.txt:2: expected PEP 440 version specifiers, found `>>> 2`"),
        ("requirements", "=1.0\n", "requirements.txt:1: expected a requirement `name[extras] specifiers ; marker`, found `=1.0`"),
        (
            "requirements",
            "a @ ftp://example.com/x.zip\n",
            "requirements.txt:1: expected an address with http, https, file or a version control scheme, found `ftp`",
        ),
        ("poetry-lock", "[[package]]\nname = \"a\"\n", "poetry.lock:1: expected a field `metadata` in the lockfile, found none"),
        ("poetry-lock", "[[package]]\nname = \"a\"\n[metadata]\n", "poetry.lock:1: expected a field `version` in a, found none"),
        ("poetry-lock", "[metadata]\nlock-version = \"9.0\"\n", "poetry.lock:2: expected lock-version 1 or 2, found 9.0"),
        (
            "poetry-lock",
            "[[package]]\nname = \"a\"\nversion = \"1\"\nfiles = [\n{file = \"../x\", hash = \"\"}]\n[metadata]\n",
            "poetry.lock:5: expected a file name, found `../x`",
        ),
        (
            "poetry-lock",
            "[[package]]\nname = \"a\"\nversion = \"1\"\n[package.source]\ntype = \"hg\"\nurl = \"x\"\n[metadata]\n",
            "poetry.lock:1: expected a source type legacy, git, url, file or directory, found `hg`",
        ),
        ("uv-lock", "version = 2\n", "uv.lock:1: expected version 1, found 2"),
        ("uv-lock", "version = 1\n[[package]]\nname = \"a\"\n", "uv.lock:2: expected a field `source` in a, found none"),
        (
            "uv-lock",
            "version = 1\n[[package]]\nname = \"a\"\nsource = {}\n",
            "uv.lock:2: expected a source registry, git, url, path, directory, editable or virtual, found `a`",
        ),
        ("pipfile-lock", "{\"default\": {}}", "Pipfile.lock:1: expected a field `_meta` in the lockfile, found none"),
        ("pipfile-lock", "{\"_meta\": {\"pipfile-spec\": 7}}", "Pipfile.lock:1: expected pipfile-spec 6, found 7"),
        (
            "pipfile-lock",
            "{\"_meta\": {}, \"default\": {\n\"a\": {\"version\": \"1.0\"}}}",
            "Pipfile.lock:2: expected PEP 440 version specifiers, found `1.0`",
        ),
        (
            "pipfile-lock",
            "{\"_meta\": {}, \"default\": {\n\"a\": {\"hashes\": [\"md9:00\"], \"version\": \"==1\"}}}",
            "Pipfile.lock:2: expected a digest, found one that is refused: unknown digest algorithm `md9`",
        ),
        ("pdm-lock", "[metadata]\nlock_version = \"9\"\n", "pdm.lock:2: expected lock_version 2 to 4, found 9"),
        ("pdm-lock", "[[package]]\nname = \"a\"\n[metadata]\n", "pdm.lock:1: expected a field `version` in a, found none"),
        (
            "pyproject",
            "[dependency-groups]\ndev = [\n{include-group = \"x\"}]\n",
            "pyproject.toml:3: group `x` is not defined in [dependency-groups]",
        ),
        ("pyproject", "[project]\ndependencies = \"a\"\n", "pyproject.toml:2: expected dependencies to be a list, found a string"),
        ("pyproject", "[tool.poetry.dependencies]\na = \"^x\"\n", "pyproject.toml:2: expected a version constraint of poetry, found `^x`"),
        // cargo
        ("cargo-lock", "version = 5\n", "Cargo.lock:1: expected version 1 to 4, found 5"),
        ("cargo-lock", "[[package]]\nversion = \"1\"\n", "Cargo.lock:1: expected a field `name` in [[package]], found none"),
        (
            "cargo-lock",
            "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"magic+x\"\n",
            "Cargo.lock:1: expected a source `registry+`, `sparse+`, `git+` or `path+`, found `magic+x`",
        ),
        (
            "cargo-lock",
            "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"registry+x\"\nchecksum = \"zz\"\n",
            "Cargo.lock:5: expected a digest, found one that is refused: `zz` is neither hex nor base64 of a sha256 digest",
        ),
        ("cargo-lock", "[[package]]\nname = \"a\nversion = \"1\"\n", "Cargo.lock:2: expected TOML, found"),
        (
            "cargo-toml",
            "[package]\n[dependencies]\na = { workspace = true }\n",
            "Cargo.toml:3: `a` is not defined in [workspace.dependencies] of the workspace",
        ),
        ("cargo-toml", "[package]\n[dependencies]\na = 1\n", "Cargo.toml:3: expected a to be a table, found a number"),
        // What parses and is not of the format.
        ("yarn-lock-v1", "", "yarn.lock:1: expected `# yarn lockfile v1` or a package pattern, found neither"),
        ("yarn-lock-v1", "# something\n", "yarn.lock:1: expected `# yarn lockfile v1` or a package pattern, found neither"),
        ("pnpm-lock", "# something\n", "pnpm-lock.yaml: expected a field `lockfileVersion` in the lockfile, found none"),
        ("poetry-lock", "[metadata]\n", "poetry.lock:1: expected a field `lock-version` in metadata, found none"),
        ("pdm-lock", "[metadata]\n", "pdm.lock:1: expected a field `lock_version` in metadata, found none"),
        ("uv-lock", "version = 1\n", "uv.lock:1: expected a field `requires-python` in the lockfile, found none"),
        ("pipfile-lock", "{\"_meta\": {}}", "Pipfile.lock:1: expected a field `pipfile-spec` in _meta, found none"),
        ("pyproject", "a = 1\n", "pyproject.toml:1: expected a table project, build-system, dependency-groups or tool, found `a`"),
        ("cargo-lock", "a = 1\n", "Cargo.lock:1: expected a key of a Cargo.lock, found `a`"),
        ("cargo-lock", "# something\n", "Cargo.lock:1: expected `[[package]]` or `version`, as cargo writes them, found neither"),
        ("cargo-toml", "a = 1\n", "Cargo.toml:1: expected a field `package` in the manifest, found none"),
        ("go-mod", "go 1.22\n", "go.mod: expected a field `module` in the file, found none"),
        ("go-work", "go 1.22\n", "go.work: expected a field `use` in the file, found none"),
        ("go-work", "use .\nsteal x\n", "go.work:2: expected a go.work directive, found steal"),
        (
            "gradle-lockfile",
            "# something\n",
            "gradle.lockfile:1: expected `group:artifact:version=configurations` or `empty=`, found neither",
        ),
        // What a client would read in another way.
        (
            "package-lock",
            "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/x-node_modules/y\": {\"version\": \"1.0.0\"}}}",
            "package-lock.json:2: expected a folder of the project, or `node_modules/` and a name, found `node_modules/x-node_modules/y`",
        ),
        (
            "pnpm-lock",
            "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution:\n      <<: {tarball: 'https://e.example/x.tgz'}\n",
            "pnpm-lock.yaml:5: expected plain YAML, found a merge key, which no lockfile needs",
        ),
        ("pnpm-lock", "lockfileVersion: '9.0'\nsnapshots:\n  a@1.0.0: {}\n", "pnpm-lock.yaml:3: `a@1.0.0` is not defined in packages"),
        // Go
        ("go-mod", "require (\nexample.com/a v1.0.0\n", "go.mod:1: expected `)` that closes `require`, found the end of the file"),
        ("go-mod", "require example.com/a\n", "go.mod:1: expected `require MODULE VERSION`, found example.com/a"),
        ("go-mod", "require example.com/a main\n", "go.mod:1: expected a version such as v1.2.3, found main"),
        (
            "go-mod",
            "replace a v1.0.0 b v1.0.0\n",
            "go.mod:1: expected `replace MODULE => MODULE VERSION` or a path, found a v1.0.0 b v1.0.0",
        ),
        ("go-mod", "replace a => ./x\nreplace a => ./y\n", "go.mod:2: key `a` is there twice"),
        ("go-mod", "go banana\n", "go.mod:1: expected `go MAJOR.MINOR`, found banana"),
        ("go-mod", "module \"x\n", "go.mod:1: expected the closing quote of a word, found \"x"),
        ("go-mod", "steal example.com/a v1.0.0\n", "go.mod:1: expected a go.mod directive, found steal"),
        (
            "go-mod",
            "require ../../x v1.0.0\n",
            "go.mod:1: expected a package and version, found one that is refused: `../../x` is not a golang package name: it has an empty or relative path segment",
        ),
        ("go-sum", "a v1\n", "go.sum:1: expected `MODULE VERSION h1:DIGEST`, found a v1"),
        ("go-sum", "\na v1.0.0 sha256:00\n", "go.sum:2: expected a digest `h1:…`, found sha256:00"),
        (
            "go-sum",
            "a v1.0.0 h1:AAAA\n",
            "go.sum:1: expected a digest, found one that is refused: `AAAA` is neither hex nor base64 of a h1 digest",
        ),
        (
            "go-sum",
            "a v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\na v1.0.0 h1:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
            "go.sum:2: a v1.0.0 has two different digests",
        ),
        // JVM
        ("pom", "<project>", "pom.xml:1: expected a closing tag for `project`, found the end of the file"),
        ("pom", "<thing/>", "pom.xml:1: expected a root element `project`, found `thing`"),
        ("pom", "<project>\n</project>", "pom.xml:1: expected a field `artifactId` in `project`, found none"),
        (
            "pom",
            "<!DOCTYPE project [\n<!ENTITY a \"&b;&b;\">]>\n<project/>",
            "pom.xml:1: expected plain XML, found a document type declaration, which is refused",
        ),
        (
            "pom",
            "<project>\n<artifactId>&file;</artifactId></project>",
            "pom.xml:2: expected one of the five XML entities or a character reference, found `&file;`",
        ),
        (
            "pom",
            "<project>\n<parent><groupId>g</groupId></parent></project>",
            "pom.xml:2: expected a field `artifactId` in `parent`, found none",
        ),
        ("gradle-lockfile", "a:b=x\n", "gradle.lockfile:1: expected `group:artifact:version=configurations`, found a:b=x"),
        ("gradle-lockfile", "a:b:../c=x\n", "gradle.lockfile:1: expected a package and version, found one that is refused:"),
        // SBOMs
        ("cyclonedx", "{\"bomFormat\": \"Other\"}", "bom.json:1: expected bomFormat CycloneDX, found Other"),
        ("cyclonedx", "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"9\"}", "bom.json:1: expected specVersion 1.2 to 1.7, found 9"),
        (
            "cyclonedx",
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [\n{}]}",
            "bom.json:2: expected a field `name` in a component, found none",
        ),
        (
            "cyclonedx",
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [\n{\"name\": \"a\", \"purl\": \"a@1\"}]}",
            "bom.json:2: expected a package URL, found `a@1`",
        ),
        (
            "cyclonedx",
            "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [\n{\"name\": \"a\", \"purl\": \"pkg:npm/a@1.0.0\", \"hashes\": [{\"alg\": \"SHA-256\"}]}]}",
            "bom.json:2: expected a field `content` in hashes, found none",
        ),
        ("spdx", "{}", "sbom.spdx.json:1: expected a field `spdxVersion` in the SBOM, found none"),
        ("spdx", "{\n\"spdxVersion\": \"SPDX-1.0\"}", "sbom.spdx.json:2: expected spdxVersion SPDX-2.2, SPDX-2.3 or 3.0, found SPDX-1.0"),
        ("spdx", "{\"@graph\": [\n1]}", "sbom.spdx.json:2: expected an element to be a table, found a number"),
    ];
    let mut wrong = Vec::new();
    for (id, text, expected) in cases {
        let given = match read_text(id, text) {
            Ok(_) => "it was read".to_owned(),
            Err(error) => error.to_string(),
        };
        if !given.starts_with(expected) {
            wrong.push(format!("{id} {text:?}\n  gave     {given}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn text_in_the_wrong_encoding_is_refused_at_its_line() {
    for id in [
        "package-lock",
        "yarn-lock-v1",
        "yarn-berry",
        "pnpm-lock",
        "requirements",
        "poetry-lock",
        "cargo-lock",
        "go-mod",
        "go-sum",
        "pom",
        "gradle-lockfile",
        "cyclonedx",
        "spdx",
    ] {
        let error = read_bytes(id, b"\n\n \xc3\x28").unwrap_err();
        assert_eq!((error.place.line, error.problem), (3, Problem::Encoding { expected: "UTF-8" }), "{id}");
    }
}

#[test]
fn bottomless_nesting_is_refused_in_every_syntax() {
    let json = format!("{{\"lockfileVersion\": 3, \"packages\": {}", "[".repeat(100_000));
    let toml = format!("a = {}", "[".repeat(100_000));
    let dotted = format!("{} = 1", vec!["a"; 100_000].join("."));
    let yaml = format!("lockfileVersion: '9.0'\npackages: {}", "{a: ".repeat(100_000));
    let xml = "<project>".repeat(100_000);
    let nested: String = "{\"version\": \"1.0.0\", \"dependencies\": {\"a\": ".repeat(50_000);
    let v1 = format!("{{\"lockfileVersion\": 1, \"dependencies\": {{\"a\": {nested}");
    for (id, text) in [
        ("package-lock", &json),
        ("package-lock", &v1),
        ("package-json", &json),
        ("pipfile-lock", &json),
        ("cyclonedx", &json),
        ("spdx", &json),
        ("cargo-lock", &toml),
        ("cargo-toml", &dotted),
        ("uv-lock", &toml),
        ("pyproject", &toml),
        ("pnpm-lock", &yaml),
        ("yarn-berry", &yaml),
        ("pom", &xml),
    ] {
        assert!(
            matches!(read_text(id, text).unwrap_err().problem, Problem::TooDeep { .. }),
            "{id}: {:?}",
            read_text(id, text).unwrap_err()
        );
    }
}

#[test]
fn too_many_dependencies_and_too_many_bytes_are_refused() {
    let mut ctx = ReadContext::new(&NoFiles);
    ctx.limits.dependencies = 2;
    let lock = "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/a\": {\"version\": \"1.0.0\"},\n\"node_modules/b\": {\"version\": \"1.0.0\"},\n\"node_modules/c\": {\"version\": \"1.0.0\"}}}";
    let gradle = "a:b:1=x\na:c:1=x\na:d:1=x\n";
    let requirements = "a==1\nb==1\nc==1\n";
    for (id, text, line) in [("package-lock", lock, 4), ("gradle-lockfile", gradle, 3), ("requirements", requirements, 3)] {
        let error = read_as(id, entry(id), text.as_bytes(), &ctx).unwrap_err();
        assert_eq!((error.place.line, error.problem), (line, Problem::TooMany { what: "dependencies", limit: 2 }), "{id}");
    }
    ctx.limits.file_bytes = 10;
    let error = read_as("go-sum", "go.sum", gradle.as_bytes(), &ctx).unwrap_err();
    assert_eq!(error.problem, Problem::TooLarge { bytes: 24, limit: 10 });
}

#[test]
fn a_file_that_no_reader_knows_is_refused() {
    let error = bifocal_readers::read("notes.txt", b"hello", &ReadContext::new(&NoFiles)).unwrap_err();
    assert_eq!((error.place.line, error.problem), (0, Problem::UnknownKind));
}

#[test]
fn terminal_escapes_in_a_file_never_reach_an_error_or_a_note() {
    let evil = "\u{1b}]0;owned\u{7}\u{202e}";
    for (id, text) in [
        ("gradle-lockfile", format!("{evil}\n")),
        ("go-mod", format!("{evil} x\n")),
        ("requirements", format!("a=={evil}\n")),
        ("yarn-lock-v1", format!("{evil}\n")),
        ("package-json", "{\"dependencies\": {\"a\": \"\\u001b[2J\"}}".to_owned()),
        ("pom", format!("<project><artifactId>a</artifactId><dependencies><{}/></dependencies></project>", "x\u{202e}")),
    ] {
        let error = read_text(id, &text).unwrap_err().to_string();
        assert!(!error.chars().any(|c| c.is_control() || c == '\u{202e}'), "{id}: {error:?}");
    }
    let sbom = "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [{\"name\": \"\\u001b[2J\\u202e\"}]}";
    let inventory = read_text("cyclonedx", sbom).unwrap();
    assert!(!inventory.notes[0].chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", inventory.notes);
}

#[test]
fn large_files_of_hostile_shape_do_not_blow_up() {
    // Each of these is quadratic in a careless reader; here they are refused or read at once.
    let many_keys: String = (0..50_000).map(|n| format!("\"k{n}\": 1,")).collect();
    assert!(read_text("package-json", &format!("{{{many_keys} \"k1\": 2}}")).is_ok());
    assert!(read_text("requirements", &"\\\n".repeat(200_000)).is_ok());
    assert!(read_text("requirements", &format!("a=={}", "1".repeat(100_000))).is_err());
    assert!(read_text("requirements", &format!("a{}", "[".repeat(100_000))).is_err());
    assert!(read_text("go-mod", &"\"".repeat(100_001)).is_err());
    assert!(read_text("yarn-lock-v1", &"\"a\", ".repeat(50_000)).is_err());
    assert!(read_text("pnpm-lock", &"- ".repeat(100_000)).is_err());
    let comments =
        format!("<project>{}<artifactId>a</artifactId><groupId>g</groupId><version>1</version></project>", "<!-- -->".repeat(100_000));
    assert!(read_text("pom", &comments).is_ok());
}
