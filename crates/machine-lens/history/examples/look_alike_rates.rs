//! How often honest names are taken for look-alikes, at each severity, and how fast.
//!
//! `cargo run --example look_alike_rates -- ECOSYSTEM LIST [NAMES]`: the upper half of the list is the feed. The lower half
//! (and NAMES, one a line, where given) is asked as if each were the first release of a new package, which is the worst
//! case for a false alarm, and as a settled package.

#![expect(clippy::print_stdout, reason = "a command that prints its result")]

use bifocal_core::{Ecosystem, PackageHistory, Release, ReleaseRecord, Status};
use bifocal_history::{HistoryFeeds, Popularity, signals};
use std::collections::BTreeMap;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ecosystem, list, rest @ ..] = arguments.as_slice() else {
        return Err("usage: look_alike_rates ECOSYSTEM LIST [NAMES]".into());
    };
    let ecosystem: Ecosystem = ecosystem.parse()?;
    let all = Popularity::parse(ecosystem, &std::fs::read_to_string(list)?)?;
    let whole = all.names().join("\n");
    let (upper, lower) = all.names().split_at(all.len() / 2);
    measure(ecosystem, "lower half against the upper half", &upper.join("\n"), lower)?;
    if let [names, ..] = rest {
        let text = std::fs::read_to_string(names)?;
        let names: Vec<String> = text.lines().map(str::to_owned).collect();
        measure(ecosystem, "other names against the whole list", &whole, &names)?;
    }
    Ok(())
}

fn measure(ecosystem: Ecosystem, title: &str, feed: &str, names: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let list = Popularity::parse(ecosystem, feed)?;
    let listed = list.len();
    let start = Instant::now();
    let index = bifocal_history::LookAlike::new(&list);
    let built = start.elapsed();
    let start = Instant::now();
    let found = names.iter().filter(|name| index.find(name).is_some()).count();
    let asked = start.elapsed();
    println!(
        "{title}: {listed} listed, index in {built:?}; {} asked, {:?} each, {found} resemble one",
        names.len(),
        asked / (names.len().max(1) as u32)
    );
    let mut feeds = HistoryFeeds::new();
    feeds.insert(list, None);
    for (past, versions) in [("first release", 1), ("5 versions", 5), ("40 versions", 40)] {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let (mut asked, mut shown) = (0usize, Vec::new());
        for name in names {
            let Ok(release) = Release::new(ecosystem, name, "v1.0.0") else { continue };
            asked += 1;
            for draft in signals(&record(release, versions), &feeds) {
                if draft.id == "history/look-alike-name" && draft.status == Status::Present {
                    *counts.entry(draft.severity.as_str().to_owned()).or_default() += 1;
                    if draft.severity >= bifocal_core::Severity::Low && versions == 1 {
                        shown.push(format!("    {} {name}: {}", draft.severity.as_str(), draft.message));
                    }
                }
            }
        }
        println!("  {past}: {asked} names, {counts:?}");
        if std::env::var_os("SHOW").is_some() {
            shown.iter().for_each(|line| println!("{line}"));
        }
    }
    Ok(())
}

fn record(release: Release, versions: u32) -> ReleaseRecord {
    let history = PackageHistory { version_count: versions, ..PackageHistory::default() };
    ReleaseRecord { history, ..ReleaseRecord::bare(release, "default") }
}
