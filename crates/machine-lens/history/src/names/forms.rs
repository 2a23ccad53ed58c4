//! Forms of a name under which two that look or sound alike become equal, and the one slip between two that do not.

use unicode_normalization::UnicodeNormalization;

/// Lower case, every separator a `-`. What the eye compares letter by letter.
pub(crate) fn plain(name: &str) -> String {
    if name.is_ascii() {
        let mut plain = name.to_ascii_lowercase();
        if plain.contains(is_separator) {
            plain = plain.replace(['_', '.'], "-");
        }
        return plain;
    }
    name.chars().flat_map(char::to_lowercase).map(|c| if is_separator(c) { '-' } else { c }).collect()
}

pub(crate) fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.')
}

/// Without separators, scope marks and case: `@babel/core`, `babel-core` and `BabelCore` are one.
pub(crate) fn squashed(name: &str) -> String {
    if name.is_ascii() {
        let mut squashed = String::with_capacity(name.len());
        squashed.extend(
            name.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.' | b'@' | b'/' | b':')).map(|b| char::from(b.to_ascii_lowercase())),
        );
        return squashed;
    }
    name.chars().filter(|c| !is_separator(*c) && !matches!(c, '@' | '/' | ':')).flat_map(char::to_lowercase).collect()
}

/// What the name looks like: letters of other scripts and digits replaced by the Latin letters that they resemble (the
/// idea of UTS #39's skeletons, for the letters that occur in names).
pub(crate) fn skeleton(name: &str) -> String {
    // Nearly every name is ASCII, and an index has thousands.
    if name.is_ascii() && !name.contains(['0', '1']) && !name.contains("rn") && !name.contains("vv") {
        return name.to_ascii_lowercase();
    }
    let folded: String = name.nfkd().filter(|c| !is_mark(*c)).flat_map(char::to_lowercase).map(resembled).collect();
    folded.replace("rn", "m").replace("vv", "w")
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

fn resembled(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' | 'օ' => 'o',
        '1' | 'ⅼ' | 'ӏ' | 'ǀ' | 'ꞁ' | 'ł' => 'l',
        'а' | 'α' | 'ɑ' => 'a',
        'ь' | 'ƅ' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' | 'ɗ' | 'đ' => 'd',
        'е' | 'ҽ' | 'ε' => 'e',
        'ɡ' | 'ց' => 'g',
        'һ' | 'հ' => 'h',
        'і' | 'ι' | 'ı' | 'ɩ' | 'ⅰ' => 'i',
        'ј' | 'ϳ' => 'j',
        'κ' | 'к' => 'k',
        'м' | 'ⅿ' => 'm',
        'ո' | 'п' | 'η' => 'n',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ŧ' => 't',
        'υ' | 'ս' | 'ʋ' => 'u',
        'ν' | 'ѵ' | 'ⅴ' => 'v',
        'ѡ' | 'ԝ' | 'ω' => 'w',
        'х' | 'χ' | 'ⅹ' | '×' => 'x',
        'у' | 'γ' | 'ү' => 'y',
        'ᴢ' => 'z',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        other => other,
    }
}

/// The words of a name, sorted; two names that have the same words in another order are equal in it.
pub(crate) fn sorted_words(name: &str) -> Option<String> {
    if !name.contains(|c| is_separator(c) || matches!(c, '@' | '/' | ':')) {
        return None;
    }
    let mut words: Vec<String> = name
        .split(|c: char| is_separator(c) || matches!(c, '@' | '/' | ':'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.len() < 2 {
        return None;
    }
    words.sort_unstable();
    Some(words.join(" "))
}

/// Words that packages put before or behind the name of what they wrap.
const PREFIXES: [&str; 8] = ["python-", "py-", "node-", "nodejs-", "js-", "go-", "rust-", "lib"];
const SUFFIXES: [&str; 11] = ["-python", "-py", "-node", "-nodejs", "-js", "-go", "-rs", "-rust", "-lib", "js", "-npm"];

/// The name with such a word taken away or put there. `name` is in [`plain`] form.
pub(crate) fn with_and_without_words(name: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for prefix in PREFIXES {
        match name.strip_prefix(prefix) {
            Some(rest) => forms.push(rest.to_owned()),
            None => forms.push(format!("{prefix}{name}")),
        }
    }
    for suffix in SUFFIXES {
        match name.strip_suffix(suffix) {
            Some(rest) => forms.push(rest.to_owned()),
            None => forms.push(format!("{name}{suffix}")),
        }
    }
    forms.retain(|form| form.len() >= 3);
    forms
}

/// Takes Go's major version off: `/v2` at the end, `.v2` of gopkg.in.
pub(crate) fn without_major(path: &str) -> &str {
    for mark in ["/v", ".v"] {
        if let Some((rest, digits)) = path.rsplit_once(mark)
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            return rest;
        }
    }
    path
}

/// Keys beside each other on a QWERTY keyboard.
fn are_neighbours(a: u8, b: u8) -> bool {
    const ROWS: [&[u8]; 4] = [b"1234567890-", b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
    let place =
        |key: u8| ROWS.iter().enumerate().find_map(|(row, keys)| keys.iter().position(|k| *k == key).map(|at| (row as i32, at as i32)));
    let (Some((row_a, at_a)), Some((row_b, at_b))) = (place(a), place(b)) else { return false };
    match row_b - row_a {
        0 => (at_a - at_b).abs() == 1,
        1 => at_b == at_a || at_b == at_a - 1,
        -1 => at_a == at_b || at_a == at_b - 1,
        _ => false,
    }
}

/// The one edit that makes `from` into `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Two neighbouring letters changed places.
    Swapped,
    /// A letter of `from` is gone.
    Dropped { at: usize, doubled: bool, letter: u8 },
    /// A letter came in.
    Added { at: usize, doubled: bool, neighbour: bool, letter: u8 },
    /// A letter became another.
    Replaced { at: usize, neighbour: bool, from: u8, to: u8 },
}

/// The edit between two names in [`plain`] form, where there is exactly one. Bytes are compared: a letter beyond ASCII is
/// a matter of [`skeleton`].
pub(crate) fn one_edit(from: &[u8], to: &[u8]) -> Option<Edit> {
    let front = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let (a, b) = (&from[front..], &to[front..]);
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - back], &b[..b.len() - back]);
    match (a, b) {
        ([x], []) => Some(Edit::Dropped { at: front, doubled: is_doubled(from, front), letter: *x }),
        ([], [y]) => {
            let neighbour = [front.checked_sub(1), Some(front + 1)]
                .into_iter()
                .flatten()
                .any(|at| to.get(at).is_some_and(|key| are_neighbours(*key, *y)));
            Some(Edit::Added { at: front, doubled: is_doubled(to, front), neighbour, letter: *y })
        }
        ([x], [y]) => Some(Edit::Replaced { at: front, neighbour: are_neighbours(*x, *y), from: *x, to: *y }),
        ([x, y], [v, w]) if x == w && y == v => Some(Edit::Swapped),
        _ => None,
    }
}

