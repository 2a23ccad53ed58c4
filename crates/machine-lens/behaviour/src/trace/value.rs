//! What the tracer knows of a value: its text where it can be folded, what it stands for, and what it carries.

use super::method::Args;
use crate::facts::Taint;
use crate::ir::Sym;
use std::rc::Rc;

/// The hole in a text of which only parts are known.
pub(crate) const HOLE: char = '…';
/// Longest text kept where only parts are known, in bytes.
const PARTIAL_BYTES: usize = 4096;
/// Longest text built by folding, in bytes.
pub(crate) const TEXT_BYTES: usize = 16 << 20;

#[derive(Debug, Clone, Default)]
pub(crate) enum Data {
    #[default]
    Unknown,
    Text(Rc<str>),
    /// A text with holes.
    Partial(Rc<str>),
    Bytes(Rc<[u8]>),
    Num(f64),
    List(Rc<[Value]>),
    Dict(Rc<[(Rc<str>, Value)]>),
    /// A module, function or object of an interface, by its path.
    Api(Rc<str>),
    Function(u32),
    Class(u32),
    Instance(u32),
    /// `globals()` and the like.
    Namespace,
    /// A code object, as `marshal` writes it.
    Code(Rc<[u8]>),
    /// These, again and again without end (`itertools.cycle`).
    Cycle(Rc<[Value]>),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Value {
    pub(crate) data: Data,
    pub(crate) taint: Taint,
    /// Layers peeled to get here.
    pub(crate) chain: Option<Rc<[&'static str]>>,
    /// The variable that was read to get it.
    pub(crate) about: Option<Sym>,
    /// For a file handle: the variable that holds its path.
    pub(crate) origin: Option<Sym>,
    /// The path of the file, the command so far.
    pub(crate) label: Option<Rc<str>>,
    /// What a cipher or a hash was made of.
    pub(crate) held: Option<Rc<Args>>,
}

impl Value {
    pub(crate) fn unknown(taint: Taint) -> Value {
        Value { taint, ..Value::default() }
    }

    pub(crate) fn text(text: impl Into<Rc<str>>) -> Value {
        Value { data: Data::Text(text.into()), ..Value::default() }
    }

    pub(crate) fn bytes(bytes: Vec<u8>) -> Value {
        Value { data: Data::Bytes(Rc::from(bytes)), ..Value::default() }
    }

    pub(crate) fn number(number: f64) -> Value {
        Value { data: Data::Num(number), ..Value::default() }
    }

    pub(crate) fn list(items: Vec<Value>) -> Value {
        let taint = items.iter().fold(Taint::NONE, |all, item| all.with(item.taint));
        Value { data: Data::List(Rc::from(items)), taint, ..Value::default() }
    }

    pub(crate) fn api(path: impl Into<Rc<str>>) -> Value {
        Value { data: Data::Api(path.into()), ..Value::default() }
    }

    /// A text with holes, cut to a bound; `Unknown` when nothing but holes is in it.
    pub(crate) fn partial(text: String) -> Value {
        if text.chars().all(|c| c == HOLE) {
            return Value::default();
        }
        let text = if text.len() > PARTIAL_BYTES { cut(&text, PARTIAL_BYTES).to_owned() } else { text };
        Value { data: Data::Partial(Rc::from(text)), ..Value::default() }
    }

    pub(crate) fn tainted(mut self, taint: Taint) -> Value {
        self.taint = self.taint.with(taint);
        self
    }

    pub(crate) fn chained(mut self, from: &Value, layer: Option<&'static str>) -> Value {
        let mut layers: Vec<&'static str> = from.chain.as_deref().unwrap_or_default().to_vec();
        if let Some(layer) = layer
            && layers.len() < crate::peel::MAX_LAYERS
            && (layers.last() != Some(&layer) || !matches!(layer, crate::peel::CODES | crate::peel::REVERSED))
        {
            layers.push(layer);
        }
        if !layers.is_empty() {
            self.chain = Some(Rc::from(layers));
        }
        self
    }

    /// The exact text, where it is known.
    pub(crate) fn as_text(&self) -> Option<Rc<str>> {
        match &self.data {
            Data::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The bytes of an exact text or bytes.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.data {
            Data::Text(text) => Some(text.as_bytes()),
            Data::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.data {
            Data::Num(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        matches!(self.data, Data::Text(_) | Data::Bytes(_) | Data::Num(_))
    }

    /// Whether evaluating a function again with this argument can tell more than its summary.
    pub(crate) fn is_telling(&self) -> bool {
        !matches!(self.data, Data::Unknown) || !self.taint.is_none()
    }

    /// Whether both say the same, as far as comparing costs little: long lists and bytes are only like themselves.
    pub(crate) fn is_like(&self, other: &Value) -> bool {
        self.is_like_at(other, 0)
    }

    fn is_like_at(&self, other: &Value, depth: u32) -> bool {
        const SHORT: usize = 16;
        let short = |a: usize, b: usize| a == b && a <= SHORT && depth < 3;
        let same = match (&self.data, &other.data) {
            (Data::Text(x), Data::Text(y)) | (Data::Partial(x), Data::Partial(y)) | (Data::Api(x), Data::Api(y)) => x == y,
            (Data::Bytes(x), Data::Bytes(y)) | (Data::Code(x), Data::Code(y)) => Rc::ptr_eq(x, y) || (x.len() <= 256 && x == y),
            (Data::Function(x), Data::Function(y)) | (Data::Instance(x), Data::Instance(y)) | (Data::Class(x), Data::Class(y)) => x == y,
            (Data::Num(x), Data::Num(y)) => x == y,
            (Data::List(x), Data::List(y)) | (Data::Cycle(x), Data::Cycle(y)) => {
                Rc::ptr_eq(x, y) || (short(x.len(), y.len()) && x.iter().zip(y.iter()).all(|(x, y)| x.is_like_at(y, depth + 1)))
            }
            (Data::Dict(x), Data::Dict(y)) => {
                let mut pairs = x.iter().zip(y.iter());
                let short = short(x.len(), y.len());
                Rc::ptr_eq(x, y) || (short && pairs.all(|(x, y)| x.0 == y.0 && x.1.is_like_at(&y.1, depth + 1)))
            }
            (Data::Unknown, Data::Unknown) | (Data::Namespace, Data::Namespace) => true,
            _ => false,
        };
        same && self.taint == other.taint
            && self.label == other.label
            && self.origin == other.origin
            && self.chain.is_some() == other.chain.is_some()
            && self.held.is_some() == other.held.is_some()
    }

    /// As a person would read it, at most `max` bytes; holes where it is not known.
    pub(crate) fn render(&self, max: usize) -> String {
        let mut out = String::new();
        self.render_into(&mut out, max, 0);
        out
    }

    fn render_into(&self, out: &mut String, max: usize, depth: u32) {
        if out.len() >= max || depth > 6 {
            return;
        }
        let room = max - out.len();
        match &self.data {
            Data::Text(text) | Data::Partial(text) => out.push_str(cut(text, room)),
            Data::Bytes(bytes) => match std::str::from_utf8(&bytes[..bytes.len().min(room)]) {
                Ok(text) => out.push_str(text),
                Err(error) if error.valid_up_to() > 16 => {
                    out.push_str(std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default());
                }
                Err(_) => out.push(HOLE),
            },
            Data::Num(number) => out.push_str(&number_text(*number)),
            Data::List(items) => {
                for (index, item) in items.iter().take(64).enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    item.render_into(out, max, depth + 1);
                }
            }
            Data::Dict(items) => {
                for (index, (key, item)) in items.iter().take(64).enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    out.push_str(cut(key, 200));
                    out.push('=');
                    item.render_into(out, max, depth + 1);
                }
            }
            Data::Api(path) if &**path == "sys.executable" => out.push_str("python"),
            Data::Api(path) if &**path == "process.execPath" => out.push_str("node"),
            _ => match &self.label {
                Some(label) => out.push_str(cut(label, room)),
                None => out.push(HOLE),
            },
        }
    }
}

/// `text` cut to at most `max` bytes at a character boundary.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A number as its language prints it, near enough.
pub(crate) fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{}", number as i64) } else { format!("{number}") }
}

/// What holds for both.
pub(crate) fn join(a: &Value, b: &Value) -> Value {
    let same = match (&a.data, &b.data) {
        (Data::Text(x), Data::Text(y)) | (Data::Partial(x), Data::Partial(y)) | (Data::Api(x), Data::Api(y)) => x == y,
        (Data::Function(x), Data::Function(y)) | (Data::Instance(x), Data::Instance(y)) | (Data::Class(x), Data::Class(y)) => x == y,
        (Data::Num(x), Data::Num(y)) => x == y,
        (_, Data::Unknown) => true,
        _ => false,
    };
    let taint = a.taint.with(b.taint);
    if same {
        return Value { taint, ..a.clone() };
    }
    if matches!(a.data, Data::Unknown) {
        return Value { taint, ..b.clone() };
    }
    Value { taint, chain: a.chain.clone().or_else(|| b.chain.clone()), label: a.label.clone(), ..Value::default() }
}

pub(crate) fn join_all(values: Vec<Value>) -> Value {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return Value::default() };
    values.fold(first, |all, value| join(&all, &value))
}
