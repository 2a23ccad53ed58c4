//! Features about single facts: how eagerly the package does a thing.
//!
//! The value is a step on one scale for all of them ([`eagerness`]): 0 never, 1 when somebody calls it, 2 when its
//! module is loaded, 3 when the package is imported, 4 while it is installed. Facts of tests do not count.

use crate::facts::{Capability, Fact, PackageFacts, Taint, Trigger};
use crate::place::{Destination, HostKind, PathKind};

/// One thing that code may do.
pub(super) struct Act {
    /// Stable name of the feature.
    pub(super) name: &'static str,
    /// What it does, as a verb phrase that a trigger may follow.
    pub(super) words: &'static str,
    /// Whether a fact is of this kind.
    pub(super) test: fn(&PackageFacts, &Fact) -> bool,
}

/// How eagerly a fact happens.
pub(super) fn eagerness(trigger: Trigger) -> u8 {
    match trigger {
        Trigger::Test => 0,
        trigger if trigger.at_install() => 4,
        trigger if trigger.is_automatic() => 3,
        trigger if trigger.on_load() => 2,
        _ => 1,
    }
}

fn does(fact: &Fact, capability: Capability) -> bool {
    fact.capability == capability
}

/// Network, in whichever form.
pub(super) fn talks(fact: &Fact) -> bool {
    matches!(fact.capability, Capability::Network | Capability::Socket)
}

fn sends(fact: &Fact, what: Taint) -> bool {
    talks(fact) && fact.taint.has(what)
}

/// Reaches or starts something at a place of this kind that the manifest does not call its own.
fn reaches(facts: &PackageFacts, fact: &Fact, kind: HostKind) -> bool {
    let acts = matches!(
        fact.capability,
        Capability::Network | Capability::Socket | Capability::Spawn | Capability::Eval | Capability::FileWrite | Capability::Persist
    );
    acts && fact.goes_to(|to| to.kind == kind && !facts.is_own(to))
}

/// A host written out in the code, no part of its name unknown.
fn is_named(to: &Destination) -> bool {
    matches!(to.kind, HostKind::Named | HostKind::FreeHost | HostKind::CodeHost) && !to.host.contains('…')
}

fn starts(fact: &Fact, programs: &[&str]) -> bool {
    does(fact, Capability::Spawn) && {
        let text = fact.text().to_ascii_lowercase();
        programs.iter().any(|program| text.contains(program))
    }
}

/// The endings of files that a system runs when they are opened.
const RUNNABLE: [&str; 12] = [".exe", ".bat", ".cmd", ".vbs", ".ps1", ".scr", ".hta", ".dll", ".sh", ".msi", ".lnk", ".pyw"];

fn names_runnable(fact: &Fact) -> bool {
    fact.args.iter().any(|arg| {
        let arg = arg.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
        arg.len() < 2_048 && RUNNABLE.iter().any(|end| arg.ends_with(end))
    })
}