/// Whether the letter at `at` stands beside another of its kind. Equal runs make the place ambiguous, so both sides count.
fn is_doubled(text: &[u8], at: usize) -> bool {
    let letter = text.get(at);
    letter.is_some() && (text.get(at + 1) == letter || at.checked_sub(1).is_some_and(|before| text.get(before) == letter))
}

/// Whether two names are at most two edits (a swap is one) apart. Linear in their length: a band of five.
pub(crate) fn within_two(a: &[u8], b: &[u8]) -> bool {
    const FAR: u8 = 3;
    let (n, m) = (a.len(), b.len());
    if n.abs_diff(m) > 2 {
        return false;
    }
    // Rows of the band: cell k of row i is column i + k - 2.
    let (mut older, mut last) = ([FAR; 5], [FAR; 5]);
    for (k, cell) in last.iter_mut().enumerate().skip(2) {
        *cell = (k - 2) as u8;
    }
    for i in 1..=n {
        let mut row = [FAR; 5];
        for k in 0..5 {
            let Some(j) = (i + k).checked_sub(2).filter(|j| *j <= m) else { continue };
            let mut best = FAR;
            if k < 4 {
                best = best.min(last[k + 1] + 1);
            }
            if j == 0 {
                row[k] = best.min(i as u8);
                continue;
            }
            if k > 0 {
                best = best.min(row[k - 1] + 1);
            }
            best = best.min(last[k] + u8::from(a[i - 1] != b[j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(older[k] + 1);
            }
            row[k] = best.min(FAR);
        }
        if row.iter().all(|cell| *cell >= FAR) {
            return false;
        }
        (older, last) = (last, row);
    }
    (m + 2).checked_sub(n).and_then(|k| last.get(k)).is_some_and(|distance| *distance <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alike_letters_have_one_skeleton() {
        for (a, b) in [
            ("c0lors", "colors"),
            ("lodаsh", "lodash"),
            ("expreѕѕ", "express"),
            ("rnoment", "moment"),
            ("p1otly", "plotly"),
            ("réact", "react"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a}");
        }
        assert_ne!(skeleton("react"), skeleton("preact"));
    }

    #[test]
    fn the_one_edit_is_named() {
        let edit = |a: &str, b: &str| one_edit(a.as_bytes(), b.as_bytes());
        assert_eq!(edit("requests", "reqeusts"), Some(Edit::Swapped));
        assert_eq!(edit("requests", "request"), Some(Edit::Dropped { at: 7, doubled: false, letter: b's' }));
        assert_eq!(edit("express", "expres"), Some(Edit::Dropped { at: 6, doubled: true, letter: b's' }));
        assert_eq!(edit("lodash", "loddash"), Some(Edit::Added { at: 3, doubled: true, neighbour: false, letter: b'd' }));
        assert_eq!(edit("react", "preact"), Some(Edit::Added { at: 0, doubled: false, neighbour: false, letter: b'p' }));
        assert_eq!(edit("lodash", "lofash"), Some(Edit::Replaced { at: 2, neighbour: true, from: b'd', to: b'f' }));
        assert_eq!(edit("lodash", "lodash"), None);
        assert_eq!(edit("lodash", "loqqsh"), None);
    }

    #[test]
    fn the_band_agrees_with_the_full_table() {
        let words = [
            "",
            "a",
            "ab",
            "ba",
            "abc",
            "acb",
            "abcd",
            "badc",
            "requests",
            "reqeusts",
            "rqeusts",
            "rquests",
            "requestsxx",
            "xrequest",
            "python-dateutil",
            "pyhton-dateutli",
        ];
        for a in words {
            for b in words {
                assert_eq!(within_two(a.as_bytes(), b.as_bytes()), strsim::osa_distance(a, b) <= 2, "{a} {b}");
            }
        }
    }

    #[test]
    fn go_majors_are_taken_off() {
        assert_eq!(without_major("github.com/a/b/v2"), "github.com/a/b");
        assert_eq!(without_major("gopkg.in/yaml.v3"), "gopkg.in/yaml");
        assert_eq!(without_major("github.com/a/v"), "github.com/a/v");
    }
}
