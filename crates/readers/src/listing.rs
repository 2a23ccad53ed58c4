//! Collects what a reader finds, within the limits, and turns names, digests and addresses into checked values.

use crate::address;
use crate::error::{Problem, ReadError, shown};
use crate::source::Source;
use bifocal_core::{
    Algorithm, Ask, Choosing, DeclaredArtifact, Dependency, Digest, Ecosystem, FileKind, Inventory, Origin, PackageName, Place,
    ReaderLimits, Release, Requested, Unread, counted,
};
use std::collections::BTreeMap;

/// Most notes kept for one file; the rest are counted.
const MAX_NOTES: usize = 2_000;

/// How the one note of an inventory begins that counts what is of no kind that is looked at: every summary has it.
pub const NOT_LOOKED_AT: &str = "not looked at: ";

/// Most kinds of things not looked at that are told apart.
const MAX_KINDS: usize = 50;

/// An inventory in the making.
pub(crate) struct Listing<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) limits: ReaderLimits,
    inventory: Inventory,
    more_notes: usize,
    /// Things of kinds that are not looked at: what one is called, what many are, and how many.
    others: BTreeMap<String, (String, u64)>,
}

impl<'a> Listing<'a> {
    pub(crate) fn new(source: Source<'a>, kind: FileKind, limits: ReaderLimits) -> Self {
        Listing { source, limits, inventory: Inventory::new(source.path, kind), more_notes: 0, others: BTreeMap::new() }
    }

    pub(crate) fn finish(mut self) -> Inventory {
        if self.more_notes > 0 {
            let notes = counted(self.more_notes as u64, "more note is", "more notes are");
            self.inventory.notes.push(format!("{notes} left out"));
        }
        if !self.others.is_empty() {
            let counts: Vec<String> = self.others.iter().map(|(one, (many, count))| counted(*count, one, many)).collect();
            self.inventory.notes.push(format!("{NOT_LOOKED_AT}{}", counts.join(", ")));
        }
        self.inventory
    }

    pub(crate) fn kind(&self) -> FileKind {
        self.inventory.kind
    }

    pub(crate) fn dependencies(&self) -> &[Dependency] {
        &self.inventory.dependencies
    }

    /// Adds a dependency, unless there are too many.
    pub(crate) fn push(&mut self, dependency: Dependency) -> Result<(), ReadError> {
        if self.inventory.dependencies.len() >= self.limits.dependencies {
            let problem = Problem::TooMany { what: "dependencies", limit: self.limits.dependencies };
            return Err(ReadError { place: dependency.place, problem });
        }
        self.inventory.dependencies.push(dependency);
        Ok(())
    }

    /// Adds a dependency of this file at a line.
    pub(crate) fn add(
        &mut self,
        line: u32,
        requested: Requested,
        artifacts: Vec<DeclaredArtifact>,
        optional: bool,
        origins: Vec<Origin>,
    ) -> Result<(), ReadError> {
        self.push(Dependency { requested, artifacts, place: self.source.place(line), optional, origins, ask: Ask::default() })
    }

    /// As [`Listing::add`], with how the manifest asks for it.
    pub(crate) fn add_asked(
        &mut self,
        line: u32,
        requested: Requested,
        optional: bool,
        origins: Vec<Origin>,
        ask: Ask,
    ) -> Result<(), ReadError> {
        self.push(Dependency { requested, artifacts: Vec::new(), place: self.source.place(line), optional, origins, ask })
    }

    /// What the file says of how its client chooses.
    pub(crate) fn choosing(&mut self) -> &mut Choosing {
        &mut self.inventory.choosing
    }

    /// Has only what was uploaded before a time seen; a time that cannot be read here is said in every summary.
    pub(crate) fn uploaded_before(&mut self, text: &str, through: bool) {
        match Choosing::uploaded_before(text, through) {
            Some(at) => {
                let held = self.choosing().before;
                self.choosing().before = Some(held.map_or(at, |held| held.min(at)));
            }
            None => self.other(
                "limit on the time of uploads that is no date and not followed",
                "limits on the time of uploads that are no dates and not followed",
            ),
        }
    }

    /// Adds what narrows the choice where something else asks for the package.
    pub(crate) fn constrain(&mut self, dependency: Dependency) {
        if self.inventory.constraints.len() < self.limits.dependencies {
            self.inventory.constraints.push(dependency);
        }
    }

    /// Says what is asked for and cannot be looked at. The texts must be printable already.
    pub(crate) fn unread(&mut self, line: u32, what: String, why: String) -> Result<(), ReadError> {
        if self.inventory.unread.len() >= self.limits.dependencies {
            return Err(self.source.error(line, Problem::TooMany { what: "dependencies", limit: self.limits.dependencies }));
        }
        self.inventory.unread.push(Unread { what, place: self.source.place(line), why });
        Ok(())
    }

    /// Says that a manifest asks for something that this lockfile does not have. The text must be printable already.
    pub(crate) fn unlocked(&mut self, place: &Place, what: &str) -> Result<(), ReadError> {
        let lock = self.source.path.rsplit('/').next().unwrap_or(self.source.path);
        let why = format!("{lock} does not have it, so what a client would take today was not looked at; make the lockfile anew");
        self.unread(0, what.to_owned(), why)?;
        if let Some(last) = self.inventory.unread.last_mut() {
            last.place = place.clone();
        }
        Ok(())
    }

