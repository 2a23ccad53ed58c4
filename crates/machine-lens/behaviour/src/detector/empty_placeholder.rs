//! There is hardly anything in the package.
//!
//! Placeholders hold a name, honestly or not; registries also leave them behind when they take a payload out. Nothing here
//! can hurt, but nobody needs it either, and the next release can hold anything.

use super::{Detector, Weight, report};
use crate::facts::{PackageFacts, Trigger};
use crate::shape::SMALL;
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind, counted};

/// See the module.
pub(super) struct EmptyPlaceholder;

impl Detector for EmptyPlaceholder {
    fn id(&self) -> &'static str {
        "behaviour/empty-placeholder"
    }

    fn describe(&self) -> &'static str {
        "the package holds hardly any code"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::ProofOfConcept
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        let code: usize = facts
            .files
            .iter()
            .filter(|file| file.trigger != Trigger::Test && !file.path.ends_with("setup.py") && !file.path.ends_with("package.json"))
            .map(|file| file.shape.bytes)
            .sum();
        let data: usize = facts.others.iter().filter(|file| !is_paper(&file.path)).map(|file| file.bytes).sum();
        let acts = facts.all().any(|(_, fact)| fact.trigger.is_automatic());
        if facts.ecosystem.is_none() || code > SMALL || data > 4_096 || acts || !facts.dependencies.is_empty() {
            return;
        }
        let name = facts.manifest.name.as_deref().unwrap_or("the package");
        let place = match facts.files.iter().find(|file| file.shape.first_line.is_some()).or(facts.files.first()) {
            Some(file) => {
                let (line, text) = file.shape.first_line.as_ref().map_or((1, ""), |(line, text)| (*line, text.as_str()));
                Evidence::file(&file.path, line, 1, text)
            }
            None => Evidence::record("manifest", "files", "", "no source file at all"),
        };
        let weight = Weight::of(SignalKind::ProofOfConcept, Severity::Info, 0.6);
        report(out, self.id(), weight, format!("{name} holds {} of code", counted(code as u64, "byte", "bytes")), vec![place]);
    }
}

/// Manifests, licences and descriptions.
fn is_paper(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    path.contains(".egg-info/")
        || path.contains(".dist-info/")
        || [
            "readme",
            "licen",
            "changelog",
            "pkg-info",
            "setup.cfg",
            "pyproject.toml",
            "manifest",
            "package.json",
            ".gitignore",
            "notice",
            "cargo.toml",
        ]
        .iter()
        .any(|start| name.starts_with(start))
}
