//! What is odd about a file as text: characters that hide code from readers, and the marks of obfuscators.

use crate::facts::{HiddenText, Language, Shape};

/// Measures a file.
pub(crate) fn of(text: &str, language: Language) -> Shape {
    let mut shape = Shape { bytes: text.len(), ..Shape::default() };
    if language == Language::Jvm {
        return shape;
    }
    for (index, line) in text.split('\n').enumerate() {
        shape.longest_line = shape.longest_line.max(line.len());
        if shape.pushed_right.is_none() && line.len() > 200 && is_pushed_right(line) {
            shape.pushed_right = Some(index as u32 + 1);
        }
    }
    names(text, &mut shape);
    words(text, &mut shape);
    shape
}

/// Where browsers, chat clients and wallets keep what is worth stealing. They only weigh beside what the code *does*.
const THEFT_WORDS: &[&str] = &[
    "Login Data",
    "Local State",
    "leveldb",
    "os_crypt",
    "encrypted_key",
    "CryptUnprotectData",
    "exodus.wallet",
    "Electrum",
    "wallet.dat",
    "nkbihfbeogaeaoehlefnkodbefgpgknn",
    "logins.json",
    "key4.db",
    "cookies.sqlite",
    "Opera Software",
    "BraveSoftware",
    "discordcanary",
    "discordptb",
    "Lightcord",
    "tdata",
    "moz_cookies",
    "password_value",
    "encrypted_value",
    "Ethereum/keystore",
    "Coinomi",
    "Atomic",
];

fn words(text: &str, shape: &mut Shape) {
    let bytes = text.as_bytes();
    let find = |word: &str| memchr::memmem::find(bytes, word.as_bytes());
    let line = |at: usize| bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
    shape.theft_words = THEFT_WORDS.iter().filter(|word| find(word).is_some()).count() as u32;
    for (word, digits_first) in [("/api/webhooks/", true), ("api.telegram.org/bot", true), ("hooks.slack.com/services/T", false)] {
        for at in memchr::memmem::find_iter(bytes, word.as_bytes()).take(32) {
            let rest = &bytes[at + word.len()..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let token =
                rest[digits..].iter().skip(1).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/')).count();
            if token >= 20 && (!digits_first || digits >= 6) && shape.embedded_hook.is_none() {
                shape.embedded_hook = Some(line(at));
            }
        }
    }
    for pattern in ["{40}", "{25,34}", "{26,35}", "{25,39}", "{33}", "{26,33}", "{32,44}"] {
        if let Some(at) = find(pattern) {
            let before = String::from_utf8_lossy(&bytes[at.saturating_sub(60)..at]).into_owned();
            let is_address = (pattern == "{40}" && before.contains("0x") && before.contains("a-f"))
                || (pattern != "{40}"
                    && (before.contains("[13]")
                        || before.contains("bc1")
                        || before.contains("a-km-z")
                        || before.contains("1-9A-HJ-NP-Z")
                        || before.contains("T[A-Za-z1-9]")));
            if is_address && shape.wallet_pattern.is_none() {
                shape.wallet_pattern = Some(line(at));
            }
        }
    }
    shape.hooks_requests = find("XMLHttpRequest.prototype").is_some()
        && find("ethereum").is_some()
        && (find("window.fetch").is_some() || find("fetch=").is_some() || find("fetch =").is_some());
}

/// Code, then hundreds of blanks, then more code.
fn is_pushed_right(line: &str) -> bool {
    let bytes = line.as_bytes();
    let mut run = 0usize;
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(byte, b' ' | b'\t') {
            run += 1;
            continue;
        }
        // Long runs before comment ends or string continuations are art, not code.
        if run >= 150 && at > run {
            let rest = line.get(at..).unwrap_or("");
            return ["exec", "eval", "import", "require", "__import__", "subprocess", "os.", "Function", "global"]
                .iter()
                .any(|word| crate::trace::value::cut(rest, 400).contains(word));
        }
        run = 0;
    }
    false
}

fn names(text: &str, shape: &mut Shape) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphabetic() || bytes[at] == b'_') {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
            at += 1;
        }
        let word = &bytes[start..at];
        if word.len() >= 6 && word.starts_with(b"_0x") && word[3..].iter().all(u8::is_ascii_hexdigit) {
            shape.hex_names += 1;
        } else if word.len() >= 8
            && (word.iter().all(|byte| matches!(byte, b'l' | b'I' | b'1' | b'i'))
                || word.iter().all(|byte| matches!(byte, b'O' | b'0' | b'o' | b'Q')))
        {
            shape.lookalike_names += 1;
        } else if word.len() >= 200 {
            shape.encoded_bytes += word.len();
        }
    }
}

