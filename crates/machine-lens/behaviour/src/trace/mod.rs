//! Follows names, texts and data through one file and writes down every call that touches the world.
//!
//! In: the lowered tree of one file. Out: facts with folded arguments and what they carry, and which function calls
//! which. It does not run anything: statements are read in order, each branch once, loops at most a bounded number of
//! times; functions are read once by themselves and again at calls whose arguments tell more. All of it stands under
//! a budget of steps; when that is used up the facts found so far count and [`Outcome::cut_short`] says so.

pub(crate) mod across;
mod assign;
mod call;
mod cipher;
mod code;
mod content;
mod effect;
mod expr;
mod files;
mod fold;
mod gate;
mod habit;
mod loops;
mod member;
mod method;
mod names;
mod pure;
mod texts;
pub(crate) mod value;

pub(crate) use code::{lift, snippet};
pub(crate) use files::path_taint;

use crate::api::{Table, table};
use crate::contents::Contents;
use crate::facts::{Capability, Language, Taint};
use crate::hash::NumberMap;
use crate::ir::{Function, Module, Stmt, Sym};
use crate::peel::PeelBudget;
use habit::Habits;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use value::{Data, Value, join, join_all};

/// What one artifact's tracing may still use, shared by its files and virtual sources.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Tree nodes that may still be visited.
    pub(crate) steps: u64,
    /// Decoded bytes.
    pub(crate) peel: PeelBudget,
    /// Facts that one file may have.
    pub(crate) facts: usize,
    /// Files of the artifact that the code reads, where what it reads is run.
    pub(crate) contents: Option<Rc<Contents>>,
}

impl Budget {
    pub(crate) fn for_file(source_bytes: usize) -> Budget {
        Budget { steps: 2_000_000 + 4 * source_bytes as u64, peel: PeelBudget::new(), facts: 20_000, contents: None }
    }
}

/// A call that touches the world, before places are computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawFact {
    pub(crate) capability: Capability,
    pub(crate) api: Rc<str>,
    pub(crate) taint: Taint,
    pub(crate) args: Vec<String>,
    pub(crate) at: u32,
    pub(crate) end: u32,
    /// The code, where it is not the file's own text.
    pub(crate) inner: Option<Rc<str>>,
    pub(crate) chain: Vec<&'static str>,
    /// Line in the innermost layer, where there are layers; else 0.
    pub(crate) line: u32,
    pub(crate) scope: u32,
    /// In a function of a virtual source that nothing there calls, or behind a program guard.
    pub(crate) dormant: bool,
    /// What the conditions around it depend on.
    pub(crate) gate: Taint,
}

/// What tracing one file gives.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) facts: Vec<RawFact>,
    /// Caller scope, callee scope.
    pub(crate) edges: BTreeSet<(u32, u32)>,
    /// Functions and classes by the name others import.
    pub(crate) exports: BTreeMap<String, Vec<u32>>,
    /// Modules loaded: the scope that loads, the specifier as written.
    pub(crate) loads: BTreeSet<(u32, String)>,
    /// Files that are code whatever they are called: the specifier as in `loads`, and the language of whoever reads them.
    /// `None`: started by themselves.
    pub(crate) runs: BTreeSet<(String, Option<Language>)>,
    /// Calls into other modules of the package: scope, path as resolved (`./lib/x.run`).
    pub(crate) foreign_calls: BTreeSet<(u32, String)>,
    /// Paths that are read, as far as they are known.
    pub(crate) reads: BTreeSet<Rc<str>>,
    /// Scopes that run without being called.
    pub(crate) starts: Vec<u32>,
    /// Scopes that run when somebody types a word of their own on the command line.
    pub(crate) asked: Vec<u32>,
    /// What `setup()` registers as commands: the name and the class, where it is one of this file.
    pub(crate) registered: Vec<(String, Option<u32>)>,
    /// Names of classes at the top level.
    pub(crate) class_names: BTreeMap<u32, Rc<str>>,
    /// Methods of classes by class base path: for build commands.
    pub(crate) class_methods: Vec<(Vec<String>, Vec<u32>)>,
    pub(crate) cut_short: bool,
    /// Why a part of it was not parsed.
    pub(crate) in_part: Option<&'static str>,
    /// Value of the last expression, for `eval`.
    pub(crate) last: Value,
    /// What other files of the package can see of this one.
    pub(crate) shared: across::Shared,
}

