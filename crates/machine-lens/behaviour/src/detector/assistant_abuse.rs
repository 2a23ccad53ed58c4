//! A coding assistant that is installed on the machine is started with its questions switched off.
//!
//! It may read every file and run any command, and it does what the text that it is handed says. Scripts that a person
//! starts do that on purpose; an install script has nothing to ask an assistant for.

use super::ask::{evidence, has_word, matching, says, starts, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Fact, PackageFacts};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct AssistantAbuse;

impl Detector for AssistantAbuse {
    fn id(&self) -> &'static str {
        "behaviour/assistant-abuse"
    }

    fn describe(&self) -> &'static str {
        "a local coding assistant is run with its safety questions switched off"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let runs: Vec<&Fact> = matching(file, is_assistant).collect();
            if runs.is_empty() {
                continue;
            }
            let eager = strongest(&runs);
            let unasked = runs.iter().any(|fact| skips_questions(fact));
            let weight = match (eager.on_load(), unasked) {
                (true, true) => Weight::critical(0.95),
                (true, false) => Weight::habit(Severity::Medium, 0.7),
                (false, true) => Weight::habit(Severity::Low, 0.5),
                (false, false) => continue,
            };
            let how = if unasked { " with its questions switched off" } else { "" };
            let message = format!("a coding assistant is started{how} {}", eager.phrase());
            report(out, self.id(), weight.for_fact(runs[0]), message, evidence(file, &runs));
        }
    }
}

fn is_assistant(fact: &Fact) -> bool {
    starts(fact, &["claude", "gemini", "codex", "cursor-agent", "q", "aider", "opencode", "goose", "copilot", "amp", "qwen"])
        && (skips_questions(fact) || has_word(fact, &["-p", "--print", "--prompt", "exec", "chat", "run", "--message"]))
}

fn skips_questions(fact: &Fact) -> bool {
    has_word(fact, &["--yolo", "-y", "--yes-always", "--full-auto", "--force", "--no-interactive"])
        || says(
            fact,
            &["--dangerously-skip-permissions", "--dangerously-bypass", "--trust-all-tools", "--allow-all-tools", "--approval-mode=yolo"],
        )
        || (has_word(fact, &["--approval-mode", "--permission-mode"])
            && has_word(fact, &["yolo", "bypasspermissions", "auto_edit", "never"]))
}
