//! Intake: from a release to its record and the facts of its artifacts.
//!
//! Each record is fetched once and remembered; each artifact is fetched once, verified against every digest that the
//! registry or a lockfile declares, and looked at once. What was looked at before is answered from the cache.

use crate::analysis::{Analysed, Analyser};
use crate::cache::Cache;
use crate::choose::{Choice, choose, hold_against};
use crate::plan::Wanted;
use crate::progress::Spent;
use crate::provenance;
use crate::spelling;
use bifocal_core::{
    Algorithm, ArtifactFacts, ArtifactFile, DeclaredArtifact, Digest, Ecosystem, Place, Release, ReleaseRecord, Sha256, Signal, Status,
    printable,
};
use bifocal_registries::{Download, Registries, RegistryError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// A release with all that its bytes and its registry say.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) record: ReleaseRecord,
    pub(crate) artifacts: Vec<(ArtifactFile, ArtifactFacts)>,
    pub(crate) others: u32,
    /// Digest mismatches and changes of the record.
    pub(crate) signals: Vec<Signal>,
    /// Facts by the analyser that verdicts are pinned to, where they differ.
    pub(crate) pinned: Vec<(Sha256, ArtifactFacts)>,
}

/// Why a release could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The registry or the network.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// What people ruled cannot be read.
    #[error(transparent)]
    Store(#[from] bifocal_store::StoreError),
    /// A file names a registry that the user's clients do not use, and no digest.
    #[error(
        "the checked files take it from {0}, which is none of the configured upstreams, and pin no digest, so what was looked at may not be what is installed; configure that registry for your own client or in bifocal.toml, or pin a digest"
    )]
    ForeignOrigin(String),
    /// The registry that answered is named by the checked project alone, and no digest is pinned.
    #[error(
        "it comes from {0}, which only {1} names, a file of the checked project, and no digest is pinned, so what was looked at may not be what is installed; configure that registry for your own client or in bifocal.toml, or pin a digest"
    )]
    ProjectUpstream(String, String),
    /// The lockfile names files that the registry does not offer.
    #[error(
        "none of the files that the lockfile pins is offered by the upstream; the release may have been replaced: make the lockfile anew"
    )]
    Gone,
    /// The lockfile names a file that the registry does not offer, beside others that it does.
    #[error(
        "the lockfile pins {0}, which the upstream does not offer, so that a client may take it from elsewhere; make the lockfile anew"
    )]
    Missing(String),
    /// The registry lists the release without any file.
    #[error("the upstream lists this release without any file, so there is nothing to look at")]
    NoFiles,
    /// Offline and the artifact was never looked at here.
    #[error("offline, and {0} was never looked at here; run once without --offline")]
    OfflineArtifact(String),
    /// The analyser that verdicts are pinned to has no stored facts.
    #[error("no facts of analyser {0} are stored for this artifact; leave --analyser out")]
    NoPinnedFacts(String),
}

impl TakeError {
    /// Whether the user's configuration is at fault, so that the exit code is 2.
    pub fn is_configuration(&self) -> bool {
        matches!(self, TakeError::Registry(error) if error.is_configuration())
    }
}

pub(crate) struct Intake {
    pub(crate) registries: Arc<Registries>,
    pub(crate) cache: Cache,
    pub(crate) analyser: Analyser,
    pub(crate) spent: Spent,
    pub(crate) offline: bool,
    pub(crate) all_artifacts: bool,
    /// Verdicts count by the facts of this analyser.
    pub(crate) pinned_analyser: Option<String>,
    /// One assessment in flight for each artifact.
    in_flight: Mutex<BTreeMap<Sha256, Arc<Mutex<()>>>>,
}

/// What the cache holds for a batch of releases, read in a few queries instead of thousands.
#[derive(Debug, Default)]
pub(crate) struct Prefetched {
    pub(crate) records: BTreeMap<Release, ReleaseRecord>,
    pub(crate) stale: BTreeMap<Release, ReleaseRecord>,
    pub(crate) names: BTreeMap<String, Sha256>,
    pub(crate) facts: BTreeMap<Sha256, ArtifactFacts>,
}

impl Intake {
    pub(crate) fn new(
        registries: Arc<Registries>,
        cache: Cache,
        analyser: Analyser,
        offline: bool,
        all_artifacts: bool,
        pinned_analyser: Option<String>,
    ) -> Self {
        Intake {
            registries,
            cache,
            analyser,
            spent: Spent::default(),
            offline,
            all_artifacts,
            pinned_analyser,
            in_flight: Mutex::default(),
        }
    }

