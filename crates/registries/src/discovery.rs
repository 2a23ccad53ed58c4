//! Where the user's clients would go, read from their own configuration.
//!
//! One module per client. Each gives the upstreams in order, the secrets bound to them, and where each was read, so
//! that `doctor` and error texts can say it. Files of a checked project are read as data: nothing in them is run.

pub(crate) mod cargo;
pub(crate) mod golang;
pub(crate) mod maven;
pub(crate) mod maven_settings;
pub(crate) mod netrc;
pub(crate) mod npm;
pub(crate) mod pipconf;
pub(crate) mod pypi;

use crate::adapter::UpstreamInfo;
use crate::error::{RegistryError, shown, shown_text};
use crate::facade::Shared;
use crate::http::{Credentials, blocking};
use crate::tool::{self, Question};
use bifocal_core::{Ecosystem, one_line};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// The largest configuration file that is read.
const MAX_FILE: u64 = 1 << 20;

/// One place to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// `default`, `@scope`, an index or repository id.
    pub(crate) id: String,
    /// Without secrets, with a trailing slash.
    pub(crate) base: Url,
    /// Where it was read.
    pub(crate) source: String,
    /// A file of the checked project says so, and not the user.
    pub(crate) of_project: bool,
}

impl Upstream {
    /// Reads an address from configuration: secrets in it move to `credentials`, this program's own gateway is refused.
    pub(crate) fn read(
        shared: &Shared,
        ecosystem: Ecosystem,
        id: &str,
        text: &str,
        source: &str,
        credentials: &mut Credentials,
    ) -> Result<Upstream, RegistryError> {
        let unusable = |why: &str| RegistryError::Configuration { place: source.to_owned(), why: format!("`{}` {why}", shown_text(text)) };
        let mut url = Url::parse(text.trim()).map_err(|error| unusable(&format!("is no address: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(unusable("is no http or https address"));
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        shared.refuse_self(ecosystem, &url, source)?;
        Ok(Upstream { id: id.to_owned(), base: credentials.take_from(url), source: source.to_owned(), of_project: false })
    }

    /// The same, named by a file of the checked project or not.
    pub(crate) fn of_project(mut self, of_project: bool) -> Upstream {
        self.of_project = of_project;
        self
    }

    /// As `doctor` shows it.
    pub(crate) fn info(&self, credentials: &Credentials) -> UpstreamInfo {
        UpstreamInfo {
            id: self.id.clone(),
            address: shown(&self.base),
            source: self.source.clone(),
            authenticated: credentials.for_url(&self.base).is_some(),
            of_project: self.of_project,
        }
    }
}

/// Where an upstream that is set for this program alone comes from; the variable wins over the file.
pub(crate) fn setting(shared: &Shared, ecosystem: Ecosystem) -> String {
    let variable = format!("BIFOCAL_UPSTREAM_{}", ecosystem.as_str().to_uppercase());
    if shared.env.var(&variable).is_some() { variable } else { format!("upstream.{ecosystem} of bifocal.toml") }
}

/// Upstreams that bifocal.toml names, which replace discovery.
pub(crate) fn from_options(shared: &Shared, ecosystem: Ecosystem, credentials: &mut Credentials) -> Result<Vec<Upstream>, RegistryError> {
    let Some(listed) = shared.options.upstreams.get(&ecosystem) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for (at, text) in listed.iter().enumerate() {
        let id = if at == 0 { "default".to_owned() } else { format!("upstream-{}", at + 1) };
        out.push(Upstream::read(shared, ecosystem, &id, text, &setting(shared, ecosystem), credentials)?);
    }
    Ok(out)
}

/// Asks an installed client on a thread for blocking work.
pub(crate) async fn ask(shared: &Arc<Shared>, question: Question<'static>) -> Result<String, RegistryError> {
    let shared = Arc::clone(shared);
    blocking(move || tool::ask(&shared.env, shared.options.cache_dir.as_deref(), &question)).await?
}

/// A configuration file's text; `None` when there is no such file. One that is there and cannot be read is an error.
pub(crate) fn read_file(path: &Path) -> Result<Option<String>, RegistryError> {
    let unusable = |why: String| RegistryError::Configuration { place: shown_path(path), why };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unusable(format!("it cannot be read: {error}"))),
    };
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| unusable(format!("it cannot be read: {error}")))?;
    if bytes.len() > usize::try_from(MAX_FILE).unwrap_or(usize::MAX) {
        return Err(unusable("it is larger than 1 MiB".to_owned()));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| unusable("it is not UTF-8".to_owned()))
}

/// A path as errors and notes show it: one that a file names may hold anything and be of any length.
pub(crate) fn shown_path(path: &Path) -> String {
    one_line(&path.display().to_string(), 1_024)
}

/// A path from configuration: `~/` is the user's home, a relative one is below `base`.
pub(crate) fn expand_path(text: &str, home: Option<&Path>, base: &Path) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.join(text),
    }
}
