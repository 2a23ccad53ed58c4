//! Which files of a release are assessed, and whether the lockfile's digests agree with the registry's.
//!
//! In: the registry's record, what lockfiles pin, and the files that the client on this platform would take. Out: the
//! files to fetch (with the pinned digests added, so that the download verifies them too) and every disagreement.
//! The attack: an artifact replaced after it was locked, or a mirror that serves other bytes.

use bifocal_core::{ArtifactFile, ArtifactKind, DeclaredArtifact, Digest, Ecosystem, Place, ReleaseRecord};
use std::collections::BTreeMap;

/// The files to assess.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Choice {
    /// To fetch, in the record's order.
    pub(crate) files: Vec<ArtifactFile>,
    /// Files of the release (with a lockfile, of those it pins) that are left out for this platform.
    pub(crate) others: u32,
    /// Digests that differ.
    pub(crate) mismatches: Vec<Mismatch>,
    /// Set when the lockfile pins files and the registry offers none of them.
    pub(crate) gone: bool,
    /// Distributions that a lockfile pins by name and the registry does not offer.
    pub(crate) missing: Vec<String>,
}

/// A digest that differs from the registry's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) filename: String,
    pub(crate) pinned: Vec<Digest>,
    pub(crate) offered: Vec<Digest>,
    pub(crate) place: Place,
}

enum Agreement {
    Equal,
    Differs,
    /// No algorithm in common: only the bytes can tell.
    Open,
}

/// Chooses, and adds the files that are named without a digest. `client` gives the files that the client on this platform
/// takes out of a record.
pub(crate) fn choose<'a>(
    record: &'a ReleaseRecord,
    declared: &[(DeclaredArtifact, Place)],
    all: bool,
    client: impl Fn(&'a ReleaseRecord) -> Vec<&'a ArtifactFile>,
) -> Choice {
    let mut choice = pinned(record, declared, all, client);
    for (named, _) in declared.iter().filter(|(artifact, _)| artifact.digests.is_empty() && !artifact.filename.is_empty()) {
        if choice.files.iter().any(|file| file.filename == named.filename) {
            continue;
        }
        match record.files.iter().find(|file| file.filename == named.filename) {
            Some(file) => {
                choice.files.push(file.clone());
                choice.others = choice.others.saturating_sub(1);
            }
            None if is_distribution(&named.filename) => choice.missing.push(named.filename.clone()),
            None => {}
        }
    }
    choice
}

/// Holds digests that are pinned for a file that the record does not list against what its registry says of it. Those that
/// only the bytes can tell are added to it.
pub(crate) fn hold_against(file: &mut ArtifactFile, pins: &[&(DeclaredArtifact, Place)]) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for (pin, place) in pins {
        match agreement(pin, file) {
            Agreement::Differs => mismatches.push(mismatch(file, pin, place)),
            Agreement::Equal | Agreement::Open => {
                let new: Vec<Digest> = pin.digests.iter().filter(|digest| !file.digests.contains(digest)).cloned().collect();
                file.digests.extend(new);
            }
        }
    }
    mismatches
}

fn pinned<'a>(
    record: &'a ReleaseRecord,
    declared: &[(DeclaredArtifact, Place)],
    all: bool,
    client: impl Fn(&'a ReleaseRecord) -> Vec<&'a ArtifactFile>,
) -> Choice {
    let pins: Vec<&(DeclaredArtifact, Place)> = declared.iter().filter(|(artifact, _)| !artifact.digests.is_empty()).collect();
    if pins.is_empty() {
        let taken = if all { record.files.iter().collect() } else { client_or_any(record, record.files.iter().collect(), &client) };
        let others = (record.files.len() - taken.len()) as u32;
        return Choice { files: taken.into_iter().cloned().collect(), others, ..Choice::default() };
    }
    let mut choice = Choice::default();
    let mut matched: Vec<(&ArtifactFile, Vec<Digest>)> = Vec::new();
    // Each place that pins digests has to be met by itself: right digests in one file do not excuse wrong ones in another.
    let mut places: BTreeMap<&Place, Vec<&DeclaredArtifact>> = BTreeMap::new();
    for (pin, place) in &pins {
        places.entry(place).or_default().push(pin);
    }
    for (place, pins) in places {
        let (mut candidate, mut fits) = (false, false);
        for pin in &pins {
            let files = candidates(record, pin);
            if files.is_empty() && is_distribution(&pin.filename) {
                choice.missing.push(pin.filename.clone());
            }
            for file in files {
                candidate = true;
                match agreement(pin, file) {
                    Agreement::Differs if is_sole_candidate(record, pin) => {
                        fits = true;
                        choice.mismatches.push(mismatch(file, pin, place));
                    }
                    Agreement::Differs => {}
                    Agreement::Equal | Agreement::Open => {
                        fits = true;
                        let new = |digest: &&Digest| !file.digests.contains(digest);
                        match matched.iter_mut().find(|(known, _)| known.filename == file.filename) {
                            Some((_, digests)) => digests.extend(pin.digests.iter().filter(new).cloned()),
                            None => matched.push((file, pin.digests.iter().filter(new).cloned().collect())),
                        }
                    }
                }
            }
        }
        // Hashes without file names (pip's): none of them is the digest of any file that the registry offers.
        if candidate && !fits {
            let pinned = pins.iter().flat_map(|pin| pin.digests.iter().cloned()).collect();
            let offered = record.files.iter().flat_map(|file| file.digests.iter().cloned()).collect();
            choice.mismatches.push(Mismatch { filename: String::new(), pinned, offered, place: place.clone() });
        }
    }
    if matched.is_empty() {
        choice.gone = choice.mismatches.is_empty();
        return choice;
    }
    let total = matched.len();
    let names: Vec<&str> = matched.iter().map(|(file, _)| file.filename.as_str()).collect();
    let taken: Vec<String> = if all || total <= 1 {
        names.iter().map(|name| (*name).to_owned()).collect()
    } else {
        let narrowed = ReleaseRecord { files: matched.iter().map(|(file, _)| (*file).clone()).collect(), ..record.clone() };
        let taken: Vec<String> = client_names(&narrowed, &client, record);
        taken.into_iter().filter(|name| names.contains(&name.as_str())).collect()
    };
    let taken = if taken.is_empty() { fallback(&matched) } else { taken };
    for (file, extra) in matched {
        if taken.contains(&file.filename) {
            let mut file = file.clone();
            file.digests.extend(extra);
            choice.files.push(file);
        }
    }
    choice.others = (total - choice.files.len()) as u32;
    choice
}

