//! From options and configuration to the parts of the engine.

use crate::cli::{Global, SourceArgs};
use crate::config::Config;
use crate::exit::Failure;
use anyhow::Context as _;
use bifocal_advisory::FeedSources;
use bifocal_core::{AnalysisLimits, Ecosystem, HttpLimits, Waiver};
use bifocal_engine::{Analyser, Cache, CacheLimits, Engine, EngineParts, Feeds, PeoplesWord};
use bifocal_policy::{Loaded, PACKS, Policy};
use bifocal_registries::{Environment, Options, Registries};
use bifocal_store::{DecisionStore, SqliteStore, SystemClock};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a policy or feed list file.
const MAX_TEXT: u64 = 4 << 20;

/// The surroundings of one run.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) cwd: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
    surroundings: Environment,
}

/// What an engine is made for.
pub(crate) struct EngineArgs<'a> {
    pub(crate) sources: &'a SourceArgs,
    pub(crate) evaluated_at: Timestamp,
    pub(crate) all_artifacts: bool,
    pub(crate) shadow: Option<&'a str>,
    pub(crate) analyser: Option<String>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) record_baseline: Option<Timestamp>,
}

/// Options of a command that takes none.
pub(crate) fn no_sources() -> SourceArgs {
    SourceArgs { data: None, policy: None, offline: false, no_cache: false, refresh: false, at: None, jobs: None }
}

/// Cores of this machine.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl Session {
    /// Reads the configuration.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let cwd = std::env::current_dir().context("cannot tell the working folder")?;
        let surroundings = Environment::from_process(&cwd);
        let environment = surroundings.vars.clone();
        let config = Config::load(global.config.as_deref(), &cwd, &environment)?;
        Ok(Session { config, cwd, environment, surroundings })
    }

    /// `cache.dir`, or the XDG cache folder.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        self.config.path("cache.dir").or_else(|| self.xdg("XDG_CACHE_HOME", ".cache"))
    }

    /// `feeds.dir`, or a folder of the XDG data folder.
    pub(crate) fn feeds_dir(&self) -> Option<PathBuf> {
        self.config.path("feeds.dir").or_else(|| self.xdg("XDG_DATA_HOME", ".local/share").map(|dir| dir.join("feeds")))
    }

    fn xdg(&self, variable: &str, fallback: &str) -> Option<PathBuf> {
        let named = self.surroundings.var(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.surroundings.home.as_ref().map(|home| home.join(fallback))).map(|dir| dir.join("bifocal"))
    }

    /// The registries that the user's clients use.
    pub(crate) fn registries(&self, sources: &SourceArgs) -> Result<Arc<Registries>, Failure> {
        let mut limits = HttpLimits::default();
        limits.per_host = self.config.number("network.per_host").map_or(limits.per_host, |n| n as usize);
        limits.tries = self.config.number("network.tries").map_or(limits.tries, |n| n as u32);
        let mut options = Options::default();
        options.limits = limits;
        options.cache_dir = self.cache_dir().filter(|_| !sources.no_cache);
        options.offline = sources.offline;
        options.metadata_max_age = self.metadata_age();
        options.refresh = sources.refresh;
        for ecosystem in Ecosystem::ALL {
            if let Some(address) = self.config.text(&format!("upstream.{ecosystem}")) {
                options.upstreams.insert(ecosystem, vec![address.to_owned()]);
            }
        }
        Registries::new(self.surroundings.clone(), options).map(Arc::new).map_err(Failure::usage)
    }

    /// What the cache may hold.
    pub(crate) fn cache_limits(&self) -> CacheLimits {
        let usual = CacheLimits::default();
        let bytes = |key: &str, usual: u64| self.config.number(key).map_or(usual, |mib| mib << 20);
        CacheLimits {
            assessments: bytes("cache.assessment_mib", usual.assessments),
            metadata: bytes("cache.metadata_mib", usual.metadata),
            artifacts: bytes("cache.artifact_mib", usual.artifacts),
            unused_days: self.config.number("cache.unused_days").and_then(|days| u32::try_from(days).ok()).unwrap_or(usual.unused_days),
        }
    }

    fn metadata_age(&self) -> Duration {
        Duration::from_secs(60 * self.config.number("cache.metadata_minutes").unwrap_or(60))
    }

    /// The loaded feeds that matter for these ecosystems.
    pub(crate) async fn feeds(&self, now: Timestamp, ecosystems: BTreeSet<Ecosystem>) -> Result<Feeds, Failure> {
        let days = self.config.number("feeds.stale_days").unwrap_or(7);
        let sources = self.feed_sources()?;
        Feeds::open(self.feeds_dir().as_deref(), &sources, now, days as i64, &ecosystems).await.map_err(Failure::usage)
    }

    /// The list of feed sources.
    pub(crate) fn feed_sources(&self) -> Result<FeedSources, Failure> {
        let named = self.config.path("feeds.sources");
        let beside = self.config.folder().unwrap_or(&self.cwd).join("feeds.toml");
        let file = named.or_else(|| beside.is_file().then_some(beside));
        let sources = match &file {
            Some(file) => {
                let text = read_text(file).with_context(|| format!("cannot read the feed sources {}", file.display()))?;
                let folder = file.parent().map(|folder| self.cwd.join(folder)).unwrap_or_else(|| self.cwd.clone());
                FeedSources::layered(Some((&file.display().to_string(), &text))).map(|sources| sources.beside(&folder))
            }
            None => FeedSources::shipped(),
        };
        sources.map_err(Failure::usage)
    }

    /// Analyser processes: as asked for, as configured, or one for each core.
    pub(crate) fn jobs(&self, asked: Option<u16>) -> usize {
        let configured = || self.config.number("analysis.jobs").and_then(|jobs| usize::try_from(jobs).ok());
        asked.map(usize::from).or_else(configured).unwrap_or_else(cores).clamp(1, 256)
    }

    /// A pool of analyser processes; none is started before it is needed.
    pub(crate) fn analyser(&self, jobs: usize) -> Result<Analyser, Failure> {
        let mut limits = AnalysisLimits::default();
        limits.memory = self.config.number("analysis.memory_mib").map_or(limits.memory, |mib| mib << 20);
        limits = limits.within(self.config.number("analysis.seconds").map_or(limits.time, Duration::from_secs));
        let program = std::env::current_exe().context("cannot tell where this program is, so its analyser cannot be started")?;
        Ok(Analyser::start(&program, &["analyser"], limits, jobs))
    }

    /// The decisions of a server's store, where one is named and has any.
    async fn decisions(&self, data: Option<&Path>) -> Result<Option<Arc<dyn DecisionStore>>, Failure> {
        let Some(dir) = data else { return Ok(None) };
        if !dir.is_dir() {
            return Err(Failure::usage(anyhow::anyhow!("--data {} is not a folder", bifocal_core::printable(&dir.to_string_lossy()))));
        }
        let path = dir.join("state.sqlite3");
        if !path.exists() {
            return Err(Failure::usage(anyhow::anyhow!(
                "--data {} holds no state.sqlite3: name the folder of a server's store",
                bifocal_core::printable(&dir.to_string_lossy())
            )));
        }
        let store = SqliteStore::open_state(&path, Arc::new(SystemClock)).await.map_err(Failure::not_evaluated)?;
        Ok(Some(Arc::new(store)))
    }

    /// The engine for a check.
    pub(crate) async fn engine(
        &self,
        args: EngineArgs<'_>,
        registries: Arc<Registries>,
        ecosystems: BTreeSet<Ecosystem>,
    ) -> Result<Engine, Failure> {
        let named = |name: &str| load_policy(name).map(|loaded| warn(loaded).policy);
        let policy = named(args.sources.policy.as_deref().or(self.config.text("policy.use")).unwrap_or("default"))?;
        let shadow = args.shadow.map(named).transpose()?;
        let jobs = self.jobs(args.sources.jobs);
        let cache = match self.cache_dir().filter(|_| !args.sources.no_cache) {
            Some(dir) => {
                Cache::open(&dir, if args.sources.refresh { Duration::ZERO } else { self.metadata_age() }, self.cache_limits()).await
            }
            None => Cache::none(),
        };
        let feeds = self.feeds(args.evaluated_at, ecosystems).await?;
        let decisions = self.decisions(args.sources.data.as_deref()).await?;
        Ok(Engine::new(EngineParts {
            registries,
            cache,
            analyser: self.analyser(jobs)?,
            feeds,
            policy,
            shadow,
            decisions,
            people: PeoplesWord { waivers: args.waivers, ..PeoplesWord::default() },
            evaluated_at: args.evaluated_at,
            offline: args.sources.offline,
            all_artifacts: args.all_artifacts,
            pinned_analyser: args.analyser,
            record_baseline: args.record_baseline,
        }))
    }
}

