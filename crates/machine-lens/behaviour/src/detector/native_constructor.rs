//! C code in a comment for cgo starts something before `main`.
//!
//! The Go compiler builds it into every program that imports the package, and no Go code calls it.

use super::{Detector, Weight, report};
use crate::facts::PackageFacts;
use bifocal_core::{Evidence, Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct NativeConstructor;

impl Detector for NativeConstructor {
    fn id(&self) -> &'static str {
        "behaviour/native-constructor"
    }

    fn describe(&self) -> &'static str {
        "C code for cgo starts a program or a connection before main"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let Some(line) = file.shape.native_constructor else { continue };
            let place = Evidence::file(&file.path, line, 0, "a constructor that starts a program or a connection");
            report(out, self.id(), Weight::critical(0.93), "C code starts something before main".to_owned(), vec![place]);
        }
    }
}
