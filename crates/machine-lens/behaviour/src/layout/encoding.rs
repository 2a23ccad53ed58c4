//! Python source in the encoding that its first lines name, as the interpreter reads it.
//!
//! In: the bytes of a file. Out: its text, and whether the encoding is one that nobody writes source in: `utf-7` and the
//! escapes of string literals let a file say in letters and digits what no reader sees.

use std::borrow::Cow;

/// The text of a Python source, and the name of its encoding where that is telling.
pub(crate) fn python_text(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    let declared = if bytes.starts_with(&[0xef, 0xbb, 0xbf]) { None } else { declared(bytes) };
    let Some(name) = declared else { return (super::source_text(bytes), None) };
    let text = match name.as_str() {
        "utf-7" | "utf7" | "u7" | "unicode-1-1-utf-7" | "unicode-utf-7" => utf7(bytes).into(),
        "unicode-escape" | "unicodeescape" => escapes(bytes, true).into(),
        "raw-unicode-escape" | "rawunicodeescape" => escapes(bytes, false).into(),
        "rot13" | "rot-13" => String::from_utf8_lossy(&crate::peel::rot13(bytes)).into_owned().into(),
        _ if is_odd(&name) => super::source_text(bytes),
        _ => match encoding_rs::Encoding::for_label(label(&name).as_bytes()) {
            // Signs of those overlap with quotes and backslashes of ASCII.
            Some(encoding) if encoding.is_ascii_compatible() && encoding != encoding_rs::UTF_8 => {
                encoding.decode_without_bom_handling(bytes).0
            }
            _ => super::source_text(bytes),
        },
    };
    (text, is_odd(&name).then_some(name))
}

/// Encodings whose text is not what a reader sees. No honest source is written in one.
fn is_odd(name: &str) -> bool {
    const ODD: [&str; 24] = [
        "utf-7",
        "utf7",
        "u7",
        "unicode-1-1-utf-7",
        "unicode-utf-7",
        "unicode-escape",
        "unicodeescape",
        "raw-unicode-escape",
        "rawunicodeescape",
        "rot13",
        "rot-13",
        "hex",
        "hex-codec",
        "base64",
        "base64-codec",
        "bz2",
        "bz2-codec",
        "zlib",
        "zip",
        "zlib-codec",
        "uu",
        "punycode",
        "idna",
        "hz",
    ];
    ODD.contains(&name) || name.starts_with("quopri") || name.starts_with("quoted-printable")
}

/// What Python calls otherwise than the web does.
fn label(name: &str) -> &str {
    match name {
        "cp932" | "ms-kanji" | "mskanji" | "s-jis" | "shiftjis" => "shift_jis",
        "cp936" => "gbk",
        "cp949" | "uhc" | "ms949" => "euc-kr",
        "cp950" => "big5",
        "shift-jis" => "shift_jis",
        "iso2022-jp" | "iso2022jp" => "iso-2022-jp",
        "eucjp" | "ujis" => "euc-jp",
        "euckr" => "euc-kr",
        "latin" | "latin-1" | "l1" | "iso8859" => "latin1",
        other => other,
    }
}

/// The encoding that one of the first two lines names, in lower case with `-`.
fn declared(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.get(..bytes.len().min(4 << 10))?.split(|byte| matches!(byte, b'\n' | b'\r'));
    let first = lines.next()?;
    let is_idle = |line: &[u8]| line.iter().find(|byte| !matches!(byte, b' ' | b'\t' | 0x0c)).is_none_or(|byte| *byte == b'#');
    if let Some(name) = named(first) {
        return Some(name);
    }
    if !is_idle(first) {
        return None;
    }
    // A line end of two signs makes an empty piece.
    let second = lines.next()?;
    named(if second.is_empty() && bytes.get(first.len()) == Some(&b'\r') { lines.next()? } else { second })
}

/// `# -*- coding: NAME -*-`
fn named(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t' | 0x0c))?;
    let comment = line.get(start..).filter(|rest| rest.first() == Some(&b'#'))?;
    for at in memchr::memmem::find_iter(comment, b"coding") {
        let Some((b':' | b'=', rest)) = comment.get(at + 6..).and_then(|rest| rest.split_first()).map(|(sign, rest)| (*sign, rest)) else {
            continue;
        };
        let name: String = rest
            .iter()
            .skip_while(|byte| matches!(byte, b' ' | b'\t'))
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            .take(64)
            .map(|byte| if *byte == b'_' { '-' } else { byte.to_ascii_lowercase() as char })
            .collect();
        if !name.is_empty() {
            return Some(name);
        }
    }
    None
}

