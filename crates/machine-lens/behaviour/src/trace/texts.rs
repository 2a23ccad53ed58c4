//! Methods of known texts, bytes and numbers that hand-made decoders use, beyond the common ones of [`super::method`].

use super::method::Args;
use super::value::{Data, TEXT_BYTES, Value};
use super::{Tracer, expr};
use crate::facts::Language;
use crate::peel;
use std::rc::Rc;

/// Most parts of a split.
const MAX_PARTS: usize = 200_000;

impl Tracer<'_, '_> {
    /// `object.name(args)` where that only computes and everything is known.
    pub(super) fn pure_method(&mut self, object: &Value, name: &str, args: &Args) -> Option<Value> {
        let made = match &object.data {
            Data::Text(text) => self.of_text(text, object, name, args),
            Data::Bytes(bytes) => of_bytes(bytes, object, name, args),
            Data::Num(number) if name == "to_bytes" => to_bytes(*number, args),
            Data::Num(number) if name == "toString" => in_radix(*number, args),
            Data::List(items) if name == "index" || name == "indexOf" => {
                let sought = args.get(0)?;
                let at = items.iter().position(|item| same(item, sought))?;
                Some(Value::number(at as f64))
            }
            Data::Unknown if matches!(name, "digest" | "hexdigest") => {
                let digest = object.held.as_ref()?.get(0)?.as_bytes()?;
                Some(if name == "digest" { Value::bytes(digest.to_vec()) } else { Value::text(hex::encode(digest)) })
            }
            _ => None,
        }?;
        if let Some(bytes) = made.as_bytes() {
            self.charge(bytes.len() as u64 / 256);
        }
        let layered = Value { chain: None, ..made.clone() }.tainted(object.taint.with(args.taint())).chained(object, None);
        Some(match made.chain {
            Some(_) => layered.chained(object, Some(peel::CODES)),
            None => layered,
        })
    }

    fn of_text(&self, text: &Rc<str>, object: &Value, name: &str, args: &Args) -> Option<Value> {
        let first = args.get(0);
        let word = || first.and_then(Value::as_text);
        let width = || first.and_then(Value::as_number).filter(|width| (0.0..1e6).contains(width)).map(|width| width as usize);
        let python = self.language == Language::Python;
        Some(match name {
            "translate" => {
                let Data::Dict(table) = &first?.data else { return None };
                Value { chain: Some(Rc::from([peel::CODES])), ..Value::text(translated(text, table)?) }
            }
            "partition" | "rpartition" => {
                let mark = word().filter(|mark| !mark.is_empty())?;
                let found = if name == "partition" { text.split_once(&*mark) } else { text.rsplit_once(&*mark) };
                let (before, mark, after) = match found {
                    Some((before, after)) => (before, &*mark, after),
                    None if name == "partition" => (&**text, "", ""),
                    None => ("", "", &**text),
                };
                Value::list([before, mark, after].into_iter().map(Value::text).collect())
            }
            "rsplit" => {
                let mark = word().filter(|mark| !mark.is_empty())?;
                let limit = args.get(1).and_then(Value::as_number).map_or(MAX_PARTS, |limit| limit.clamp(0.0, 1e5) as usize);
                let mut parts: Vec<Value> = text.rsplitn(limit + 1, &*mark).map(Value::text).collect();
                parts.reverse();
                Value::list(parts)
            }
            // With a limit; without one it is split elsewhere.
            "split" if python && args.plain.len() == 2 => {
                let mark = word().filter(|mark| !mark.is_empty())?;
                let limit = args.get(1)?.as_number()?.clamp(0.0, 1e5) as usize;
                Value::list(text.splitn(limit + 1, &*mark).map(Value::text).collect())
            }
            "splitlines" => Value::list(text.lines().take(MAX_PARTS).map(Value::text).collect()),
            "strip" | "rstrip" | "lstrip" if python && first.is_some() => {
                let set: Vec<char> = word()?.chars().collect();
                Value::text(match name {
                    "strip" => text.trim_matches(&set[..]),
                    "rstrip" => text.trim_end_matches(&set[..]),
                    _ => text.trim_start_matches(&set[..]),
                })
            }
            "removeprefix" => Value::text(text.strip_prefix(&*word()?).unwrap_or(text)),
            "removesuffix" => Value::text(text.strip_suffix(&*word()?).unwrap_or(text)),
            "rfind" | "rindex" | "lastIndexOf" => position(text, text.rfind(&*word()?)),
            "count" => {
                let mark = word().filter(|mark| !mark.is_empty())?;
                Value::number(text.matches(&*mark).count() as f64)
            }
            "zfill" => Value::text(format!("{}{text}", "0".repeat(width()?.saturating_sub(text.chars().count())))),
            "padStart" | "padEnd" => {
                let fill = args.get(1).map_or_else(|| Some(Rc::from(" ")), Value::as_text)?;
                let missing = width()?.saturating_sub(text.chars().count());
                let fill: String = fill.chars().cycle().take(if fill.is_empty() { 0 } else { missing }).collect();
                Value::text(if name == "padStart" { format!("{fill}{text}") } else { format!("{text}{fill}") })
            }
            "swapcase" => Value::text(
                text.chars()
                    .flat_map(|c| if c.is_uppercase() { c.to_lowercase().collect::<Vec<_>>() } else { c.to_uppercase().collect() })
                    .collect::<String>(),
            ),
            "capitalize" => {
                let mut chars = text.chars();
                let head: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
                Value::text(format!("{head}{}", chars.as_str().to_lowercase()))
            }
            "casefold" => Value::text(text.to_lowercase()),
            "expandtabs" | "title" | "center" => return None,
            "__len__" => Value::number(text.chars().count() as f64),
            "__add__" => super::fold::add(object, first?),
            _ => return None,
        })
    }
}

