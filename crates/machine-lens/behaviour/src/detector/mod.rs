//! Detectors: what is judged, one file each.
//!
//! A detector reads [`PackageFacts`] and nothing else. It says *malware* with a confidence of 0.9 or more only where
//! honest packages practically never do the same; what has an honest use is a risky habit of at most medium severity
//! and holds nothing by itself.

mod binary_dropper;
mod build_script_network;
mod chat_webhook_exfiltration;
mod clipboard_swap;
mod credential_theft;
mod decoded_code_execution;
mod destructive_wipe;
mod environment_exfiltration;
mod go_init_remote_code;
mod hidden_source;
mod install_time_download;
mod install_time_shell;
mod jvm_static_init_remote_code;
mod memory_injection;
mod opaque_code;
mod persistence_write;
mod pth_code;
mod remote_code_execution;
mod reverse_shell;
mod self_deleting_installer;
mod surveillance;
mod unasked_network;

use crate::facts::{Capability, Fact, FileFacts, PackageFacts, Taint, Trigger};
use bifocal_core::{Evidence, Lens, Severity, SignalDraft, SignalKind, Status, one_line};

/// One question that is asked of every artifact.
pub trait Detector: Sync {
    /// Stable id, `behaviour/kebab-case`, never reused.
    fn id(&self) -> &'static str;
    /// What it looks for, in one sentence.
    fn describe(&self) -> &'static str;
    /// Looks at `facts` and adds what it finds.
    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>);
}

/// Every detector, in the order of the documentation.
pub fn detectors() -> &'static [&'static dyn Detector] {
    &[
        &install_time_download::InstallTimeDownload,
        &install_time_shell::InstallTimeShell,
        &unasked_network::UnaskedNetwork,
        &decoded_code_execution::DecodedCodeExecution,
        &remote_code_execution::RemoteCodeExecution,
        &credential_theft::CredentialTheft,
        &environment_exfiltration::EnvironmentExfiltration,
        &chat_webhook_exfiltration::ChatWebhookExfiltration,
        &surveillance::Surveillance,
        &reverse_shell::ReverseShell,
        &persistence_write::PersistenceWrite,
        &clipboard_swap::ClipboardSwap,
        &opaque_code::OpaqueCode,
        &hidden_source::HiddenSource,
        &pth_code::PthCode,
        &binary_dropper::BinaryDropper,
        &memory_injection::MemoryInjection,
        &self_deleting_installer::SelfDeletingInstaller,
        &destructive_wipe::DestructiveWipe,
        &build_script_network::BuildScriptNetwork,
        &go_init_remote_code::GoInitRemoteCode,
        &jvm_static_init_remote_code::JvmStaticInitRemoteCode,
    ]
}

/// Every signal id that this crate can make, sorted.
pub fn signal_ids() -> Vec<&'static str> {
    let mut ids: Vec<&'static str> =
        detectors().iter().map(|detector| detector.id()).chain(NOTE_IDS).chain([crate::model::RISK_SCORE]).collect();
    ids.sort_unstable();
    ids
}

/// Most places shown for one finding.
const MAX_EVIDENCE: usize = 6;
/// Most findings of one detector in one artifact.
const MAX_FINDINGS: usize = 20;

/// How sure a detector is, and of what.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weight {
    kind: SignalKind,
    severity: Severity,
    confidence: f64,
}

impl Weight {
    /// Honest packages practically never do this.
    const fn malware(confidence: f64) -> Weight {
        Weight { kind: SignalKind::Malware, severity: Severity::High, confidence }
    }

    /// As [`Weight::malware`], with more at stake.
    const fn critical(confidence: f64) -> Weight {
        Weight { kind: SignalKind::Malware, severity: Severity::Critical, confidence }
    }

    /// Honest packages do this too.
    const fn habit(severity: Severity, confidence: f64) -> Weight {
        Weight { kind: SignalKind::RiskyHabit, severity, confidence }
    }

    const fn of(kind: SignalKind, severity: Severity, confidence: f64) -> Weight {
        Weight { kind, severity, confidence }
    }

    /// The weight where the fact was found by words only, or where only a person's own call runs it.
    fn for_fact(self, fact: &Fact) -> Weight {
        if fact.lexical && self.kind == SignalKind::Malware {
            return Weight::habit(Severity::Medium, 0.5);
        }
        self
    }
}

