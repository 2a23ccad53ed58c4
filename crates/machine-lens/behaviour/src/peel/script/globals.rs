//! The language's own functions and objects, as far as decoders use them.

use super::machine::{Evaluated, Machine, Outcome, Stop, key};
use super::value::{Cell, Js, leading_float, leading_int};
use crate::peel::{PeelBudget, decode, to_base64};
use oxc_ast::ast;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;
use std::collections::HashMap;
use std::rc::Rc;

/// Functions and objects that stand by themselves.
const NAMES: &[&str] = &[
    "String",
    "Number",
    "Boolean",
    "Array",
    "Object",
    "Function",
    "RegExp",
    "Date",
    "Math",
    "JSON",
    "parseInt",
    "parseFloat",
    "isNaN",
    "escape",
    "unescape",
    "encodeURIComponent",
    "decodeURIComponent",
    "encodeURI",
    "decodeURI",
    "atob",
    "btoa",
    "eval",
    "Buffer",
    "globalThis",
];

/// What they have, as `Object.member`.
const MEMBERS: &[&str] = &[
    "String.fromCharCode",
    "String.fromCodePoint",
    "String.raw",
    "Number.parseInt",
    "Number.parseFloat",
    "Array.from",
    "Array.isArray",
    "Object.keys",
    "Object.values",
    "Object.assign",
    "Object.freeze",
    "Object.create",
    "Math.floor",
    "Math.ceil",
    "Math.round",
    "Math.abs",
    "Math.min",
    "Math.max",
    "Math.pow",
    "Math.trunc",
    "Buffer.from",
    "JSON.parse",
];

/// Methods that every value of a kind has. Unnamed ones exist for their text alone.
const METHODS: &[&str] = &[
    "Array.flat",
    "Array.filter",
    "Array.map",
    "Array.find",
    "Array.at",
    "Array.fill",
    "Array.sort",
    "Array.concat",
    "Array.entries",
    "Array.slice",
    "Array.join",
    "Array.reverse",
    "Array.push",
    "Array.pop",
    "Array.shift",
    "Array.toString",
    "Array.some",
    "Array.every",
    "Array.reduce",
    "Array.keys",
    "String.at",
    "String.slice",
    "String.split",
    "String.italics",
    "String.fontcolor",
    "String.link",
    "String.big",
    "String.sub",
    "String.toString",
    "String.replace",
    "String.charAt",
    "String.charCodeAt",
    "String.concat",
    "String.trim",
    "Number.toString",
    "Number.constructor",
    "Boolean.toString",
    "Object.toString",
    "Object.hasOwnProperty",
    "Function.toString",
    "Function.call",
    "Function.apply",
    "Function.bind",
];

/// What a name of nobody's means.
pub(super) fn named(name: &str) -> Js {
    match name {
        "undefined" => Js::Undefined,
        "NaN" => Js::Num(f64::NAN),
        "Infinity" => Js::Num(f64::INFINITY),
        "window" | "self" | "global" | "top" | "this" => Js::Native("globalThis"),
        _ => NAMES.iter().find(|known| **known == name).map_or(Js::Unknown, |known| Js::Native(known)),
    }
}

/// A method of a kind of value.
pub(super) fn method(kind: &str, name: &str) -> Js {
    let known = METHODS.iter().find(|known| known.split_once('.') == Some((kind, name)));
    match known {
        Some(known) => Js::Native(known),
        // A field that is not there.
        None => Js::Undefined,
    }
}

/// A field of one of the language's own objects.
pub(super) fn member(object: &'static str, name: &str) -> Js {
    match (object, name) {
        ("globalThis", name) => named(name),
        (_, "constructor") => Js::Native("Function"),
        (object, "name") => Js::text(object.rsplit('.').next().unwrap_or(object)),
        ("Math", "PI") => Js::Num(std::f64::consts::PI),
        (object, name) => match MEMBERS.iter().find(|known| known.split_once('.') == Some((object, name))) {
            Some(known) => Js::Native(known),
            None if object == "globalThis" || object.starts_with(char::is_lowercase) => method("Function", name),
            None => match method("Function", name) {
                Js::Undefined => Js::Unknown,
                known => known,
            },
        },
    }
}

