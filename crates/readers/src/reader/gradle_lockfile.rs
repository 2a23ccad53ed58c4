//! `gradle.lockfile` and `buildscript-gradle.lockfile`: `group:artifact:version=configuration,…`, one a line. The older
//! form, one file for each configuration, has lines without `=`.

use crate::context::ReadContext;
use crate::error::ReadError;
use crate::listing::Listing;
use crate::source::Source;
use bifocal_core::{Ecosystem, FileKind, Inventory};

pub(crate) fn read(source: &Source<'_>, ctx: &ReadContext<'_>) -> Result<Inventory, ReadError> {
    let mut list = Listing::new(*source, FileKind::GradleLockfile, ctx.limits);
    let file = source.path.rsplit('/').next().unwrap_or(source.path);
    let named_for = file.strip_suffix(".lockfile").filter(|name| !name.ends_with("gradle"));
    let mut lines = 0;
    for (line, raw) in (1u32..).zip(source.utf8()?.lines()) {
        let text = raw.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        lines += 1;
        let (coordinates, configurations) = match text.split_once('=') {
            Some((coordinates, configurations)) => (coordinates, configurations),
            None => (text, named_for.unwrap_or_default()),
        };
        if coordinates == "empty" {
            continue;
        }
        let parts: Vec<&str> = coordinates.split(':').collect();
        let [group, artifact, version] = parts.as_slice() else {
            return Err(source.syntax(line, "`group:artifact:version=configurations`", text));
        };
        let mut names = configurations.split(',').filter(|name| !name.is_empty()).peekable();
        let optional = names.peek().is_some() && names.all(|name| name.to_ascii_lowercase().contains("test"));
        let requested = list.exact(Ecosystem::Maven, &format!("{group}:{artifact}"), version, line)?;
        list.add(line, requested, Vec::new(), optional, Vec::new())?;
    }
    // Gradle names at least the configurations that are empty; of a file for one configuration that is told by no line.
    if lines == 0 && named_for.is_none() {
        return Err(source.syntax(1, "`group:artifact:version=configurations` or `empty=`", "neither"));
    }
    Ok(list.finish())
}
