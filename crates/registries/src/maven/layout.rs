//! Where files are in a Maven 2 repository, and what `maven-metadata.xml` says
//! (the page on the repository layout in its documentation).

use crate::xml::Element;
use bifocal_core::{Algorithm, ArtifactKind, Digest};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use url::Url;

/// `maven-metadata.xml` of a package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) versions: Vec<String>,
    pub(super) latest: Option<String>,
    pub(super) release: Option<String>,
}

/// `maven-metadata.xml` of one `-SNAPSHOT` version.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshots {
    /// Extension, classifier, version in the file name, time.
    files: Vec<(String, String, String, Option<Timestamp>)>,
    /// `TIMESTAMP-BUILD`, where files are not listed.
    build: Option<String>,
    updated: Option<Timestamp>,
}

/// The address of a file below a package's folder; `version` is the folder's name.
pub(super) fn address(base: &Url, group: &str, artifact: &str, version: Option<&str>, file: &str) -> Url {
    let mut url = base.clone();
    // Fails only for addresses that have no path, which discovery has refused.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(group.split('.')).push(artifact);
        if let Some(version) = version {
            segments.push(folder_version(version).as_deref().unwrap_or(version));
        }
        segments.push(file);
    }
    url
}

/// `1.0-20240131.120000-3` lies in the folder `1.0-SNAPSHOT`.
pub(super) fn folder_version(version: &str) -> Option<String> {
    let (rest, build) = version.rsplit_once('-')?;
    let (base, stamp) = rest.rsplit_once('-')?;
    let (day, time) = stamp.split_once('.')?;
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    (digits(day, 8) && digits(time, 6) && !build.is_empty() && build.bytes().all(|b| b.is_ascii_digit()))
        .then(|| format!("{base}-SNAPSHOT"))
}

/// The file extension that stands for a packaging; `None` where the POM is all there is.
pub(super) fn extension(packaging: &str) -> Option<&str> {
    match packaging {
        "pom" => None,
        "war" | "ear" | "rar" | "aar" | "zip" | "tar.gz" | "so" | "klib" | "hpi" | "jpi" | "car" | "nar" => Some(packaging),
        // jar, ejb, maven-plugin, bundle, eclipse-plugin, test-jar, …: plug-ins name packagings freely, and jar is theirs.
        _ => Some("jar"),
    }
}

pub(super) fn kind(extension: &str) -> ArtifactKind {
    match extension {
        "pom" => ArtifactKind::Pom,
        "jar" | "war" | "aar" | "ear" | "rar" | "hpi" | "jpi" => ArtifactKind::Jar,
        _ => ArtifactKind::Other,
    }
}

impl Metadata {
    pub(super) fn read(root: &Element) -> Metadata {
        let text = |name: &str| root.text_at(&["versioning", name]).map(str::to_owned);
        let versions = root.at(&["versioning", "versions"]).into_iter().flat_map(|list| list.all("version"));
        Metadata {
            versions: versions.map(|one| one.text.clone()).filter(|text| !text.is_empty()).collect(),
            latest: text("latest"),
            release: text("release"),
        }
    }
}

impl Snapshots {
    pub(super) fn read(root: &Element) -> Snapshots {
        let list = root.at(&["versioning", "snapshotVersions"]);
        let files = list.into_iter().flat_map(|list| list.all("snapshotVersion")).filter_map(|one| {
            let text = |name: &str| one.text_at(&[name]);
            Some((
                text("extension")?.to_owned(),
                text("classifier").unwrap_or_default().to_owned(),
                text("value")?.to_owned(),
                text("updated").and_then(compact_time),
            ))
        });
        let snapshot = |name: &str| root.text_at(&["versioning", "snapshot", name]);
        let build = snapshot("timestamp").zip(snapshot("buildNumber")).map(|(stamp, number)| format!("{stamp}-{number}"));
        Snapshots { files: files.collect(), build, updated: root.text_at(&["versioning", "lastUpdated"]).and_then(compact_time) }
    }

    /// The version in the file's name and its time.
    pub(super) fn file_version(&self, version: &str, extension: &str) -> (String, Option<Timestamp>) {
        if let Some((_, _, value, updated)) = self.files.iter().find(|(ext, classifier, ..)| ext == extension && classifier.is_empty()) {
            return (value.clone(), updated.or(self.updated));
        }
        match (&self.build, version.strip_suffix("-SNAPSHOT")) {
            (Some(build), Some(base)) => (format!("{base}-{build}"), self.updated),
            _ => (version.to_owned(), self.updated),
        }
    }
}

/// `yyyyMMddHHmmss` in UTC.
fn compact_time(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The digest in a checksum file: hex, perhaps with a file name before or behind it.
pub(super) fn checksum(algorithm: Algorithm, body: &[u8]) -> Option<Digest> {
    let text = std::str::from_utf8(body.get(..body.len().min(1024))?).ok()?;
    text.split(|c: char| c.is_whitespace() || c == '=' || c == '*')
        .find(|word| word.len() == algorithm.length() * 2 && word.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|digits| Digest::decode(algorithm, digits).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn addresses_follow_the_layout() {
        let base = Url::parse("https://repo.example/m2/").unwrap();
        let at = |version: Option<&str>, file: &str| address(&base, "org.x.y", "a", version, file).to_string();
        assert_eq!(at(None, "maven-metadata.xml"), "https://repo.example/m2/org/x/y/a/maven-metadata.xml");
        assert_eq!(at(Some("1.0"), "a-1.0.jar"), "https://repo.example/m2/org/x/y/a/1.0/a-1.0.jar");
        assert_eq!(at(Some("1.0-20240131.120000-3"), "f"), "https://repo.example/m2/org/x/y/a/1.0-SNAPSHOT/f");
        assert_eq!(folder_version("1.0-2-3"), None);
    }

    #[test]
    fn snapshots_are_resolved_to_their_timestamped_file() {
        let text = b"<metadata><versioning><snapshot><timestamp>20240131.120000</timestamp><buildNumber>3</buildNumber></snapshot><lastUpdated>20240131120000</lastUpdated>
            <snapshotVersions><snapshotVersion><extension>jar</extension><value>1.0-20240131.120000-3</value><updated>20240131120005</updated></snapshotVersion>
            <snapshotVersion><classifier>sources</classifier><extension>jar</extension><value>x</value></snapshotVersion></snapshotVersions></versioning></metadata>";
        let snapshots = Snapshots::read(&xml::parse(text).unwrap());
        let (version, time) = snapshots.file_version("1.0-SNAPSHOT", "jar");
        assert_eq!((version.as_str(), time.unwrap().to_string().as_str()), ("1.0-20240131.120000-3", "2024-01-31T12:00:05Z"));
        assert_eq!(snapshots.file_version("1.0-SNAPSHOT", "pom").0, "1.0-20240131.120000-3");
        assert_eq!(Snapshots::default().file_version("1.0-SNAPSHOT", "jar").0, "1.0-SNAPSHOT");
    }

    #[test]
    fn checksum_files_are_read_in_their_known_forms() {
        let hex = "8ac9e16d933b6fb43bc7f576336b8f4d7eb5ba12";
        for text in [hex.to_owned(), format!("{hex}  a.jar\n"), format!("SHA1(a.jar)= {hex}"), hex.to_uppercase()] {
            assert_eq!(checksum(Algorithm::Sha1, text.as_bytes()).unwrap().hex(), hex, "{text}");
        }
        assert_eq!(checksum(Algorithm::Sha256, hex.as_bytes()), None);
        assert_eq!(checksum(Algorithm::Sha1, b"<html>not here</html>"), None);
    }
}
