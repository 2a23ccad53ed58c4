//! The page of commands has every command, option and argument of the program, and no other.

use crate::cli::Cli;
use clap::{Arg, ArgAction, Command, CommandFactory as _};
use std::collections::BTreeMap;

/// Rows by section: the first cell of each row, and the rest of it.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn page() -> Sections {
    let mut sections = Sections::new();
    let mut section = String::new();
    for line in include_str!("../../../docs/src/reference/commands.md").lines() {
        if let Some(title) = line.strip_prefix("## ") {
            assert!(sections.insert(title.to_owned(), BTreeMap::new()).is_none(), "two sections `{title}`");
            title.clone_into(&mut section);
        } else if let Some(row) = line.strip_prefix("| `")
            && let Some(rows) = sections.get_mut(&section)
        {
            let (cell, rest) = row.split_once("` |").unwrap();
            assert!(rows.insert(cell.to_owned(), rest.to_owned()).is_none(), "two rows `{cell}` in `{section}`");
        }
    }
    sections
}

/// An option or argument as the page writes it: `-o, --output FILE`, `--format human\|json`, `[TARGET…]`.
fn shown(arg: &Arg) -> String {
    let values = match arg.get_possible_values() {
        words if !words.is_empty() && arg.get_action().takes_values() => {
            words.iter().filter(|word| !word.is_hide_set()).map(|word| word.get_name().to_owned()).collect::<Vec<_>>().join("\\|")
        }
        _ if arg.get_action().takes_values() => {
            let names: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
            names.join(" ").replace('|', "\\|")
        }
        _ => String::new(),
    };
    if arg.is_positional() {
        let many = if matches!(arg.get_action(), ArgAction::Append) { "…" } else { "" };
        return if arg.is_required_set() { format!("{values}{many}") } else { format!("[{values}{many}]") };
    }
    let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0 && count.takes_values());
    let value = match values.as_str() {
        "" => String::new(),
        _ if optional => format!(" [{values}]"),
        _ => format!(" {values}"),
    };
    let names: Vec<String> =
        arg.get_short().map(|short| format!("-{short}")).into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect();
    format!("{}{value}", names.join(", "))
}

fn rows<'a>(args: impl Iterator<Item = &'a Arg>) -> BTreeMap<String, &'a Arg> {
    args.filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())).map(|arg| (shown(arg), arg)).collect()
}

fn compare(title: &str, expected: &BTreeMap<String, &Arg>, page: &Sections, wrong: &mut Vec<String>) {
    let Some(found) = page.get(title) else {
        wrong.push(format!("## {title}\n\n| option | meaning |\n| --- | --- |"));
        wrong.extend(
            expected.iter().map(|(cell, arg)| format!("| `{cell}` | {} |", arg.get_help().map(ToString::to_string).unwrap_or_default())),
        );
        return;
    };
    for (cell, arg) in expected {
        match found.get(cell) {
            None => {
                wrong.push(format!("in `{title}`, missing: | `{cell}` | {} |", arg.get_help().map(ToString::to_string).unwrap_or_default()))
            }
            Some(meaning) => {
                let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
                if let Some(variable) = variable.filter(|variable| !meaning.contains(variable)) {
                    wrong.push(format!("in `{title}`, `{cell}` does not name {variable}"));
                }
            }
        }
    }
    wrong.extend(found.keys().filter(|cell| !expected.contains_key(*cell)).map(|cell| format!("in `{title}`, no such option: {cell}")));
}

fn commands<'a>(of: &'a Command, path: &str, out: &mut BTreeMap<String, &'a Command>) {
    for sub in of.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let path = if path.is_empty() { sub.get_name().to_owned() } else { format!("{path} {}", sub.get_name()) };
        if sub.has_subcommands() {
            commands(sub, &path, out);
        } else {
            out.insert(path, sub);
        }
    }
}

#[test]
fn the_page_of_commands_has_every_option_and_no_other() {
    let program = Cli::command();
    let page = page();
    let mut wrong = Vec::new();
    compare("every command", &rows(program.get_arguments()), &page, &mut wrong);
    let mut all = BTreeMap::new();
    commands(&program, "", &mut all);
    assert!(all.len() >= 12, "{:?}", all.keys());
    for (path, command) in &all {
        compare(path, &rows(command.get_arguments()), &page, &mut wrong);
        let text = include_str!("../../../docs/src/reference/commands.md");
        if !text.contains(&format!("| [`bifocal {path}")) {
            wrong.push(format!("the table of commands lacks `bifocal {path}`"));
        }
    }
    let known: Vec<&str> = all.keys().map(String::as_str).chain(["every command"]).collect();
    wrong.extend(page.keys().filter(|title| !known.contains(&title.as_str())).map(|title| format!("no such command: {title}")));
    assert!(wrong.is_empty(), "docs/src/reference/commands.md:\n{}", wrong.join("\n"));
}
