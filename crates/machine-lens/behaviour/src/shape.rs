//! What is odd about a file as text: characters that hide code from readers, and the marks of obfuscators.

use crate::facts::{HiddenText, Language, Shape};
use aho_corasick::{AhoCorasick, Input, MatchKind};
use bifocal_core::one_line;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Measures a file.
pub(crate) fn of(text: &str, language: Language) -> Shape {
    let mut shape = Shape { bytes: text.len(), first_line: first_line(text), ..Shape::default() };
    if language == Language::Jvm {
        return shape;
    }
    for (index, line) in text.split('\n').enumerate() {
        shape.longest_line = shape.longest_line.max(line.len());
        if shape.pushed_right.is_none() && line.len() > 200 && is_pushed_right(line) {
            shape.pushed_right = Some(index as u32 + 1);
        }
    }
    let mut odd = names(text, &mut shape);
    if language == Language::Python && shape.lookalike_names > 0 {
        let quoted = quoted_lookalikes(text);
        shape.lookalike_names = shape.lookalike_names.saturating_sub(u32::try_from(quoted.len()).unwrap_or(u32::MAX));
        odd.retain(|at| !quoted.contains(at));
    }
    if shape.hex_names + shape.lookalike_names >= FEW_NAMES {
        shape.odd_name = odd.first().map(|at| place(text, *at));
    }
    words(text, &mut shape);
    if language == Language::Go {
        shape.native_constructor = native_constructor(text);
    }
    shape
}

/// Bytes of a file that is small.
pub(crate) const SMALL: usize = 240;

fn first_line(text: &str) -> Option<(u32, String)> {
    let mut lines = text.lines().zip(1u32..).filter(|_| text.len() <= SMALL);
    lines.find(|(line, _)| !line.trim().is_empty()).map(|(line, number)| (number, one_line(line.trim_end(), SMALL)))
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

/// Where a service takes messages from whoever holds the token that follows, and whether a number comes first.
const HOOKS: &[(&str, bool)] = &[("/api/webhooks/", true), ("api.telegram.org/bot", true), ("hooks.slack.com/services/T", false)];
/// Lengths in expressions that match addresses of wallets.
const WALLET_LENGTHS: &[&str] = &["{40}", "{25,34}", "{26,35}", "{25,39}", "{33}", "{26,33}", "{32,44}"];
/// Words of code that stands between a page and its requests: the first two together with any of the others.
const REQUEST_WORDS: &[&str] =
    &["XMLHttpRequest.prototype", "ethereum", "window.fetch", "fetch=", "fetch =", "globalThis.fetch =", "globalThis.fetch="];

/// Virtual machines and the tools of people who look at malware. They only weigh beside what the code *does*.
const WATCHER_WORDS: &[&str] = &[
    "vmtoolsd",
    "vboxservice",
    "VBoxService",
    "vboxtray",
    "vmwaretray",
    "vmusrvc",
    "qemu-ga",
    "xenservice",
    "wireshark",
    "Wireshark",
    "httpdebugger",
    "fiddler",
    "processhacker",
    "x64dbg",
    "x32dbg",
    "ollydbg",
    "ida64",
    "pestudio",
    "Sandboxie",
    "sbiedll",
    "SbieDll",
    "joeboxcontrol",
    "prl_tools",
    "dumpcap",
    "procmon",
];

/// How a token starts, where a pattern goes on after it.
const TOKEN_STARTS: &[&str] = &[
    "ghp_",
    "gho_",
    "github_pat_",
    "npm_",
    "glpat-",
    "AKIA",
    "xox",
    "sk_live_",
    "AIza",
    "mfa",
    "pypi-",
    "[\\w-]{24}",
    "eyJ",
    "hf_",
    "sk-",
];

/// All of these words, looked for in one go: a text is read once instead of forty times.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let hooks = HOOKS.iter().map(|(word, _)| *word);
    let all = THEFT_WORDS.iter().copied().chain(hooks).chain(WALLET_LENGTHS.iter().copied()).chain(REQUEST_WORDS.iter().copied());
    let all = all.chain(WATCHER_WORDS.iter().copied()).chain(TOKEN_STARTS.iter().copied());
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(all).ok()
});

