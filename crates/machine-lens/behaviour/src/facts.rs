//! What an artifact's code does, in words that no longer depend on its language.
//!
//! Parsers and the tracer fill these; detectors read nothing else. Every fact says *when* it happens
//! ([`Trigger`]), *what* happens ([`Capability`]), *which data* flows in ([`Taint`]) and *where* it goes
//! ([`Destination`]). Text in facts is hostile.

use crate::place::{Destination, PathKind};
use bifocal_core::{Ecosystem, Evidence, ManifestClaims};

/// When code runs. Ordered from "nobody asked for it" to "someone calls it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// npm lifecycle script of an installed dependency, or the implicit native build.
    InstallHook,
    /// Top level of `setup.py`, and the commands it registers.
    SetupScript,
    /// A build backend or build hook that the package ships and pip calls.
    BuildBackend,
    /// cargo's `build.rs`.
    BuildScript,
    /// Code of a procedural macro or annotation processor: runs inside the compiler.
    CompilerPlugin,
    /// A `.pth` line, `sitecustomize`: runs whenever the interpreter starts.
    InterpreterStart,
    /// Top level of a module that importing the package runs; Go `init`, package variables, constructors.
    Import,
    /// Static initialiser of a JVM class.
    StaticInit,
    /// Top level of a module that nothing in the package imports.
    LooseModule,
    /// A command (`bin`, console script, `__main__`): runs when a person starts it.
    Command,
    /// A function that a caller must call.
    Function,
    /// Tests, documentation, examples.
    Test,
}

impl Trigger {
    /// Runs while the package is installed or built.
    pub fn at_install(self) -> bool {
        self <= Trigger::CompilerPlugin
    }

    /// Runs without any call by the user's own code other than an import.
    pub fn is_automatic(self) -> bool {
        self <= Trigger::StaticInit
    }

    /// Runs when its module is loaded, whether or not the package itself loads that module.
    pub fn on_load(self) -> bool {
        self <= Trigger::LooseModule
    }

    /// How a person would say it.
    pub fn phrase(self) -> &'static str {
        match self {
            Trigger::InstallHook => "in an install script",
            Trigger::SetupScript => "in setup.py",
            Trigger::BuildBackend => "in a build hook",
            Trigger::BuildScript => "in a build script",
            Trigger::CompilerPlugin => "inside the compiler",
            Trigger::InterpreterStart => "at interpreter start",
            Trigger::Import => "at import",
            Trigger::StaticInit => "in a static initialiser",
            Trigger::LooseModule => "at module load",
            Trigger::Command => "in a command",
            Trigger::Function => "in a function",
            Trigger::Test => "in test code",
        }
    }
}

/// What a call does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Starts a process or a shell.
    Spawn,
    /// Runs text or bytes as code in this process.
    Eval,
    /// Talks to a host; data may go out with it and comes back.
    Network,
    /// A raw socket, connected or listening.
    Socket,
    /// Asks a name server; the name that is asked for goes out.
    Dns,
    /// Reads a file.
    FileRead,
    /// Writes a file.
    FileWrite,
    /// Deletes one file.
    Delete,
    /// Deletes a tree.
    DeleteTree,
    /// Reads one environment variable.
    EnvironmentRead,
    /// Reads the whole environment.
    EnvironmentBulk,
    /// Reads host name, user name, network addresses, hardware.
    HostInfo,
    /// Reads the clipboard.
    ClipboardRead,
    /// Writes the clipboard.
    ClipboardWrite,
    /// Listens to the keyboard.
    Keylog,
    /// Takes a picture of the screen or the camera.
    Capture,
    /// Redirects file descriptors (`dup2`), as a shell over a socket needs.
    Redirect,
    /// Decrypts data that the system protects for the user (DPAPI, keychain).
    Unprotect,
    /// Maps or runs machine code in memory.
    NativeMemory,
    /// Undoes an encoding.
    Decode,
    /// Changes a file's mode.
    Chmod,
    /// Registers the program to run later (registry, scheduler, login items) through an API.
    Persist,
    /// Computes or checks a digest.
    Digest,
    /// Asks whether it is watched: debuggers, virtual machines, lists of processes.
    Probe,
    /// Opens a tunnel through which the machine is reached from outside.
    Tunnel,
    /// Encrypts data.
    Encrypt,
    /// Makes objects of bytes in a way that lets the bytes run code (`pickle`, `marshal`).
    Deserialise,
    /// Declares what is to be installed with the package, in code (`setup(install_requires=…)`).
    Declare,
}