pub(crate) struct Tracer<'m, 'b> {
    pub(crate) module: &'m Module,
    pub(crate) language: Language,
    pub(crate) table: &'static Table,
    pub(crate) budget: &'b mut Budget,
    /// Top-level modules of the package itself.
    pub(crate) own_modules: &'m BTreeSet<String>,
    /// What other files of the package say about the names that this one imports.
    links: Option<&'m across::Links>,
    /// Names of the environment are compared with words for secrets.
    sifts: bool,
    /// Names of the source that this one was found in.
    outer: HashMap<Rc<str>, Value>,
    /// How deep this source is nested in others.
    pub(crate) nesting: u32,
    env: NumberMap<(u32, Sym), Value>,
    fields: NumberMap<(u32, Sym), Value>,
    param_in: NumberMap<(u32, usize), Value>,
    returns: NumberMap<u32, Value>,
    collecting: Vec<Value>,
    inline_stack: Vec<u32>,
    inline_steps: u64,
    /// What reading functions again gave so far.
    habits: Habits,
    /// Counts what was learnt that outlives the function in which it was learnt.
    news: u64,
    /// Whether anything was met through which code could act; without it a second pass finds no fact.
    can_act: bool,
    /// What names of interfaces stand for.
    resolved: HashMap<Rc<str>, Value>,
    /// What their members stand for, by the whole path; `None`: no interface.
    members: HashMap<Rc<str>, Option<Value>>,
    /// Room for putting paths together.
    joined: String,
    branch_depth: u32,
    depth: u32,
    guarded: bool,
    /// What the conditions around the current place depend on.
    gate: Taint,
    seen: HashSet<(u32, Capability, u64)>,
    /// Paths into which downloaded or decoded bytes were written, and what those were.
    pub(crate) dropped_labels: BTreeMap<Rc<str>, Taint>,
    pub(crate) out: Outcome,
}

/// Deepest evaluation; deeper is `Unknown`.
const EVAL_DEPTH: u32 = 4_000;
/// Largest function that is read again at its calls, in nodes.
const INLINE_SIZE: u32 = 900;
/// How deep calls are read again inside each other.
const INLINE_DEPTH: usize = 5;
/// How often a loop over known items is read.
const UNROLL: usize = 4_096;

/// Traces one file.
pub(crate) fn trace(module: &Module, language: Language, own_modules: &BTreeSet<String>, nesting: u32, budget: &mut Budget) -> Outcome {
    trace_within(module, language, own_modules, nesting, None, budget, HashMap::new())
}

/// Traces a source with what it sees from outside: what other files of the package say about it, and the names of the
/// source that it was found in.
pub(crate) fn trace_within<'m>(
    module: &'m Module,
    language: Language,
    own_modules: &'m BTreeSet<String>,
    nesting: u32,
    links: Option<&'m across::Links>,
    budget: &mut Budget,
    outer: HashMap<Rc<str>, Value>,
) -> Outcome {
    let mut tracer = Tracer::new(module, language, own_modules, nesting, budget);
    tracer.links = links;
    tracer.outer = outer;
    tracer.run()
}

