//! Wheels and source distributions: `setup.py`, build back ends, `.pth` files, packages.

use super::{Files, Layout};
use crate::facts::Trigger;

/// Functions that pip calls in a build back end (PEP 517, PEP 660).
const HOOKS: [&str; 8] = [
    "build_wheel",
    "build_sdist",
    "build_editable",
    "get_requires_for_build_wheel",
    "get_requires_for_build_sdist",
    "get_requires_for_build_editable",
    "prepare_metadata_for_build_wheel",
    "prepare_metadata_for_build_editable",
];

pub(super) fn read(layout: &mut Layout, filename: &str, files: &Files<'_>) {
    let base = layout.base.clone();
    metadata(layout, files);
    let setup = format!("{base}setup.py");
    let is_wheel = filename.to_ascii_lowercase().ends_with(".whl") || files.keys().any(|path| path.ends_with(".dist-info/WHEEL"));
    if !is_wheel && files.contains_key(setup.as_str()) {
        layout.root(&setup, Trigger::SetupScript, true);
    }
    build_backend(layout, files);
    aliases(layout, files);
    if !is_wheel {
        super::beside::find(layout, files);
    }
    for path in files.keys() {
        let Some(inner) = path.strip_prefix(base.as_str()) else { continue };
        let inner = inner.strip_prefix("src/").unwrap_or(inner);
        // Wheels put some of their files beside the packages.
        let inner = match inner.split_once(".data/") {
            Some((_, rest)) => {
                rest.split_once('/').filter(|(scheme, _)| matches!(*scheme, "purelib" | "platlib")).map_or(inner, |(_, rest)| rest)
            }
            None => inner,
        };
        if inner.ends_with(".pth") && (is_wheel || !inner.contains('/')) {
            layout.root(path, Trigger::InterpreterStart, false);
        }
        if matches!(inner, "sitecustomize.py" | "usercustomize.py") && is_wheel {
            layout.root(path, Trigger::InterpreterStart, false);
        }
        let mut parts = inner.split('/');
        let (Some(top), second, third) = (parts.next(), parts.next(), parts.next()) else { continue };
        if super::is_test_path(inner) {
            continue;
        }
        match (second, third) {
            (Some("__init__.py" | "__init__.pyc"), None) => {
                layout.own_modules.insert(top.to_owned());
                layout.root(path, Trigger::Import, false);
            }
            (None, None) if (top.ends_with(".py") || top.ends_with(".pyc")) && top != "setup.py" => {
                layout.own_modules.insert(top.trim_end_matches("c").trim_end_matches(".py").to_owned());
                if is_wheel {
                    layout.root(path, Trigger::Import, false);
                }
            }
            // Folders above without a module of their own are a namespace: the package begins here.
            (Some(_), Some(_)) if is_wheel && inner.ends_with("/__init__.py") && begins_package(path, files) => {
                layout.own_modules.insert(top.to_owned());
                layout.root(path, Trigger::Import, false);
            }
            (Some("__main__.py"), None) => layout.root(path, Trigger::Command, true),
            (Some(file), None) if file.ends_with(".py") && is_wheel => {
                layout.own_modules.insert(top.to_owned());
            }
            _ => {}
        }
    }
}

/// Whether no folder above that of this `__init__.py` has one.
fn begins_package(path: &str, files: &Files<'_>) -> bool {
    let mut folder = path.trim_end_matches("/__init__.py");
    while let Some((above, _)) = folder.rsplit_once('/') {
        if files.contains_key(format!("{above}/__init__.py").as_str()) {
            return false;
        }
        folder = above;
    }
    true
}

