//! Functions that only compute: of known arguments they give a known value.
//!
//! These are what hand-made encodings are built from: counting over a key, pairing it with the data, hashing a password.
//! Everything is bounded by the size of what goes in; what is not known stays unknown.

use super::method::Args;
use super::value::{Data, Value};
use super::{Tracer, expr};
use crate::facts::Language;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::rc::Rc;

/// Most items of a list made here.
const MAX_ITEMS: usize = 200_000;
/// Most bytes that are hashed or encoded.
const MAX_BYTES: usize = 8 << 20;

impl Tracer<'_, '_> {
    /// `path(args)` where that is a function of this kind and its arguments are known.
    pub(super) fn pure_call(&mut self, path: &str, callee: &Value, args: &Args) -> Option<Value> {
        let made = match self.language {
            Language::Python => python(path, args),
            Language::JavaScript => javascript(path, args),
            _ => None,
        }?;
        self.charge(expr::count(&made).unwrap_or(0) as u64 / 8);
        let taint = args.taint().with(callee.taint);
        let chain = args.chain();
        Some(Value { chain: made.chain.clone().or(chain), ..made }.tainted(taint))
    }
}

fn python(path: &str, args: &Args) -> Option<Value> {
    let first = args.get(0);
    let number = |at: usize| args.get(at).and_then(Value::as_number);
    match path {
        "len" => length(first?),
        "range" | "xrange" => range(args),
        "enumerate" => {
            let from = number(1).or_else(|| args.named("start").and_then(Value::as_number)).unwrap_or(0.0);
            let items = some(first?)?;
            Some(Value::list(
                items.into_iter().enumerate().map(|(at, item)| Value::list(vec![Value::number(from + at as f64), item])).collect(),
            ))
        }
        "zip" => zip(&args.plain),
        "itertools.cycle" => match some(first?)? {
            items if items.is_empty() => None,
            items => Some(Value { data: Data::Cycle(Rc::from(items)), ..Value::default() }),
        },
        "itertools.chain" => {
            let mut all = Vec::new();
            for part in &args.plain {
                all.extend(some(part)?);
            }
            (all.len() <= MAX_ITEMS).then(|| Value::list(all))
        }
        "abs" => Some(Value::number(number(0)?.abs())),
        "round" if args.plain.len() == 1 => Some(Value::number(number(0)?.round_ties_even())),
        "sum" => some(first?)?.iter().map(Value::as_number).sum::<Option<f64>>().map(Value::number),
        "max" | "min" => {
            let items = if args.plain.len() == 1 { some(first?)? } else { args.plain.clone() };
            let mut numbers = items.iter().map(Value::as_number).collect::<Option<Vec<f64>>>()?.into_iter();
            let start = numbers.next()?;
            Some(Value::number(numbers.fold(start, if path == "max" { f64::max } else { f64::min })))
        }
        "hex" => Some(Value::text(radix(number(0)?, "0x", |n| format!("{n:x}"))?)),
        "bin" => Some(Value::text(radix(number(0)?, "0b", |n| format!("{n:b}"))?)),
        "oct" => Some(Value::text(radix(number(0)?, "0o", |n| format!("{n:o}"))?)),
        "pow" => {
            let (base, power, modulus) = (number(0)?, number(1)?, number(2));
            match modulus {
                Some(modulus) => power_of(base, power, modulus),
                None => {
                    super::fold::arithmetic(crate::ir::Op::Pow, &Value::number(base), &Value::number(power)).as_number().map(Value::number)
                }
            }
        }
        "str.maketrans" | "bytes.maketrans" | "string.maketrans" => maketrans(args),
        "int.from_bytes" => {
            let bytes = first?.as_bytes()?;
            let order = args.get(1).or_else(|| args.named("byteorder")).and_then(Value::as_text);
            let little = order.as_deref() == Some("little");
            let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            (bytes.len() <= 6).then(|| {
                let number = if little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) };
                Value::number(number as f64)
            })
        }
        "base64.b64encode" | "base64.standard_b64encode" | "base64.urlsafe_b64encode" => {
            let bytes = first?.as_bytes().filter(|bytes| bytes.len() <= MAX_BYTES)?;
            Some(Value::bytes(crate::peel::to_base64(bytes, path.contains("urlsafe")).into_bytes()))
        }
        "binascii.hexlify" | "binascii.b2a_hex" | "base64.b16encode" => {
            let bytes = first?.as_bytes().filter(|bytes| bytes.len() <= MAX_BYTES)?;
            let text = hex::encode(bytes);
            Some(Value::bytes(if path.ends_with("16encode") { text.to_ascii_uppercase() } else { text }.into_bytes()))
        }
        _ => hash_of(path.strip_prefix("hashlib.")?, args),
    }
}

fn javascript(path: &str, args: &Args) -> Option<Value> {
    let number = |at: usize| args.get(at).and_then(Value::as_number);
    match path {
        "Math.floor" => Some(Value::number(number(0)?.floor())),
        "btoa" => {
            let text = args.get(0)?.as_text().filter(|text| text.len() <= MAX_BYTES)?;
            let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            Some(Value::text(crate::peel::to_base64(&bytes?, false)))
        }
        "Object.fromEntries" => None,
        _ => None,
    }
}

