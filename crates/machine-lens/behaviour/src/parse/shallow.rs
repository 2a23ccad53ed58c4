//! Text that nests too deep, made shallow: what is too deep is left out in its place, and the rest is parsed.
//!
//! One absurd line must not hide the file around it. Of a chain of operators its head goes and its end stays; what
//! stands in too many brackets becomes a piece that is read by itself. Every byte that stays keeps its place.

use super::depth::{self, Deep};
use crate::facts::Language;
use std::borrow::Cow;
use std::ops::Range;

/// Most places of one file that are left out.
pub(super) const CUTS: usize = 64;
/// The same for a text that came out of a value: there may be many.
pub(super) const INNER_CUTS: usize = 4;
/// Bytes that all looks at one text may take.
const MAX_BYTES: usize = 64 << 20;

/// A text that a recursive parser may see.
#[derive(Debug)]
pub(super) struct Shallow<'t> {
    /// As long as the text that it was made of.
    pub(super) text: Cow<'t, str>,
    /// What stood in the brackets that were emptied.
    pub(super) pieces: Vec<Range<usize>>,
}

/// Leaves out what is too deep. `None`: there is too much of it.
pub(super) fn shallow(text: &str, language: Language, brackets: usize, cuts: usize) -> Option<Shallow<'_>> {
    let mut made = Shallow { text: Cow::Borrowed(text), pieces: Vec::new() };
    for _ in 0..cuts.min(MAX_BYTES / text.len().max(1)).max(4) {
        let (range, filler): (Range<usize>, &[u8]) = match depth::first(&made.text, language, brackets) {
            None => return Some(made),
            Some(Deep::Indents) => return None,
            Some(Deep::Brackets(open)) => {
                let close = depth::closing(&made.text, open, language).unwrap_or(text.len());
                made.pieces.push(open + 1..close);
                (open + 1..close, if made.text.as_bytes().get(open) == Some(&b'{') { b"" } else { b"0" })
            }
            Some(Deep::Run { from, at, bracketed }) => {
                let separator: &[u8] = if language == Language::JavaScript || bracketed { b"," } else { b";" };
                (from..operator_end(made.text.as_bytes(), at), separator)
            }
        };
        let mut bytes = made.text.into_owned().into_bytes();
        let part = bytes.get_mut(range)?;
        let start = part.iter().position(|byte| !byte.is_ascii_whitespace())?;
        blank(part);
        match filler {
            [separator @ (b',' | b';')] => {
                *part.get_mut(start)? = b'0';
                let last = part.len() - 1;
                if start >= last {
                    return None;
                }
                *part.get_mut(last)? = *separator;
            }
            [] => {}
            _ => *part.get_mut(start)? = b'0',
        }
        made.text = String::from_utf8(bytes).ok()?.into();
    }
    None
}

/// Spaces instead of everything but line ends.
pub(super) fn blank(part: &mut [u8]) {
    part.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
}

/// Where the operator that stands at a place ends, a word or signs.
fn operator_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    let is_word = rest.first().is_some_and(u8::is_ascii_alphabetic);
    let belongs = |byte: &&u8| if is_word { byte.is_ascii_alphabetic() } else { b"-~!+?=*<>&|".contains(byte) };
    at + rest.iter().take_while(belongs).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str, language: Language) -> String {
        let made = shallow(text, language, depth::BRACKETS, CUTS).unwrap();
        assert_eq!(made.text.len(), text.len());
        assert!(!depth::is_too_deep(&made.text, language));
        made.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_rest_of_a_text_stays_where_it_was() {
        let text = format!("before()\n{}1\nafter()\n", "é=".repeat(4_000));
        let left = made(&text, Language::JavaScript);
        assert!(left.starts_with("before() 0 ,") && left.ends_with("=1 after()"), "{left:.60}");
        let left = made(&text, Language::Python);
        assert!(left.starts_with("before() 0 ;") && left.ends_with("=1 after()"), "{left:.60}");
    }

    #[test]
    fn brackets_become_a_piece() {
        let text = format!("a();{}x{};b()", "[".repeat(2_000), "]".repeat(2_000));
        let made = shallow(&text, Language::JavaScript, depth::BRACKETS, CUTS).unwrap();
        assert!(made.text.starts_with("a();[[") && made.text.ends_with("]];b()"));
        let piece = made.pieces.first().cloned().and_then(|range| text.get(range)).unwrap();
        assert_eq!(piece.matches('[').count(), piece.matches(']').count());
        assert!(piece.contains('x'));
    }

    #[test]
    fn what_has_no_end_of_depth_is_given_up() {
        assert!(shallow(&"! ".repeat(1 << 19), Language::JavaScript, depth::BRACKETS, CUTS).is_none());
        assert!(shallow("f(1);\n", Language::JavaScript, depth::BRACKETS, CUTS).is_some_and(|made| matches!(made.text, Cow::Borrowed(_))));
    }
}
