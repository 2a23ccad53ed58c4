//! The reference page lists the signals that the code can make, and no others.

#[test]
fn code_and_reference_list_the_same_ids() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/src/reference/signals/history.md");
    let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let documented: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    assert_eq!(documented, bifocal_history::SIGNAL_IDS);
}
