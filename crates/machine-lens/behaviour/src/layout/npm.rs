//! npm tarballs: lifecycle scripts, entry points, the native build that runs without being asked for.

use super::{Files, Layout, ManifestCommand, line_of};
use crate::facts::Trigger;
use serde_json::Value;

/// Scripts that run when a dependency is installed from a registry.
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

pub(super) fn read(layout: &mut Layout, files: &Files<'_>) {
    let path = format!("{}package.json", layout.base);
    let Some(text) = files.get(path.as_str()).map(|bytes| super::source_text(bytes)) else {
        default_entry(layout, files);
        return;
    };
    let Ok(manifest) = serde_json::from_str::<Value>(&text) else {
        default_entry(layout, files);
        return;
    };
    let string = |key: &str| manifest.get(key).and_then(Value::as_str).map(str::to_owned);
    layout.claims.name = string("name");
    layout.claims.version = string("version");
    let repository = manifest
        .get("repository")
        .map(|value| value.as_str().or_else(|| value.get("url").and_then(Value::as_str)).unwrap_or_default().to_owned());
    for url in [
        repository.as_deref(),
        manifest.get("homepage").and_then(Value::as_str),
        manifest.get("bugs").and_then(|bugs| bugs.as_str().or_else(|| bugs.get("url").and_then(Value::as_str))),
    ] {
        layout.own(url.unwrap_or_default());
    }
    layout.claims.repository = repository.filter(|url| !url.is_empty());

    let scripts = manifest.get("scripts").and_then(Value::as_object);
    for name in INSTALL_SCRIPTS {
        let Some(command) = scripts.and_then(|scripts| scripts.get(name)).and_then(Value::as_str) else { continue };
        layout.claims.scripts.insert(name.to_owned(), command.to_owned());
        layout.commands.push(ManifestCommand {
            path: path.clone(),
            line: line_of(&text, &format!("\"{name}\"")),
            command: expand(command, scripts, 0),
            trigger: Trigger::InstallHook,
        });
    }
    native_build(layout, files);
    entries(layout, files, &manifest);
}

/// `npm run x` inside a lifecycle script stands for script `x`.
fn expand(command: &str, scripts: Option<&serde_json::Map<String, Value>>, depth: u32) -> String {
    if depth > 4 || command.len() > 16 << 10 {
        return command.to_owned();
    }
    let mut out = command.to_owned();
    for prefix in ["npm run ", "npm run-script ", "yarn run ", "yarn ", "pnpm run ", "pnpm "] {
        if let Some(at) = out.find(prefix) {
            let name: String =
                out[at + prefix.len()..].chars().take_while(|c| !c.is_whitespace() && !matches!(c, '&' | ';' | '|')).collect();
            if let Some(inner) = scripts.and_then(|scripts| scripts.get(&name)).and_then(Value::as_str) {
                let inner = expand(inner, scripts, depth + 1);
                out = out.replace(&format!("{prefix}{name}"), &inner);
            }
        }
    }
    out
}

/// `binding.gyp` alone makes npm run `node-gyp rebuild`, and its `<!(…)` run commands.
fn native_build(layout: &mut Layout, files: &Files<'_>) {
    let path = format!("{}binding.gyp", layout.base);
    let Some(text) = files.get(path.as_str()).map(|bytes| super::source_text(bytes)) else { return };
    let mut rest = &*text;
    let mut offset = 0;
    while let Some(at) = rest.find("<!") {
        let after = &rest[at + 2..];
        let open = after.trim_start_matches('@');
        if let Some(inner) = open.strip_prefix('(') {
            let mut depth = 1;
            let end = inner
                .char_indices()
                .find(|(_, c)| {
                    match c {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                })
                .map_or(inner.len(), |(i, _)| i);
            let line = text[..offset + at].bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
            if layout.commands.len() < 64 {
                layout.commands.push(ManifestCommand {
                    path: path.clone(),
                    line,
                    command: inner[..end].replace("\\\"", "\""),
                    trigger: Trigger::InstallHook,
                });
            }
        }
        offset += at + 2;
        rest = after;
    }
}

fn default_entry(layout: &mut Layout, files: &Files<'_>) {
    let path = format!("{}index.js", layout.base);
    if files.contains_key(path.as_str()) {
        layout.root(&path, Trigger::Import, false);
    }
}

fn entries(layout: &mut Layout, files: &Files<'_>, manifest: &Value) {
    let mut targets: Vec<String> = Vec::new();
    for key in ["main", "module", "browser"] {
        if let Some(target) = manifest.get(key).and_then(Value::as_str) {
            targets.push(target.to_owned());
        }
    }
    if let Some(exports) = manifest.get("exports") {
        export_targets(exports, &mut targets, 0);
    }
    if targets.is_empty() {
        targets.push("index.js".to_owned());
    }
    for target in targets.iter().take(500) {
        if let Some(path) =
            super::resolve::javascript(&format!("./{}", target.trim_start_matches("./")), &format!("{}package.json", layout.base), files)
        {
            layout.root(&path, Trigger::Import, false);
        }
    }
    let commands: Vec<String> = match manifest.get("bin") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Object(many)) => many.values().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    for command in commands {
        if let Some(path) =
            super::resolve::javascript(&format!("./{}", command.trim_start_matches("./")), &format!("{}package.json", layout.base), files)
        {
            layout.root(&path, Trigger::Command, true);
        }
    }
}

fn export_targets(exports: &Value, out: &mut Vec<String>, depth: u32) {
    if depth > 8 || out.len() > 500 {
        return;
    }
    match exports {
        Value::String(target) if target.starts_with("./") && !target.contains('*') => out.push(target.clone()),
        Value::Array(many) => many.iter().for_each(|inner| export_targets(inner, out, depth + 1)),
        Value::Object(many) => many.iter().filter(|(key, _)| *key != "types").for_each(|(_, inner)| export_targets(inner, out, depth + 1)),
        _ => {}
    }
}
