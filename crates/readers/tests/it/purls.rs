//! Qualifiers of package URLs, and what SBOMs list beside packages.

use bifocal_core::{Inventory, Requested};
use bifocal_readers::{NOT_LOOKED_AT, ReadContext, qualified, read};
use std::collections::BTreeMap;

const SHA: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn read_with(path: &str, files: &[(&str, &str)]) -> Inventory {
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    read(path, &files[path], &ReadContext::new(&files)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_qualifier_names_the_file_and_its_digest() {
    let both = format!("pkg:maven/org.x/foo@1.0?type=zip&classifier=linux&checksum=sha256:{SHA}");
    for (purl, filename, digests) in [
        ("pkg:maven/org.x/foo@1.0?type=zip&classifier=linux", "foo-1.0-linux.zip", 0),
        ("pkg:maven/org.x/foo@1.0?type=pom", "foo-1.0.pom", 0),
        ("pkg:maven/org.x/foo@1.0?type=test-jar", "foo-1.0-tests.jar", 0),
        ("pkg:maven/org.x/foo@1.0?classifier=sources", "foo-1.0-sources.jar", 0),
        (&both, "foo-1.0-linux.zip", 1),
        ("pkg:pypi/foo@1.0?file_name=foo-1.0.tar.gz", "foo-1.0.tar.gz", 0),
        (&format!("pkg:npm/foo@1.0.0?checksum=sha256:{SHA},sha1:{}", &SHA[..40]), "", 2),
    ] {
        let found = qualified(purl).unwrap().artifacts;
        assert_eq!((found.len(), found[0].filename.as_str(), found[0].digests.len()), (1, filename, digests), "{purl}");
    }
    for purl in ["pkg:maven/org.x/foo@1.0?type=jar", "pkg:golang/example.com/x@v1.0.0?type=module", "pkg:npm/x@1.0.0"] {
        assert!(qualified(purl).unwrap().artifacts.is_empty(), "{purl}");
    }
}

#[test]
fn a_qualifier_that_cannot_be_followed_is_an_error() {
    for (purl, expected) in [
        ("pkg:npm/foo@1.0.0?arch=arm64", "is not understood"),
        ("pkg:pypi/foo@1.0?file_name=..%2Ffoo.whl", "is not understood"),
        ("pkg:npm/foo@1.0.0?checksum=sha256:12", "is no digest"),
        ("pkg:golang/example.com/x@v1.0.0?checksum=sha256:12", "is not compared"),
    ] {
        let error = qualified(purl).unwrap_err();
        assert!(error.contains(expected), "{purl}: {error}");
    }
    let found = qualified("pkg:npm/foo@1.0.0?vcs_url=git%2Bhttps://example.com/o/r.git%40abc&repository_url=e.example").unwrap();
    assert_eq!(found.git.unwrap().1, "abc");
    assert_eq!(found.origins[0].address, "https://e.example/");
}

#[test]
fn components_that_nobody_looks_at_are_errors_or_counted() {
    let components: Vec<String> = [
        "pkg:github/octo/cat@v1",
        "pkg:npm/unversioned",
        "pkg:npm/odd@1.0.0?arch=x",
        "pkg:deb/debian/a@1",
        "pkg:deb/debian/b@1",
        "pkg:generic/c@1",
    ]
    .iter()
    .map(|purl| format!("{{\"type\":\"library\",\"name\":\"a\",\"purl\":\"{purl}\"}}"))
    .collect();
    let text = format!(
        "{{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{},{{\"type\":\"library\",\"name\":\"bare\"}}]}}",
        components.join(",")
    );
    let found = read_with("bom.json", &[("bom.json", &text)]);
    assert!(matches!(&found.dependencies[..], [one] if matches!(&one.requested, Requested::Git { name, .. } if name == "cat")));
    let unread: Vec<&str> = found.unread.iter().map(|unread| unread.what.as_str()).collect();
    assert_eq!(unread, ["pkg:npm/unversioned", "pkg:npm/odd@1.0.0?arch=x"]);
    let counts = found.notes.iter().find_map(|note| note.strip_prefix(NOT_LOOKED_AT)).unwrap();
    assert_eq!(counts, "2 deb components, 1 generic component, 1 library component without a package URL");
}

#[test]
fn a_workspace_supplies_its_own_modules_and_its_replacements_count() {
    let files = [
        ("go.work", "go 1.22\nuse (\n\t./app\n\t./lib\n)\nreplace example.com/old v1.0.0 => example.com/new v1.1.0\n"),
        (
            "app/go.mod",
            "module corp.example/app\ngo 1.22\nrequire (\n\tcorp.example/lib v0.0.0\n\texample.com/old v1.0.0\n\texample.com/kept v1.0.0\n)\n",
        ),
        ("lib/go.mod", "module corp.example/lib\ngo 1.22\n"),
        ("other/go.mod", "module corp.example/other\ngo 1.22\nrequire corp.example/lib v0.0.0\n"),
    ];
    let asked: Vec<String> = read_with("app/go.mod", &files)
        .dependencies
        .iter()
        .map(|one| match &one.requested {
            Requested::Exact { release } => release.purl(),
            Requested::Path { path, .. } => path.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        asked,
        ["../lib", "pkg:golang/example.com/new@v1.1.0", "pkg:golang/example.com/kept@v1.0.0"].map(|one| one.replace("../lib", ".././lib"))
    );
    // A module that the workspace does not use is built without it.
    assert!(matches!(read_with("other/go.mod", &files).dependencies[0].requested, Requested::Exact { .. }));
}

#[test]
fn a_shrinkwrap_without_a_number_is_of_the_first_version() {
    let text = "{\"name\":\"p\",\"dependencies\":{\"a\":{\"version\":\"1.0.0\"}}}";
    assert_eq!(read_with("npm-shrinkwrap.json", &[("npm-shrinkwrap.json", text)]).dependencies.len(), 1);
}

#[test]
fn dependencies_that_the_build_computes_are_said() {
    let text = "[project]\nname = 'p'\ndynamic = ['version', 'dependencies']\n";
    let found = read_with("pyproject.toml", &[("pyproject.toml", text)]);
    assert!(found.notes.iter().any(|note| note.starts_with(NOT_LOOKED_AT) && note.contains("`dynamic`")), "{:?}", found.notes);
}
