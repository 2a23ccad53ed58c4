//! The machine takes orders from a chat: a bot with its token in the package runs what it is told.
//!
//! Frameworks for bots take the token from their user. A package that brings the bot along is remote control.

use super::ask::{evidence, matching, strongest};
use super::{Detector, Weight, report};
use crate::facts::{Capability, Fact, PackageFacts, Taint};
use bifocal_core::{Severity, SignalDraft, SignalKind};

/// See the module.
pub(super) struct ChatBotControl;

impl Detector for ChatBotControl {
    fn id(&self) -> &'static str {
        "behaviour/chat-bot-control"
    }

    fn describe(&self) -> &'static str {
        "a chat bot that the package brings along controls the machine"
    }

    fn kind(&self) -> SignalKind {
        SignalKind::Malware
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>) {
        for file in &facts.files {
            let bots: Vec<&Fact> = matching(file, |fact| {
                fact.capability == Capability::Network
                    && BOTS.iter().any(|bot| fact.api.starts_with(bot))
                    && !fact.taint.has(Taint::ENV_ONE.with(Taint::INPUT))
            })
            .collect();
            if bots.is_empty() {
                continue;
            }
            let acts: Vec<&Fact> = matching(file, |fact| {
                matches!(
                    fact.capability,
                    Capability::Spawn
                        | Capability::Eval
                        | Capability::Capture
                        | Capability::Keylog
                        | Capability::Unprotect
                        | Capability::Persist
                )
            })
            .collect();
            if acts.is_empty() {
                continue;
            }
            let spies = acts.iter().any(|fact| !matches!(fact.capability, Capability::Spawn | Capability::Eval));
            let eager = strongest(&bots);
            let weight = match (eager.on_load(), spies) {
                (true, true) => Weight::critical(0.94),
                (true, false) => Weight::malware(0.91),
                (false, true) => Weight::habit(Severity::Medium, 0.7),
                (false, false) => Weight::habit(Severity::Low, 0.5),
            };
            let message = format!("a chat bot that acts on this machine is started {}", eager.phrase());
            report(out, self.id(), weight.for_fact(bots[0]), message, evidence(file, &[bots, acts].concat()));
        }
    }
}

/// Starting a bot, by the libraries that people use.
const BOTS: [&str; 6] = [
    "discord.Client().run",
    "discord.ext.commands.Bot().run",
    "discord.js.Client().login",
    "telegraf.Telegraf().launch",
    "telebot.TeleBot",
    "node-telegram-bot-api",
];
