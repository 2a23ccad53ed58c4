//! `bifocal check`.

use crate::cli::{CheckArgs, FailOn, Global};
use crate::exit::Failure;
use crate::progress::Bar;
use crate::{format, setup, terminal};
use anyhow::{Context as _, anyhow};
use bifocal_core::Waiver;
use bifocal_engine::{Baseline, Plan, targets};
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Days for which a baseline holds unless said otherwise.
const BASELINE_DAYS: i64 = 90;
/// The file that is read when none is named.
const BASELINE_FILE: &str = "bifocal-baseline.toml";

/// Runs the command; gives the exit code.
pub(crate) async fn run(global: Global, args: CheckArgs) -> Result<u8, Failure> {
    let started = Instant::now();
    let session = setup::Session::open(&global)?;
    let evaluated_at = args.sources.at.unwrap_or_else(Timestamp::now);
    let writing = args
        .write_baseline
        .as_deref()
        .map(|file| Ok::<_, Failure>((file, until(args.baseline_until.as_deref(), evaluated_at)?)))
        .transpose()?;
    let waivers = if writing.is_some() { Vec::new() } else { known_findings(&session, &args)? };
    let registries = session.registries(&args.sources)?;
    let plan = plan(&session, &args, Arc::clone(&registries)).await?;
    let engine = session
        .engine(
            setup::EngineArgs {
                sources: &args.sources,
                evaluated_at,
                all_artifacts: args.all_artifacts,
                shadow: args.shadow_policy.as_deref(),
                analyser: args.analyser.clone(),
                waivers,
                record_baseline: writing.map(|(_, until)| until),
            },
            registries,
            plan.ecosystems(),
        )
        .await?;

    let bar = Bar::new("checking");
    let checked = engine.check(plan, &bar).await;
    bar.finish();
    let checked = checked.map_err(Failure::not_evaluated)?;
    for warning in engine.warnings() {
        terminal::note(&format!("warning: {warning}"));
    }
    if global.verbose > 0 {
        terminal::note(&engine.spent(started.elapsed()));
    }
    if let Some(configuration) = checked.configuration {
        return Err(Failure::usage(anyhow!(configuration)));
    }
    if let Some((file, until)) = writing {
        write_baseline(file, until, &checked.baseline, evaluated_at)?;
    }
    let color = terminal::color(global.color, args.output.is_some());
    let text = format::check(&checked.report, args.format, color, global.verbose > 0)?;
    terminal::write_result(&text, args.output.as_deref())?;
    Ok(checked.report.exit_code(args.fail_on == FailOn::Deny))
}

/// What is asked for, less what the base revision has.
async fn plan(session: &setup::Session, args: &CheckArgs, registries: Arc<bifocal_registries::Registries>) -> Result<Plan, Failure> {
    let request = targets::Request {
        cwd: session.cwd.clone(),
        targets: args.targets.clone(),
        base: args.base.clone().filter(|_| args.new_only),
        variables: session.environment.clone(),
    };
    let runtime = tokio::runtime::Handle::current();
    let read = tokio::task::spawn_blocking(move || targets::read_targets(&request, &registries, &runtime)).await;
    read.context("reading the targets broke off").map_err(Failure::not_evaluated)?.map_err(|error| match error {
        targets::TargetError::Upstream(_) => Failure::not_evaluated(error),
        other => Failure::usage(other),
    })
}

fn known_findings(session: &setup::Session, args: &CheckArgs) -> Result<Vec<Waiver>, Failure> {
    if args.no_baseline {
        return Ok(Vec::new());
    }
    let file: Option<PathBuf> = match &args.baseline {
        Some(file) => Some(file.clone()),
        None => [session.config.folder(), Some(session.cwd.as_path())]
            .into_iter()
            .flatten()
            .map(|dir| dir.join(BASELINE_FILE))
            .find(|file| file.is_file()),
    };
    let Some(file) = file else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read the baseline {}", file.display()))?;
    let baseline = Baseline::parse(&text).with_context(|| format!("in {}", file.display()))?;
    Ok(baseline.waivers())
}

fn write_baseline(file: &Path, until: Timestamp, waivers: &[Waiver], written_at: Timestamp) -> Result<(), Failure> {
    let baseline = Baseline::of(waivers, written_at, until);
    let text = format!(
        "# Findings known on {}: they are not reported again until {}. Malware-class findings are never in here.\n{}",
        written_at.strftime("%Y-%m-%d"),
        until.strftime("%Y-%m-%d"),
        baseline.to_text().map_err(Failure::not_evaluated)?
    );
    terminal::write_result(&text, Some(file))?;
    terminal::note(&format!("{} known findings written to {}", baseline.known.len(), file.display()));
    Ok(())
}

/// A date or a time; the default is 90 days on.
fn until(text: Option<&str>, now: Timestamp) -> Result<Timestamp, Failure> {
    let end = match text {
        None => now.checked_add(SignedDuration::from_hours(24 * BASELINE_DAYS)).map_err(Failure::usage)?,
        Some(text) => text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse()).map_err(|_| {
            Failure::usage(anyhow!(
                "--baseline-until `{}` is neither a date (2027-01-31) nor an RFC 3339 time",
                bifocal_core::printable(text)
            ))
        })?,
    };
    if end <= now {
        return Err(Failure::usage(anyhow!("--baseline-until {end} is not after {now}, so the baseline would never count")));
    }
    Ok(end)
}
