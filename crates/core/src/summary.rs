//! What the code of an artifact does, in brief: the part of the facts that is kept, so that two releases can be compared
//! without looking at their bytes again.
//!
//! Coarser than what the analyser sees inside, on purpose: the stored form outlives changes of the analyser. All text in
//! it is hostile.

use crate::Evidence;
use serde::{Deserialize, Serialize};

/// A summary of behaviour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BehaviourSummary {
    /// Version of this form, [`BehaviourSummary::VERSION`] when it was made.
    pub version: u32,
    /// Whether everything found is in it; else the latest and least eager acts were left out.
    pub complete: bool,
    /// What runs while the package is installed or whenever the interpreter starts, without anybody's call.
    pub hooks: Vec<Hook>,
    /// What the code does, most eager first.
    pub acts: Vec<Act>,
    /// Files that are odd in themselves.
    pub oddities: Vec<Oddity>,
    /// What the manifest makes a client install besides, without extras and development dependencies.
    pub dependencies: Vec<DependencyClaim>,
}

impl BehaviourSummary {
    /// The version of the form that this program writes.
    pub const VERSION: u32 = 1;
    /// Most acts kept.
    pub const MAX_ACTS: usize = 1_500;
    /// Most hooks, oddities or dependencies kept.
    pub const MAX_LISTED: usize = 500;
}

/// When code runs, from "nobody asked for it" to "somebody calls it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// While the package is installed or built.
    Install,
    /// Whenever the interpreter starts.
    Start,
    /// When the package is imported.
    Import,
    /// When a module of it is loaded that the package itself does not load.
    Load,
    /// When a person starts its command.
    Command,
    /// When a caller calls it.
    Call,
}

impl When {
    /// As the end of a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            When::Install => "at install",
            When::Start => "at interpreter start",
            When::Import => "at import",
            When::Load => "when a module is loaded",
            When::Command => "in a command",
            When::Call => "in a function",
        }
    }
}

/// What an act does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Does {
    /// Starts a program or a shell.
    RunProgram,
    /// Runs text or bytes as code.
    RunCode,
    /// Talks to a host.
    Network,
    /// Reads keys, tokens, saved passwords, wallets.
    ReadSecret,
    /// Reads the whole environment.
    ReadEnvironment,
    /// Reads host name, user name, addresses.
    ReadHost,
    /// Reads the keyboard, the screen, the camera, the clipboard.
    Spy,
    /// Writes the clipboard.
    WriteClipboard,
    /// Writes a file.
    Write,
    /// Makes a file executable, or changes its mode otherwise.
    ChangeMode,
    /// Deletes.
    Delete,
    /// Arranges to be run later.
    Persist,
    /// Ties a process to a socket.
    Redirect,
    /// Maps or runs machine code in memory.
    NativeMemory,
}

impl Does {
    /// As the start of a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Does::RunProgram => "a program is started",
            Does::RunCode => "text is run as code",
            Does::Network => "a host is contacted",
            Does::ReadSecret => "keys, tokens or saved passwords are read",
            Does::ReadEnvironment => "the whole environment is read",
            Does::ReadHost => "host or user names are read",
            Does::Spy => "keyboard, screen, camera or clipboard are read",
            Does::WriteClipboard => "the clipboard is written",
            Does::Write => "a file is written",
            Does::ChangeMode => "a file's mode is changed",
            Does::Delete => "files are deleted",
            Does::Persist => "something is arranged to run later",
            Does::Redirect => "a process is tied to a socket",
            Does::NativeMemory => "machine code is mapped or run in memory",
        }
    }
}

/// What flows into an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carries {
    /// Came from the network.
    Downloaded,
    /// Came out of a decoder or a cipher.
    Decoded,
    /// A file that was written from a download or a decoder.
    Dropped,
    /// Keys, tokens, saved passwords, wallets.
    Secrets,
    /// The whole environment.
    Environment,
    /// Host name, user name, addresses.
    HostNames,
    /// Output of a program.
    Output,
    /// Clipboard, keystrokes, screenshots.
    Spied,
}

/// A host that an act names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostClaim {
    /// In lower case; may hold `…` where parts are not known.
    pub name: String,
    /// Collects or serves for whoever is not named (request bins, pastes, chat hooks, raw addresses, tunnels).
    pub drop: bool,
    /// One that the manifest names, or a registry, or this machine.
    pub own: bool,
}

/// One thing that the code does, at one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// When.
    pub when: When,
    /// What.
    pub does: Does,
    /// With which data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carries: Vec<Carries>,
    /// To which hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostClaim>,
    /// The interface used, by its resolved name.
    pub api: String,
    /// Decoding was needed to see it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// Found by words because the file could not be parsed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lexical: bool,
    /// Where.
    pub place: Evidence,
}

/// Something that runs by itself at install or at interpreter start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// `postinstall`, or the path of the file that runs.
    pub name: String,
    /// The command, where it is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// Where.
    pub place: Evidence,
}

/// What is odd about a file, whatever it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OddityKind {
    /// A program or library of some system.
    Program,
    /// An obfuscator's output.
    Obfuscated,
    /// Code out of sight: behind hundreds of blanks, or of invisible or reordering characters.
    OutOfSight,
    /// It replaces the browser's own request or wallet functions.
    ReplacesRequests,
    /// It matches wallet addresses.
    WalletPattern,
    /// The address of a chat service's hook or bot with its token.
    EmbeddedHook,
}

/// An odd file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Oddity {
    /// How.
    pub kind: OddityKind,
    /// When its top level runs; for a program, when code that names it runs, where some does.
    pub when: Option<When>,
    /// Where.
    pub place: Evidence,
}

/// A dependency that the manifest names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DependencyClaim {
    /// Its name as written.
    pub name: String,
    /// Version range, or address, as written.
    pub requirement: String,
    /// It is fetched from an address instead of the registry.
    pub off_registry: bool,
    /// Whether any source file mentions it; `None` where that was not looked at.
    pub mentioned: Option<bool>,
    /// Where.
    pub place: Evidence,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_false(value: &bool) -> bool {
    !value
}