fn of_bytes(bytes: &Rc<[u8]>, object: &Value, name: &str, args: &Args) -> Option<Value> {
    let first = args.get(0);
    let mark = || first.and_then(Value::as_bytes).filter(|mark| !mark.is_empty());
    let find = |mark: &[u8]| memchr::memmem::find(bytes, mark);
    Some(match name {
        "find" | "index" | "indexOf" => number_or_none(find(mark()?)),
        "rfind" | "rindex" | "lastIndexOf" => number_or_none(memchr::memmem::rfind(bytes, mark()?)),
        "split" | "rsplit" | "partition" | "rpartition" => {
            let mark = mark()?;
            let ends: Vec<usize> = memchr::memmem::find_iter(bytes, mark).take(MAX_PARTS).collect();
            let limit = match name {
                "partition" | "rpartition" => 1,
                _ => {
                    args.get(1).and_then(Value::as_number).filter(|limit| *limit >= 0.0).map_or(MAX_PARTS, |limit| limit.min(1e5) as usize)
                }
            };
            let ends = if name.starts_with('r') { &ends[ends.len().saturating_sub(limit)..] } else { &ends[..ends.len().min(limit)] };
            let mut parts = Vec::with_capacity(ends.len() + 1);
            let mut from = 0;
            for &end in ends {
                parts.push(Value::bytes(bytes.get(from..end)?.to_vec()));
                if name.ends_with("partition") {
                    parts.push(Value::bytes(mark.to_vec()));
                }
                from = end + mark.len();
            }
            parts.push(Value::bytes(bytes.get(from..)?.to_vec()));
            Value::list(parts)
        }
        "replace" => {
            let (from, to) = (mark()?, args.get(1)?.as_bytes()?);
            let count = memchr::memmem::find_iter(bytes, from).count();
            if bytes.len() + count.saturating_mul(to.len()) > TEXT_BYTES {
                return None;
            }
            let mut out = Vec::with_capacity(bytes.len());
            let mut at = 0;
            for found in memchr::memmem::find_iter(bytes, from) {
                out.extend_from_slice(bytes.get(at..found)?);
                out.extend_from_slice(to);
                at = found + from.len();
            }
            out.extend_from_slice(bytes.get(at..)?);
            Value::bytes(out)
        }
        "strip" | "lstrip" | "rstrip" if first.is_none() => {
            let all: &[u8] = bytes;
            Value::bytes(
                match name {
                    "strip" => all.trim_ascii(),
                    "lstrip" => all.trim_ascii_start(),
                    _ => all.trim_ascii_end(),
                }
                .to_vec(),
            )
        }
        "join" => {
            let items = expr::items(first?)?;
            let mut out = Vec::new();
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.extend_from_slice(bytes);
                }
                out.extend_from_slice(item.as_bytes()?);
                if out.len() > TEXT_BYTES {
                    return None;
                }
            }
            Value::bytes(out)
        }
        "translate" => {
            let table: Vec<u8> = match &first?.data {
                Data::Bytes(table) if table.len() == 256 => table.to_vec(),
                Data::Dict(pairs) => {
                    let mut table: Vec<u8> = (0..=255).collect();
                    for (from, to) in pairs.iter() {
                        let slot = table.get_mut(from.parse::<usize>().ok()?)?;
                        *slot = to.as_number().filter(|to| (0.0..256.0).contains(to))? as u8;
                    }
                    table
                }
                _ => return None,
            };
            let made = bytes.iter().map(|byte| table.get(usize::from(*byte)).copied().unwrap_or(*byte)).collect();
            Value { chain: Some(Rc::from([peel::CODES])), ..Value::bytes(made) }
        }
        "slice" | "subarray" => {
            super::fold::slice(object, first.and_then(Value::as_number).or(Some(0.0)), args.get(1).and_then(Value::as_number), None)
        }
        "toString" => {
            let form = first?.as_text()?;
            match &*form {
                "hex" => Value::text(hex::encode(bytes)),
                "base64" => Value::text(peel::to_base64(bytes, false)),
                _ => return None,
            }
        }
        "reverse" => {
            let mut turned = bytes.to_vec();
            turned.reverse();
            Value::bytes(turned)
        }
        "tolist" => Value::list(expr::items(object)?),
        "tobytes" => Value { data: object.data.clone(), ..Value::default() },
        _ => return None,
    })
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_bytes(), b.as_bytes(), a.as_number(), b.as_number()) {
        (Some(a), Some(b), ..) => a == b,
        (_, _, Some(a), Some(b)) => a == b,
        _ => false,
    }
}