fn words(text: &str, shape: &mut Shape) {
    let Some(words) = &*WORDS else { return };
    let bytes = text.as_bytes();
    let line = |at: usize| memchr::memchr_iter(b'\n', &bytes[..at]).count() as u32 + 1;
    let (hooks, lengths) = (THEFT_WORDS.len(), THEFT_WORDS.len() + HOOKS.len());
    let requests = lengths + WALLET_LENGTHS.len();
    let (watchers, tokens) = (requests + REQUEST_WORDS.len(), requests + REQUEST_WORDS.len() + WATCHER_WORDS.len());
    let mut seen = [false; 128];
    let mut formed = [false; 32];
    let mut hooks_left = 96;
    let mut at = 0;
    // Words may overlap, so the search goes on behind the first byte of each.
    while let Some(found) = words.find(Input::new(text).span(at..text.len())) {
        at = found.start() + 1;
        let word = found.pattern().as_usize();
        if let Some(formed) = word.checked_sub(tokens).and_then(|token| formed.get_mut(token)) {
            *formed |= goes_on_as_pattern(&bytes[found.end()..]);
            continue;
        }
        let first = !std::mem::replace(&mut seen[word], true);
        if let Some((_, digits_first)) = word.checked_sub(hooks).and_then(|hook| HOOKS.get(hook)) {
            if shape.embedded_hook.is_none() && hooks_left > 0 && holds_token(&bytes[found.end()..], *digits_first) {
                shape.embedded_hook = Some(line(found.start()));
            }
            hooks_left -= u32::from(hooks_left > 0);
        } else if first
            && let Some(length) = word.checked_sub(lengths).and_then(|length| WALLET_LENGTHS.get(length))
            && matches_wallets(length, &bytes[found.start().saturating_sub(60)..found.start()])
        {
            shape.wallet_forms += 1;
            shape.wallet_pattern.get_or_insert_with(|| line(found.start()));
        }
    }
    shape.watcher_words = seen[watchers..tokens].iter().filter(|seen| **seen).count() as u32;
    shape.token_patterns = formed.iter().filter(|formed| **formed).count() as u32;
    shape.theft_words = seen[..hooks].iter().filter(|seen| **seen).count() as u32;
    let request = &seen[requests..];
    shape.hooks_requests = request[0] && request[1] && (request[2] || request[3] || request[4]);
    shape.replaces_fetch = (request[2] && (request[3] || request[4])) || request[5] || request[6];
}

/// Whether an expression follows that stands for the rest of a token.
fn goes_on_as_pattern(rest: &[u8]) -> bool {
    let rest = &rest[..rest.len().min(24)];
    memchr::memchr2(b'[', b'\\', rest).is_some_and(|at| at < 6) && memchr::memchr3(b'{', b'+', b'*', rest).is_some()
}

/// Where C code in a comment for cgo runs before `main` and starts a program or opens a connection.
fn native_constructor(text: &str) -> Option<u32> {
    if !text.contains("import \"C\"") {
        return None;
    }
    let at = text.find("__attribute__((constructor))").or_else(|| text.find("__attribute__((__constructor__))"))?;
    let body = crate::trace::value::cut(&text[at..], 4_096);
    let acts = ["system(", "popen(", "execl", "execv", "execve(", "socket(", "connect("].iter().any(|word| body.contains(word));
    acts.then(|| crate::layout::line_of(text, "__attribute__((").max(1))
}

