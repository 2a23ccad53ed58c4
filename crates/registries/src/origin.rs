//! Whether a registry that a checked file names is one that the user's own clients use.
//!
//! In: an address out of a lockfile or manifest, and the upstreams. Out: yes, or no. An upstream that only a file of the
//! checked project names counts as unknown. The attack: an edited file that sends the client elsewhere, to a look-alike
//! host, or to another tenant of the right host.

use crate::adapter::UpstreamInfo;
use bifocal_core::{Ecosystem, Origin, ReleaseRecord, percent_decode};
use url::Url;

/// Whether `origin` is known: an upstream's own address, or that of one of the release's files. Where one registry answers
/// for a package (npm, cargo), it must be the one that `record` came from.
pub(crate) fn known(ecosystem: Ecosystem, upstreams: &[UpstreamInfo], origin: &Origin, record: Option<&ReleaseRecord>) -> bool {
    let one_answers = matches!(ecosystem, Ecosystem::Npm | Ecosystem::Cargo);
    let answered = |upstream: &&UpstreamInfo| !one_answers || record.is_none_or(|record| record.upstream == upstream.id);
    let own: Vec<&UpstreamInfo> = upstreams.iter().filter(|upstream| !upstream.of_project).filter(answered).collect();
    let is_file = |record: &ReleaseRecord| record.files.iter().any(|file| is_same(&origin.address, &file.url));
    own.iter().any(|upstream| {
        let by_name = ecosystem == Ecosystem::Cargo && !origin.id.is_empty() && origin.id == upstream.id;
        by_name
            || is_same(&origin.address, &upstream.address)
            || is_alias(ecosystem, upstream, &origin.address)
            || record.is_some_and(|record| is_tarball(record, &origin.address, &upstream.address))
    }) || (!own.is_empty() && record.is_some_and(is_file))
}

/// Whether an address is where npm registries keep the tarball of a release, below `base`. Another file below it is another
/// package's.
fn is_tarball(record: &ReleaseRecord, address: &str, base: &str) -> bool {
    let package = &record.release.package;
    let path = format!("{}/-/{}-{}.tgz", package.as_str(), package.base_name(), record.release.version);
    let rest = || {
        let (address, base) = (plain(address)?, plain(base)?);
        let path = percent_decode(address.path());
        path.strip_prefix(percent_decode(base.path()).trim_end_matches('/')).map(|rest| rest.trim_start_matches('/').to_owned())
    };
    package.ecosystem() == Ecosystem::Npm && is_below(address, base) && rest().is_some_and(|rest| rest == path)
}

/// Lockfiles name cargo's default registry by the address of its git index, whatever takes its place.
fn is_alias(ecosystem: Ecosystem, upstream: &UpstreamInfo, address: &str) -> bool {
    ecosystem == Ecosystem::Cargo && upstream.id == "default" && is_same(address, tame_index::CRATES_IO_INDEX)
}

