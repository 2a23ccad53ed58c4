//! The operand stack, holding names and constants.

use super::{api_path, descriptor_parts, own_name};
use crate::ir::{Arg, Call, Expr, Names, Op, Stmt, Target};
use noak::reader::attributes::{Code, RawInstruction as I};
use noak::reader::cpool::{self, ConstantPool};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Deepest stack kept.
const MAX_STACK: usize = 1_024;

/// What a method stands in.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'x, 'input> {
    pub(super) pool: &'x ConstantPool<'input>,
    /// This class and the one it extends, with slashes.
    pub(super) this: &'x str,
    pub(super) parent: &'x str,
    /// The class's own methods, as they are bound.
    pub(super) methods: &'x BTreeSet<String>,
    /// Offset in the code to source line.
    pub(super) lines: &'x BTreeMap<u32, u32>,
}

pub(super) struct Machine<'x, 'input> {
    names: &'x mut Names,
    around: Surroundings<'x, 'input>,
    fields: &'x mut BTreeSet<String>,
    stack: Vec<Expr>,
    body: Vec<Stmt>,
    made: u32,
    line: u32,
}

struct Method {
    class: String,
    name: String,
    descriptor: String,
}

impl<'x, 'input> Machine<'x, 'input> {
    pub(super) fn new(names: &'x mut Names, around: Surroundings<'x, 'input>, fields: &'x mut BTreeSet<String>, body: Vec<Stmt>) -> Self {
        Machine { names, around, fields, stack: Vec::new(), body, made: 0, line: 0 }
    }

    pub(super) fn finish(self) -> Vec<Stmt> {
        self.body
    }

    pub(super) fn run(&mut self, code: &Code<'input>, left: &mut usize) {
        for instruction in code.raw_instructions() {
            let Ok((index, instruction)) = instruction else { break };
            if *left == 0 {
                break;
            }
            *left -= 1;
            if let Some((_, line)) = self.around.lines.range(..=index.as_u32()).next_back() {
                self.line = *line;
            }
            self.step(&instruction);
        }
    }

    fn push(&mut self, expr: Expr) {
        if self.stack.len() < MAX_STACK {
            self.stack.push(expr);
        }
    }

    fn pop(&mut self) -> Expr {
        self.stack.pop().unwrap_or(Expr::Unknown)
    }

    fn take(&mut self, count: usize) -> Vec<Expr> {
        let mut out: Vec<Expr> = (0..count).map(|_| self.pop()).collect();
        out.reverse();
        out
    }

    /// Gives a value a name and pushes the name.
    fn keep(&mut self, value: Expr) {
        let name = self.names.intern(&format!("t{}", self.made));
        self.made += 1;
        self.body.push(Stmt::Assign { target: Target::Name(name), value, add: false });
        self.push(Expr::Name(name));
    }

    fn load(&mut self, slot: u16) {
        let name = self.names.intern(&format!("l{slot}"));
        self.push(Expr::Name(name));
    }

    fn store(&mut self, slot: u16) {
        let value = self.pop();
        let name = self.names.intern(&format!("l{slot}"));
        self.body.push(Stmt::Assign { target: Target::Name(name), value, add: false });
    }

    fn binary(&mut self, op: Op) {
        let parts = self.take(2);
        if let [left, right] = &parts[..] {
            let value = Expr::Binary(op, Box::new(left.clone()), Box::new(right.clone()));
            self.keep(value);
        }
    }

    fn utf8(&self, index: cpool::Index<cpool::Utf8<'input>>) -> String {
        self.around.pool.retrieve(index).map(|text| text.display().to_string()).unwrap_or_default()
    }

    fn constant(&mut self, index: cpool::Index<cpool::Item<'input>>) {
        let value = match self.around.pool.get(index) {
            Ok(cpool::Item::String(string)) => Expr::Text(Rc::from(self.utf8(string.string))),
            Ok(cpool::Item::Integer(number)) => Expr::Num(f64::from(number.value)),
            Ok(cpool::Item::Long(number)) => Expr::Num(number.value as f64),
            _ => Expr::Unknown,
        };
        self.push(value);
    }

