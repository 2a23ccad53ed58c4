//! What a Python release needs in turn, where its index does not say: read from the file that the client here would take.
//!
//! In: a release. Out: its requirements, or why they are not known. The file comes through the cache as it does for the
//! assessment that follows, so it is fetched once and its digests are verified; it is unpacked in the analyser's child
//! process. What was read is remembered by the file's digests, so that later runs, and `--offline`, need no archive.

use crate::core_metadata::is_wheel;
use crate::intake::{Intake, TakeError, names_of, same};
use crate::plan::Wanted;
use bifocal_core::{ArtifactFile, Release, ReleaseRecord, printable};
use bifocal_registries::{Needs, PypiNeeds, RegistryError, python_requires};
use bytes::Bytes;

impl Intake {
    /// What a release asks for, as its registry or else its file says.
    pub(crate) async fn needs(&self, release: &Release) -> Result<Needs, RegistryError> {
        match self.registries.needs(release).await? {
            Needs::Pypi(PypiNeeds { unknown: Some(_), .. }) => match self.told_by_file(release).await {
                Ok(requires) => Ok(Needs::Pypi(PypiNeeds { requires, unknown: None })),
                Err(Untold::Configuration(error)) => Err(error),
                Err(Untold::Because(why)) => Ok(Needs::Pypi(PypiNeeds { requires: Vec::new(), unknown: Some(why) })),
            },
            needs => Ok(needs),
        }
    }

    async fn told_by_file(&self, release: &Release) -> Result<Vec<String>, Untold> {
        let wanted = Wanted::new(release.clone());
        let known = self.prefetch(std::slice::from_ref(&wanted)).await;
        let record = match known.records.get(release) {
            Some(record) => record.clone(),
            None => self.fetch_record(release, known.stale.get(release)).await?,
        };
        let Some(file) = self.registries.client_files(&record).first().copied().cloned() else {
            return Err(Untold::Because("its index lists no file that the client here takes".to_owned()));
        };
        let headers = self.core_metadata(&record, &file).await?;
        let told = headers.and_then(|headers| python_requires(&headers, release, !is_wheel(&file.filename)));
        told.map_err(|why| Untold::Because(format!("{} {why}", printable(&file.filename))))
    }

    /// The header part of a file's metadata, or what is wrong with it.
    async fn core_metadata(&self, record: &ReleaseRecord, file: &ArtifactFile) -> Result<Result<String, String>, TakeError> {
        let names: Vec<String> = names_of(record, file).iter().map(|name| format!("{name}\0core metadata")).collect();
        let found = self.cache.names(&names).await;
        if let Some(sha256) = same(names.iter().map(|name| found.get(name).copied()))
            && let Some(kept) = self.cache.artifact(sha256).await
        {
            return Ok(Ok(String::from_utf8_lossy(&kept).into_owned()));
        }
        let bytes = self.bytes(record, file).await?;
        let read = self.analyser.core_metadata(&file.filename, bytes).await;
        if let Ok(headers) = &read {
            let kept = Bytes::from(headers.clone().into_bytes());
            self.cache.put_artifact(&kept).await;
            self.cache.put_names(&names, bifocal_core::Sha256::of(&kept)).await;
        }
        Ok(read)
    }
}

/// Why a file does not tell.
enum Untold {
    /// The user's configuration is at fault.
    Configuration(RegistryError),
    Because(String),
}

impl From<TakeError> for Untold {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Registry(error) if error.is_configuration() => Untold::Configuration(error),
            other => Untold::Because(other.to_string()),
        }
    }
}
