//! Methods of values that are not interfaces: texts, bytes, lists, dictionaries, promises.

use super::fold;
use super::value::{Data, Value};
use super::{Tracer, expr};
use crate::facts::Taint;
use crate::peel::{self, layer_name};
use std::rc::Rc;

/// Arguments of a call after evaluation.
#[derive(Debug, Default, Clone)]
pub(crate) struct Args {
    pub(crate) plain: Vec<Value>,
    pub(crate) named: Vec<(Rc<str>, Value)>,
}

impl Args {
    pub(super) fn get(&self, index: usize) -> Option<&Value> {
        self.plain.get(index)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(have, _)| &**have == name).map(|(_, value)| value)
    }

    pub(super) fn taint(&self) -> Taint {
        self.plain.iter().chain(self.named.iter().map(|(_, value)| value)).fold(Taint::NONE, |all, value| all.with(value.taint))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.plain.iter().chain(self.named.iter().map(|(_, value)| value))
    }

    /// Functions among them, in dictionaries too.
    pub(super) fn functions(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for value in self.values() {
            match &value.data {
                Data::Function(function) => found.push(*function),
                Data::Dict(items) => found.extend(
                    items.iter().filter_map(|(_, value)| if let Data::Function(function) = value.data { Some(function) } else { None }),
                ),
                _ => {}
            }
        }
        found
    }

    pub(super) fn chain(&self) -> Option<Rc<[&'static str]>> {
        self.values().find_map(|value| value.chain.clone())
    }
}

/// What a call of an unknown function lets through: content, but not the environment (which is passed around freely).
pub(super) fn through_unknown(taint: Taint) -> Taint {
    taint.without(Taint::ENVIRONMENT).without(Taint::HOST).without(Taint::SECRET_ENV).without(Taint::SELF_PATH)
}

