//! Programs that run a text or a file as code: shells, `python -c`, `node -e`, PowerShell.

use super::{Command, Flow, Shell, base_name, special};
use crate::api::Codec;
use crate::facts::{Capability, Language, Taint};
use crate::peel;

pub(super) fn powershell(shell: &mut Shell<'_>, command: &Command, flow: Flow, nesting: u32) -> Flow {
    let words = &command.words;
    for (index, word) in words.iter().enumerate().skip(1) {
        let option = word.text.to_ascii_lowercase();
        let option = option.trim_start_matches(['-', '/']);
        if word.text.starts_with(['-', '/']) && option.starts_with('e') && "encodedcommand".starts_with(option)
            || option == "enc"
            || option == "ec"
        {
            let Some(encoded) = words.get(index + 1) else { break };
            let Some(bytes) = peel::decode(Codec::Base64, encoded.text.as_bytes(), shell.peel) else { break };
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            let text = String::from_utf16_lossy(&units);
            shell.fact(
                Capability::Eval,
                "powershell -enc",
                Taint::DECODED,
                vec![crate::trace::value::cut(&text, 1000).to_owned()],
                command.at,
            );
            shell.chain.push("base64");
            let out = super::powershell::read(shell, &text, command.at);
            shell.chain.pop();
            return out;
        }
    }
    let text: Vec<&str> = words.iter().skip(1).map(|word| word.text.as_str()).collect();
    if let Some(script) = text.iter().find(|word| word.to_ascii_lowercase().ends_with(".ps1")) {
        script_started(shell, script, None, command, flow.taint);
    }
    let _ = nesting;
    super::powershell::read(shell, &text.join(" "), command.at)
}

pub(super) fn script_started(shell: &mut Shell<'_>, script: &str, by: Option<Language>, command: &Command, taint: Taint) {
    if shell.dropped.contains(base_name(script)) {
        shell.fact(Capability::Spawn, "run", Taint::DROPPED.with(Taint::NETWORK).with(taint), command.text(), command.at);
    }
    note_script(shell, script, by);
}

/// Files whose content an interpreter reads as code.
pub(super) fn files_started(shell: &mut Shell<'_>, files: &[String], by: Option<Language>, command: &Command) {
    for file in files.iter().take(16).filter(|file| !file.starts_with(['-', '\0'])) {
        if shell.dropped.contains(base_name(file)) {
            shell.fact(Capability::Spawn, "run", Taint::DROPPED.with(Taint::NETWORK), command.text(), command.at);
        }
        note_script(shell, file, by);
    }
}

fn note_script(shell: &mut Shell<'_>, script: &str, by: Option<Language>) {
    if !script.contains("://") && shell.out.scripts.len() < 256 {
        let path = script.trim_start_matches("…/").trim_start_matches("./").replace('\\', "/");
        let path = if path.starts_with("../") || path.starts_with('/') { path } else { format!("./{path}") };
        shell.out.scripts.push((path, by));
    }
}

/// The language that an interpreter reads, if it is read here.
fn language_of(name: &str) -> Option<Language> {
    match name {
        "python" => Some(Language::Python),
        "node" | "nodejs" | "bun" | "deno" => Some(Language::JavaScript),
        _ => is_shell(name).then_some(Language::Shell),
    }
}

