//! Expressions: names, members, operators, lists.

use super::fold;
use super::value::{Data, Value};
use super::{EVAL_DEPTH, Tracer};
use crate::facts::{Language, Taint};
use crate::ir::{Expr, Op, Target};
use std::rc::Rc;

impl Value {
    /// The interface path, or an empty text.
    pub(super) fn render_path(&self) -> String {
        match &self.data {
            Data::Api(path) => path.to_string(),
            _ => String::new(),
        }
    }
}

impl<'m> Tracer<'m, '_> {
    pub(super) fn eval(&mut self, expr: &'m Expr, scope: u32) -> Value {
        if self.depth >= EVAL_DEPTH || !self.step() {
            self.out.cut_short = true;
            return Value::default();
        }
        self.depth += 1;
        let value = self.eval_inner(expr, scope);
        self.depth -= 1;
        // Long texts cost what copying them costs.
        if let Some(bytes) = value.as_bytes()
            && bytes.len() > 4_096
        {
            self.charge(bytes.len() as u64 / 256);
        }
        value
    }

    fn eval_inner(&mut self, expr: &'m Expr, scope: u32) -> Value {
        match expr {
            Expr::Unknown => Value::default(),
            Expr::Text(text) => Value::text(text.clone()),
            Expr::Bytes(bytes) => Value { data: Data::Bytes(bytes.clone()), ..Value::default() },
            Expr::Num(number) => Value::number(*number),
            Expr::Name(name) => match self.lookup(*name, scope) {
                Some(value) => {
                    let mut value = value.clone();
                    value.about = Some(*name);
                    value
                }
                None => {
                    let path = self.module.names.text(*name);
                    match self.outer.get(&path) {
                        Some(value) => value.clone(),
                        None => self.resolve(path),
                    }
                }
            },
            Expr::This => match self.class_of(scope) {
                Some(class) => Value { data: Data::Instance(class), ..Value::default() },
                None => Value::default(),
            },
            Expr::Api(path) => self.resolve(path.clone()),
            Expr::Import(specifier) => self.import(specifier, scope),
            Expr::Member(object, name) => {
                let object = self.eval(object, scope);
                self.member(object, name)
            }
            Expr::Index(object, index) => {
                let object = self.eval(object, scope);
                let index = self.eval(index, scope);
                self.index(object, &index)
            }
            Expr::Slice(object, parts) => {
                let object = self.eval(object, scope);
                let parts: Vec<Option<f64>> = parts
                    .iter()
                    .map(|part| match part {
                        Some(part) => self.eval(part, scope).as_number().or(Some(f64::NAN)),
                        None => None,
                    })
                    .collect();
                fold::slice(&object, parts[0], parts[1], parts[2])
            }
            Expr::Call(call) => self.call(call, scope),
            Expr::Binary(op, left, right) => {
                let left = self.eval(left, scope);
                let right = self.eval(right, scope);
                self.binary(*op, &left, &right)
            }
            Expr::Concat(parts) => {
                let parts: Vec<Value> = parts.iter().map(|part| self.eval(part, scope)).collect();
                fold::concat(&parts)
            }
            Expr::Choice(parts) => {
                let mut values: Vec<Value> = parts.iter().map(|part| self.eval(part, scope)).collect();
                let telling = values.iter().position(|value| !matches!(value.data, Data::Unknown));
                let taint = values.iter().fold(Taint::NONE, |all, value| all.with(value.taint));
                match telling {
                    Some(at) => Value { taint, ..values.swap_remove(at) },
                    None => Value::unknown(taint),
                }
            }
            Expr::Sequence(parts) => {
                let mut last = Value::default();
                for part in parts {
                    last = self.eval(part, scope);
                }
                last
            }
            Expr::List(parts) => {
                let parts = parts.iter().map(|part| self.eval(part, scope)).collect();
                Value::list(parts)
            }
            Expr::Dict(parts) => self.dict(parts, scope),
            Expr::Lambda(function) => Value { data: Data::Function(*function), ..Value::default() },
            Expr::Class(class) => Value { data: Data::Class(*class), ..Value::default() },
            Expr::Each(each) => {
                let (target, iter, body) = &**each;
                self.each(target, iter, body, scope)
            }
            Expr::Assign(assign) => {
                let (target, value) = &**assign;
                let value = self.eval(value, scope);
                self.assign(target, value.clone(), scope);
                value
            }
            // A comparison (`a == b`, `a in b`) is lowered to its sides: the outcome depends on all of them.
            Expr::Not(inner) if matches!(&**inner, Expr::Sequence(_)) => {
                let Expr::Sequence(parts) = &**inner else { return Value::default() };
                let sides: Vec<Value> = parts.iter().map(|part| self.eval(part, scope)).collect();
                for pair in sides.windows(2) {
                    self.compare(&pair[0], &pair[1]);
                }
                Value::unknown(sides.iter().fold(Taint::NONE, |all, side| all.with(side.taint)))
            }
            Expr::Not(inner) => {
                let inner = self.eval(inner, scope);
                Value::unknown(inner.taint)
            }
            Expr::Negate(inner) => {
                let inner = self.eval(inner, scope);
                match inner.as_number() {
                    Some(number) => Value::number(-number),
                    None => Value::unknown(inner.taint),
                }
            }
        }
    }

    fn class_of(&self, scope: u32) -> Option<u32> {
        let mut at = scope;
        for _ in 0..64 {
            let function = self.module.functions.get(at.checked_sub(1)? as usize)?;
            if function.class.is_some() {
                return function.class;
            }
            at = self.parent_scope(at)?;
        }
        None
    }

    fn dict(&mut self, parts: &'m [(Expr, Expr)], scope: u32) -> Value {
        let mut items: Vec<(Rc<str>, Value)> = Vec::with_capacity(parts.len());
        let mut taint = Taint::NONE;
        for (key, value) in parts {
            let key = self.eval(key, scope);
            let value = self.eval(value, scope);
            taint = taint.with(value.taint).with(key.taint);
            if let Data::Dict(spread) = &value.data
                && matches!(key.data, Data::Unknown)
            {
                items.extend(spread.iter().cloned());
                continue;
            }
            let key = match &key.data {
                Data::Text(text) => text.clone(),
                _ => Rc::from(key.render(64)),
            };
            items.push((key, value));
        }
        Value { data: Data::Dict(Rc::from(items)), taint, ..Value::default() }
    }

    fn each(&mut self, target: &'m Target, iter: &'m Expr, body: &'m Expr, scope: u32) -> Value {
        let over = self.eval(iter, scope);
        if let Some(count) = count(&over)
            && (count as u64) * 8 < self.budget.steps
            && let Some(items) = items(&over)
        {
            self.charge(count as u64);
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                self.assign_local(target, item, scope);
                out.push(self.eval(body, scope));
            }
            let mut list = Value::list(out);
            list.taint = list.taint.with(over.taint);
            return list.chained(&over, None);
        }
        self.assign_local(target, item_of(&over), scope);
        let body = self.eval(body, scope);
        Value::unknown(body.taint.with(over.taint)).chained(&over, None)
    }

    fn binary(&mut self, op: Op, left: &Value, right: &Value) -> Value {
        if op == Op::Other {
            self.compare(left, right);
        }
        if op == Op::Add {
            return fold::add(left, right);
        }
        if op == Op::Rem
            && let Data::Text(format) | Data::Partial(format) = &left.data
            && self.language == Language::Python
        {
            return fold::percent_format(format, right).tainted(left.taint.with(right.taint));
        }
        if op == Op::Div
            && let Data::Api(path) = &left.data
            && path.contains("Path")
        {
            let joined = fold::join_path(&[left.clone(), right.clone()]);
            return Value { data: left.data.clone(), ..joined };
        }
        // `folder / ".config/x"`, where the folder came out of a walk: a path all the same.
        if op == Op::Div
            && self.language == Language::Python
            && matches!(left.data, Data::Unknown)
            && matches!(right.data, Data::Text(_) | Data::Partial(_))
        {
            let joined = fold::join_path(&[left.clone(), right.clone()]);
            return Value { data: Data::Api(Rc::from("pathlib.Path()")), ..joined };
        }
        fold::arithmetic(op, left, right)
    }

    /// Names of the environment compared with words for secrets: somebody looks for tokens.
    pub(super) fn compare(&mut self, left: &Value, right: &Value) {
        if self.sifts {
            return;
        }
        for (names, word) in [(left, right), (right, left)] {
            if names.taint.has(Taint::ENVIRONMENT) && word.is_telling() && !word.taint.has(Taint::ENVIRONMENT) {
                let word = word.render(200).to_ascii_uppercase();
                self.sifts |=
                    ["TOKEN", "SECRET", "PASSW", "_KEY", "APIKEY", "CREDENTIAL", "AUTH"].iter().any(|secret| word.contains(secret));
            }
        }
    }

    /// `object[index]`.
    fn index(&mut self, object: Value, index: &Value) -> Value {
        match (&object.data, &index.data) {
            (Data::Api(path), Data::Text(key)) if matches!(&**path, "sys.modules") => self.resolve(key.clone()),
            (Data::Api(_) | Data::Namespace | Data::Instance(_) | Data::Class(_), Data::Text(name)) => self.member(object.clone(), name),
            (Data::Dict(_), Data::Text(name)) => self.member(object.clone(), name),
            (Data::Api(path), _) if matches!(&**path, "process.env" | "os.environ") => Value::unknown(Taint::ENV_ONE),
            (Data::Api(path), Data::Num(number)) if matches!(&**path, "sys.argv" | "process.argv") => {
                let is_self = (*number == 0.0 && &**path == "sys.argv") || (*number == 1.0 && &**path == "process.argv");
                Value::unknown(if is_self { Taint::SELF_PATH } else { Taint::INPUT })
            }
            (Data::List(items), Data::Num(number)) => {
                let at = if *number < 0.0 { items.len() as f64 + number } else { *number };
                if at >= 0.0 { items.get(at as usize).cloned().unwrap_or_default() } else { Value::default() }
            }
            (Data::Dict(items), Data::Num(number)) => {
                let key = super::value::number_text(*number);
                items.iter().rev().find(|(have, _)| **have == *key).map(|(_, value)| value.clone()).unwrap_or_default()
            }
            (Data::Text(_) | Data::Bytes(_), Data::Num(number)) => fold::at(&object, *number),
            (_, Data::Text(name)) => self.member(object.clone(), name),
            _ => Value {
                taint: object.taint,
                chain: object.chain.clone(),
                label: object.label.clone(),
                about: object.about,
                ..Value::default()
            },
        }
    }
}

/// How many items a known sequence has, without making them.
pub(super) fn count(value: &Value) -> Option<usize> {
    match &value.data {
        Data::List(items) => Some(items.len()),
        Data::Text(text) => Some(text.len()),
        Data::Bytes(bytes) => Some(bytes.len()),
        _ => None,
    }
}

/// The items of a known sequence.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    match &value.data {
        Data::List(items) => Some(items.to_vec()),
        Data::Text(text) if text.len() <= 400_000 => {
            let mut buffer = [0u8; 4];
            Some(text.chars().map(|c| Value::text(&*c.encode_utf8(&mut buffer)).tainted(value.taint)).collect())
        }
        Data::Bytes(bytes) if bytes.len() <= 400_000 => {
            Some(bytes.iter().map(|byte| Value::number(f64::from(*byte)).tainted(value.taint)).collect())
        }
        _ => None,
    }
}

/// Some item of a sequence.
pub(super) fn item_of(value: &Value) -> Value {
    match &value.data {
        Data::List(items) => items.iter().fold(Value::default(), |all, item| super::join(&all, item)),
        _ => Value { taint: value.taint, chain: value.chain.clone(), label: value.label.clone(), ..Value::default() },
    }
}
