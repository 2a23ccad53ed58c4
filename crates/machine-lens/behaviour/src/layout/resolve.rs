//! Which file a specifier means, as the language's own loader would find it.

use super::Files;
use super::inner::World;
use crate::facts::Language;
use crate::nested::MARK;

/// Longest specifier looked at.
const MAX_SPECIFIER: usize = 512;
/// Largest manifest of a folder inside a package.
const MAX_MANIFEST: usize = 64 << 10;

/// The file that `specifier` in `from` means, if it is one of the artifact's own.
pub(crate) fn file(specifier: &str, from: &str, language: Language, world: &World<'_>) -> Option<String> {
    if specifier.len() > MAX_SPECIFIER {
        return None;
    }
    let (base, files) = (world.base_of(from), &world.files);
    // Scripts that a command starts are paths relative to the package.
    if specifier.starts_with("./") || specifier.starts_with("../") {
        let beside = javascript(specifier, from, files);
        if beside.is_some() {
            return beside;
        }
        let in_package = javascript(specifier, &format!("{base}package.json"), files);
        if in_package.is_some() {
            return in_package;
        }
    }
    match language {
        Language::JavaScript => javascript(specifier, from, files).or_else(|| bundled(specifier, from, world)),
        Language::Python => python(specifier, from, base, world),
        Language::Rust => rust(specifier, from, files),
        Language::Jvm => {
            let class = format!("{}.class", specifier.replace('.', "/"));
            let beside = world.unit_of(from).and_then(|at| world.units.get(at)).map(|unit| format!("{}{class}", unit.prefix));
            beside.into_iter().chain([class]).find(|path| files.contains_key(path.as_str()))
        }
        _ => None,
    }
}

/// The file that a command starts: one where the command stands, one of the package in whose folder the command may have
/// gone before (`cd lib && node x`), or one that it has unpacked from an archive.
pub(crate) fn started(specifier: &str, from: &str, world: &World<'_>) -> Option<String> {
    file(specifier, from, Language::JavaScript, world).or_else(|| {
        let end = specifier.strip_prefix("./").filter(|end| !end.is_empty() && end.len() <= MAX_SPECIFIER)?;
        let inside = |prefix: &str| {
            let all = world.files.range(prefix..).map(|(path, _)| *path).take_while(|path| path.starts_with(prefix));
            let fits = |path: &&str| ["", ".js"].iter().any(|ending| is_end(path.strip_suffix(ending), end));
            all.filter(fits).min_by_key(|path| (path.contains(MARK), path.len())).map(str::to_owned)
        };
        inside(world.base_of(from)).or_else(|| world.units.iter().find_map(|unit| inside(&unit.prefix)))
    })
}