    fn method(&self, class: cpool::Index<cpool::Class<'input>>, pair: cpool::Index<cpool::NameAndType<'input>>) -> Option<Method> {
        let class = self.around.pool.retrieve(class).ok()?.name.display().to_string();
        let pair = self.around.pool.get(pair).ok()?;
        Some(Method { class, name: self.utf8(pair.name), descriptor: self.utf8(pair.descriptor) })
    }

    fn item_method(&self, index: cpool::Index<cpool::Item<'input>>) -> Option<Method> {
        match self.around.pool.get(index).ok()? {
            cpool::Item::MethodRef(method) => self.method(method.class, method.name_and_type),
            cpool::Item::InterfaceMethodRef(method) => self.method(method.class, method.name_and_type),
            _ => None,
        }
    }

    fn invoke(&mut self, method: Option<Method>, has_object: bool) {
        let Some(method) = method else { return };
        let (kinds, gives) = descriptor_parts(&method.descriptor);
        let args = self.take(kinds.len());
        let object = has_object.then(|| self.pop());
        let mut method = method;
        let own = method.class == self.around.this && self.around.methods.contains(&own_name(&method.name, &method.descriptor));
        if method.class == self.around.this && !own && method.name != "<init>" {
            // Inherited.
            method.class = self.around.parent.to_owned();
        }
        let is_new = method.name == "<init>";
        let mut given: Vec<Arg> = Vec::new();
        let callee = if own && !is_new {
            given.extend(object.clone().map(Arg::plain));
            Expr::Name(self.names.intern(&own_name(&method.name, &method.descriptor)))
        } else {
            if let Some(object) = object.clone()
                && !is_new
            {
                given.push(Arg { name: Some(Rc::from("this")), value: object, spread: false });
            }
            Expr::Api(api_path(&method.class, &method.name))
        };
        given.extend(args.into_iter().map(Arg::plain));
        let call = Expr::Call(Box::new(Call { callee, args: given, at: self.line, end: self.line }));
        match (is_new, object) {
            (true, Some(Expr::Name(name))) => self.body.push(Stmt::Assign { target: Target::Name(name), value: call, add: false }),
            _ if gives => self.keep(call),
            // What is appended to an object stays in it.
            (_, Some(Expr::Name(name))) if matches!(method.name.as_str(), "write" | "append" | "put" | "add" | "setRequestProperty") => {
                self.body.push(Stmt::Expr(call));
                let _ = name;
            }
            _ => self.body.push(Stmt::Expr(call)),
        }
    }

    fn field(&mut self, index: cpool::Index<cpool::FieldRef<'input>>) -> Option<String> {
        let field = self.around.pool.get(index).ok()?;
        let class = self.around.pool.retrieve(field.class).ok()?.name.display().to_string();
        let pair = self.around.pool.get(field.name_and_type).ok()?;
        let name = format!("f:{}", self.utf8(pair.name));
        if class == self.around.this {
            self.fields.insert(name.clone());
        }
        Some(name)
    }

