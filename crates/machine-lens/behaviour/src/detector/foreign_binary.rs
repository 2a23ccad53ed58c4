//! A program lies where no build puts one: under a picture's name, or in a package of plain source.
//!
//! Native extensions and bundled tools are ordinary, and carry the endings of their kind. A program that is called
//! `logo.png` is there to be started without being seen.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, FileFacts, OtherFile, PackageFacts};
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ForeignBinary;

impl Detector for ForeignBinary {
    fn id(&self) -> &'static str {
        "behaviour/foreign-binary"
    }

    fn describe(&self) -> &'static str {
        "a compiled program lies where builds do not put one"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        let hooked = |path: &str| facts.started.iter().any(|start| start.program == path && start.trigger.at_install());
        let counts = |file: &OtherFile| file.executable && (hooked(&file.path) || !crate::layout::is_test_path(&file.path));
        let programs: Vec<&OtherFile> = facts.others.iter().filter(|file| counts(file)).collect();
        let native = programs.iter().any(|file| is_library(&file.path));
        for program in programs {
            let started = started_by(facts, program);
            let disguised = ending(&program.path).is_some_and(|ending| INNOCENT.contains(&ending.as_str()));
            let hook = facts
                .started
                .iter()
                .filter(|start| start.program == program.path && start.trigger.is_automatic())
                .min_by_key(|start| start.trigger);
            let weight = match (&started, disguised, native) {
                (_, true, _) => Weight::malware(0.93),
                // Native code of honest packages is loaded by their own, or built.
                _ if hook.is_some_and(|start| start.trigger.at_install()) => Weight::malware(0.9),
                (Some(_), false, false) if facts.is_small() => Weight::malware(0.9),
                (Some(_), false, _) => Weight::habit(Severity::Medium, 0.6),
                (None, false, false) if !is_library(&program.path) => Weight::habit(Severity::Low, 0.5),
                _ => continue,
            };
            let what = if disguised { "a program under the name of a file that is none" } else { "a compiled program" };
            let mut shown = vec![Evidence::file(&program.path, 0, 0, "starts as a compiled program does")];
            let mut when = String::new();
            if let Some((file, facts)) = started {
                when = format!(", started {}", strongest(&facts).phrase());
                shown.extend(evidence(file, &facts));
            }
            if let Some(start) = hook {
                when = format!(", started {}", start.trigger.phrase());
                shown.push(Evidence::file(&start.by, start.line, 1, &start.command));
            }
            report(out, self.id(), weight, format!("{what} lies in the package{when}"), shown);
        }
    }
}

/// Endings of files that are never programs.
const INNOCENT: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "ico", "svg", "webp", "txt", "md", "rst", "json", "yml", "yaml", "toml", "xml", "html", "css", "csv",
    "woff", "woff2", "ttf", "mp3", "wav", "mp4", "pdf", "log", "cfg", "ini",
];

fn ending(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase())
}

fn is_library(path: &str) -> bool {
    path.contains(".so.")
        || ending(path).is_some_and(|ending| {
            matches!(ending.as_str(), "so" | "pyd" | "dll" | "dylib" | "node" | "a" | "o" | "lib" | "wasm" | "jnilib")
        })
}

/// The file whose code starts the program without being asked, and where.
fn started_by<'f>(facts: &'f PackageFacts, program: &OtherFile) -> Option<(&'f FileFacts, Vec<&'f Fact>)> {
    let name = program.path.rsplit('/').next().filter(|name| name.len() >= 4)?;
    facts.files.iter().find_map(|file| {
        let starts: Vec<&Fact> = matching(file, |fact| fact.trigger.is_automatic() && fact.capability == Capability::Spawn)
            .filter(|fact| fact.args.iter().any(|arg| arg.contains(name)))
            .collect();
        (!starts.is_empty()).then_some((file, starts))
    })
}
