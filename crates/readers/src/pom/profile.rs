//! Which profiles of a POM are active, given nothing but the machine: those whose conditions all hold, and where there
//! is none the ones that are active by default.

use super::model::{Model, Profile};
use crate::context::{JavaEnvironment, ReadContext, beside};
use bifocal_core::Ecosystem;

/// The active profiles, in the POM's order.
pub(crate) fn active<'m>(model: &'m Model, ctx: &ReadContext<'_>) -> Vec<&'m Profile> {
    let by_condition: Vec<&Profile> = model.profiles.iter().filter(|profile| holds(profile, model, ctx)).collect();
    if by_condition.is_empty() { model.profiles.iter().filter(|profile| profile.by_default).collect() } else { by_condition }
}

fn holds(profile: &Profile, model: &Model, ctx: &ReadContext<'_>) -> bool {
    let mut conditions = Vec::new();
    conditions.extend(profile.jdk.as_deref().map(|jdk| jdk_holds(jdk, &ctx.java)));
    conditions.extend(profile.os.as_ref().map(|os| os.iter().all(|(part, value)| os_holds(part, value, &ctx.java))));
    conditions.extend(profile.property.as_ref().map(|(name, value)| property_holds(name, value.as_deref(), &ctx.java)));
    let exists = |written: &String| {
        let path = model
            .path
            .as_deref()
            .and_then(|path| beside(path, written.trim_start_matches("${basedir}/").trim_start_matches("${project.basedir}/")));
        path.is_some_and(|path| ctx.files.file(&path, ctx.limits.file_bytes).is_ok())
    };
    conditions.extend(profile.file_exists.as_ref().map(exists));
    conditions.extend(profile.file_missing.as_ref().map(|written| model.path.is_some() && !exists(written)));
    !conditions.is_empty() && conditions.into_iter().all(|holds| holds)
}

fn jdk_holds(jdk: &str, java: &JavaEnvironment) -> bool {
    if let Some(not) = jdk.strip_prefix('!') {
        return !java.java_version.starts_with(not);
    }
    if jdk.starts_with(['[', '(']) {
        return bifocal_versions::satisfies(Ecosystem::Maven, &java.java_version, jdk).unwrap_or(false);
    }
    java.java_version.starts_with(jdk)
}

fn os_holds(part: &str, value: &str, java: &JavaEnvironment) -> bool {
    let value = value.to_ascii_lowercase();
    let (not, value) = value.strip_prefix('!').map_or((false, value.as_str()), |value| (true, value));
    let here = match part {
        // A family that Maven has no rule for is looked for in the name.
        "family" => java.os_family.eq_ignore_ascii_case(value) || java.os_name.to_ascii_lowercase().contains(value),
        "name" => java.os_name.eq_ignore_ascii_case(value),
        "arch" => java.os_arch.eq_ignore_ascii_case(value),
        // The kernel's version says nothing about what is taken.
        _ => return false,
    };
    here != not
}

fn property_holds(name: &str, value: Option<&str>, java: &JavaEnvironment) -> bool {
    if let Some(name) = name.strip_prefix('!') {
        return system_property(name, java).is_none();
    }
    let here = system_property(name, java);
    match value {
        None => here.is_some(),
        Some(value) => match value.strip_prefix('!') {
            Some(value) => here != Some(value),
            None => here == Some(value),
        },
    }
}

/// What the command line gives, and the few system properties that POMs ask for.
pub(crate) fn system_property<'e>(name: &str, java: &'e JavaEnvironment) -> Option<&'e str> {
    if let Some(value) = java.user_properties.get(name) {
        return Some(value);
    }
    Some(match name {
        "java.version" => &java.java_version,
        "java.specification.version" | "java.vm.specification.version" => java.java_version.split('.').next().unwrap_or_default(),
        "os.name" => &java.os_name,
        "os.arch" => &java.os_arch,
        "file.separator" => "/",
        "path.separator" => ":",
        "maven.version" => "3.8.7",
        _ => return None,
    })
}