fn metadata(layout: &mut Layout, files: &Files<'_>) {
    let base = layout.base.clone();
    let mut candidates: Vec<&str> = files.keys().copied().filter(|path| path.ends_with(".dist-info/METADATA")).collect();
    let info = format!("{base}PKG-INFO");
    candidates.extend(files.keys().copied().filter(|path| **path == *info || path.ends_with("EGG-INFO/PKG-INFO")));
    let Some(text) = candidates.first().and_then(|path| files.get(path)).map(|bytes| super::source_text(bytes)) else { return };
    for line in text.lines().take_while(|line| !line.is_empty()).take(2_000) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key {
            "Name" if layout.claims.name.is_none() => layout.claims.name = Some(value.to_owned()),
            "Version" if layout.claims.version.is_none() => layout.claims.version = Some(value.to_owned()),
            "Home-page" | "Download-URL" => layout.own(value),
            "Requires-Dist" => super::declared::requirement(layout, candidates[0], value),
            "Project-URL" => {
                if let Some((label, url)) = value.split_once(',') {
                    layout.own(url);
                    let label = label.trim().to_ascii_lowercase();
                    if ["source", "repository", "code", "github", "source code"].contains(&label.as_str())
                        && layout.claims.repository.is_none()
                    {
                        layout.claims.repository = Some(url.trim().to_owned());
                    }
                }
            }
            _ => {}
        }
    }
}

/// `[aliases]` of `setup.cfg`: which further commands a command means.
fn aliases(layout: &mut Layout, files: &Files<'_>) {
    let Some(text) = files.get(format!("{}setup.cfg", layout.base).as_str()).map(|bytes| super::source_text(bytes)) else { return };
    let mut within = false;
    for line in text.lines().take(10_000) {
        if line.starts_with('[') {
            within = line.trim() == "[aliases]";
        } else if let Some((name, words)) = line.split_once(['=', ':'])
            && within
            && crate::setuptools::is_run_by_installers(name.trim())
        {
            layout.aliased.extend(words.split_whitespace().take(32).map(str::to_owned));
        }
    }
}

fn build_backend(layout: &mut Layout, files: &Files<'_>) {
    let base = layout.base.clone();
    let Some(text) = files.get(format!("{base}pyproject.toml").as_str()).map(|bytes| super::source_text(bytes)) else { return };
    let Ok(project) = text.parse::<toml::Table>() else { return };
    let get = |path: &[&str]| {
        let mut at = project.get(*path.first()?)?;
        for key in &path[1..] {
            at = at.get(key)?;
        }
        Some(at.clone())
    };
    let folders: Vec<String> = get(&["build-system", "backend-path"])
        .and_then(|value| value.as_array().cloned())
        .unwrap_or_default()
        .iter()
        .filter_map(|folder| folder.as_str().map(str::to_owned))
        .collect();
    if let Some(backend) = get(&["build-system", "build-backend"]).and_then(|value| value.as_str().map(str::to_owned)) {
        let module = backend.split(':').next().unwrap_or(&backend).replace('.', "/");
        for folder in &folders {
            let folder = folder.trim_matches('/').trim_start_matches("./");
            let prefix = if folder.is_empty() || folder == "." { base.clone() } else { format!("{base}{folder}/") };
            for path in [format!("{prefix}{module}.py"), format!("{prefix}{module}/__init__.py")] {
                if files.contains_key(path.as_str()) {
                    layout.root(&path, Trigger::BuildBackend, false);
                    layout.hooks.push((path, HOOKS.iter().map(|hook| (*hook).to_owned()).collect(), Trigger::BuildBackend));
                }
            }
        }
    }
    let hatch = get(&["tool", "hatch", "build", "hooks", "custom"])
        .map(|hook| hook.get("path").and_then(|path| path.as_str()).unwrap_or("hatch_build.py").to_owned());
    let poetry = get(&["tool", "poetry", "build"])
        .and_then(|build| build.as_str().or_else(|| build.get("script").and_then(|script| script.as_str())).map(str::to_owned));
    let pdm = get(&["tool", "pdm", "build", "custom-hook"])
        .and_then(|hook| hook.as_str().map(str::to_owned))
        .or_else(|| get(&["tool", "pdm"]).map(|_| "pdm_build.py".to_owned()));
    for script in [hatch, poetry, pdm].into_iter().flatten() {
        let path = format!("{base}{}", script.trim_start_matches("./"));
        if files.contains_key(path.as_str()) {
            layout.root(&path, Trigger::BuildBackend, true);
            layout.hooks.push((
                path,
                ["initialize", "finalize", "build", "pdm_build_initialize", "pdm_build_update_files", "pdm_build_hook_enabled"]
                    .iter()
                    .map(|hook| (*hook).to_owned())
                    .collect(),
                Trigger::BuildBackend,
            ));
        }
    }
}
