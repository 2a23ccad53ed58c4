//! The index that finds the popular name a given one could be mistaken for.
//!
//! In: a popularity list. Out: for a name, the popular name that it resembles most and how. Slips of one letter are found
//! by deletion neighbourhoods (a name and a slip of it share a form with one letter left out), slips of two in long names
//! by thirds (of three parts, two edits leave one whole), all others by forms in which both names are equal. Every form is
//! a 64-bit hash in one table; what the table yields is compared letter by letter, so a chance collision costs time only.

use super::forms;
use super::popularity::Popularity;
use super::slip::{self, Best, Slip};
use super::table::{Prefixes, Table, hash, mix, powers};
use bifocal_core::Ecosystem;
use std::fmt;

/// Names that are indexed, from the most popular; nobody imitates the rest.
const MAX_INDEXED: usize = 20_000;
/// The longest name that is indexed or looked up, in bytes.
pub(super) const MAX_NAME: usize = 128;
/// The shortest name of which slips are looked for: three letters are always near something.
const MIN_NAME: usize = 4;
/// The shortest name of which two slips are looked for.
const LONG_NAME: usize = 12;
/// Candidates compared for one form at most.
const MAX_CANDIDATES: usize = 4096;

/// A popular name that another one resembles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resemblance<'a> {
    /// The popular name.
    pub name: &'a str,
    /// Its rank, 0 for the most popular.
    pub rank: usize,
    /// The slip.
    pub slip: Slip,
}

/// The index over one list.
pub struct LookAlike {
    ecosystem: Ecosystem,
    names: Vec<Indexed>,
    /// Names of the list beyond those that are indexed.
    others: std::collections::HashSet<String>,
    table: Table,
    powers: Vec<u64>,
}

#[derive(Debug)]
struct Indexed {
    name: String,
    plain: String,
    mask: u64,
}

impl fmt::Debug for LookAlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookAlike").field("ecosystem", &self.ecosystem).field("names", &self.names.len()).finish_non_exhaustive()
    }
}

/// Kinds of form in the table; a form of one kind never meets one of another.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Kind {
    /// The name, or the name with one letter left out.
    Deletion = 1,
    /// The plain name.
    Plain,
    Squashed,
    Unscoped,
    Skeleton,
    Words,
    /// A third of a long name, with the name's length and the third's number.
    Third,
}

impl LookAlike {
    /// Builds the index over the first 20,000 names of the list.
    pub fn new(popularity: &Popularity) -> Self {
        let ecosystem = popularity.ecosystem();
        let names: Vec<Indexed> = popularity
            .names()
            .iter()
            .take(MAX_INDEXED)
            .map(|name| {
                let plain = comparable(ecosystem, name);
                Indexed { mask: letters(plain.as_bytes()), name: name.clone(), plain }
            })
            .collect();
        let powers = powers();
        let mut forms: Vec<(u64, u32)> = Vec::with_capacity(names.len() * 20);
        for (at, entry) in names.iter().enumerate() {
            let at = at as u32;
            let bytes = entry.plain.as_bytes();
            if bytes.len() < MIN_NAME || bytes.len() > MAX_NAME {
                continue;
            }
            let hashes = Prefixes::new(bytes);
            forms.push((key(Kind::Plain, hashes.whole()), at));
            forms.push((key(Kind::Deletion, hashes.whole()), at));
            for gone in 0..bytes.len() {
                forms.push((key(Kind::Deletion, hashes.without(gone, &powers)), at));
            }
            if bytes.len() >= LONG_NAME {
                for (number, (start, length)) in thirds(bytes.len()).into_iter().enumerate() {
                    forms.push((key(Kind::Third, third(hashes.part(start, length, &powers), bytes.len(), number)), at));
                }
            }
            let squashed = hash(&forms::squashed(&entry.name));
            forms.push((key(Kind::Squashed, squashed), at));
            if entry.name.starts_with('@') {
                forms.push((key(Kind::Unscoped, squashed), at));
            }
            let skeleton = forms::skeleton(&entry.plain);
            forms.push((key(Kind::Skeleton, hash(&skeleton)), at));
            if let Some(words) = forms::sorted_words(&entry.plain) {
                forms.push((key(Kind::Words, hash(&words)), at));
            }
        }
        let others = popularity.names().iter().skip(MAX_INDEXED).cloned().collect();
        LookAlike { ecosystem, names, others, table: Table::new(&forms), powers }
    }

