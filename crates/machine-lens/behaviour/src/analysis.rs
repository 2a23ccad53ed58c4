//! The doors of this crate: an artifact or a folder in, [`ArtifactFacts`] out.

use crate::detector::{self, detectors};
use crate::difference;
use crate::facts::PackageFacts;
use crate::layout::strip::Placed;
use crate::layout::{self, Files};
use crate::model::{self, Acting};
use crate::nested::{self, Nested};
use crate::package;
use crate::unread;
use bifocal_archive::{ArchiveError, Budget, EntryInfo, EntryKind, Format, Tolerance, sniff, unpack_keeping};
use bifocal_core::{
    AnalysisLimits, ArtifactFacts, Digest, Ecosystem, Evidence, Lens, ManifestClaims, SCHEMA_VERSION, Severity, Sha256, SignalDraft,
    SignalKind, Status,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name and version of the analyser and its rules; facts made by another one are not reused.
pub const ANALYSER: &str =
    concat!("bifocal-behaviour/", env!("CARGO_PKG_VERSION"), "+rules-9+summary-1+risk-", include_str!("../model/version"));

/// Stack of the analysing thread, in bytes; only what is touched is ever committed.
const STACK: usize = 512 << 20;
/// Stack where the address space is too small for that.
const SMALL_STACK: usize = 64 << 20;

/// Sizes of files of which only the head was kept.
pub(crate) type Sizes<'a> = BTreeMap<&'a str, u64>;

/// One artifact.
#[derive(Debug, Clone, Copy)]
pub struct ArtifactInput<'a> {
    /// The ecosystem it was fetched from; `None` lets the contents decide.
    pub ecosystem: Option<Ecosystem>,
    /// Its file name, without a folder. Hostile text.
    pub filename: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Analyses one artifact. Never fails: what cannot be read is a signal with status *failed*.
pub fn analyse(input: &ArtifactInput<'_>, limits: &AnalysisLimits) -> ArtifactFacts {
    analyse_and_measure(input, limits).0
}

/// What the model scores by; training needs it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Measures {
    /// Values in the order of [`crate::features`]; none where nothing could be read.
    pub values: Vec<f64>,
    /// How far they are about acts.
    pub acts: Acting,
}

/// As [`analyse`], with what the score rests on.
pub fn analyse_and_measure(input: &ArtifactInput<'_>, limits: &AnalysisLimits) -> (ArtifactFacts, Measures) {
    let sha256 = Sha256::of(input.bytes);
    let mut facts = blank(sha256, input.ecosystem, input.bytes.len() as u64);
    if sniff(input.bytes).is_none() && may_be_lone(input) {
        let files = Files::from([(input.filename, input.bytes)]);
        let measures = fill(&mut facts, input.ecosystem, input.filename, &files, &Sizes::new(), &Nested::default(), limits);
        return (facts, measures);
    }
    let mut measures = Measures::default();
    let kind = kind_of(input.ecosystem, input.filename);
    let budget = Budget::new(&limits.archive);
    // A Go module's digest is over all bytes.
    let whole = input.ecosystem == Some(Ecosystem::Golang);
    let mut keeps = |info: &EntryInfo, head: &[u8]| whole || !layout::is_machine_code(&info.path, head);
    match unpack_keeping(input.bytes, &budget, Tolerance::for_kind(kind), &mut keeps) {
        Ok(unpacked) => {
            if input.ecosystem == Some(Ecosystem::Golang) {
                facts.go_h1 = bifocal_archive::go_h1(&unpacked.entries);
            }
            let collisions = unread::collisions(&unpacked.notes, unpacked.more_notes);
            facts.signals.extend(collisions.map(|draft| draft.finish(Some(sha256))));
            let links = unpacked.links();
            let files = unpacked.entries.iter().filter_map(|entry| {
                let source = match entry.kind {
                    EntryKind::Folder => return None,
                    EntryKind::File => entry,
                    _ => links.resolve(entry)?,
                };
                Some(Placed { path: &entry.path, dotted: entry.dotted, data: &source.data, size: source.size })
            });
            let placed: Vec<Placed<'_>> = files.collect();
            let moved = match unpacked.format {
                Format::Tar(_) => layout::strip::installed(input.ecosystem, &placed),
                _ => Ok(None),
            };
            let moved = moved.unwrap_or_else(|path| {
                let error = ArchiveError::DuplicateEntry { path };
                facts.signals.push(refused(input.filename, &error).finish(Some(sha256)));
                None
            });
            let by_path: Vec<(&str, &Placed<'_>)> = match &moved {
                Some(moved) => moved.iter().filter_map(|(path, at)| Some((path.as_str(), placed.get(*at)?))).collect(),
                None => placed.iter().map(|file| (file.path, file)).collect(),
            };
            let mut files = Files::new();
            let mut sizes = Sizes::new();
            for (path, file) in by_path {
                files.insert(path, file.data);
                if file.data.len() as u64 != file.size {
                    sizes.insert(path, file.size);
                }
            }
            facts.unpacked = unpacked.entries.iter().map(|entry| entry.size).sum();
            facts.files = unpacked.entries.iter().filter(|entry| entry.kind == EntryKind::File).count().try_into().unwrap_or(u32::MAX);
            // Archives are kept whole, and so is machine code that carries one behind itself.
            let nested = nested::open(&files, &budget.rest());
            measures = fill(&mut facts, input.ecosystem, input.filename, &files, &sizes, &nested, limits);
        }
        Err(error) => facts.signals.push(refused(input.filename, &error).finish(Some(sha256))),
    }
    (facts, measures)
}

