//! Calls: who is called, with what, and what comes back.

use super::method::{Args, through_unknown};
use super::value::{Data, Value};
use super::{INLINE_DEPTH, INLINE_SIZE, Tracer, expr, member};
use crate::facts::{Language, Taint};
use crate::ir::{Call, Expr};
use std::rc::Rc;

/// The place of a call in this source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub(super) at: u32,
    pub(super) end: u32,
    pub(super) scope: u32,
}

impl<'m> Tracer<'m, '_> {
    pub(super) fn call(&mut self, call: &'m Call, scope: u32) -> Value {
        let site = Site { at: call.at, end: call.end, scope };
        if let Expr::Member(object, name) = &call.callee {
            let object_value = self.eval(object, scope);
            let args = self.args(call, scope);
            return self.call_member(object_value, name, args, site);
        }
        let mut callee = self.eval(&call.callee, scope);
        if let (Expr::Name(name), Data::Unknown, Language::Go) = (&call.callee, &callee.data, self.language)
            && self.lookup(*name, scope).is_none()
        {
            // A function of the same package in another file.
            callee = Value::api(format!("./.{}", self.module.names.text(*name)));
        }
        let args = self.args(call, scope);
        self.call_at(&callee, args, site)
    }

    fn args(&mut self, call: &'m Call, scope: u32) -> Args {
        let mut args = Args::default();
        for arg in &call.args {
            let value = self.eval(&arg.value, scope);
            match (&arg.name, arg.spread) {
                (Some(name), _) => args.named.push((name.clone(), value)),
                (None, true) => match &value.data {
                    Data::List(items) => args.plain.extend(items.iter().take(65_536).cloned()),
                    Data::Dict(items) => args.named.extend(items.iter().cloned()),
                    _ => args.plain.push(value),
                },
                (None, false) => args.plain.push(value),
            }
        }
        args
    }

    fn call_member(&mut self, object: Value, name: &Rc<str>, mut args: Args, site: Site) -> Value {
        let scope = site.scope;
        if matches!(object.data, Data::Api(_) | Data::Function(_) | Data::Namespace) {
            match &**name {
                "call" if self.language == Language::JavaScript => {
                    if !args.plain.is_empty() {
                        args.plain.remove(0);
                    }
                    return self.call_at(&object, args, site);
                }
                "apply" if self.language == Language::JavaScript => {
                    let list = args.plain.into_iter().nth(1).unwrap_or_default();
                    let plain = expr::items(&list).unwrap_or_else(|| vec![list]);
                    return self.call_at(&object, Args { plain, named: Vec::new() }, site);
                }
                "bind" if self.language == Language::JavaScript => return object,
                "then" | "catch" | "finally" => return self.method(object, name, &args, scope),
                _ => {}
            }
        }
        match &object.data {
            Data::Api(path) => {
                let path = path.clone();
                if matches!(&*path, "process.env" | "os.environ") {
                    return match &**name {
                        "get" | "pop" | "setdefault" => {
                            args.get(0).and_then(Value::as_text).map_or(Value::unknown(Taint::ENV_ONE), |key| member::one_variable(&key))
                        }
                        _ => Value::unknown(Taint::ENVIRONMENT),
                    };
                }
                if &**name == "get" && matches!(&*path, "sys.modules" | "__builtins__.__dict__" | "builtins.__dict__") {
                    return args.get(0).and_then(Value::as_text).map_or(Value::default(), |key| self.resolve(key));
                }
                if matches!(&**name, "__call__" | "__getattribute__" | "__getitem__" | "__get__") && self.language == Language::Python {
                    return match (&**name, args.get(0).and_then(Value::as_text)) {
                        ("__call__", _) => self.call_at(&object, args, site),
                        (_, Some(key)) => self.member(object, &key),
                        _ => Value::unknown(object.taint),
                    };
                }
                let callee = self.member(object.clone(), name);
                if let Data::Api(_) = callee.data {
                    let mut callee = callee;
                    callee.about = object.about;
                    callee.label = object.label.clone();
                    callee.origin = object.origin;
                    return self.call_at(&callee, args, site);
                }
                self.hand_to_functions(&args, object.taint, scope);
                self.pipe(&object, name, &args, scope);
                if matches!(&**name, "on" | "once" | "addListener" | "addEventListener" | "setEncoding") {
                    return object;
                }
                let result = self.method(object.clone(), name, &args, scope);
                // Builder-like interfaces give themselves back.
                if self.table.leads_somewhere(&format!("{path}()")) || path.ends_with("()") {
                    return Value { data: Data::Api(path), ..result };
                }
                result
            }
            Data::Instance(_) | Data::Class(_) | Data::Namespace | Data::Dict(_) => {
                let callee = self.member(object.clone(), name);
                match callee.data {
                    Data::Function(_) | Data::Api(_) | Data::Class(_) => self.call_at(&callee, args, site),
                    _ => self.method(object, name, &args, scope),
                }
            }
            _ => {
                self.pipe(&object, name, &args, scope);
                self.method(object, name, &args, scope)
            }
        }
    }

    /// `source.pipe(writer)`: the writer's file now holds what the source carries.
    fn pipe(&mut self, object: &Value, name: &str, args: &Args, scope: u32) {
        if name != "pipe" {
            return;
        }
        if let Some(to) = args.get(0) {
            let to = to.clone();
            self.drop_into(&to, object.taint, scope);
        }
    }

    /// Notes that what `taint` says was written into the file that `file` names.
    pub(super) fn drop_into(&mut self, file: &Value, taint: Taint, scope: u32) {
        if !taint.has(Taint::NETWORK.with(Taint::DECODED).with(Taint::SOCKET).with(Taint::CIPHER)) {
            return;
        }
        let carried = Taint::DROPPED.with(Taint(taint.0 & Taint::NETWORK.with(Taint::DECODED).with(Taint::SOCKET).with(Taint::CIPHER).0));
        if let Some(about) = file.about {
            self.taint_name(about, scope, carried);
        }
        if let Some(label) = &file.label {
            self.dropped_labels.insert(label.clone(), carried);
        }
        if let Data::Text(text) | Data::Partial(text) = &file.data {
            self.dropped_labels.insert(text.clone(), carried);
        }
    }

    /// Functions handed to a call get what it may hand on, and may be called by it.
    pub(super) fn hand_to_functions(&mut self, args: &Args, taint: Taint, scope: u32) {
        let functions = args.functions();
        let others =
            args.values().filter(|value| !matches!(value.data, Data::Function(_))).fold(Taint::NONE, |all, value| all.with(value.taint));
        for function in functions {
            let count = self.module.functions.get(function as usize).map_or(0, |function| function.params.len().min(6));
            let hand = Value::unknown(taint.with(through_unknown(others)));
            let hands = vec![hand; count];
            self.call_function(function, &hands, scope);
        }
        for value in args.values() {
            if let Data::Class(class) = value.data {
                self.enter_class(class, scope);
            }
        }
    }

    fn enter_class(&mut self, class: u32, scope: u32) {
        let starts: Vec<u32> = self.module.classes.get(class as usize).map_or_else(Vec::new, |class| {
            ["__init__", "constructor", "__new__", "__call__"].iter().filter_map(|name| class.methods.get(*name)).copied().collect()
        });
        for start in starts {
            self.edge(scope, start + 1);
        }
    }

    pub(super) fn edge(&mut self, from: u32, to: u32) {
        if self.out.edges.len() < 200_000 {
            self.out.edges.insert((from, to));
        }
    }

    /// Calls a value.
    pub(super) fn call_value(&mut self, callee: &Value, args: &Args, scope: u32) -> Value {
        self.call_at(callee, args.clone(), Site { at: u32::MAX, end: u32::MAX, scope })
    }

    pub(super) fn call_at(&mut self, callee: &Value, args: Args, site: Site) -> Value {
        let scope = site.scope;
        match &callee.data {
            Data::Api(path) => {
                let path = path.clone();
                if self.is_own_module(&path) {
                    if self.out.foreign_calls.len() < 10_000 {
                        self.out.foreign_calls.insert((scope, path.to_string()));
                    }
                    self.hand_to_functions(&args, callee.taint, scope);
                    self.give(&path, &args.plain);
                    let called: Rc<str> = Rc::from(format!("{path}()"));
                    let carried = through_unknown(args.taint()).with(callee.taint);
                    if let Some(value) = self.linked(&called) {
                        return value.tainted(carried);
                    }
                    // An object of a class of another file: its methods are that file's.
                    let is_class = path.rsplit('.').next().is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
                    return if is_class { Value::api(called).tainted(carried) } else { Value::unknown(carried) };
                }
                let effect = self.table.effect(&path);
                let value = match effect {
                    Some(effect) => self.perform(effect, &path, callee, &args, site),
                    None => {
                        self.hand_to_functions(&args, callee.taint, scope);
                        Value { chain: args.chain(), ..Value::unknown(callee.taint.with(through_unknown(args.taint()))) }
                    }
                };
                let called = format!("{path}()");
                if matches!(value.data, Data::Unknown) && self.table.leads_somewhere(&called) {
                    let held = super::cipher::keeps_its_arguments(&path).then(|| Rc::new(args.clone()));
                    // What was opened how is known of the value itself before it is known of what made it.
                    let held = held.or_else(|| value.held.clone()).or_else(|| callee.held.clone());
                    return Value { data: Data::Api(Rc::from(called)), held, ..value };
                }
                value
            }
            Data::Function(function) => {
                let function = *function;
                let takes_self = self.module.functions.get(function as usize).is_some_and(|function| function.takes_self);
                let mut plain = Vec::with_capacity(args.plain.len() + 1);
                if takes_self {
                    let class = self.module.functions.get(function as usize).and_then(|function| function.class);
                    plain.push(class.map_or(Value::default(), |class| Value { data: Data::Instance(class), ..Value::default() }));
                }
                plain.extend(args.plain.iter().cloned());
                self.place_named(function, &args, &mut plain);
                for value in args.values() {
                    if let Data::Function(given) = value.data {
                        self.edge(scope, given + 1);
                    }
                }
                self.call_function(function, &plain, scope)
            }
            Data::Namespace => callee.clone(),
            Data::Class(class) => {
                let class = *class;
                self.enter_class(class, scope);
                let init = self
                    .module
                    .classes
                    .get(class as usize)
                    .and_then(|class| class.methods.get("__init__").or_else(|| class.methods.get("constructor")))
                    .copied();
                let instance = Value { data: Data::Instance(class), taint: through_unknown(args.taint()), ..Value::default() };
                if let Some(init) = init {
                    let mut plain = args.plain.clone();
                    if self.module.functions.get(init as usize).is_some_and(|function| function.takes_self) {
                        plain.insert(0, instance.clone());
                    }
                    self.place_named(init, &args, &mut plain);
                    self.call_function(init, &plain, scope);
                }
                instance
            }
            _ => {
                self.hand_to_functions(&args, callee.taint, scope);
                Value { chain: args.chain(), ..Value::unknown(callee.taint.with(through_unknown(args.taint()))) }
            }
        }
    }

    /// Puts named arguments where the parameters of that name stand.
    fn place_named(&self, function: u32, args: &Args, plain: &mut Vec<Value>) {
        let Some(function) = self.module.functions.get(function as usize) else { return };
        for (name, value) in &args.named {
            let at = function
                .params
                .iter()
                .position(|param| matches!(param, crate::ir::Target::Name(sym) if *self.module.names.text(*sym) == **name));
            if let Some(at) = at
                && at < 64
            {
                if plain.len() <= at {
                    plain.resize(at + 1, Value::default());
                }
                plain[at] = value.clone();
            }
        }
    }

    /// Calls a function of this file: reads it again with these arguments where that can tell more.
    pub(super) fn call_function(&mut self, index: u32, args: &[Value], scope: u32) -> Value {
        let module = self.module;
        self.edge(scope, index + 1);
        let Some(function) = module.functions.get(index as usize) else { return Value::default() };
        self.feed(index, args);
        let worth = function.size <= INLINE_SIZE && (args.is_empty() || args.iter().any(Value::is_telling));
        let allowed =
            self.inline_stack.len() < INLINE_DEPTH && !self.inline_stack.contains(&index) && self.inline_steps > u64::from(function.size);
        if !(worth && allowed) {
            let summary = self.returns.get(&index).cloned();
            return match summary {
                Some(value) => Value { taint: value.taint, ..value },
                None => Value::unknown(args.iter().fold(Taint::NONE, |all, arg| all.with(through_unknown(arg.taint)))),
            };
        }
        let manner = self.habits.manner(index, args);
        if let Some(value) = self.habits.worn(&manner) {
            return value;
        }
        let before = self.learnt();
        self.inline_steps = self.inline_steps.saturating_sub(u64::from(function.size));
        self.inline_stack.push(index);
        let collected = std::mem::take(&mut self.collecting);
        let depth = std::mem::replace(&mut self.branch_depth, 0);
        self.bind_params(function, index, Some(args));
        self.block(&function.body, index + 1);
        self.branch_depth = depth;
        let returned = std::mem::replace(&mut self.collecting, collected);
        self.inline_stack.pop();
        let value = super::join_all(returned);
        let learnt = self.learnt() != before;
        self.habits.note(manner, &value, learnt);
        value
    }

    /// Grows with everything that was learnt and outlives the function in which it was.
    fn learnt(&self) -> u64 {
        let out = &self.out;
        let sets = out.edges.len() + out.loads.len() + out.foreign_calls.len() + out.reads.len() + out.exports.len();
        let shared = out.shared.wants.len() + out.shared.given.len() + out.shared.values.len();
        self.news + (sets + shared + self.dropped_labels.len()) as u64 + u64::from(self.sifts) + u64::from(out.cut_short)
    }

    /// Loads a module.
    pub(super) fn import(&mut self, specifier: &str, scope: u32) -> Value {
        let name = canonical_module(specifier, self.language);
        if self.out.loads.len() < 20_000 {
            self.out.loads.insert((scope, name.to_string()));
        }
        self.resolve(name)
    }
}

/// A module's name without the spellings that mean the same.
pub(super) fn canonical_module(specifier: &str, language: Language) -> Rc<str> {
    if language != Language::JavaScript {
        return Rc::from(specifier);
    }
    let name = specifier.strip_prefix("node:").unwrap_or(specifier);
    Rc::from(match name {
        "fs/promises" | "fs-extra" | "graceful-fs" | "original-fs" | "mz/fs" => "fs",
        "follow-redirects" => "follow-redirects",
        "dns/promises" => "dns",
        "sync-request" => "request",
        "child-process-promise" | "mz/child_process" | "child-process-ext" | "promisify-child-process" => "child_process",
        "timers/promises" => "timers",
        "path/posix" | "path/win32" | "path-browserify" => "path",
        other => other,
    })
}