/// Characters that make a reader see other code than the compiler (CVE-2021-42574, CVE-2021-42694).
///
/// Bidirectional controls that are closed again on their line inside a text are how right-to-left languages are
/// written; unbalanced ones reorder code.
pub(crate) fn hidden(text: &str, language: Language) -> Vec<HiddenText> {
    let mut found: Vec<HiddenText> = Vec::new();
    if text.is_ascii() {
        return found;
    }
    for (index, line) in text.lines().enumerate() {
        if line.is_ascii() {
            continue;
        }
        let (mut open, mut first) = (0i32, 0u32);
        let (mut invisible, mut invisible_at) = (0u32, 0u32);
        for (column, c) in line.chars().enumerate() {
            match c {
                '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' | '\u{2066}' | '\u{2067}' | '\u{2068}' => {
                    open += 1;
                    if first == 0 {
                        first = column as u32 + 1;
                    }
                }
                '\u{202c}' | '\u{2069}' => open -= 1,
                '\u{e0100}'..='\u{e01ef}' | '\u{e0000}'..='\u{e007f}' | '\u{2062}' | '\u{2063}' | '\u{2064}' | '\u{3164}' | '\u{ffa0}' => {
                    invisible += 1;
                    if invisible_at == 0 {
                        invisible_at = column as u32 + 1;
                    }
                }
                _ => {}
            }
        }
        if first > 0 && reorders_code(line) {
            note(&mut found, "bidi-code", index, first, line, 1);
        } else if open > 0 {
            note(&mut found, "bidi", index, first, line, 1);
        }
        // A run of them encodes bytes; single ones occur in texts and emoji.
        if invisible >= 16 {
            note(&mut found, "invisible", index, invisible_at, line, invisible);
        }
        if let Some(column) = confusable(line, language) {
            note(&mut found, "confusable", index, column, line, 1);
        }
    }
    found
}

/// Direction controls around code: two of them or more, one of which overrides or isolates, in a short line whose
/// part between them (or after an open one) reads as code. Texts in right-to-left languages hold no braces.
fn reorders_code(line: &str) -> bool {
    const CONTROLS: [char; 9] =
        ['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'];
    let (Some(first), Some(last)) = (line.find(CONTROLS), line.rfind(CONTROLS)) else { return false };
    if line.len() > 600 || first == last || !line.contains(['\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}']) {
        return false;
    }
    let letters = line.chars().filter(|c| matches!(c, '\u{0590}'..='\u{08ff}')).count();
    let between = &line[first..last];
    let code =
        ["if ", "if(", "return", "{", "}", "/*", "*/", "\"\"\"", "&&", "||", "==", "//", "# "].iter().any(|word| between.contains(word));
    code && letters == 0
}

fn note(found: &mut Vec<HiddenText>, what: &'static str, index: usize, column: u32, line: &str, count: u32) {
    if let Some(have) = found.iter_mut().find(|have| have.what == what) {
        have.count += count;
        return;
    }
    found.push(HiddenText { what, line: index as u32 + 1, column, snippet: bifocal_core::one_line(line, 240), count });
}

/// An identifier that mixes Latin letters with Cyrillic or Greek ones that look the same, outside texts and comments.
fn confusable(line: &str, language: Language) -> Option<u32> {
    let comment = if matches!(language, Language::Python | Language::Shell) { "#" } else { "//" };
    let code = line.split(comment).next().unwrap_or(line);
    let (mut latin, mut alike, mut start) = (false, false, 0u32);
    let mut quote: Option<char> = None;
    for (column, c) in code.chars().chain([' ']).enumerate() {
        if let Some(open) = quote {
            if c == open {
                quote = None;
            }
            continue;
        }
        if matches!(c, '"' | '\'' | '`') {
            quote = Some(c);
        }
        if c.is_alphanumeric() || c == '_' {
            if !latin && !alike {
                start = column as u32 + 1;
            }
            latin |= c.is_ascii_alphabetic();
            alike |= "аеорсухіјѕһԁԛԝАВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧοαν".contains(c);
        } else {
            if latin && alike {
                return Some(start);
            }
            (latin, alike) = (false, false);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(text: &str) -> Vec<&'static str> {
        hidden(text, Language::JavaScript).into_iter().map(|hidden| hidden.what).collect()
    }

    #[test]
    fn reordering_controls_are_seen_and_closed_ones_are_text() {
        assert_eq!(whats("if (x) { /*\u{202e} } \u{2066}if (admin)\u{2069} \u{2066} begin */"), ["bidi-code"]);
        assert_eq!(whats("const t = '\u{202e}text';"), ["bidi"]);
        assert!(whats("const t = '\u{2067}שלום\u{2069}';").is_empty());
        assert!(whats("const t = 'שלום עולם';").is_empty());
    }

    #[test]
    fn mixed_identifiers_are_seen_and_foreign_words_are_not() {
        assert_eq!(whats("const аdmin = 1;"), ["confusable"]);
        assert!(whats("const имя = 1; // сюда а").is_empty());
        assert!(whats("x = 'cаt'").is_empty());
    }

    #[test]
    fn runs_of_invisible_characters_are_seen() {
        let hidden: String = (0..40).map(|n| char::from_u32(0xe0100 + n).unwrap()).collect();
        assert_eq!(whats(&format!("eval(decode('{hidden}'))")), ["invisible"]);
        assert!(whats("const heart = '❤\u{fe0f}';").is_empty());
    }

    #[test]
    fn code_that_is_pushed_out_of_sight_is_seen() {
        let line = format!("x = 1{};exec(y)", " ".repeat(300));
        assert_eq!(of(&line, Language::Python).pushed_right, Some(1));
        assert_eq!(of(&format!("x = 1{}# comment", " ".repeat(300)), Language::Python).pushed_right, None);
    }
}
