//! From an artifact's facts to the [`BehaviourSummary`] that is kept with them.

use super::dependencies;
use crate::facts::{Capability, Fact, FileFacts, PackageFacts, Taint, Trigger};
use crate::layout::{self, Files};
use crate::place::{HostKind, PathKind};
use bifocal_core::{Act, BehaviourSummary, Carries, Does, Evidence, Hook, HostClaim, Oddity, OddityKind, When, counted, one_line};
use std::collections::BTreeMap;

/// Longest snippet in a summary, in characters.
const SNIPPET: usize = 160;
/// Longest name of an interface or command in a summary, in characters.
const NAME: usize = 400;
/// Most hosts of one act.
const HOSTS: usize = 4;
/// Names from which a file counts as an obfuscator's output.
const HEX_NAMES: u32 = 24;
const LOOKALIKE_NAMES: u32 = 12;

/// Makes the summary of an artifact.
pub(crate) fn summary(facts: &PackageFacts, files: &Files<'_>) -> BehaviourSummary {
    let mut acts: Vec<Act> = Vec::new();
    // Many calls of one kind in one file say no more than a few of them.
    let mut seen: BTreeMap<(&str, When, Does, &str), u32> = BTreeMap::new();
    let mut complete = true;
    for (file, fact) in facts.all() {
        // A manifest's commands stand among the sources a second time, without a path.
        if file.path.is_empty() {
            continue;
        }
        let Some((when, does)) = when(fact.trigger).zip(does(fact)) else { continue };
        let alike = seen.entry((&file.path, when, does, &fact.api)).or_default();
        *alike += 1;
        if *alike > 40 {
            complete = false;
            continue;
        }
        acts.push(act(facts, file, fact, when, does));
    }
    acts.sort_by_key(|a| (a.when, a.does));
    complete &= acts.len() <= BehaviourSummary::MAX_ACTS && !facts.files.iter().any(|file| file.cut_short);
    acts.truncate(BehaviourSummary::MAX_ACTS);
    let mut hooks = hooks(facts);
    let mut oddities = oddities(facts, files);
    let mut dependencies = dependencies::read(facts.ecosystem, files);
    complete &= hooks.len().max(oddities.len()).max(dependencies.len()) <= BehaviourSummary::MAX_LISTED;
    hooks.truncate(BehaviourSummary::MAX_LISTED);
    oddities.truncate(BehaviourSummary::MAX_LISTED);
    dependencies.truncate(BehaviourSummary::MAX_LISTED);
    BehaviourSummary { version: BehaviourSummary::VERSION, complete, hooks, acts, oddities, dependencies }
}

fn when(trigger: Trigger) -> Option<When> {
    Some(match trigger {
        Trigger::InstallHook | Trigger::SetupScript | Trigger::BuildBackend | Trigger::BuildScript | Trigger::CompilerPlugin => {
            When::Install
        }
        Trigger::InterpreterStart => When::Start,
        Trigger::Import | Trigger::StaticInit => When::Import,
        Trigger::LooseModule => When::Load,
        Trigger::Command => When::Command,
        Trigger::Function => When::Call,
        Trigger::Test => return None,
    })
}

fn does(fact: &Fact) -> Option<Does> {
    let secret_path = matches!(
        fact.path,
        Some(
            PathKind::SshKey
                | PathKind::CloudCredential
                | PathKind::PackageToken
                | PathKind::SystemAccounts
                | PathKind::Browser
                | PathKind::Wallet
        )
    );
    Some(match fact.capability {
        Capability::Spawn => Does::RunProgram,
        Capability::Eval => Does::RunCode,
        Capability::Network | Capability::Socket | Capability::Dns | Capability::Tunnel => Does::Network,
        Capability::FileRead if secret_path || fact.taint.has(Taint::SENSITIVE) => Does::ReadSecret,
        Capability::EnvironmentRead if fact.taint.has(Taint::SECRET_ENV) => Does::ReadSecret,
        Capability::Unprotect => Does::ReadSecret,
        Capability::EnvironmentBulk => Does::ReadEnvironment,
        Capability::HostInfo => Does::ReadHost,
        Capability::ClipboardRead | Capability::Keylog | Capability::Capture => Does::Spy,
        Capability::ClipboardWrite => Does::WriteClipboard,
        Capability::FileWrite => Does::Write,
        Capability::Chmod => Does::ChangeMode,
        Capability::Delete | Capability::DeleteTree => Does::Delete,
        Capability::Persist => Does::Persist,
        Capability::Redirect => Does::Redirect,
        Capability::NativeMemory => Does::NativeMemory,
        Capability::FileRead
        | Capability::EnvironmentRead
        | Capability::Decode
        | Capability::Digest
        | Capability::Probe
        | Capability::Encrypt
        | Capability::Deserialise
        | Capability::Declare => return None,
    })
}

