//! What calling an interface does: facts written down, and what the result carries.

use super::call::Site;
use super::method::{Args, dict_view, through_unknown};
use super::value::{Data, HOLE, Value};
use super::{RawFact, Tracer, expr, fold, member};
use crate::api::Effect;
use crate::facts::{Capability, Language, Taint};
use std::borrow::Cow;
use std::rc::Rc;

impl<'m> Tracer<'m, '_> {
    pub(super) fn perform(&mut self, effect: Effect, path: &Rc<str>, callee: &Value, args: &Args, site: Site) -> Value {
        // JVM calls carry their object as an argument named `this`.
        let (mut object, mut rest) = (Cow::Borrowed(callee), Cow::Borrowed(args));
        let receiver = match args.named.iter().position(|(name, _)| self.language == Language::Jvm && &**name == "this") {
            Some(at) => {
                let (callee, (_, receiver)) = (object.to_mut(), rest.to_mut().named.remove(at));
                callee.taint = callee.taint.with(receiver.taint);
                callee.label = receiver.label.clone().or_else(|| match &receiver.data {
                    Data::Text(text) | Data::Partial(text) => Some(text.clone()),
                    _ => None,
                });
                callee.about = receiver.about;
                callee.origin = receiver.origin;
                Some(receiver)
            }
            None => None,
        };
        let (callee, args) = (&*object, &*rest);
        if let Some(value) = self.pure_call(path, callee, args) {
            return value;
        }
        match effect {
            Effect::Spawn | Effect::Fork | Effect::SpawnBuilder => self.spawn(effect, path, callee, args, site),
            Effect::Eval | Effect::EvalLast => self.eval_code(effect, path, args, site),
            Effect::Decode(codec) => self.decode(codec, callee, args),
            Effect::Cipher => self.decipher(path, callee, args),
            Effect::Open
            | Effect::Writer
            | Effect::Path
            | Effect::Read
            | Effect::ReadSelf
            | Effect::ReadInto
            | Effect::Write
            | Effect::WriteSelf
            | Effect::Copy
            | Effect::Delete
            | Effect::DeleteSelf
            | Effect::DeleteTree
            | Effect::Chmod => self.files(effect, path, callee, args, site),
            Effect::Network | Effect::Client | Effect::Socket | Effect::Download => self.network(effect, path, callee, args, site),
            Effect::Compile => args.get(0).cloned().unwrap_or_default(),
            Effect::Import => self.import_by_value(path, args, site),
            Effect::Getattr => {
                let object = args.get(0).cloned().unwrap_or_default();
                match args.get(1).and_then(Value::as_text) {
                    Some(name) => self.member(object, &name),
                    None => Value::unknown(object.taint.with(args.taint())),
                }
            }
            Effect::Namespace => match args.get(0) {
                Some(object) => object.clone(),
                None => Value { data: Data::Namespace, ..Value::default() },
            },
            Effect::Env => {
                let name = args.get(0).and_then(Value::as_text);
                name.map_or(Value::unknown(Taint::ENV_ONE), |name| member::one_variable(&name))
            }
            Effect::EnvAll => match args.get(0).and_then(Value::as_text) {
                Some(name) => member::one_variable(&name),
                None => {
                    self.note(Capability::EnvironmentBulk, path, Taint::NONE, Vec::new(), site);
                    Value::unknown(Taint::ENVIRONMENT)
                }
            },
            Effect::Host => {
                self.note(Capability::HostInfo, path, Taint::NONE, Vec::new(), site);
                Value::unknown(Taint::HOST)
            }
            Effect::ClipboardRead => self.spy(Capability::ClipboardRead, Taint::CLIPBOARD, path, args, site),
            Effect::ClipboardWrite => self.spy(Capability::ClipboardWrite, Taint::NONE, path, args, site),
            Effect::Keylog => self.spy(Capability::Keylog, Taint::SPIED.with(Taint::KEYS), path, args, site),
            Effect::Capture => self.spy(Capability::Capture, Taint::SPIED, path, args, site),
            Effect::Redirect => self.spy(Capability::Redirect, Taint::NONE, path, args, site),
            Effect::Unprotect => self.spy(Capability::Unprotect, Taint::BROWSER, path, args, site),
            Effect::Probe => self.spy(Capability::Probe, Taint::WATCHED, path, args, site),
            Effect::Tunnel => self.spy(Capability::Tunnel, Taint::NETWORK, path, args, site),
            Effect::Encrypt => {
                let taint = args.taint();
                self.note(Capability::Encrypt, path, taint, Vec::new(), site);
                Value::unknown(taint.with(callee.taint).with(Taint::ENCRYPTED))
            }
            Effect::Deserialise => {
                let taint = args.taint();
                if taint.has(Taint::NETWORK.with(Taint::SOCKET).with(Taint::FILE).with(Taint::DECODED)) {
                    self.note(Capability::Deserialise, path, taint, self.render_args(args), site);
                }
                self.decode(crate::api::Codec::Marshal, callee, args)
            }
            Effect::Declare => {
                let named = |name: &str| args.named(name).map(|value| format!("{name}={}", value.render(2048)));
                let wants: Vec<String> = ["install_requires", "setup_requires", "dependency_links", "tests_require"]
                    .iter()
                    .filter_map(|name| named(name))
                    .collect();
                if !wants.is_empty() {
                    self.note(Capability::Declare, path, Taint::NONE, wants, site);
                }
                self.register_commands(args);
                self.hand_to_functions(args, callee.taint, site.scope);
                Value::default()
            }
            Effect::Listen => {
                let event = args.get(0).map(|value| value.render(32)).unwrap_or_default();
                let gives = match event.as_str() {
                    "keydown" | "keyup" | "keypress" => Taint::FORM.with(Taint::KEYS),
                    "input" | "change" | "submit" | "blur" => Taint::FORM,
                    _ => Taint::NONE,
                };
                self.hand_to_functions(args, gives, site.scope);
                Value::default()
            }
            Effect::Compare => {
                if let (Some(left), Some(right)) = (args.get(0).cloned(), args.get(1).cloned()) {
                    self.compare(&left, &right);
                }
                self.hand_to_functions(args, callee.taint, site.scope);
                Value { chain: args.chain(), ..Value::unknown(through_unknown(args.taint())) }
            }
            Effect::Dns => self.ask_name(path, args, site),
            Effect::NativeMemory => self.spy(Capability::NativeMemory, Taint::NONE, path, args, site),
            Effect::Persist => self.spy(Capability::Persist, Taint::NONE, path, args, site),
            Effect::NativeLoad => {
                if args.taint().has(Taint::DROPPED.with(Taint::NETWORK)) || self.names_dropped(&self.render_args(args).join(" ")).is_some()
                {
                    self.note(Capability::Spawn, path, args.taint().with(Taint::DROPPED), self.render_args(args), site);
                }
                Value::default()
            }
            Effect::Digest => {
                self.note(Capability::Digest, path, args.taint(), Vec::new(), site);
                Value::default()
            }
            Effect::Join => self.join(callee, args),
            Effect::Home if path.contains("Path") => {
                Value { label: Some(Rc::from("~")), ..Value::api("pathlib.Path()").tainted(Taint::HOME) }
            }
            Effect::Home => Value { label: Some(Rc::from("~")), ..Value::text("~").tainted(Taint::HOME) },
            Effect::Temp => Value { label: Some(Rc::from("/tmp")), ..Value::partial(format!("/tmp/{HOLE}")).tainted(Taint::TEMP) },
            Effect::Identity => self.identity(path, callee, args, receiver, site.scope),
            Effect::Serialise => self.serialise(path, callee, args, receiver, site.scope),
            Effect::FromCodes => {
                let mut made = fold::from_codes(&args.plain);
                if self.language == Language::Python
                    && made.chain.as_deref() == Some(&[crate::peel::CODES])
                    && args.plain.iter().all(|arg| arg.is_known())
                    && args.taint().is_none()
                {
                    // One `chr(10)` hides nothing; many of them joined do, which the length shows.
                    made = made.chained(&Value::default(), None);
                }
                made
            }
            Effect::Code => match args.get(0).and_then(Value::as_text).and_then(|text| text.chars().next()) {
                Some(c) => Value::number(f64::from(u32::from(c))).tainted(args.taint()),
                None => Value::unknown(args.taint()),
            },
            Effect::Number => number(args),
            Effect::Gives(taint) => {
                self.hand_to_functions(args, taint, site.scope);
                Value { label: callee.label.clone(), ..Value::unknown(taint.with(callee.taint).with(args.taint())) }
            }
            Effect::Value(taint) => Value::unknown(taint),
            Effect::Nothing => {
                self.hand_to_functions(args, callee.taint, site.scope);
                Value { label: callee.label.clone(), about: callee.about, ..Value::default() }
            }
        }
    }

    /// Writes down a fact at `site`.
    pub(super) fn note(&mut self, capability: Capability, path: &Rc<str>, taint: Taint, args: Vec<String>, site: Site) {
        self.note_chain(capability, path, taint, args, Vec::new(), site);
    }

    pub(super) fn note_chain(
        &mut self,
        capability: Capability,
        path: &Rc<str>,
        taint: Taint,
        args: Vec<String>,
        chain: Vec<&'static str>,
        site: Site,
    ) {
        if site.at == u32::MAX {
            return;
        }
        let fact = RawFact {
            capability,
            api: path.clone(),
            taint,
            args,
            at: site.at,
            end: site.end,
            inner: None,
            chain,
            line: 0,
            scope: site.scope,
            dormant: self.guarded,
            gate: Taint::NONE,
        };
        self.record(fact);
    }

    pub(super) fn render_args(&self, args: &Args) -> Vec<String> {
        let mut out: Vec<String> = args.plain.iter().take(12).map(|value| value.render(2048)).collect();
        out.extend(args.named.iter().take(24).map(|(name, value)| format!("{name}={}", value.render(1024))));
        out
    }

    /// Remembers which classes `setup(cmdclass=…)` makes commands of.
    fn register_commands(&mut self, args: &Args) {
        const MOST: usize = 256;
        let Some(Value { data: Data::Dict(items), .. }) = args.named("cmdclass") else { return };
        for (command, value) in items.iter().take(MOST) {
            let class = match value.data {
                Data::Class(class) => Some(class),
                // Somebody else's command.
                Data::Api(_) => continue,
                _ => None,
            };
            let entry = (command.to_string(), class);
            if self.out.registered.len() < MOST && !self.out.registered.contains(&entry) {
                self.out.registered.push(entry);
            }
        }
    }

    fn spy(&mut self, capability: Capability, gives: Taint, path: &Rc<str>, args: &Args, site: Site) -> Value {
        let taint = args.taint();
        self.note(capability, path, taint, self.render_args(args), site);
        self.hand_to_functions(args, gives, site.scope);
        Value::unknown(gives.with(through_unknown(taint)))
    }

    fn import_by_value(&mut self, path: &Rc<str>, args: &Args, site: Site) -> Value {
        let Some(name) = args.get(0).and_then(Value::as_text) else { return Value::unknown(args.taint()) };
        let has_list = args.plain.len() > 3 || args.named("fromlist").is_some();
        let top_only = &**path == "__import__" && !has_list && self.language == Language::Python;
        let name = if top_only { name.split('.').next().unwrap_or(&name) } else { &*name };
        self.import(name, site.scope)
    }

    fn join(&mut self, callee: &Value, args: &Args) -> Value {
        let mut parts: Vec<Value> = Vec::new();
        let is_method =
            matches!(&callee.data, Data::Api(path) if path.contains("()")) || (self.language == Language::Jvm && callee.label.is_some());
        if is_method {
            parts.push(Value { data: Data::Unknown, ..callee.clone() });
        }
        parts.extend(args.plain.iter().cloned());
        let joined = fold::join_path(&parts);
        match &callee.data {
            Data::Api(path) if path.contains("()") => {
                let object = path.rsplit_once('.').map_or(&**path, |(object, _)| object);
                Value { data: Data::Api(Rc::from(object)), ..joined }
            }
            _ => joined,
        }
    }

    fn identity(&mut self, path: &Rc<str>, callee: &Value, args: &Args, receiver: Option<Value>, scope: u32) -> Value {
        self.hand_to_functions(args, callee.taint, scope);
        if let Some(receiver) = receiver {
            return receiver.tainted(args.taint());
        }
        if path.contains("()") {
            let object = path.rsplit_once('.').map_or(&**path, |(object, _)| object);
            return Value { data: Data::Api(Rc::from(object)), taint: callee.taint.with(args.taint()), ..callee.clone() };
        }
        match args.get(0) {
            // What lies in a folder is not the folder: one entry stands for all.
            Some(folder) if LISTINGS.contains(&&**path) => {
                let taint = folder.taint.without(Taint::SELF_PATH);
                let entry = if path.starts_with("glob") { Value { about: None, ..folder.clone() } } else { Value::default() };
                Value::list(vec![Value { taint, ..entry }])
            }
            // A text that is written as the numbers of its letters, in Go and Rust.
            Some(value) if matches!(value.data, Data::List(_)) && (path.contains("from_utf8") || &**path == "string") => {
                fold::from_codes(std::slice::from_ref(value)).tainted(args.taint())
            }
            Some(value) => Value { about: None, ..value.clone() }.tainted(args.taint()),
            None => Value { data: Data::Unknown, ..callee.clone() },
        }
    }

    fn serialise(&mut self, path: &Rc<str>, callee: &Value, args: &Args, receiver: Option<Value>, scope: u32) -> Value {
        let taint = args.taint().with(callee.taint);
        let chain = args.chain();
        let first = args.get(0);
        let made = match (&**path, first) {
            ("map", Some(function)) if args.plain.len() == 2 => {
                let function = function.clone();
                let over = args.get(1).cloned().unwrap_or_default();
                match expr::items(&over).filter(|items| items.len() <= 20_000) {
                    Some(items) => Value::list(
                        items
                            .into_iter()
                            .map(|item| self.call_value(&function, &Args { plain: vec![item], named: Vec::new() }, scope))
                            .collect(),
                    ),
                    None => {
                        let item = expr::item_of(&over);
                        Value::unknown(self.call_value(&function, &Args { plain: vec![item], named: Vec::new() }, scope).taint)
                    }
                }
            }
            ("reversed", Some(over)) => match expr::items(over) {
                Some(mut items) => {
                    items.reverse();
                    Value::list(items).chained(over, Some(crate::peel::REVERSED))
                }
                None => Value::default(),
            },
            ("bytes" | "bytearray" | "Uint8Array" | "Uint8Array.from" | "Buffer.concat", Some(value)) => bytes_of(value),
            ("Object.entries" | "Object.values" | "Object.keys", Some(Value { data: Data::Dict(items), .. })) => {
                Value { data: dict_view(items, path.trim_start_matches("Object.")), ..Value::default() }
            }
            (
                "str" | "String" | "list" | "tuple" | "dict" | "set" | "sorted" | "URL" | "Array.from" | "Object.assign" | "string",
                Some(value),
            ) => Value { data: as_stringlike(path, value), ..Value::default() },
            ("format!" | "concat!", Some(value)) => match value.as_text() {
                Some(format) => fold::brace_format(&format, args.plain.get(1..).unwrap_or_default(), &args.named),
                None => Value::default(),
            },
            ("fmt.Sprintf" | "java.lang.String.format" | "util.format", Some(value)) => match value.as_text() {
                Some(format) => fold::percent_format(&format, &Value::list(args.plain.get(1..).unwrap_or_default().to_vec())),
                None => Value::default(),
            },
            ("vec!", _) => Value::list(args.plain.clone()),
            (
                "java.lang.StringBuilder"
                | "java.lang.StringBuilder.append"
                | "java.lang.StringBuilder.toString"
                | "java.lang.String.concat"
                | "java.lang.String"
                | "java.lang.String.valueOf",
                _,
            ) => {
                let mut parts: Vec<Value> =
                    receiver.into_iter().filter(|value| !matches!(value.data, Data::Unknown) || !value.taint.is_none()).collect();
                parts.extend(args.plain.iter().cloned());
                fold::concat(&parts)
            }
            ("strings.Join", Some(list)) => {
                let separator = args.get(1).and_then(Value::as_text).unwrap_or_default();
                self.method(Value::text(separator), "join", &Args { plain: vec![list.clone()], named: Vec::new() }, scope)
            }
            (_, Some(value))
                if matches!(value.data, Data::Text(_) | Data::Partial(_)) && !path.contains("encode") && !path.contains("hex") =>
            {
                Value { data: value.data.clone(), ..Value::default() }
            }
            _ => Value { label: callee.label.clone(), ..Value::default() },
        };
        let chain = made.chain.clone().or(chain);
        Value { chain, taint: made.taint.with(taint), about: None, ..made }
    }
}

