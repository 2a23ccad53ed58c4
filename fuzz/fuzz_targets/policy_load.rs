//! Policies and their conditions: no text panics the loader or recurses without a bound, every problem has a place in the
//! file, and a policy that loads can be evaluated, the same twice.
#![no_main]

use bifocal_core::{Evidence, Lens, Severity, SignalDraft, SignalKind, Status};
use bifocal_policy::{KnownSignals, Policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    judge(text);
    // The same bytes as a condition, so that the checker is reached without learning TOML first.
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace(|c: char| c.is_control(), " ");
    judge(&format!("schema_version = 1\nname = \"f\"\n[[rule]]\nname = \"r\"\nverdict = \"hold\"\nmessage = \"{{signals}}\"\nwhen = \"{quoted}\"\n"));
});

fn judge(text: &str) {
    let now = "2026-03-01T00:00:00Z".parse().expect("a time");
    match Policy::load(text, "policy.toml", &KnownSignals::unchecked(), Some(now)) {
        Err(error) => {
            assert!(!error.0.is_empty());
            assert!(error.0.iter().all(|problem| problem.line >= 1 && problem.column >= 1));
        }
        Ok(loaded) => {
            let draft = |id, lens| SignalDraft {
                id,
                lens,
                status: Status::Present,
                severity: Severity::High,
                confidence: 0.9,
                kind: SignalKind::Malware,
                message: "m".to_owned(),
                evidence: vec![Evidence::file("a.js", 1, 1, "x")],
            };
            let signals =
                [draft("behaviour/example", Lens::Behaviour).finish(None), draft("behaviour/other", Lens::Behaviour).finish(None)];
            let first = loaded.policy.evaluate_signals(Lens::Behaviour, &signals, now);
            assert_eq!(first, loaded.policy.evaluate_signals(Lens::Behaviour, &signals, now));
        }
    }
}
