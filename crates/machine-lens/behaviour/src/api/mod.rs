//! The interfaces through which code touches the world, by their resolved names, one table a language.
//!
//! A name is written as the tracer resolves it: `module.member`, with `()` after a call whose result has members of
//! its own (`socket.socket().connect`). Tables say what a call *does*; what it does with *which data* is the tracer's.

mod golang;
mod javascript;
mod jvm;
mod python;
mod rust;

use crate::facts::{Language, Taint};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Base64,
    Base32,
    Base85,
    Hex,
    Zlib,
    Gzip,
    Bzip2,
    Lzma,
    Rot13,
    Percent,
    Marshal,
    /// `Buffer.from(x, encoding)`: the encoding is the second argument.
    Buffer,
    /// `codecs.decode(x, encoding)`.
    Named,
}

/// What calling an interface does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// Starts a process; the first argument is a command line or a program, the second may be a list.
    Spawn,
    /// Starts a script of the package with the language's own interpreter (`child_process.fork`).
    Fork,
    /// Collects arguments for a process (`Command::arg`): spawns with what its receiver holds.
    SpawnBuilder,
    /// Runs its first argument as code.
    Eval,
    /// Runs its last text argument as code (`Function("a", "return a")`).
    EvalLast,
    /// Makes code of generated text; runs nothing by itself.
    Compile,
    /// Loads a module by name.
    Import,
    /// `getattr(object, name)`.
    Getattr,
    /// `globals()`, `vars(x)`, `x.__dict__`: names by text.
    Namespace,
    /// Talks to the host in its arguments.
    Network,
    /// Downloads its first argument into the file of its second.
    Download,
    /// A client or session: its members talk.
    Client,
    /// A raw socket.
    Socket,
    /// Asks a name server for the name in its arguments.
    Dns,
    /// Asks whether somebody watches.
    Probe,
    /// Opens a tunnel into this machine.
    Tunnel,
    /// Encrypts its argument.
    Encrypt,
    /// Makes objects of bytes that may run code.
    Deserialise,
    /// Declares a package and what it needs.
    Declare,
    /// Listens to what a person does on a page.
    Listen,
    /// Compares its first two arguments.
    Compare,
    /// Opens a file: text `mode` decides.
    Open,
    /// A writer on the file of its first argument.
    Writer,
    /// A path object: members read and write it.
    Path,
    /// Reads the file of its first argument.
    Read,
    /// Reads the file that its receiver holds.
    ReadSelf,
    /// Reads the file of its first argument into its receiver.
    ReadInto,
    /// Writes its second argument into the file of its first.
    Write,
    /// Writes its first argument into the file that its receiver holds.
    WriteSelf,
    /// Copies or moves the first path to the second.
    Copy,
    /// Deletes the file of its first argument.
    Delete,
    /// Deletes the file that its receiver holds.
    DeleteSelf,
    /// Deletes a tree.
    DeleteTree,
    /// One environment variable, named by the first argument.
    Env,
    /// The whole environment.
    EnvAll,
    /// Who and where we are.
    Host,
    ClipboardRead,
    ClipboardWrite,
    Keylog,
    Capture,
    Redirect,
    Unprotect,
    NativeMemory,
    Chmod,
    Persist,
    Digest,
    Decode(Codec),
    /// Decrypts: what comes out cannot be known.
    Cipher,
    /// Joins paths.
    Join,
    /// `Path.home()`, `expanduser`.
    Home,
    Temp,
    /// Gives its first argument back.
    Identity,
    /// Serialises: everything in the arguments is in the result.
    Serialise,
    /// Text from character codes.
    FromCodes,
    /// A character's code.
    Code,
    /// Number from text.
    Number,
    /// Loads native code.
    NativeLoad,
    /// Nothing of interest; the result carries this.
    Gives(Taint),
    /// A value, not a call: reading it carries this.
    Value(Taint),
    /// Length, type tests, logging: the result carries nothing.
    Nothing,
}

impl Effect {
    /// Whether it can write down a fact, or lead to what can.
    fn acts(self) -> bool {
        !matches!(
            self,
            Effect::Getattr
                | Effect::Compile
                | Effect::Env
                | Effect::Decode(_)
                | Effect::Cipher
                | Effect::Join
                | Effect::Home
                | Effect::Temp
                | Effect::Identity
                | Effect::Serialise
                | Effect::FromCodes
                | Effect::Code
                | Effect::Number
                | Effect::Gives(_)
                | Effect::Value(_)
                | Effect::Nothing
                | Effect::Compare
                | Effect::Listen
        )
    }
}