/// Whether the address of a hook goes on with a token.
fn holds_token(rest: &[u8], digits_first: bool) -> bool {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let token = rest[digits..]
        .iter()
        .skip(1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/'))
        .take(20)
        .count();
    token >= 20 && (!digits_first || digits >= 6)
}

/// Whether an expression that ends in this length, after these bytes, matches addresses of wallets.
fn matches_wallets(length: &str, before: &[u8]) -> bool {
    let before = String::from_utf8_lossy(before);
    (length == "{40}" && before.contains("0x") && before.contains("a-f"))
        || (length != "{40}" && ["[13]", "bc1", "a-km-z", "1-9A-HJ-NP-Z", "T[A-Za-z1-9]"].iter().any(|mark| before.contains(mark)))
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

/// For each byte whether a name may hold it, and whether it may begin with it.
const NAMES: [(bool, bool); 256] = {
    let mut table = [(false, false); 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        table[at] = (byte.is_ascii_alphanumeric() || byte == b'_', byte.is_ascii_alphabetic() || byte == b'_');
        at += 1;
    }
    table
};

/// Fewer names than these say nothing, and their place is not kept.
const FEW_NAMES: u32 = 6;

/// Line and column of a byte, from 1, and what stands in its line from there on.
fn place(text: &str, at: usize) -> (u32, u32, String) {
    let (before, rest) = text.split_at(at);
    let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let shown = rest.split('\n').next().unwrap_or_default();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (number(line), number(column), one_line(shown.trim_end(), SMALL))
}

/// Where look-alike words stand inside the texts and comments of Python: pictures made of letters, not names.
fn quoted_lookalikes(text: &str) -> BTreeSet<usize> {
    let bytes = text.as_bytes();
    let mut found = BTreeSet::new();
    let mut at = 0;
    while let Some(ahead) = bytes[at..].iter().position(|byte| matches!(byte, b'#' | b'\'' | b'"')) {
        let start = at + ahead;
        at = match bytes[start] {
            b'#' => memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length),
            _ => crate::parse::python_string_end(bytes, start).clamp(start + 1, bytes.len()),
        };
        if let Some(piece) = text.get(start..at) {
            let mut inside = Shape::default();
            let odd = names(piece, &mut inside);
            let is_lookalike = |at: &usize| !piece[*at..].starts_with("_0x");
            found.extend(odd.into_iter().filter(is_lookalike).map(|at| start + at));
        }
    }
    found
}

/// Counts odd names; gives where each stands.
fn names(text: &str, shape: &mut Shape) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut odd = Vec::new();
    let mut at = 0;
    while let Some(ahead) = bytes[at..].iter().position(|byte| NAMES[usize::from(*byte)].1) {
        let start = at + ahead;
        let length = bytes[start..].iter().position(|byte| !NAMES[usize::from(*byte)].0).unwrap_or(bytes.len() - start);
        at = start + length;
        if length < 6 {
            continue;
        }
        let word = &bytes[start..at];
        let letters = word.strip_prefix(b"_").unwrap_or(word);
        if word.starts_with(b"_0x") && word[3..].iter().all(u8::is_ascii_hexdigit) {
            shape.hex_names += 1;
            odd.push(start);
        } else if word.len() >= 8
            && (letters.iter().all(|byte| matches!(byte, b'l' | b'I' | b'1' | b'i'))
                || letters.iter().all(|byte| matches!(byte, b'O' | b'0' | b'o' | b'Q')))
        {
            shape.lookalike_names += 1;
            odd.push(start);
        } else if word.len() >= 200 {
            shape.encoded_bytes += word.len();
        }
    }
    odd
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
    fn words_are_counted_once_where_they_overlap_too() {
        let shape = |text: &str| of(text, Language::JavaScript);
        assert_eq!(shape("Login Data Login Data leveldb logins.jsontdata").theft_words, 4);
        assert_eq!(shape("nothing").theft_words, 0);
        let token = "t".repeat(24);
        assert_eq!(shape(&format!("a\nhttps://chat.example.com/api/webhooks/123456/{token}")).embedded_hook, Some(2));
        assert_eq!(shape(&format!("https://chat.example.com/api/webhooks/12/{token}")).embedded_hook, None);
        assert_eq!(shape("x\ny\n/^0x[a-fA-F0-9]{40}$/").wallet_pattern, Some(3));
        assert_eq!(shape("/^[a-f0-9]{40}$/").wallet_pattern, None);
        assert_eq!(shape("/^bc1[a-z]{25,39}/").wallet_pattern, Some(1));
        assert!(shape("XMLHttpRequest.prototype.send=1;window.ethereum;window.fetch=x").hooks_requests);
        assert!(!shape("XMLHttpRequest.prototype.send=1;window.fetch=x").hooks_requests);
    }

    #[test]
    fn names_are_measured() {
        let shape = of(&format!("_0x1a2b = lIl1IlI1 + {} - OO0oQ0OO + _0x12", "A".repeat(201)), Language::JavaScript);
        assert_eq!((shape.hex_names, shape.lookalike_names, shape.encoded_bytes), (1, 2, 201));
    }

    #[test]
    fn the_first_odd_name_is_placed_and_letters_in_a_text_are_none() {
        let code = "def f():\n    lIl1IlI1 = OO0oQ0OO\n    return lIl1IlI1, OO0oQ0OO, lIl1IlI1, OO0oQ0OO\n";
        let place = |text: &str| of(text, Language::Python).odd_name;
        let found = Some((3, 5, "lIl1IlI1 = OO0oQ0OO".to_owned()));
        assert_eq!(place(&format!("'lIlIlIlI' # OOOOOOOOOO\n{code}")), found);
        assert_eq!(place("x = lIl1IlI1"), None, "one name is no obfuscator's work");
    }

    #[test]
    fn code_that_is_pushed_out_of_sight_is_seen() {
        let line = format!("x = 1{};exec(y)", " ".repeat(300));
        assert_eq!(of(&line, Language::Python).pushed_right, Some(1));
        assert_eq!(of(&format!("x = 1{}# comment", " ".repeat(300)), Language::Python).pushed_right, None);
    }
}
