//! Release files' names: what they are, and which version they belong to.
//!
//! A wheel's name is regular (PEP 427). A source distribution's is not: before PEP 625 both name and version could
//! hold hyphens, so the project's own name decides where one ends.

use bifocal_core::{ArtifactKind, Ecosystem, PackageName};

const SDISTS: [&str; 7] = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.z", ".tar"];
const LEGACY: [&str; 8] = [".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg", ".pex", ".whl.zip"];

/// The form of a file and the version it belongs to, in PEP 440's normal form; `None` when the name is not one of
/// this project's.
pub(crate) fn read(project: &PackageName, filename: &str) -> Option<(ArtifactKind, String)> {
    if filename.is_empty()
        || filename.len() > 1024
        || filename.contains(['/', '\\'])
        || filename.starts_with('.')
        || filename.chars().any(char::is_control)
    {
        return None;
    }
    let lower = filename.to_ascii_lowercase();
    let version = |text: &str| {
        let plausible = text.trim_start_matches(['v', 'V']).starts_with(|c: char| c.is_ascii_digit());
        plausible.then(|| bifocal_versions::normalise(Ecosystem::Pypi, text))
    };
    if let Some(stem) = filename.strip_suffix(".whl") {
        let parts: Vec<&str> = stem.split('-').collect();
        let regular = matches!(parts.len(), 5 | 6) && names(project, parts[0]);
        return regular.then(|| version(&parts[1].replace('_', "-"))).flatten().map(|version| (ArtifactKind::Wheel, version));
    }
    if let Some(suffix) = SDISTS.iter().find(|suffix| lower.ends_with(*suffix)) {
        let text = after_name(project, &filename[..filename.len() - suffix.len()])?;
        return version(text).map(|version| (ArtifactKind::Sdist, version));
    }
    if let Some(suffix) = LEGACY.iter().find(|suffix| lower.ends_with(*suffix)) {
        let text = after_name(project, &filename[..filename.len() - suffix.len()])?;
        // `1.0-py2.7`, `1.0.win32-py2.7`, `1.0-1.noarch`: the version ends at the first part that is none.
        let bare = text.split('-').next()?.split(".win").next()?.split(".linux").next()?;
        return version(bare).map(|version| (ArtifactKind::LegacyPython, version));
    }
    None
}

fn names(project: &PackageName, text: &str) -> bool {
    PackageName::new(Ecosystem::Pypi, text).is_ok_and(|name| name == *project)
}

/// What follows the project's name and a hyphen. The longest name that fits is taken.
fn after_name<'a>(project: &PackageName, stem: &'a str) -> Option<&'a str> {
    stem.match_indices('-').take(64).filter(|(at, _)| names(project, &stem[..*at])).last().map(|(at, _)| &stem[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(project: &str, filename: &str) -> Option<(ArtifactKind, String)> {
        read(&PackageName::new(Ecosystem::Pypi, project).unwrap(), filename)
    }

    #[test]
    fn names_give_form_and_version() {
        let some = |kind, version: &str| Some((kind, version.to_owned()));
        assert_eq!(check("requests", "requests-2.31.0-py3-none-any.whl"), some(ArtifactKind::Wheel, "2.31.0"));
        assert_eq!(check("zope-interface", "zope.interface-5.0-1-cp39-cp39-win32.whl"), some(ArtifactKind::Wheel, "5.0"));
        assert_eq!(check("a-b", "a_b-1.0+local.1-py3-none-any.whl"), some(ArtifactKind::Wheel, "1.0+local.1"));
        assert_eq!(check("backports-ssl", "backports.ssl-1.0rc1.tar.gz"), some(ArtifactKind::Sdist, "1.0rc1"));
        assert_eq!(check("a-b", "a-b-1.0-RC1.zip"), some(ArtifactKind::Sdist, "1.0rc1"));
        assert_eq!(check("a", "a-1.0-py2.7.egg"), some(ArtifactKind::LegacyPython, "1.0"));
        assert_eq!(check("a", "a-1.0.win32-py2.7.exe"), some(ArtifactKind::LegacyPython, "1.0"));
    }

    #[test]
    fn names_of_other_projects_and_hostile_ones_are_none() {
        for name in [
            "requests-toolbelt-1.0.tar.gz",
            "other-1.0-py3-none-any.whl",
            "requests-.tar.gz",
            "../requests-1.0.tar.gz",
            "requests-1.0.txt",
            "",
            ".whl",
            "requests-1.0-none.whl",
        ] {
            assert_eq!(check("requests", name), None, "{name}");
        }
    }
}
