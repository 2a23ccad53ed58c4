//! Values of the evaluator and JavaScript's conversions between them.

use oxc_ast::ast;
use std::collections::HashMap;
use std::rc::Rc;

/// A value. Arrays, objects and functions live in the machine's heap, which goes away as a whole.
#[derive(Debug, Clone)]
pub(super) enum Js {
    Undefined,
    Null,
    Bool(bool),
    Num(f64),
    Text(Rc<[u16]>),
    Heap(u32),
    /// A function or object of the language itself, by its name.
    Native(&'static str),
    /// What cannot be known here: everything of the host.
    Unknown,
}

/// What an index into the heap means.
pub(super) enum Cell<'a> {
    Array(Vec<Js>),
    Object(HashMap<Rc<str>, Js>),
    Function(Closure<'a>),
    Pattern { source: Rc<str>, flags: Rc<str> },
}

/// A function of the script.
pub(super) struct Closure<'a> {
    pub(super) params: &'a ast::FormalParameters<'a>,
    pub(super) body: Body<'a>,
    pub(super) scope: u32,
    /// Its text, as `toString` gives it, and the text that this is a part of.
    pub(super) source: &'a str,
    pub(super) text: &'a str,
    pub(super) name: &'a str,
    pub(super) fields: HashMap<Rc<str>, Js>,
    /// What `this` is, where it was bound or the function is an arrow.
    pub(super) this: Option<Js>,
    pub(super) bound: Vec<Js>,
}

#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Statements(&'a [ast::Statement<'a>]),
    Expression(&'a ast::Expression<'a>),
}

impl Js {
    pub(super) fn text(text: &str) -> Js {
        Js::Text(text.encode_utf16().collect())
    }

    pub(super) fn units(units: Vec<u16>) -> Js {
        Js::Text(Rc::from(units))
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Js::Unknown)
    }

    /// `None`: nobody knows.
    pub(super) fn truth(&self) -> Option<bool> {
        Some(match self {
            Js::Undefined | Js::Null => false,
            Js::Bool(value) => *value,
            Js::Num(number) => *number != 0.0 && !number.is_nan(),
            Js::Text(text) => !text.is_empty(),
            Js::Heap(_) | Js::Native(_) => true,
            Js::Unknown => return None,
        })
    }

    pub(super) fn as_text(&self) -> Option<&Rc<[u16]>> {
        match self {
            Js::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A known text as a string of Rust.
    pub(super) fn string(&self) -> Option<String> {
        self.as_text().map(|text| String::from_utf16_lossy(text))
    }
}

/// A number as JavaScript prints it.
pub(super) fn number_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let size = number.abs();
    if (1e-6..1e21).contains(&size) {
        return format!("{number}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

/// A text as JavaScript reads a number.
pub(super) fn text_number(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    let radix = |digits: &str, radix: u32| u64::from_str_radix(digits, radix).map_or(f64::NAN, |number| number as f64);
    match text.get(..2) {
        Some("0x" | "0X") => radix(&text[2..], 16),
        Some("0b" | "0B") => radix(&text[2..], 2),
        Some("0o" | "0O") => radix(&text[2..], 8),
        _ => match text {
            "Infinity" | "+Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            // Rust reads more words as numbers than JavaScript does.
            _ if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) => {
                text.parse().unwrap_or(f64::NAN)
            }
            _ => f64::NAN,
        },
    }
}

/// `parseInt`.
pub(super) fn leading_int(text: &str, radix: f64) -> f64 {
    let text = text.trim_start();
    let (negative, mut digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut base = if radix.is_finite() { radix as u32 } else { 0 };
    if base == 0 || base == 16 {
        if let Some(rest) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            (base, digits) = (16, rest);
        } else if base == 0 {
            base = 10;
        }
    }
    if !(2..=36).contains(&base) {
        return f64::NAN;
    }
    let mut value = 0.0;
    let mut any = false;
    for digit in digits.chars().map_while(|c| c.to_digit(base)) {
        value = value * f64::from(base) + f64::from(digit);
        any = true;
    }
    match (any, negative) {
        (false, _) => f64::NAN,
        (true, true) => -value,
        (true, false) => value,
    }
}

/// `parseFloat`.
pub(super) fn leading_float(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')) {
            break;
        }
        end = at + 1;
    }
    (1..=end).rev().find_map(|length| text.get(..length)?.parse::<f64>().ok()).unwrap_or(f64::NAN)
}

/// The 32 bits of a number, as the bit operators see them.
pub(super) fn bits(number: f64) -> i32 {
    if !number.is_finite() {
        return 0;
    }
    let wrapped = number.trunc().rem_euclid(4_294_967_296.0);
    wrapped as u32 as i32
}

/// `number.toString(radix)`.
pub(super) fn in_radix(number: f64, radix: u32) -> String {
    if radix == 10 || !number.is_finite() {
        return number_text(number);
    }
    let mut whole = number.abs().trunc();
    let mut fraction = number.abs() - whole;
    let base = f64::from(radix);
    let digit = |value: f64| char::from_digit(value as u32, radix).unwrap_or('0');
    let mut digits = Vec::new();
    while whole >= 1.0 && digits.len() < 1_100 {
        digits.push(digit(whole % base));
        whole = (whole / base).trunc();
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if number < 0.0 {
        digits.push('-');
    }
    digits.reverse();
    if fraction > 0.0 {
        digits.push('.');
        for _ in 0..52 {
            fraction *= base;
            digits.push(digit(fraction.trunc()));
            fraction -= fraction.trunc();
            if fraction == 0.0 {
                break;
            }
        }
    }
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_convert_as_in_javascript() {
        assert_eq!(number_text(1e21), "1e+21");
        assert_eq!(number_text(0.1), "0.1");
        assert_eq!(number_text(1e-7), "1e-7");
        assert_eq!(number_text(-5.0), "-5");
        assert!(text_number("12px").is_nan());
        assert!(text_number("inf").is_nan());
        assert_eq!(text_number(" 0x10 "), 16.0);
        assert_eq!(text_number(""), 0.0);
        assert_eq!(leading_int("12px", 10.0), 12.0);
        assert_eq!(leading_int("-0x1F", f64::NAN), -31.0);
        assert!(leading_int("px", 10.0).is_nan());
        assert_eq!(leading_float("3.5e2rest"), 350.0);
        assert_eq!(bits(4_294_967_295.0), -1);
        assert_eq!(bits(-1.0) as u32 >> 28, 15);
        assert_eq!(in_radix(35.0, 36), "z");
        assert_eq!(in_radix(0.5, 2), "0.1");
    }
}
