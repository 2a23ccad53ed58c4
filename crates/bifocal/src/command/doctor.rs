//! `bifocal doctor`: what is found, in force and missing on this machine. Shows no secrets.

use crate::cli::{DoctorArgs, Global, PlainFormat};
use crate::exit::Failure;
use crate::{setup, terminal};
use anyhow::Context as _;
use bifocal_core::{FeedHealth, counted, printable};
use bifocal_engine::{CacheLimits, CacheSizes, Held};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Runs the command; gives the exit code.
pub(crate) async fn run(global: Global, args: DoctorArgs) -> Result<u8, Failure> {
    let session = setup::Session::open(&global)?;
    let sources = setup::no_sources();
    let registries = session.registries(&sources)?;
    let mut upstreams = Vec::new();
    for found in registries.describe().await {
        upstreams.push(match found.upstreams {
            Ok(list) => json!({
                "ecosystem": found.ecosystem.as_str(),
                "upstreams": list.iter().map(|upstream| json!({
                    "id": upstream.id, "address": upstream.address, "source": upstream.source, "authenticated": upstream.authenticated,
                })).collect::<Vec<_>>(),
                "notes": found.notes,
            }),
            Err(error) => json!({ "ecosystem": found.ecosystem.as_str(), "error": error.to_string() }),
        });
    }
    let feeds = session.feeds(Timestamp::now(), bifocal_core::Ecosystem::ALL.into()).await?;
    let confinement = bifocal_engine::confinement();
    let holds = session.cache_dir().map(|dir| holds(&CacheSizes::of(&dir), &session.cache_limits()));
    let report = json!({
        "schema_version": bifocal_core::SCHEMA_VERSION,
        "bifocal": env!("CARGO_PKG_VERSION"),
        "analyser": bifocal_engine::ANALYSER,
        "configuration": session.config.file.as_ref().map(|file| file.display().to_string()),
        "policy": setup::load_policy(session.config.text("policy.use").unwrap_or("default"))?.policy.name(),
        "cache": session.cache_dir().map(|dir| dir.display().to_string()),
        "cache_holds": holds,
        "feeds_dir": session.feeds_dir().map(|dir| dir.display().to_string()),
        "feeds": feeds.status(),
        "upstreams": upstreams,
        "analyser_process": confinement.iter().map(|(name, state)| json!({ "protection": name, "state": state })).collect::<Vec<_>>(),
    });
    let text = match args.format {
        PlainFormat::Human => human(&report, feeds.status()),
        PlainFormat::Json => format!("{}\n", serde_json::to_string_pretty(&report).context("cannot print the report")?),
    };
    terminal::write_out(text.as_bytes())?;
    Ok(0)
}

/// What each part of the cache holds, and may hold.
fn holds(sizes: &CacheSizes, limits: &CacheLimits) -> Value {
    let part = |held: &Held, most: u64| json!({ "files": held.files, "bytes": held.bytes, "most_bytes": most });
    json!({
        "assessments": part(&sizes.assessments, limits.assessments),
        "metadata": part(&sizes.metadata, limits.metadata),
        "artifacts": part(&sizes.artifacts, limits.artifacts),
        "unused_days": limits.unused_days,
    })
}

/// A size in the unit of the configuration.
fn mib(value: &Value) -> String {
    format!("{:.1} MiB", value.as_u64().unwrap_or_default() as f64 / f64::from(1 << 20))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| "-".to_owned(), printable)
}

fn cache(out: &mut String, holds: &Value) {
    if holds.is_null() {
        return;
    }
    let _ = writeln!(
        out,
        "\nwhat the cache holds; what was not used for {} leaves it",
        counted(holds["unused_days"].as_u64().unwrap_or_default(), "day", "days")
    );
    for part in ["assessments", "metadata", "artifacts"] {
        let held = &holds[part];
        let files = counted(held["files"].as_u64().unwrap_or_default(), "file", "files");
        let _ = writeln!(out, "  {part:20} {:>12} of at most {} in {files}", mib(&held["bytes"]), mib(&held["most_bytes"]));
    }
}

fn human(report: &Value, feeds: &[bifocal_core::FeedStatus]) -> String {
    let mut out = format!("bifocal {}, {}\n\n", text(&report["bifocal"]), text(&report["analyser"]));
    for (label, key) in [("configuration", "configuration"), ("policy", "policy"), ("cache", "cache"), ("feeds", "feeds_dir")] {
        let _ = writeln!(out, "{label:16}{}", text(&report[key]));
    }
    cache(&mut out, &report["cache_holds"]);
    out.push_str("\nwhere packages come from\n");
    for found in report["upstreams"].as_array().into_iter().flatten() {
        let ecosystem = text(&found["ecosystem"]);
        if let Some(error) = found["error"].as_str() {
            let _ = writeln!(out, "  {ecosystem:8} none: {}", printable(error));
        }
        for upstream in found["upstreams"].as_array().into_iter().flatten() {
            let secret = if upstream["authenticated"].as_bool() == Some(true) { ", with credentials" } else { "" };
            let _ = writeln!(
                out,
                "  {ecosystem:8} {}  {} (from {}{secret})",
                text(&upstream["id"]),
                text(&upstream["address"]),
                text(&upstream["source"])
            );
        }
        for note in found["notes"].as_array().into_iter().flatten() {
            let _ = writeln!(out, "  {:8} note: {}", "", text(note));
        }
    }
    out.push_str("\nfeeds\n");
    for feed in feeds {
        let state = match feed.health {
            FeedHealth::Fresh => "fresh".to_owned(),
            FeedHealth::Stale => format!("stale; run `{}`", feed.remedy),
            FeedHealth::Missing => format!("missing; run `{}`", feed.remedy),
            FeedHealth::Damaged => format!("damaged; run `{}`", feed.remedy),
        };
        let date = feed.as_of.map_or_else(|| "-".to_owned(), |date| date.strftime("%Y-%m-%d").to_string());
        let noun = if feed.records == 1 { "record " } else { "records" };
        let _ = writeln!(out, "  {:20} {:>10} {noun}  as of {date}  {state}", feed.name, feed.records);
    }
    out.push_str("\nprotections of the analyser's child process\n");
    for one in report["analyser_process"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "  {:20} {}", text(&one["protection"]), text(&one["state"]));
    }
    out
}
