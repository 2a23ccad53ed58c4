//! A component of an SBOM: its package URL with qualifiers, sorted by where the package comes from.

use crate::address;
use crate::error::{ReadError, shown};
use crate::listing::Listing;
use bifocal_core::{DeclaredArtifact, Ecosystem, Release, Requested};
use packageurl::PackageUrl;
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// Longest purl taken, in bytes.
const MAX_PURL: usize = 8192;

/// Adds a component. A purl of a type outside the five ecosystems is noted, not refused: SBOMs list operating systems,
/// files and images too.
pub(crate) fn add(
    list: &mut Listing<'_>,
    purl: &str,
    artifacts: Vec<DeclaredArtifact>,
    line: u32,
    optional: bool,
) -> Result<(), ReadError> {
    if purl.len() > MAX_PURL {
        return Err(list.source.syntax(line, "a package URL of at most 8192 bytes", &purl[..purl.floor_char_boundary(80)]));
    }
    let parsed =
        PackageUrl::from_str(purl).map_err(|error| list.source.syntax(line, "a package URL", &format!("`{}`: {error}", shown(purl))))?;
    let qualifiers: BTreeMap<&str, &str> = parsed.qualifiers().iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    if Ecosystem::from_str(parsed.ty()).is_err() {
        list.note(line, &format!("`{}` is of a type that is not looked at", shown(purl)));
        return Ok(());
    }
    if parsed.version().is_none() && !qualifiers.contains_key("vcs_url") {
        list.note(line, &format!("`{}` names no version and is not looked at", shown(purl)));
        return Ok(());
    }
    if let Some(written) = qualifiers.get("vcs_url")
        && let Some((url, revision)) = address::git(written)
    {
        return list.add(line, Requested::Git { name: shown(parsed.name()), url, revision }, Vec::new(), optional, Vec::new());
    }
    let release = Release::from_str(purl).map_err(|problem| list.source.error(line, problem))?;
    // `repository_url` may stand without a scheme; `download_url` is that of the file.
    let repository =
        qualifiers.get("repository_url").map(|url| if url.contains("://") { (*url).to_owned() } else { format!("https://{url}") });
    let named = repository.as_deref().into_iter().chain(qualifiers.get("download_url").copied());
    let origins = named.map(address::origin).collect();
    list.add(line, Requested::Exact { release }, artifacts, optional, origins)
}

/// Whether digests of such a component are over the file that the registry serves. For Go, SBOM tools write the
/// digest of `go.sum` (over a list of files) as a SHA-256, which must not be compared with a file's.
pub(crate) fn digests_are_of_files(purl: &str) -> bool {
    !purl.starts_with("pkg:golang/")
}