/// UTF-7 (RFC 2152), as leniently as the interpreter.
fn utf7(bytes: &[u8]) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte != b'+' {
            units.push(u16::from(*byte));
            continue;
        }
        if bytes.get(at) == Some(&b'-') {
            units.push(u16::from(b'+'));
            at += 1;
            continue;
        }
        let (mut bits, mut have) = (0u32, 0u32);
        while let Some(value) = bytes.get(at).and_then(|byte| sextet(*byte)) {
            bits = (bits << 6 | value) & 0x3f_ffff;
            have += 6;
            at += 1;
            if have >= 16 {
                have -= 16;
                units.push((bits >> have) as u16);
            }
        }
        if bytes.get(at) == Some(&b'-') {
            at += 1;
        }
    }
    String::from_utf16_lossy(&units)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The escapes of string literals over Latin-1: all of them, or those of four and eight digits only.
fn escapes(bytes: &[u8], all: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        let Some(kind) = bytes.get(at).filter(|_| *byte == b'\\') else {
            out.push(*byte as char);
            continue;
        };
        let width = match kind {
            b'u' => 4,
            b'U' => 8,
            b'x' if all => 2,
            _ => 0,
        };
        let digits = bytes.get(at + 1..at + 1 + width).filter(|_| width > 0).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(c) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32) {
            out.push(c);
            at += 1 + width;
            continue;
        }
        if !all {
            // A backslash that escapes nothing keeps the next one from escaping.
            out.push('\\');
            if *kind == b'\\' {
                out.push('\\');
                at += 1;
            }
            continue;
        }
        let octal = bytes.get(at..).unwrap_or(&[]).iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
        if octal > 0 {
            let value = bytes.get(at..at + octal).unwrap_or(&[]).iter().fold(0u32, |value, byte| value * 8 + u32::from(byte - b'0'));
            out.push(char::from_u32(value).unwrap_or('\u{fffd}'));
            at += octal;
            continue;
        }
        at += 1;
        match kind {
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'a' => out.push('\u{7}'),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'v' => out.push('\u{b}'),
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(*kind as char),
            other => out.extend(['\\', *other as char]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_lines_name_is_what_counts() {
        for (text, name) in [
            ("# coding: UTF_7\n", Some("utf-7")),
            ("#!/usr/bin/python\r\n# -*- coding: unicode_escape -*-\r\n", Some("unicode-escape")),
            ("\x0c # vim: set fileencoding=latin-1 :\n", Some("latin-1")),
            ("x = 1\n# coding: utf-7\n", None),
            ("\n\n# coding: utf-7\n", None),
            ("x = '# coding: utf-7'\n", None),
            ("# encoding declared nowhere\n", None),
        ] {
            assert_eq!(declared(text.as_bytes()).as_deref(), name, "{text:?}");
        }
    }

    #[test]
    fn text_is_what_the_interpreter_reads() {
        for (bytes, text) in [
            (&b"# coding: utf-7\n+AGkAbQBwAG8AcgB0- os +-1\n"[..], "# coding: utf-7\nimport os +1\n"),
            (b"# coding: unicode_escape\n\\x69mport\\x20os\\n\\157s\n", "# coding: unicode_escape\nimport os\nos\n"),
            (b"# coding: raw_unicode_escape\n\\u0069mport os\\n\\\\u0069\n", "# coding: raw_unicode_escape\nimport os\\n\\\\u0069\n"),
            (b"# coding: gbk\ns = '\x81\\'; f()\n", "# coding: gbk\ns = '\u{4e57}'; f()\n"),
            (b"# coding: latin-1\ns = '\xe9'\n", "# coding: latin-1\ns = 'é'\n"),
            (b"# coding: utf-8\ns = '\xc3\xa9'\n", "# coding: utf-8\ns = 'é'\n"),
        ] {
            assert_eq!(python_text(bytes).0, text);
        }
        assert_eq!(python_text(b"# coding: utf-7\n").1.as_deref(), Some("utf-7"));
        assert_eq!(python_text(b"# coding: cp1252\n").1, None);
    }
}