impl<'m> Tracer<'m, '_> {
    /// `object.name(args)` where `object` is no interface.
    pub(super) fn method(&mut self, object: Value, name: &str, args: &Args, scope: u32) -> Value {
        if let Some(value) = self.pure_method(&object, name, args).or_else(|| self.text_method(&object, name, args)) {
            return value;
        }
        if let Some(value) = self.sequence_method(&object, name, args, scope) {
            return value;
        }
        let known = matches!(object.data, Data::Text(_) | Data::Partial(_) | Data::Bytes(_) | Data::List(_) | Data::Dict(_));
        let mut taint = object.taint.with(if known { args.taint() } else { through_unknown(args.taint()) });
        let hand = Value { taint: object.taint, about: None, ..object.clone() };
        for function in args.functions() {
            let value = self.call_function(function, &[hand.clone(), hand.clone()], scope);
            taint = taint.with(value.taint);
        }
        // A mutating call (`update`, `append`, `push`, `set`, `write`) leaves in the object what it was given.
        if let Some(about) = object.about
            && matches!(
                name,
                "append"
                    | "push"
                    | "extend"
                    | "update"
                    | "insert"
                    | "add"
                    | "set"
                    | "write"
                    | "concat"
                    | "unshift"
                    | "put"
                    | "add_embed"
                    | "add_file"
                    | "set_content"
                    | "attach"
                    | "push_str"
                    | "extend_from_slice"
                    | "WriteString"
                    | "Write"
                    | "Add"
                    | "Set"
            )
        {
            self.taint_name(about, scope, args.taint());
        }
        if matches!(
            name,
            "includes"
                | "startswith"
                | "startsWith"
                | "endsWith"
                | "endswith"
                | "test"
                | "match"
                | "search"
                | "indexOf"
                | "find"
                | "contains"
                | "Contains"
                | "starts_with"
        ) && let Some(arg) = args.get(0)
        {
            let arg = arg.clone();
            self.compare(&object, &arg);
        }
        if matches!(
            name,
            "length"
                | "size"
                | "exists"
                | "startswith"
                | "startsWith"
                | "includes"
                | "endsWith"
                | "endswith"
                | "test"
                | "has"
                | "indexOf"
                | "isdigit"
                | "hexdigest"
                | "digest"
                | "is_file"
                | "is_dir"
        ) {
            taint = super::gate::tested(taint);
        }
        let data = match (&object.data, name) {
            (Data::Dict(items), "items" | "entries" | "values" | "keys") => dict_view(items, name),
            (Data::Dict(_) | Data::List(_), "copy" | "toString" | "forEach") => object.data.clone(),
            (
                Data::Partial(_),
                "strip" | "trim" | "encode" | "decode" | "lower" | "upper" | "toString" | "rstrip" | "lstrip" | "as_str" | "to_string"
                | "toLowerCase",
            ) => object.data.clone(),
            _ => Data::Unknown,
        };
        Value {
            data,
            taint,
            chain: object.chain.clone().or_else(|| args.chain()),
            label: object.label.clone(),
            about: object.about,
            origin: object.origin,
            held: object.held.clone(),
        }
    }

    fn text_method(&mut self, object: &Value, name: &str, args: &Args) -> Option<Value> {
        let carry = |made: Value| Some(made.tainted(object.taint.with(args.taint())).chained(object, None));
        if let Data::Bytes(bytes) = &object.data {
            return match name {
                "decode" | "toString" => {
                    if let Some(encoding) = args.get(0).and_then(Value::as_text)
                        && name == "toString"
                        && matches!(&*encoding, "hex" | "base64")
                    {
                        return Some(Value::unknown(object.taint));
                    }
                    let encoding = args.get(0).and_then(Value::as_text).unwrap_or_else(|| Rc::from("utf-8")).to_ascii_lowercase();
                    carry(Value::text(decode_text(bytes, &encoding)))
                }
                "hex" => carry(Value::text(hex::encode(&bytes[..bytes.len().min(1 << 20)]))),
                "strip" | "rstrip" | "lstrip" | "encode" | "to_vec" | "to_owned" => {
                    carry(Value { data: object.data.clone(), ..Value::default() })
                }
                "join" => None,
                _ => None,
            };
        }
        let Data::Text(text) = &object.data else { return None };
        let first = args.get(0);
        let number = |index: usize| args.get(index).and_then(Value::as_number);
        match name {
            "encode" | "decode" if first.and_then(Value::as_text).and_then(|name| peel::codec_named(&name)).is_some() => {
                let codec = first.and_then(Value::as_text).and_then(|name| peel::codec_named(&name))?;
                let out = peel::decode(codec, text.as_bytes(), &mut self.budget.peel);
                let made = match out {
                    Some(bytes) => Value::text(String::from_utf8_lossy(&bytes).into_owned()),
                    None => Value::default(),
                };
                Some(made.tainted(object.taint.with(Taint::DECODED)).chained(object, Some(layer_name(codec))))
            }
            "encode" => {
                let encoding = first.and_then(Value::as_text).unwrap_or_else(|| Rc::from("utf-8")).to_ascii_lowercase();
                let bytes = if encoding.contains("latin") || encoding.contains("8859") {
                    text.chars().map(|c| c as u32 as u8).collect()
                } else {
                    text.as_bytes().to_vec()
                };
                carry(Value::bytes(bytes))
            }
            "decode" | "toString" | "valueOf" | "to_string" | "to_owned" | "as_str" | "into" | "clone" | "normalize" | "as_bytes"
            | "into_bytes" | "unwrap" => carry(Value::text(text.clone())),
            "strip" | "trim" if first.is_none() => carry(Value::text(text.trim())),
            "rstrip" | "trimEnd" | "trim_end" if first.is_none() => carry(Value::text(text.trim_end())),
            "lstrip" | "trimStart" if first.is_none() => carry(Value::text(text.trim_start())),
            "lower" | "toLowerCase" | "to_lowercase" => carry(Value::text(text.to_lowercase())),
            "upper" | "toUpperCase" => carry(Value::text(text.to_uppercase())),
            "replace" | "replaceAll" => {
                let (from, to) = (first?.as_text()?, args.get(1)?.as_text()?);
                if from.is_empty() || text.len().saturating_mul(to.len().max(1)) > 64 << 20 {
                    return None;
                }
                let made = if name == "replace" && self.language == crate::facts::Language::JavaScript {
                    text.replacen(&*from, &to, 1)
                } else {
                    text.replace(&*from, &to)
                };
                carry(Value::text(made))
            }
            "split" => {
                let parts: Vec<Value> = match first.map(|value| value.as_text()) {
                    None => text.split_whitespace().map(Value::text).collect(),
                    Some(Some(separator)) if separator.is_empty() => expr::items(object)?,
                    Some(Some(separator)) => text.split(&*separator).take(400_000).map(Value::text).collect(),
                    Some(None) => return None,
                };
                carry(Value::list(parts))
            }
            "join" => {
                let parts = expr::items(first?)?;
                carry(join_texts(&parts, text)?.chained(first?, None))
            }
            "format" => carry(fold::brace_format(text, &args.plain, &args.named)),
            "concat" => {
                let mut parts = vec![object.clone()];
                parts.extend(args.plain.iter().cloned());
                Some(fold::concat(&parts))
            }
            "charAt" | "at" => Some(fold::at(object, number(0).unwrap_or(0.0))),
            "charCodeAt" | "codePointAt" => {
                let at = fold::at(object, number(0).unwrap_or(0.0)).as_text()?;
                carry(Value::number(f64::from(u32::from(at.chars().next()?))))
            }
            "slice" => Some(fold::slice(object, number(0).or(Some(0.0)), number(1), None)),
            "substring" => Some(fold::slice(object, number(0).map(|n| n.max(0.0)).or(Some(0.0)), number(1).map(|n| n.max(0.0)), None)),
            "substr" => {
                let from = number(0).unwrap_or(0.0);
                let to = number(1).map(|length| if from < 0.0 { f64::NAN } else { from + length });
                Some(fold::slice(object, Some(from), to, None))
            }
            "index" | "find" | "indexOf" => {
                let at = text.find(&*first?.as_text()?)?;
                carry(Value::number(text.get(..at)?.chars().count() as f64))
            }
            "repeat" => Some(fold::arithmetic(crate::ir::Op::Mul, object, first?)),
            "translate" => Some(Value::unknown(object.taint.with(Taint::DECODED)).chained(object, Some(peel::CODES))),
            _ => None,
        }
    }

    fn sequence_method(&mut self, object: &Value, name: &str, args: &Args, scope: u32) -> Option<Value> {
        match name {
            "then" | "and_then" | "map_err" => {
                let mut made = Value { about: None, ..object.clone() };
                for (index, arg) in args.plain.iter().enumerate() {
                    if let Data::Function(function) = arg.data {
                        let value = self.call_function(function, std::slice::from_ref(object), scope);
                        if index == 0 {
                            made = value;
                        }
                    } else if let Data::Api(_) = arg.data
                        && index == 0
                    {
                        made = self.call_value(arg, &Args { plain: vec![object.clone()], named: Vec::new() }, scope);
                    }
                }
                Some(made)
            }
            "catch" | "finally" => {
                for arg in &args.plain {
                    if let Data::Function(function) = arg.data {
                        self.call_function(function, &[Value::unknown(Taint::NONE)], scope);
                    }
                }
                Some(object.clone())
            }
            "map" | "flatMap" => {
                let Data::Function(function) = args.get(0)?.data else {
                    let items = expr::items(object).filter(|items| items.len() <= 20_000)?;
                    let callee = args.get(0)?.clone();
                    let out = items
                        .into_iter()
                        .map(|item| self.call_value(&callee, &Args { plain: vec![item], named: Vec::new() }, scope))
                        .collect();
                    return Some(Value::list(out).chained(object, None));
                };
                if let Data::List(items) = &object.data
                    && items.len() <= 20_000
                {
                    let mut out = Vec::with_capacity(items.len());
                    for (index, item) in items.iter().enumerate() {
                        out.push(self.call_function(function, &[item.clone(), Value::number(index as f64)], scope));
                    }
                    return Some(Value::list(out).tainted(object.taint).chained(object, None));
                }
                let value = self.call_function(function, &[expr::item_of(object)], scope);
                Some(Value::unknown(object.taint.with(value.taint)).chained(object, None))
            }
            "forEach" | "filter" | "find" | "some" | "every" => {
                let Data::Function(function) = args.get(0)?.data else { return None };
                self.call_function(function, &[expr::item_of(object)], scope);
                Some(object.clone())
            }
            "reverse" => {
                let Data::List(items) = &object.data else { return None };
                let mut items = items.to_vec();
                items.reverse();
                Some(Value::list(items).tainted(object.taint).chained(object, Some(peel::REVERSED)))
            }
            "join" => {
                let Data::List(items) = &object.data else { return None };
                let separator = args.get(0).map_or_else(|| Rc::from(","), |value| value.as_text().unwrap_or_else(|| Rc::from("")));
                Some(join_texts(items, &separator)?.tainted(object.taint).chained(object, None))
            }
            "get" if matches!(object.data, Data::Dict(_) | Data::Namespace) => {
                let key = args.get(0)?.as_text()?;
                Some(self.member(object.clone(), &key))
            }
            "concat" => match (&object.data, &args.get(0)?.data) {
                (Data::List(_), Data::List(_)) => Some(fold::add(object, args.get(0)?)),
                _ => None,
            },
            "slice" => {
                let Data::List(_) = object.data else { return None };
                Some(fold::slice(object, args.get(0).and_then(Value::as_number), args.get(1).and_then(Value::as_number), None))
            }
            _ => None,
        }
    }
}