/// Every act, in the order of the data file's documentation.
pub(super) const ACTS: &[Act] = &[
    // Processes.
    Act { name: "spawn", words: "starts a process", test: |_, fact| does(fact, Capability::Spawn) },
    Act {
        name: "spawn-fetched",
        words: "runs what it has fetched as a program or command",
        test: |_, fact| does(fact, Capability::Spawn) && fact.taint.has(Taint::NETWORK),
    },
    Act {
        name: "spawn-dropped",
        words: "runs a file that it has just written",
        test: |_, fact| does(fact, Capability::Spawn) && fact.taint.has(Taint::DROPPED),
    },
    Act {
        name: "spawn-decoded",
        words: "runs a command that was encoded",
        test: |_, fact| does(fact, Capability::Spawn) && (fact.taint.has(Taint::DECODED) || fact.was_hidden()),
    },
    Act {
        name: "spawn-shell",
        words: "starts a command interpreter of Windows with a command",
        test: |_, fact| {
            starts(
                fact,
                &[
                    "powershell",
                    "pwsh",
                    "cmd /c",
                    "cmd.exe",
                    "mshta",
                    "wscript",
                    "cscript",
                    "certutil",
                    "bitsadmin",
                    "rundll32",
                    "regsvr32",
                ],
            )
        },
    },
    Act {
        name: "spawn-install",
        words: "installs further packages",
        test: |_, fact| starts(fact, &["pip install", "pip3 install", "npm install", "npm i "]),
    },
    Act {
        name: "spawn-runnable",
        words: "starts a program by its file name",
        test: |_, fact| does(fact, Capability::Spawn) && names_runnable(fact),
    },
    // Code from text.
    Act { name: "eval", words: "runs text as code", test: |_, fact| does(fact, Capability::Eval) },
    Act {
        name: "eval-decoded",
        words: "decodes text and runs it as code",
        test: |_, fact| does(fact, Capability::Eval) && fact.taint.has(Taint::DECODED),
    },
    Act {
        name: "eval-fetched",
        words: "runs what a host answers as code",
        test: |_, fact| does(fact, Capability::Eval) && fact.taint.has(Taint::NETWORK),
    },
    Act {
        name: "eval-ciphered",
        words: "decrypts text and runs it as code",
        test: |_, fact| does(fact, Capability::Eval) && fact.taint.has(Taint::CIPHER),
    },
    Act {
        name: "eval-file",
        words: "runs the content of a file as code",
        test: |_, fact| does(fact, Capability::Eval) && fact.taint.has(Taint::FILE) && !fact.taint.has(Taint::DECODED.with(Taint::NETWORK)),
    },
    Act { name: "decode", words: "undoes an encoding", test: |_, fact| does(fact, Capability::Decode) },
    Act {
        name: "hidden-act",
        words: "does something that an encoding hides",
        test: |_, fact| {
            fact.was_hidden()
                && matches!(
                    fact.capability,
                    Capability::Spawn
                        | Capability::Eval
                        | Capability::Network
                        | Capability::Socket
                        | Capability::FileWrite
                        | Capability::Unprotect
                        | Capability::Persist
                        | Capability::NativeMemory
                        | Capability::HostInfo
                        | Capability::EnvironmentBulk
                )
        },
    },
    Act {
        name: "deep-layers",
        words: "hides code under two or more encodings",
        test: |_, fact| fact.chain.len() >= 2 && fact.was_hidden(),
    },
    // Talking.
    Act { name: "network", words: "talks to a host", test: |_, fact| does(fact, Capability::Network) },
    Act { name: "socket", words: "opens a raw connection", test: |_, fact| does(fact, Capability::Socket) },
    Act { name: "network-hidden", words: "talks to a host from encoded code", test: |_, fact| talks(fact) && fact.was_hidden() },
    Act { name: "send-secrets", words: "sends saved secrets", test: |_, fact| sends(fact, Taint::SENSITIVE) },
    Act {
        name: "send-environment",
        words: "sends the environment",
        test: |_, fact| sends(fact, Taint::ENVIRONMENT.with(Taint::SECRET_ENV)),
    },
    Act { name: "send-host", words: "sends who and where the machine is", test: |_, fact| sends(fact, Taint::HOST) },
    Act { name: "send-output", words: "sends the output of commands", test: |_, fact| sends(fact, Taint::PROCESS) },
    Act { name: "send-file", words: "sends contents of files", test: |_, fact| sends(fact, Taint::FILE) },
    Act { name: "send-clipboard", words: "sends the clipboard", test: |_, fact| sends(fact, Taint::CLIPBOARD) },
    // Places.
    Act { name: "to-address", words: "reaches a bare address", test: |facts, fact| reaches(facts, fact, HostKind::RawIp) },
    Act { name: "to-chat-hook", words: "reaches a chat service's hook", test: |facts, fact| reaches(facts, fact, HostKind::ChatWebhook) },
    Act {
        name: "to-chat-files",
        words: "reaches a chat service's file store",
        test: |facts, fact| reaches(facts, fact, HostKind::ChatFiles),
    },
    Act { name: "to-paste", words: "reaches a paste service", test: |facts, fact| reaches(facts, fact, HostKind::Paste) },
    Act { name: "to-file-drop", words: "reaches an anonymous file host", test: |facts, fact| reaches(facts, fact, HostKind::FileDrop) },
    Act { name: "to-callback", words: "reaches a request collector", test: |facts, fact| reaches(facts, fact, HostKind::Callback) },
    Act { name: "to-tunnel", words: "reaches a tunnel", test: |facts, fact| reaches(facts, fact, HostKind::Tunnel) },
    Act { name: "to-shortener", words: "reaches a link shortener", test: |facts, fact| reaches(facts, fact, HostKind::Shortener) },
    Act { name: "to-free-host", words: "reaches a free host", test: |facts, fact| reaches(facts, fact, HostKind::FreeHost) },
    Act { name: "to-code-host", words: "reaches files on a code host", test: |facts, fact| reaches(facts, fact, HostKind::CodeHost) },
    Act {
        name: "to-echo",
        words: "asks for the machine's public address",
        test: |facts, fact| reaches(facts, fact, HostKind::AddressEcho),
    },
    Act { name: "to-onion", words: "reaches a hidden service", test: |facts, fact| reaches(facts, fact, HostKind::Onion) },
    Act {
        name: "to-foreign",
        words: "reaches a host that the manifest does not name",
        test: |facts, fact| talks(fact) && fact.goes_to(|to| is_named(to) && !facts.is_own(to)),
    },
    Act {
        name: "to-unknown",
        words: "talks to a host whose name is not in the code",
        test: |_, fact| talks(fact) && fact.destinations.iter().all(|to| to.host.chars().all(|c| c == '…')),
    },
    Act {
        name: "fetch-runnable",
        words: "fetches a file that a system runs when it is opened",
        test: |facts, fact| {
            fact.goes_to(|to| {
                let path = to.path.split(['?', '#']).next().unwrap_or("").to_ascii_lowercase();
                !facts.is_own(to) && RUNNABLE.iter().chain(&[".py", ".zip", ".rar", ".js"]).any(|end| path.ends_with(end))
            })
        },
    },
    // Files.
    Act { name: "write", words: "writes a file", test: |_, fact| does(fact, Capability::FileWrite) },
    Act {
        name: "write-fetched",
        words: "writes what it has fetched",
        test: |_, fact| does(fact, Capability::FileWrite) && fact.taint.has(Taint::NETWORK),
    },
    Act {
        name: "write-decoded",
        words: "writes what it has decoded",
        test: |_, fact| does(fact, Capability::FileWrite) && fact.taint.has(Taint::DECODED.with(Taint::EXECUTABLE)),
    },
    Act {
        name: "write-runnable",
        words: "writes a program or script",
        test: |_, fact| does(fact, Capability::FileWrite) && names_runnable(fact),
    },
    Act {
        name: "write-start-up",
        words: "writes where things start by themselves",
        test: |_, fact| {
            does(fact, Capability::Persist)
                || (matches!(fact.capability, Capability::FileWrite | Capability::Spawn)
                    && matches!(fact.path, Some(PathKind::Autostart | PathKind::ShellRc | PathKind::AuthorizedKeys)))
        },
    },
    Act {
        name: "read-secrets",
        words: "touches the places of saved passwords, keys or wallets",
        test: |_, fact| {
            matches!(
                fact.path,
                Some(
                    PathKind::Browser
                        | PathKind::Wallet
                        | PathKind::SshKey
                        | PathKind::CloudCredential
                        | PathKind::PackageToken
                        | PathKind::SystemAccounts
                )
            )
        },
    },
    Act {
        name: "read-browser",
        words: "touches a browser's, chat client's or wallet's store",
        test: |_, fact| matches!(fact.path, Some(PathKind::Browser | PathKind::Wallet)),
    },
    Act { name: "read", words: "reads a file", test: |_, fact| does(fact, Capability::FileRead) },
    Act { name: "delete", words: "deletes a file", test: |_, fact| does(fact, Capability::Delete) },
    Act {
        name: "delete-self",
        words: "deletes itself",
        test: |_, fact| matches!(fact.capability, Capability::Delete | Capability::DeleteTree) && fact.taint.has(Taint::SELF_PATH),
    },
    Act {
        name: "delete-tree",
        words: "deletes folders",
        test: |_, fact| does(fact, Capability::DeleteTree) || (fact.path == Some(PathKind::HomeRoot) && does(fact, Capability::Delete)),
    },
    Act { name: "change-mode", words: "makes a file runnable", test: |_, fact| does(fact, Capability::Chmod) },
    // The machine and its user.
    Act { name: "environment", words: "reads the whole environment", test: |_, fact| does(fact, Capability::EnvironmentBulk) },
    Act {
        name: "environment-secret",
        words: "reads a secret of the environment",
        test: |_, fact| does(fact, Capability::EnvironmentRead) && fact.taint.has(Taint::SECRET_ENV),
    },
    Act { name: "host-facts", words: "asks who and where the machine is", test: |_, fact| does(fact, Capability::HostInfo) },
    Act {
        name: "clipboard",
        words: "uses the clipboard",
        test: |_, fact| matches!(fact.capability, Capability::ClipboardRead | Capability::ClipboardWrite),
    },
    Act {
        name: "spy",
        words: "watches keyboard, screen or camera",
        test: |_, fact| matches!(fact.capability, Capability::Keylog | Capability::Capture),
    },
    Act {
        name: "unprotect",
        words: "unlocks data that the system protects for its user",
        test: |_, fact| does(fact, Capability::Unprotect),
    },
    Act { name: "redirect", words: "redirects input and output", test: |_, fact| does(fact, Capability::Redirect) },
    Act { name: "native-memory", words: "places machine code in memory", test: |_, fact| does(fact, Capability::NativeMemory) },
    Act { name: "embedded-program", words: "carries a program as text", test: |_, fact| fact.taint.has(Taint::EXECUTABLE) },
    Act {
        name: "in-the-background",
        words: "starts a process without a window or console",
        test: |_, fact| {
            starts(
                fact,
                &[
                    "-windowstyle hidden",
                    "-w hidden",
                    "start /b",
                    "nohup ",
                    "-noprofile",
                    "-enc ",
                    "-encodedcommand",
                    "-executionpolicy bypass",
                    "-ep bypass",
                ],
            )
        },
    },
];

/// Where the act of this name stands in [`ACTS`]; for constants only.
#[expect(clippy::panic, reason = "evaluated by the compiler: a name that does not exist is not compiled")]
pub(super) const fn act(name: &str) -> usize {
    let mut at = 0;
    while at < ACTS.len() {
        if same(ACTS[at].name.as_bytes(), name.as_bytes()) {
            return at;
        }
        at += 1;
    }
    panic!("no act has this name")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