    fn step(&mut self, instruction: &I<'input>) {
        match instruction {
            I::LdC { index } | I::LdCW { index } | I::LdC2W { index } => self.constant(*index),
            I::BIPush { value } => self.push(Expr::Num(f64::from(*value))),
            I::SIPush { value } => self.push(Expr::Num(f64::from(*value))),
            I::IConstM1 => self.push(Expr::Num(-1.0)),
            I::IConst0 => self.push(Expr::Num(0.0)),
            I::IConst1 => self.push(Expr::Num(1.0)),
            I::IConst2 => self.push(Expr::Num(2.0)),
            I::IConst3 => self.push(Expr::Num(3.0)),
            I::IConst4 => self.push(Expr::Num(4.0)),
            I::IConst5 => self.push(Expr::Num(5.0)),
            I::AConstNull | I::LConst0 | I::LConst1 | I::FConst0 | I::FConst1 | I::FConst2 | I::DConst0 | I::DConst1 => {
                self.push(Expr::Unknown)
            }
            I::ALoad { index } | I::ILoad { index } | I::LLoad { index } | I::FLoad { index } | I::DLoad { index } => {
                self.load(u16::from(*index))
            }
            I::ALoadW { index } | I::ILoadW { index } | I::LLoadW { index } | I::FLoadW { index } | I::DLoadW { index } => {
                self.load(*index)
            }
            I::ALoad0 | I::ILoad0 | I::LLoad0 | I::FLoad0 | I::DLoad0 => self.load(0),
            I::ALoad1 | I::ILoad1 | I::LLoad1 | I::FLoad1 | I::DLoad1 => self.load(1),
            I::ALoad2 | I::ILoad2 | I::LLoad2 | I::FLoad2 | I::DLoad2 => self.load(2),
            I::ALoad3 | I::ILoad3 | I::LLoad3 | I::FLoad3 | I::DLoad3 => self.load(3),
            I::AStore { index } | I::IStore { index } | I::LStore { index } | I::FStore { index } | I::DStore { index } => {
                self.store(u16::from(*index))
            }
            I::AStoreW { index } | I::IStoreW { index } | I::LStoreW { index } | I::FStoreW { index } | I::DStoreW { index } => {
                self.store(*index)
            }
            I::AStore0 | I::IStore0 | I::LStore0 | I::FStore0 | I::DStore0 => self.store(0),
            I::AStore1 | I::IStore1 | I::LStore1 | I::FStore1 | I::DStore1 => self.store(1),
            I::AStore2 | I::IStore2 | I::LStore2 | I::FStore2 | I::DStore2 => self.store(2),
            I::AStore3 | I::IStore3 | I::LStore3 | I::FStore3 | I::DStore3 => self.store(3),
            I::New { .. } => self.keep(Expr::Unknown),
            I::ANewArray { .. } | I::NewArray { .. } => {
                self.pop();
                self.keep(Expr::List(Vec::new()));
            }
            I::AAStore | I::BAStore | I::CAStore | I::IAStore | I::SAStore | I::LAStore | I::FAStore | I::DAStore => {
                let parts = self.take(3);
                if let [Expr::Name(array), _, value] = &parts[..] {
                    let grown = Expr::Binary(Op::Add, Box::new(Expr::Name(*array)), Box::new(Expr::List(vec![value.clone()])));
                    self.body.push(Stmt::Assign { target: Target::Name(*array), value: grown, add: false });
                }
            }
            I::AALoad | I::BALoad | I::CALoad | I::IALoad | I::SALoad | I::LALoad | I::FALoad | I::DALoad => {
                let parts = self.take(2);
                if let [array, index] = &parts[..] {
                    let value = Expr::Index(Box::new(array.clone()), Box::new(index.clone()));
                    self.keep(value);
                }
            }
            I::Dup => {
                let top = self.stack.last().cloned().unwrap_or(Expr::Unknown);
                self.push(top);
            }
            I::DupX1 => {
                let parts = self.take(2);
                if let [below, top] = &parts[..] {
                    for part in [top, below, top] {
                        self.push(part.clone());
                    }
                }
            }
            I::Dup2 => {
                let parts = self.take(2);
                for part in parts.iter().chain(&parts) {
                    self.push(part.clone());
                }
            }
            I::Swap => {
                let parts = self.take(2);
                for part in parts.into_iter().rev() {
                    self.push(part);
                }
            }
            I::Pop => drop(self.pop()),
            I::Pop2 => drop(self.take(2)),
            I::GetStatic { index } => {
                let name = self.field(*index).unwrap_or_default();
                let name = self.names.intern(&name);
                self.push(Expr::Name(name));
            }
            I::PutStatic { index } => {
                let value = self.pop();
                if let Some(name) = self.field(*index) {
                    let name = self.names.intern(&name);
                    self.body.push(Stmt::Assign { target: Target::Name(name), value, add: false });
                }
            }
            I::GetField { index } => {
                self.pop();
                let name = self.field(*index).unwrap_or_default();
                let name = self.names.intern(&name);
                self.push(Expr::Name(name));
            }
            I::PutField { index } => {
                let value = self.pop();
                self.pop();
                if let Some(name) = self.field(*index) {
                    let name = self.names.intern(&name);
                    self.body.push(Stmt::Assign { target: Target::Name(name), value, add: false });
                }
            }
            I::InvokeStatic { index } => {
                let method = self.item_method(*index);
                self.invoke(method, false);
            }
            I::InvokeSpecial { index } => {
                let method = self.item_method(*index);
                self.invoke(method, true);
            }
            I::InvokeVirtual { index } => {
                let method = self.around.pool.get(*index).ok().and_then(|method| self.method(method.class, method.name_and_type));
                self.invoke(method, true);
            }
            I::InvokeInterface { index, .. } => {
                let method = self.around.pool.get(*index).ok().and_then(|method| self.method(method.class, method.name_and_type));
                self.invoke(method, true);
            }
            I::InvokeDynamic { index } => {
                let descriptor = self
                    .around
                    .pool
                    .get(*index)
                    .ok()
                    .and_then(|item| self.around.pool.get(item.name_and_type).ok())
                    .map(|pair| self.utf8(pair.descriptor))
                    .unwrap_or_default();
                let (kinds, gives) = descriptor_parts(&descriptor);
                let parts = self.take(kinds.len());
                if gives {
                    self.keep(Expr::Concat(parts));
                }
            }
            I::AReturn | I::IReturn | I::LReturn | I::FReturn | I::DReturn => {
                let value = self.pop();
                self.body.push(Stmt::Return(value));
            }
            I::IAdd | I::LAdd => self.binary(Op::Add),
            I::ISub | I::LSub => self.binary(Op::Sub),
            I::IMul | I::LMul => self.binary(Op::Mul),
            I::IXor | I::LXor => self.binary(Op::Xor),
            I::IAnd | I::LAnd => self.binary(Op::And),
            I::IOr | I::LOr => self.binary(Op::Or),
            I::IRem | I::LRem => self.binary(Op::Rem),
            I::IShL | I::LShL => self.binary(Op::Shl),
            I::IShR | I::LShR | I::IUShR | I::LUShR => self.binary(Op::Shr),
            I::IDiv
            | I::LDiv
            | I::FAdd
            | I::DAdd
            | I::FSub
            | I::DSub
            | I::FMul
            | I::DMul
            | I::FDiv
            | I::DDiv
            | I::FRem
            | I::DRem
            | I::LCmp
            | I::FCmpG
            | I::FCmpL
            | I::DCmpG
            | I::DCmpL => self.binary(Op::Other),
            I::IfEq { .. }
            | I::IfNe { .. }
            | I::IfLt { .. }
            | I::IfGe { .. }
            | I::IfGt { .. }
            | I::IfLe { .. }
            | I::IfNull { .. }
            | I::IfNonNull { .. }
            | I::MonitorEnter
            | I::MonitorExit
            | I::AThrow
            | I::TableSwitch(_)
            | I::LookupSwitch(_) => {
                self.pop();
            }
            I::IfICmpEq { .. }
            | I::IfICmpNe { .. }
            | I::IfICmpLt { .. }
            | I::IfICmpGe { .. }
            | I::IfICmpGt { .. }
            | I::IfICmpLe { .. }
            | I::IfACmpEq { .. }
            | I::IfACmpNe { .. } => {
                self.take(2);
            }
            I::ArrayLength | I::InstanceOf { .. } => {
                self.pop();
                self.push(Expr::Unknown);
            }
            _ => {}
        }
    }
}
