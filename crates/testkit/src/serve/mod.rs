//! The five protocols, one file each: a path and a catalogue in, an answer out.

mod cargo;
mod golang;
mod maven;
mod npm;
mod pypi;

use crate::catalogue::Catalogue;
use crate::upstream::Serving;
use crate::upstream::http::{Request, Response, percent_decode};
use bifocal_core::Ecosystem;
use std::sync::Arc;

/// What an answer is made from.
pub(crate) struct Site<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) serving: &'a Serving,
    /// `http://HOST`, without a slash at the end.
    pub(crate) base: &'a str,
    pub(crate) auth_required: bool,
}

/// Answers a request below an ecosystem's prefix. `path` is as sent.
pub(crate) fn route(site: &Site<'_>, ecosystem: Ecosystem, request: &Request, path: &str) -> Response {
    let inside = path.splitn(3, '/').nth(2).unwrap_or("");
    let decoded: Vec<String> = inside.split('/').map(percent_decode).collect();
    // npm sends scoped names as `@scope%2fname`; both spellings become two segments here.
    let joined = decoded.join("/");
    let segments: Vec<&str> = joined.split('/').collect();
    match ecosystem {
        Ecosystem::Npm => npm::route(site, request, &segments),
        Ecosystem::Pypi => pypi::route(site, request, &segments),
        Ecosystem::Maven => maven::route(site, request, &segments),
        Ecosystem::Cargo => cargo::route(site, request, &segments),
        Ecosystem::Golang => golang::route(site, request, &segments),
    }
}

/// An artifact's bytes.
pub(crate) fn file(bytes: Arc<[u8]>) -> Response {
    Response::new(200, crate::upstream::FILE, bytes)
}
