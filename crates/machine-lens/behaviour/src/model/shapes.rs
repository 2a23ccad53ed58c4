//! Features about files as text: the marks of obfuscators and what stands in odd places.

use super::features::Own;
use super::pairs::TELLING;
use crate::facts::{FileFacts, Language, Trigger};
use crate::layout::Files;

/// One measure of a file.
pub(super) struct ShapeOf {
    /// Stable name of the feature.
    pub(super) name: &'static str,
    /// What a value above zero means, as a verb phrase.
    pub(super) words: &'static str,
    /// The value, and the line where it shows (0: the whole file).
    pub(super) measure: fn(&FileFacts, &Own, &Files<'_>) -> (f64, u32),
}

/// Bytes of a line from which on it counts as long.
const LONG: usize = 1_000;
/// Most bytes of a long line whose letters are counted.
const SAMPLE: usize = 32 << 10;

fn log2(count: usize) -> f64 {
    (count as f64 + 1.0).log2()
}

fn acts(own: &Own) -> bool {
    TELLING.iter().any(|act| own[*act].0 >= 2)
}

/// 1 plus the eagerness of the file's own code, where the mark is there.
fn marked(file: &FileFacts, mark: bool, line: u32) -> (f64, u32) {
    (if mark { 1.0 + f64::from(super::acts::eagerness(file.trigger)) } else { 0.0 }, line)
}

/// Every shape.
pub(super) const SHAPES: &[ShapeOf] = &[
    ShapeOf {
        name: "obfuscated-names",
        words: "holds names as obfuscators make them",
        measure: |file, _, _| (log2((file.shape.hex_names + file.shape.lookalike_names) as usize), 0),
    },
    ShapeOf {
        name: "obfuscated-at-load",
        words: "holds an obfuscator's output that runs when it is loaded",
        measure: |file, _, _| marked(file, file.shape.hex_names >= 24 || file.shape.lookalike_names >= 12, 0),
    },
    ShapeOf {
        name: "encoded-text",
        words: "holds long encoded text in a file that runs when it is loaded",
        measure: |file, _, _| (if file.trigger.on_load() { log2(file.shape.encoded_bytes) } else { 0.0 }, 0),
    },
    ShapeOf {
        name: "encoded-share",
        words: "is mostly encoded text in a file that acts",
        measure: |file, own, _| {
            let share = file.shape.encoded_bytes as f64 / (file.shape.bytes.max(1)) as f64;
            (if acts(own) && file.shape.encoded_bytes > 500 { (share * 10.0).floor() / 10.0 } else { 0.0 }, 0)
        },
    },
    ShapeOf {
        name: "long-line-entropy",
        words: "has a long line of random letters in a file that acts when it is loaded",
        measure: |file, own, files| {
            if file.shape.longest_line < LONG || !acts(own) || !file.trigger.on_load() {
                return (0.0, 0);
            }
            files.get(file.path.as_str()).map_or((0.0, 0), |bytes| entropy_of_longest(bytes))
        },
    },
    ShapeOf {
        name: "one-line-program",
        words: "has a Python file that is little more than one very long line",
        measure: |file, _, _| {
            let runs = file.language == Language::Python && file.trigger.on_load();
            let long = file.shape.longest_line >= 2_000 && file.shape.longest_line * 2 > file.shape.bytes;
            (if runs && long { log2(file.shape.longest_line) } else { 0.0 }, 0)
        },
    },
    ShapeOf {
        name: "escaped-text",
        words: "has a very long line of escaped or encoded letters in a Python file that runs when it is loaded",
        measure: |file, _, files| {
            if file.language != Language::Python || !file.trigger.on_load() || file.shape.longest_line < 2_000 {
                return (0.0, 0);
            }
            files.get(file.path.as_str()).map_or((0.0, 0), |bytes| escaped(bytes))
        },
    },
    ShapeOf {
        name: "pushed-right",
        words: "has code behind hundreds of blanks, out of sight",
        measure: |file, own, _| marked(file, file.shape.pushed_right.is_some() && acts(own), file.shape.pushed_right.unwrap_or(0)),
    },
    ShapeOf {
        name: "theft-words",
        words: "names places where browsers, chat clients and wallets keep secrets",
        measure: |file, _, _| (f64::from(file.shape.theft_words.min(12)), 0),
    },
    ShapeOf {
        name: "theft-words-talking",
        words: "names such places beside code that talks to hosts",
        measure: |file, own, _| {
            let talks = own[super::acts::act("network")].0.max(own[super::acts::act("socket")].0) > 0;
            (if talks { f64::from(file.shape.theft_words.min(12)) } else { 0.0 }, 0)
        },
    },
    ShapeOf {
        name: "embedded-hook",
        words: "brings a chat service's hook with its token",
        measure: |file, _, _| marked(file, file.shape.embedded_hook.is_some(), file.shape.embedded_hook.unwrap_or(0)),
    },
    ShapeOf {
        name: "wallet-pattern",
        words: "has a pattern that matches wallet addresses",
        measure: |file, _, _| marked(file, file.shape.wallet_pattern.is_some(), file.shape.wallet_pattern.unwrap_or(0)),
    },
    ShapeOf {
        name: "hooks-requests",
        words: "replaces the browser's request functions beside wallet code",
        measure: |file, _, _| marked(file, file.shape.hooks_requests, 0),
    },
    ShapeOf {
        name: "hidden-text",
        words: "has characters that hide code from readers",
        measure: |file, own, _| marked(file, !file.hidden.is_empty() && acts(own), file.hidden.first().map_or(0, |hidden| hidden.line)),
    },
    ShapeOf {
        name: "unreadable-at-load",
        words: "has a file that runs when it is loaded and that no parser takes",
        measure: |file, _, _| {
            let runs = file.trigger.is_automatic() && file.trigger != Trigger::Test;
            (if runs && file.unparsed.is_some() { 1.0 } else { 0.0 }, 0)
        },
    },
    ShapeOf {
        name: "terse-actor",
        words: "has a short file that does little but act when it is loaded",
        measure: |file, own, _| {
            let seen = TELLING.iter().filter(|act| own[**act].0 >= 3).count();
            (if file.shape.bytes > 0 && file.shape.bytes < 6_000 { seen as f64 } else { 0.0 }, 0)
        },
    },
];

/// The value of a shape.
pub(super) fn of(shape: &ShapeOf, file: &FileFacts, own: &Own, files: &Files<'_>) -> (f64, u32) {
    if file.trigger == Trigger::Test {
        return (0.0, 0);
    }
    (shape.measure)(file, own, files)
}

/// The longest line of a file and its number.
fn longest(bytes: &[u8]) -> (&[u8], u32) {
    let mut longest: (&[u8], u32) = (&[], 0);
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.len() > longest.0.len() {
            longest = (line, u32::try_from(index + 1).unwrap_or(u32::MAX));
        }
    }
    longest
}

/// How much of the longest line is written in escapes or is one unbroken run of letters and digits, in tenths.
fn escaped(bytes: &[u8]) -> (f64, u32) {
    let (line, number) = longest(bytes);
    let sample = &line[..line.len().min(SAMPLE)];
    let escapes = memchr::memchr_iter(b'\\', sample).count() * 4;
    let (mut run, mut best) = (0usize, 0usize);
    for byte in sample {
        run = if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-') { run + 1 } else { 0 };
        best = best.max(run);
    }
    let share = escapes.max(best) as f64 / sample.len().max(1) as f64;
    let tenths = (share.min(1.0) * 10.0).floor() / 10.0;
    (if tenths >= 0.3 { tenths } else { 0.0 }, number)
}

/// Bits a byte of the longest line, in halves, and its number.
fn entropy_of_longest(bytes: &[u8]) -> (f64, u32) {
    let longest = longest(bytes);
    let sample = &longest.0[..longest.0.len().min(SAMPLE)];
    let mut counts = [0u32; 256];
    for byte in sample {
        counts[usize::from(*byte)] += 1;
    }
    let total = sample.len().max(1) as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum();
    ((bits * 2.0).floor() / 2.0, longest.1)
}
