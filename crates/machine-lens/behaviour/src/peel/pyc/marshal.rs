//! CPython's marshal format, versions 2 to 5, as far as code objects need it.
//!
//! In: hostile bytes. Out: an object tree whose shared parts stay shared. The layout of a code object is not written in
//! the stream, so the caller names it. Depth, objects and every length are bounded by what is left of the input.

use std::rc::Rc;

/// Which fields a code object has, by the releases that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// 2.7.
    Two,
    /// 3.6 and 3.7.
    Three,
    /// 3.8 to 3.10: positional-only arguments.
    Eight,
    /// 3.11 and later: one table of local variables.
    Eleven,
}

#[derive(Debug, Clone)]
pub(super) enum Object {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    Tuple(Rc<[Object]>),
    Code(Rc<Code>),
    Slice(Rc<[Object; 3]>),
    /// Everything else, and what could not be resolved.
    Other,
}

#[derive(Debug)]
pub(super) struct Code {
    pub(super) arguments: usize,
    pub(super) keyword_only: usize,
    pub(super) flags: u32,
    pub(super) code: Rc<[u8]>,
    pub(super) consts: Rc<[Object]>,
    pub(super) names: Rc<[Object]>,
    /// Local variables; from 3.11 on cells and free variables too.
    pub(super) locals: Rc<[Object]>,
    /// Cells and free variables before 3.11.
    pub(super) cells: Vec<Object>,
    pub(super) name: Rc<str>,
    pub(super) first_line: u32,
    pub(super) lines: Rc<[u8]>,
}

const MAX_DEPTH: u32 = 120;
const MAX_OBJECTS: usize = 400_000;
const REFERABLE: u8 = 0x80;

/// Reads one object; what follows it is left.
pub(super) fn read(bytes: &[u8], layout: Layout) -> Option<Object> {
    let mut reader = Reader { rest: bytes, layout, refs: Vec::new(), interned: Vec::new(), depth: 0, objects: 0 };
    reader.object()
}