impl<'m, 'b> Tracer<'m, 'b> {
    fn new(module: &'m Module, language: Language, own_modules: &'m BTreeSet<String>, nesting: u32, budget: &'b mut Budget) -> Self {
        Tracer {
            module,
            language,
            table: table(language),
            budget,
            own_modules,
            links: None,
            sifts: false,
            outer: HashMap::new(),
            nesting,
            env: NumberMap::default(),
            fields: NumberMap::default(),
            param_in: NumberMap::default(),
            returns: NumberMap::default(),
            collecting: Vec::new(),
            inline_stack: Vec::new(),
            inline_steps: 0,
            habits: Habits::default(),
            news: 0,
            can_act: false,
            resolved: HashMap::new(),
            members: HashMap::new(),
            joined: String::new(),
            branch_depth: 0,
            depth: 0,
            guarded: false,
            gate: Taint::NONE,
            seen: HashSet::new(),
            dropped_labels: BTreeMap::new(),
            out: Outcome { cut_short: module.truncated, in_part: crate::parse::in_part(module), ..Outcome::default() },
        }
    }

    fn run(mut self) -> Outcome {
        let module = self.module;
        self.receive();
        self.can_act = self.links.is_some() || !self.outer.is_empty();
        let passes = if module.functions.is_empty() { 1 } else { 2 };
        for pass in 0..passes {
            if pass > 0 && self.budget.steps < 1_000 {
                self.out.cut_short = true;
                break;
            }
            if pass > 0 && !self.can_act {
                break;
            }
            self.out.facts.clear();
            self.seen.clear();
            self.habits.clear();
            self.inline_steps = 400_000;
            self.block(&module.body, 0);
            for index in 0..module.functions.len() {
                self.read_function(index as u32);
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Outcome {
        self.out.starts = self.module.starts.iter().map(|function| function + 1).collect();
        self.out.asked = self.module.asked.iter().map(|function| function + 1).collect();
        for class in &self.module.classes {
            let bases = class.bases.iter().map(|base| self.eval(base, 0).render_path()).collect();
            let methods = class.methods.values().map(|function| function + 1).collect();
            self.out.class_methods.push((bases, methods));
        }
        self.share();
        self.out
    }

    /// Spends one step; false when none is left.
    fn step(&mut self) -> bool {
        if self.budget.steps == 0 {
            self.out.cut_short = true;
            return false;
        }
        self.budget.steps -= 1;
        true
    }

    /// Spends what something costs beyond its own step.
    fn charge(&mut self, steps: u64) {
        self.budget.steps = self.budget.steps.saturating_sub(steps);
    }

    /// Reads statements. A test stands before the block that it decides, as an expression; a block that leaves makes
    /// the rest of this one depend on its test.
    fn block(&mut self, body: &'m [Stmt], scope: u32) {
        let outer = self.gate;
        let mut test = Taint::NONE;
        for stmt in body {
            if !self.step() {
                break;
            }
            if let Stmt::Block(inner) = stmt {
                let rest = self.gate;
                self.gate = rest.with(test);
                self.stmt(stmt, scope);
                self.gate = if !test.is_none() && gate::leaves(inner, &self.module.names) { rest.with(test) } else { rest };
                continue;
            }
            self.stmt(stmt, scope);
            test = match stmt {
                Stmt::Expr(_) => gate::of(self.out.last.taint),
                _ => Taint::NONE,
            };
        }
        self.gate = outer;
    }

    fn stmt(&mut self, stmt: &'m Stmt, scope: u32) {
        match stmt {
            Stmt::Expr(expr) => {
                let value = self.eval(expr, scope);
                self.out.last = value;
            }
            Stmt::Assign { target, value, add } => {
                let mut value = self.eval(value, scope);
                if *add {
                    let old = self.target_value(target, scope);
                    value = fold::add(&old, &value);
                }
                self.assign(target, value, scope);
            }
            Stmt::Define { name, function } => {
                self.bind(*name, Value { data: Data::Function(*function), ..Value::default() }, scope);
                if scope == 0 {
                    self.export(*name, vec![function + 1]);
                }
            }
            Stmt::DefineClass { name, class, body } => {
                self.bind(*name, Value { data: Data::Class(*class), ..Value::default() }, scope);
                self.block(body, scope);
                if scope == 0 {
                    self.out.class_names.insert(*class, self.module.names.text(*name));
                }
                if scope == 0
                    && let Some(methods) = self.module.classes.get(*class as usize).map(|class| &class.methods)
                {
                    let starts =
                        ["__init__", "constructor", "__new__"].iter().filter_map(|name| methods.get(*name)).map(|f| f + 1).collect();
                    let own = self.module.names.text(*name);
                    for (method, function) in methods {
                        self.export_text(&format!("{own}().{method}"), vec![function + 1]);
                    }
                    self.export(*name, starts);
                }
            }
            Stmt::Return(expr) => {
                let value = self.eval(expr, scope);
                self.collecting.push(value);
            }
            Stmt::Block(body) => {
                self.branch_depth += 1;
                self.block(body, scope);
                self.branch_depth -= 1;
            }
            Stmt::Guarded(body) => {
                let before = std::mem::replace(&mut self.guarded, true);
                self.block(body, scope);
                self.guarded = before;
            }
            Stmt::Loop { target, iter, body } => self.read_loop(target.as_ref(), iter.as_ref(), body, scope),
        }
    }

    fn read_function(&mut self, index: u32) {
        let module = self.module;
        let Some(function) = module.functions.get(index as usize) else { return };
        let scope = index + 1;
        self.bind_params(function, index, None);
        let before = std::mem::take(&mut self.collecting);
        self.block(&function.body, scope);
        let returned = std::mem::replace(&mut self.collecting, before);
        let value = join_all(returned);
        self.returns.insert(index, value);
    }

    fn bind_params(&mut self, function: &'m Function, index: u32, args: Option<&[Value]>) {
        let scope = index + 1;
        for (at, param) in function.params.iter().enumerate() {
            let value = match args {
                Some(args) => args.get(at).cloned(),
                None => self.param_in.get(&(index, at)).cloned(),
            };
            let value = match value {
                Some(value) => value,
                None => match function.defaults.iter().find(|(which, _)| *which == at) {
                    Some((_, default)) => self.eval(default, scope),
                    None if at == 0 && function.takes_self => match function.class {
                        Some(class) => Value { data: Data::Instance(class), ..Value::default() },
                        None => Value::default(),
                    },
                    None => Value::default(),
                },
            };
            self.assign_local(param, value, scope);
        }
    }

    /// Remembers what a call hands to a function.
    fn feed(&mut self, index: u32, args: &[Value]) {
        for (at, arg) in args.iter().enumerate().take(16) {
            let slot = self.param_in.entry((index, at));
            match slot {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    self.news += u64::from(arg.is_telling());
                    slot.insert(arg.clone());
                }
                std::collections::hash_map::Entry::Occupied(mut slot) => {
                    let joined = join(slot.get(), arg);
                    self.news += u64::from(!joined.is_like(slot.get()));
                    slot.insert(joined);
                }
            }
        }
    }

    fn export(&mut self, name: Sym, scopes: Vec<u32>) {
        let name = self.module.names.text(name);
        self.export_text(&name, scopes);
    }

    fn export_text(&mut self, name: &str, scopes: Vec<u32>) {
        if self.out.exports.len() < 20_000 {
            self.out.exports.insert(name.to_owned(), scopes);
        }
    }

    /// Writes a fact down, once.
    fn record(&mut self, mut fact: RawFact) {
        fact.gate = fact.gate.with(self.gate);
        if self.sifts && fact.taint.has(Taint::ENVIRONMENT) {
            fact.taint = fact.taint.with(Taint::SECRET_ENV);
        }
        if self.out.facts.len() >= self.budget.facts {
            self.out.cut_short = true;
            return;
        }
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        (&fact.args, fact.taint, &fact.api, &fact.inner, fact.scope).hash(&mut hasher);
        if self.seen.insert((fact.at, fact.capability, hasher.finish())) {
            self.out.facts.push(fact);
            self.news += 1;
        }
    }
}
