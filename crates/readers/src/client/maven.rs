//! Where Maven goes by the project's `.mvn` folder: the settings that it holds or that its `maven.config` names.

use super::{MAX_FILE, maven_config, upward};
use crate::address;
use crate::context::ReadContext;
use crate::doc::xml::{self, Element};
use crate::error::ReadError;
use crate::source::Source;
use bifocal_core::Origin;

/// Elements of one settings file.
const MAX_ELEMENTS: usize = 50_000;

/// Every mirror and repository that such settings name.
pub(super) fn read(from: &str, ctx: &ReadContext<'_>) -> Result<Vec<Origin>, ReadError> {
    let mut named = Vec::new();
    for (path, bytes) in upward(from, &[".mvn/settings.xml"], ctx)? {
        settings(&path, &bytes, ctx, &mut named)?;
    }
    let config = maven_config::read(from, ctx)?.unwrap_or_default();
    for value in &config.settings {
        // The path is relative to the folder that holds `.mvn`.
        match ctx.beside(&config.path, &format!("../{value}"), MAX_FILE)? {
            Some((other, bytes)) => settings(&other, &bytes, ctx, &mut named)?,
            None => named.push(address::origin(&format!("the settings {value}"))),
        }
    }
    Ok(named)
}

fn settings(path: &str, bytes: &[u8], ctx: &ReadContext<'_>, named: &mut Vec<Origin>) -> Result<(), ReadError> {
    let root = xml::parse(&Source { path, bytes }, ctx.limits.depth, MAX_ELEMENTS)?;
    let profiles = root.items("profiles").iter().flat_map(|profile| [profile.items("repositories"), profile.items("pluginRepositories")]);
    let lists = std::iter::once(root.items("mirrors")).chain(profiles);
    for place in lists.flatten() {
        named.extend(place.child_text("url").map(|url| origin(place, url)));
    }
    Ok(())
}

fn origin(place: &Element, url: &str) -> Origin {
    Origin { id: crate::error::shown(place.child_text("id").unwrap_or_default()), ..address::origin(url) }
}
