//! The table of readers, the README, the fixtures and the fuzz targets name the same readers.

use crate::fixtures::folder;
use bifocal_readers::{READERS, detect};
use std::collections::BTreeSet;

#[test]
fn the_table_the_readme_and_the_fixtures_list_the_same_readers() {
    let table: BTreeSet<String> = READERS.iter().map(|reader| reader.id.to_owned()).collect();
    assert_eq!(table.len(), READERS.len(), "an id is there twice");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let documented: BTreeSet<String> =
        readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned).collect();
    assert_eq!(table, documented);
    let fixtures: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(table, fixtures);
    let targets =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets")).unwrap().map(|entry| entry.unwrap().path());
    let targets = targets.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("read_"));
    let texts: String = targets.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let unfuzzed: Vec<&String> = table.iter().filter(|id| !texts.contains(&format!("\"{id}\""))).collect();
    assert!(unfuzzed.is_empty(), "{unfuzzed:?}");
}

#[test]
fn every_fixture_is_known_by_its_name_or_content() {
    for reader in READERS {
        for case in std::fs::read_dir(folder().join(reader.id)).unwrap() {
            let name = crate::fixtures::entry(reader.id);
            let bytes = std::fs::read(case.unwrap().path().join(name)).unwrap();
            assert_eq!(detect(name, &bytes), Some(reader.kind), "{}", reader.id);
        }
    }
}
