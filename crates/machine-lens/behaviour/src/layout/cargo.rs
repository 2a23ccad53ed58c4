//! Crates: build scripts and procedural macros.

use super::{Files, Layout};
use crate::facts::Trigger;

pub(super) fn read(layout: &mut Layout, files: &Files<'_>) {
    let base = layout.base.clone();
    let path = format!("{base}Cargo.toml");
    let manifest = files.get(path.as_str()).and_then(|bytes| super::source_text(bytes).parse::<toml::Table>().ok());
    if manifest.is_none() && files.contains_key(path.as_str()) {
        layout.unread.push(path);
    }
    let package = manifest.as_ref().and_then(|manifest| manifest.get("package"));
    let text = |key: &str| package.and_then(|package| package.get(key)).and_then(toml::Value::as_str).map(str::to_owned);
    layout.claims.name = text("name");
    layout.claims.version = text("version");
    layout.claims.repository = text("repository");
    for key in ["repository", "homepage", "documentation"] {
        layout.own(&text(key).unwrap_or_default());
    }
    let build = match package.and_then(|package| package.get("build")) {
        Some(toml::Value::String(path)) => Some(path.clone()),
        Some(toml::Value::Boolean(false)) => None,
        _ => Some("build.rs".to_owned()),
    };
    if let Some(build) = build {
        let path = format!("{base}{}", build.trim_start_matches("./"));
        if files.contains_key(path.as_str()) {
            layout.claims.scripts.insert("build".to_owned(), build);
            layout.root(&path, Trigger::BuildScript, true);
        }
    }
    let library = manifest.as_ref().and_then(|manifest| manifest.get("lib"));
    let path = library.and_then(|library| library.get("path")).and_then(toml::Value::as_str).unwrap_or("src/lib.rs");
    let path = format!("{base}{}", path.trim_start_matches("./"));
    if files.contains_key(path.as_str()) {
        let is_macro = library
            .and_then(|library| library.get("proc-macro").or_else(|| library.get("proc_macro")))
            .and_then(toml::Value::as_bool)
            .unwrap_or(false);
        layout.root(&path, if is_macro { Trigger::CompilerPlugin } else { Trigger::Import }, false);
    }
    for path in files.keys().filter(|path| **path == format!("{base}src/main.rs") || path.starts_with(&format!("{base}src/bin/"))) {
        layout.root(path, Trigger::Command, true);
    }
}
