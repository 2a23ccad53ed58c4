//! Features about acts that stand together in one file, which say more than either alone.
//!
//! The value is the eagerness of the least eager of them, in the file where that is highest.

use super::acts::act;

/// Acts of one file.
pub(super) struct Together {
    /// Stable name of the feature.
    pub(super) name: &'static str,
    /// What it does, as a verb phrase.
    pub(super) words: &'static str,
    /// For each part of the combination the acts that fulfil it, by their place in [`super::acts::ACTS`].
    pub(super) parts: &'static [&'static [usize]],
}

const TALK: &[usize] = &[act("network"), act("socket")];
const RUN: &[usize] = &[act("spawn"), act("eval")];
const SHADY: &[usize] = &[
    act("to-address"),
    act("to-chat-hook"),
    act("to-chat-files"),
    act("to-paste"),
    act("to-file-drop"),
    act("to-callback"),
    act("to-tunnel"),
    act("to-shortener"),
    act("to-onion"),
];

/// Every combination.
pub(super) const TOGETHER: &[Together] = &[
    Together { name: "talk+spawn", words: "talks to a host and starts a process", parts: &[TALK, &[act("spawn")]] },
    Together { name: "talk+eval", words: "talks to a host and runs text as code", parts: &[TALK, &[act("eval")]] },
    Together { name: "talk+write", words: "talks to a host and writes a file", parts: &[TALK, &[act("write")]] },
    Together { name: "talk+write+run", words: "talks to a host, writes a file and runs something", parts: &[TALK, &[act("write")], RUN] },
    Together { name: "talk+host-facts", words: "asks who the machine is and talks to a host", parts: &[TALK, &[act("host-facts")]] },
    Together {
        name: "talk+environment",
        words: "reads the environment and talks to a host",
        parts: &[TALK, &[act("environment"), act("environment-secret")]],
    },
    Together {
        name: "talk+secrets",
        words: "touches saved secrets and talks to a host",
        parts: &[TALK, &[act("read-secrets"), act("unprotect"), act("spy"), act("clipboard")]],
    },
    Together {
        name: "talk+start-up",
        words: "makes something start by itself and talks to a host",
        parts: &[TALK, &[act("write-start-up")]],
    },
    Together { name: "decode+run", words: "undoes an encoding and runs something", parts: &[&[act("decode"), act("hidden-act")], RUN] },
    Together { name: "decode+talk", words: "undoes an encoding and talks to a host", parts: &[&[act("decode"), act("hidden-act")], TALK] },
    Together { name: "write+spawn", words: "writes a file and starts a process", parts: &[&[act("write")], &[act("spawn")]] },
    Together { name: "shady", words: "reaches a place that serves or collects for anybody", parts: &[SHADY] },
    Together { name: "shady+run", words: "reaches a place that serves anybody and runs something", parts: &[SHADY, RUN] },
    Together {
        name: "shady+host-facts",
        words: "asks who the machine is and reaches a place that collects for anybody",
        parts: &[SHADY, &[act("host-facts"), act("environment"), act("to-echo")]],
    },
    Together { name: "fetch-runnable+run", words: "fetches a program and runs something", parts: &[&[act("fetch-runnable")], RUN] },
    Together { name: "delete+run", words: "runs something and deletes a file", parts: &[RUN, &[act("delete")]] },
];

/// Acts that honest code seldom does on its own account; how many of them meet in one file is a feature.
pub(super) const TELLING: &[usize] = &[
    act("spawn"),
    act("eval"),
    act("eval-decoded"),
    act("eval-fetched"),
    act("decode"),
    act("hidden-act"),
    act("network"),
    act("socket"),
    act("send-environment"),
    act("send-host"),
    act("send-output"),
    act("to-foreign"),
    act("write-fetched"),
    act("write-decoded"),
    act("write-runnable"),
    act("write-start-up"),
    act("read-secrets"),
    act("unprotect"),
    act("spy"),
    act("clipboard"),
    act("host-facts"),
    act("environment"),
    act("native-memory"),
    act("spawn-shell"),
    act("to-echo"),
    act("delete-self"),
];