/// What a value carries, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Taint(pub(crate) u64);

impl Taint {
    /// Nothing known.
    pub const NONE: Taint = Taint(0);
    /// Came from the network.
    pub const NETWORK: Taint = Taint(1);
    /// Came out of a decoder or a cipher.
    pub const DECODED: Taint = Taint(1 << 1);
    /// The whole environment.
    pub const ENVIRONMENT: Taint = Taint(1 << 2);
    /// Host name, user name, addresses.
    pub const HOST: Taint = Taint(1 << 3);
    /// Keys and tokens from files (ssh, cloud, package managers).
    pub const SECRET_FILE: Taint = Taint(1 << 4);
    /// A browser's saved passwords, cookies, chat tokens.
    pub const BROWSER: Taint = Taint(1 << 5);
    /// A wallet's files.
    pub const WALLET: Taint = Taint(1 << 6);
    /// The clipboard.
    pub const CLIPBOARD: Taint = Taint(1 << 7);
    /// Content of some file.
    pub const FILE: Taint = Taint(1 << 8);
    /// The path of a file into which downloaded or decoded bytes were written.
    pub const DROPPED: Taint = Taint(1 << 9);
    /// An environment variable whose name says it is a secret.
    pub const SECRET_ENV: Taint = Taint(1 << 10);
    /// The program's own path.
    pub const SELF_PATH: Taint = Taint(1 << 11);
    /// A raw socket or what was read from it.
    pub const SOCKET: Taint = Taint(1 << 12);
    /// The user's home folder.
    pub const HOME: Taint = Taint(1 << 13);
    /// Arguments and standard input of a command: the user's own wish.
    pub const INPUT: Taint = Taint(1 << 14);
    /// Keystrokes, screenshots, camera.
    pub const SPIED: Taint = Taint(1 << 15);
    /// Output of a process.
    pub const PROCESS: Taint = Taint(1 << 16);
    /// Embedded in the package as text or bytes that hold an executable.
    pub const EXECUTABLE: Taint = Taint(1 << 17);
    /// Code built from a template or by generation (`compile`, `ast`, `getsource`): not foreign code.
    pub const GENERATED: Taint = Taint(1 << 18);
    /// Decoded with a key at run time (cipher), so the content cannot be peeled.
    pub const CIPHER: Taint = Taint(1 << 19);
    /// A single environment variable.
    pub const ENV_ONE: Taint = Taint(1 << 20);
    /// The temporary folder.
    pub const TEMP: Taint = Taint(1 << 21);
    /// Whether this is a build server.
    pub const CI: Taint = Taint(1 << 22);
    /// The country, language or time zone of the machine.
    pub const REGION: Taint = Taint(1 << 23);
    /// The clock.
    pub const CLOCK: Taint = Taint(1 << 24);
    /// A test of host or user name: not the name itself, only what it was compared to.
    pub const WHO: Taint = Taint(1 << 25);
    /// What a cloud's metadata service answered: keys of the machine's role.
    pub const CLOUD: Taint = Taint(1 << 26);
    /// Tokens of a chat client.
    pub const CHAT: Taint = Taint(1 << 27);
    /// Pixels or samples of a picture or a sound: a carrier, not code.
    pub const CARRIER: Taint = Taint(1 << 28);
    /// Tokens with which packages are published.
    pub const PUBLISH: Taint = Taint(1 << 29);
    /// Keystrokes.
    pub const KEYS: Taint = Taint(1 << 30);
    /// Whether somebody watches: a debugger, a virtual machine, an analyst's tools.
    pub const WATCHED: Taint = Taint(1 << 31);
    /// Encrypted here.
    pub const ENCRYPTED: Taint = Taint(1 << 32);
    /// Typed into a form of a page.
    pub const FORM: Taint = Taint(1 << 33);

    /// Both sets together.
    pub const fn with(self, other: Taint) -> Taint {
        Taint(self.0 | other.0)
    }

