//! POMs for the reader: parents, imported BOMs and transitive POMs from the user's Maven upstreams.
//!
//! This is one of the places where synchronous reading meets the asynchronous registries; it runs on a blocking thread.

use bifocal_core::{Ecosystem, PackageName};
use bifocal_readers::{Coordinates, PomError, PomSource};
use bifocal_registries::{Registries, RegistryError};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

type Fetched = Result<Vec<u8>, PomError>;

/// A [`PomSource`] over the registries.
pub(crate) struct Poms {
    registries: Arc<Registries>,
    runtime: Handle,
    announced: Mutex<BTreeMap<Coordinates, JoinHandle<Fetched>>>,
    failed: Arc<AtomicBool>,
}

impl Poms {
    pub(crate) fn new(registries: Arc<Registries>, runtime: Handle) -> Self {
        Poms { registries, runtime, announced: Mutex::default(), failed: Arc::default() }
    }

    /// Whether an upstream did not answer (a POM that it says it does not have is an answer) since this was last asked.
    pub(crate) fn failed(&self) -> bool {
        self.failed.swap(false, Ordering::Relaxed)
    }

    /// The Python version that markers are evaluated for: the one that the Python upstream's adapter assumes.
    pub(crate) fn python_version(&self) -> String {
        self.runtime.block_on(self.registries.python_version())
    }

    fn fetch(&self, coordinates: &Coordinates) -> impl Future<Output = Fetched> + Send + 'static {
        let (registries, failed, wanted) = (Arc::clone(&self.registries), Arc::clone(&self.failed), coordinates.clone());
        async move {
            let package =
                PackageName::new(Ecosystem::Maven, &format!("{}:{}", wanted.group, wanted.artifact)).map_err(|_| PomError::NotFound)?;
            let result = registries.pom(&package, &wanted.version).await;
            result.map(|bytes| bytes.to_vec()).map_err(|error| answer(&error, &failed))
        }
    }
}

fn answer(error: &RegistryError, failed: &AtomicBool) -> PomError {
    if error.is_not_found() {
        return PomError::NotFound;
    }
    failed.store(true, Ordering::Relaxed);
    PomError::Unavailable(error.to_string())
}

impl PomSource for Poms {
    fn pom(&self, coordinates: &Coordinates) -> Fetched {
        let under_way = self.announced.lock().unwrap_or_else(PoisonError::into_inner).remove(coordinates);
        match under_way {
            Some(task) => self.runtime.block_on(task).unwrap_or_else(|error| Err(PomError::Unavailable(error.to_string()))),
            None => self.runtime.block_on(self.fetch(coordinates)),
        }
    }

    fn versions(&self, group: &str, artifact: &str) -> Result<Vec<String>, PomError> {
        let package = PackageName::new(Ecosystem::Maven, &format!("{group}:{artifact}")).map_err(|_| PomError::NotFound)?;
        let doc = self.runtime.block_on(self.registries.versions(&package)).map_err(|error| answer(&error, &self.failed))?;
        Ok(doc.versions.into_iter().map(|point| point.version).collect())
    }

    fn announce(&self, coordinates: &[Coordinates]) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        for wanted in coordinates {
            announced.entry(wanted.clone()).or_insert_with(|| self.runtime.spawn(self.fetch(wanted)));
        }
    }
}