    /// Number of names that are indexed.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing is indexed.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The popular name that `name` resembles most: the most telling slip, then the most popular. `None` when it
    /// resembles none or is listed itself.
    pub fn find(&self, name: &str) -> Option<Resemblance<'_>> {
        if self.others.contains(name) || name.len() > MAX_NAME {
            return None;
        }
        let plain = comparable(self.ecosystem, name);
        let bytes = plain.as_bytes();
        if plain.chars().count() < MIN_NAME {
            return None;
        }
        let mut best = Best::default();
        let hashes = Prefixes::new(bytes);

        // Listed, another major version of a listed Go module, or equal but for the separators.
        let mut is_listed = false;
        self.each(Kind::Plain, hashes.whole(), |rank, entry| {
            let other_major = self.ecosystem == Ecosystem::Golang && forms::without_major(name) == forms::without_major(&entry.name);
            if entry.name == name || other_major {
                is_listed = true;
            } else {
                best.take(rank, Slip::Separators);
            }
        });
        if is_listed {
            return None;
        }
        self.each_stranger(name, Kind::Deletion, hashes.whole(), |rank, entry| self.compare(name, bytes, rank, entry, &mut best));
        for gone in 0..bytes.len() {
            if gone > 0 && bytes[gone] == bytes[gone - 1] {
                continue;
            }
            self.each_stranger(name, Kind::Deletion, hashes.without(gone, &self.powers), |rank, entry| {
                self.compare(name, bytes, rank, entry, &mut best)
            });
        }
        let skeleton = forms::skeleton(&plain);
        self.each_stranger(name, Kind::Skeleton, hash(&skeleton), |rank, entry| {
            if entry.plain != plain && forms::skeleton(&entry.plain) == skeleton {
                best.take(rank, Slip::Homoglyph);
            }
        });
        let squashed = forms::squashed(name);
        self.each_stranger(name, Kind::Squashed, hash(&squashed), |rank, entry| {
            let same_shape =
                entry.name.starts_with('@') == name.starts_with('@') && entry.name.matches('/').count() == name.matches('/').count();
            if same_shape && entry.plain != plain && forms::squashed(&entry.name) == squashed {
                best.take(rank, Slip::Separators);
            }
        });
        if !name.starts_with('@') {
            self.each_stranger(name, Kind::Unscoped, hash(&squashed), |rank, entry| {
                if forms::squashed(&entry.name) == squashed {
                    best.take(rank, Slip::Unscoped);
                }
            });
        }
        if best.0.is_none() {
            self.find_weak(name, &plain, &hashes, &mut best);
        }
        best.0.and_then(|(slip, rank)| {
            let entry = self.names.get(rank as usize)?;
            Some(Resemblance { name: &entry.name, rank: rank as usize, slip })
        })
    }

    /// Resemblances that honest names have by custom; looked for only where there is none of a better kind.
    fn find_weak(&self, name: &str, plain: &str, hashes: &Prefixes, best: &mut Best) {
        if let Some(words) = forms::sorted_words(plain) {
            self.each_stranger(name, Kind::Words, hash(&words), |rank, entry| {
                if entry.plain != plain && forms::sorted_words(&entry.plain).as_ref() == Some(&words) {
                    best.take(rank, Slip::WordOrder);
                }
            });
        }
        let bytes = plain.as_bytes();
        // Paths and groups are long, and two letters in them mean little.
        let bare = matches!(self.ecosystem, Ecosystem::Npm | Ecosystem::Pypi | Ecosystem::Cargo);
        if bare && bytes.len() >= LONG_NAME - 2 && bytes.len() <= MAX_NAME {
            let mask = letters(bytes);
            for length in bytes.len().saturating_sub(2).max(LONG_NAME)..=bytes.len() + 2 {
                for (number, (start, part)) in thirds(length).into_iter().enumerate() {
                    for at in start.saturating_sub(2)..=start + 2 {
                        if at + part > bytes.len() {
                            break;
                        }
                        let wanted = third(hashes.part(at, part, &self.powers), length, number);
                        self.each_stranger(name, Kind::Third, wanted, |rank, entry| {
                            // Two edits change at most four kinds of letter: a cheap test before the dear one.
                            let near = (entry.mask ^ mask).count_ones() <= 4 && entry.plain.len() == length;
                            if near && best.beats(rank, Slip::TwoLetters) && forms::within_two(entry.plain.as_bytes(), bytes) {
                                best.take(rank, Slip::TwoLetters);
                            }
                        });
                    }
                }
            }
        }
        if bare {
            for form in forms::with_and_without_words(plain) {
                self.each_stranger(name, Kind::Plain, hash(&form), |rank, entry| {
                    if entry.plain == form {
                        best.take(rank, Slip::Word);
                    }
                });
            }
        }
    }

    fn compare(&self, name: &str, bytes: &[u8], rank: u32, entry: &Indexed, best: &mut Best) {
        if let Some(slip) =
            forms::one_edit(entry.plain.as_bytes(), bytes).map(|edit| slip::of(edit, self.ecosystem, name, entry.plain.as_bytes(), bytes))
        {
            best.take(rank, slip);
        }
    }

    fn each(&self, kind: Kind, hash: u64, mut on: impl FnMut(u32, &Indexed)) {
        for rank in self.table.get(key(kind, hash)).take(MAX_CANDIDATES) {
            if let Some(entry) = self.names.get(rank as usize) {
                on(rank, entry);
            }
        }
    }

    /// As [`LookAlike::each`], without names that belong to the same owner.
    fn each_stranger(&self, name: &str, kind: Kind, hash: u64, mut on: impl FnMut(u32, &Indexed)) {
        self.each(kind, hash, |rank, entry| {
            if !self.are_kin(name, entry) {
                on(rank, entry);
            }
        });
    }

    /// Whether both names are in one namespace: then one owner gave both, and neither imitates the other.
    fn are_kin(&self, name: &str, entry: &Indexed) -> bool {
        let own = namespace(self.ecosystem, name);
        own.is_some() && namespace(self.ecosystem, &entry.name) == own
    }
}