fn number_or_none(at: Option<usize>) -> Value {
    Value::number(at.map_or(-1.0, |at| at as f64))
}

fn position(text: &str, at: Option<usize>) -> Value {
    Value::number(at.and_then(|at| text.get(..at)).map_or(-1.0, |before| before.chars().count() as f64))
}

fn translated(text: &str, table: &[(Rc<str>, Value)]) -> Option<String> {
    if table.len() > 2_048 {
        return None;
    }
    let map: std::collections::HashMap<u32, &Value> =
        table.iter().filter_map(|(key, value)| Some((key.parse::<u32>().ok()?, value))).collect();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match map.get(&u32::from(c)) {
            None => out.push(c),
            Some(value) => match (value.as_number(), value.as_text()) {
                (Some(code), _) => out.push(char::from_u32(code as u32)?),
                (None, Some(text)) => out.push_str(&text),
                (None, None) => {}
            },
        }
        if out.len() > TEXT_BYTES {
            return None;
        }
    }
    Some(out)
}

fn to_bytes(number: f64, args: &Args) -> Option<Value> {
    if number.fract() != 0.0 || !(0.0..9e15).contains(&number) {
        return None;
    }
    let length = args.get(0).or_else(|| args.named("length")).and_then(Value::as_number).unwrap_or(1.0).clamp(0.0, 4096.0) as usize;
    let little = args.get(1).or_else(|| args.named("byteorder")).and_then(Value::as_text).as_deref() == Some("little");
    let mut bytes: Vec<u8> = (number as u64).to_le_bytes().to_vec();
    if bytes.iter().skip(length).any(|byte| *byte != 0) {
        return None;
    }
    bytes.resize(length, 0);
    if !little {
        bytes.reverse();
    }
    Some(Value::bytes(bytes))
}

/// JavaScript's `number.toString(radix)` for whole numbers.
fn in_radix(number: f64, args: &Args) -> Option<Value> {
    let radix = args.get(0).map_or(Some(10.0), Value::as_number).filter(|radix| (2.0..=36.0).contains(radix))? as u64;
    if number.fract() != 0.0 || !(0.0..9e15).contains(&number) {
        return None;
    }
    let mut rest = number as u64;
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((rest % radix) as u32, 36)?);
        rest /= radix;
        if rest == 0 {
            break;
        }
    }
    Some(Value::text(digits.into_iter().rev().collect::<String>()))
}