/// Whether bytes that are no archive may be a file that is looked at by itself: a script, a class, a POM, a go.mod.
/// Anything else is an archive of a kind that nobody here can open, and is refused as one.
fn may_be_lone(input: &ArtifactInput<'_>) -> bool {
    const CLASS: &[u8] = &[0xca, 0xfe, 0xba, 0xbe];
    const ARCHIVES: [&str; 14] =
        [".tgz", ".gz", ".tar", ".bz2", ".tbz2", ".xz", ".zst", ".zip", ".whl", ".egg", ".jar", ".war", ".aar", ".crate"];
    match input.ecosystem {
        Some(Ecosystem::Maven) => [".pom", ".xml", ".module"].iter().any(|end| input.filename.ends_with(end)),
        Some(Ecosystem::Golang) => input.filename.ends_with(".mod"),
        Some(_) => false,
        None if ARCHIVES.iter().any(|end| input.filename.to_ascii_lowercase().ends_with(end)) => false,
        None => input.bytes.starts_with(CLASS) || !input.bytes.iter().take(8 << 10).any(|byte| *byte == 0),
    }
}

/// Analyses files that lie in a folder, as `(path, bytes)`; paths are `/`-separated and relative.
///
/// The result is named by a digest over paths and contents, in order of path.
pub fn analyse_tree(ecosystem: Option<Ecosystem>, files: &[(String, Vec<u8>)], limits: &AnalysisLimits) -> ArtifactFacts {
    let sorted: BTreeMap<&str, &[u8]> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let mut listing = String::new();
    for (path, bytes) in &sorted {
        listing.push_str(&format!("{}  {path}\n", Sha256::of(bytes).hex()));
    }
    let size = sorted.values().map(|bytes| bytes.len() as u64).sum();
    let mut facts = blank(Sha256::of(listing.as_bytes()), ecosystem, size);
    let nested = nested::open(&sorted, &limits.archive);
    fill(&mut facts, ecosystem, "", &sorted, &Sizes::new(), &nested, limits);
    facts
}

fn blank(sha256: Sha256, ecosystem: Option<Ecosystem>, size: u64) -> ArtifactFacts {
    ArtifactFacts {
        schema_version: SCHEMA_VERSION,
        analyser: ANALYSER.to_owned(),
        sha256,
        go_h1: None::<Digest>,
        ecosystem,
        size,
        files: 0,
        unpacked: 0,
        manifest: ManifestClaims::default(),
        risk: None,
        signals: Vec::new(),
        summary: None,
    }
}

fn kind_of(ecosystem: Option<Ecosystem>, filename: &str) -> bifocal_core::ArtifactKind {
    use bifocal_core::ArtifactKind;
    match ecosystem {
        Some(Ecosystem::Npm) => ArtifactKind::NpmTarball,
        Some(Ecosystem::Pypi) if filename.ends_with(".whl") => ArtifactKind::Wheel,
        Some(Ecosystem::Pypi) => ArtifactKind::Sdist,
        Some(Ecosystem::Maven) => ArtifactKind::Jar,
        Some(Ecosystem::Cargo) => ArtifactKind::Crate,
        Some(Ecosystem::Golang) => ArtifactKind::GoModule,
        // Of a lone file only the name tells. What is no jar must not mean different things to different unpackers.
        None if [".jar", ".war", ".ear", ".aar", ".egg"].iter().any(|end| filename.to_ascii_lowercase().ends_with(end)) => {
            ArtifactKind::Jar
        }
        None => ArtifactKind::Sdist,
    }
}