    /// This set without those of `other`.
    pub const fn without(self, other: Taint) -> Taint {
        Taint(self.0 & !other.0)
    }

    /// Whether any of `other` is in it.
    pub const fn has(self, other: Taint) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is in it.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Those of both sets.
    pub const fn only(self, other: Taint) -> Taint {
        Taint(self.0 & other.0)
    }

    /// Data that somebody could want to steal.
    pub const SENSITIVE: Taint = Taint::SECRET_FILE
        .with(Taint::BROWSER)
        .with(Taint::CHAT)
        .with(Taint::WALLET)
        .with(Taint::SECRET_ENV)
        .with(Taint::SPIED)
        .with(Taint::CLOUD);

    /// What a condition may depend on so that code runs for some and not for others.
    pub const GATES: Taint = Taint::CI.with(Taint::REGION).with(Taint::CLOCK).with(Taint::WHO).with(Taint::HOST).with(Taint::WATCHED);
}

/// One call (or shell command) that touches the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// What it does.
    pub capability: Capability,
    /// The interface used, by its resolved name: `child_process.exec`, `os.system`, `sh:curl`.
    pub api: String,
    /// When it runs.
    pub trigger: Trigger,
    /// What its arguments carry.
    pub taint: Taint,
    /// What the conditions around it depend on, of [`Taint::GATES`].
    pub gate: Taint,
    /// Its arguments after folding, one text each; parts that are not known are `…`.
    pub args: Vec<String>,
    /// Hosts named in the arguments.
    pub destinations: Vec<Destination>,
    /// What kind of path the arguments name.
    pub path: Option<PathKind>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The code at that place.
    pub snippet: String,
    /// Decoding layers peeled to get there, outermost first.
    pub chain: Vec<String>,
    /// Line in the text that the layers hid, from 1; 0 where there are none.
    pub inner_line: u32,
    /// Which function of the file it stands in; 0 is the top level.
    pub scope: u32,
    /// Found by words because the file could not be parsed: never enough to hold alone.
    pub lexical: bool,
}

impl Fact {
    /// All arguments, separated by spaces.
    pub fn text(&self) -> String {
        self.args.join(" ")
    }

    /// Whether an argument contains `word`.
    pub fn mentions(&self, word: &str) -> bool {
        self.args.iter().any(|arg| arg.contains(word))
    }

    /// Whether one of the hosts satisfies `test`.
    pub fn goes_to(&self, test: impl Fn(&Destination) -> bool) -> bool {
        self.destinations.iter().any(test)
    }

    /// Whether decoding was needed to see it.
    pub fn was_hidden(&self) -> bool {
        use crate::peel::{FILE, HTML, LITERAL, SHELL, WRITTEN};
        self.chain.iter().any(|layer| ![SHELL, WRITTEN, LITERAL, FILE, HTML].contains(&layer.as_str()))
    }
}

/// The languages that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// JavaScript and TypeScript.
    JavaScript,
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// Go.
    Go,
    /// Java class files.
    Jvm,
    /// Shell, batch, PowerShell.
    Shell,
}

/// A character that shows a reader other code than the compiler sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenText {
    /// `bidi`, `invisible`, `confusable`, `encoding`.
    pub what: &'static str,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The line's text.
    pub snippet: String,
    /// How many in this file.
    pub count: u32,
}

