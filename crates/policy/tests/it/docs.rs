use bifocal_policy::schema::{ArtifactField, FUNCTIONS, Field, PLACEHOLDERS, SignalField};
use bifocal_policy::{BUILT_IN_RULES, PACKS};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/reference/policy.md")).unwrap()
}

/// The rows of the table under a heading, cells trimmed.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, after) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let section = after.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect()
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).trim_matches('`').to_owned()).collect()
}

#[test]
fn the_reference_lists_what_the_schema_has() {
    let page = page();
    let fields: Vec<_> = Field::ALL.iter().map(|f| row(&[f.name(), &f.kind().name(), f.meaning()])).collect();
    assert_eq!(table(&page, "Fields of a release"), fields);
    let fields: Vec<_> = SignalField::ALL.iter().map(|f| row(&[f.name(), &f.kind().name(), f.meaning()])).collect();
    assert_eq!(table(&page, "Fields of a signal"), fields);
    let fields: Vec<_> = ArtifactField::ALL.iter().map(|f| row(&[f.name(), &f.kind().name(), f.meaning()])).collect();
    assert_eq!(table(&page, "Fields of an artifact"), fields);
    for (heading, list) in [("Functions", FUNCTIONS), ("Placeholders in messages", PLACEHOLDERS), ("Built-in rules", BUILT_IN_RULES)] {
        let rows: Vec<_> = list.iter().map(|(name, meaning)| row(&[name, meaning])).collect();
        assert_eq!(table(&page, heading), rows, "{heading}");
    }
    for (name, _) in PACKS {
        assert!(page.contains(&format!("policies/{name}.toml")), "{name}");
    }
}
