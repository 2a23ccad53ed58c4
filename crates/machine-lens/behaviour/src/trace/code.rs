//! Code that comes out of values: spawned commands, evaluated texts, decoded layers.

use super::call::Site;
use super::method::Args;
use super::value::{Data, HOLE, Value};
use super::{RawFact, Tracer, expr};
use crate::api::{Codec, Effect};
use crate::facts::{Capability, Language, Taint};
use crate::parse;
use crate::peel::{self, layer_name};
use std::rc::Rc;

impl<'m> Tracer<'m, '_> {
    pub(super) fn spawn(&mut self, effect: Effect, path: &Rc<str>, callee: &Value, args: &Args, site: Site) -> Value {
        let mut command = command_line(effect, callee, args);
        let mut taint = args.taint().with(if effect == Effect::SpawnBuilder { callee.taint } else { Taint::NONE });
        // What is merely handed to `tar` or `install_name_tool` is not run.
        match self.what_runs(&command) {
            Some(dropped) => taint = taint.with(dropped),
            None => taint = taint.without(Taint::NETWORK.with(Taint::DROPPED).with(Taint::SOCKET).with(Taint::EXECUTABLE)),
        }
        if feeds_interpreter(args) {
            taint = taint.with(args.named("input").map_or(Taint::NONE, |value| value.taint.only(Taint::NETWORK.with(Taint::SOCKET))));
        }
        if hands_over_only(args) {
            taint = taint.without(Taint::NETWORK.with(Taint::DROPPED).with(Taint::SOCKET).with(Taint::EXECUTABLE));
        }
        // The environment handed to a child is no secret on its way out.
        if args.values().skip(1).any(|value| value.taint.has(Taint::ENVIRONMENT))
            && !args.get(0).is_some_and(|value| value.taint.has(Taint::ENVIRONMENT))
        {
            taint = taint.without(Taint::ENVIRONMENT);
        }
        if effect == Effect::Fork {
            command = format!("node {command}");
        }
        let chain: Vec<&'static str> = args.values().find_map(|value| value.chain.as_deref().map(<[_]>::to_vec)).unwrap_or_default();
        let mut shown = vec![command.clone()];
        if is_detached(args) {
            shown.push("detached".to_owned());
        }
        self.note_chain(Capability::Spawn, path, taint, shown, chain.clone(), site);
        let carrier = Value { chain: Some(Rc::from(chain)), ..Value::unknown(taint) };
        self.read_command(&command, &carrier, site);
        self.hand_to_functions(args, Taint::PROCESS, site.scope);
        let label: Rc<str> = Rc::from(command);
        if effect == Effect::SpawnBuilder {
            if let Some(about) = callee.about
                && let Some(place) = self.place_of(about, site.scope)
                && let Some(value) = self.env.get_mut(&(place, about))
            {
                value.label = Some(label.clone());
                value.taint = value.taint.with(taint);
            }
            let object = path.rsplit_once('.').map_or(&**path, |(object, _)| object);
            return Value { data: Data::Api(Rc::from(object)), label: Some(label), about: callee.about, ..Value::unknown(taint) };
        }
        Value {
            label: Some(label),
            ..Value::unknown(Taint::PROCESS.with(host_output(&args.get(0).map(|v| v.render(64)).unwrap_or_default())))
        }
    }

    /// Whether an unknown or a dropped file stands where a program or an interpreter's script does, and what it carries.
    fn what_runs(&self, command: &str) -> Option<Taint> {
        let mut found = None;
        for segment in command.split(['|', ';', '&', '\n']).take(64) {
            let mut words = segment.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', ')']));
            let Some(program) = words.find(|word| !is_wrapper(word)) else { continue };
            let candidates: Vec<&str> = if is_interpreter(program) { words.chain([program]).collect() } else { vec![program] };
            for word in candidates {
                let dropped = self.names_dropped(word);
                if dropped.is_some() || word.contains(HOLE) {
                    found = Some(found.unwrap_or(Taint::NONE).with(dropped.unwrap_or(Taint::NONE)));
                }
            }
        }
        found
    }

    /// Reads a command line: its programs, its inline code, the scripts it starts.
    fn read_command(&mut self, command: &str, carrier: &Value, site: Site) {
        if site.at == u32::MAX || self.nesting >= peel::MAX_DEPTH || command.len() < 3 {
            return;
        }
        let reading = parse::shell::read(command, carrier.taint, self.budget);
        let outer: Vec<&'static str> = carrier.chain.as_deref().unwrap_or_default().to_vec();
        for fact in reading.facts {
            let mut chain = outer.clone();
            chain.push(peel::SHELL);
            chain.extend(fact.chain.iter().copied());
            chain.truncate(peel::MAX_LAYERS);
            let raw = RawFact {
                capability: fact.capability,
                api: fact.api,
                taint: fact.taint,
                args: fact.args,
                at: site.at,
                end: site.end,
                inner: Some(Rc::from(super::value::cut(command, 400))),
                chain,
                line: 0,
                scope: site.scope,
                dormant: self.guarded,
                gate: Taint::NONE,
            };
            self.record(raw);
        }
        for (language, code, layer) in reading.inline {
            let carrier = Value { taint: Taint::NONE, ..carrier.clone() }.chained(carrier, layer);
            self.read_virtual(&code, language, &carrier, Some(peel::SHELL), site);
        }
        for (script, by) in reading.scripts {
            if self.out.loads.len() < 20_000 {
                self.out.runs.insert((script.clone(), by));
                self.out.loads.insert((site.scope, script));
            }
        }
    }

    pub(super) fn eval_code(&mut self, effect: Effect, path: &Rc<str>, args: &Args, site: Site) -> Value {
        let code = if effect == Effect::EvalLast { args.plain.last() } else { args.get(0) };
        let mut code = code.cloned().unwrap_or_default();
        if self.language == Language::Jvm {
            // The bytes are not always the first argument, and a loader over addresses fetches them itself.
            code.taint = args.taint();
            let rendered = self.render_args(args);
            if path.contains("URLClassLoader") && rendered.iter().any(|text| text.contains("://") && !text.contains("file:")) {
                code.taint = code.taint.with(Taint::NETWORK);
                self.note(Capability::Network, path, Taint::NONE, rendered.clone(), site);
            }
            self.note_chain(Capability::Eval, path, code.taint, rendered, args.chain().as_deref().unwrap_or_default().to_vec(), site);
            return Value::unknown(code.taint);
        }
        let text = code.as_text().or_else(|| code.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Rc::from));
        if let Some(text) = &text {
            let trimmed = text.trim().trim_end_matches(';');
            if matches!(trimmed, "return this" | "this") {
                return Value { data: Data::Namespace, ..Value::default() };
            }
            if trimmed == "require" && self.language == Language::JavaScript {
                return Value::api("require");
            }
        }
        let chain: Vec<&'static str> = code.chain.as_deref().unwrap_or_default().to_vec();
        if let Some(text) = &text
            && !chain.is_empty()
            && self.language == Language::Python
            && parse::is_python_data(text)
        {
            // A table that was packed as text: nothing of it acts.
            return self.read_virtual(text, self.language, &code, None, site);
        }
        // Only the code counts; `exec(code, globals())` hands over a namespace that is no payload.
        self.note_chain(Capability::Eval, path, code.taint, vec![code.render(300)], chain, site);
        if let Data::Code(bytes) = &code.data {
            let bytes = bytes.clone();
            return self.read_code_object(&bytes, &code, site);
        }
        let Some(text) = text else {
            self.read_appended(&code, site);
            return Value::unknown(code.taint);
        };
        let layer = if code.chain.is_some() { None } else { Some(peel::LITERAL) };
        self.read_virtual(&text, self.language, &code, layer, site)
    }

    /// Reads `text` as source of its own; its facts count as this place's. Gives the value of its last expression.
    pub(super) fn read_virtual(
        &mut self,
        text: &str,
        language: Language,
        carrier: &Value,
        layer: Option<&'static str>,
        site: Site,
    ) -> Value {
        if site.at == u32::MAX || self.nesting >= peel::MAX_DEPTH || text.len() < 2 || self.budget.steps < 1_000 {
            return Value::default();
        }
        let chain: Vec<&'static str> = Value::default().chained(carrier, layer).chain.as_deref().unwrap_or_default().to_vec();
        if language == Language::Shell {
            let carrier = Value { chain: Some(Rc::from(chain)), ..Value::unknown(Taint::NONE) };
            self.nesting += 1;
            self.read_command(text, &carrier, site);
            self.nesting -= 1;
            return Value::default();
        }
        // What is read is paid for, or text in text in text would cost a parse each without end.
        self.charge(text.len() as u64 / 8);
        let outer = self.names_for_inner();
        let Some(outcome) = parse::trace_text(text, language, self.own_modules, self.nesting + 1, self.budget, outer) else {
            return Value::default();
        };
        self.absorb(outcome, Some(text), &chain, site)
    }

    /// Reads a code object that came out of `marshal`, as [`Tracer::read_virtual`] reads text.
    fn read_code_object(&mut self, bytes: &[u8], carrier: &Value, site: Site) -> Value {
        if site.at == u32::MAX || self.nesting >= peel::MAX_DEPTH || self.budget.steps < 1_000 {
            return Value::default();
        }
        self.charge(bytes.len() as u64);
        let Some(peel::pyc::Loaded::Code(module)) = peel::pyc::loads(bytes) else { return Value::default() };
        let outer = self.names_for_inner();
        let outcome = super::trace_within(&module, Language::Python, self.own_modules, self.nesting + 1, None, self.budget, outer);
        let chain: Vec<&'static str> = carrier.chain.as_deref().unwrap_or_default().to_vec();
        self.absorb(outcome, None, &chain, site)
    }

    /// Takes over what a virtual source does as done here. `text` is that source where there is one; else places in it
    /// are lines.
    fn absorb(&mut self, outcome: super::Outcome, text: Option<&str>, chain: &[&'static str], site: Site) -> Value {
        let last = match outcome.last.data {
            Data::Text(_) | Data::Bytes(_) | Data::Num(_) | Data::Api(_) => outcome.last.clone(),
            _ => Value::unknown(outcome.last.taint),
        };
        self.out.runs.extend(outcome.runs.iter().cloned());
        let (facts, loads, reads) = lift(outcome, text, chain);
        for fact in facts {
            let dormant = fact.dormant || self.guarded;
            self.record(RawFact { at: site.at, end: site.end, scope: site.scope, dormant, ..fact });
        }
        self.out.loads.extend(loads.into_iter().map(|load| (site.scope, load)));
        self.out.reads.extend(reads);
        last
    }

    /// The names that code evaluated here sees: interfaces and texts of the top level.
    fn names_for_inner(&self) -> std::collections::HashMap<Rc<str>, Value> {
        if self.env.len() > 4_000 {
            return std::collections::HashMap::new();
        }
        let mut names = self.outer.clone();
        for ((scope, name), value) in &self.env {
            if *scope == 0 && matches!(value.data, Data::Api(_) | Data::Text(_) | Data::Bytes(_) | Data::Num(_) | Data::List(_)) {
                names.insert(self.module.names.text(*name), Value { about: None, origin: None, ..value.clone() });
            }
        }
        names
    }

    pub(super) fn decode(&mut self, codec: Codec, callee: &Value, args: &Args) -> Value {
        let receiver_holds = args.plain.is_empty();
        let input = if receiver_holds { callee.clone() } else { args.get(0).cloned().unwrap_or_default() };
        let codec = match codec {
            Codec::Buffer => match args.get(1).and_then(Value::as_text).and_then(|name| peel::codec_named(&name)) {
                Some(codec) => codec,
                None => return buffer_of(&input),
            },
            Codec::Named => match args.get(1).and_then(Value::as_text).and_then(|name| peel::codec_named(&name)) {
                Some(codec) => codec,
                None => return Value::unknown(input.taint).chained(&input, None),
            },
            other => other,
        };
        let taint = if codec == Codec::Percent { input.taint } else { input.taint.with(Taint::DECODED) };
        let layer = Some(layer_name(codec));
        let decoded = input.as_bytes().map(<[u8]>::to_vec).and_then(|bytes| peel::decode(codec, &bytes, &mut self.budget.peel));
        let made = match decoded {
            Some(bytes) => match (self.language, codec) {
                (Language::JavaScript, Codec::Base64) if args.plain.len() < 2 => {
                    Value::text(bytes.iter().map(|&byte| byte as char).collect::<String>())
                }
                (Language::JavaScript | Language::Python, Codec::Percent) => Value::text(String::from_utf8_lossy(&bytes).into_owned()),
                (_, Codec::Rot13) => Value::text(String::from_utf8_lossy(&bytes).into_owned()),
                _ => Value::bytes(bytes),
            },
            None if codec == Codec::Marshal => input.as_bytes().map(unmarshalled).unwrap_or_default(),
            None => Value::default(),
        };
        made.tainted(taint).chained(&input, if codec == Codec::Percent { None } else { layer })
    }
}