/// The keys, values or pairs of a dictionary as a list.
pub(super) fn dict_view(items: &[(Rc<str>, Value)], name: &str) -> Data {
    let list = items.iter().map(|(key, value)| match name {
        "keys" => Value::text(key.clone()),
        "values" => value.clone(),
        _ => Value::list(vec![Value::text(key.clone()), value.clone()]),
    });
    Data::List(list.collect())
}

fn join_texts(parts: &[Value], separator: &str) -> Option<Value> {
    let total: usize = parts.iter().filter_map(Value::as_bytes).map(|bytes| bytes.len() + separator.len()).sum();
    if total > super::value::TEXT_BYTES {
        return None;
    }
    // A text put together letter by letter was taken apart to hide it.
    if separator.is_empty()
        && parts.len() >= 24
        && parts.iter().all(|part| matches!(&part.data, Data::Text(text) if text.len() <= 4 && text.chars().count() == 1))
    {
        let taint = parts.iter().fold(Taint::DECODED, |all, part| all.with(part.taint));
        let text: String = parts.iter().filter_map(Value::as_text).map(|text| text.to_string()).collect();
        return Some(Value::text(text).tainted(taint).chained(parts.first()?, Some(peel::CODES)));
    }
    let mut woven = Vec::with_capacity(parts.len() * 2);
    let gap = (!separator.is_empty()).then(|| Value::text(separator));
    for (index, part) in parts.iter().enumerate() {
        if index > 0
            && let Some(gap) = &gap
        {
            woven.push(gap.clone());
        }
        woven.push(part.clone());
    }
    Some(fold::concat(&woven))
}

/// Bytes as text in a named encoding.
pub(super) fn decode_text(bytes: &[u8], encoding: &str) -> String {
    match encoding.replace(['-', '_'], "").as_str() {
        "utf16" | "utf16le" | "ucs2" => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        "latin1" | "iso88591" | "binary" | "ascii" => bytes.iter().map(|&byte| byte as char).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
