//! A command interpreter of Windows is started so that nobody sees it, past its own policy, or to fetch and run.
//!
//! Scripts that administer Windows call it openly. A hidden window, a bypassed policy and an encoded or fetched command
//! together serve one end.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct HiddenCommand;

impl Detector for HiddenCommand {
    fn id(&self) -> &'static str {
        "behaviour/hidden-command"
    }

    fn describe(&self) -> &'static str {
        "a command interpreter is started hidden, past its policy, to fetch or decode"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let hidden: Vec<&Fact> = matching(file, |fact| fact.capability == Capability::Spawn && marks(fact) >= 2).collect();
            if hidden.is_empty() {
                continue;
            }
            let eager = strongest(&hidden);
            let weight = if eager.on_load() {
                Weight::malware(0.93)
            } else if facts.is_small() {
                Weight::malware(0.9)
            } else {
                Weight::habit(Severity::Medium, 0.6)
            };
            let message = format!("a command interpreter is started out of sight {}", eager.phrase());
            report(out, self.id(), weight.for_fact(hidden[0]), message, evidence(file, &hidden));
        }
    }
}

/// How many marks of a hidden command a command line has.
fn marks(fact: &Fact) -> usize {
    let text = fact.text().to_ascii_lowercase();
    if text.len() > 1 << 16 {
        return 0;
    }
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["mshta http", "mshta.exe http", "mshta javascript:", "mshta vbscript:", "certutil -urlcache", "certutil.exe -urlcache", "bitsadmin /transfer"])
        || (has(&["regsvr32"]) && has(&["/i:http"]))
    {
        return 2;
    }
    if !has(&["powershell", "pwsh"]) {
        return 0;
    }
    let squashed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let has = |words: &[&str]| words.iter().any(|word| squashed.contains(word));
    [
        has(&["-windowstyle hidden", "-w hidden", "-win hidden", "-window hidden", "-w h ", "-w 1 ", "-windowstyle h "]),
        has(&["-executionpolicy bypass", "-ep bypass", "-exec bypass", "-ex bypass", "-executionpolicy unrestricted"]),
        has(&["-encodedcommand", "-enc ", "-ec ", "-e ", "frombase64string"]),
        has(&["invoke-expression", "iex ", "iex(", "| iex", "|iex"]),
        has(&["downloadstring", "downloadfile", "invoke-webrequest", "iwr ", "wget ", "curl ", "start-bitstransfer", "net.webclient", "invoke-restmethod", "irm "]),
        has(&["add-mppreference", "set-mppreference"]),
    ]
    .into_iter()
    .filter(|mark| *mark)
    .count()
}
