//! A stack that holds expressions instead of values.
//!
//! Intermediate results that are used twice or grow deep get a name of their own, so that the lowered form grows only
//! with the bytecode.

mod calls;
mod frame;
mod values;

use super::MAX_INSTRUCTIONS;
use super::marshal::{Code, Object};
use super::opcodes::{Instruction, Op, Release};
use crate::ir::{Expr, Module, Stmt, Target};
use crate::trace::value::Value;
use frame::{Frame, Given, Item};
use std::rc::Rc;

/// Deepest expression; what would be deeper gets a name.
const MAX_DEPTH: u32 = 60;
/// Most nodes that one constant may become: constants may share their parts a million times.
const MAX_CONSTANT: usize = 100_000;
/// Code objects in code objects.
const MAX_NESTING: u32 = 40;

/// Lowers a module's code object.
pub(super) fn module(code: &Rc<Code>, release: Release) -> Module {
    let mut lowering = Lowering { module: Module::default(), release, arguments: Vec::new(), left: MAX_INSTRUCTIONS, nesting: 0, made: 0 };
    let body = lowering.body(code, None);
    lowering.module.body = body;
    lowering.module
}

/// How badly a code object fits a release: instructions that it does not have, and arguments that name nothing.
pub(super) fn misfits(code: &Code, release: Release) -> usize {
    let (instructions, sound) = release.instructions(&code.code, 4_096);
    let mut wrong = usize::from(!sound) * 8;
    for instruction in &instructions {
        let argument = instruction.argument as usize;
        wrong += usize::from(match instruction.op {
            Op::Const | Op::ReturnConst | Op::KwNames => argument >= code.consts.len(),
            Op::Name | Op::StoreName | Op::ImportName | Op::ImportFrom | Op::Method | Op::StoreAttr => argument >= code.names.len(),
            Op::Global if release.since(11) => argument >> 1 >= code.names.len(),
            Op::Attr if release.since(12) => argument >> 1 >= code.names.len(),
            Op::Global | Op::Attr => argument >= code.names.len(),
            Op::Fast | Op::StoreFast => argument >= code.locals.len(),
            _ => false,
        });
    }
    // From 3.11 on code starts with a mark, whose number is another in nearly every release.
    wrong += usize::from(release.since(11) && !instructions.iter().take(6).any(|one| one.op == Op::Resume)) * 16;
    // Code ends by giving something back.
    wrong += usize::from(!instructions.iter().any(|one| matches!(one.op, Op::Return | Op::ReturnConst))) * 4;
    let inner = code.consts.iter().filter_map(|inner| if let Object::Code(inner) = inner { Some(inner) } else { None });
    wrong + inner.take(64).map(|inner| misfits_alone(inner, release)).sum::<usize>()
}

/// As [`misfits`], without what is nested deeper.
fn misfits_alone(code: &Code, release: Release) -> usize {
    let (instructions, sound) = release.instructions(&code.code, 1_024);
    let strange = instructions.iter().filter(|one| one.op == Op::Const && one.argument as usize >= code.consts.len()).count();
    usize::from(!sound) * 8 + strange
}

/// A constant that is data.
pub(super) fn value(object: &Object) -> Option<Value> {
    match object {
        Object::Text(text) => Some(Value::text(text.clone())),
        Object::Bytes(bytes) => Some(Value::bytes(bytes.to_vec())),
        Object::Int(number) => Some(Value::number(*number as f64)),
        Object::Float(number) => Some(Value::number(*number)),
        Object::Tuple(items) if items.len() <= 10_000 => Some(Value::list(
            items.iter().map(|item| if matches!(item, Object::Tuple(_)) { None } else { value(item) }.unwrap_or_default()).collect(),
        )),
        _ => None,
    }
}

struct Lowering {
    module: Module,
    release: Release,
    /// Positional arguments of each function, to know which of them defaults are for.
    arguments: Vec<usize>,
    left: usize,
    nesting: u32,
    made: u32,
}

impl Lowering {
    fn body(&mut self, code: &Rc<Code>, function: Option<u32>) -> Vec<Stmt> {
        if self.nesting >= MAX_NESTING {
            self.module.truncated = true;
            return Vec::new();
        }
        self.nesting += 1;
        let (instructions, _) = self.release.instructions(&code.code, self.left);
        self.left = self.left.saturating_sub(instructions.len());
        let mut frame = Frame::of(code, function, self.release);
        self.run(&mut frame, &instructions, 0, usize::MAX);
        self.nesting -= 1;
        self.finish(frame)
    }

