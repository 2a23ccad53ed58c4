//! What the manifest inside an artifact says against what the registry says.
//!
//! The attack: manifest confusion. npm's registry takes the metadata that the client sends and never compares it with
//! the package.json in the tarball, so scripts and names that run are not those that are shown.

use crate::draft;
use bifocal_core::{Ecosystem, Evidence, ManifestClaims, PackageName, ReleaseRecord, Severity, SignalDraft, one_line};

/// Install-time commands as npm names them.
const INSTALL: [&str; 3] = ["preinstall", "install", "postinstall"];
/// What npm itself writes into the metadata of a package with a binding.gyp.
const IMPLIED: &str = "node-gyp rebuild";

/// The signals of one artifact's manifest; finish them with the artifact's digest.
pub fn manifest_signals(record: &ReleaseRecord, claims: &ManifestClaims) -> Vec<SignalDraft> {
    let ecosystem = record.release.ecosystem();
    let mut differences: Vec<(&str, String, String)> = Vec::new();
    let mut severity = Severity::Low;
    if let Some(name) = claims.name.as_deref().filter(|name| !name.trim().is_empty())
        && !same_name(&record.release.package, name)
    {
        severity = Severity::Medium;
        differences.push(("name", name.to_owned(), record.release.package.as_str().to_owned()));
    }
    if let Some(version) = claims.version.as_deref().filter(|version| !version.trim().is_empty())
        && !same_version(ecosystem, &record.release.version, version)
    {
        severity =
            severity.max(if ecosystem == Ecosystem::Npm || ecosystem == Ecosystem::Cargo { Severity::Medium } else { Severity::Low });
        differences.push(("version", version.to_owned(), record.release.version.clone()));
    }
    if ecosystem == Ecosystem::Npm {
        for (script, inside, told) in scripts(record, claims) {
            severity = Severity::Medium;
            differences.push((script, inside, told));
        }
    }
    if differences.is_empty() {
        return Vec::new();
    }
    // A jar may carry the manifests of what it was built from, so its claims are weak.
    if ecosystem == Ecosystem::Maven {
        severity = Severity::Info;
    }
    let shown = |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("`{}`", one_line(text, 80)) };
    let parts: Vec<String> = differences
        .iter()
        .map(|(field, inside, told)| format!("{field} is {} inside and {} at the registry", shown(inside), shown(told)))
        .collect();
    let evidence = differences
        .iter()
        .map(|(field, inside, told)| {
            Evidence::record(
                "registry",
                &format!("manifest {field}"),
                "",
                &one_line(&format!("inside {}, registry {}", shown(inside), shown(told)), 300),
            )
        })
        .collect();
    vec![draft(
        "history/manifest-mismatch",
        severity,
        0.9,
        &format!("the manifest differs from the registry's: {}", parts.join("; ")),
        evidence,
    )]
}

/// Install-time commands that differ, except those that npm adds on its own.
fn scripts(record: &ReleaseRecord, claims: &ManifestClaims) -> Vec<(&'static str, String, String)> {
    // An abbreviated document says only that there are some; then there is nothing to compare but that.
    let unnamed = record.install_scripts.len() == 1 && record.install_scripts.values().all(|text| text.is_empty());
    let any_inside = INSTALL.iter().any(|name| claims.scripts.contains_key(*name));
    if unnamed && any_inside {
        return Vec::new();
    }
    let mut found = Vec::new();
    for name in INSTALL {
        let inside = claims.scripts.get(name).map(|text| text.trim()).unwrap_or_default();
        let told = record.install_scripts.get(name).map(|text| text.trim()).unwrap_or_default();
        let added = name == "install" && inside.is_empty() && (told == IMPLIED || unnamed);
        if inside != told && !added {
            found.push((name, inside.to_owned(), told.to_owned()));
        }
    }
    found
}