/// The part of a name that is compared letter by letter.
fn comparable(ecosystem: Ecosystem, name: &str) -> String {
    match ecosystem {
        Ecosystem::Golang => forms::plain(forms::without_major(name)),
        _ => forms::plain(name),
    }
}

/// Who a name belongs to, where the name says so: npm scope, Maven group, host and owner of a Go path.
fn namespace(ecosystem: Ecosystem, name: &str) -> Option<&str> {
    match ecosystem {
        Ecosystem::Npm if name.starts_with('@') => name.split_once('/').map(|(scope, _)| scope),
        Ecosystem::Maven => name.split_once(':').map(|(group, _)| group),
        // gopkg.in/yaml.v3 belongs to whoever has the name behind the host.
        Ecosystem::Golang if !name.starts_with("gopkg.in/") => {
            let owner = name.match_indices('/').nth(1).map_or(name.len(), |(at, _)| at);
            let host = name.find('/').unwrap_or(name.len());
            name.get(..if owner < name.len() { owner } else { host })
        }
        _ => None,
    }
}

fn key(kind: Kind, hash: u64) -> u64 {
    mix(hash ^ (kind as u64).wrapping_mul(0xd6e8_feb8_6659_fd93))
}

/// Which letters and digits occur, as a bit set.
fn letters(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |set, byte| set | 1 << (byte & 63))
}

/// Start and length of the three parts of a name of `length` bytes.
fn thirds(length: usize) -> [(usize, usize); 3] {
    let part = length / 3;
    [(0, part), (part, part), (2 * part, length - 2 * part)]
}