/// The policy that applies when none is named.
pub(crate) fn default_policy() -> Result<Policy, Failure> {
    Ok(load_policy("default")?.policy)
}

/// A pack by name, or a file.
pub(crate) fn load_policy(name: &str) -> Result<Loaded, Failure> {
    let known = bifocal_engine::known_signals();
    if PACKS.iter().any(|(pack, _)| *pack == name) {
        let policy = Policy::pack(name, &known).map_err(Failure::usage)?;
        return Ok(Loaded { policy, warnings: Vec::new() });
    }
    let path = Path::new(name);
    let text = read_text(path).with_context(|| {
        let packs: Vec<&str> = PACKS.iter().map(|(pack, _)| *pack).collect();
        format!(
            "no policy pack is called `{}` (there are {}), and it cannot be read as a file",
            bifocal_core::printable(name),
            packs.join(", ")
        )
    })?;
    Policy::load(&text, name, &known, Some(Timestamp::now())).map_err(Failure::usage)
}

/// Says what a policy's check complained about.
pub(crate) fn warn(loaded: Loaded) -> Loaded {
    for problem in &loaded.warnings {
        crate::terminal::note(&problem.to_string());
    }
    loaded
}

/// A text file that a person wrote, at most 4 MiB of it.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    file.take(MAX_TEXT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEXT {
        return Err(std::io::Error::other("the file has more than 4 MiB"));
    }
    Ok(text)
}