/// Adds a finding.
fn report(out: &mut Vec<SignalDraft>, id: &'static str, weight: Weight, message: String, evidence: Vec<Evidence>) {
    let mut evidence = evidence;
    evidence.truncate(MAX_EVIDENCE);
    if evidence.is_empty() || out.iter().filter(|have| have.id == id).count() >= MAX_FINDINGS {
        return;
    }
    out.push(SignalDraft {
        id,
        lens: Lens::Behaviour,
        status: Status::Present,
        severity: weight.severity,
        confidence: weight.confidence,
        kind: weight.kind,
        message: one_line(&message, 400),
        evidence,
    });
}

/// Facts of one file that satisfy `test`, tests left out.
fn matching<'f>(file: &'f FileFacts, test: impl Fn(&Fact) -> bool + 'f) -> impl Iterator<Item = &'f Fact> {
    file.facts.iter().filter(move |fact| fact.trigger != Trigger::Test && test(fact))
}

/// The facts that run most eagerly first, as evidence.
fn evidence(file: &FileFacts, facts: &[&Fact]) -> Vec<Evidence> {
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
fn strongest(facts: &[&Fact]) -> Trigger {
    facts.iter().map(|fact| fact.trigger).min().unwrap_or(Trigger::Function)
}

/// Network facts, commands of a shell included.
fn is_network(fact: &Fact) -> bool {
    matches!(fact.capability, Capability::Network | Capability::Socket)
}

/// Whether what this file downloads is checked against a digest.
fn checks_digest(file: &FileFacts) -> bool {
    file.facts.iter().any(|fact| fact.capability == Capability::Digest && fact.trigger != Trigger::Test)
}

/// Where this file's downloads come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Some of it from a place that honest installers do not use.
    Shady,
    /// All of it from places that the manifest names, or from a registry.
    Own,
    /// From named hosts that are not the project's own.
    Foreign,
    /// The addresses are not in the code.
    Unknown,
}

fn origin(facts: &PackageFacts, file: &FileFacts) -> Origin {
    let all: Vec<_> = matching(file, is_network)
        .flat_map(|fact| &fact.destinations)
        .filter(|destination| destination.kind != crate::place::HostKind::Local)
        .collect();
    if all.iter().any(|destination| destination.is_drop()) || matching(file, |fact| is_network(fact) && fact.was_hidden()).next().is_some()
    {
        return Origin::Shady;
    }
    if all.is_empty() || all.iter().all(|destination| destination.host.chars().all(|c| c == '…')) {
        return Origin::Unknown;
    }
    let own = |destination: &&crate::place::Destination| facts.is_own(destination) || destination.kind == crate::place::HostKind::Registry;
    if all.iter().all(own) { Origin::Own } else { Origin::Foreign }
}

/// Whether a spawned command is a bare shell.
fn is_bare_shell(fact: &Fact) -> bool {
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

/// Findings about the analysis itself: what could not be read, and why.
pub(crate) fn notes(facts: &PackageFacts, skipped: usize, out: &mut Vec<SignalDraft>) {
    for file in &facts.files {
        let Some(why) = file.unparsed else { continue };
        // Broken files of tests and templates are common; a file that runs by itself and cannot be read is not.
        let deep = why == crate::parse::TOO_DEEP;
        let severity = if file.trigger.is_automatic() && deep { Severity::Medium } else { Severity::Info };
        let place = Evidence::file(&file.path, 0, 0, why);
        report(
            out,
            "behaviour/unparsed-source",
            Weight::habit(severity, 0.9),
            format!("{} was read by words only: {why}", file.path),
            vec![place],
        );
    }
    if skipped > 0 {
        out.push(SignalDraft {
            id: "behaviour/analysis-incomplete",
            lens: Lens::Behaviour,
            status: Status::Failed,
            severity: Severity::Medium,
            confidence: 1.0,
            kind: SignalKind::Other,
            message: format!("{skipped} source files were not read: the artifact's budget was used up"),
            evidence: vec![Evidence::record("analyser", "analysis-incomplete", "", "the budget of steps")],
        });
    }
}

/// Ids of findings about the analysis itself; they have no detector.
pub(crate) const NOTE_IDS: [&str; 4] =
    ["behaviour/archive-refused", "behaviour/analysis-broke-off", "behaviour/analysis-incomplete", "behaviour/unparsed-source"];

/// What sensitive data a set holds, in words.
fn taint_words(taint: Taint) -> String {
    let mut words = Vec::new();
    for (bit, word) in [
        (Taint::BROWSER, "browser secrets"),
        (Taint::WALLET, "wallet files"),
        (Taint::SECRET_FILE, "key and token files"),
        (Taint::SECRET_ENV, "secrets of the environment"),
        (Taint::ENVIRONMENT, "the whole environment"),
        (Taint::SPIED, "keystrokes or screenshots"),
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