fn third(hash: u64, length: usize, number: usize) -> u64 {
    hash ^ mix((length as u64) << 8 | number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(ecosystem: Ecosystem, names: &str) -> LookAlike {
        LookAlike::new(&Popularity::parse(ecosystem, names).unwrap())
    }

    #[test]
    fn each_slip_is_found_and_named() {
        let npm = index(
            Ecosystem::Npm,
            "lodash\nexpress\n@babel/core\n@types/node\nnode-fetch\ncross-env\nmoment\nhtml-webpack-plugin\nchalk\ncolors\nsocket.io\n",
        );
        for (name, target, slip) in [
            ("loadsh", "lodash", Slip::Swapped),
            ("expres", "express", Slip::Mistyped),
            ("exprress", "express", Slip::Mistyped),
            ("expresd", "express", Slip::OneLetter),
            ("expfess", "express", Slip::Mistyped),
            ("qexpress", "express", Slip::OneLetter),
            ("lodashs", "lodash", Slip::Plural),
            ("lodash2", "lodash", Slip::Plural),
            ("rnoment", "moment", Slip::Homoglyph),
            ("m0ment", "moment", Slip::Homoglyph),
            ("сolors", "colors", Slip::Homoglyph),
            ("crossenv", "cross-env", Slip::Separators),
            ("cross_env", "cross-env", Slip::Separators),
            ("socketio", "socket.io", Slip::Separators),
            ("babel-core", "@babel/core", Slip::Unscoped),
            ("typesnode", "@types/node", Slip::Unscoped),
            ("@bable/core", "@babel/core", Slip::Namespace),
            ("@babell/core", "@babel/core", Slip::Namespace),
            ("fetch-node", "node-fetch", Slip::WordOrder),
            ("htm-webpack-plugins", "html-webpack-plugin", Slip::TwoLetters),
            ("lodash-js", "lodash", Slip::Word),
            ("node-chalk", "chalk", Slip::Word),
        ] {
            let found = npm.find(name).unwrap_or_else(|| panic!("{name} resembles nothing"));
            assert_eq!((found.name, found.slip), (target, slip), "{name}");
        }
        for name in ["lodash", "@babel/cores", "react", "lodash.merge", "abc", "", "x", "веб"] {
            assert_eq!(npm.find(name), None, "{name}");
        }
    }

    #[test]
    fn groups_and_owners_are_compared_and_go_majors_are_not() {
        let maven = index(Ecosystem::Maven, "com.google.guava:guava\norg.apache.commons:commons-lang3\n");
        let found = maven.find("com.goog1e.guava:guava").unwrap();
        assert_eq!((found.name, found.slip), ("com.google.guava:guava", Slip::Homoglyph));
        assert_eq!(maven.find("com.gogle.guava:guava").unwrap().slip, Slip::Namespace);
        assert_eq!(maven.find("com.google.guava:guava-testlib"), None);
        let go = index(Ecosystem::Golang, "github.com/gorilla/mux\ngopkg.in/yaml.v3\ngithub.com/boltdb/bolt\n");
        assert_eq!(go.find("github.com/gorila/mux").unwrap().slip, Slip::Namespace);
        assert_eq!(go.find("github.com/boltdb-go/bolt"), None);
        assert_eq!(go.find("github.com/gorilla/mux/v2"), None);
        assert_eq!(go.find("gopkg.in/yaml.v2"), None);
        assert_eq!(go.find("github.com/someone/mux"), None);
    }

    #[test]
    fn hostile_names_cost_no_more_than_others() {
        let npm = index(Ecosystem::Npm, &(0..2000).map(|n| format!("aaaaaaaaaaaa-{n}\n")).collect::<String>());
        for name in ["a".repeat(MAX_NAME), "a".repeat(100_000), "\u{430}".repeat(64), "а-".repeat(40), "aaaaaaaaaaaa-".to_owned()] {
            let _ = npm.find(&name);
        }
    }

    #[test]
    fn every_one_letter_slip_of_a_name_is_found() {
        let pypi = index(Ecosystem::Pypi, "requests\nnumpy\nzzzz-other\n");
        let name = b"requests";
        for at in 0..name.len() {
            let mut dropped = name.to_vec();
            dropped.remove(at);
            let mut replaced = name.to_vec();
            replaced[at] = b'z';
            let mut added = name.to_vec();
            added.insert(at, b'z');
            for text in [dropped, replaced, added] {
                let text = String::from_utf8(text).unwrap();
                assert_eq!(pypi.find(&text).map(|found| found.name), Some("requests"), "{text}");
            }
        }
    }
}