    /// Reads all that the cache knows of these releases.
    pub(crate) async fn prefetch(&self, wanted: &[Wanted]) -> Prefetched {
        let releases: Vec<Release> = wanted.iter().map(|wanted| wanted.release.clone()).collect();
        let mut found = Prefetched::default();
        // A record of another registry is no record; where discovery fails, fetching will say so.
        let mut keys: BTreeMap<Ecosystem, Option<String>> = BTreeMap::new();
        for ecosystem in Ecosystem::ALL.into_iter().filter(|ecosystem| releases.iter().any(|release| release.ecosystem() == *ecosystem)) {
            keys.insert(ecosystem, self.registries.upstream_key(ecosystem).await.ok());
        }
        for (release, (record, fresh)) in self.cache.records(&releases).await {
            if keys.get(&release.ecosystem()).and_then(Option::as_ref) != Some(&record.upstream_key) {
                continue;
            }
            if fresh || self.offline {
                found.records.insert(release, record);
            } else {
                found.stale.insert(release, record);
            }
        }
        let mut keys = Vec::new();
        for wanted in wanted {
            if let Some(record) = found.records.get(&wanted.release) {
                for file in &self.choose(record, wanted).files {
                    keys.extend(names_of(record, file));
                }
            }
        }
        found.names = self.cache.names(&keys).await;
        let mut digests: Vec<Sha256> = found.names.values().copied().collect();
        digests.sort();
        digests.dedup();
        found.facts = self.cache.facts(&digests).await;
        found
    }