    /// Reads instructions up to an offset; gives the index of the first one beyond.
    fn run(&mut self, frame: &mut Frame<'_>, instructions: &[Instruction], from: usize, end: usize) -> usize {
        let mut index = from;
        while let Some(instruction) = instructions.get(index) {
            if instruction.at >= end {
                break;
            }
            self.arrive(frame, instruction.at);
            frame.line = frame.line_at(instruction.at);
            index += 1;
            if instruction.op == Op::ForIter {
                index = self.for_loop(frame, instructions, instruction, index);
            } else if instruction.op == Op::PopJumpIf && self.nesting < MAX_NESTING && self.is_main_guard(frame) {
                index = self.guarded(frame, instructions, instruction, index);
            } else {
                self.step(frame, instruction);
            }
        }
        index
    }

    /// `for target in iter`: the instructions up to the jump's target are the body.
    fn for_loop(&mut self, frame: &mut Frame<'_>, instructions: &[Instruction], at: &Instruction, from: usize) -> usize {
        let iter = frame.pop();
        let item = self.fresh();
        let end = self.release.target(at).max(at.next);
        let before = std::mem::take(&mut frame.out);
        let height = frame.stack.len();
        // The iterator stays where it is while the loop runs.
        frame.push(Item::Value(Expr::Unknown, 0));
        frame.push(Item::Value(Expr::Name(item), 0));
        let yields = frame.yields.len();
        let next = if self.nesting < MAX_NESTING {
            self.nesting += 1;
            let next = self.run(frame, instructions, from, end);
            self.nesting -= 1;
            next
        } else {
            self.module.truncated = true;
            from
        };
        frame.stack.truncate(height);
        frame.dead = false;
        let body = std::mem::replace(&mut frame.out, before);
        let given: Vec<Given> = frame.yields.drain(yields.min(frame.yields.len())..).collect();
        match given.into_iter().next() {
            Some(Given { value, listed }) if body.iter().all(|one| matches!(one, Stmt::Assign { .. } | Stmt::Expr(_))) => {
                let each = Expr::Each(Box::new((Target::Name(item), iter, in_sequence(body, value))));
                let own = listed && !is_comprehension(frame.code);
                let list = frame.stack.iter_mut().rev().find(|item| matches!(item, Item::Value(Expr::List(items), _) if items.is_empty()));
                match list.filter(|_| own) {
                    // From 3.12 on a comprehension stands in the function that has it.
                    Some(list) => *list = Item::Value(each, MAX_DEPTH),
                    None => frame.yields.push(Given { value: each, listed }),
                }
            }
            given => {
                frame.yields.extend(given);
                frame.out.push(Stmt::Loop { target: Some(Target::Name(item)), iter: Some(iter), body });
            }
        }
        // From 3.12 on what ends the loop takes the iterator away, before that the jump does.
        if self.release.since(12) {
            frame.push(Item::Value(Expr::Unknown, 0));
            frame.push(Item::Value(Expr::Unknown, 0));
        }
        next
    }

    /// `if __name__ == "__main__"`: what is only done when the file is a program.
    fn guarded(&mut self, frame: &mut Frame<'_>, instructions: &[Instruction], at: &Instruction, from: usize) -> usize {
        frame.pop();
        let before = std::mem::take(&mut frame.out);
        let end = self.release.target(at).max(at.next);
        self.nesting += 1;
        let next = self.run(frame, instructions, from, end);
        self.nesting -= 1;
        frame.dead = false;
        let body = std::mem::replace(&mut frame.out, before);
        frame.out.push(Stmt::Guarded(body));
        next
    }

    fn arrive(&mut self, frame: &mut Frame<'_>, at: usize) {
        let Some((height, top)) = frame.pending.remove(&at) else { return };
        if frame.dead {
            frame.dead = false;
            frame.stack.truncate(height.saturating_sub(1));
            frame.stack.extend(top);
            return;
        }
        if frame.stack.len() == height
            && let (Some(Item::Value(other, deep)), Some(Item::Value(here, depth))) = (top, frame.stack.last().cloned())
            && !matches!((&other, &here), (Expr::Name(a), Expr::Name(b)) if a == b)
        {
            frame.stack.pop();
            self.push(frame, Expr::Choice(vec![other, here]), deep.max(depth));
        }
    }

    /// Notes the stack for the place that a jump goes to.
    fn leave(&mut self, frame: &mut Frame<'_>, target: usize) {
        self.name_top(frame);
        if frame.pending.len() < 4_096 {
            frame.pending.entry(target).or_insert((frame.stack.len(), frame.stack.last().cloned()));
        }
    }

    fn fresh(&mut self) -> u32 {
        self.made += 1;
        self.module.names.intern(&format!("%{}", self.made))
    }

    /// Puts an expression over others of `depth` on the stack.
    fn push(&mut self, frame: &mut Frame<'_>, expr: Expr, depth: u32) {
        frame.push(Item::Value(expr, depth + 1));
        if depth >= MAX_DEPTH {
            self.name_top(frame);
        }
    }

