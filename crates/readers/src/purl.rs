//! A component of an SBOM: its package URL with qualifiers, sorted by where the package comes from.

use crate::address;
use crate::error::{ReadError, shown};
use crate::listing::Listing;
use bifocal_core::{DeclaredArtifact, Digest, Ecosystem, Origin, Release, Requested};
use packageurl::PackageUrl;
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// Longest purl taken, in bytes.
const MAX_PURL: usize = 8192;

/// Purl types that are forges: such code comes from a repository, not from a registry.
const FORGES: [&str; 4] = ["github", "gitlab", "bitbucket", "git"];

/// Qualifiers that say nothing of where a release comes from or which file of it is meant.
const HARMLESS: [&str; 6] = ["package-id", "uuid", "goos", "goarch", "tag_id", "vers"];

/// What a package URL's qualifiers ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Qualified {
    /// The file that is meant where it is not the client's choice, and the digests that are pinned.
    pub artifacts: Vec<DeclaredArtifact>,
    /// Where it is said to come from.
    pub origins: Vec<Origin>,
    /// The git repository that it comes from instead, and the revision.
    pub git: Option<(String, String)>,
}

/// Reads the qualifiers of a package URL of one of the five ecosystems: `type` and `classifier` (Maven), `file_name` (PyPI),
/// `checksum`, `repository_url`, `download_url`, `vcs_url`.
///
/// # Errors
/// One that would change what is fetched, and that is not understood: in words, what to do.
pub fn qualified(purl: &str) -> Result<Qualified, String> {
    let parsed = PackageUrl::from_str(purl).map_err(|error| error.to_string())?;
    let Ok(ecosystem) = Ecosystem::from_str(parsed.ty()) else { return Ok(Qualified::default()) };
    let mut found = Qualified::default();
    let (mut kind, mut classifier, mut filename, mut digests) = ("", "", String::new(), Vec::new());
    let qualifiers: BTreeMap<&str, &str> = parsed.qualifiers().iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    for (key, value) in qualifiers {
        let refused = |why: &str| Err(format!("its qualifier `{}={}` {why}", shown(key), shown(value)));
        match (key, ecosystem) {
            ("type", Ecosystem::Maven) => kind = value,
            ("classifier", Ecosystem::Maven) => classifier = value,
            ("type", Ecosystem::Golang) if matches!(value, "module" | "package") => {}
            ("file_name", Ecosystem::Pypi) if !value.contains(['/', '\\']) => filename = value.to_owned(),
            ("checksum" | "checksums", Ecosystem::Golang) => {
                return refused(
                    "is over a list of files in some tools and over a file in others, so it is not compared; leave it out, or check the go.sum",
                );
            }
            ("checksum" | "checksums", _) => {
                for one in value.split(',') {
                    match one.trim().parse::<Digest>() {
                        Ok(digest) => digests.push(digest),
                        Err(error) => return refused(&format!("is no digest ({error}); write it as checksum=sha256:…")),
                    }
                }
            }
            // It may stand without a scheme.
            ("repository_url", _) if !value.contains("://") => found.origins.push(address::origin(&format!("https://{value}"))),
            ("repository_url" | "download_url", _) => found.origins.push(address::origin(value)),
            ("vcs_url", _) => match address::git(value) {
                Some(git) => found.git = Some(git),
                None => return refused("is no address of a repository; leave it out"),
            },
            (key, _) if HARMLESS.contains(&key) => {}
            _ => return refused("is not understood, so another file may be meant than the one that would be looked at; leave it out"),
        }
    }
    if let Some(version) = parsed.version() {
        let (extension, implied) = match kind {
            "" | "jar" | "ejb" | "bundle" | "maven-plugin" => ("jar", ""),
            "test-jar" => ("jar", "tests"),
            "ejb-client" => ("jar", "client"),
            "java-source" => ("jar", "sources"),
            "javadoc" => ("jar", "javadoc"),
            other => (other, ""),
        };
        let classifier = if classifier.is_empty() { implied } else { classifier };
        if extension != "jar" || !classifier.is_empty() {
            let dash = if classifier.is_empty() { "" } else { "-" };
            filename = format!("{}-{version}{dash}{classifier}.{extension}", parsed.name());
        }
    }
    if !filename.is_empty() || !digests.is_empty() {
        found.artifacts.push(DeclaredArtifact { filename, digests });
    }
    Ok(found)
}

/// Adds a component. One of another type than the five ecosystems is counted: SBOMs list operating systems, files and images
/// too. What belongs to the five and cannot be looked at is said to be so.
pub(crate) fn add(
    list: &mut Listing<'_>,
    purl: &str,
    mut artifacts: Vec<DeclaredArtifact>,
    line: u32,
    optional: bool,
) -> Result<(), ReadError> {
    if purl.len() > MAX_PURL {
        return Err(list.source.syntax(line, "a package URL of at most 8192 bytes", &purl[..purl.floor_char_boundary(80)]));
    }
    let parsed =
        PackageUrl::from_str(purl).map_err(|error| list.source.syntax(line, "a package URL", &format!("`{}`: {error}", shown(purl))))?;
    if Ecosystem::from_str(parsed.ty()).is_err() {
        if FORGES.contains(&parsed.ty()) {
            let space = parsed.namespace().map(|space| format!("{space}/")).unwrap_or_default();
            let url = shown(&format!("{}:{space}{}", parsed.ty(), parsed.name()));
            let revision = shown(parsed.version().unwrap_or_default());
            return list.add(line, Requested::Git { name: shown(parsed.name()), url, revision }, Vec::new(), optional, Vec::new());
        }
        list.note(line, &format!("`{}` is of a type that is not looked at", shown(purl)));
        let kind = shown(parsed.ty());
        list.other(&format!("{kind} component"), &format!("{kind} components"));
        return Ok(());
    }
    let said = match qualified(purl) {
        Ok(said) => said,
        Err(why) => return list.unread(line, shown(purl), why),
    };
    if let Some((url, revision)) = said.git {
        return list.add(line, Requested::Git { name: shown(parsed.name()), url, revision }, Vec::new(), optional, Vec::new());
    }
    if parsed.version().is_none() {
        let why = "it names no version, so nothing looked at it; have the SBOM made with versions".to_owned();
        return list.unread(line, shown(purl), why);
    }
    let release = Release::from_str(purl).map_err(|problem| list.source.error(line, problem))?;
    // Digests of the component are those of the file that its package URL names.
    for meant in said.artifacts {
        for artifact in artifacts.iter_mut().filter(|artifact| artifact.filename.is_empty()) {
            artifact.filename.clone_from(&meant.filename);
        }
        artifacts.push(meant);
    }
    list.add(line, Requested::Exact { release }, artifacts, optional, said.origins)
}

/// Whether digests of such a component are over the file that the registry serves. For Go, SBOM tools write the
/// digest of `go.sum` (over a list of files) as a SHA-256, which must not be compared with a file's.
pub(crate) fn digests_are_of_files(purl: &str) -> bool {
    !purl.starts_with("pkg:golang/")
}
