//! The slips by which one name comes from another, and which of them an edit is.
//!
//! In: an edit between a popular name and a given one. Out: the slip, ordered by how telling it is: what fingers and eyes
//! get wrong is what an impostor counts on; a plural or a customary word is how honest names differ.

use super::forms::{self, Edit};
use bifocal_core::Ecosystem;

/// The shortest name in which any letter inside a word that differs is taken for a slip.
const SURE_NAME: usize = 8;

/// How one name came from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// Other characters that look the same (`0` for `o`, Cyrillic letters, `rn` for `m`).
    Homoglyph,
    /// Two neighbouring letters swapped.
    Swapped,
    /// A letter left out or doubled, or a neighbouring key hit.
    Mistyped,
    /// The npm scope, Maven group or Go owner is one slip away, the rest is the same.
    Namespace,
    /// Only the separators differ.
    Separators,
    /// A scoped name without its scope (`types-node` for `@types/node`).
    Unscoped,
    /// A letter added, left out or replaced in a way that is no slip of the fingers.
    OneLetter,
    /// The same words in another order.
    WordOrder,
    /// One is the plural of the other, or they differ in a digit.
    Plural,
    /// Two slips in a long name.
    TwoLetters,
    /// A customary word added or left out (`python-`, `-js`).
    Word,
}

impl Slip {
    /// The slip in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Slip::Homoglyph => "characters that look the same",
            Slip::Swapped => "two letters swapped",
            Slip::Mistyped => "a letter left out, doubled or mistyped",
            Slip::Namespace => "the namespace is one letter off",
            Slip::Separators => "only the separators differ",
            Slip::Unscoped => "a scoped name without its scope",
            Slip::OneLetter => "one letter differs",
            Slip::WordOrder => "the same words in another order",
            Slip::Plural => "a plural or a digit apart",
            Slip::TwoLetters => "two letters differ",
            Slip::Word => "a customary word added or left out",
        }
    }

    /// Whether people make it with their fingers or eyes, which is what an impostor counts on.
    pub(crate) const fn is_telling(self) -> bool {
        matches!(self, Slip::Homoglyph | Slip::Swapped | Slip::Mistyped | Slip::Namespace)
    }

    /// Whether honest packages are named so by custom.
    pub(crate) const fn is_habit(self) -> bool {
        matches!(self, Slip::Plural | Slip::TwoLetters | Slip::Word | Slip::WordOrder | Slip::Unscoped)
    }
}

/// The best resemblance so far: the most telling slip, then the lowest rank.
#[derive(Default)]
pub(super) struct Best(pub(super) Option<(Slip, u32)>);

impl Best {
    pub(super) fn beats(&self, rank: u32, slip: Slip) -> bool {
        self.0.is_none_or(|known| (slip, rank) < known)
    }

    pub(super) fn take(&mut self, rank: u32, slip: Slip) {
        if self.beats(rank, slip) {
            self.0 = Some((slip, rank));
        }
    }
}

/// What kind of slip an edit is. The first letter is rarely mistyped, and a digit or an `s` at the end is how honest
/// names differ. `old` and `bytes` are the popular and the given name in the form in
/// which they are compared, `name` the given one as written.
pub(super) fn of(edit: Edit, ecosystem: Ecosystem, name: &str, old: &[u8], bytes: &[u8]) -> Slip {
    let base = base_start(ecosystem, name);
    let word_end = |text: &[u8], at: usize| text.get(at + 1).is_none_or(|next| !next.is_ascii_alphanumeric());
    let word_start = |text: &[u8], at: usize| at == 0 || text.get(at - 1).is_some_and(|before| !before.is_ascii_alphanumeric());
    let long = bytes.len().min(old.len()) >= SURE_NAME;
    let slip = match edit {
        Edit::Swapped => Slip::Swapped,
        Edit::Dropped { letter: b's' | b'0'..=b'9', at, doubled: false } if word_end(old, at) => Slip::Plural,
        Edit::Added { letter: b's', at, doubled: false, .. } if word_end(bytes, at) => Slip::Plural,
        Edit::Added { letter: b'0'..=b'9', .. } | Edit::Dropped { letter: b'0'..=b'9', .. } => Slip::Plural,
        Edit::Replaced { from, to, .. } if from.is_ascii_digit() && to.is_ascii_digit() => Slip::Plural,
        Edit::Dropped { letter: b'-', .. } | Edit::Added { letter: b'-', .. } => Slip::Separators,
        Edit::Dropped { doubled: true, .. } | Edit::Added { doubled: true, .. } => Slip::Mistyped,
        // The first letter is what people are surest of.
        Edit::Dropped { at, .. } | Edit::Replaced { at, .. } if word_start(old, at) => Slip::OneLetter,
        Edit::Added { at, .. } if word_start(bytes, at) => Slip::OneLetter,
        Edit::Dropped { at, .. } if word_end(old, at) => Slip::OneLetter,
        Edit::Dropped { .. } => Slip::Mistyped,
        Edit::Added { at, neighbour, .. } if !word_end(bytes, at) && (neighbour || long) => Slip::Mistyped,
        Edit::Replaced { neighbour: true, .. } if long => Slip::Mistyped,
        Edit::Replaced { at, neighbour, from, to } if !word_end(old, at) && (neighbour || long || (is_vowel(from) && is_vowel(to))) => {
            Slip::Mistyped
        }
        _ => Slip::OneLetter,
    };
    let at = match edit {
        Edit::Swapped => bytes.iter().zip(old).take_while(|(a, b)| a == b).count(),
        Edit::Dropped { at, .. } | Edit::Added { at, .. } | Edit::Replaced { at, .. } => at,
    };
    // In a namespace any one letter counts: the rest of the name, which is the same, shows what is meant.
    if at < base && slip != Slip::Separators { Slip::Namespace } else { slip }
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// Where the name proper begins behind its namespace.
fn base_start(ecosystem: Ecosystem, name: &str) -> usize {
    match ecosystem {
        Ecosystem::Npm if name.starts_with('@') => name.find('/').map_or(0, |at| at + 1),
        Ecosystem::Maven => name.find(':').map_or(0, |at| at + 1),
        Ecosystem::Golang => forms::without_major(name).rfind('/').map_or(0, |at| at + 1),
        _ => 0,
    }
}
