//! One change at random, and the name of what was changed: a check of the same lockfile must name exactly that release.

use crate::package::Package as _;
use crate::random::Random;
use crate::upstream::Upstream;
use bifocal_core::{Ecosystem, Release};
use jiff::SignedDuration;

/// What is altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// One byte of an artifact as it is sent; every digest in the metadata stays. (For Go, whose digest is over the
    /// content of the files, the zip is rebuilt with a line more in one file.)
    Byte,
    /// The publication date moves by a whole number of days, between one and a thousand.
    Date,
    /// The release is published anew with other content: the metadata agrees with the bytes, a lockfile does not.
    Release,
}

impl Mutation {
    /// All three.
    pub const ALL: [Mutation; 3] = [Mutation::Byte, Mutation::Date, Mutation::Release];
}

/// What was altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// The release.
    pub release: Release,
    /// The file, for a changed byte.
    pub filename: Option<String>,
    /// What happened, in words, for messages of failed tests.
    pub detail: String,
}

impl Upstream {
    /// Alters one of these releases, the choice made by the seed.
    ///
    /// # Panics
    /// When there are none, or the catalogue has not the one chosen.
    pub fn mutate(&self, seed: u64, mutation: Mutation, among: &[Release]) -> Altered {
        let mut random = Random::for_item(seed, "mutation", mutation as u64);
        let release = random.pick(among).clone();
        let (filename, detail) = match mutation {
            Mutation::Byte => self.change_byte(&release, &mut random),
            Mutation::Date => {
                let days = 1 + random.below(1000) as i64;
                let before = self.read(|catalogue| catalogue.published_at(&release)).expect("a dated release");
                let after = before - SignedDuration::from_hours(24 * days);
                self.edit(|catalogue| catalogue.set_published_at(&release, Some(after)));
                (None, format!("published {after} instead of {before}"))
            }
            Mutation::Release => {
                self.edit(|catalogue| catalogue.republish(&release));
                (None, "published again with other content".to_owned())
            }
        };
        Altered { release, filename, detail }
    }

    fn change_byte(&self, release: &Release, random: &mut Random) -> (Option<String>, String) {
        let files: Vec<String> =
            self.read(|catalogue| catalogue.artifacts(release).into_iter().map(|file| file.filename().to_owned()).collect());
        // Python files are equals; elsewhere the first is the artifact and the rest is metadata.
        let filename = if release.ecosystem() == Ecosystem::Pypi { random.pick(&files) } else { &files[0] }.clone();
        if release.ecosystem() == Ecosystem::Golang {
            let other =
                self.read(|catalogue| catalogue.go(release.package.as_str(), &release.version).map(|one| one.republished().build()));
            let bytes = other.expect("a published module").artifact().bytes().to_vec();
            self.edit(|catalogue| catalogue.alter_file(release, &filename, |_| bytes));
            return (Some(filename), "one line more in the zip".to_owned());
        }
        let mut at = 0;
        self.edit(|catalogue| {
            catalogue.alter_file(release, &filename, |bytes| {
                let mut bytes = bytes.to_vec();
                at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
                bytes
            });
        });
        let detail = format!("byte {at} of {filename} changed");
        (Some(filename), detail)
    }
}
