//! `bifocal diff OLD NEW`: what a release does that an earlier one did not.
//!
//! Two purls are fetched, verified and looked at as `check` does it; two paths need no network.

use crate::cli::{DiffArgs, FailOn, Global, PlainFormat};
use crate::exit::Failure;
use crate::{format, setup, terminal};
use anyhow::{Context as _, anyhow};
use bifocal_core::{Release, printable};
use bifocal_engine::{DiffReport, compare_paths};
use jiff::Timestamp;
use std::path::Path;

/// Runs the command; gives the exit code.
pub(crate) async fn run(global: Global, args: DiffArgs) -> Result<u8, Failure> {
    let session = setup::Session::open(&global)?;
    // Before the work, not after it.
    if let Some(file) = args.answer.output.as_deref() {
        terminal::can_write(file)?;
    }
    let is_purl = |text: &str| text.starts_with("pkg:");
    let report = match (is_purl(&args.old), is_purl(&args.new)) {
        (true, true) => releases(&session, &args).await?,
        (false, false) => paths(&session, &args).await?,
        _ => {
            return Err(Failure::usage(anyhow!(
                "diff compares two purls or two paths, not one of each: `{}` and `{}`",
                printable(&args.old),
                printable(&args.new)
            )));
        }
    };
    let text = match args.format {
        PlainFormat::Json => format!("{}\n", serde_json::to_string_pretty(&report).context("cannot print the result")?),
        PlainFormat::Human => format::diff::human(&report, terminal::color(global.color, args.answer.output.is_some()), global.verbose > 0),
    };
    terminal::write_result(&text, args.answer.output.as_deref())?;
    Ok(report.exit_code(args.answer.fail_on == FailOn::Deny))
}

async fn paths(session: &setup::Session, args: &DiffArgs) -> Result<DiffReport, Failure> {
    let analyser = session.analyser(args.sources.jobs.map_or(1, usize::from))?;
    let named = args.sources.policy.as_deref().or(session.config.text("policy.use")).unwrap_or("default");
    let policy = setup::warn(setup::load_policy(named)?).policy;
    compare_paths(&analyser, &policy, Path::new(&args.old), Path::new(&args.new)).await.map_err(Failure::not_evaluated)
}

async fn releases(session: &setup::Session, args: &DiffArgs) -> Result<DiffReport, Failure> {
    let old: Release = args.old.parse().map_err(Failure::usage)?;
    let new: Release = args.new.parse().map_err(Failure::usage)?;
    if old.package != new.package {
        return Err(Failure::usage(anyhow!(
            "diff compares two releases of one package, not {} with {}",
            printable(&old.package.purl()),
            printable(&new.package.purl())
        )));
    }
    let registries = session.registries(&args.sources)?;
    let engine = session
        .engine(
            setup::EngineArgs {
                sources: &args.sources,
                evaluated_at: args.sources.at.unwrap_or_else(Timestamp::now),
                all_artifacts: args.answer.all_artifacts,
                shadow: None,
                analyser: None,
                waivers: Vec::new(),
                record_baseline: None,
            },
            registries,
            [new.ecosystem()].into(),
        )
        .await?;
    let report = engine.compare(&old, &new).await;
    for warning in engine.warnings() {
        terminal::note(&format!("warning: {warning}"));
    }
    report.map_err(|error| if error.is_configuration() { Failure::usage(error) } else { Failure::not_evaluated(error) })
}