fn some(value: &Value) -> Option<Vec<Value>> {
    expr::count(value).filter(|count| *count <= MAX_ITEMS).and_then(|_| expr::items(value))
}

fn length(value: &Value) -> Option<Value> {
    let count = match &value.data {
        Data::Text(text) => text.chars().count(),
        Data::Bytes(bytes) => bytes.len(),
        Data::List(items) => items.len(),
        Data::Dict(items) => items.len(),
        _ => return None,
    };
    Some(Value::number(count as f64))
}

fn range(args: &Args) -> Option<Value> {
    let numbers: Vec<f64> = args.plain.iter().map(Value::as_number).collect::<Option<_>>()?;
    let (from, to, step) = match numbers[..] {
        [to] => (0.0, to, 1.0),
        [from, to] => (from, to, 1.0),
        [from, to, step] => (from, to, step),
        _ => return None,
    };
    if step == 0.0 || !(from.is_finite() && to.is_finite() && step.is_finite()) {
        return None;
    }
    let count = ((to - from) / step).ceil().max(0.0);
    (count <= MAX_ITEMS as f64).then(|| Value::list((0..count as usize).map(|at| Value::number(from + step * at as f64)).collect()))
}

fn zip(parts: &[Value]) -> Option<Value> {
    let mut columns: Vec<(Vec<Value>, bool)> = Vec::with_capacity(parts.len());
    for part in parts {
        columns.push(match &part.data {
            Data::Cycle(items) => (items.to_vec(), true),
            _ => (some(part)?, false),
        });
    }
    let rows = columns.iter().filter(|(_, endless)| !endless).map(|(items, _)| items.len()).min()?;
    if rows.saturating_mul(columns.len()) > 2 * MAX_ITEMS {
        return None;
    }
    let row = |at: usize| {
        Value::list(
            columns.iter().filter_map(|(items, endless)| items.get(if *endless { at % items.len() } else { at }).cloned()).collect(),
        )
    };
    Some(Value::list((0..rows).map(row).collect()))
}

fn radix(number: f64, prefix: &str, digits: impl Fn(u64) -> String) -> Option<String> {
    (number.fract() == 0.0 && number.abs() < 9e15)
        .then(|| format!("{}{prefix}{}", if number < 0.0 { "-" } else { "" }, digits(number.abs() as u64)))
}

fn power_of(base: f64, power: f64, modulus: f64) -> Option<Value> {
    let whole = |x: f64| (x.fract() == 0.0 && (0.0..4e9).contains(&x)).then_some(x as u64);
    let (mut base, mut power, modulus) = (whole(base)?, whole(power)?, whole(modulus).filter(|m| *m > 0)?);
    let mut result = 1 % modulus;
    base %= modulus;
    while power > 0 {
        if power & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    Some(Value::number(result as f64))
}

/// A table from characters to characters, as a dictionary by code.
fn maketrans(args: &Args) -> Option<Value> {
    let pairs: Vec<(Rc<str>, Value)> = match (args.get(0)?, args.get(1)) {
        (Value { data: Data::Dict(items), .. }, None) => items
            .iter()
            .map(|(key, value)| {
                let mut chars = key.chars();
                let code = match (chars.next(), chars.next()) {
                    (Some(one), None) => u32::from(one).to_string(),
                    _ => key.to_string(),
                };
                (Rc::from(code), value.clone())
            })
            .collect(),
        (from, Some(to)) => {
            let code = |item: Value| match item.as_number() {
                Some(number) => Some(number as u32),
                None => item.as_text().and_then(|text| text.chars().next()).map(u32::from),
            };
            let (from, to) = (some(from)?, some(to)?);
            let mut pairs: Vec<(Rc<str>, Value)> = Vec::with_capacity(from.len());
            for (a, b) in from.into_iter().zip(to) {
                pairs.push((Rc::from(code(a)?.to_string()), Value::number(f64::from(code(b)?))));
            }
            pairs
        }
        _ => return None,
    };
    Some(Value { data: Data::Dict(Rc::from(pairs)), ..Value::default() })
}

/// `hashlib.sha256(known)`: keys are made like this. The digest is kept until it is asked for.
fn hash_of(name: &str, args: &Args) -> Option<Value> {
    let bytes = args.get(0)?.as_bytes().filter(|bytes| bytes.len() <= MAX_BYTES)?;
    let digest = Value::bytes(digest(name, bytes)?);
    Some(Value { held: Some(Rc::new(Args { plain: vec![digest], named: Vec::new() })), ..Value::default() })
}

/// The digest of bytes by a named function.
fn digest(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    Some(match name {
        "md5" => Md5::digest(bytes).to_vec(),
        "sha1" => Sha1::digest(bytes).to_vec(),
        "sha256" => Sha256::digest(bytes).to_vec(),
        "sha384" => Sha384::digest(bytes).to_vec(),
        "sha512" => Sha512::digest(bytes).to_vec(),
        _ => return None,
    })
}