/// What `marshal.loads` gives.
fn unmarshalled(bytes: &[u8]) -> Value {
    match peel::pyc::loads(bytes) {
        Some(peel::pyc::Loaded::Code(_)) => Value { data: Data::Code(Rc::from(bytes)), ..Value::default() },
        Some(peel::pyc::Loaded::Data(value)) => value,
        None => Value::default(),
    }
}

/// What a source inside another one does, in terms of layers: facts with their chain, line and code, the modules that
/// it loads, the files that it reads. Places and scopes are still its own.
pub(crate) fn lift(outcome: super::Outcome, text: Option<&str>, chain: &[&'static str]) -> (Vec<RawFact>, Vec<String>, Vec<Rc<str>>) {
    let reached = reached_scopes(&outcome);
    let breaks: Vec<u32> = text.map(|text| memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32).collect()).unwrap_or_default();
    let lifted = |fact: RawFact| {
        let mut layers = chain.to_vec();
        layers.extend(fact.chain.iter().copied());
        layers.truncate(peel::MAX_LAYERS);
        let line = match (fact.line, text) {
            (0, Some(_)) => breaks.partition_point(|at| *at < fact.at) as u32 + 1,
            (0, None) => fact.at,
            (line, _) => line,
        };
        let inner = match (&fact.inner, text) {
            (Some(inner), _) => inner.clone(),
            (None, Some(text)) => Rc::from(snippet(text, fact.at, fact.end)),
            (None, None) => Rc::from(super::value::cut(&format!("{}({})", fact.api, fact.args.join(", ")), 400)),
        };
        let dormant = fact.dormant || !reached.contains(&fact.scope);
        RawFact { inner: Some(inner), chain: layers, line, dormant, ..fact }
    };
    let facts = outcome.facts.into_iter().map(lifted).collect();
    (facts, outcome.loads.into_iter().map(|(_, load)| load).collect(), outcome.reads.into_iter().collect())
}