/// What the client takes of `narrowed`: `client` borrows from the full record, so files are compared by name.
fn client_names<'a>(
    narrowed: &ReleaseRecord,
    client: &impl Fn(&'a ReleaseRecord) -> Vec<&'a ArtifactFile>,
    record: &'a ReleaseRecord,
) -> Vec<String> {
    let preferred: Vec<String> = client(record).iter().map(|file| file.filename.clone()).collect();
    let kept: Vec<String> = preferred.into_iter().filter(|name| narrowed.files.iter().any(|file| file.filename == *name)).collect();
    if !kept.is_empty() {
        return kept;
    }
    // The client's first choice is not pinned: it takes the source distribution that is.
    narrowed.files.iter().filter(|file| file.kind == ArtifactKind::Sdist).map(|file| file.filename.clone()).take(1).collect()
}

fn fallback(matched: &[(&ArtifactFile, Vec<Digest>)]) -> Vec<String> {
    let sdist = matched.iter().find(|(file, _)| file.kind == ArtifactKind::Sdist);
    sdist.or(matched.first()).map(|(file, _)| file.filename.clone()).into_iter().collect()
}

fn client_or_any<'a>(
    record: &'a ReleaseRecord,
    files: Vec<&'a ArtifactFile>,
    client: &impl Fn(&'a ReleaseRecord) -> Vec<&'a ArtifactFile>,
) -> Vec<&'a ArtifactFile> {
    let taken = client(record);
    if taken.is_empty() { files.into_iter().take(1).collect() } else { taken }
}

/// The files that a pin can be about: the one it names, or all of them when it names none.
fn candidates<'a>(record: &'a ReleaseRecord, pin: &DeclaredArtifact) -> Vec<&'a ArtifactFile> {
    if pin.filename.is_empty() {
        record.files.iter().filter(|file| file.kind != ArtifactKind::Pom || record.files.len() == 1).collect()
    } else {
        record.files.iter().filter(|file| file.filename == pin.filename).collect()
    }
}

/// Whether a pin can mean only one file, so that a differing digest is a contradiction.
fn is_sole_candidate(record: &ReleaseRecord, pin: &DeclaredArtifact) -> bool {
    !pin.filename.is_empty() || record.release.ecosystem() != Ecosystem::Pypi
}

/// Whether a file name is that of a wheel or a source distribution. Other kinds are listed by lockfiles and taken by no
/// client, so that registries may well have dropped them.
fn is_distribution(filename: &str) -> bool {
    filename.ends_with(".whl") || filename.ends_with(".tar.gz")
}

fn agreement(pin: &DeclaredArtifact, file: &ArtifactFile) -> Agreement {
    let mut common = false;
    for pinned in &pin.digests {
        for offered in file.digests.iter().filter(|offered| offered.algorithm() == pinned.algorithm()) {
            if offered == pinned {
                return Agreement::Equal;
            }
            common = true;
        }
    }
    if common { Agreement::Differs } else { Agreement::Open }
}