pub(super) fn interpreter(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow, nesting: u32) -> Flow {
    let words = &command.words;
    let inline_flag = match name {
        "node" | "nodejs" | "bun" | "deno" => ["-e", "--eval", "-p", "eval"],
        "perl" | "ruby" | "php" | "osascript" | "lua" => ["-e", "-E", "-r", "-e"],
        _ => ["-c", "-lc", "-ic", "-cl"],
    };
    let by = language_of(name);
    // `deno run x`
    let mut index = if matches!(name, "bun" | "deno") && words.get(1).is_some_and(|word| word.text == "run") { 2 } else { 1 };
    while let Some(word) = words.get(index) {
        let text = word.text.as_str();
        let is_inline = inline_flag.contains(&text)
            || (is_shell(name) && text.starts_with('-') && !text.starts_with("--") && text.ends_with('c') && text.len() <= 5)
            || (name == "node" && text == "-pe");
        if is_inline {
            let Some(code) = words.get(index + 1) else { break };
            let taint = command.taints.get(index + 1).copied().unwrap_or(Taint::NONE);
            if taint.has(Taint::NETWORK.with(Taint::DECODED)) {
                shell.fact(Capability::Eval, name, taint, command.text(), command.at);
            }
            // `node -e "$(cat x)"`
            if code.text.starts_with('…') {
                files_started(shell, &command.substituted, by, command);
            }
            return match name {
                "python" => inline(shell, Language::Python, &code.text),
                "node" | "nodejs" | "bun" | "deno" => inline(shell, Language::JavaScript, &code.text),
                _ if is_shell(name) => shell.nested(&code.text, &[], command.at, nesting),
                _ => {
                    // Perl, Ruby and PHP one-liners: only the two things that matter are looked for.
                    let lower = code.text.to_ascii_lowercase();
                    if lower.contains("socket") && (lower.contains("exec") || lower.contains("/bin/sh")) {
                        shell.fact(Capability::Socket, name, Taint::NONE, vec![code.text.clone()], command.at);
                        shell.fact(Capability::Redirect, name, Taint::SOCKET, vec![code.text.clone()], command.at);
                    }
                    Flow::default()
                }
            };
        }
        if text == "-m" && name == "python" {
            // `python -m pip install x` is `pip install x`.
            let module = words.get(index + 1).map(|word| word.text.clone()).unwrap_or_default();
            if special::is_telling(&module) {
                let text: Vec<String> = command.text().into_iter().skip(index + 1).collect();
                shell.fact(Capability::Spawn, &module, command.word_taint(), text, command.at);
            }
            return Flow::default();
        }
        if text.starts_with('-') && text != "-" && text != "-s" {
            // Options that take a value of their own.
            const PRELOADS: [&str; 5] = ["-r", "--require", "--import", "--loader", "--experimental-loader"];
            let preload = match text.split_once('=') {
                Some((option, value)) if PRELOADS.contains(&option) => Some(value),
                _ if PRELOADS.contains(&text) => words.get(index + 1).map(|next| next.text.as_str()),
                _ => None,
            };
            if name == "node"
                && let Some(preload) = preload.filter(|preload| preload.starts_with('.'))
            {
                script_started(shell, preload, by, command, Taint::NONE);
            }
            index += if PRELOADS.contains(&text) || matches!(text, "-W" | "-X") { 2 } else { 1 };
            continue;
        }
        break;
    }
    let script = words.get(index).map(|word| word.text.clone()).filter(|text| !matches!(text.as_str(), "-" | "-s" | "…" | "/dev/stdin"));
    let script_taint = command.taints.get(index).copied().unwrap_or(Taint::NONE);
    if script_taint.has(Taint::NETWORK.with(Taint::DECODED)) {
        shell.fact(Capability::Eval, name, script_taint, command.text(), command.at);
    }
    match script {
        Some(script) => script_started(shell, &script, by, command, flow.taint),
        None => {
            // `cat x | node`, `node < x`, `sh <(cat x)`
            let files = [flow.files.as_slice(), &command.substituted].concat();
            files_started(shell, &files, by, command);
            if flow.taint.has(Taint::NETWORK.with(Taint::DECODED).with(Taint::SOCKET)) {
                shell.fact(Capability::Eval, name, flow.taint, command.text(), command.at);
            }
            if let Some(text) = &flow.text {
                match name {
                    "python" => drop(inline(shell, Language::Python, text)),
                    "node" => drop(inline(shell, Language::JavaScript, text)),
                    _ if is_shell(name) => return shell.nested(&text.clone(), &flow.chain.clone(), command.at, nesting),
                    _ => {}
                }
            }
        }
    }
    Flow { taint: flow.taint, ..Flow::default() }
}

pub(super) fn inline(shell: &mut Shell<'_>, language: Language, code: &str) -> Flow {
    if shell.out.inline.len() < 64 {
        let layer = shell.chain.last().copied();
        shell.out.inline.push((language, code.to_owned(), layer));
    }
    Flow::default()
}

pub(super) fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash" | "fish")
}

pub(super) fn is_interpreter(name: &str) -> bool {
    is_shell(name)
        || matches!(
            name,
            "python" | "perl" | "ruby" | "node" | "php" | "nodejs" | "deno" | "bun" | "lua" | "osascript" | "wscript" | "cscript" | "mshta"
        )
}
