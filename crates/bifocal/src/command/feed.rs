//! `bifocal feed update|status|remove|sources`.

use crate::cli::{FeedCommand, Global, PlainFormat};
use crate::exit::{self, Failure};
use crate::{setup, terminal};
use anyhow::{Context as _, anyhow};
use bifocal_advisory::{Feed, FeedKind, FeedSources, LoadedFeed, is_named};
use bifocal_core::{Ecosystem, FeedHealth, FeedStatus, printable};
use bifocal_engine::Feeds;
use bifocal_engine::feed_update::{FeedUpdate, Origin, UpdateReport};
use jiff::Timestamp;
use serde_json::json;
use std::fmt::Write as _;

/// Runs the subcommand; gives the exit code.
pub(crate) async fn run(global: Global, command: FeedCommand) -> Result<u8, Failure> {
    match command {
        FeedCommand::Sources => terminal::write_out(bifocal_advisory::DEFAULT_SOURCES.as_bytes()).map(|()| 0),
        FeedCommand::Status { format } => status(&global, format).await,
        FeedCommand::Remove { feed } => remove(&global, &feed).await,
        FeedCommand::Update { source, popularity, stands_in_for, sha256, allow_shrinkage } => {
            if source.is_none() && (popularity.is_some() || sha256.is_some()) {
                return Err(Failure::usage(anyhow!("--popularity and --sha256 are about one SOURCE; name it")));
            }
            let session = setup::Session::open(&global)?;
            let update = updater(&session, allow_shrinkage)?;
            let origin = source.map(|source| Origin::named(&source, &session.cwd));
            if let Some(origin) = &origin {
                is_there(origin)?;
            }
            if let Some(mended) = update.mend().await.map_err(Failure::not_evaluated)? {
                terminal::note(&format!("warning: {mended}"));
            }
            let results = match origin {
                None => update.all(&session.feed_sources()?).await,
                Some(origin) => {
                    let result = match stands_in_for {
                        Some(name) => update.stand_in(&origin, listed(&session.feed_sources()?, &name)?, sha256).await,
                        None => update.one(&origin, popularity, sha256).await,
                    };
                    vec![result]
                }
            };
            report(&results)
        }
    }
}

fn updater(session: &setup::Session, allow_shrinkage: bool) -> Result<FeedUpdate, Failure> {
    Ok(FeedUpdate {
        dir: session.feeds_dir().context("no folder for feeds: set feeds.dir, XDG_DATA_HOME or HOME")?,
        now: Timestamp::now(),
        allow_shrinkage,
        registries: session.registries(&setup::no_sources())?,
    })
}

/// A file that a person named and that is not there is a slip of the pen, not a feed that failed.
fn is_there(origin: &Origin) -> Result<(), Failure> {
    match origin {
        Origin::Path(path) => match std::fs::metadata(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::usage(anyhow!("cannot read {origin}: {error}"))),
        },
        Origin::Url(_) => Ok(()),
    }
}

/// The feed of the list that is called so.
fn listed<'a>(sources: &'a FeedSources, name: &str) -> Result<&'a Feed, Failure> {
    let known = || sources.feeds.iter().filter(|feed| feed.kind != FeedKind::Popularity);
    known().find(|feed| feed.name == name).ok_or_else(|| {
        let names: Vec<&str> = known().map(|feed| feed.name.as_str()).collect();
        Failure::usage(anyhow!("--as: no feed of the list of sources is called `{}`; there are {}", printable(name), names.join(", ")))
    })
}

async fn remove(global: &Global, feed: &str) -> Result<u8, Failure> {
    let session = setup::Session::open(global)?;
    if !updater(&session, false)?.remove(feed).await.map_err(Failure::not_evaluated)? {
        return Err(Failure::usage(anyhow!("no feed of advisories is loaded as `{}`; `bifocal feed status` shows them", printable(feed))));
    }
    terminal::note(&format!("{} is removed", printable(feed)));
    Ok(0)
}

fn report(results: &[Result<UpdateReport, bifocal_engine::feed_update::UpdateError>]) -> Result<u8, Failure> {
    let mut out = String::new();
    let mut failed = 0;
    for result in results {
        match result {
            Ok(report) => {
                let _ = writeln!(out, "{report}");
            }
            Err(error) => {
                failed += 1;
                terminal::error(&anyhow!("{error}"));
            }
        }
    }
    terminal::write_out(out.as_bytes())?;
    Ok(if failed > 0 { exit::NOT_EVALUATED } else { 0 })
}

async fn status(global: &Global, format: PlainFormat) -> Result<u8, Failure> {
    let session = setup::Session::open(global)?;
    let feeds = session.feeds(Timestamp::now(), Ecosystem::ALL.into()).await?;
    for warning in feeds.warnings() {
        terminal::note(&format!("warning: {warning}"));
    }
    let text = match format {
        PlainFormat::Json => {
            let loaded: Vec<_> = feeds.loaded().iter().map(loaded_json).collect();
            let report = json!({ "schema_version": bifocal_core::SCHEMA_VERSION, "feeds": feeds.status(), "loaded": loaded });
            format!("{}\n", serde_json::to_string_pretty(&report).context("cannot print the status")?)
        }
        PlainFormat::Human => human(&feeds),
    };
    terminal::write_out(text.as_bytes())?;
    Ok(0)
}

fn human(feeds: &Feeds) -> String {
    let mut out = String::new();
    for feed in feeds.status() {
        let remedy = if feed.health == FeedHealth::Fresh { String::new() } else { format!("  run `{}`", feed.remedy) };
        let newest = feeds.loaded().iter().find(|loaded| loaded.status.name == feed.name).and_then(|loaded| loaded.newest);
        let _ = writeln!(out, "{}{remedy}", line(feed, newest));
    }
    let (added, listed): (Vec<_>, Vec<_>) = feeds.loaded().iter().partition(|feed| is_named(&feed.status.name));
    for (title, loaded) in [
        ("loaded from the list of sources; these answer:", listed),
        ("loaded beside the list; these add records, and answer for no feed that a policy requires:", added),
    ] {
        if loaded.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{title}");
        for feed in loaded {
            let about: Vec<&str> = feed.ecosystems.iter().map(|ecosystem| ecosystem.as_str()).collect();
            let _ = writeln!(out, "  {}  about {}", line(&feed.status, feed.newest), about.join(", "));
        }
    }
    out
}

fn line(feed: &FeedStatus, newest: Option<Timestamp>) -> String {
    let health = match feed.health {
        FeedHealth::Fresh => "fresh",
        FeedHealth::Stale => "stale",
        FeedHealth::Missing => "missing",
        FeedHealth::Damaged => "damaged",
    };
    let day = |date: Option<Timestamp>| date.map(|date| date.strftime("%Y-%m-%d").to_string());
    let date = day(feed.as_of).unwrap_or_else(|| "-".to_owned());
    let newest = day(newest).map_or_else(String::new, |date| format!(", newest record {date}"));
    let noun = if feed.records == 1 { "record " } else { "records" };
    format!("{:20} {health:8} {:>10} {noun}  obtained {date}{newest}", printable(&feed.name), feed.records)
}

fn loaded_json(feed: &LoadedFeed) -> serde_json::Value {
    json!({
        "name": feed.status.name, "role": if is_named(&feed.status.name) { "adds" } else { "answers" }, "ecosystems": feed.ecosystems,
        "health": feed.status.health, "records": feed.status.records, "as_of": feed.status.as_of, "newest": feed.newest, "digest": feed.status.digest,
    })
}