fn mismatch(file: &ArtifactFile, pin: &DeclaredArtifact, place: &Place) -> Mismatch {
    Mismatch { filename: file.filename.clone(), pinned: pin.digests.clone(), offered: file.digests.clone(), place: place.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::{Known, Release, Sha256};

    fn file(name: &str, kind: ArtifactKind, content: &[u8]) -> ArtifactFile {
        ArtifactFile {
            filename: name.to_owned(),
            kind,
            url: String::new(),
            size: None,
            digests: vec![Sha256::of(content).into()],
            uploaded_at: Known::NotGiven,
            yanked: None,
            provenance: Known::NotGiven,
        }
    }

    fn record(eco: Ecosystem, files: Vec<ArtifactFile>) -> ReleaseRecord {
        ReleaseRecord { files, ..ReleaseRecord::bare(Release::new(eco, "x", "1.0.0").unwrap(), "default") }
    }

    fn pin(filename: &str, content: &[u8]) -> (DeclaredArtifact, Place) {
        let declared = DeclaredArtifact { filename: filename.to_owned(), digests: vec![Sha256::of(content).into()] };
        (declared, Place { path: "lock".to_owned(), line: 3 })
    }

    fn wheels(record: &ReleaseRecord) -> Vec<&ArtifactFile> {
        record.files.iter().filter(|file| file.filename.contains("linux")).collect()
    }

    #[test]
    fn a_pinned_digest_that_differs_is_a_mismatch() {
        let record = record(Ecosystem::Npm, vec![file("x-1.0.0.tgz", ArtifactKind::NpmTarball, b"new")]);
        let choice = choose(&record, &[pin("", b"old")], false, |record| record.files.iter().collect());
        assert_eq!(choice.mismatches.len(), 1);
        assert!(choice.files.is_empty());
    }

    #[test]
    fn of_many_pinned_files_the_client_s_is_taken_and_all_digests_are_compared() {
        let record = record(
            Ecosystem::Pypi,
            vec![
                file("x-linux.whl", ArtifactKind::Wheel, b"l"),
                file("x-win.whl", ArtifactKind::Wheel, b"w"),
                file("x.tar.gz", ArtifactKind::Sdist, b"s"),
            ],
        );
        let pins = [pin("x-linux.whl", b"l"), pin("x-win.whl", b"changed"), pin("x.tar.gz", b"s")];
        let choice = choose(&record, &pins, false, wheels);
        assert_eq!(choice.files.iter().map(|file| &*file.filename).collect::<Vec<_>>(), ["x-linux.whl"]);
        assert_eq!(choice.mismatches[0].filename, "x-win.whl");
    }

    #[test]
    fn hashes_without_names_select_files_and_fail_only_when_none_fits() {
        let record =
            record(Ecosystem::Pypi, vec![file("x-linux.whl", ArtifactKind::Wheel, b"l"), file("x.tar.gz", ArtifactKind::Sdist, b"s")]);
        let fits = choose(&record, &[pin("", b"s"), pin("", b"elsewhere")], false, wheels);
        assert_eq!(fits.files.iter().map(|file| &*file.filename).collect::<Vec<_>>(), ["x.tar.gz"]);
        assert!(fits.mismatches.is_empty());
        let none = choose(&record, &[pin("", b"elsewhere")], false, wheels);
        assert_eq!(none.mismatches.len(), 1);
    }

    #[test]
    fn right_hashes_in_one_file_do_not_excuse_wrong_ones_in_another() {
        let record =
            record(Ecosystem::Pypi, vec![file("x-linux.whl", ArtifactKind::Wheel, b"l"), file("x.tar.gz", ArtifactKind::Sdist, b"s")]);
        let at = |path: &str, content: &[u8]| {
            let (declared, _) = pin("", content);
            (declared, Place { path: path.to_owned(), line: 1 })
        };
        let mixed = choose(&record, &[at("a.txt", b"l"), at("b.txt", b"elsewhere")], false, wheels);
        assert_eq!(mixed.mismatches.iter().map(|one| one.place.path.as_str()).collect::<Vec<_>>(), ["b.txt"]);
        assert!(choose(&record, &[at("a.txt", b"l"), at("b.txt", b"s"), at("b.txt", b"elsewhere")], false, wheels).mismatches.is_empty());
    }

    #[test]
    fn a_pinned_distribution_that_the_registry_does_not_offer_is_named() {
        let record = record(Ecosystem::Pypi, vec![file("x-linux.whl", ArtifactKind::Wheel, b"l")]);
        let pins = [pin("x-linux.whl", b"l"), pin("x-any.whl", b"elsewhere"), pin("x.exe", b"old")];
        assert_eq!(choose(&record, &pins, false, wheels).missing, ["x-any.whl"]);
    }

    #[test]
    fn pinned_files_that_are_gone_are_said_to_be() {
        let record = record(Ecosystem::Pypi, vec![file("x-linux.whl", ArtifactKind::Wheel, b"l")]);
        assert!(choose(&record, &[pin("x-old.whl", b"o")], false, wheels).gone);
    }

    #[test]
    fn a_digest_without_a_common_algorithm_is_left_to_the_download() {
        let mut offered = file("x-1.0.0.tgz", ArtifactKind::NpmTarball, b"same");
        offered.digests = vec![Digest::decode(bifocal_core::Algorithm::Sha1, "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3").unwrap()];
        let record = record(Ecosystem::Npm, vec![offered]);
        let choice = choose(&record, &[pin("", b"same")], false, |record| record.files.iter().collect());
        assert_eq!(choice.files[0].digests.len(), 2);
    }
}