    /// Takes one release in.
    pub(crate) async fn take(&self, wanted: &Wanted, known: &Prefetched) -> Result<Taken, TakeError> {
        self.registries.admits(&wanted.release.package).await?;
        let record = match known.records.get(&wanted.release) {
            Some(record) => record.clone(),
            None => match self.fetch_record(&wanted.release, known.stale.get(&wanted.release)).await {
                Ok(record) => record,
                // That another registry does not have it says less than that this one was not meant.
                Err(error) => return Err(self.foreign(wanted, None).await.unwrap_or(error)),
            },
        };
        if let Some(error) = self.foreign(wanted, Some(&record)).await {
            return Err(error);
        }
        let mut further = self.further_files(&record, wanted).await?;
        let is_further = |(pin, _): &&(DeclaredArtifact, Place)| further.iter().any(|file| file.filename == pin.filename);
        let (of_further, of_record): (Vec<_>, Vec<_>) = wanted.declared.iter().partition(is_further);
        let of_record = Wanted { declared: of_record.into_iter().cloned().collect(), ..wanted.clone() };
        let mut choice = self.choose(&record, &of_record);
        for file in &mut further {
            let pins: Vec<_> = of_further.iter().filter(|(pin, _)| pin.filename == file.filename).copied().collect();
            choice.mismatches.extend(hold_against(file, &pins));
        }
        choice.files.extend(further);
        let mut signals: Vec<Signal> = choice.mismatches.iter().map(provenance::lockfile_mismatch).collect();
        signals.extend(provenance::record_changes(&record));
        if choice.gone {
            return Err(TakeError::Gone);
        }
        if let Some(missing) = choice.missing.first().filter(|_| choice.mismatches.is_empty()) {
            return Err(TakeError::Missing(printable(missing)));
        }
        if choice.files.is_empty() && choice.mismatches.is_empty() && !self.needs_no_file(&record) {
            return Err(TakeError::NoFiles);
        }
        let mut taken = Taken { others: choice.others, artifacts: Vec::new(), signals, pinned: Vec::new(), record };
        for file in choice.files {
            match self.artifact(&taken.record, &file, known).await {
                Ok(facts) => taken.artifacts.push((file, facts)),
                Err(TakeError::Registry(RegistryError::DigestMismatch { algorithm, declared, actual, .. })) => {
                    taken.signals.push(provenance::bytes_mismatch(&file.filename, algorithm, &declared, &actual));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(analyser) = &self.pinned_analyser {
            for (_, facts) in &taken.artifacts {
                let stored = self.cache.facts_of(facts.sha256, analyser).await.ok_or_else(|| TakeError::NoPinnedFacts(analyser.clone()))?;
                taken.pinned.push((facts.sha256, stored));
            }
        }
        Ok(taken)
    }

    /// Takes in one release that a person names.
    pub(crate) async fn take_named(&self, release: &Release) -> Result<Taken, TakeError> {
        let named = |release| Wanted { optional: false, ..Wanted::new(release) };
        let wanted = named(spelling::plain(release));
        let known = self.prefetch(std::slice::from_ref(&wanted)).await;
        let result = self.take(&wanted, &known).await;
        let Some(listed) = self.listed(&wanted, &result).await else { return result };
        let wanted = named(listed);
        let known = self.prefetch(std::slice::from_ref(&wanted)).await;
        self.take(&wanted, &known).await
    }

    /// The spelling under which the registry lists a release that it does not know by the one asked for.
    pub(crate) async fn listed(&self, wanted: &Wanted, result: &Result<Taken, TakeError>) -> Option<Release> {
        let Err(TakeError::Registry(RegistryError::VersionNotFound { .. })) = result else { return None };
        let package = self.registries.versions(&wanted.release.package).await.ok()?;
        let versions: Vec<&str> = package.versions.iter().map(|point| point.version.as_str()).collect();
        spelling::listed(&wanted.release, &versions, wanted.open)
    }

    /// A registry that the checked files name without a digest and that the user's own configuration does not know. The
    /// attack: a lockfile or a client's file of the project edited to fetch a known name from somewhere else.
    async fn foreign(&self, wanted: &Wanted, record: Option<&ReleaseRecord>) -> Option<TakeError> {
        for origin in &wanted.origins {
            if !self.registries.knows_origin(wanted.release.ecosystem(), origin, record).await {
                return Some(TakeError::ForeignOrigin(printable(&origin.address)));
            }
        }
        let upstream = self.registries.project_upstream(record.filter(|_| wanted.open)?).await?;
        Some(TakeError::ProjectUpstream(upstream.address, printable(&upstream.source)))
    }

    fn choose(&self, record: &ReleaseRecord, wanted: &Wanted) -> Choice {
        choose(record, &wanted.declared, self.all_artifacts, |record| {
            let mut files = self.registries.client_files(record);
            let source = Registries::source_file(record).filter(|_| wanted.source);
            files.extend(source.filter(|source| files.iter().all(|file| file.filename != source.filename)));
            files
        })
    }

    /// Maven files beside the main one that a POM asks for, by classifier or type.
    async fn further_files(&self, record: &ReleaseRecord, wanted: &Wanted) -> Result<Vec<ArtifactFile>, TakeError> {
        let mut found: Vec<ArtifactFile> = Vec::new();
        if record.release.ecosystem() != Ecosystem::Maven {
            return Ok(found);
        }
        let main = format!("{}-{}", record.release.package.base_name(), record.release.version);
        for (declared, _) in &wanted.declared {
            let known = record.files.iter().chain(&found).any(|file| file.filename == declared.filename);
            let Some(rest) = declared.filename.strip_prefix(&main).filter(|_| !known) else { continue };
            let (classifier, extension) = match rest.strip_suffix(".tar.gz") {
                Some(classifier) => (classifier, "tar.gz"),
                None => rest.rsplit_once('.').unwrap_or((rest, "jar")),
            };
            found.push(self.registries.maven_file(&record.release, classifier.trim_start_matches('-'), extension).await?);
        }
        Ok(found)
    }

    /// A Maven release of packaging `pom` has no artifact but its POM, which the registry lists.
    fn needs_no_file(&self, record: &ReleaseRecord) -> bool {
        record.release.ecosystem() == Ecosystem::Maven && !record.files.is_empty()
    }

    pub(crate) async fn fetch_record(&self, release: &Release, stale: Option<&ReleaseRecord>) -> Result<ReleaseRecord, TakeError> {
        let started = Instant::now();
        let mut record = self.registries.record(release).await?;
        record.also_on = self.registries.elsewhere(&release.package).await?;
        if let Some(old) = stale {
            provenance::remember(old, &mut record);
        }
        self.spent.metadata(started.elapsed());
        self.cache.put_record(&record).await;
        Ok(record)
    }

    async fn artifact(&self, record: &ReleaseRecord, file: &ArtifactFile, known: &Prefetched) -> Result<ArtifactFacts, TakeError> {
        let names = names_of(record, file);
        // Every name must lead to the same bytes: a lockfile's digest that was never verified sends us to the bytes.
        let mut sha256 = same(names.iter().map(|name| known.names.get(name).copied()));
        if sha256.is_none() {
            let found = self.cache.names(&names).await;
            sha256 = same(names.iter().map(|name| found.get(name).copied()));
        }
        if let Some(sha256) = sha256 {
            if let Some(facts) = known.facts.get(&sha256) {
                return Ok(facts.clone());
            }
            if let Some(facts) = self.cache.facts(&[sha256]).await.remove(&sha256) {
                return Ok(facts);
            }
            if let Some(bytes) = self.cache.artifact(sha256).await {
                let facts = self.look(record, file, sha256, bytes).await;
                content_matches(file, &facts)?;
                return Ok(facts);
            }
        }
        if self.offline {
            return Err(TakeError::OfflineArtifact(file.filename.clone()));
        }
        let download = self.download(record, file).await?;
        let got = download.bytes.len() as u64;
        let facts = self.look(record, file, download.sha256, download.bytes).await;
        let matches = content_matches(file, &facts);
        if download.maybe_cut && (matches.is_err() || facts.signals.iter().any(|signal| signal.status == Status::Failed)) {
            return Err(TakeError::Registry(RegistryError::Truncated {
                url: bifocal_registries::shown_text(&file.url),
                got,
                expected: None,
            }));
        }
        matches?;
        self.cache.put_names(&names, download.sha256).await;
        Ok(facts)
    }

    /// The bytes of a file, verified against what its registry declares, from the cache where it has them.
    pub(crate) async fn bytes(&self, record: &ReleaseRecord, file: &ArtifactFile) -> Result<bytes::Bytes, TakeError> {
        let names = names_of(record, file);
        let found = self.cache.names(&names).await;
        if let Some(sha256) = same(names.iter().map(|name| found.get(name).copied()))
            && let Some(bytes) = self.cache.artifact(sha256).await
        {
            return Ok(bytes);
        }
        if self.offline {
            return Err(TakeError::OfflineArtifact(file.filename.clone()));
        }
        let download = self.download(record, file).await?;
        // What may be cut off is not known by a name before all of it was looked at.
        if !download.maybe_cut {
            self.cache.put_names(&names, download.sha256).await;
        }
        Ok(download.bytes)
    }

    async fn download(&self, record: &ReleaseRecord, file: &ArtifactFile) -> Result<Download, TakeError> {
        let started = Instant::now();
        let download = self.registries.download(&record.release, file).await?;
        self.spent.download(started.elapsed(), download.bytes.len() as u64);
        self.cache.put_artifact(&download.bytes).await;
        Ok(download)
    }

    async fn look(&self, record: &ReleaseRecord, file: &ArtifactFile, sha256: Sha256, bytes: bytes::Bytes) -> ArtifactFacts {
        let turn = Arc::clone(self.in_flight.lock().await.entry(sha256).or_default());
        let _held = turn.lock().await;
        if let Some(facts) = self.cache.facts(&[sha256]).await.remove(&sha256) {
            return facts;
        }
        let started = Instant::now();
        let Analysed { facts, cacheable, cpu } =
            self.analyser.analyse(Some(record.release.ecosystem()), &file.filename, sha256, bytes).await;
        self.spent.analysis(started.elapsed(), cpu);
        if cacheable {
            self.cache.put_facts(&facts).await;
        }
        self.in_flight.lock().await.remove(&sha256);
        facts
    }
}

/// Compares the digest over a Go module's content, which the analyser computed while it unpacked, with those that go.sum
/// and the checksum database declare. The attack: a proxy that serves another zip than the one that was locked.
///
/// An analysis that broke off has no such digest; its `failed` signal holds.
fn content_matches(file: &ArtifactFile, facts: &ArtifactFacts) -> Result<(), TakeError> {
    let failed = facts.signals.iter().any(|signal| signal.status == Status::Failed);
    let found = facts.go_h1.as_ref();
    let differs = |declared: &&Digest| declared.algorithm() == Algorithm::GoH1 && found.map_or(!failed, |found| found != *declared);
    match file.digests.iter().find(differs) {
        None => Ok(()),
        Some(declared) => Err(TakeError::Registry(RegistryError::DigestMismatch {
            file: printable(&file.filename),
            algorithm: Algorithm::GoH1.as_str(),
            declared: declared.to_string(),
            actual: found.map_or_else(|| "no module content".to_owned(), ToString::to_string),
        })),
    }
}

/// The names under which the cache knows an artifact: its release and file with each digest that was verified for it.
///
/// A file without any declared digest is known only as long as the record that lists it: its name carries the record's
/// own digest.
pub(crate) fn names_of(record: &ReleaseRecord, file: &ArtifactFile) -> Vec<String> {
    let base = format!("{}\0{}", record.release.purl(), file.filename);
    if file.digests.is_empty() {
        return vec![format!("{base}\0record {} {}", record.upstream_key, record.digest())];
    }
    let mut names: Vec<String> = file.digests.iter().map(|digest| format!("{base}\0{digest}")).collect();
    names.sort();
    names.dedup();
    names
}

/// The one value that all give; `None` when one is missing or they differ.
pub(crate) fn same(mut values: impl Iterator<Item = Option<Sha256>>) -> Option<Sha256> {
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}
