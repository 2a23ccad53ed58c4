//! A Maven repository: maven-metadata.xml of artifacts and snapshots, files, and their checksums.

use super::{Site, file};
use crate::Artifact;
use crate::catalogue::newest;
use crate::package::maven::MavenPackage;
use crate::package::{Built, Package as _};
use crate::upstream::http::{Request, Response};
use jiff::Timestamp;
use std::collections::BTreeSet;

const CHECKSUMS: [&str; 4] = ["md5", "sha1", "sha256", "sha512"];

pub(super) fn route(site: &Site<'_>, request: &Request, segments: &[&str]) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::text(405, "read only\n");
    }
    let Some((name, folders)) = segments.split_last() else { return Response::not_found() };
    if let Some((base, kind)) = name.rsplit_once('.').filter(|(_, kind)| CHECKSUMS.contains(kind)) {
        if matches!(kind, "sha256" | "sha512") && !site.serving.maven_strong_digests {
            return Response::not_found();
        }
        return match find(site, folders, base) {
            Some(found) => Response::text(200, &checksum(&found.artifact, kind)),
            None => Response::not_found(),
        };
    }
    let Some(found) = find(site, folders, name) else { return Response::not_found() };
    let is_metadata = name.ends_with(".xml");
    let mut response = if is_metadata { Response::new(200, "text/xml", found.artifact.served()) } else { file(found.artifact.served()) };
    if let Some(at) = found.at.filter(|_| site.serving.maven_last_modified) {
        response.set("Last-Modified", http_date(at));
    }
    response
}

/// A file of the repository, and its date.
struct Found {
    artifact: Artifact,
    at: Option<Timestamp>,
}

fn checksum(artifact: &Artifact, kind: &str) -> String {
    match kind {
        "md5" => artifact.md5_hex(),
        "sha1" => artifact.sha1_hex(),
        "sha256" => artifact.sha256_hex(),
        _ => artifact.sha512_hex(),
    }
}

/// RFC 9110 date.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn find(site: &Site<'_>, folders: &[&str], name: &str) -> Option<Found> {
    if name == "maven-metadata.xml" {
        return artifact_metadata(site, folders).or_else(|| snapshot_metadata(site, folders));
    }
    let [group @ .., artifact, version] = folders else { return None };
    let all = site.catalogue.maven.get(&format!("{}:{artifact}", group.join(".")))?;
    for one in all.iter().filter(|one| one.version() == *version) {
        if let Some(found) = one.artifacts().iter().find(|file| file.filename() == name) {
            return Some(Found { artifact: found.clone(), at: one.published_at() });
        }
    }
    None
}

fn stamp(at: Option<Timestamp>) -> String {
    at.unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%d%H%M%S").to_string()
}

fn metadata_file(text: String, at: Option<Timestamp>) -> Found {
    Found { artifact: Artifact::new("maven-metadata.xml", text.into_bytes()), at }
}

fn artifact_metadata(site: &Site<'_>, folders: &[&str]) -> Option<Found> {
    let (artifact, group) = folders.split_last()?;
    let group = group.join(".");
    let all: &[Built<MavenPackage>] = site.catalogue.maven.get(&format!("{group}:{artifact}"))?;
    let package = all.first()?.release().package;
    let versions = site.catalogue.versions(&package);
    let latest = versions.last()?;
    let release = newest(versions.iter().map(String::as_str).filter(|version| !version.ends_with("-SNAPSHOT")));
    let updated = all.iter().filter_map(|one| one.published_at()).max();
    let list: String = versions.iter().map(|version| format!("      <version>{version}</version>\n")).collect();
    let release = release.map_or(String::new(), |version| format!("    <release>{version}</release>\n"));
    Some(metadata_file(
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <versioning>\n    <latest>{latest}</latest>\n{release}    <versions>\n{list}    </versions>\n    <lastUpdated>{}</lastUpdated>\n  </versioning>\n</metadata>\n",
            stamp(updated)
        ),
        updated,
    ))
}

fn snapshot_metadata(site: &Site<'_>, folders: &[&str]) -> Option<Found> {
    let [group @ .., artifact, version] = folders else { return None };
    let group = group.join(".");
    let all = site.catalogue.maven.get(&format!("{group}:{artifact}"))?;
    let builds: Vec<&Built<MavenPackage>> =
        all.iter().filter(|one| one.version() == *version && one.build_of_snapshot().is_some()).collect();
    let newest = builds.iter().max_by_key(|one| one.build_of_snapshot())?;
    let (timestamp, number) = newest.build_of_snapshot()?;
    let value = newest.file_version();
    let prefix = format!("{artifact}-{value}");
    let mut entries = String::new();
    let names: BTreeSet<&str> = newest.artifacts().iter().map(Artifact::filename).collect();
    for name in names {
        let rest = name.strip_prefix(&prefix)?;
        let (classifier, extension) = rest.rsplit_once('.')?;
        let classifier = match classifier.strip_prefix('-') {
            Some(classifier) => format!("<classifier>{classifier}</classifier>"),
            None => String::new(),
        };
        entries.push_str(&format!(
            "      <snapshotVersion>{classifier}<extension>{extension}</extension><value>{value}</value><updated>{}</updated></snapshotVersion>\n",
            timestamp.replace('.', "")
        ));
    }
    Some(metadata_file(
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata modelVersion=\"1.1.0\">\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n  <versioning>\n    <snapshot><timestamp>{timestamp}</timestamp><buildNumber>{number}</buildNumber></snapshot>\n    <lastUpdated>{}</lastUpdated>\n    <snapshotVersions>\n{entries}    </snapshotVersions>\n  </versioning>\n</metadata>\n",
            timestamp.replace('.', "")
        ),
        newest.published_at(),
    ))
}