    /// Gives what lies on top a name, where it is more than one.
    fn name_top(&mut self, frame: &mut Frame<'_>) {
        if let Some(Item::Value(expr, depth)) = frame.stack.last_mut()
            && !matches!(expr, Expr::Name(_) | Expr::Unknown | Expr::Num(_) | Expr::Lambda(_) | Expr::Text(_) | Expr::Bytes(_))
        {
            self.made += 1;
            let name = self.module.names.intern(&format!("%{}", self.made));
            let value = std::mem::replace(expr, Expr::Name(name));
            *depth = 0;
            frame.out.push(Stmt::Assign { target: Target::Name(name), value, add: false });
        }
    }

    fn name_of(&mut self, object: Option<&Object>) -> (u32, Rc<str>) {
        let text: Rc<str> = match object {
            Some(Object::Text(text)) => text.clone(),
            Some(Object::Bytes(bytes)) => Rc::from(String::from_utf8_lossy(bytes)),
            _ => Rc::from(""),
        };
        (self.module.names.intern(&text), text)
    }

    fn variable(&mut self, frame: &Frame<'_>, op: Op, argument: usize) -> u32 {
        let cells = matches!(op, Op::Deref | Op::StoreDeref) && !self.release.since(11);
        let object = if cells { frame.code.cells.get(argument) } else { frame.code.locals.get(argument) };
        self.name_of(object).0
    }

