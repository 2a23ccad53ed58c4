//! Jars: static initialisers, annotation processors, plugins of build tools.

use super::{Files, Layout};
use crate::facts::Trigger;

pub(super) fn read(layout: &mut Layout, files: &Files<'_>) {
    let properties = files.iter().find(|(path, _)| path.starts_with("META-INF/maven/") && path.ends_with("/pom.properties"));
    if let Some((_, bytes)) = properties {
        let text = super::source_text(bytes);
        let get = |key: &str| {
            text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')).map(|value| value.trim().to_owned())
        };
        if let (Some(group), Some(artifact)) = (get("groupId"), get("artifactId")) {
            layout.claims.name = Some(format!("{group}:{artifact}"));
        }
        layout.claims.version = get("version");
    }
    for (path, bytes) in files {
        if let Some(class) = path.strip_suffix(".class") {
            let class = class.strip_prefix("META-INF/versions/").and_then(|rest| rest.split_once('/')).map_or(class, |(_, class)| class);
            layout.own_modules.insert(class.replace('/', "."));
            layout.root(path, Trigger::StaticInit, false);
        }
        if *path == "META-INF/maven/plugin.xml" {
            mojos(layout, files, &super::source_text(bytes));
            continue;
        }
        let (hooks, trigger): (&[&str], Trigger) = if *path == "META-INF/services/javax.annotation.processing.Processor" {
            (&["init", "process", "<init>"], Trigger::CompilerPlugin)
        } else if path.starts_with("META-INF/gradle-plugins/") {
            (&["apply", "<init>"], Trigger::CompilerPlugin)
        } else if path.starts_with("META-INF/services/") {
            // Whoever looks for a service makes an object of every provider.
            (&["<init>"], Trigger::Import)
        } else {
            continue;
        };
        let text = super::source_text(bytes);
        for line in text.lines().take(200) {
            let class = line.split('#').next().unwrap_or(line).rsplit('=').next().unwrap_or(line).trim();
            let file = format!("{}.class", class.replace('.', "/"));
            if files.contains_key(file.as_str()) {
                layout.hooks.push((file, hooks.iter().map(|hook| (*hook).to_owned()).collect(), trigger));
            }
        }
    }
}

/// Goals of a Maven plugin: each is a class whose `execute` the build calls.
fn mojos(layout: &mut Layout, files: &Files<'_>, text: &str) {
    for piece in text.split("<implementation>").skip(1).take(200) {
        let class = piece.split("</implementation>").next().unwrap_or("").trim();
        let file = format!("{}.class", class.replace('.', "/"));
        if files.contains_key(file.as_str()) {
            layout.hooks.push((file, vec!["execute".to_owned()], Trigger::BuildBackend));
        }
    }
}
