//! Scopes, the heap, calls, and what all of it may cost. Statements are in [`super::statement`].
//!
//! Every step is paid for; what is not known (the host, the network, the clock) is a value of its own that swallows what
//! touches it. Where a condition is not known both ways are gone, for what they compute and not for where they lead.

use super::value::{Body, Cell, Closure, Js};
use oxc_allocator::Allocator;
use oxc_ast::ast;
use oxc_span::GetSpan;
use std::collections::HashMap;
use std::rc::Rc;

/// Deepest evaluation: calls and expressions inside each other.
const MAX_DEPTH: u32 = 2_000;
/// Most values on the heap, and most scopes.
const MAX_CELLS: usize = 300_000;
/// Bytes of text made.
const MAX_TEXT: usize = 48 << 20;
/// Texts that were run.
pub(super) const MAX_EVALUATED: usize = 64;

/// Why evaluation leaves what it was doing.
pub(super) enum Stop<'a> {
    Break(Option<&'a str>),
    Continue(Option<&'a str>),
    Return(Js),
    Throw,
    /// The budget is used up.
    Spent,
}

pub(super) type Outcome<'a, T = Js> = Result<T, Stop<'a>>;

pub(super) struct Scope<'a> {
    pub(super) names: HashMap<&'a str, Js>,
    parent: Option<u32>,
    /// Where `var` puts its names.
    is_function: bool,
}

/// A text that the script ran as code, and where.
pub(crate) struct Evaluated {
    pub(crate) at: u32,
    pub(crate) end: u32,
    pub(crate) text: String,
}

pub(super) struct Machine<'a> {
    pub(super) allocator: &'a Allocator,
    pub(super) scopes: Vec<Scope<'a>>,
    pub(super) heap: Vec<Cell<'a>>,
    pub(super) steps: u64,
    pub(super) depth: u32,
    made: usize,
    pub(super) evaluated: Vec<Evaluated>,
    /// The text that is being run.
    pub(super) source: &'a str,
    /// The place in the script itself, while text that it made is run.
    pub(super) place: Option<(u32, u32)>,
    pub(super) this: Js,
}

impl<'a> Machine<'a> {
    pub(super) fn new(allocator: &'a Allocator, source: &'a str, steps: u64) -> Self {
        let global = Scope { names: HashMap::new(), parent: None, is_function: true };
        Machine {
            allocator,
            scopes: vec![global],
            heap: Vec::new(),
            steps,
            depth: 0,
            made: 0,
            evaluated: Vec::new(),
            source,
            place: None,
            this: Js::Native("globalThis"),
        }
    }