/// Whether an address is a base or below it, on the same host and port and no less safe.
pub(crate) fn is_below(address: &str, base: &str) -> bool {
    let (Some(address), Some(base)) = (plain(address), plain(base)) else { return false };
    let path = address.path().trim_end_matches('/');
    let same_place = address.host_str() == base.host_str() && address.port_or_known_default() == base.port_or_known_default();
    let below = path.strip_prefix(base.path().trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    same_place && below && (address.scheme() == base.scheme() || address.scheme() == "https")
}

fn is_same(one: &str, other: &str) -> bool {
    is_below(one, other) && is_below(other, one)
}

/// An http or https address without what does not tell places apart. A path that servers may fold in another way is none.
fn plain(address: &str) -> Option<Url> {
    let address = address.strip_prefix("sparse+").unwrap_or(address);
    let mut url = bifocal_readers::without_login(Url::parse(address).ok()?);
    url.set_query(None);
    let decoded = percent_decode(url.path());
    let folds = decoded.contains('\\') || decoded.split('/').any(|part| part == ".." || part == ".");
    (matches!(url.scheme(), "http" | "https") && !folds).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::{ArtifactFile, ArtifactKind, Known, Release};

    fn upstream(id: &str, address: &str, of_project: bool) -> UpstreamInfo {
        UpstreamInfo { id: id.to_owned(), address: address.to_owned(), source: String::new(), authenticated: false, of_project }
    }

    fn origin(id: &str, address: &str) -> Origin {
        Origin { id: id.to_owned(), address: address.to_owned() }
    }

    #[test]
    fn an_address_is_known_only_where_it_is_an_upstreams() {
        let upstreams = [upstream("default", "https://registry.example/ours/simple/", false)];
        for (address, expected) in [
            ("https://registry.example/ours/simple", true),
            ("https://me:pw@REGISTRY.example:443/ours/simple/?x=1#y", true),
            ("https://registry.example/ours/simple/other", false),
            ("http://registry.example/ours/simple", false),
            ("https://registry.example/theirs/simple", false),
            ("https://registry.example/ours/simple-2", false),
            ("https://registry.example/ours/simple/../../theirs/simple", false),
            ("https://registry.example/ours/simple/%2e%2e/%2e%2e/theirs", false),
            ("https://registry.example/ours/simple/..%2f..%2ftheirs", false),
            ("https://registry.example/ours/simple/..%5c..%5ctheirs", false),
            ("https://registry.example:8443/ours/simple", false),
            ("https://registry.example.evil.example/ours/simple", false),
            ("./wheels", false),
            ("file:///ours/simple", false),
        ] {
            assert_eq!(known(Ecosystem::Pypi, &upstreams, &origin("", address), None), expected, "{address}");
        }
    }

    #[test]
    fn what_only_the_project_names_is_not_known() {
        let upstreams = [upstream("default", "https://registry.example/", true)];
        assert!(!known(Ecosystem::Pypi, &upstreams, &origin("", "https://registry.example/"), None));
    }

    #[test]
    fn cargo_names_registries_and_its_default_by_another_address() {
        let upstreams = [upstream("default", "https://mirror.example/", false), upstream("corp", "https://corp.example/i/", false)];
        let known = |id: &str, address: &str| known(Ecosystem::Cargo, &upstreams, &origin(id, address), None);
        assert!(known("", tame_index::CRATES_IO_INDEX) && known("corp", "registry `corp`") && known("", "https://corp.example/i"));
        assert!(!known("evil", "registry `evil`") && !known("", "https://evil.example/i"));
        let replaced = [upstream("default", "https://mirror.example/", true)];
        assert!(!super::known(Ecosystem::Cargo, &replaced, &origin("", tame_index::CRATES_IO_INDEX), None));
    }

    fn record(package: &str, upstream: &str, url: &str) -> ReleaseRecord {
        let file = ArtifactFile {
            filename: "f.tgz".to_owned(),
            kind: ArtifactKind::NpmTarball,
            url: url.to_owned(),
            size: None,
            digests: Vec::new(),
            uploaded_at: Known::NotGiven,
            yanked: None,
            provenance: Known::NotGiven,
        };
        ReleaseRecord { files: vec![file], ..ReleaseRecord::bare(Release::new(Ecosystem::Npm, package, "1.0.0").unwrap(), upstream) }
    }

    #[test]
    fn a_tarball_is_that_of_the_release_and_of_the_registry_that_answered() {
        let upstreams = [upstream("default", "https://registry.example/npm/", false), upstream("@s", "https://s.example/", false)];
        let pad = record("left-pad", "default", "https://files.example/left-pad.tgz");
        let scoped = record("@s/n", "@s", "https://s.example/download/n");
        for (record, address, expected) in [
            (&pad, "https://registry.example/npm/left-pad/-/left-pad-1.0.0.tgz", true),
            (&pad, "https://files.example/left-pad.tgz", true),
            (&pad, "https://registry.example/npm", true),
            (&pad, "https://registry.example/npm/evil/-/evil-1.0.0.tgz", false),
            (&pad, "https://registry.example/npm/left-pad/-/left-pad-0.9.0.tgz", false),
            (&pad, "https://s.example/left-pad/-/left-pad-1.0.0.tgz", false),
            (&scoped, "https://s.example/@s/n/-/n-1.0.0.tgz", true),
            (&scoped, "https://s.example/@s%2fn/-/n-1.0.0.tgz", true),
            (&scoped, "https://s.example/download/n", true),
            (&scoped, "https://registry.example/npm/@s/n/-/n-1.0.0.tgz", false),
        ] {
            assert_eq!(known(Ecosystem::Npm, &upstreams, &origin("", address), Some(record)), expected, "{address}");
        }
    }
}
