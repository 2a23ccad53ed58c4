//! `bifocal feed update|status|sources`.

use crate::cli::{FeedCommand, Format, Global};
use crate::exit::{self, Failure};
use crate::{setup, terminal};
use anyhow::{Context as _, anyhow};
use bifocal_core::{Ecosystem, FeedHealth, printable};
use bifocal_engine::feed_update::{FeedUpdate, Origin, UpdateReport};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Runs the subcommand; gives the exit code.
pub(crate) async fn run(global: Global, command: FeedCommand) -> Result<u8, Failure> {
    match command {
        FeedCommand::Sources => terminal::write_out(bifocal_advisory::DEFAULT_SOURCES.as_bytes()).map(|()| 0),
        FeedCommand::Status { format } => status(&global, format).await,
        FeedCommand::Update { source, popularity, sha256, allow_shrinkage } => {
            if source.is_none() && (popularity.is_some() || sha256.is_some()) {
                return Err(Failure::usage(anyhow!("--popularity and --sha256 are about one SOURCE; name it")));
            }
            let session = setup::Session::open(&global)?;
            let registries = session.registries(&setup::no_sources())?;
            let update = FeedUpdate {
                dir: session.feeds_dir().context("no folder for feeds: set feeds.dir, XDG_DATA_HOME or HOME")?,
                now: Timestamp::now(),
                allow_shrinkage,
                registries,
            };
            let results = match source {
                Some(source) => vec![update.one(&Origin::named(&source, &session.cwd), popularity, sha256).await],
                None => update.all(&session.feed_sources()?).await,
            };
            report(&results)
        }
    }
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

async fn status(global: &Global, format: Format) -> Result<u8, Failure> {
    let session = setup::Session::open(global)?;
    let feeds = session.feeds(Timestamp::now(), Ecosystem::ALL.into()).await?;
    let text = match format {
        Format::Json => {
            let report = serde_json::json!({ "schema_version": bifocal_core::SCHEMA_VERSION, "feeds": feeds.status() });
            format!("{}\n", serde_json::to_string_pretty(&report).context("cannot print the status")?)
        }
        Format::Human => {
            let mut out = String::new();
            for feed in feeds.status() {
                let health = match feed.health {
                    FeedHealth::Fresh => "fresh",
                    FeedHealth::Stale => "stale",
                    FeedHealth::Missing => "missing",
                };
                let date = feed.as_of.map_or_else(|| "-".to_owned(), |date| date.strftime("%Y-%m-%d").to_string());
                let _ = write!(out, "{:20} {health:8} {:>10} records  as of {date}", printable(&feed.name), feed.records);
                let _ = if feed.health == FeedHealth::Fresh { writeln!(out) } else { writeln!(out, "  run `{}`", feed.remedy) };
            }
            out
        }
        _ => return Err(Failure::usage(anyhow!("feed status prints human or json"))),
    };
    terminal::write_out(text.as_bytes())?;
    Ok(0)
}