/// Runs the analysis on a thread with a large stack, so that deep syntax within the bounds cannot overflow it.
fn fill(
    facts: &mut ArtifactFacts,
    ecosystem: Option<Ecosystem>,
    filename: &str,
    files: &Files<'_>,
    sizes: &Sizes<'_>,
    nested: &Nested,
    limits: &AnalysisLimits,
) -> Measures {
    if facts.files == 0 {
        facts.files = u32::try_from(files.len()).unwrap_or(u32::MAX);
        facts.unpacked = files.values().map(|bytes| bytes.len() as u64).sum();
    }
    let work = || look(ecosystem, filename, files, sizes, nested, limits);
    let outcome = std::thread::scope(|scope| {
        for stack in [STACK, SMALL_STACK] {
            if let Ok(handle) = std::thread::Builder::new().name("analyser".to_owned()).stack_size(stack).spawn_scoped(scope, work) {
                return handle.join().map_err(|_| ());
            }
        }
        Ok(work())
    });
    let (drafts, measures) = match outcome {
        Ok(looked) => {
            facts.ecosystem = ecosystem.or(looked.package.ecosystem);
            facts.summary = Some(difference::summary(&looked.package, files));
            facts.manifest = looked.package.manifest;
            facts.risk = looked.risk;
            (looked.drafts, looked.measures)
        }
        Err(()) => (vec![broke_off()], Measures::default()),
    };
    let sha256 = facts.sha256;
    facts.signals.extend(drafts.into_iter().map(|draft| draft.finish(Some(sha256))));
    facts.signals.sort_by(|a, b| place_key(a).cmp(&place_key(b)));
    facts.signals.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    measures
}

fn place_key(signal: &bifocal_core::Signal) -> (String, u32, u32, &str, &str) {
    match signal.evidence.first() {
        Some(Evidence::File { path, line, column, .. }) => (path.clone(), *line, *column, &signal.id, &signal.fingerprint),
        _ => (String::new(), 0, 0, &signal.id, &signal.fingerprint),
    }
}

/// What one look gives.
struct Looked {
    package: PackageFacts,
    drafts: Vec<SignalDraft>,
    risk: Option<f64>,
    measures: Measures,
}

fn look(
    ecosystem: Option<Ecosystem>,
    filename: &str,
    files: &Files<'_>,
    sizes: &Sizes<'_>,
    nested: &Nested,
    limits: &AnalysisLimits,
) -> Looked {
    let package::Built { facts, skipped, unread, unread_manifests } = package::build(ecosystem, filename, files, sizes, nested, limits);
    let mut drafts = Vec::new();
    for detector in detectors() {
        detector.detect(&facts, &mut drafts);
    }
    let judged = model::judge(&facts, files, &drafts);
    drafts.extend(judged.signal);
    detector::notes(skipped, &mut drafts);
    unread::sources(&facts, &mut drafts);
    unread::manifests(&unread_manifests, &mut drafts);
    unread::notes(&facts, &unread, &mut drafts);
    Looked { package: facts, drafts, risk: judged.risk, measures: Measures { values: judged.values, acts: judged.acts } }
}

fn refused(filename: &str, error: &ArchiveError) -> SignalDraft {
    // Whoever builds archives that two readers see differently, or that leave their folder, means it.
    let severity = match error {
        ArchiveError::PathTraversal { .. }
        | ArchiveError::AbsolutePath { .. }
        | ArchiveError::SymlinkOutOfRoot { .. }
        | ArchiveError::RatioTooHigh { .. }
        | ArchiveError::Polyglot { .. }
        | ArchiveError::NulInPath { .. } => Severity::High,
        _ => Severity::Medium,
    };
    SignalDraft {
        id: "behaviour/archive-refused",
        lens: Lens::Behaviour,
        status: Status::Failed,
        severity,
        confidence: 1.0,
        kind: SignalKind::Other,
        message: format!("the archive was refused: {error}"),
        evidence: vec![Evidence::record("analyser", error.id(), "", &format!("{}: {error}", bifocal_core::one_line(filename, 200)))],
    }
}

fn broke_off() -> SignalDraft {
    SignalDraft {
        id: "behaviour/analysis-broke-off",
        lens: Lens::Behaviour,
        status: Status::Failed,
        severity: Severity::High,
        confidence: 1.0,
        kind: SignalKind::Other,
        message: "the analysis of this artifact broke off".to_owned(),
        evidence: vec![Evidence::record("analyser", "analysis-broke-off", "", "the analysing thread stopped without a result")],
    }
}