/// Whether a path ends with `end` as a whole name.
fn is_end(path: Option<&str>, end: &str) -> bool {
    path.and_then(|path| path.strip_suffix(end)).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// The file and the name in it that a called path means (`./lib/x.run`, `pkg.mod.run`).
pub(crate) fn called(path: &str, from: &str, language: Language, world: &World<'_>) -> Option<(String, String)> {
    // What a module gives as itself: `module.exports = function …`.
    if language == Language::JavaScript
        && let Some(found) = file(path, from, language, world)
    {
        return Some((found, "default".to_owned()));
    }
    let mut rest = path;
    let mut name = String::new();
    for _ in 0..8 {
        let (module, last) = rest.rsplit_once('.')?;
        name = if name.is_empty() { last.to_owned() } else { format!("{last}.{name}") };
        if module.is_empty() || module.chars().all(|c| c == '.' || c == '/') {
            // `.run`: a name of the package's own `__init__`.
            let init = file(&path[..path.len() - name.len()], from, language, world)?;
            return Some((init, name));
        }
        if let Some(found) = file(module, from, language, world) {
            return Some((found, name));
        }
        rest = module;
    }
    None
}

/// The `node_modules` folders that Node looks into from a file of `folder`, nearest first, with their slashes.
pub(super) fn module_folders(folder: &str) -> impl Iterator<Item = String> {
    let mut at = Some(folder.trim_end_matches('/'));
    std::iter::from_fn(move || {
        let here = at?;
        at = match here.rsplit_once('/') {
            Some((above, _)) => Some(above),
            None if here.is_empty() => None,
            None => Some(""),
        };
        Some(if here.is_empty() { "node_modules/".to_owned() } else { format!("{here}/node_modules/") })
    })
}

/// A package that the artifact brings along in some `node_modules`.
fn bundled(specifier: &str, from: &str, world: &World<'_>) -> Option<String> {
    let bundled = &world.unit_of(from).and_then(|at| world.units.get(at)).map_or(&world.layout, |unit| &unit.layout).bundled;
    if bundled.is_empty() || specifier.starts_with(['.', '/']) {
        return None;
    }
    let slashes = if specifier.starts_with('@') { 2 } else { 1 };
    let name = specifier.splitn(slashes + 1, '/').take(slashes).collect::<Vec<_>>().join("/");
    let inner = specifier[name.len()..].trim_start_matches('/');
    module_folders(folder_of(from)).take(64).map(|above| format!("{above}{name}/")).find_map(|folder| {
        let entry = bundled.get(&folder)?;
        if inner.is_empty() {
            Some(entry.clone())
        } else {
            javascript(&format!("./{inner}"), &format!("{folder}package.json"), &world.files)
        }
    })
}

pub(super) fn join(folder: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Node's resolution of relative specifiers.
pub(super) fn javascript(specifier: &str, from: &str, files: &Files<'_>) -> Option<String> {
    if !specifier.starts_with('.') {
        return None;
    }
    let path = join(folder_of(from), specifier)?;
    let found = |ending: &&str| Some(format!("{path}{ending}")).filter(|candidate| files.contains_key(candidate.as_str()));
    let source = path.strip_suffix(".js").map(|stem| format!("{stem}.ts")).filter(|candidate| files.contains_key(candidate.as_str()));
    ["", ".js", ".cjs", ".mjs", ".ts", ".tsx", ".jsx"]
        .iter()
        .find_map(found)
        .or_else(|| main_of(&path, files))
        .or_else(|| ["/index.js", "/index.cjs", "/index.mjs", "/index.ts", ".py", ".sh"].iter().find_map(found))
        .or(source)
}

/// The file that the manifest of a folder calls its main one.
fn main_of(folder: &str, files: &Files<'_>) -> Option<String> {
    let bytes = files.get(format!("{folder}/package.json").as_str()).filter(|bytes| bytes.len() <= MAX_MANIFEST)?;
    let manifest = super::json::value(&super::source_text(bytes))?;
    let main = join(folder, manifest.get("main")?.as_str()?)?;
    ["", ".js", ".cjs", "/index.js"].iter().map(|ending| format!("{main}{ending}")).find(|path| files.contains_key(path.as_str()))
}

fn python(specifier: &str, from: &str, base: &str, world: &World<'_>) -> Option<String> {
    let files = &world.files;
    let dots = specifier.bytes().take_while(|byte| *byte == b'.').count();
    let module = specifier[dots..].replace('.', "/");
    let folders: Vec<String> = if dots > 0 {
        let mut folder = folder_of(from).to_owned();
        for _ in 1..dots {
            folder = folder_of(&folder).to_owned();
        }
        vec![folder]
    } else {
        vec![folder_of(from).to_owned(), base.trim_end_matches('/').to_owned(), format!("{base}src")]
    };
    // Archives that the code names may have been put on the path.
    let searched: &[String] = if dots > 0 { &[] } else { &world.search };
    for folder in folders.iter().chain(searched) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
        let stems = if module.is_empty() {
            vec![format!("{prefix}__init__")]
        } else {
            vec![format!("{prefix}{module}/__init__"), format!("{prefix}{module}")]
        };
        let mut candidates = stems.iter().flat_map(|stem| [format!("{stem}.py"), format!("{stem}.pyc")]);
        if let Some(found) = candidates.find(|candidate| files.contains_key(candidate.as_str())) {
            return Some(found);
        }
    }
    None
}

fn rust(specifier: &str, from: &str, files: &Files<'_>) -> Option<String> {
    let name = specifier.strip_prefix("./")?;
    let folder = folder_of(from);
    let stem = from.rsplit('/').next().unwrap_or(from).trim_end_matches(".rs");
    [
        format!("{folder}/{name}.rs"),
        format!("{folder}/{name}/mod.rs"),
        format!("{folder}/{stem}/{name}.rs"),
        format!("{folder}/{stem}/{name}/mod.rs"),
    ]
    .into_iter()
    .find(|candidate| files.contains_key(candidate.as_str()))
}
