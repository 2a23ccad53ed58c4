//! Functions, classes and calls.

use super::super::marshal::{Code, Object};
use super::super::opcodes::Op;
use super::{Frame, Item, Lowering, is_comprehension};
use crate::ir::{Arg, Call, Class, Expr, Function, Stmt, Target};
use std::rc::Rc;

/// Flags of code objects: takes the rest of the arguments, of the named ones.
const VARIABLE: u32 = 4;
const NAMED: u32 = 8;

impl Lowering {
    pub(super) fn make_function(&mut self, frame: &mut Frame<'_>, op: Op, argument: usize) {
        let three = !self.release.is_two();
        if three && !self.release.since(11) {
            // Its dotted name.
            frame.pop();
        }
        let Some(Item::Code(code)) = frame.stack.pop() else {
            frame.push(Item::Value(Expr::Unknown, 0));
            return;
        };
        let mut defaults = Vec::new();
        if three && !self.release.since(13) {
            for bit in [8, 4, 2] {
                if argument & bit != 0 {
                    frame.pop();
                }
            }
            if argument & 1 != 0
                && let Expr::List(values) = frame.pop()
            {
                defaults = values;
            }
        } else if !three {
            if op == Op::MakeClosure {
                frame.pop();
            }
            defaults = frame.take(argument.min(255));
        }
        let function = self.function(&code, frame.function, defaults);
        frame.push(Item::Value(Expr::Lambda(function), 0));
    }

    /// From 3.13 on a function gets its defaults after it is made.
    pub(super) fn function_attribute(&mut self, frame: &mut Frame<'_>, argument: usize) {
        let function = frame.stack.pop();
        let value = frame.pop();
        if let (1, Some(Item::Value(Expr::Lambda(index), _)), Expr::List(values)) = (argument, &function, value) {
            let first = self.arguments.get(*index as usize).map_or(0, |count| count.saturating_sub(values.len()));
            if let Some(function) = self.module.functions.get_mut(*index as usize) {
                function.defaults = values.into_iter().enumerate().map(|(at, value)| (first + at, value)).collect();
            }
        }
        frame.stack.extend(function);
    }

    fn function(&mut self, code: &Rc<Code>, parent: Option<u32>, defaults: Vec<Expr>) -> u32 {
        let index = self.module.functions.len() as u32;
        self.module.functions.push(Function { parent, ..Function::default() });
        self.arguments.push(code.arguments);
        let rest = usize::from(code.flags & VARIABLE != 0) + usize::from(code.flags & NAMED != 0);
        let count = (code.arguments + code.keyword_only + rest).min(256);
        let params: Vec<Target> = code.locals.iter().take(count).map(|name| Target::Name(self.name_of(Some(name)).0)).collect();
        let takes_self = matches!(code.locals.first(), Some(Object::Text(text)) if matches!(&**text, "self" | "cls"));
        let first = code.arguments.saturating_sub(defaults.len());
        let before = self.left;
        let body = self.body(code, Some(index));
        if let Some(function) = self.module.functions.get_mut(index as usize) {
            function.params = params;
            function.defaults = defaults.into_iter().enumerate().map(|(at, value)| (first + at, value)).collect();
            function.body = body;
            function.size = u32::try_from(before - self.left).unwrap_or(u32::MAX);
            function.takes_self = takes_self;
        }
        index
    }

    /// What the body of a comprehension gives back: the list that it fills.
    pub(super) fn finish(&mut self, frame: Frame<'_>) -> Vec<Stmt> {
        let Frame { code, mut out, yields, .. } = frame;
        if is_comprehension(code)
            && let Some(given) = yields.into_iter().next()
        {
            out.retain(|one| !matches!(one, Stmt::Return(_)));
            out.push(Stmt::Return(given.value));
        }
        out
    }

