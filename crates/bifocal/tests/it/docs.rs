//! The reference says what the program does: the same signals, policies, commands, options.

use crate::lab::Lab;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn page(path: &str) -> String {
    let path = repository().join("docs/src").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Headings that are signal ids, with or without backticks.
fn documented() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for lens in ["advisory", "behaviour", "history", "provenance"] {
        for line in page(&format!("reference/signals/{lens}.md")).lines() {
            if let Some(id) = line.strip_prefix("## ").or(line.strip_prefix("### ")).map(|id| id.trim().trim_matches('`'))
                && id.contains('/')
            {
                assert!(id.starts_with(&format!("{lens}/")), "{id} is on the page of another lens");
                assert!(found.insert(id.to_owned()), "{id} has two sections");
            }
        }
    }
    found
}

#[test]
fn every_signal_has_a_section_and_every_section_a_signal() {
    let made: BTreeSet<String> = bifocal_engine::signal_ids().into_iter().map(str::to_owned).collect();
    let documented = documented();
    let missing: Vec<_> = made.difference(&documented).collect();
    let stray: Vec<_> = documented.difference(&made).collect();
    assert!(missing.is_empty() && stray.is_empty(), "without a section: {missing:?}; sections without a signal: {stray:?}");
}

#[test]
fn every_shipped_policy_is_without_mistakes() {
    let lab = Lab::new();
    let run = lab.run(&["policy", "check", "default", "strict", "observe"]).expect(0);
    assert_eq!(run.stdout.lines().count(), 3, "a warning: {run}");
    for pack in ["default", "strict", "observe"] {
        let path = repository().join("policies").join(format!("{pack}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(lab.run(&["policy", "show", pack]).expect(0).stdout, text);
        lab.run(&["policy", "check", path.to_str().unwrap()]).expect(0);
        assert!(page("reference/policy.md").contains(&format!("policies/{pack}.toml")));
    }
    lab.run(&["policy", "show", "lax"]).expect(2).complains(&["lax", "default, strict, observe"]);
}

/// Whoever follows a page copies its policies: each has to load.
#[test]
fn every_policy_that_the_pages_show_is_without_mistakes() {
    let lab = Lab::new();
    let mut pages = vec![repository().join("docs/src")];
    let mut shown = 0;
    while let Some(path) = pages.pop() {
        if path.is_dir() {
            pages.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| end == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block)) {
                if block.contains("schema_version") && block.contains("[[") {
                    let copied = lab.write("policy.toml", block);
                    let run = lab.run(&["policy", "check", copied.to_str().unwrap()]);
                    assert_eq!(run.code, Some(0), "{}: {run}", path.display());
                    shown += 1;
                }
            }
        }
    }
    assert!(shown > 0, "the pages show no policy");
}

/// Every rule of the packs is worth a name in the docs or explains itself: it has a message and, where it stops, a remedy.
#[test]
fn every_rule_that_stops_something_says_what_to_do() {
    for pack in ["default", "strict"] {
        let text = std::fs::read_to_string(repository().join(format!("policies/{pack}.toml"))).unwrap();
        for rule in text.split("[[").skip(1).filter(|part| part.contains("verdict = \"hold\"") || part.contains("verdict = \"deny\"")) {
            assert!(rule.contains("message = ") && rule.contains("remedy = "), "{rule}");
        }
    }
}

/// Subcommands that `--help` lists.
fn subcommands(lab: &Lab, of: &[&str]) -> Vec<String> {
    let mut arguments = of.to_vec();
    arguments.push("--help");
    let help = lab.run(&arguments).expect(0).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.trim().is_empty());
    listed
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_manual_and_the_completions_are_made_from_the_same_source() {
    let lab = Lab::new();
    let manual = lab.run(&["man"]).expect(0).stdout;
    assert!(manual.starts_with(".ie") || manual.contains(".TH bifocal"), "{}", &manual[..200.min(manual.len())]);
    for command in subcommands(&lab, &[]) {
        assert!(manual.contains(&command), "{command} is not in the manual");
    }
    assert!(manual.contains("write\\-baseline") && !manual.contains("analyser's child process"));
    // And of commands within commands.
    for words in ["BIFOCAL POLICY EXPLAIN", "BIFOCAL FEED UPDATE", "allow\\-shrinkage", "no\\-baseline"] {
        assert!(manual.contains(words), "{words} is not in the manual");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = lab.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("bifocal") && script.contains("write-baseline"), "{shell}");
    }
    lab.run(&["completions", "tcsh"]).expect(2).complains(&["tcsh", "bash"]);
}

#[test]
fn the_page_of_exit_codes_has_them_all() {
    let page = page("reference/exit-codes.md");
    for code in ["| 0 |", "| 1 |", "| 2 |", "| 3 |", "130"] {
        assert!(page.contains(code), "{code}");
    }
}

#[test]
fn every_printed_format_has_its_section() {
    let page = page("reference/formats.md");
    for format in ["json", "jsonl", "sarif", "cyclonedx", "markdown"] {
        assert!(page.contains(&format!("## {format}\n")), "{format}");
    }
}
