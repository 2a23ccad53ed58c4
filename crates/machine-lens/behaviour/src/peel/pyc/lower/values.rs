//! Constants, operators, containers, and what only moves things on the stack.

use super::super::marshal::Object;
use super::super::opcodes::{Op, Operator};
use super::frame::MAX_STACK;
use super::{Frame, Item, Lowering, MAX_CONSTANT};
use crate::ir::{self, Arg, Call, Expr, Stmt, Target};
use std::rc::Rc;

/// The number of the subscript among 3.14's binary operators.
const SUBSCRIPT: usize = 26;

impl Lowering {
    pub(super) fn constant(&mut self, object: Option<&Object>) -> Item {
        match object {
            Some(Object::Code(code)) => Item::Code(code.clone()),
            Some(Object::Slice(parts)) => {
                let mut room = 8;
                let mut part = |at: usize| match &parts[at] {
                    Object::None => None,
                    other => Some(constant(other, &mut room)),
                };
                Item::Slice(Box::new([part(0), part(1), part(2)]))
            }
            Some(other) => {
                let mut room = MAX_CONSTANT.min(self.left.max(1_000));
                let before = room;
                let expr = constant(other, &mut room);
                // Constants cost what they hold, each time they are used.
                self.left = self.left.saturating_sub(before - room);
                Item::Value(expr, 1)
            }
            None => Item::Value(Expr::Unknown, 0),
        }
    }

    pub(super) fn store(&mut self, frame: &mut Frame<'_>, name: u32) {
        match frame.pop() {
            Expr::Lambda(function) => frame.out.push(Stmt::Define { name, function }),
            value => frame.out.push(Stmt::Assign { target: Target::Name(name), value, add: false }),
        }
    }

    /// A value that nobody takes is a statement.
    pub(super) fn drop_top(&mut self, frame: &mut Frame<'_>) {
        if let Some(Item::Value(expr, _)) = frame.stack.pop()
            && !matches!(expr, Expr::Name(_) | Expr::Unknown | Expr::Num(_) | Expr::Text(_) | Expr::Bytes(_) | Expr::Lambda(_))
        {
            frame.out.push(Stmt::Expr(expr));
        }
    }

    pub(super) fn give(&mut self, frame: &mut Frame<'_>, value: Expr) {
        frame.out.push(if frame.function.is_some() { Stmt::Return(value) } else { Stmt::Expr(value) });
        frame.dead = true;
    }

    pub(super) fn import(&mut self, frame: &mut Frame<'_>, argument: usize) {
        let name = self.name_of(frame.code.names.get(argument)).1;
        let parts = frame.take(2);
        let level = if let Some(Expr::Num(level)) = parts.first() { level.clamp(0.0, 16.0) as usize } else { 0 };
        let from = matches!(parts.get(1), Some(Expr::List(names)) if !names.is_empty());
        let module: Rc<str> = Rc::from(format!("{}{name}", ".".repeat(level)));
        // `import a.b` binds `a`.
        let top = module.split('.').next().unwrap_or(&module);
        if !from && level == 0 && top != &*module {
            frame.out.push(Stmt::Expr(Expr::Import(module.clone())));
            frame.push(Item::Value(Expr::Import(Rc::from(top)), 1));
        } else {
            frame.push(Item::Value(Expr::Import(module), 1));
        }
    }

    /// Whether the condition on top asks if the file is the program.
    pub(super) fn is_main_guard(&self, frame: &Frame<'_>) -> bool {
        let Some(Item::Value(Expr::Not(inner), _)) = frame.stack.last() else { return false };
        let Expr::Sequence(parts) = &**inner else { return false };
        matches!(&**parts, [Expr::Name(name), Expr::Text(text)] if &**text == "__main__" && &*self.module.names.text(*name) == "__name__")
    }

    pub(super) fn shuffle(&mut self, frame: &mut Frame<'_>, op: Op, argument: usize) {
        let height = frame.stack.len();
        match op {
            Op::Swap => {
                if argument >= 1 && argument <= height {
                    frame.stack.swap(height - 1, height - argument);
                }
            }
            Op::Rot(_) | Op::RotN => {
                let count = if let Op::Rot(count) = op { usize::from(count) } else { argument };
                if count >= 2 && count <= height {
                    frame.stack[height - count..].rotate_right(1);
                }
            }
            Op::Copy => {
                // The copy is of a name, so that what is copied is only evaluated once.
                if argument >= 1 && argument <= height {
                    let at = height - argument;
                    let mut above = frame.stack.split_off(at + 1);
                    self.name_top(frame);
                    let copy = frame.stack.last().cloned();
                    frame.stack.append(&mut above);
                    frame.stack.extend(copy);
                }
            }
            _ => {
                let count = match op {
                    Op::Dup => 1,
                    Op::Dup2 => 2,
                    _ => argument.min(5),
                };
                if count <= height && height + count <= MAX_STACK {
                    let mut kept = Vec::with_capacity(count);
                    for _ in 0..count {
                        self.name_top(frame);
                        kept.extend(frame.stack.pop());
                    }
                    kept.reverse();
                    frame.stack.extend(kept.iter().cloned());
                    frame.stack.extend(kept);
                }
            }
        }
    }