    pub(super) fn any_call(&mut self, frame: &mut Frame<'_>, op: Op, argument: usize) {
        let two = self.release.is_two();
        let names = match op {
            Op::CallKw => named(frame.pop()),
            Op::CallKwOld if !two => named(frame.pop()),
            _ => std::mem::take(&mut frame.keywords),
        };
        let mut args: Vec<Arg> = Vec::new();
        match op {
            Op::CallEx => {
                let has_named = argument & 1 != 0 || self.release.since(14);
                let named = has_named.then(|| frame.pop());
                args.push(Arg { name: None, value: frame.pop(), spread: true });
                args.extend(named.map(|value| Arg { name: None, value, spread: true }));
            }
            _ if two => {
                let mut spread: Vec<Expr> = Vec::new();
                if matches!(op, Op::CallVar | Op::CallKwOld) {
                    spread.push(frame.pop());
                }
                let pairs = frame.take((argument >> 8 & 0xff) * 2);
                let plain = frame.take(argument & 0xff);
                args.extend(plain.into_iter().map(Arg::plain));
                let mut pairs = pairs.into_iter();
                while let (Some(key), Some(value)) = (pairs.next(), pairs.next()) {
                    let name = if let Expr::Text(name) = key { Some(name) } else { None };
                    args.push(Arg { name, value, spread: false });
                }
                args.extend(spread.into_iter().map(|value| Arg { name: None, value, spread: true }));
            }
            _ => {
                let values = frame.take(argument.min(4_096));
                let first = values.len().saturating_sub(names.len());
                for (at, value) in values.into_iter().enumerate() {
                    let name = at.checked_sub(first).and_then(|at| names.get(at)).cloned();
                    args.push(Arg { name, value, spread: false });
                }
            }
        }
        let beside = matches!(op, Op::Call | Op::CallKw) || (op == Op::CallEx && self.release.since(11));
        let callee = if beside { self.callee(frame, &mut args) } else { frame.stack.pop() };
        let (callee, depth) = match callee {
            Some(Item::Value(callee, depth)) => (callee, depth),
            Some(Item::BuildClass) => {
                let class = self.class(frame, args);
                frame.push(Item::Value(class, 0));
                return;
            }
            _ => (Expr::Unknown, 0),
        };
        if let Expr::Member(object, name) = &callee
            && matches!(&**name, "__enter__" | "__exit__")
        {
            let object = (**object).clone();
            frame.push(Item::Value(object, depth));
            return;
        }
        self.push(frame, Expr::Call(Box::new(Call { callee, args, at: frame.line, end: frame.line })), depth.max(super::MAX_DEPTH / 2));
    }

    /// Of the two things under the arguments the one that is called; the other is its object, or nothing.
    fn callee(&mut self, frame: &mut Frame<'_>, args: &mut Vec<Arg>) -> Option<Item> {
        match (frame.stack.pop(), frame.stack.pop()) {
            (Some(Item::Null), below) => below,
            (above, Some(Item::Null) | None) => above,
            (Some(Item::Value(object, _)), below) => {
                args.insert(0, Arg::plain(object));
                below
            }
            (_, below) => below,
        }
    }

    /// `class Name(bases)`: the function that fills it, its name, what it extends.
    fn class(&mut self, frame: &mut Frame<'_>, args: Vec<Arg>) -> Expr {
        let mut args = args.into_iter();
        let (Some(Arg { value: Expr::Lambda(filler), .. }), _) = (args.next(), args.next()) else { return Expr::Unknown };
        let bases = args.filter(|arg| arg.name.is_none()).map(|arg| arg.value).collect();
        self.filled(frame, filler, bases)
    }

    /// The same in Python 2: name, bases, and a call of the function that fills it.
    pub(super) fn class_old(&mut self, frame: &mut Frame<'_>) {
        let mut parts = frame.take(3).into_iter();
        let (_, bases, call) = (parts.next(), parts.next(), parts.next());
        let filler = if let Some(Expr::Call(call)) = &call { &call.callee } else { &Expr::Unknown };
        let made = match (filler, bases) {
            (Expr::Lambda(filler), Some(Expr::List(bases))) => self.filled(frame, *filler, bases),
            (Expr::Lambda(filler), _) => self.filled(frame, *filler, Vec::new()),
            _ => Expr::Unknown,
        };
        frame.push(Item::Value(made, 0));
    }

    fn filled(&mut self, frame: &mut Frame<'_>, filler: u32, bases: Vec<Expr>) -> Expr {
        let index = self.module.classes.len() as u32;
        let mut class = Class { bases, ..Class::default() };
        let body = self.module.functions.get_mut(filler as usize).map(|function| std::mem::take(&mut function.body)).unwrap_or_default();
        let mut rest = Vec::new();
        for one in body {
            match one {
                Stmt::Define { name, function } => {
                    class.methods.insert(self.module.names.text(name), function);
                    if let Some(method) = self.module.functions.get_mut(function as usize) {
                        method.class = Some(index);
                        method.parent = frame.function;
                    }
                }
                Stmt::Assign { target: Target::Name(name), value, add } => {
                    let target = Target::Member(Box::new(Expr::Class(index)), self.module.names.text(name));
                    rest.push(Stmt::Assign { target, value, add });
                }
                Stmt::Return(_) => {}
                other => rest.push(other),
            }
        }
        self.module.classes.push(class);
        frame.out.append(&mut rest);
        Expr::Class(index)
    }
}

fn named(expr: Expr) -> Vec<Rc<str>> {
    match expr {
        Expr::List(items) => items.into_iter().map(|item| if let Expr::Text(text) = item { text } else { Rc::from("") }).collect(),
        _ => Vec::new(),
    }
}
