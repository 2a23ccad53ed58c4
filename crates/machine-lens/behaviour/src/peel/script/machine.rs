//! Scopes and statements.
//!
//! Every step is paid for; what is not known (the host, the network, the clock) is a value of its own that swallows what
//! touches it. Where a condition is not known both ways are gone, for what they compute and not for where they lead.

use super::value::{Body, Cell, Closure, Js};
use oxc_allocator::Allocator;
use oxc_ast::ast;
use oxc_ast::ast::Statement as S;
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

struct Scope<'a> {
    names: HashMap<&'a str, Js>,
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
    scopes: Vec<Scope<'a>>,
    pub(super) heap: Vec<Cell<'a>>,
    pub(super) steps: u64,
    depth: u32,
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

    /// Binds what stands before its statement runs: functions, and the names that `var` declares.
    fn hoist(&mut self, body: &'a [S<'a>], scope: u32) -> Outcome<'a, ()> {
        for statement in body {
            match statement {
                S::FunctionDeclaration(it) => {
                    let function = self.function(it, scope)?;
                    if let Some(id) = &it.id {
                        self.declare(id.name.as_str(), function, scope, false);
                    }
                }
                S::VariableDeclaration(it) if it.kind.is_var() => {
                    for declarator in &it.declarations {
                        if let ast::BindingPattern::BindingIdentifier(id) = &declarator.id
                            && self.scopes.get(scope as usize).is_some_and(|scope| !scope.names.contains_key(id.name.as_str()))
                        {
                            self.declare(id.name.as_str(), Js::Undefined, scope, true);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs statements in their own scope; gives the value of the last expression.
    pub(super) fn block(&mut self, body: &'a [S<'a>], scope: u32) -> Outcome<'a> {
        self.hoist(body, scope)?;
        let mut last = Js::Undefined;
        for statement in body {
            last = self.statement(statement, scope)?;
        }
        Ok(last)
    }

    /// As [`Machine::block`] for the script itself: one statement that fails does not end it.
    pub(super) fn program(&mut self, body: &'a [S<'a>]) {
        if self.hoist(body, 0).is_err() {
            return;
        }
        for statement in body {
            self.depth = 0;
            if matches!(self.statement(statement, 0), Err(Stop::Spent)) && self.steps == 0 {
                return;
            }
        }
    }

    fn statement(&mut self, statement: &'a S<'a>, scope: u32) -> Outcome<'a> {
        self.spend(1)?;
        self.deeper(|this| this.statement_inner(statement, scope))
    }

    fn statement_inner(&mut self, statement: &'a S<'a>, scope: u32) -> Outcome<'a> {
        match statement {
            S::ExpressionStatement(it) => return self.eval(&it.expression, scope),
            S::VariableDeclaration(it) => self.variables(it, scope)?,
            S::ReturnStatement(it) => {
                let value = match &it.argument {
                    Some(value) => self.eval(value, scope)?,
                    None => Js::Undefined,
                };
                return Err(Stop::Return(value));
            }
            S::BlockStatement(it) => {
                let inner = self.scope(scope, false)?;
                return self.block(&it.body, inner);
            }
            S::IfStatement(it) => match self.eval(&it.test, scope)?.truth() {
                Some(true) => return self.statement(&it.consequent, scope),
                Some(false) => {
                    if let Some(other) = &it.alternate {
                        return self.statement(other, scope);
                    }
                }
                None => {
                    self.perhaps(&it.consequent, scope)?;
                    if let Some(other) = &it.alternate {
                        self.perhaps(other, scope)?;
                    }
                }
            },
            S::ForStatement(it) => {
                let inner = self.scope(scope, false)?;
                match &it.init {
                    Some(ast::ForStatementInit::VariableDeclaration(it)) => self.variables(it, inner)?,
                    Some(other) => {
                        if let Some(expression) = other.as_expression() {
                            self.eval(expression, inner)?;
                        }
                    }
                    None => {}
                }
                self.repeat(it.test.as_ref(), it.update.as_ref(), &it.body, inner, None, true)?;
            }
            S::WhileStatement(it) => self.repeat(Some(&it.test), None, &it.body, scope, None, true)?,
            S::DoWhileStatement(it) => self.repeat(Some(&it.test), None, &it.body, scope, None, false)?,
            S::ForOfStatement(it) => {
                let over = self.eval(&it.right, scope)?;
                let items = self.items(&over);
                self.each(&it.left, items, &it.body, scope)?;
            }
            S::ForInStatement(it) => {
                let over = self.eval(&it.right, scope)?;
                let keys = self.keys(&over).map(|keys| keys.into_iter().map(|key| Js::text(&key)).collect());
                self.each(&it.left, keys, &it.body, scope)?;
            }
            S::BreakStatement(it) => return Err(Stop::Break(it.label.as_ref().map(|label| label.name.as_str()))),
            S::ContinueStatement(it) => return Err(Stop::Continue(it.label.as_ref().map(|label| label.name.as_str()))),
            S::LabeledStatement(it) => {
                let label = it.label.name.as_str();
                let done = match &it.body {
                    S::WhileStatement(inner) => self.repeat(Some(&inner.test), None, &inner.body, scope, Some(label), true),
                    other => self.statement(other, scope).map(drop),
                };
                match done {
                    Err(Stop::Break(Some(name))) if name == label => {}
                    other => other?,
                }
            }
            S::SwitchStatement(it) => self.switch(it, scope)?,
            S::TryStatement(it) => {
                let inner = self.scope(scope, false)?;
                let result = match self.block(&it.block.body, inner) {
                    Err(Stop::Throw) => match &it.handler {
                        Some(handler) => {
                            let inner = self.scope(scope, false)?;
                            if let Some(ast::CatchParameter { pattern: ast::BindingPattern::BindingIdentifier(id), .. }) = &handler.param {
                                self.declare(id.name.as_str(), Js::Unknown, inner, false);
                            }
                            self.block(&handler.body.body, inner)
                        }
                        None => Err(Stop::Throw),
                    },
                    other => other,
                };
                if let Some(last) = &it.finalizer {
                    let inner = self.scope(scope, false)?;
                    self.block(&last.body, inner)?;
                }
                return result;
            }
            S::ThrowStatement(it) => {
                self.eval(&it.argument, scope)?;
                return Err(Stop::Throw);
            }
            // Bound already.
            S::FunctionDeclaration(_) => {}
            S::ExportDeclaration(it) => {
                if let ast::Declaration::VariableDeclaration(it) = &it.declaration {
                    self.variables(it, scope)?;
                }
            }
            _ => {}
        }
        Ok(Js::Undefined)
    }

    /// A branch that may or may not be taken: it changes what it changes, and leads nowhere.
    fn perhaps(&mut self, statement: &'a S<'a>, scope: u32) -> Outcome<'a, ()> {
        match self.statement(statement, scope) {
            Err(Stop::Spent) => Err(Stop::Spent),
            _ => Ok(()),
        }
    }

    fn variables(&mut self, it: &'a ast::VariableDeclaration<'a>, scope: u32) -> Outcome<'a, ()> {
        for declarator in &it.declarations {
            let value = match &declarator.init {
                Some(init) => self.eval(init, scope)?,
                None if it.kind.is_var() => continue,
                None => Js::Undefined,
            };
            self.bind(&declarator.id, value, scope, it.kind.is_var())?;
        }
        Ok(())
    }

    pub(super) fn bind(&mut self, pattern: &'a ast::BindingPattern<'a>, value: Js, scope: u32, is_var: bool) -> Outcome<'a, ()> {
        match pattern {
            ast::BindingPattern::BindingIdentifier(id) => self.declare(id.name.as_str(), value, scope, is_var),
            ast::BindingPattern::ArrayPattern(it) => {
                let items = self.items(&value);
                for (at, element) in it.elements.iter().enumerate() {
                    if let Some(element) = element {
                        let item = items.as_ref().map_or(Js::Unknown, |items| items.get(at).cloned().unwrap_or(Js::Undefined));
                        self.bind(element, item, scope, is_var)?;
                    }
                }
            }
            ast::BindingPattern::ObjectPattern(it) => {
                for property in &it.properties {
                    let item = match property.key.static_name() {
                        Some(name) => self.get(&value, &name)?,
                        None => Js::Unknown,
                    };
                    self.bind(&property.value, item, scope, is_var)?;
                }
            }
            ast::BindingPattern::AssignmentPattern(it) => {
                let value = if matches!(value, Js::Undefined) { self.eval(&it.right, scope)? } else { value };
                self.bind(&it.left, value, scope, is_var)?;
            }
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        test: Option<&'a ast::Expression<'a>>,
        update: Option<&'a ast::Expression<'a>>,
        body: &'a S<'a>,
        scope: u32,
        label: Option<&'a str>,
        test_first: bool,
    ) -> Outcome<'a, ()> {
        let mut first = !test_first;
        loop {
            self.spend(1)?;
            if let Some(test) = test.filter(|_| !std::mem::take(&mut first)) {
                match self.eval(test, scope)?.truth() {
                    Some(true) => {}
                    Some(false) => return Ok(()),
                    // Once tells what the body does.
                    None => return self.perhaps(body, scope),
                }
            }
            match self.statement(body, scope) {
                Ok(_) | Err(Stop::Continue(None)) => {}
                Err(Stop::Break(None)) => return Ok(()),
                Err(Stop::Continue(name)) if name == label => {}
                Err(other) => return Err(other),
            }
            if let Some(update) = update {
                self.eval(update, scope)?;
            }
        }
    }

    fn each(&mut self, left: &'a ast::ForStatementLeft<'a>, items: Option<Vec<Js>>, body: &'a S<'a>, scope: u32) -> Outcome<'a, ()> {
        for item in items.unwrap_or_else(|| vec![Js::Unknown]) {
            let inner = self.scope(scope, false)?;
            match left {
                ast::ForStatementLeft::VariableDeclaration(it) => {
                    if let Some(declarator) = it.declarations.first() {
                        self.bind(&declarator.id, item, inner, it.kind.is_var())?;
                    }
                }
                ast::ForStatementLeft::AssignmentTargetIdentifier(id) => self.assign(id.name.as_str(), item, inner),
                _ => {}
            }
            match self.statement(body, inner) {
                Ok(_) | Err(Stop::Continue(None)) => {}
                Err(Stop::Break(None)) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn switch(&mut self, it: &'a ast::SwitchStatement<'a>, scope: u32) -> Outcome<'a, ()> {
        let subject = self.eval(&it.discriminant, scope)?;
        let inner = self.scope(scope, false)?;
        let mut start = None;
        for (at, case) in it.cases.iter().enumerate() {
            let Some(test) = &case.test else { continue };
            let value = self.eval(test, inner)?;
            if self.strictly_equal(&subject, &value) == Some(true) {
                start = Some(at);
                break;
            }
        }
        let start = start.or_else(|| it.cases.iter().position(|case| case.test.is_none()));
        for case in it.cases.iter().skip(start.unwrap_or(usize::MAX)) {
            match self.block(&case.consequent, inner) {
                Ok(_) => {}
                Err(Stop::Break(None)) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
        Ok(())
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
