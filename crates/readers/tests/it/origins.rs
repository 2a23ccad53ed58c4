//! Where files say that a package comes from: the lockfile's own word, and the project's configuration of its clients.

use bifocal_core::Inventory;
use bifocal_readers::{ReadContext, read};
use std::collections::BTreeMap;

fn read_with(path: &str, files: &[(&str, &str)]) -> Inventory {
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let mut ctx = ReadContext::new(&files);
    ctx.variables.insert("HOST".to_owned(), "registry.example".to_owned());
    read(path, &files[path], &ctx).unwrap_or_else(|error| panic!("{error}"))
}

/// The addresses of each dependency, joined.
fn origins(path: &str, files: &[(&str, &str)]) -> Vec<String> {
    let one = |origin: &bifocal_core::Origin| {
        if origin.id.is_empty() { origin.address.clone() } else { format!("{}={}", origin.id, origin.address) }
    };
    read_with(path, files).dependencies.iter().map(|dependency| dependency.origins.iter().map(one).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn requirements_carry_every_index_that_may_give_them() {
    for (options, expected) in [
        ("-i https://user:secret@e.example/simple", "https://e.example/simple"),
        ("-ihttps://e.example/simple", "https://e.example/simple"),
        ("--index-url=https://e.example/simple", "https://e.example/simple"),
        ("--index-url 'https://e.example/simple'", "https://e.example/simple"),
        ("--index-url https://e.example/${HOST}", "https://e.example/registry.example"),
        ("--extra-index-url https://e.example/simple", "https://e.example/simple"),
        ("-i https://a.example/ --extra-index-url https://e.example/", "https://a.example/ https://e.example/"),
        ("-i https://a.example/\n-i https://e.example/", "https://e.example/"),
        ("--find-links ./wheels", "./wheels"),
        ("-f https://e.example/links.html", "https://e.example/links.html"),
        ("-i e.example/simple", "e.example/simple"),
        // Options that change nothing do not hide those behind them.
        ("--no-binary :all: --extra-index-url https://e.example/", "https://e.example/"),
        ("--pre -i https://e.example/", "https://e.example/"),
        ("--trusted-host e.example -f https://e.example/", "https://e.example/"),
        // What an editor shows as a comment and Python does not.
        ("# harmless\u{2028}--extra-index-url https://e.example/", "https://e.example/"),
        ("# harmless\r-i https://e.example/", "https://e.example/"),
    ] {
        let text = format!("a==1.0\n{options}\n");
        assert_eq!(origins("requirements.txt", &[("requirements.txt", &text)]), [expected], "{options}");
        // The same in a file that is included, and in constraints.
        for include in ["-r", "-c"] {
            let files = [("requirements.txt", &*format!("{include} more.txt\na==1.0\n")), ("more.txt", options)];
            assert_eq!(origins("requirements.txt", &files), [expected], "{include} {options}");
        }
    }
    assert_eq!(origins("requirements.txt", &[("requirements.txt", "a==1.0\n")]), [""]);
}

#[test]
fn python_lockfiles_name_their_index() {
    let uv = "version = 1\nrequires-python = '>=3.9'\n[[package]]\nname = 'a'\nversion = '1.0'\nsource = { registry = 'https://user:secret@e.example/simple' }\n";
    assert_eq!(origins("uv.lock", &[("uv.lock", uv)]), ["https://e.example/simple"]);
    let poetry = "[[package]]\nname = 'a'\nversion = '1.0'\n[package.source]\ntype = 'legacy'\nurl = 'https://e.example/simple'\nreference = 'x'\n[metadata]\nlock-version = '2.0'\n";
    assert_eq!(origins("poetry.lock", &[("poetry.lock", poetry)]), ["https://e.example/simple"]);
    let pipfile = |index: &str| {
        format!(
            "{{\"_meta\": {{\"pipfile-spec\": 6, \"sources\": [{{\"name\": \"one\", \"url\": \"https://a.example/\"}}, {{\"name\": \"two\", \"url\": \"https://e.example/\"}}]}}, \"default\": {{\"a\": {{\"version\": \"==1.0\"{index}}}}}}}"
        )
    };
    assert_eq!(origins("Pipfile.lock", &[("Pipfile.lock", &pipfile(", \"index\": \"two\""))]), ["https://e.example/"]);
    assert_eq!(origins("Pipfile.lock", &[("Pipfile.lock", &pipfile(""))]), ["https://a.example/ https://e.example/"]);
    let pdm = "[metadata]\nlock_version = '4.5'\n[[package]]\nname = 'a'\nversion = '1.0'\nfiles = [{ url = 'https://e.example/a-1.0.tar.gz' }]\n";
    assert_eq!(origins("pdm.lock", &[("pdm.lock", pdm)]), ["https://e.example/a-1.0.tar.gz"]);
}

#[test]
fn a_flat_index_of_the_project_is_not_looked_up_elsewhere() {
    let uv = "version = 1\nrequires-python = '>=3.9'\n[[package]]\nname = 'a'\nversion = '1.0'\nsource = { registry = 'wheels' }\nwheels = [{ path = 'a-1.0-py3-none-any.whl' }]\n";
    let inventory = read_with("uv.lock", &[("uv.lock", uv)]);
    assert!(inventory.dependencies.is_empty());
    assert_eq!((inventory.unread[0].what.as_str(), inventory.unread[0].place.line), ("a 1.0", 3));
}

#[test]
fn npm_lockfiles_name_their_tarball() {
    let tarball = "https://e.example/a.tgz";
    for (path, text) in [
        ("package-lock.json", format!("{{\"lockfileVersion\": 3, \"packages\": {{\"node_modules/a\": {{\"version\": \"1.0.0\", \"resolved\": \"{tarball}\"}}}}}}")),
        ("package-lock.json", format!("{{\"lockfileVersion\": 1, \"dependencies\": {{\"a\": {{\"version\": \"1.0.0\", \"resolved\": \"{tarball}\"}}}}}}")),
        ("yarn.lock", format!("# yarn lockfile v1\n\na@^1:\n  version \"1.0.0\"\n  resolved \"{tarball}\"\n")),
        ("yarn.lock", "__metadata:\n  version: 8\n\"a@npm:^1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0::__archiveUrl=https%3A%2F%2Fe.example%2Fa.tgz&x=1\"\n".to_owned()),
        ("pnpm-lock.yaml", format!("lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {{tarball: {tarball}}}\n")),
    ] {
        assert_eq!(origins(path, &[(path, &text), (".npmrc", "registry=https://other.example/\n")]), [tarball], "{text}");
    }
}

#[test]
fn cargo_names_an_index_or_a_registry() {
    let lock = "version = 4\n[[package]]\nname = 'a'\nversion = '1.0.0'\nsource = 'sparse+https://e.example/index/'\n";
    assert_eq!(origins("Cargo.lock", &[("Cargo.lock", lock)]), ["https://e.example/index/"]);
    let manifest = "[package]\nname = 'p'\n[dependencies]\na = { version = '1', registry = 'corp' }\n";
    assert_eq!(origins("Cargo.toml", &[("Cargo.toml", manifest)]), ["corp=registry `corp`"]);
    // The project says where that registry is, or what takes the place of the default one.
    let config = "[registries.corp]\nindex = 'sparse+https://e.example/'\n";
    assert_eq!(origins("Cargo.toml", &[("Cargo.toml", manifest), (".cargo/config.toml", config)]), ["https://e.example/"]);
    let plain = "[package]\nname = 'p'\n[dependencies]\na = '1'\n";
    for (config, expected) in [
        ("[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = 'sparse+https://e.example/'\n", "https://e.example/"),
        ("[source.crates-io]\nreplace-with = 'm'\n[registries.m]\nindex = 'sparse+https://e.example/'\n", "https://e.example/"),
        ("[source.crates-io]\nreplace-with = 'm'\n[source.m]\ndirectory = 'crates'\n", "crates"),
        ("[source.crates-io]\nreplace-with = 'm'\n", "m=source `m`"),
        ("[source.crates-io]\nreplace-with = 'crates-io'\n", "sources that replace each other in a circle"),
        ("[net]\noffline = false\n", ""),
    ] {
        assert_eq!(origins("sub/Cargo.toml", &[("sub/Cargo.toml", plain), (".cargo/config.toml", config)]), [expected], "{config}");
    }
}

#[test]
fn the_configuration_of_the_project_is_what_its_client_follows() {
    let manifest = "{\"dependencies\": {\"a\": \"^1\", \"@s/b\": \"^1\"}}";
    for (path, text, plain, scoped) in [
        (".npmrc", "registry=https://e.example/\n", "https://e.example/", "https://e.example/"),
        (".npmrc", "registry = \"https://${HOST}/\"\n", "https://registry.example/", "https://registry.example/"),
        (".npmrc", "@S:registry=https://e.example/\n", "", "https://e.example/"),
        (".npmrc", "# harmless\rregistry=https://e.example/\n", "https://e.example/", "https://e.example/"),
        ("web/.npmrc", "registry=https://e.example/\n", "https://e.example/", "https://e.example/"),
        (".yarnrc", "registry \"https://e.example/\"\n", "https://e.example/", "https://e.example/"),
        (".yarnrc", "\"@s:registry\" \"https://e.example/\"\n", "", "https://e.example/"),
        (".yarnrc.yml", "npmRegistryServer: https://e.example/\nnodeLinker: pnp\n", "https://e.example/", "https://e.example/"),
        (".yarnrc.yml", "npmScopes:\n  s:\n    npmRegistryServer: https://e.example/\n", "", "https://e.example/"),
        (
            "pnpm-workspace.yaml",
            "registries:\n  default: https://a.example/\n  '@s': https://e.example/\n",
            "https://a.example/",
            "https://e.example/",
        ),
        ("other/.npmrc", "registry=https://e.example/\n", "", ""),
    ] {
        assert_eq!(origins("web/package.json", &[("web/package.json", manifest), (path, text)]), [plain, scoped], "{path} {text}");
    }
    // A variable wins over the file, but for a scope.
    let files: BTreeMap<String, Vec<u8>> =
        [("package.json", manifest), (".npmrc", "registry=https://e.example/\n@s:registry=https://s.example/\n")]
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
            .into();
    let mut ctx = ReadContext::new(&files);
    ctx.variables.insert("NPM_CONFIG_REGISTRY".to_owned(), "https://user.example/".to_owned());
    let inventory = read("package.json", manifest.as_bytes(), &ctx).unwrap();
    assert!(inventory.dependencies[0].origins.is_empty());
    assert_eq!(inventory.dependencies[1].origins[0].address, "https://s.example/");
    // The nearest file of one client wins.
    let files =
        [("web/package.json", manifest), (".npmrc", "registry=https://a.example/\n"), ("web/.npmrc", "registry=https://e.example/\n")];
    assert_eq!(origins("web/package.json", &files), ["https://e.example/", "https://e.example/"]);
}

#[test]
fn python_projects_name_indexes_of_their_own() {
    let project = |tool: &str| format!("[project]\ndependencies = ['a>=1']\n{tool}");
    for (tool, expected) in [
        ("[[tool.uv.index]]\nurl = 'https://e.example/'\n", "https://e.example/"),
        ("[[tool.uv.index]]\nname = 'x'\nurl = 'https://e.example/'\nexplicit = true\n", ""),
        (
            "[[tool.uv.index]]\nname = 'x'\nurl = 'https://e.example/'\nexplicit = true\n[tool.uv.sources]\na = { index = 'x' }\n",
            "https://e.example/",
        ),
        ("[tool.uv]\nextra-index-url = ['https://e.example/']\n", "https://e.example/"),
        ("[tool.uv.pip]\nindex-url = 'https://e.example/'\n", "https://e.example/"),
        ("[tool.uv]\nfind-links = ['./wheels']\n", "./wheels"),
        ("[[tool.poetry.source]]\nname = 'x'\nurl = 'https://e.example/'\n", "https://e.example/"),
        ("[[tool.poetry.source]]\nname = 'x'\nurl = 'https://e.example/'\npriority = 'explicit'\n", ""),
        ("[[tool.pdm.source]]\nname = 'x'\nurl = 'https://e.example/'\n", "https://e.example/"),
        ("", ""),
    ] {
        let text = project(tool);
        assert_eq!(origins("pyproject.toml", &[("pyproject.toml", &text)]), [expected], "{tool}");
    }
    let uv = project("[[tool.uv.index]]\nurl = 'https://e.example/'\n");
    assert_eq!(origins("requirements.txt", &[("requirements.txt", "a==1\n"), ("pyproject.toml", &uv)]), ["https://e.example/"]);
    assert_eq!(
        origins("requirements.txt", &[("requirements.txt", "a==1\n"), ("uv.toml", "[[index]]\nurl = 'https://e.example/'\n")]),
        ["https://e.example/"]
    );
    // A digest ties the bytes, wherever they come from.
    let pinned = format!("a==1 --hash=sha256:{}\n", "0".repeat(64));
    assert_eq!(origins("requirements.txt", &[("requirements.txt", &pinned), ("pyproject.toml", &uv)]), [""]);
}

#[test]
fn maven_asks_the_repositories_of_a_pom_first() {
    let pom = |repositories: &str| {
        format!(
            "<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version>{repositories}<dependencies><dependency><groupId>x</groupId><artifactId>y</artifactId><version>1</version></dependency><dependency><groupId>x</groupId><artifactId>z</artifactId><version>1-SNAPSHOT</version></dependency></dependencies></project>"
        )
    };
    let repository = |policy: &str| format!("<repository><id>r</id><url>https://u:secret@e.example/</url>{policy}</repository>");
    let both = ["r=https://e.example/", "r=https://e.example/"];
    for (text, expected) in [
        (format!("<repositories>{}</repositories>", repository("")), both),
        (format!("<repositories>{}</repositories>", repository("<releases><enabled>false</enabled></releases>")), ["", both[0]]),
        (format!("<repositories>{}</repositories>", repository("<snapshots><enabled>false</enabled></snapshots>")), [both[0], ""]),
        (
            format!(
                "<properties><h>e.example</h></properties><repositories>{}</repositories>",
                "<repository><id>r</id><url>https://${h}/</url></repository>"
            ),
            both,
        ),
        (
            format!(
                "<profiles><profile><id>p</id><activation><activeByDefault>true</activeByDefault></activation><repositories>{}</repositories></profile></profiles>",
                repository("")
            ),
            both,
        ),
        (format!("<profiles><profile><id>p</id><repositories>{}</repositories></profile></profiles>", repository("")), ["", ""]),
    ] {
        assert_eq!(origins("pom.xml", &[("pom.xml", &pom(&text))]), expected, "{text}");
    }
    let parent = format!(
        "<project><groupId>g</groupId><artifactId>up</artifactId><version>1</version><repositories>{}</repositories></project>",
        repository("")
    );
    let child = pom("<parent><groupId>g</groupId><artifactId>up</artifactId><version>1</version></parent>");
    assert_eq!(origins("m/pom.xml", &[("m/pom.xml", &child), ("pom.xml", &parent)]), both);
}

#[test]
fn maven_settings_of_the_project_count() {
    let pom = "<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version><dependencies><dependency><groupId>x</groupId><artifactId>y</artifactId><version>1</version></dependency></dependencies></project>";
    let settings = "<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf><url>https://e.example/</url></mirror></mirrors></settings>";
    for (files, expected) in [
        (vec![(".mvn/settings.xml", settings)], "https://e.example/"),
        (vec![(".mvn/maven.config", "-B -s conf/s.xml\n"), ("conf/s.xml", settings)], "https://e.example/"),
        (vec![(".mvn/maven.config", "--settings=conf/s.xml\n"), ("conf/s.xml", settings)], "https://e.example/"),
        (vec![(".mvn/maven.config", "-s gone.xml\n")], "the settings gone.xml"),
        (vec![(".mvn/maven.config", "-B\n")], ""),
    ] {
        let all: Vec<(&str, &str)> = files.into_iter().chain([("pom.xml", pom)]).collect();
        let found: Vec<String> = read_with("pom.xml", &all).dependencies[0].origins.iter().map(|origin| origin.address.clone()).collect();
        assert_eq!(found.join(" "), expected, "{all:?}");
    }
}

#[test]
fn a_package_url_may_name_a_repository_or_a_file() {
    for qualifier in ["repository_url=e.example%2Fm2", "download_url=https%3A%2F%2Fe.example%2Fm2"] {
        let text = format!(
            "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"components\": [{{\"name\": \"a\", \"purl\": \"pkg:maven/g/a@1?{qualifier}\"}}]}}"
        );
        assert_eq!(origins("bom.json", &[("bom.json", &text)]), ["https://e.example/m2"]);
    }
}