fn same_name(package: &PackageName, inside: &str) -> bool {
    let inside = inside.trim();
    if PackageName::new(package.ecosystem(), inside).is_ok_and(|name| name == *package) {
        return true;
    }
    match package.ecosystem() {
        // A pom gives the artifact; its group may come from the parent.
        Ecosystem::Maven => inside == package.base_name(),
        // Registries take `-` and `_` as the same name.
        Ecosystem::Cargo => inside.replace('_', "-").eq_ignore_ascii_case(&package.as_str().replace('_', "-")),
        // Old packages were named with capitals, and registries fold them.
        _ => inside.eq_ignore_ascii_case(package.as_str()),
    }
}

fn same_version(ecosystem: Ecosystem, registry: &str, inside: &str) -> bool {
    let inside = inside.trim();
    registry == inside
        || bifocal_versions::compare(ecosystem, registry, inside).is_some_and(|order| order.is_eq())
        || bifocal_versions::normalise(ecosystem, registry) == bifocal_versions::normalise(ecosystem, inside)
        // A property that the build fills in.
        || inside.contains("${")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;

    fn claims(name: &str, version: &str, scripts: &[(&str, &str)]) -> ManifestClaims {
        ManifestClaims {
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            repository: None,
            scripts: scripts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        }
    }

    fn check(ecosystem: Ecosystem, name: &str, version: &str, claims: &ManifestClaims) -> Option<Severity> {
        manifest_signals(&record(ecosystem, name, version), claims).first().map(|d| d.severity)
    }

    #[test]
    fn other_spellings_are_no_difference() {
        for (ecosystem, name, version, inside, inner) in [
            (Ecosystem::Pypi, "zope-interface", "1.0", "Zope.Interface", "1.0.0"),
            (Ecosystem::Npm, "jsonstream", "1.0.0", "JSONStream", "v1.0.0"),
            (Ecosystem::Cargo, "tiny-http", "1.0.0", "tiny_http", "1.0.0"),
            (Ecosystem::Maven, "org.example:core", "1.0", "core", "${revision}"),
            (Ecosystem::Golang, "example.com/mod", "v1.0.0", "example.com/mod", "v1.0.0"),
        ] {
            assert_eq!(check(ecosystem, name, version, &claims(inside, inner, &[])), None, "{name}");
        }
        assert_eq!(check(Ecosystem::Npm, "a", "1.0.0", &ManifestClaims::default()), None);
    }

    #[test]
    fn another_name_or_version_inside_is_told() {
        assert_eq!(check(Ecosystem::Npm, "a", "1.0.0", &claims("b", "1.0.0", &[])), Some(Severity::Medium));
        assert_eq!(check(Ecosystem::Npm, "a", "1.0.0", &claims("a", "2.0.0", &[])), Some(Severity::Medium));
        assert_eq!(check(Ecosystem::Pypi, "a", "1.0", &claims("a", "0.0.0", &[])), Some(Severity::Low));
        assert_eq!(check(Ecosystem::Maven, "g:a", "1.0", &claims("x:y", "1.0", &[])), Some(Severity::Info));
    }

    #[test]
    fn hidden_install_scripts_are_told_and_the_one_that_npm_adds_is_not() {
        let hidden = manifest_signals(&record(Ecosystem::Npm, "a", "1.0.0"), &claims("a", "1.0.0", &[("postinstall", "node x.js")]));
        assert_eq!(
            hidden[0].message,
            "the manifest differs from the registry's: postinstall is `node x.js` inside and nothing at the registry"
        );
        let mut native = record(Ecosystem::Npm, "a", "1.0.0");
        native.install_scripts.insert("install".to_owned(), "node-gyp rebuild".to_owned());
        assert_eq!(manifest_signals(&native, &claims("a", "1.0.0", &[])), []);
        let mut unnamed = record(Ecosystem::Npm, "a", "1.0.0");
        unnamed.install_scripts.insert("install".to_owned(), String::new());
        assert_eq!(manifest_signals(&unnamed, &claims("a", "1.0.0", &[("postinstall", "node x.js")])), []);
        assert_eq!(manifest_signals(&unnamed, &claims("a", "1.0.0", &[])), []);
    }
}