/// The text of a function or object of the language, which obfuscators cut letters from.
pub(super) fn native_text(name: &str) -> String {
    match name {
        "globalThis" => "[object Window]".to_owned(),
        "Math" => "[object Math]".to_owned(),
        "JSON" => "[object JSON]".to_owned(),
        "Array Iterator" => "[object Array Iterator]".to_owned(),
        _ => format!("function {}() {{ [native code] }}", name.rsplit('.').next().unwrap_or(name)),
    }
}

impl<'a> Machine<'a> {
    pub(super) fn call_native(&mut self, name: &'static str, args: &[Js], this: Js, site: (u32, u32)) -> Outcome<'a> {
        self.spend(2)?;
        if let Some((kind, method)) = METHODS.iter().find(|known| **known == name).and_then(|known| known.split_once('.'))
            && !matches!(this, Js::Native(_) | Js::Undefined)
            && kind != "Function"
        {
            let method = Js::text(method);
            return self.call_member(this, &method, args.to_vec(), site);
        }
        let first = args.first().cloned().unwrap_or(Js::Undefined);
        if matches!(name, "eval" | "Function") {
            return self.run_text(name, args, site);
        }
        if first.is_unknown() {
            return Ok(Js::Unknown);
        }
        let text =
            |this: &mut Self| -> Outcome<'a, Option<String>> { Ok(this.as_text_of(&first)?.map(|text| String::from_utf16_lossy(&text))) };
        let maths =
            |this: &mut Self, f: fn(f64) -> f64| -> Outcome<'a> { Ok(this.as_number_of(&first)?.map_or(Js::Unknown, |n| Js::Num(f(n)))) };
        Ok(match name {
            "String" => match args.first() {
                None => Js::text(""),
                Some(value) => self.as_text_of(value)?.map_or(Js::Unknown, Js::Text),
            },
            "Number" => match args.first() {
                None => Js::Num(0.0),
                Some(value) => self.as_number_of(value)?.map_or(Js::Unknown, Js::Num),
            },
            "Boolean" => first.truth().map_or(Js::Unknown, Js::Bool),
            "Array" => match (&first, args.len()) {
                (Js::Num(length), 1) if (0.0..=100_000.0).contains(length) => {
                    let items = vec![Js::Undefined; *length as usize];
                    self.allocate(Cell::Array(items))?
                }
                _ => self.allocate(Cell::Array(args.to_vec()))?,
            },
            "Object" if args.is_empty() => self.allocate(Cell::Object(HashMap::new()))?,
            "Object" => first,
            "RegExp" => self.construct(Js::Native("RegExp"), args.to_vec(), site)?,
            // Every clock says the same here.
            "Date" => Js::text("Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"),
            "String.fromCharCode" | "String.fromCodePoint" => {
                let mut units = Vec::with_capacity(args.len());
                for arg in args {
                    let Some(number) = self.as_number_of(arg)? else { return Ok(Js::Unknown) };
                    match char::from_u32(number as u32).filter(|_| name.ends_with("Point")) {
                        Some(c) => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
                        None => units.push(super::value::bits(number) as u16),
                    }
                }
                self.made(units)?
            }
            "parseInt" | "Number.parseInt" => {
                let radix = match args.get(1) {
                    Some(radix) => self.as_number_of(radix)?.unwrap_or(f64::NAN),
                    None => f64::NAN,
                };
                text(self)?.map_or(Js::Unknown, |text| Js::Num(leading_int(&text, radix)))
            }
            "parseFloat" | "Number.parseFloat" => text(self)?.map_or(Js::Unknown, |text| Js::Num(leading_float(&text))),
            "isNaN" => self.as_number_of(&first)?.map_or(Js::Unknown, |number| Js::Bool(number.is_nan())),
            "Math.floor" => maths(self, f64::floor)?,
            "Math.ceil" => maths(self, f64::ceil)?,
            "Math.round" => maths(self, |n| (n + 0.5).floor())?,
            "Math.abs" => maths(self, f64::abs)?,
            "Math.trunc" => maths(self, f64::trunc)?,
            "Math.pow" | "Math.min" | "Math.max" => {
                let mut numbers = Vec::new();
                for arg in args {
                    let Some(number) = self.as_number_of(arg)? else { return Ok(Js::Unknown) };
                    numbers.push(number);
                }
                Js::Num(match (name, &numbers[..]) {
                    ("Math.pow", [base, power, ..]) => base.powf(*power),
                    ("Math.min", all) => all.iter().copied().fold(f64::INFINITY, f64::min),
                    ("Math.max", all) => all.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    _ => f64::NAN,
                })
            }
            "atob" => match text(self)?.and_then(|text| decoded(crate::api::Codec::Base64, text.as_bytes())) {
                Some(bytes) => self.made(bytes.into_iter().map(u16::from).collect())?,
                None => return Err(Stop::Throw),
            },
            "btoa" => match text(self)? {
                Some(text) => Js::text(&to_base64(&text.chars().map(|c| c as u32 as u8).collect::<Vec<u8>>(), false)),
                None => Js::Unknown,
            },
            "Buffer.from" => {
                let encoding = args.get(1).and_then(Js::string).unwrap_or_default();
                let bytes = match (&first, crate::peel::codec_named(&encoding)) {
                    (Js::Text(_), Some(codec)) => text(self)?.and_then(|text| decoded(codec, text.as_bytes())),
                    (Js::Text(_), None) => text(self)?.map(String::into_bytes),
                    _ => None,
                };
                // Its text is what decoders want of it.
                match bytes {
                    Some(bytes) => self.made(String::from_utf8_lossy(&bytes).encode_utf16().collect())?,
                    None => Js::Unknown,
                }
            }
            "unescape" => match text(self)? {
                Some(text) => self.made(unescaped(&text))?,
                None => Js::Unknown,
            },
            "decodeURIComponent" | "decodeURI" => match text(self)?.and_then(|text| decoded(crate::api::Codec::Percent, text.as_bytes())) {
                Some(bytes) => match String::from_utf8(bytes) {
                    Ok(text) => self.made(text.encode_utf16().collect())?,
                    Err(_) => return Err(Stop::Throw),
                },
                None => Js::text(""),
            },
            "escape" | "encodeURIComponent" | "encodeURI" => match self.as_text_of(&first)? {
                Some(text) => {
                    let keep: &str = match name {
                        "escape" => "@*_+-./",
                        "encodeURI" => "-_.!~*'();/?:@&=+$,#",
                        _ => "-_.!~*'()",
                    };
                    self.made(percented(&text, keep, name == "escape"))?
                }
                None => Js::Unknown,
            },
            "Array.isArray" => Js::Bool(matches!(&first, Js::Heap(at) if matches!(self.heap.get(*at as usize), Some(Cell::Array(_))))),
            "Array.from" => match self.items(&first) {
                Some(items) => {
                    let list = self.allocate(Cell::Array(items))?;
                    match args.get(1) {
                        Some(function) => self.call_member(list, &Js::text("map"), vec![function.clone()], site)?,
                        None => list,
                    }
                }
                None => Js::Unknown,
            },
            "Object.keys" => match self.keys(&first) {
                Some(keys) => {
                    let keys = keys.iter().map(|key| Js::text(key)).collect();
                    self.allocate(Cell::Array(keys))?
                }
                None => Js::Unknown,
            },
            "Object.freeze" => first,
            "Object.create" => self.allocate(Cell::Object(HashMap::new()))?,
            "Object.toString" => match this {
                Js::Undefined => Js::text("[object Undefined]"),
                Js::Null => Js::text("[object Null]"),
                _ => Js::text("[object Object]"),
            },
            _ => Js::Unknown,
        })
    }

    pub(super) fn construct(&mut self, callee: Js, args: Vec<Js>, site: (u32, u32)) -> Outcome<'a> {
        match callee {
            Js::Native("RegExp") => {
                let mut parts = [String::new(), String::new()];
                for (at, part) in parts.iter_mut().enumerate() {
                    match args.get(at) {
                        None => {}
                        Some(value) => match (value, self.as_text_of(value)?) {
                            (Js::Heap(cell), _) => match self.heap.get(*cell as usize) {
                                Some(Cell::Pattern { source, .. }) => *part = source.to_string(),
                                _ => return Ok(Js::Unknown),
                            },
                            (_, Some(text)) => *part = String::from_utf16_lossy(&text),
                            (_, None) => return Ok(Js::Unknown),
                        },
                    }
                }
                let [source, flags] = parts;
                self.allocate(Cell::Pattern { source: key(&source.replace('/', "\\/")), flags: key(&flags) })
            }
            Js::Native(name @ ("Function" | "Array" | "Object" | "String" | "Number")) => {
                self.call_native(name, &args, Js::Undefined, site)
            }
            Js::Heap(_) => {
                let this = self.allocate(Cell::Object(HashMap::new()))?;
                match self.call(callee, args, this.clone(), site)? {
                    given @ Js::Heap(_) => Ok(given),
                    _ => Ok(this),
                }
            }
            other => self.call(other, args, Js::Undefined, site).map(|_| Js::Unknown),
        }
    }