/// Interfaces that list a folder.
const LISTINGS: [&str; 4] = ["os.listdir", "os.scandir", "glob.glob", "glob.iglob"];

fn as_stringlike(path: &str, value: &Value) -> Data {
    match (path, &value.data) {
        ("list" | "tuple" | "sorted" | "Array.from", Data::Text(_) | Data::Bytes(_)) => match expr::items(value) {
            Some(items) => Data::List(Rc::from(items)),
            None => Data::Unknown,
        },
        ("str" | "String", Data::Num(number)) => Data::Text(Rc::from(super::value::number_text(*number))),
        // The text of a path object, as far as it is known.
        ("str", Data::Api(path)) if path.ends_with("Path()") => match &value.label {
            Some(label) => Value::partial(label.to_string()).data,
            None => Data::Unknown,
        },
        ("str", Data::Bytes(bytes)) => Data::Text(Rc::from(String::from_utf8_lossy(bytes).into_owned())),
        (_, data) => data.clone(),
    }
}

/// Bytes from a list of numbers or a text.
pub(super) fn bytes_of(value: &Value) -> Value {
    match &value.data {
        Data::Bytes(_) => Value { data: value.data.clone(), ..Value::default() },
        Data::Text(text) => Value::bytes(text.as_bytes().to_vec()),
        Data::List(items) => {
            let mut out = Vec::with_capacity(items.len());
            for item in items.iter() {
                match item.as_number() {
                    Some(number) if (0.0..256.0).contains(&number) => out.push(number as u8),
                    _ => return Value::default(),
                }
            }
            Value::bytes(out).chained(value, Some(crate::peel::CODES))
        }
        _ => Value::default(),
    }
}

fn number(args: &Args) -> Value {
    let Some(text) = args.get(0).and_then(Value::as_text) else {
        return match args.get(0).and_then(Value::as_number) {
            Some(number) => Value::number(number.trunc()).tainted(args.taint()),
            None => Value::unknown(args.taint()),
        };
    };
    let radix = args.get(1).and_then(Value::as_number).unwrap_or(10.0).clamp(2.0, 36.0) as u32;
    let digits = text.trim().trim_start_matches("0x");
    let radix = if text.trim().starts_with("0x") { 16 } else { radix };
    match i64::from_str_radix(digits, radix) {
        Ok(number) => Value::number(number as f64).tainted(args.taint()),
        Err(_) => match text.trim().parse::<f64>() {
            Ok(number) => Value::number(number).tainted(args.taint()),
            Err(_) => Value::unknown(args.taint()),
        },
    }
}
