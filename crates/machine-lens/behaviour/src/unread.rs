//! Findings about what nobody looked into: archives inside an artifact, sources or parts of them.
//!
//! Test suites hold corrupt, hostile and encrypted archives, so most of these annotate. One that install or import code
//! starts, or for which only it has the key, is a place to hide a payload in: that holds.

use crate::facts::{Capability, Fact, FileFacts, PackageFacts};
use crate::nested::Unread;
use crate::parse;
use bifocal_core::{Evidence, Lens, Severity, SignalDraft, SignalKind, Status, one_line};

const ID: &str = "behaviour/inner-archive-unread";
const SOURCE: &str = "behaviour/unparsed-source";
/// Sources that get a finding.
const MAX_SOURCES: usize = 20;
/// Archives that get a finding of their own; the rest share one.
const MAX_ALONE: usize = 40;

/// Adds a finding for each archive that was not read.
pub(crate) fn notes(facts: &PackageFacts, unread: &[Unread], out: &mut Vec<SignalDraft>) {
    let mut rest = Vec::new();
    let mut alone = 0;
    for archive in unread {
        if let Some((file, fact)) = runner(facts, archive) {
            let message = format!("{} was not read ({}), and code that runs {} uses it", archive.path, archive.why, fact.trigger.phrase());
            let places = vec![Evidence::file(&archive.path, 0, 0, &archive.why), file.evidence(fact)];
            out.push(draft(Status::Failed, Severity::High, &message, places));
        } else if alone < MAX_ALONE {
            alone += 1;
            let message = format!("{} was not read: {}", archive.path, archive.why);
            out.push(draft(Status::Unknown, Severity::Low, &message, vec![Evidence::file(&archive.path, 0, 0, &archive.why)]));
        } else {
            rest.push(archive);
        }
    }
    if !rest.is_empty() {
        let places = rest.iter().take(100).map(|archive| Evidence::file(&archive.path, 0, 0, &archive.why)).collect();
        out.push(draft(Status::Unknown, Severity::Low, &format!("{} more inner archives were not read", rest.len()), places));
    }
}

/// Adds a finding for each source that was not parsed, or not whole.
pub(crate) fn sources(facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
    let mut alone = 0;
    for file in &facts.files {
        let Some(why) = file.unparsed else { continue };
        // Broken files of tests and templates are common. Nobody writes what no parser may be given, and where it runs
        // by itself it is a place to hide in.
        let holds = file.trigger.is_automatic() && parse::by_depth(why);
        alone += usize::from(!holds);
        if !holds && alone > MAX_SOURCES {
            continue;
        }
        let how = if parse::by_words(why) { "read by words only" } else { "read in part" };
        let (status, severity) = if holds { (Status::Failed, Severity::Medium) } else { (Status::Present, Severity::Info) };
        out.push(SignalDraft {
            id: SOURCE,
            lens: Lens::Behaviour,
            status,
            severity,
            confidence: 0.9,
            kind: SignalKind::RiskyHabit,
            message: one_line(&format!("{} was {how}: {why}", file.path), 400),
            evidence: vec![Evidence::file(&file.path, 0, 0, why)],
        });
    }
}

fn draft(status: Status, severity: Severity, message: &str, evidence: Vec<Evidence>) -> SignalDraft {
    SignalDraft {
        id: ID,
        lens: Lens::Behaviour,
        status,
        severity,
        confidence: 1.0,
        kind: SignalKind::Other,
        message: one_line(message, 400),
        evidence,
    }
}

/// Code that runs by itself and starts the archive, or opens it with a key and starts something.
fn runner<'f>(facts: &'f PackageFacts, archive: &Unread) -> Option<(&'f FileFacts, &'f Fact)> {
    let name = archive.path.rsplit('/').next().unwrap_or(&archive.path);
    if name.len() < 4 {
        return None;
    }
    let runs = |fact: &Fact| fact.trigger.is_automatic() && matches!(fact.capability, Capability::Spawn | Capability::Eval);
    let starts = facts.all().find(|(_, fact)| runs(fact) && fact.mentions(name));
    if starts.is_some() || !archive.encrypted {
        return starts;
    }
    facts.all().find(|(file, fact)| runs(fact) && archive.named_in.contains(&file.path))
}
