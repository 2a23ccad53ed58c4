//! Methods of texts, and regular expressions.

use super::machine::{Machine, Outcome, Stop};
use super::objects::clamp;
use super::value::{Cell, Js};
use regex::RegexBuilder;
use std::rc::Rc;

/// Largest compiled pattern, in bytes.
const MAX_PATTERN: usize = 1 << 20;
/// Longest text that a pattern is run over.
const MAX_SEARCHED: usize = 4 << 20;

impl<'a> Machine<'a> {
    pub(super) fn text_method(&mut self, text: &Rc<[u16]>, name: &str, args: &[Js], site: (u32, u32)) -> Outcome<'a> {
        self.spend(1)?;
        let length = text.len();
        let mut numbers = [f64::NAN; 2];
        let mut words: [Option<Rc<[u16]>>; 2] = [None, None];
        if args.iter().take(2).any(Js::is_unknown) {
            return Ok(Js::Unknown);
        }
        for (at, arg) in args.iter().take(2).enumerate() {
            let is_pattern = matches!(arg, Js::Heap(_));
            if !is_pattern {
                numbers[at] = self.as_number_of(arg)?.unwrap_or(f64::NAN);
                words[at] = self.as_text_of(arg)?;
            }
        }
        let given = |at: usize| args.get(at).is_some_and(|arg| !matches!(arg, Js::Undefined));
        let number = |at: usize, otherwise: f64| if given(at) { numbers[at] } else { otherwise };
        let part = |from: usize, to: usize| text.get(from..to.max(from)).unwrap_or_default().to_vec();
        Ok(match name {
            "charAt" | "at" => {
                let at = number(0, 0.0);
                let at = if name == "at" && at < 0.0 { length as f64 + at } else { at };
                let unit = if at >= 0.0 { text.get(at as usize) } else { None };
                match unit {
                    Some(unit) => Js::units(vec![*unit]),
                    None if name == "at" => Js::Undefined,
                    None => Js::text(""),
                }
            }
            "charCodeAt" | "codePointAt" => {
                let at = number(0, 0.0);
                let at = if at.is_nan() { 0.0 } else { at };
                let unit = if at >= 0.0 { text.get(at as usize) } else { None };
                Js::Num(unit.map_or(f64::NAN, |unit| f64::from(*unit)))
            }
            "slice" => {
                let made = part(clamp(number(0, 0.0), length), clamp(number(1, f64::INFINITY), length));
                self.made(made)?
            }
            "substring" => {
                let (a, b) = (clamp(number(0, 0.0).max(0.0), length), clamp(number(1, f64::INFINITY).max(0.0), length));
                let made = part(a.min(b), a.max(b));
                self.made(made)?
            }
            "substr" => {
                let from = clamp(number(0, 0.0), length);
                let count = number(1, f64::INFINITY).max(0.0);
                let made = part(from, clamp(from as f64 + count, length));
                self.made(made)?
            }
            "toString" | "valueOf" | "normalize" => Js::Text(text.clone()),
            "trim" => Js::text(String::from_utf16_lossy(text).trim()),
            "toLowerCase" => Js::text(&String::from_utf16_lossy(text).to_lowercase()),
            "toUpperCase" => Js::text(&String::from_utf16_lossy(text).to_uppercase()),
            "concat" => {
                let mut all = text.to_vec();
                for arg in args {
                    match self.as_text_of(arg)? {
                        Some(more) => all.extend_from_slice(&more),
                        None => return Ok(Js::Unknown),
                    }
                }
                self.made(all)?
            }
            "repeat" => {
                let times = number(0, 0.0);
                if !(0.0..=1e6).contains(&times) || length.saturating_mul(times as usize) > MAX_SEARCHED {
                    return Err(Stop::Throw);
                }
                self.made(text.repeat(times as usize))?
            }
            "padStart" | "padEnd" => {
                let missing = (number(0, 0.0).clamp(0.0, 1e5) as usize).saturating_sub(length);
                let fill = words[1].clone().unwrap_or_else(|| Rc::from([u16::from(b' ')]));
                let fill: Vec<u16> = fill.iter().copied().cycle().take(if fill.is_empty() { 0 } else { missing }).collect();
                self.made(if name == "padStart" { [&fill, &**text].concat() } else { [&**text, &fill].concat() })?
            }
            "indexOf" | "includes" | "startsWith" | "endsWith" | "lastIndexOf" => {
                let Some(sought) = words[0].clone() else { return Ok(Js::Unknown) };
                self.spend(length as u64 / 16)?;
                match name {
                    "startsWith" => Js::Bool(text.get(clamp(number(1, 0.0), length)..).is_some_and(|rest| rest.starts_with(&sought))),
                    "endsWith" => Js::Bool(text.ends_with(&sought)),
                    "lastIndexOf" => Js::Num(
                        (0..=length.saturating_sub(sought.len()))
                            .rev()
                            .find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(&sought)))
                            .map_or(-1.0, |at| at as f64),
                    ),
                    _ => {
                        let found = find(text, &sought, clamp(number(1, 0.0), length));
                        if name == "includes" { Js::Bool(found.is_some()) } else { Js::Num(found.map_or(-1.0, |at| at as f64)) }
                    }
                }
            }
            "split" => self.split(text, args, words[0].clone())?,
            "replace" | "replaceAll" => self.replace(text, name == "replaceAll", args, &words, site)?,
            "search" | "match" => match args.first() {
                Some(Js::Heap(at)) => self.matches(text, *at, name == "search")?,
                _ => Js::Unknown,
            },
            // What old browsers wrap a text in; obfuscators take their letters from it.
            "italics" => self.wrapped(text, "i", None)?,
            "bold" => self.wrapped(text, "b", None)?,
            "sub" => self.wrapped(text, "sub", None)?,
            "fontcolor" => self.wrapped(text, "font", Some(("color", words[0].clone())))?,
            "fontsize" => self.wrapped(text, "font", Some(("size", words[0].clone())))?,
            "link" => self.wrapped(text, "a", Some(("href", words[0].clone())))?,
            _ => Js::Unknown,
        })
    }

    fn wrapped(&mut self, text: &[u16], tag: &str, attribute: Option<(&str, Option<Rc<[u16]>>)>) -> Outcome<'a> {
        let inner = String::from_utf16_lossy(text);
        let attribute = attribute.map_or_else(String::new, |(name, value)| {
            let value = value.map_or_else(|| "undefined".to_owned(), |value| String::from_utf16_lossy(&value));
            format!(" {name}=\"{}\"", value.replace('"', "&quot;"))
        });
        self.made(format!("<{tag}{attribute}>{inner}</{tag}>").encode_utf16().collect())
    }

    fn split(&mut self, text: &Rc<[u16]>, args: &[Js], mark: Option<Rc<[u16]>>) -> Outcome<'a> {
        self.spend(text.len() as u64 / 4)?;
        let parts: Vec<Js> = match (args.first(), mark) {
            (Some(Js::Heap(at)), _) => {
                let Some(pattern) = self.pattern(*at) else { return Ok(Js::Unknown) };
                let whole = String::from_utf16_lossy(text);
                pattern.split(&whole).map(Js::text).collect()
            }
            (None | Some(Js::Undefined), _) => vec![Js::Text(text.clone())],
            (_, Some(mark)) if mark.is_empty() => text.iter().map(|unit| Js::units(vec![*unit])).collect(),
            (_, Some(mark)) => {
                let mut parts = Vec::new();
                let mut from = 0;
                while let Some(at) = find(text, &mark, from) {
                    parts.push(Js::units(text.get(from..at).unwrap_or_default().to_vec()));
                    from = at + mark.len();
                }
                parts.push(Js::units(text.get(from..).unwrap_or_default().to_vec()));
                parts
            }
            _ => return Ok(Js::Unknown),
        };
        self.allocate(Cell::Array(parts))
    }

    fn replace(&mut self, text: &Rc<[u16]>, all: bool, args: &[Js], words: &[Option<Rc<[u16]>>; 2], site: (u32, u32)) -> Outcome<'a> {
        self.spend(text.len() as u64 / 16)?;
        let whole = String::from_utf16_lossy(text);
        let (places, everywhere): (Vec<(usize, usize)>, bool) = match args.first() {
            Some(Js::Heap(at)) => {
                let Some(pattern) = self.pattern(*at) else { return Ok(Js::Unknown) };
                let global = matches!(self.heap.get(*at as usize), Some(Cell::Pattern { flags, .. }) if flags.contains('g'));
                (pattern.find_iter(&whole).map(|found| (found.start(), found.end())).collect(), global)
            }
            _ => {
                let Some(sought) = words[0].as_ref().map(|word| String::from_utf16_lossy(word)) else { return Ok(Js::Unknown) };
                (whole.match_indices(&sought).map(|(at, found)| (at, at + found.len())).collect(), all)
            }
        };
        let function = args.get(1).filter(|arg| matches!(arg, Js::Heap(_))).cloned();
        let plain = words[1].as_ref().map(|word| String::from_utf16_lossy(word));
        let mut out = String::with_capacity(whole.len());
        let mut from = 0;
        for (start, end) in places.into_iter().take(if everywhere { usize::MAX } else { 1 }) {
            let found = whole.get(start..end).unwrap_or("");
            out.push_str(whole.get(from..start).unwrap_or(""));
            match (&function, &plain) {
                (Some(function), _) => {
                    let made = self.call(function.clone(), vec![Js::text(found), Js::Num(start as f64)], Js::Undefined, site)?;
                    match self.as_text_of(&made)? {
                        Some(made) => out.push_str(&String::from_utf16_lossy(&made)),
                        None => return Ok(Js::Unknown),
                    }
                }
                (None, Some(plain)) => out.push_str(&plain.replace("$&", found)),
                (None, None) => return Ok(Js::Unknown),
            }
            from = end;
            self.spend(2)?;
        }
        out.push_str(whole.get(from..).unwrap_or(""));
        self.made(out.encode_utf16().collect())
    }

    fn matches(&mut self, text: &Rc<[u16]>, pattern: u32, only_where: bool) -> Outcome<'a> {
        let global = matches!(self.heap.get(pattern as usize), Some(Cell::Pattern { flags, .. }) if flags.contains('g'));
        let Some(pattern) = self.pattern(pattern).filter(|_| text.len() <= MAX_SEARCHED) else { return Ok(Js::Unknown) };
        let whole = String::from_utf16_lossy(text);
        self.spend(whole.len() as u64 / 16)?;
        if only_where {
            let at = pattern.find(&whole).map(|found| whole.get(..found.start()).unwrap_or("").encode_utf16().count());
            return Ok(Js::Num(at.map_or(-1.0, |at| at as f64)));
        }
        let found: Vec<Js> =
            pattern.find_iter(&whole).take(if global { usize::MAX } else { 1 }).map(|found| Js::text(found.as_str())).collect();
        if found.is_empty() { Ok(Js::Null) } else { self.allocate(Cell::Array(found)) }
    }

    pub(super) fn pattern_method(&mut self, at: u32, name: &str, args: &[Js]) -> Outcome<'a> {
        let Some(Js::Text(text)) = args.first() else { return Ok(Js::Unknown) };
        let text = text.clone();
        match name {
            "test" => {
                let Some(pattern) = self.pattern(at).filter(|_| text.len() <= MAX_SEARCHED) else { return Ok(Js::Unknown) };
                self.spend(text.len() as u64 / 16)?;
                Ok(Js::Bool(pattern.is_match(&String::from_utf16_lossy(&text))))
            }
            "exec" => self.matches(&text, at, false),
            _ => Ok(Js::Unknown),
        }
    }

    /// The pattern in Rust's form, where it has one: what looks around or back does not.
    fn pattern(&mut self, at: u32) -> Option<regex::Regex> {
        // Compiling costs more than a step.
        self.steps = self.steps.saturating_sub(300);
        let Some(Cell::Pattern { source, flags }) = self.heap.get(at as usize) else { return None };
        if source.len() > 4_096 || self.steps == 0 {
            return None;
        }
        let source = source.replace("\\/", "/").replace("[^]", "(?s:.)");
        RegexBuilder::new(&source)
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'))
            .size_limit(MAX_PATTERN)
            .build()
            .ok()
    }
}

fn find(text: &[u16], sought: &[u16], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    if sought.is_empty() {
        return Some(from);
    }
    rest.windows(sought.len()).position(|window| window == sought).map(|at| from + at)
}
