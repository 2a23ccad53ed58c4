//! The layouts of an artifact and of the archives inside it, side by side: which base a path has, where a module of
//! an inner archive is found, and what of an archive runs by itself.
//!
//! A wheel in an sdist does nothing until somebody installs it, so an inner archive's roots count only where the outer
//! code names the archive; a jar in a jar is on the class path and counts always.

use super::{Files, Layout, ManifestCommand, Root};
use crate::facts::Trigger;
use crate::nested::{Archive, MARK};
use bifocal_core::Ecosystem;

/// One inner archive as a package of its own. All its paths are paths of the artifact.
#[derive(Debug)]
pub(crate) struct Unit {
    /// The archive's path.
    pub(crate) path: String,
    /// What stands before the paths of its files.
    pub(crate) prefix: String,
    pub(crate) ecosystem: Option<Ecosystem>,
    pub(crate) layout: Layout,
}

impl Unit {
    /// Reads the layout of an inner archive.
    pub(crate) fn of(archive: &Archive) -> Unit {
        let files: Files<'_> = archive.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let name = archive.path.rsplit('/').next().unwrap_or(&archive.path);
        let ecosystem = super::guess(name, &files);
        let mut layout = super::read(ecosystem, name, &files);
        // `python payload.zip` and zip applications.
        if ecosystem.is_none_or(|ecosystem| ecosystem == Ecosystem::Pypi) && files.contains_key("__main__.py") {
            layout.root("__main__.py", Trigger::Command, true);
        }
        Unit { path: archive.path.clone(), prefix: archive.prefix.clone(), ecosystem, layout: below(layout, &archive.prefix) }
    }

    /// The archive's file name.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

fn below(layout: Layout, prefix: &str) -> Layout {
    let put = |path: String| format!("{prefix}{path}");
    Layout {
        base: put(layout.base),
        roots: layout.roots.into_iter().map(|root| Root { path: put(root.path), ..root }).collect(),
        commands: layout.commands.into_iter().map(|command| ManifestCommand { path: put(command.path), ..command }).collect(),
        hooks: layout.hooks.into_iter().map(|(path, names, trigger)| (put(path), names, trigger)).collect(),
        unread: Vec::new(),
        bundled: layout.bundled.into_iter().map(|(folder, entry)| (put(folder), put(entry))).collect(),
        ..layout
    }
}

/// The artifact's own layout and those of its inner archives.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) ecosystem: Option<Ecosystem>,
    pub(crate) layout: Layout,
    /// In the order of their prefixes: an archive before those inside it.
    pub(crate) units: Vec<Unit>,
    /// Every file, those inside archives too.
    pub(crate) files: Files<'a>,
    /// Where modules of archives that the outer code names are looked for.
    pub(crate) search: Vec<String>,
}

impl World<'_> {
    /// The archive that a path lies in.
    pub(crate) fn unit_of(&self, path: &str) -> Option<usize> {
        if self.units.is_empty() {
            return None;
        }
        // The innermost mark first; a folder may be named like an archive with a mark.
        let mut end = path.len();
        while let Some(at) = path[..end].rfind(MARK) {
            let prefix = &path[..at + MARK.len()];
            if let Ok(found) = self.units.binary_search_by(|unit| unit.prefix.as_str().cmp(prefix)) {
                return Some(found);
            }
            end = at;
        }
        None
    }

    /// The folder of the package that a file belongs to, with its slash, or nothing.
    pub(crate) fn base_of(&self, path: &str) -> &str {
        self.unit_of(path).and_then(|at| self.units.get(at)).map_or(&self.layout.base, |unit| &unit.layout.base)
    }
}
