//! What a manifest wants installed together with the package.

use super::{Layout, line_of};
use crate::facts::Dependency;
use serde_json::Value;

/// Most dependencies kept.
const MAX_DEPENDENCIES: usize = 2_000;

/// Those of a `package.json`; development dependencies are not installed with it.
pub(super) fn npm(layout: &mut Layout, path: &str, text: &str, manifest: &Value) {
    for key in ["dependencies", "optionalDependencies"] {
        let Some(wanted) = manifest.get(key).and_then(Value::as_object) else { continue };
        for (name, version) in wanted {
            let Some(version) = version.as_str() else { continue };
            let plain =
                version.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'^' | b'~' | b'*' | b' ' | b'>' | b'=' | b'<'));
            let line = if plain { 0 } else { line_of(text, &format!("\"{name}\"")) };
            push(layout, path, line, name, version);
        }
    }
}

/// One of a METADATA file: `name @ https://…`, `name (>=1) ; marker`.
pub(super) fn requirement(layout: &mut Layout, path: &str, value: &str) {
    let end = value.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(value.len());
    let (name, wanted) = value.split_at(end);
    push(layout, path, 0, name, wanted.trim().trim_start_matches('@').trim());
}

fn push(layout: &mut Layout, path: &str, line: u32, name: &str, wanted: &str) {
    if layout.dependencies.len() < MAX_DEPENDENCIES {
        let cut = |text: &str| crate::trace::value::cut(text, 300).to_owned();
        layout.dependencies.push(Dependency { manifest: path.to_owned(), line, name: cut(name), wanted: cut(wanted) });
    }
}
