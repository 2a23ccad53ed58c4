//! Runs readers on one input, with surroundings that answer everything with that same input: includes that include
//! themselves, parents that are their own parents.

use bifocal_readers::{Coordinates, FileError, FileSource, PomError, PomSource, PythonEnvironment, ReadContext, read_as, reader_ids};

struct Same<'a>(&'a [u8]);

impl FileSource for Same<'_> {
    fn file(&self, _path: &str, _limit: u64) -> Result<Vec<u8>, FileError> {
        Ok(self.0.to_vec())
    }
}

impl PomSource for Same<'_> {
    fn pom(&self, _coordinates: &Coordinates) -> Result<Vec<u8>, PomError> {
        Ok(self.0.to_vec())
    }

    fn versions(&self, _group: &str, _artifact: &str) -> Result<Vec<String>, PomError> {
        Ok(["1", "1.5", "2.0-rc1"].map(str::to_owned).to_vec())
    }
}

/// Reads `bytes` with every reader named; each gives an inventory within the limits or an error with a place.
pub fn run(ids: &[&str], bytes: &[u8]) {
    let same = Same(bytes);
    let mut ctx = ReadContext::new(&same);
    ctx.poms = Some(&same);
    ctx.python = Some(PythonEnvironment::linux("3.12.4"));
    ctx.limits.dependencies = 500;
    for id in ids {
        assert!(reader_ids().any(|known| known == *id), "no reader {id}");
        match read_as(id, "sub/file", bytes, &ctx) {
            Ok(inventory) => assert!(inventory.dependencies.len() <= 500),
            Err(error) => assert!(!error.place.path.is_empty()),
        }
    }
}