fn act(facts: &PackageFacts, file: &FileFacts, fact: &Fact, when: When, does: Does) -> Act {
    let carries = [
        (Taint::NETWORK.with(Taint::SOCKET), Carries::Downloaded),
        (Taint::DECODED.with(Taint::CIPHER), Carries::Decoded),
        (Taint::DROPPED, Carries::Dropped),
        (Taint::SENSITIVE.without(Taint::SPIED), Carries::Secrets),
        (Taint::ENVIRONMENT, Carries::Environment),
        (Taint::HOST, Carries::HostNames),
        (Taint::PROCESS, Carries::Output),
        (Taint::SPIED.with(Taint::CLIPBOARD), Carries::Spied),
    ];
    Act {
        when,
        does,
        carries: carries.into_iter().filter(|(taint, _)| fact.taint.has(*taint)).map(|(_, word)| word).collect(),
        hosts: fact
            .destinations
            .iter()
            .take(HOSTS)
            .map(|to| HostClaim {
                name: one_line(&to.host, NAME),
                drop: to.is_drop(),
                own: facts.is_own(to) || matches!(to.kind, HostKind::Registry | HostKind::Local),
            })
            .collect(),
        api: one_line(&fact.api, NAME),
        hidden: fact.was_hidden(),
        lexical: fact.lexical,
        place: place(&file.path, fact.line, fact.column, &fact.snippet, &fact.chain),
    }
}

/// A place with a snippet of summary length.
pub(super) fn place(path: &str, line: u32, column: u32, snippet: &str, chain: &[String]) -> Evidence {
    let chain = chain.to_vec();
    Evidence::File { path: path.to_owned(), line, column, snippet: one_line(snippet.trim(), SNIPPET), chain }
}

/// Commands of lifecycle scripts, and files that run by themselves before anybody imports anything.
fn hooks(facts: &PackageFacts) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for (name, command) in &facts.manifest.scripts {
        // Of a crate this is the path of the build script, which is among the files below.
        if facts.ecosystem == Some(bifocal_core::Ecosystem::Cargo) {
            continue;
        }
        let manifest = facts.files.iter().find(|file| file.path.ends_with("package.json"));
        let path = manifest.map_or("package.json", |file| file.path.as_str());
        let line = manifest.and_then(|file| file.facts.first()).map_or(0, |fact| fact.line);
        hooks.push(Hook { name: name.clone(), command: one_line(command, NAME), place: place(path, line, 0, command, &[]) });
    }
    for file in &facts.files {
        let runs = file.trigger <= Trigger::BuildScript || file.trigger == Trigger::InterpreterStart;
        if runs && !file.path.ends_with("package.json") {
            hooks.push(Hook { name: file.path.clone(), command: String::new(), place: place(&file.path, 0, 0, "", &[]) });
        }
    }
    for other in facts.others.iter().filter(|other| other.path == "META-INF/services/javax.annotation.processing.Processor") {
        hooks.push(Hook { name: other.path.clone(), command: String::new(), place: place(&other.path, 0, 0, "", &[]) });
    }
    hooks
}

fn oddities(facts: &PackageFacts, files: &Files<'_>) -> Vec<Oddity> {
    let mut found = Vec::new();
    for file in facts.files.iter().filter(|file| file.trigger != Trigger::Test) {
        let shape = &file.shape;
        let mut note = |kind: OddityKind, line: u32, column: u32, snippet: &str| {
            found.push(Oddity { kind, when: when(file.trigger), place: place(&file.path, line, column, snippet, &[]) });
        };
        if shape.hex_names >= HEX_NAMES || shape.lookalike_names >= LOOKALIKE_NAMES {
            let (line, column, text) = shape.odd_name.as_ref().map_or((0, 0, ""), |(line, column, text)| (*line, *column, text.as_str()));
            note(OddityKind::Obfuscated, line, column, text);
        }
        if let Some(line) = shape.pushed_right {
            note(OddityKind::OutOfSight, line, 0, "code behind hundreds of blanks");
        }
        if let Some(hidden) = file.hidden.iter().find(|hidden| matches!(hidden.what, "bidi-code" | "invisible")) {
            note(OddityKind::OutOfSight, hidden.line, hidden.column, &hidden.snippet);
        }
        if shape.hooks_requests || (shape.replaces_fetch && shape.wallet_pattern.is_some()) {
            note(OddityKind::ReplacesRequests, 0, 0, "the browser's request functions are replaced");
        }
        if let Some(line) = shape.wallet_pattern {
            note(OddityKind::WalletPattern, line, 0, "a pattern for wallet addresses");
        }
        if let Some(line) = shape.embedded_hook {
            note(OddityKind::EmbeddedHook, line, 0, "a chat service's hook with its token");
        }
    }
    for other in facts.others.iter().filter(|other| other.executable && !layout::is_test_path(&other.path)) {
        let named = named_by(&other.path, facts, files);
        let snippet = counted(other.bytes as u64, "byte", "bytes");
        found.push(Oddity { kind: OddityKind::Program, when: named, place: place(&other.path, 0, 0, &snippet, &[]) });
    }
    found
}

/// When the code that names a program runs: the most eager file whose text holds the program's file name.
fn named_by(path: &str, facts: &PackageFacts, files: &Files<'_>) -> Option<When> {
    const MAX_TEXT: usize = 1 << 20;
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.len() < 4 {
        return None;
    }
    let finder = memchr::memmem::Finder::new(name.as_bytes());
    facts
        .files
        .iter()
        .filter(|file| file.trigger != Trigger::Test)
        .filter(|file| files.get(file.path.as_str()).is_some_and(|bytes| finder.find(&bytes[..bytes.len().min(MAX_TEXT)]).is_some()))
        .filter_map(|file| when(file.trigger))
        .min()
}
