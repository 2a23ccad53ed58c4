//! Statements: blocks, branches, loops, bindings.
//!
//! Where a condition is not known both ways are gone, for what they compute and not for where they lead.

use super::machine::{Machine, Outcome, Stop};
use super::value::Js;
use oxc_ast::ast;
use oxc_ast::ast::Statement as S;

impl<'a> Machine<'a> {
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
}
