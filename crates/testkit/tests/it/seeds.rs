//! Every fuzz target has seeds to begin from: a format with a magic number is not found by chance.

use bifocal_testkit::jvm_class::{Step, class_file};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_fuzz_target_has_seeds() {
    let targets: BTreeSet<String> = names(&fuzz().join("fuzz_targets"))
        .into_iter()
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| !name.ends_with("_common"))
        .collect();
    assert!(targets.len() >= 30, "{}", targets.len());
    assert_eq!(names(&fuzz().join("seeds")), targets);
    for target in targets {
        assert!(!names(&fuzz().join("seeds").join(&target)).is_empty(), "{target}");
    }
}

/// Classes that are whole, cut off, and with a pool that points out of itself.
fn classes() -> Vec<(&'static str, Vec<u8>)> {
    let start: &[Step<'_>] = &[
        Step::Static("java/lang/Runtime", "getRuntime", "()Ljava/lang/Runtime;"),
        Step::Text("echo hello"),
        Step::Virtual("java/lang/Runtime", "exec", "(Ljava/lang/String;)Ljava/lang/Process;"),
        Step::Pop,
    ];
    let address: &[Step<'_>] = &[
        Step::New("java/net/URL"),
        Step::Text("https://files.example.com/a.jar"),
        Step::Special("java/net/URL", "<init>", "(Ljava/lang/String;)V"),
        Step::Pop,
    ];
    let list: &[Step<'_>] = &[
        Step::New("java/lang/ProcessBuilder"),
        Step::Texts(&["sh", "-c", "echo hello"]),
        Step::Special("java/lang/ProcessBuilder", "<init>", "([Ljava/lang/String;)V"),
        Step::Pop,
    ];
    let whole = class_file("com/example/Demo", "<clinit>", start);
    let mut astray = whole.clone();
    // The first entry of the pool becomes a class whose name is entry 65535.
    astray.splice(10..13, [7, 0xff, 0xff]);
    let cut = whole[..whole.len() - 20].to_vec();
    vec![
        ("static-start.class", whole),
        ("main-address.class", class_file("com/example/Demo", "main", address)),
        ("start-list.class", class_file("com/example/Demo", "run", list)),
        ("pool-astray.class", astray),
        ("cut-off.class", cut),
    ]
}

#[test]
fn the_class_seeds_are_as_they_are_made_here() {
    for (name, bytes) in classes() {
        let path = fuzz().join("seeds/parse_jvm").join(name);
        let made = "run `cargo test -p bifocal-testkit --test it -- --ignored write_the_class_seeds`";
        assert!(std::fs::read(&path).is_ok_and(|found| found == bytes), "{}: {made}", path.display());
    }
}

#[test]
#[ignore = "writes fuzz/seeds/parse_jvm; run it by name after changing a class above"]
fn write_the_class_seeds() {
    let folder = fuzz().join("seeds/parse_jvm");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in classes() {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}