    /// `eval(text)` and `Function(…, text)`: the text is noted, then read like the script itself.
    fn run_text(&mut self, name: &str, args: &[Js], site: (u32, u32)) -> Outcome<'a> {
        let code = if name == "Function" { args.last() } else { args.first() };
        let Some(code) = code.cloned() else { return Ok(Js::Unknown) };
        if name == "eval" && !matches!(code, Js::Text(_)) {
            return Ok(code);
        }
        let Some(text) = self.as_text_of(&code)?.map(|text| String::from_utf16_lossy(&text)) else { return Ok(Js::Unknown) };
        self.spend(text.len() as u64 / 4)?;
        let (at, end) = self.place.unwrap_or(site);
        // `return this` and the like hide nothing.
        if text.len() >= 24 && self.evaluated.len() < super::machine::MAX_EVALUATED {
            self.evaluated.push(Evaluated { at, end, text: text.clone() });
        }
        if crate::parse::is_too_deep(&text) {
            return Ok(Js::Unknown);
        }
        let mut names = Vec::new();
        for param in args.iter().take(args.len().saturating_sub(1)).filter(|_| name == "Function") {
            let Some(param) = self.as_text_of(param)? else { return Ok(Js::Unknown) };
            names.push(String::from_utf16_lossy(&param));
        }
        let whole = if name == "Function" { format!("(function anonymous({}\n) {{\n{text}\n}})", names.join(",")) } else { text };
        let source: &'a str = self.allocator.alloc_str(&whole);
        let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
        let parsed = Parser::new(self.allocator, source, SourceType::cjs()).with_options(options).parse();
        if parsed.panicked || (parsed.program.body.is_empty() && !parsed.diagnostics.is_empty()) {
            return Err(Stop::Throw);
        }
        let program: &'a ast::Program<'a> = self.allocator.alloc(parsed.program);
        let before = (std::mem::replace(&mut self.source, source), self.place.replace((at, end)));
        let result = self.deeper(|this| this.block(&program.body, 0));
        (self.source, self.place) = before;
        result
    }
}