struct Reader<'a> {
    rest: &'a [u8],
    layout: Layout,
    refs: Vec<Object>,
    /// Python 2 keeps interned texts in a table of their own.
    interned: Vec<Object>,
    depth: u32,
    objects: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int(&mut self) -> Option<i32> {
        Some(i32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A length, which the input must still hold one byte each of.
    fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.int()?).ok()?;
        (length <= self.rest.len()).then_some(length)
    }

    fn object(&mut self) -> Option<Object> {
        self.objects += 1;
        if self.depth >= MAX_DEPTH || self.objects > MAX_OBJECTS {
            return None;
        }
        self.depth += 1;
        let tag = self.byte()?;
        let place = (tag & REFERABLE != 0).then_some(self.refs.len());
        if place.is_some() {
            self.refs.push(Object::Other);
        }
        let object = self.tagged(tag & !REFERABLE)?;
        if let Some(slot) = place.and_then(|place| self.refs.get_mut(place)) {
            *slot = object.clone();
        }
        self.depth -= 1;
        Some(object)
    }

    fn tagged(&mut self, tag: u8) -> Option<Object> {
        Some(match tag {
            b'0' | b'S' | b'.' => Object::Other,
            b'N' => Object::None,
            b'F' => Object::Bool(false),
            b'T' => Object::Bool(true),
            b'i' => Object::Int(i64::from(self.int()?)),
            b'I' => Object::Int(i64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            b'l' => self.long()?,
            b'f' => {
                let length = usize::from(self.byte()?);
                Object::Float(std::str::from_utf8(self.take(length)?).ok()?.parse().ok()?)
            }
            b'g' => Object::Float(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            b'x' => {
                for _ in 0..2 {
                    let length = usize::from(self.byte()?);
                    self.take(length)?;
                }
                Object::Other
            }
            b'y' => {
                self.take(16)?;
                Object::Other
            }
            b's' => {
                let length = self.length()?;
                Object::Bytes(Rc::from(self.take(length)?))
            }
            b'u' | b'a' | b'A' => {
                let length = self.length()?;
                text(self.take(length)?)
            }
            b't' => {
                let length = self.length()?;
                let made = text(self.take(length)?);
                self.interned.push(made.clone());
                made
            }
            b'z' | b'Z' => {
                let length = usize::from(self.byte()?);
                text(self.take(length)?)
            }
            b'R' => {
                let at = usize::try_from(self.int()?).ok()?;
                self.interned.get(at)?.clone()
            }
            b'r' => {
                let at = usize::try_from(self.int()?).ok()?;
                self.refs.get(at)?.clone()
            }
            b')' => {
                let length = usize::from(self.byte()?);
                self.sequence(length)?
            }
            b'(' | b'[' | b'<' | b'>' => {
                let length = self.length()?;
                self.sequence(length)?
            }
            b'{' => {
                while self.rest.first().is_some_and(|tag| *tag != b'0') {
                    self.object()?;
                    self.object()?;
                }
                self.byte()?;
                Object::Other
            }
            b':' => Object::Slice(Rc::new([self.object()?, self.object()?, self.object()?])),
            b'c' => Object::Code(Rc::new(self.code()?)),
            _ => return None,
        })
    }

    fn sequence(&mut self, length: usize) -> Option<Object> {
        if length > self.rest.len() {
            return None;
        }
        let mut items = Vec::with_capacity(length.min(4_096));
        for _ in 0..length {
            items.push(self.object()?);
        }
        Some(Object::Tuple(Rc::from(items)))
    }

    /// Digits of fifteen bits; what does not fit is only known to be a number.
    fn long(&mut self) -> Option<Object> {
        let count = self.int()?;
        let digits = usize::try_from(count.unsigned_abs()).ok()?;
        if digits.checked_mul(2)? > self.rest.len() {
            return None;
        }
        let mut value: i128 = 0;
        for at in 0..digits {
            let digit = i128::from(self.short()?);
            if at < 5 {
                value |= digit << (15 * at);
            }
        }
        let value = if count < 0 { -value } else { value };
        Some(match i64::try_from(value) {
            Ok(value) if digits <= 5 => Object::Int(value),
            _ => Object::Other,
        })
    }

    fn code(&mut self) -> Option<Code> {
        let count = |number: i32| usize::try_from(number).ok().filter(|number| *number < 1 << 16);
        let arguments = count(self.int()?)?;
        if matches!(self.layout, Layout::Eight | Layout::Eleven) {
            // Positional-only ones are among the arguments.
            count(self.int()?)?;
        }
        let keyword_only = if self.layout == Layout::Two { 0 } else { count(self.int()?)? };
        if self.layout != Layout::Eleven {
            count(self.int()?)?;
        }
        let _stack = self.int()?;
        let flags = self.int()? as u32;
        let code = self.bytes()?;
        let (consts, names, locals) = (self.tuple()?, self.names()?, self.names()?);
        let mut cells = Vec::new();
        if self.layout == Layout::Eleven {
            self.bytes()?;
        } else {
            let (free, own) = (self.names()?, self.names()?);
            cells.extend(own.iter().chain(free.iter()).cloned());
        }
        self.text()?;
        let name = self.text()?;
        if self.layout == Layout::Eleven {
            self.text()?;
        }
        let first_line = u32::try_from(self.int()?).ok()?;
        let lines = self.bytes()?;
        if self.layout == Layout::Eleven {
            self.bytes()?;
        }
        Some(Code { arguments, keyword_only, flags, code, consts, names, locals, cells, name, first_line, lines })
    }

    fn bytes(&mut self) -> Option<Rc<[u8]>> {
        match self.object()? {
            Object::Bytes(bytes) => Some(bytes),
            Object::Text(text) if self.layout == Layout::Two => Some(Rc::from(text.as_bytes())),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<Rc<str>> {
        match self.object()? {
            Object::Text(text) => Some(text),
            Object::Bytes(bytes) if self.layout == Layout::Two => Some(Rc::from(String::from_utf8_lossy(&bytes))),
            _ => None,
        }
    }

    fn tuple(&mut self) -> Option<Rc<[Object]>> {
        match self.object()? {
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    fn names(&mut self) -> Option<Rc<[Object]>> {
        self.tuple().filter(|names| names.iter().all(|name| matches!(name, Object::Text(_) | Object::Bytes(_))))
    }
}

/// Texts are UTF-8 with lone surrogates; where one is, only its readable parts count.
fn text(bytes: &[u8]) -> Object {
    Object::Text(Rc::from(String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_texts_and_references_are_read() {
        let Some(Object::Tuple(items)) = read(b"(\x03\0\0\0\xe9\x2a\0\0\0r\0\0\0\0z\x02hi", Layout::Eleven) else { panic!("a tuple") };
        assert!(matches!(items[0], Object::Int(42)));
        assert!(matches!(items[1], Object::Int(42)));
        assert!(matches!(&items[2], Object::Text(text) if &**text == "hi"));
        assert!(matches!(read(b"l\xfe\xff\xff\xff\x01\0\x01\0", Layout::Eight), Some(Object::Int(-32769))));
    }

    #[test]
    fn hostile_streams_end() {
        // A length far beyond the input, nesting without end, a reference to nothing, an endless dictionary.
        for bytes in [&b"(\xff\xff\xff\x7f"[..], b"r\x05\0\0\0", b"{NN", b"s\xff\xff\xff\x7f", b"l\xff\xff\xff\x7f"] {
            assert!(read(bytes, Layout::Eleven).is_none(), "{bytes:?}");
        }
        assert!(read(&b")\x01".repeat(100_000), Layout::Eleven).is_none());
        let mut laughs = b"\xa9\x01N".to_vec();
        for at in 0..40u8 {
            laughs = [b")\x02".as_slice(), &laughs, b"r", &[at, 0, 0, 0]].concat();
        }
        let _ = read(&laughs, Layout::Eleven);
    }
}