/// The module of a path: up to the first point or bracket behind the last slash.
fn module_of(path: &str) -> &str {
    let name = path.rfind('/').map_or(0, |at| at + 1);
    let end = path[name..].find(['.', '(']).map_or(path.len(), |at| name + at);
    &path[..end]
}

/// One language's interfaces.
pub(crate) struct Table {
    effects: HashMap<&'static str, Effect>,
    prefixes: HashSet<&'static str>,
    /// Modules in which something acts.
    acting: HashSet<&'static str>,
}

impl Table {
    fn build(lists: &[&[(&'static str, Effect)]]) -> Table {
        let mut effects = HashMap::new();
        let (mut prefixes, mut acting) = (HashSet::new(), HashSet::new());
        for &(path, effect) in lists.iter().copied().flatten() {
            effects.insert(path, effect);
            if effect.acts() {
                acting.insert(module_of(path));
            }
            prefixes.insert(path);
            for (at, byte) in path.bytes().enumerate() {
                if byte == b'.' {
                    let head = &path[..at];
                    prefixes.insert(head);
                    let mut bare = head;
                    while let Some(shorter) = bare.strip_suffix("()") {
                        prefixes.insert(shorter);
                        bare = shorter;
                    }
                }
            }
        }
        Table { effects, prefixes, acting }
    }

    /// Whether a path of an interface can lead to one that does more than compute. Paths of no table count as acting.
    pub(crate) fn acts_below(&self, path: &str) -> bool {
        let module = module_of(path);
        self.acting.contains(module) || !self.prefixes.contains(module)
    }

    /// Whether a module of the table does more than compute.
    pub(crate) fn acts(&self, module: &str) -> bool {
        self.acting.contains(module)
    }

    /// What calling or reading `path` does.
    pub(crate) fn effect(&self, path: &str) -> Option<Effect> {
        self.effects.get(path).copied()
    }

    /// Whether `path` is an interface or leads to one.
    pub(crate) fn leads_somewhere(&self, path: &str) -> bool {
        self.prefixes.contains(path)
    }
}

static JAVASCRIPT: LazyLock<Table> =
    LazyLock::new(|| Table::build(&[javascript::PROCESS, javascript::FILES, javascript::NETWORK, javascript::LANGUAGE]));
static PYTHON: LazyLock<Table> =
    LazyLock::new(|| Table::build(&[python::PROCESS, python::FILES, python::NETWORK, python::LANGUAGE, python::SPYING]));
static RUST: LazyLock<Table> = LazyLock::new(|| Table::build(&[rust::TABLE]));
static GO: LazyLock<Table> = LazyLock::new(|| Table::build(&[golang::TABLE]));
static JVM: LazyLock<Table> = LazyLock::new(|| Table::build(&[jvm::TABLE]));

/// The table of a language. Shell has none: its words are read by its own parser.
pub(crate) fn table(language: Language) -> &'static Table {
    match language {
        Language::JavaScript => &JAVASCRIPT,
        Language::Python => &PYTHON,
        Language::Rust => &RUST,
        Language::Go => &GO,
        Language::Jvm | Language::Shell => &JVM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_interface_is_listed_twice_with_two_meanings() {
        for lists in [
            vec![javascript::PROCESS, javascript::FILES, javascript::NETWORK, javascript::LANGUAGE],
            vec![python::PROCESS, python::FILES, python::NETWORK, python::LANGUAGE, python::SPYING],
            vec![rust::TABLE],
            vec![golang::TABLE],
            vec![jvm::TABLE],
        ] {
            let mut seen = HashMap::new();
            for &(path, effect) in lists.into_iter().flatten() {
                assert!(seen.insert(path, effect).is_none(), "{path} is listed twice");
            }
        }
    }

    #[test]
    fn a_path_leads_through_calls_to_its_members() {
        let python = table(Language::Python);
        assert!(python.leads_somewhere("socket"));
        assert!(python.leads_somewhere("socket.socket"));
        assert!(python.leads_somewhere("socket.socket()"));
        assert!(!python.leads_somewhere("collections"));
    }
}
