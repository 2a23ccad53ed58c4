//! `binding.gyp`: with it alone npm runs `node-gyp rebuild`, which runs what the file says.
//!
//! In: the build file and those that it includes or depends on. Out: the commands in them: `<!(…)` runs while the file is
//! read, an `action` while it is built. The format is a Python literal; only lists of texts and texts are looked for.

use super::npm::MAX_COMMANDS;
use super::{Files, Layout, ManifestCommand};
use crate::facts::Trigger;
use std::collections::BTreeSet;

/// Largest build file.
const MAX_FILE: usize = 1 << 20;
/// Most build files of one package.
const MAX_FILES: usize = 200;

/// Adds the commands of the native build in a folder.
pub(super) fn commands(layout: &mut Layout, files: &Files<'_>, folder: &str) {
    let mut open = vec![format!("{folder}binding.gyp")];
    let mut read: BTreeSet<String> = BTreeSet::new();
    while let Some(path) = open.pop() {
        let Some(bytes) = files.get(path.as_str()).filter(|bytes| bytes.len() <= MAX_FILE) else { continue };
        if read.len() >= MAX_FILES || !read.insert(path.clone()) {
            continue;
        }
        let text = super::source_text(bytes);
        let mut found = expansions(&text);
        let texts = texts(&text);
        found.extend(actions(&text, &texts));
        for (at, command) in found {
            if layout.commands.len() < MAX_COMMANDS {
                let line = text[..at].bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
                layout.commands.push(ManifestCommand { path: path.clone(), line, command, trigger: Trigger::InstallHook });
            }
        }
        let here = path.rsplit_once('/').map_or("", |(above, _)| above);
        // `deps/x.gyp:target`, `common.gypi`
        for text in texts.iter().map(|text| text.text.split(':').next().unwrap_or_default()) {
            if text.ends_with(".gyp") || text.ends_with(".gypi") {
                open.extend(super::resolve::join(here, text));
            }
        }
    }
}

/// The commands of `<!(…)`, with their places.
fn expansions(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('!').filter(|(at, _)| text[..*at].ends_with(['<', '>', '^'])) {
        let Some(inner) = text[at + 1..].trim_start_matches('@').strip_prefix('(') else { continue };
        let mut depth = 1;
        let end = inner
            .char_indices()
            .find(|(_, c)| {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                depth == 0
            })
            .map_or(inner.len(), |(i, _)| i);
        found.push((at, inner[..end].replace("\\\"", "\"")));
        if found.len() >= MAX_COMMANDS {
            break;
        }
    }
    found
}

/// A text of the file.
struct Text {
    /// Where it ends, its quote included.
    end: usize,
    at: usize,
    text: String,
}

/// All texts, comments left out.
fn texts(text: &str) -> Vec<Text> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'#' => at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end),
            b'"' | b'\'' => {
                let start = at;
                let mut inner = Vec::new();
                at += 1;
                while let Some(&next) = bytes.get(at).filter(|next| **next != byte) {
                    let escaped = next == b'\\';
                    inner.extend(bytes.get(at + usize::from(escaped)));
                    at += 1 + usize::from(escaped);
                }
                at += 1;
                found.push(Text { at: start, end: at.min(bytes.len()), text: String::from_utf8_lossy(&inner).into_owned() });
            }
            _ => at += 1,
        }
    }
    found
}

/// The commands of `'action': ['sh', '-c', '…']`, with their places.
fn actions(text: &str, texts: &[Text]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, key) in texts.iter().enumerate().filter(|(_, key)| matches!(key.text.trim_end_matches(['+', '?', '=']), "action")) {
        let opens = text
            .get(key.end..)
            .is_some_and(|rest| rest.trim_start().strip_prefix(':').is_some_and(|rest| rest.trim_start().starts_with('[')));
        if !opens || found.len() >= MAX_COMMANDS {
            continue;
        }
        let mut words = Vec::new();
        let mut end = key.end;
        for word in &texts[index + 1..] {
            // What lies between two words tells whether the list is over; the first bracket opened it.
            if words.len() >= 64 || text.get(end..word.at).is_none_or(|between| between.contains([']', '}', '{'])) {
                break;
            }
            words.push(quoted(&word.text));
            end = word.end;
        }
        found.push((key.at, words.join(" ")));
    }
    found
}

/// A word as a shell takes it whole.
fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let files: Files<'_> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        let mut layout = Layout::default();
        commands(&mut layout, &files, "package/");
        layout.commands.into_iter().map(|command| format!("{}:{} {}", command.path, command.line, command.command)).collect()
    }

    #[test]
    fn commands_of_expansions_and_actions_are_found_in_every_file_of_the_build() {
        let main = "{ # 'action': ['no']\n'targets': [{'dependencies': ['deps/a.gyp:a'], 'include_dirs': [\"<!@(node -p \\\"1\\\")\"],\n\
                    'actions': [{'action_name': 'x', \"action\" : ['sh', '-c', 'echo a; echo it\\'s']}]}]}";
        let other = "{'rules': [{'action': [\n'python', 'gen.py', '<(RULE_INPUT_PATH)'], 'outputs': ['y']}], 'includes': ['../c.gypi', '../binding.gyp']}";
        let found = read(&[
            ("package/binding.gyp", main),
            ("package/deps/a.gyp", other),
            ("package/c.gypi", "{'variables': {'v': '>!(date)'}}"),
            ("package/unused.gyp", "{'v': '<!(uname)'}"),
        ]);
        let wanted = [
            "package/binding.gyp:2 node -p \"1\"",
            "package/binding.gyp:3 sh -c 'echo a; echo it'\\''s'",
            "package/deps/a.gyp:1 python gen.py '<(RULE_INPUT_PATH)'",
            "package/c.gypi:1 date",
        ];
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list
        };
        assert_eq!(sorted(found), sorted(wanted.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_broken_build_file_ends() {
        for text in ["'action': [", "'action': ['sh", "<!(((", "'\\", "'action'", "{'action': ['a', ['b'", "<!"] {
            let _ = read(&[("package/binding.gyp", text)]);
        }
    }
}