fn buffer_of(input: &Value) -> Value {
    let made = match &input.data {
        Data::List(_) => super::effect::bytes_of(input),
        _ => Value { data: input.data.clone(), ..Value::default() },
    };
    let chain = made.chain.clone().or_else(|| input.chain.clone());
    Value { chain, taint: made.taint.with(input.taint), label: input.label.clone(), ..made }
}

/// The scopes of a virtual source that run when it runs.
fn reached_scopes(outcome: &super::Outcome) -> std::collections::BTreeSet<u32> {
    let mut reached = std::collections::BTreeSet::from([0]);
    let mut open = vec![0];
    open.extend(outcome.starts.iter().copied());
    while let Some(scope) = open.pop() {
        reached.insert(scope);
        for &(_, to) in outcome.edges.range((scope, 0)..=(scope, u32::MAX)) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

/// The text of a place, on one line.
pub(crate) fn snippet(source: &str, at: u32, end: u32) -> String {
    let mut start = (at as usize).min(source.len());
    while start > 0 && !source.is_char_boundary(start) {
        start -= 1;
    }
    let mut stop = (end as usize).clamp(start, source.len()).min(start + 400);
    while stop > start && !source.is_char_boundary(stop) {
        stop -= 1;
    }
    source[start..stop].split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the output of a few commands tells.
fn host_output(command: &str) -> Taint {
    let program = command.split_whitespace().next().unwrap_or("");
    match program {
        "whoami" | "hostname" | "id" | "uname" | "ifconfig" | "ip" | "systeminfo" => Taint::HOST,
        "env" | "printenv" | "set" => Taint::ENVIRONMENT,
        _ => Taint::NONE,
    }
}

/// The command line of a spawn, as a shell would read it.
fn command_line(effect: Effect, callee: &Value, args: &Args) -> String {
    let mut words: Vec<String> = Vec::new();
    if effect == Effect::SpawnBuilder
        && let Some(label) = &callee.label
    {
        words.push(label.to_string());
    }
    let given: Vec<&Value> = args.plain.iter().chain(args.named("args")).collect();
    let alone = given.len() == 1 && effect == Effect::Spawn && !matches!(given[0].data, Data::List(_));
    for value in given.iter().take(64) {
        match &value.data {
            Data::List(_) => {
                for item in expr::items(value).unwrap_or_default().iter().take(256) {
                    words.push(quoted(&item.render(4096)));
                }
            }
            Data::Dict(_) | Data::Function(_) | Data::Num(_) => {}
            _ if alone => words.push(value.render(65_536)),
            _ => {
                let text = value.render(65_536);
                // `exec(command, options)` takes a line; the program of `spawn(program, list)` has no blanks.
                let is_line = words.is_empty() && effect == Effect::Spawn;
                if words.is_empty() || !text.chars().all(|c| c == HOLE) {
                    words.push(if is_line { text } else { quoted(&text) });
                }
            }
        }
    }
    words.join(" ")
}

/// Whether a program that came from nowhere in particular is handed its words in a list: what stands behind it, or
/// goes into it, is data (`[ffprobe, "-i", file]`). An interpreter runs what it is handed, and so does what is told to.
fn hands_over_only(args: &Args) -> bool {
    let (Some(first), second) = (args.get(0), args.get(1)) else { return false };
    let (program, words) = match (&first.data, second.map(|value| &value.data)) {
        (Data::List(items), _) => (items.first(), items.get(1..).unwrap_or_default()),
        (_, Some(Data::List(items))) => (Some(first), &items[..]),
        _ => return false,
    };
    let Some(program) = program else { return false };
    let text = program.render(512);
    let runs_words = |word: &Value| {
        let text = word.render(64).to_ascii_lowercase();
        (matches!(word.data, Data::Text(_) | Data::Partial(_)) && text.contains("://"))
            || matches!(&*text, "-c" | "-e" | "/c" | "/k" | "-x" | "--eval" | "-command" | "-file" | "exec" | "install")
    };
    let foreign = Taint::NETWORK.with(Taint::DROPPED).with(Taint::SOCKET).with(Taint::DECODED).with(Taint::EXECUTABLE).with(Taint::INPUT);
    !program.taint.has(foreign) && !is_interpreter(&text) && !is_wrapper(&text) && !words.iter().any(runs_words)
}

/// Whether an interpreter is started that reads what it runs from its input.
fn feeds_interpreter(args: &Args) -> bool {
    let program = match args.get(0).map(|value| (&value.data, value)) {
        Some((Data::List(items), _)) => items.first().map(|value| value.render(512)),
        Some((_, value)) => Some(value.render(512)),
        None => None,
    };
    args.named("input").is_some() && program.is_some_and(|program| program.split_whitespace().next().is_some_and(is_interpreter))
}

/// Whether the options ask for a process that goes on by itself, or that nobody sees.
fn is_detached(args: &Args) -> bool {
    let telling =
        |name: &str| matches!(name, "detached" | "windowsHide" | "creationflags" | "start_new_session" | "startupinfo" | "preexec_fn");
    args.named.iter().any(|(name, _)| telling(name))
        || args.plain.iter().any(|value| matches!(&value.data, Data::Dict(items) if items.iter().any(|(name, _)| &**name == "detached")))
}

fn quoted(word: &str) -> String {
    if !word.is_empty()
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '=' | '@' | '%' | '+' | ',' | HOLE))
    {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Words before a program that only say how to run it.
fn is_wrapper(word: &str) -> bool {
    word.is_empty()
        || word.contains('=')
        || (word.starts_with('/') && word.len() == 2)
        || matches!(word, "sudo" | "nohup" | "exec" | "start" | "call" | "cmd" | "cmd.exe" | "setsid" | "env" | "-")
}

fn is_interpreter(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program).trim_end_matches(".exe").to_ascii_lowercase();
    name.starts_with("python")
        || matches!(
            name.as_str(),
            "sh" | "bash"
                | "zsh"
                | "dash"
                | "node"
                | "perl"
                | "ruby"
                | "php"
                | "powershell"
                | "pwsh"
                | "wscript"
                | "cscript"
                | "mshta"
                | "rundll32"
                | "regsvr32"
                | "msiexec"
                | "java"
                | "open"
                | "explorer"
                | "osascript"
                | "pythonw"
                | "deno"
                | "bun"
        )
}