    pub(super) fn operate(&mut self, frame: &mut Frame<'_>, op: Op, argument: usize) {
        match op {
            Op::Subscript => self.subscript(frame),
            Op::BinaryArg if argument == SUBSCRIPT => self.subscript(frame),
            Op::Slice => {
                let mut parts = frame.take(2).into_iter().map(known);
                let parts = [parts.next().flatten(), parts.next().flatten(), None];
                self.slice(frame, parts);
            }
            Op::Slice2(which) => {
                let to = (which & 2 != 0).then(|| frame.pop());
                let from = (which & 1 != 0).then(|| frame.pop());
                self.slice(frame, [from, to, None]);
            }
            Op::BuildSlice => {
                let mut parts = frame.take(argument.clamp(2, 3)).into_iter().map(known);
                let parts = [parts.next().flatten(), parts.next().flatten(), parts.next().flatten()];
                frame.push(Item::Slice(Box::new(parts)));
            }
            Op::Sequence | Op::Set => {
                let (items, depth) = frame.take_deep(argument);
                self.push(frame, Expr::List(items), depth);
            }
            Op::Map => {
                let count = if self.release.is_two() { 0 } else { argument.saturating_mul(2) };
                let (items, depth) = frame.take_deep(count);
                let mut items = items.into_iter();
                let mut pairs = Vec::new();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    pairs.push((key, value));
                }
                self.push(frame, Expr::Dict(pairs), depth);
            }
            Op::ConstKeyMap => {
                let keys = if let Expr::List(keys) = frame.pop() { keys } else { Vec::new() };
                let (values, depth) = frame.take_deep(argument);
                self.push(frame, Expr::Dict(keys.into_iter().zip(values).collect()), depth);
            }
            Op::StoreMap => {
                let (pair, _) = frame.take_deep(2);
                let mut pair = pair.into_iter();
                if let (Some(value), Some(key), Some(Item::Value(Expr::Dict(pairs), _))) =
                    (pair.next(), pair.next(), frame.stack.last_mut())
                {
                    pairs.push((key, value));
                }
            }
            Op::Concat => {
                let (parts, depth) = frame.take_deep(argument);
                self.push(frame, Expr::Concat(parts), depth);
            }
            // The text of a value; a format behind it changes nothing that matters.
            Op::Format if argument & 4 != 0 && !self.release.since(13) => {
                frame.pop();
            }
            Op::FormatSpec => drop(frame.pop()),
            Op::Extend => {
                let (more, _) = frame.pop_deep();
                let at = frame.stack.len().checked_sub(argument.max(1));
                if let Some(Item::Value(into, _)) = at.and_then(|at| frame.stack.get_mut(at)) {
                    match (into, more) {
                        (Expr::List(items), Expr::List(more)) => items.extend(more),
                        (Expr::Dict(items), Expr::Dict(more)) => items.extend(more),
                        (Expr::Dict(items), more) => items.push((Expr::Unknown, more)),
                        (into, more) => {
                            let list = std::mem::replace(into, Expr::Unknown);
                            *into = if matches!(&list, Expr::List(items) if items.is_empty()) {
                                more
                            } else {
                                Expr::Binary(ir::Op::Add, Box::new(list), Box::new(more))
                            };
                        }
                    }
                }
            }
            Op::Binary(operator) => self.binary(frame, Some(operator)),
            Op::BinaryArg => self.binary(frame, operator(argument)),
            Op::Unary => {
                let (inner, depth) = frame.pop_deep();
                self.push(frame, Expr::Not(Box::new(inner)), depth);
            }
            Op::Negate => {
                let (inner, depth) = frame.pop_deep();
                self.push(frame, Expr::Negate(Box::new(inner)), depth);
            }
            Op::Invert => {
                let (inner, depth) = frame.pop_deep();
                self.push(frame, Expr::Binary(ir::Op::Xor, Box::new(inner), Box::new(Expr::Num(-1.0))), depth);
            }
            Op::Compare => {
                let (parts, depth) = frame.take_deep(2);
                self.push(frame, Expr::Not(Box::new(Expr::Sequence(parts))), depth);
            }
            Op::Unpack | Op::UnpackEx => {
                self.name_top(frame);
                let value = frame.pop();
                let count = if op == Op::Unpack { argument } else { (argument & 0xff) + 1 + (argument >> 8) };
                for at in (0..count.min(256)).rev() {
                    frame.push(Item::Value(Expr::Index(Box::new(value.clone()), Box::new(Expr::Num(at as f64))), 1));
                }
            }
            Op::Exec => {
                let code = frame.take(3).into_iter().next().unwrap_or(Expr::Unknown);
                let callee = Expr::Name(self.module.names.intern("exec"));
                let (at, end) = (frame.line, frame.line);
                frame.out.push(Stmt::Expr(Expr::Call(Box::new(Call { callee, args: vec![Arg::plain(code)], at, end }))));
            }
            Op::Print => drop(frame.take(2)),
            _ => {}
        }
    }

    fn subscript(&mut self, frame: &mut Frame<'_>) {
        if matches!(frame.stack.last(), Some(Item::Slice(_))) {
            if let Some(Item::Slice(parts)) = frame.stack.pop() {
                self.slice(frame, *parts);
            }
            return;
        }
        let (index, _) = frame.pop_deep();
        let (object, depth) = frame.pop_deep();
        self.push(frame, Expr::Index(Box::new(object), Box::new(index)), depth);
    }

    fn slice(&mut self, frame: &mut Frame<'_>, parts: [Option<Expr>; 3]) {
        let (object, depth) = frame.pop_deep();
        self.push(frame, Expr::Slice(Box::new(object), Box::new(parts)), depth);
    }

    fn binary(&mut self, frame: &mut Frame<'_>, operator: Option<Operator>) {
        let (parts, depth) = frame.take_deep(2);
        let mut parts = parts.into_iter();
        let (left, right) = (parts.next().unwrap_or(Expr::Unknown), parts.next().unwrap_or(Expr::Unknown));
        let op = match operator {
            Some(Operator::Add) => ir::Op::Add,
            Some(Operator::And) => ir::Op::And,
            Some(Operator::FloorDiv) => ir::Op::FloorDiv,
            Some(Operator::Shl) => ir::Op::Shl,
            Some(Operator::Mul) => ir::Op::Mul,
            Some(Operator::Rem) => ir::Op::Rem,
            Some(Operator::Or) => ir::Op::Or,
            Some(Operator::Pow) => ir::Op::Pow,
            Some(Operator::Shr) => ir::Op::Shr,
            Some(Operator::Sub) => ir::Op::Sub,
            Some(Operator::Div) => ir::Op::Div,
            Some(Operator::Xor) => ir::Op::Xor,
            None => ir::Op::Other,
        };
        self.push(frame, Expr::Binary(op, Box::new(left), Box::new(right)), depth);
    }
}