fn decoded(codec: crate::api::Codec, bytes: &[u8]) -> Option<Vec<u8>> {
    decode(codec, bytes, &mut PeelBudget::new())
}

/// `%41` and `%u0041`.
fn unescaped(text: &str) -> Vec<u16> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.extend(rest[..at].encode_utf16());
        let after = &rest[at + 1..];
        let wide = after.strip_prefix('u').and_then(|after| after.get(..4)).and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let narrow = after.get(..2).and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let (unit, used) = match (wide, narrow) {
            (Some(unit), _) => (unit, 5),
            (None, Some(unit)) => (unit, 2),
            (None, None) => (u16::from(b'%'), 0),
        };
        out.push(unit);
        rest = &after[used..];
    }
    out.extend(rest.encode_utf16());
    out
}

fn percented(text: &Rc<[u16]>, keep: &str, old: bool) -> Vec<u16> {
    let mut out = String::with_capacity(text.len());
    for c in char::decode_utf16(text.iter().copied()).map(|c| c.unwrap_or('\u{fffd}')) {
        if c.is_ascii_alphanumeric() || keep.contains(c) {
            out.push(c);
        } else if old {
            let code = u32::from(c);
            out.push_str(&if code < 256 { format!("%{code:02X}") } else { format!("%u{code:04X}") });
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out.encode_utf16().collect()
}