    pub(super) fn spend(&mut self, steps: u64) -> Outcome<'a, ()> {
        self.steps = self.steps.saturating_sub(steps);
        if self.steps == 0 { Err(Stop::Spent) } else { Ok(()) }
    }

    /// Accounts for a new text.
    pub(super) fn made(&mut self, units: Vec<u16>) -> Outcome<'a> {
        self.made = self.made.saturating_add(units.len() * 2);
        self.spend(units.len() as u64 / 64)?;
        if self.made > MAX_TEXT { Err(Stop::Spent) } else { Ok(Js::units(units)) }
    }

    pub(super) fn allocate(&mut self, cell: Cell<'a>) -> Outcome<'a> {
        if let Cell::Array(items) = &cell {
            self.spend(items.len() as u64 / 16)?;
        }
        if self.heap.len() >= MAX_CELLS {
            return Err(Stop::Spent);
        }
        self.heap.push(cell);
        Ok(Js::Heap(self.heap.len() as u32 - 1))
    }

    pub(super) fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Outcome<'a, T>) -> Outcome<'a, T> {
        if self.depth >= MAX_DEPTH {
            return Err(Stop::Spent);
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    pub(super) fn scope(&mut self, parent: u32, is_function: bool) -> Outcome<'a, u32> {
        if self.scopes.len() >= MAX_CELLS {
            return Err(Stop::Spent);
        }
        self.scopes.push(Scope { names: HashMap::new(), parent: Some(parent), is_function });
        Ok(self.scopes.len() as u32 - 1)
    }

    pub(super) fn lookup(&self, name: &str, scope: u32) -> Option<&Js> {
        let mut at = Some(scope);
        while let Some(scope) = at.and_then(|at| self.scopes.get(at as usize)) {
            if let Some(value) = scope.names.get(name) {
                return Some(value);
            }
            at = scope.parent;
        }
        None
    }

    pub(super) fn declare(&mut self, name: &'a str, value: Js, scope: u32, is_var: bool) {
        let mut at = scope;
        while is_var && let Some(Scope { is_function: false, parent: Some(parent), .. }) = self.scopes.get(at as usize) {
            at = *parent;
        }
        if let Some(scope) = self.scopes.get_mut(at as usize) {
            scope.names.insert(name, value);
        }
    }

    pub(super) fn assign(&mut self, name: &'a str, value: Js, scope: u32) {
        let mut at = scope;
        while let Some(here) = self.scopes.get_mut(at as usize) {
            if let Some(slot) = here.names.get_mut(name) {
                *slot = value;
                return;
            }
            match here.parent {
                Some(parent) => at = parent,
                None => {
                    here.names.insert(name, value);
                    return;
                }
            }
        }
    }

    /// Names of the top level that stand for functions.
    pub(super) fn global_functions(&self) -> std::collections::BTreeSet<String> {
        let global = self.scopes.first().map(|scope| &scope.names);
        let is_function = |value: &Js| matches!(value, Js::Heap(at) if matches!(self.heap.get(*at as usize), Some(Cell::Function(_))));
        global.into_iter().flatten().filter(|(_, value)| is_function(value)).map(|(name, _)| (*name).to_owned()).collect()
    }

    pub(super) fn function(&mut self, it: &'a ast::Function<'a>, scope: u32) -> Outcome<'a> {
        let Some(body) = &it.body else { return Ok(Js::Unknown) };
        let name = it.id.as_ref().map_or("", |id| id.name.as_str());
        let source = self.slice(it.span.start, it.span.end);
        self.allocate(Cell::Function(Closure {
            params: &it.params,
            body: Body::Statements(&body.statements),
            scope,
            source,
            text: self.source,
            name,
            fields: HashMap::new(),
            this: None,
            bound: Vec::new(),
        }))
    }

    pub(super) fn slice(&self, start: u32, end: u32) -> &'a str {
        self.source.get(start as usize..end as usize).unwrap_or("")
    }

    /// Runs a function of the script.
    pub(super) fn invoke(&mut self, function: u32, args: Vec<Js>, this: Js) -> Outcome<'a> {
        self.spend(4)?;
        let Some(Cell::Function(closure)) = self.heap.get(function as usize) else { return Ok(Js::Unknown) };
        let (params, body, outer, text) = (closure.params, closure.body, closure.scope, closure.text);
        let this = match closure.this.clone().unwrap_or(this) {
            Js::Undefined | Js::Null => Js::Native("globalThis"),
            this => this,
        };
        let args: Vec<Js> = closure.bound.iter().cloned().chain(args).collect();
        let name = closure.name;
        let scope = self.scope(outer, true)?;
        if !name.is_empty() && self.lookup(name, outer).is_none() {
            self.declare(name, Js::Heap(function), scope, false);
        }
        for (at, param) in params.items.iter().enumerate() {
            let mut value = args.get(at).cloned().unwrap_or(Js::Undefined);
            if let (Js::Undefined, Some(default)) = (&value, &param.initializer) {
                value = self.eval(default, scope)?;
            }
            self.bind(&param.pattern, value, scope, false)?;
        }
        if let Some(rest) = &params.rest {
            let list = self.allocate(Cell::Array(args.iter().skip(params.items.len()).cloned().collect()))?;
            self.bind(&rest.rest.argument, list, scope, false)?;
        }
        let list = self.allocate(Cell::Array(args))?;
        self.declare("arguments", list, scope, false);
        let before = std::mem::replace(&mut self.this, this);
        let outer_text = std::mem::replace(&mut self.source, text);
        let result = self.deeper(|machine| match body {
            Body::Expression(expression) => machine.eval(expression, scope),
            Body::Statements(body) => match machine.block(body, scope) {
                Ok(_) => Ok(Js::Undefined),
                Err(Stop::Return(value)) => Ok(value),
                Err(other) => Err(other),
            },
        });
        self.source = outer_text;
        self.this = before;
        result
    }
}

/// The span of a node.
pub(super) fn span(node: &impl GetSpan) -> (u32, u32) {
    let span = node.span();
    (span.start, span.end)
}

/// The key of a field, shared.
pub(super) fn key(name: &str) -> Rc<str> {
    Rc::from(name)
}
