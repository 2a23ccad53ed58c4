//! Commands that run by themselves and use an archive of the package.
//!
//! In: the commands of manifests and the shell scripts that run by themselves, and the archives inside the artifact. Out:
//! the archives of which such a command runs what nobody looked at. The attack: `tar xf vendor.7z; sh s.sh`, where the
//! archive is of a format that is not read, or holds the script under a name that is none of a script.

use crate::facts::Language;
use crate::layout::inner::World;
use crate::layout::{self, resolve};
use crate::nested::{UnpackedBy, Unread};
use crate::package::Source;
use crate::reach::Triggers;
use bifocal_core::one_line;

/// Most archives that are looked for in commands.
const MAX_SOUGHT: usize = 2_000;
/// Words that unpack.
const UNPACKERS: [&str; 22] = [
    "tar", "bsdtar", "unzip", "7z", "7za", "7zr", "7zz", "gunzip", "gzip", "bunzip2", "unxz", "xz", "zcat", "xzcat", "bzcat", "zstd",
    "unzstd", "lzma", "unlzma", "cpio", "zipfile", "tarfile",
];

/// Notes for each archive that was not read the command that uses it, and adds those of which a command starts something
/// that was not read.
pub(crate) fn by_commands(sources: &[Source<'_>], world: &World<'_>, triggers: &Triggers, unread: &mut Vec<Unread>) {
    for (index, source) in sources.iter().enumerate().filter(|(_, source)| source.language == Language::Shell) {
        let Some(trigger) = triggers.of(index, 0).filter(|trigger| trigger.is_automatic()) else { continue };
        let (path, text) = match &source.command {
            Some(command) => (command.path.as_str(), command.command.as_str()),
            None => (source.path, &*source.text),
        };
        let unpacks = text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| UNPACKERS.contains(&word));
        // A pattern may mean any of them.
        let any = unpacks && text.contains(['*', '?', '$', '`']);
        let by = |name: &str| {
            let line = layout::line_of(text, name);
            let (line, shown) = match &source.command {
                Some(command) => (command.line, text),
                None => (line, text.lines().nth((line as usize).saturating_sub(1)).unwrap_or_default()),
            };
            UnpackedBy { path: path.to_owned(), line, text: one_line(shown, 400), trigger }
        };
        for archive in unread.iter_mut().take(MAX_SOUGHT).filter(|archive| archive.command.is_none()) {
            let name = name_of(&archive.path);
            if has_word(text, name) || any && !layout::is_test_path(&archive.path) {
                archive.command = Some(by(name));
            }
        }
        if !unpacks {
            continue;
        }
        let missing = source.outcome.runs.iter().find(|(specifier, _)| resolve::started(specifier, path, world).is_none());
        let Some((specifier, _)) = missing else { continue };
        let used = world.units.iter().take(MAX_SOUGHT).find(|unit| has_word(text, unit.name()));
        if let Some(unit) = used.filter(|unit| unread.iter().all(|have| have.path != unit.path)) {
            let why = format!("no source in it is the {} that is started", one_line(specifier.trim_start_matches("./"), 100));
            unread.push(Unread { command: Some(by(unit.name())), ..Unread::new(&unit.path, why, false) });
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a text has a file's name as a word of its own.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_from_a_part_of_another() {
        assert!(has_word("tar xf ./a.7z;", "a.7z"));
        assert!(has_word("x.z", "x.z"));
        assert!(!has_word("tar xf data.7z", "a.7z"));
        assert!(!has_word("tar xf a.7zip", "a.7z"));
        assert!(!has_word("tar", ""));
    }
}