/// The argument of `BINARY_OP`; those from 13 on assign in place.
fn operator(argument: usize) -> Option<Operator> {
    use Operator as O;
    const ORDER: [Option<Operator>; 13] = [
        Some(O::Add),
        Some(O::And),
        Some(O::FloorDiv),
        Some(O::Shl),
        None,
        Some(O::Mul),
        Some(O::Rem),
        Some(O::Or),
        Some(O::Pow),
        Some(O::Shr),
        Some(O::Sub),
        Some(O::Div),
        Some(O::Xor),
    ];
    ORDER.get(argument % ORDER.len()).copied().flatten()
}

/// A bound of a slice; `None` is no bound.
fn known(expr: Expr) -> Option<Expr> {
    if matches!(expr, Expr::Api(ref path) if &**path == "None") { None } else { Some(expr) }
}

fn constant(object: &Object, room: &mut usize) -> Expr {
    if *room == 0 {
        return Expr::Unknown;
    }
    *room -= 1;
    match object {
        Object::Text(text) => Expr::Text(text.clone()),
        Object::Bytes(bytes) => Expr::Bytes(bytes.clone()),
        Object::Int(number) => Expr::Num(*number as f64),
        Object::Float(number) => Expr::Num(*number),
        Object::Bool(value) => Expr::Num(f64::from(u8::from(*value))),
        Object::Tuple(items) => Expr::List(items.iter().map(|item| constant(item, room)).collect()),
        // Told apart only for the bounds of slices.
        Object::None => Expr::Api(Rc::from("None")),
        Object::Code(_) | Object::Slice(_) | Object::Other => Expr::Unknown,
    }
}
