//! Findings about what nobody looked into: archives inside an artifact, sources or parts of them, and files that another
//! one replaces on some machines.
//!
//! Test suites hold corrupt, hostile and encrypted archives, so most of these annotate. One that install or import code
//! starts, or for which only it has the key, is a place to hide a payload in: that holds.

use crate::facts::{Capability, Fact, FileFacts, PackageFacts};
use crate::layout;
use crate::nested::{MARK, Unread};
use crate::parse;
use bifocal_archive::Note;
use bifocal_core::{Evidence, Lens, Severity, SignalDraft, SignalKind, Status, one_line};

const ID: &str = "behaviour/inner-archive-unread";
const COLLISION: &str = "behaviour/case-collision";
const SOURCE: &str = "behaviour/unparsed-source";
/// Sources that get a finding.
const MAX_SOURCES: usize = 20;
/// Archives that get a finding of their own; the rest share one.
const MAX_ALONE: usize = 40;

/// Adds a finding for each archive that was not read.
pub(crate) fn notes(facts: &PackageFacts, unread: &[Unread], out: &mut Vec<SignalDraft>) {
    let mut alone = 0;
    let (mut rest, mut hidden) = (Vec::new(), Vec::new());
    for archive in unread {
        let place = Evidence::file(&archive.path, 0, 0, &archive.why);
        if let Some(command) = &archive.command {
            let message = format!("{} was not read ({}), and a command {} uses it", archive.path, archive.why, command.trigger.phrase());
            let places = vec![place, Evidence::file(&command.path, command.line, 1, &command.text)];
            out.push(draft(Status::Failed, Severity::High, &message, places));
        } else if let Some((file, fact)) = runner(facts, archive) {
            let message = format!("{} was not read ({}), and code that runs {} uses it", archive.path, archive.why, fact.trigger.phrase());
            out.push(draft(Status::Failed, Severity::High, &message, vec![place, file.evidence(fact)]));
        } else if alone >= MAX_ALONE {
            let list = if is_hidden(archive) || archive.beyond && !layout::is_test_path(outer(archive)) { &mut hidden } else { &mut rest };
            list.push(place);
        } else {
            alone += 1;
            let (status, severity) = if is_hidden(archive) { (Status::Failed, Severity::Medium) } else { (Status::Unknown, Severity::Low) };
            out.push(draft(status, severity, &format!("{} was not read: {}", archive.path, archive.why), vec![place]));
        }
    }
    for (list, status, severity) in [(hidden, Status::Failed, Severity::Medium), (rest, Status::Unknown, Severity::Low)] {
        if !list.is_empty() {
            let message = format!("{} more inner archives were not read", list.len());
            out.push(draft(status, severity, &message, list.into_iter().take(100).collect()));
        }
    }
}

/// Whether an archive is nested deeper than anybody nests what is used, and is not data of tests.
fn is_hidden(archive: &Unread) -> bool {
    archive.too_deep && (!layout::is_test_path(outer(archive)) || !archive.named_in.is_empty())
}

/// The path of the outermost archive: folders inside one are named as its maker likes.
fn outer(archive: &Unread) -> &str {
    archive.path.split(MARK).next().unwrap_or(&archive.path)
}

/// The finding about paths that are one where case or Unicode form is ignored: which of the files is installed depends on
/// the machine.
pub(crate) fn collisions(notes: &[Note], more: u64) -> Option<SignalDraft> {
    let pairs: Vec<(&str, &str)> = notes
        .iter()
        .filter_map(|note| if let Note::CaseCollision { path, other } = note { Some((path.as_str(), other.as_str())) } else { None })
        .collect();
    let (path, other) = pairs.first()?;
    let rest = if pairs.len() > 1 || more > 0 { format!(" ({} such paths)", pairs.len()) } else { String::new() };
    Some(SignalDraft {
        id: COLLISION,
        lens: Lens::Behaviour,
        status: Status::Present,
        severity: Severity::Low,
        confidence: 0.9,
        kind: SignalKind::RiskyHabit,
        message: one_line(&format!("{path} and {other} are one file where case is ignored{rest}"), 400),
        evidence: pairs.iter().take(6).map(|(path, other)| Evidence::file(path, 0, 0, other)).collect(),
    })
}

/// Adds a finding for each source that was not parsed, or not whole.
pub(crate) fn sources(facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
    let mut alone = 0;
    for file in &facts.files {
        let Some(why) = file.unparsed else { continue };
        // Broken files of tests and templates are common. Where a file runs by itself, what no parser may be given, what is
        // beyond its bounds and what none can read is a place to hide in: an engine may read it otherwise.
        let holds = file.trigger.is_automatic() && (parse::by_depth(why) || parse::by_syntax(why) || parse::by_length(why));
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
            message: one_line(&format!("{} was {how}: {why}{}", file.path, if holds { runs(file) } else { String::new() }), 400),
            evidence: vec![Evidence::file(&file.path, 0, 0, why)],
        });
    }
}

/// What makes an unread file matter.
fn runs(file: &FileFacts) -> String {
    format!("; it runs {}", file.trigger.phrase())
}

/// Adds a finding for each manifest that is there and could not be read: some client may read it.
pub(crate) fn manifests(unread: &[String], out: &mut Vec<SignalDraft>) {
    out.extend(unread.iter().take(MAX_SOURCES).map(|path| SignalDraft {
        id: SOURCE,
        lens: Lens::Behaviour,
        status: Status::Failed,
        severity: Severity::Medium,
        confidence: 0.9,
        kind: SignalKind::RiskyHabit,
        message: one_line(&format!("{path} was not read: it is not of its format's syntax, so what it runs is not known"), 400),
        evidence: vec![Evidence::file(path, 0, 0, "not of its format's syntax")],
    }));
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
