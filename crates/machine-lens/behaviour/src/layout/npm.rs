//! npm tarballs: lifecycle scripts, entry points, the native build that runs without being asked for, and the same for
//! the dependencies that the tarball brings along.

use super::{Files, Layout, ManifestCommand, line_of};
use crate::facts::Trigger;
use serde_json::Value;
use std::collections::BTreeSet;

/// Scripts that run when a dependency is installed from a registry.
const INSTALL_SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];
/// Most commands of one tarball.
pub(super) const MAX_COMMANDS: usize = 2_000;

pub(super) fn read(layout: &mut Layout, files: &Files<'_>) {
    let base = layout.base.clone();
    let bundled: Vec<String> = files.keys().filter_map(|path| module_folder(path)).map(str::to_owned).collect();
    for folder in &bundled {
        if let Some((entry, _)) = parsed(files, folder).and_then(|manifest| entry_points(&manifest.value, folder, files).next()) {
            layout.bundled.insert(folder.clone(), entry);
        } else if let Some(entry) = super::resolve::javascript("./index.js", &format!("{folder}package.json"), files) {
            layout.bundled.insert(folder.clone(), entry);
        }
    }
    let beside = format!("{base}node_modules/");
    layout
        .own_modules
        .extend(bundled.iter().filter_map(|folder| folder.strip_prefix(&beside)).map(|name| name.trim_end_matches('/').to_owned()));
    let Some(manifest) = parsed(files, &base) else {
        layout.unread.extend(Some(format!("{base}package.json")).filter(|path| files.contains_key(path.as_str())));
        default_entry(layout, files);
        return;
    };
    claims(layout, &manifest.value);
    super::declared::npm(layout, &manifest.path, &manifest.text, &manifest.value);
    for name in INSTALL_SCRIPTS {
        if let Some(command) = manifest.script(name) {
            layout.claims.scripts.insert(name.to_owned(), command.to_owned());
        }
    }
    hooks(layout, files, &base, &manifest);
    for (entry, trigger) in entry_points(&manifest.value, &base, files) {
        layout.root(&entry, trigger, trigger == Trigger::Command);
    }
    for folder in installed_bundles(&manifest.value, &base, &bundled, files) {
        match parsed(files, &folder) {
            Some(manifest) => hooks(layout, files, &folder, &manifest),
            None => layout.unread.push(format!("{folder}package.json")),
        }
    }
}

/// A `package.json` with its folder.
struct Manifest {
    path: String,
    text: String,
    value: Value,
}

impl Manifest {
    fn script(&self, name: &str) -> Option<&str> {
        self.value.get("scripts")?.get(name)?.as_str()
    }
}

fn parsed(files: &Files<'_>, folder: &str) -> Option<Manifest> {
    let path = format!("{folder}package.json");
    let text = super::source_text(files.get(path.as_str())?).into_owned();
    let value = super::json::value(&text)?;
    Some(Manifest { path, text, value })
}

fn claims(layout: &mut Layout, manifest: &Value) {
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
}

/// What npm runs in the folder of one installed package.
fn hooks(layout: &mut Layout, files: &Files<'_>, folder: &str, manifest: &Manifest) {
    let scripts = manifest.value.get("scripts").and_then(Value::as_object);
    for name in INSTALL_SCRIPTS {
        let Some(command) = manifest.script(name) else { continue };
        if layout.commands.len() < MAX_COMMANDS {
            layout.commands.push(ManifestCommand {
                path: manifest.path.clone(),
                line: line_of(&manifest.text, &format!("\"{name}\"")),
                command: expand(command, scripts, 0),
                trigger: Trigger::InstallHook,
            });
        }
    }
    super::gyp::commands(layout, files, folder);
}

/// The folder, with its slash, of the package whose manifest `path` is, if it lies in some `node_modules`.
fn module_folder(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("package.json")?;
    let above = folder.strip_suffix('/')?.rsplit_once('/')?.0;
    let above = match above.rsplit_once('/') {
        Some((modules, scope)) if scope.starts_with('@') => modules,
        _ => above,
    };
    (above == "node_modules" || above.ends_with("/node_modules")).then_some(folder)
}