    fn step(&mut self, frame: &mut Frame<'_>, instruction: &Instruction) {
        let (op, argument) = (instruction.op, instruction.argument as usize);
        match op {
            Op::Nothing | Op::Resume | Op::Cache | Op::Extended | Op::Setup => {}
            Op::Const => {
                let item = self.constant(frame.code.consts.get(argument));
                frame.push(item);
            }
            Op::SmallInt => frame.push(Item::Value(Expr::Num(argument as f64), 0)),
            Op::Name | Op::Global => {
                let shift = usize::from(op == Op::Global && self.release.since(11));
                let name = self.name_of(frame.code.names.get(argument >> shift)).0;
                if shift == 1 && argument & 1 == 1 && !self.release.since(13) {
                    frame.push(Item::Null);
                }
                frame.push(Item::Value(Expr::Name(name), 0));
                if shift == 1 && argument & 1 == 1 && self.release.since(13) {
                    frame.push(Item::Null);
                }
            }
            Op::Fast | Op::Deref => {
                let name = self.variable(frame, op, argument);
                frame.push(Item::Value(Expr::Name(name), 0));
            }
            Op::FastPair => {
                for which in [argument >> 4, argument & 15] {
                    let name = self.variable(frame, Op::Fast, which);
                    frame.push(Item::Value(Expr::Name(name), 0));
                }
            }
            Op::StoreFast | Op::StoreDeref => {
                let name = self.variable(frame, op, argument);
                self.store(frame, name);
            }
            Op::StoreFastPair => {
                for which in [argument >> 4, argument & 15] {
                    let name = self.variable(frame, Op::Fast, which);
                    self.store(frame, name);
                }
            }
            Op::StoreLoadFast => {
                let name = self.variable(frame, Op::Fast, argument >> 4);
                self.store(frame, name);
                let name = self.variable(frame, Op::Fast, argument & 15);
                frame.push(Item::Value(Expr::Name(name), 0));
            }
            Op::StoreName => {
                let name = self.name_of(frame.code.names.get(argument)).0;
                self.store(frame, name);
            }
            Op::Attr | Op::Method => {
                let packed = op == Op::Attr && self.release.since(12);
                let name = self.name_of(frame.code.names.get(if packed { argument >> 1 } else { argument })).1;
                let (object, depth) = frame.pop_deep();
                self.push(frame, Expr::Member(Box::new(object), name), depth);
                if op == Op::Method || (packed && argument & 1 == 1) {
                    frame.push(Item::Null);
                }
            }
            Op::SuperAttr => {
                frame.take(3);
                frame.push(Item::Value(Expr::Unknown, 0));
                if argument & 1 == 1 {
                    frame.push(Item::Null);
                }
            }
            Op::StoreAttr => {
                let name = self.name_of(frame.code.names.get(argument)).1;
                let object = frame.pop();
                let value = frame.pop();
                frame.out.push(Stmt::Assign { target: Target::Member(Box::new(object), name), value, add: false });
            }
            Op::StoreSubscript => {
                let (index, object, value) = (frame.pop(), frame.pop(), frame.pop());
                frame.out.push(Stmt::Assign { target: Target::Index(Box::new(object), Box::new(index)), value, add: false });
            }
            Op::ImportName => self.import(frame, argument),
            Op::ImportFrom => {
                let name = self.name_of(frame.code.names.get(argument)).1;
                let expr = match frame.stack.last() {
                    Some(Item::Value(Expr::Import(module), _)) if module.ends_with('.') => {
                        Expr::Import(Rc::from(format!("{module}{name}")))
                    }
                    Some(Item::Value(module, _)) => Expr::Member(Box::new(module.clone()), name),
                    _ => Expr::Unknown,
                };
                frame.push(Item::Value(expr, 1));
            }
            Op::Pop | Op::ImportStar => self.drop_top(frame),
            Op::Pop2 => drop(frame.take(2)),
            Op::Pop4 => drop(frame.take(4)),
            Op::PushNull => frame.push(Item::Null),
            Op::PushUnknown => frame.push(Item::Value(Expr::Unknown, 0)),
            Op::With => {
                // What entering gives is, for files and locks, the thing itself.
                let (value, depth) = frame.pop_deep();
                frame.push(Item::Value(Expr::Unknown, 0));
                frame.push(Item::Value(value, depth));
            }
            Op::Special => {
                let (object, depth) = frame.pop_deep();
                self.push(frame, Expr::Member(Box::new(object), Rc::from("__enter__")), depth);
                frame.push(Item::Null);
            }
            Op::BuildClass => frame.push(Item::BuildClass),
            Op::ClassOld => self.class_old(frame),
            Op::Dup | Op::Copy | Op::Dup2 | Op::DupX | Op::Swap | Op::Rot(_) | Op::RotN => self.shuffle(frame, op, argument),
            Op::Call | Op::CallOld | Op::CallKw | Op::CallEx | Op::CallVar | Op::CallKwOld => self.any_call(frame, op, argument),
            Op::KwNames => frame.keywords = texts(frame.code.consts.get(argument)),
            Op::MakeFunction | Op::MakeClosure => self.make_function(frame, op, argument),
            Op::FunctionAttribute => self.function_attribute(frame, argument),
            Op::Return => {
                let value = frame.pop();
                self.give(frame, value);
            }
            Op::ReturnConst => {
                let value = match self.constant(frame.code.consts.get(argument)) {
                    Item::Value(value, _) => value,
                    _ => Expr::Unknown,
                };
                self.give(frame, value);
            }
            Op::Yield => {
                let value = frame.pop();
                frame.yields.push(Given { value, listed: false });
                frame.push(Item::Value(Expr::Unknown, 0));
            }
            Op::Append => {
                let value = frame.pop();
                frame.yields.push(Given { value, listed: true });
            }
            Op::AppendPair => {
                let value = frame.take(2).pop().unwrap_or(Expr::Unknown);
                frame.yields.push(Given { value, listed: true });
            }
            Op::JumpForward | Op::JumpAbsolute | Op::JumpBackward => {
                let target = self.release.target(instruction);
                if target > instruction.at {
                    self.leave(frame, target);
                }
                frame.dead = true;
            }
            Op::PopJumpIf | Op::BackwardIf => {
                self.drop_top(frame);
                let target = self.release.target(instruction);
                if target > instruction.at {
                    self.leave(frame, target);
                }
            }
            Op::JumpOrPop => {
                let target = self.release.target(instruction);
                self.leave(frame, target);
                self.drop_top(frame);
            }
            Op::Raise => {
                let values = frame.take(argument.min(3));
                frame.out.extend(values.into_iter().map(Stmt::Expr));
                frame.dead = true;
            }
            Op::EndFor => drop(frame.take(if self.release.since(13) { 1 } else { 2 })),
            _ => self.operate(frame, op, argument),
        }
    }
}

/// Whether a code object is the body of a comprehension.
fn is_comprehension(code: &Code) -> bool {
    matches!(&*code.name, "<listcomp>" | "<setcomp>" | "<dictcomp>" | "<genexpr>")
}

/// A loop's body as one expression.
fn in_sequence(body: Vec<Stmt>, value: Expr) -> Expr {
    let mut parts: Vec<Expr> = body
        .into_iter()
        .filter_map(|one| match one {
            Stmt::Assign { target, value, .. } => Some(Expr::Assign(Box::new((target, value)))),
            Stmt::Expr(expr) => Some(expr),
            _ => None,
        })
        .collect();
    parts.push(value);
    Expr::Sequence(parts)
}

/// The texts of a tuple of names.
fn texts(object: Option<&Object>) -> Vec<Rc<str>> {
    match object {
        Some(Object::Tuple(items)) => {
            items.iter().map(|item| if let Object::Text(text) = item { text.clone() } else { Rc::from("") }).collect()
        }
        _ => Vec::new(),
    }
}