    /// Says that this lockfile was made with something that no manifest has any more. The text must be printable already.
    pub(crate) fn no_longer_asked(&mut self, place: &Place, what: &str) -> Result<(), ReadError> {
        let why =
            "no manifest has it any more, so a client would resolve anew, and what it takes was not looked at; make the lockfile anew";
        self.unread(place.line, what.to_owned(), why.to_owned())
    }

    /// Counts a thing of a kind that is not looked at, by what one and many of it are called. The texts must be printable
    /// already.
    pub(crate) fn other(&mut self, one: &str, many: &str) {
        let told = self.others.len() < MAX_KINDS || self.others.contains_key(one);
        let (one, many) = if told { (one, many) } else { ("component of another kind", "components of other kinds") };
        let (_, count) = self.others.entry(one.to_owned()).or_insert_with(|| (many.to_owned(), 0));
        *count = count.saturating_add(1);
    }

    /// Says what was understood and left out. The text must be printable already.
    pub(crate) fn note(&mut self, line: u32, text: &str) {
        self.note_at(&self.source.place(line), text);
    }

    /// As [`Listing::note`], for another file.
    pub(crate) fn note_at(&mut self, place: &Place, text: &str) {
        if self.inventory.notes.len() >= MAX_NOTES {
            self.more_notes += 1;
        } else {
            self.inventory.notes.push(format!("{place}: {text}"));
        }
    }

    pub(crate) fn package(&self, ecosystem: Ecosystem, name: &str, line: u32) -> Result<PackageName, ReadError> {
        PackageName::new(ecosystem, name).map_err(|problem| self.source.error(line, problem))
    }

    pub(crate) fn exact(&self, ecosystem: Ecosystem, name: &str, version: &str, line: u32) -> Result<Requested, ReadError> {
        let release = Release::new(ecosystem, name, version).map_err(|problem| self.source.error(line, problem))?;
        Ok(Requested::Exact { release })
    }

    pub(crate) fn range(&self, ecosystem: Ecosystem, name: &str, requirement: &str, line: u32) -> Result<Requested, ReadError> {
        if requirement.len() > 4096 {
            return Err(self.source.error(line, Problem::TooLong { what: "a requirement", limit: 4096 }));
        }
        let requirement = requirement.split_whitespace().collect::<Vec<_>>().join(" ");
        if bifocal_core::printable(&requirement) != requirement {
            return Err(self.source.error(line, Problem::Requirement { expected: "a version requirement", found: shown(&requirement) }));
        }
        Ok(Requested::Range { package: self.package(ecosystem, name, line)?, requirement })
    }

    /// An address outside a registry. What is no address at all is refused.
    pub(crate) fn url(&self, name: &str, written: &str, line: u32) -> Result<Requested, ReadError> {
        match address::clean(written) {
            Some(url) => Ok(Requested::Url { name: shown(name), url }),
            None => Err(self.source.error(line, Problem::Requirement { expected: "an address", found: shown(written) })),
        }
    }

    /// A git repository, from any spelling that a client takes.
    pub(crate) fn git(&self, name: &str, written: &str, revision: Option<&str>, line: u32) -> Result<Requested, ReadError> {
        match address::git(written) {
            Some((url, found)) => Ok(Requested::Git { name: shown(name), url, revision: shown(revision.unwrap_or(&found)) }),
            None => {
                Err(self.source.error(line, Problem::Requirement { expected: "the address of a git repository", found: shown(written) }))
            }
        }
    }

    /// A folder or file.
    pub(crate) fn path(&self, name: &str, path: &str) -> Requested {
        Requested::Path { name: shown(name), path: bifocal_core::printable(&path.chars().take(1024).collect::<String>()) }
    }

    /// The digests of an SRI string, as one nameless artifact.
    pub(crate) fn integrity(&self, text: Option<&str>, line: u32) -> Result<Vec<DeclaredArtifact>, ReadError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Vec::new()) };
        let digests = Digest::parse_integrity(text).map_err(|problem| self.source.error(line, problem))?;
        Ok(nameless(digests))
    }

    /// A digest written as `algorithm:digits`.
    pub(crate) fn named_digest(&self, text: &str, line: u32) -> Result<Digest, ReadError> {
        text.parse().map_err(|problem: bifocal_core::DigestError| self.source.error(line, problem))
    }

    /// A digest whose algorithm is known.
    pub(crate) fn digest(&self, algorithm: Algorithm, digits: &str, line: u32) -> Result<Digest, ReadError> {
        Digest::decode(algorithm, digits).map_err(|problem| self.source.error(line, problem))
    }
}

/// One artifact without a file name; none when there are no digests.
pub(crate) fn nameless(digests: Vec<Digest>) -> Vec<DeclaredArtifact> {
    if digests.is_empty() { Vec::new() } else { vec![DeclaredArtifact { filename: String::new(), digests }] }
}