/// The packages in the tarball's own `node_modules` that npm installs with it, and whose install scripts it runs.
///
/// That is what `bundleDependencies` (or, where that is missing, `bundledDependencies`) lists, everything in the
/// `node_modules` of those, and everything that either depends on. Without such a list npm leaves the folder where it
/// is and runs nothing of it; with one it removes what the list does not reach.
fn installed_bundles(manifest: &Value, base: &str, bundled: &[String], files: &Files<'_>) -> Vec<String> {
    let listed = match manifest.get("bundleDependencies").or_else(|| manifest.get("bundledDependencies")) {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Object(names)) => names.keys().cloned().collect(),
        Some(Value::Bool(true)) => dependencies(manifest),
        _ => Vec::new(),
    };
    if listed.is_empty() {
        return Vec::new();
    }
    let have: BTreeSet<&str> = bundled.iter().map(String::as_str).collect();
    let mut open: Vec<String> =
        listed.into_iter().chain(dependencies(manifest)).map(|name| format!("{base}node_modules/{name}/")).collect();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    while let Some(folder) = open.pop() {
        if !have.contains(folder.as_str()) || !reached.insert(folder.clone()) {
            continue;
        }
        let inside = format!("{folder}node_modules/");
        open.extend(have.range(inside.as_str()..).take_while(|path| path.starts_with(&inside)).map(|path| (*path).to_owned()));
        let Some(inner) = parsed(files, &folder) else { continue };
        for name in dependencies(&inner.value) {
            let found =
                super::resolve::module_folders(&folder).map(|above| format!("{above}{name}/")).find(|path| have.contains(path.as_str()));
            open.extend(found);
        }
    }
    reached.into_iter().collect()
}

fn dependencies(manifest: &Value) -> Vec<String> {
    ["dependencies", "optionalDependencies", "peerDependencies"]
        .iter()
        .filter_map(|key| manifest.get(*key).and_then(Value::as_object))
        .flat_map(|names| names.keys().cloned())
        .collect()
}

/// `npm run x` inside a lifecycle script stands for script `x`.
fn expand(command: &str, scripts: Option<&serde_json::Map<String, Value>>, depth: u32) -> String {
    if depth > 4 || command.len() > 16 << 10 {
        return command.to_owned();
    }
    let mut out = command.to_owned();
    for prefix in ["npm run ", "npm run-script ", "yarn run ", "yarn ", "pnpm run ", "pnpm "] {
        if let Some(at) = out.find(prefix) {
            // `npm run --silent x`
            let mut rest = out[at + prefix.len()..].trim_start();
            while rest.starts_with('-') {
                rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
            }
            let name: String = rest.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '&' | ';' | '|')).collect();
            if let Some(inner) = scripts.and_then(|scripts| scripts.get(&name)).and_then(Value::as_str) {
                let inner = expand(inner, scripts, depth + 1);
                let called = out[at..out.len() - rest.len() + name.len()].to_owned();
                out = out.replace(&called, &inner);
            }
        }
    }
    out
}

fn default_entry(layout: &mut Layout, files: &Files<'_>) {
    let path = format!("{}index.js", layout.base);
    if files.contains_key(path.as_str()) {
        layout.root(&path, Trigger::Import, false);
    }
}

/// The files that requiring the package or starting its commands runs.
fn entry_points<'a>(manifest: &Value, folder: &'a str, files: &'a Files<'_>) -> impl Iterator<Item = (String, Trigger)> + 'a {
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
    targets.truncate(500);
    let commands: Vec<String> = match manifest.get("bin") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Object(many)) => many.values().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let imported = targets.into_iter().map(|target| (target, Trigger::Import));
    let started = commands.into_iter().map(|command| (command, Trigger::Command));
    imported.chain(started).filter_map(move |(target, trigger)| {
        let specifier = format!("./{}", target.trim_start_matches("./"));
        Some((super::resolve::javascript(&specifier, &format!("{folder}package.json"), files)?, trigger))
    })
}

fn export_targets(exports: &Value, out: &mut Vec<String>, depth: u32) {
    if depth > 64 || out.len() > 500 {
        return;
    }
    match exports {
        Value::String(target) if target.starts_with("./") && !target.contains('*') => out.push(target.clone()),
        Value::Array(many) => many.iter().for_each(|inner| export_targets(inner, out, depth + 1)),
        Value::Object(many) => many.iter().filter(|(key, _)| *key != "types").for_each(|(_, inner)| export_targets(inner, out, depth + 1)),
        _ => {}
    }
}
