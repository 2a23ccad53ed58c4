//! Questions that several detectors ask of facts.

use super::MAX_EVIDENCE;
use crate::facts::{Capability, Fact, FileFacts, PackageFacts, Taint, Trigger};
use crate::place::HostKind;
use bifocal_core::Evidence;

/// Facts of one file that satisfy `test`, tests left out.
pub(super) fn matching<'f>(file: &'f FileFacts, test: impl Fn(&Fact) -> bool + 'f) -> impl Iterator<Item = &'f Fact> {
    file.facts.iter().filter(move |fact| fact.trigger != Trigger::Test && test(fact))
}

/// The facts that run most eagerly first, as evidence.
pub(super) fn evidence(file: &FileFacts, facts: &[&Fact]) -> Vec<Evidence> {
    let mut shown: Vec<Evidence> = Vec::new();
    for fact in facts {
        let place = file.evidence(fact);
        if !shown.contains(&place) && shown.len() < MAX_EVIDENCE {
            shown.push(place);
        }
    }
    shown
}

/// The strongest trigger among facts.
pub(super) fn strongest(facts: &[&Fact]) -> Trigger {
    facts.iter().map(|fact| fact.trigger).min().unwrap_or(Trigger::Function)
}

/// Network facts, commands of a shell included.
pub(super) fn is_network(fact: &Fact) -> bool {
    matches!(fact.capability, Capability::Network | Capability::Socket | Capability::Dns)
}

/// Whether a shell command starts one of these programs.
pub(super) fn starts(fact: &Fact, programs: &[&str]) -> bool {
    fact.capability == Capability::Spawn && fact.api.strip_prefix("sh:").is_some_and(|program| programs.contains(&program))
}

/// Whether one of the arguments is one of these words.
pub(super) fn has_word(fact: &Fact, words: &[&str]) -> bool {
    fact.args.iter().any(|arg| words.iter().any(|word| arg.eq_ignore_ascii_case(word)))
}

/// Whether an argument contains one of these, whatever the case.
pub(super) fn says(fact: &Fact, words: &[&str]) -> bool {
    fact.args.iter().any(|arg| {
        let arg = arg.to_ascii_lowercase();
        words.iter().any(|word| arg.contains(word))
    })
}

/// All that the facts carry.
pub(super) fn carried(facts: &[&Fact]) -> Taint {
    facts.iter().fold(Taint::NONE, |all, fact| all.with(fact.taint))
}

/// Whether one of the facts goes to a place that collects for somebody, and that is not the project's own.
pub(super) fn to_drop(facts: &PackageFacts, sent: &[&Fact]) -> bool {
    sent.iter().any(|fact| fact.goes_to(|to| to.is_drop() && !facts.is_own(to)))
}

/// Whether a fact names a host, written out in the code, that is not the project's own, a registry or this machine.
pub(super) fn outside(facts: &PackageFacts, fact: &Fact) -> bool {
    fact.goes_to(|to| !to.host.contains('…') && !matches!(to.kind, HostKind::Local | HostKind::Registry) && !facts.is_own(to))
}

/// Whether an argument ends as files do that a system runs when they are opened.
pub(super) fn names_program(fact: &Fact) -> bool {
    const RUNNABLE: [&str; 13] = [".exe", ".bat", ".cmd", ".vbs", ".ps1", ".scr", ".hta", ".dll", ".sh", ".msi", ".lnk", ".pyw", ".jse"];
    let of_host = |to: &crate::place::Destination| to.path.split(['?', '#']).next().unwrap_or("").to_ascii_lowercase();
    fact.args.iter().any(|arg| {
        let arg = arg.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
        arg.len() < 2_048 && !arg.contains(char::is_whitespace) && RUNNABLE.iter().any(|end| arg.ends_with(end))
    }) || fact.goes_to(|to| RUNNABLE.iter().any(|end| of_host(to).ends_with(end)))
}

/// Whether what this file downloads is checked against a digest.
pub(super) fn checks_digest(file: &FileFacts) -> bool {
    file.facts.iter().any(|fact| fact.capability == Capability::Digest && fact.trigger != Trigger::Test)
}

/// Where this file's downloads come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Some of it from a place that honest installers do not use.
    Shady,
    /// All of it from places that the manifest names, or from a registry.
    Own,
    /// From named hosts that are not the project's own.
    Foreign,
    /// The addresses are not in the code.
    Unknown,
}

pub(super) fn origin(facts: &PackageFacts, file: &FileFacts) -> Origin {
    let all: Vec<_> =
        matching(file, is_network).flat_map(|fact| &fact.destinations).filter(|destination| destination.kind != HostKind::Local).collect();
    if all.iter().any(|destination| destination.is_drop()) || matching(file, |fact| is_network(fact) && fact.was_hidden()).next().is_some()
    {
        return Origin::Shady;
    }
    if all.is_empty() || all.iter().all(|destination| destination.host.chars().all(|c| c == '…')) {
        return Origin::Unknown;
    }
    let own = |destination: &&crate::place::Destination| facts.is_own(destination) || destination.kind == HostKind::Registry;
    if all.iter().all(own) { Origin::Own } else { Origin::Foreign }
}

/// Whether a spawned command is a bare shell.
pub(super) fn is_bare_shell(fact: &Fact) -> bool {
    let text = fact.args.first().map_or("", String::as_str);
    let mut words = text.split_whitespace();
    let program = words
        .next()
        .unwrap_or("")
        .trim_matches(['"', '\''])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or("")
        .trim_end_matches(".exe")
        .to_ascii_lowercase();
    let rest: Vec<&str> = words.collect();
    matches!(program.as_str(), "sh" | "bash" | "zsh" | "cmd" | "powershell" | "dash")
        && (rest.is_empty() || rest == ["-i"] || rest == ["-li"])
}

/// What sensitive data a set holds, in words.
pub(super) fn taint_words(taint: Taint) -> String {
    let mut words = Vec::new();
    for (bit, word) in [
        (Taint::BROWSER, "browser secrets"),
        (Taint::CHAT, "tokens of a chat client"),
        (Taint::WALLET, "wallet files"),
        (Taint::SECRET_FILE, "key and token files"),
        (Taint::SECRET_ENV, "secrets of the environment"),
        (Taint::ENVIRONMENT, "the whole environment"),
        (Taint::CLOUD, "keys of the machine's role"),
        (Taint::SPIED.with(Taint::KEYS), "keystrokes or screenshots"),
        (Taint::FORM, "what is typed into a page"),
        (Taint::CLIPBOARD, "the clipboard"),
        (Taint::HOST, "host and user names"),
        (Taint::PROCESS, "output of commands"),
        (Taint::FILE, "contents of files"),
    ] {
        if taint.has(bit) {
            words.push(word);
        }
    }
    if words.is_empty() { "data".to_owned() } else { words.join(", ") }
}
