//! JSON as the clients read it.
//!
//! In: the text of a manifest. Out: its value, if `JSON.parse` takes the text. The attack: a manifest that npm reads and a
//! stricter reader does not, so that the hooks in it are never seen. ECMA-404 bounds neither numbers nor nesting and
//! allows halves of surrogate pairs; what stands for such a thing here does not matter, that the rest is read does.

use serde_json::Value;
use std::borrow::Cow;

/// Deepest nesting that is kept; what lies below is read as `null`. A hook lies two deep.
const MAX_DEPTH: u32 = 100;
/// Longest number that is kept.
const MAX_NUMBER: usize = 300;

/// The value of a text that JavaScript's own reader takes.
pub(crate) fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&tamed(text)?).ok())
}

/// The text without what JSON allows and the strict reader refuses. `None`: it ends within a value.
fn tamed(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut depth = 0u32;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at = match byte {
            b'"' => end_of_string(bytes, at)?,
            b'-' | b'0'..=b'9' => at + number(&bytes[at..]),
            // Between its bytes a character may not be cut.
            _ => at + text.get(at..)?.chars().next()?.len_utf8(),
        };
        let closes = matches!(byte, b'}' | b']');
        depth += u32::from(matches!(byte, b'{' | b'['));
        if depth > MAX_DEPTH {
            if depth == MAX_DEPTH + 1 && !closes && matches!(byte, b'{' | b'[') {
                out.push_str("null");
            }
        } else {
            let token = &text[start..at];
            match byte {
                b'"' => out.push_str(&whole_characters(token)),
                b'-' | b'0'..=b'9' => out.push_str(plain_number(token)),
                _ => out.push_str(token),
            }
        }
        depth -= u32::from(closes && depth > 0);
    }
    (depth == 0).then_some(out)
}

/// Where the string that begins at `start` ends, its quotes included.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Bytes of a number.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')).count()
}

/// The number, or zero where it is none that the strict reader has room for.
fn plain_number(token: &str) -> &str {
    let has_room = token.len() <= MAX_NUMBER && serde_json::from_str::<Value>(token).is_ok();
    // JavaScript takes `1e999` and refuses `01`.
    if has_room || !token.contains(['e', 'E']) && token.len() <= MAX_NUMBER { token } else { "0" }
}

/// A string without halves of surrogate pairs.
fn whole_characters(token: &str) -> Cow<'_, str> {
    if !token.contains("\\u") || serde_json::from_str::<String>(token).is_ok() {
        return token.into();
    }
    let mut out = String::with_capacity(token.len());
    let mut rest = token;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = match unit(rest) {
            Some(0xd800..=0xdbff) if unit(&rest[6..]).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) => 12,
            Some(0xd800..=0xdfff) => {
                out.push('\u{fffd}');
                rest = &rest[6..];
                continue;
            }
            Some(_) => 6,
            None => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out.into()
}

/// The code unit of a `\uXXXX` that a text begins with.
fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_javascript_reads_is_read() {
        let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        for odd in [
            "1e999".to_owned(),
            "-1E+400".to_owned(),
            "9".repeat(5_000),
            r#""\ud83d""#.to_owned(),
            r#""\\\"\udc00\ud83d\ude00é\ud83dx""#.to_owned(),
            deep("[", "]", 130),
            deep("{\"a\":", "}", 100_000),
        ] {
            let text = format!("{{\"odd\":{odd},\"list\":[{odd},{odd}],\"scripts\":{{\"install\":\"node x.js\"}}}}");
            let value = value(&text).unwrap_or_else(|| panic!("{text:.60}"));
            assert_eq!(value["scripts"]["install"], "node x.js", "{text:.60}");
        }
    }

    #[test]
    fn a_pair_stays_a_character_and_a_half_does_not_eat_what_follows() {
        let value = value(r#"["\ud83d\ude00", "\ud83d\ud83d\ude00", "\ud83dabc\\u", 1e999, "\udfff\n"]"#).unwrap();
        assert_eq!(value, serde_json::json!(["😀", "\u{fffd}😀", "\u{fffd}abc\\u", 0, "\u{fffd}\n"]));
    }

    #[test]
    fn what_javascript_refuses_is_refused() {
        for text in ["", "{", "{\"a\":1,}", "[01]", "[1e999", "{\"a\":1e999,}", "\"\\ud83d", "[\"\\ud83d\\x\"]", "{a:1e999}", "]"] {
            assert!(value(text).is_none(), "{text}");
        }
    }
}