/// What is odd about a file as text, whatever it does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// Bytes.
    pub bytes: usize,
    /// Longest line in bytes.
    pub longest_line: usize,
    /// The first line of a small file with anything on it: its number and its text.
    pub first_line: Option<(u32, String)>,
    /// Names such as `_0x3fa2b1` (a known obfuscator's), counted.
    pub hex_names: u32,
    /// Names made of look-alike letters only (`lIlIIl`, `O0OO0O`), counted.
    pub lookalike_names: u32,
    /// The first of these names, where there are several: its line and column, and its line from there on.
    pub odd_name: Option<(u32, u32, String)>,
    /// Strings in the file that look encoded (long base64 or hex), total bytes.
    pub encoded_bytes: usize,
    /// Code that sits behind hundreds of blanks in its line, so that editors do not show it: line.
    pub pushed_right: Option<u32>,
    /// Different places where browsers, chat clients and wallets keep secrets that the text names.
    pub theft_words: u32,
    /// A chat service's hook or bot address with its token written out: line.
    pub embedded_hook: Option<u32>,
    /// A pattern that matches wallet addresses: line.
    pub wallet_pattern: Option<u32>,
    /// Different forms of wallet address that patterns in the text match.
    pub wallet_forms: u32,
    /// The text replaces the browser's own request or wallet functions.
    pub hooks_requests: bool,
    /// The text puts something in the place of the page's own request function.
    pub replaces_fetch: bool,
    /// Different forms of access token that patterns in the text match.
    pub token_patterns: u32,
    /// Names of virtual machines and of analysts' tools in the text.
    pub watcher_words: u32,
    /// C code in a comment for cgo that runs before `main` and starts something: line.
    pub native_constructor: Option<u32>,
}

/// One source file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileFacts {
    /// Path in the archive.
    pub path: String,
    /// Language.
    pub language: Language,
    /// When its top level runs.
    pub trigger: Trigger,
    /// What it does, in order of place.
    pub facts: Vec<Fact>,
    /// Hidden text.
    pub hidden: Vec<HiddenText>,
    /// Its shape as text.
    pub shape: Shape,
    /// Why it was not parsed, if it was not.
    pub unparsed: Option<&'static str>,
    /// Fraction of nodes that the tracer had no budget for: true when some were left.
    pub cut_short: bool,
}

/// Something that the manifest wants installed with the package, from elsewhere than the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The manifest.
    pub manifest: String,
    /// Line in it, from 1; 0 when it is not known.
    pub line: u32,
    /// The name under which it is used.
    pub name: String,
    /// What is asked for, as written.
    pub wanted: String,
}

/// A file that is not source, as far as detectors need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherFile {
    /// Path in the archive.
    pub path: String,
    /// Bytes.
    pub bytes: usize,
    /// Starts as a program of some system does (ELF, PE, Mach-O).
    pub executable: bool,
}

/// A shipped program that a shell command starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedProgram {
    /// Its path in the archive.
    pub program: String,
    /// When the command runs.
    pub trigger: Trigger,
    /// The manifest or script with the command.
    pub by: String,
    /// Line in it, from 1; 0 when it is not known.
    pub line: u32,
    /// The command.
    pub command: String,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageFacts {
    /// The ecosystem it was read as.
    pub ecosystem: Option<Ecosystem>,
    /// What its manifest claims.
    pub manifest: ManifestClaims,
    /// Hosts and repositories that the manifest calls its own.
    pub own_places: Vec<String>,
    /// What the manifest wants installed with it, by name.
    pub dependencies: Vec<Dependency>,
    /// Source files, by path.
    pub files: Vec<FileFacts>,
    /// Other files, by path.
    pub others: Vec<OtherFile>,
    /// Programs among them that a command starts.
    pub started: Vec<StartedProgram>,
    /// Bytes of source text.
    pub source_bytes: usize,
}

impl PackageFacts {
    /// Every fact with its file.
    pub fn all(&self) -> impl Iterator<Item = (&FileFacts, &Fact)> {
        self.files.iter().flat_map(|file| file.facts.iter().map(move |fact| (file, fact)))
    }

    /// Whether `destination` is a place that the package's own manifest names.
    pub fn is_own(&self, destination: &Destination) -> bool {
        self.own_places.iter().any(|own| destination.is_within(own))
    }

    /// Little code: less than 30 KB in at most 20 source files.
    pub fn is_small(&self) -> bool {
        self.files.len() <= 20 && self.source_bytes < 30_000
    }
}

impl FileFacts {
    /// The evidence of a fact of this file.
    pub fn evidence(&self, fact: &Fact) -> Evidence {
        match Evidence::file(&self.path, fact.line, fact.column, &fact.snippet) {
            Evidence::File { path, line, column, snippet, .. } => {
                let mut chain = fact.chain.clone();
                if fact.inner_line > 0 && !chain.is_empty() {
                    chain.push(format!("line {}", fact.inner_line));
                }
                Evidence::File { path, line, column, snippet, chain }
            }
            other => other,
        }
    }
}
