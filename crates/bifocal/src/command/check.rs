//! `bifocal check`.

use crate::cli::{CheckArgs, FailOn, Global};
use crate::exit::{self, Failure};
use crate::progress::Bar;
use crate::{format, known, setup, terminal};
use anyhow::{Context as _, anyhow};
use bifocal_engine::{Exclude, Plan, targets};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;

/// Runs the command; gives the exit code.
pub(crate) async fn run(global: Global, args: CheckArgs) -> Result<u8, Failure> {
    let started = Instant::now();
    let session = setup::Session::open(&global)?;
    let evaluated_at = args.sources.at.unwrap_or_else(Timestamp::now);
    // Before the work, not after it.
    for file in [args.answer.output.as_deref(), args.write_baseline.as_deref()].into_iter().flatten() {
        terminal::can_write(file)?;
    }
    let writing = args
        .write_baseline
        .as_deref()
        .map(|file| Ok::<_, Failure>((file, known::until(args.baseline_until.as_deref(), evaluated_at)?)))
        .transpose()?;
    let waivers = if writing.is_some() { Vec::new() } else { known::findings(&session, &args.known)? };
    let registries = session.registries(&args.sources)?;
    let mut plan = plan(&session, &args, Arc::clone(&registries)).await?;
    let malformed = std::mem::take(&mut plan.malformed);
    let engine = session
        .engine(
            setup::EngineArgs {
                sources: &args.sources,
                evaluated_at,
                all_artifacts: args.answer.all_artifacts,
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
        known::write(file, until, &checked.baseline, &checked.report)?;
    }
    let color = terminal::color(global.color, args.answer.output.is_some());
    let text = format::check(&checked.report, args.format, color, global.verbose > 0)?;
    terminal::write_result(&text, args.answer.output.as_deref())?;
    engine.finish().await;
    for error in &malformed {
        terminal::error(&anyhow!("{error}; mend it, or pass it over with --exclude"));
    }
    if !malformed.is_empty() {
        return Ok(exit::USAGE);
    }
    Ok(checked.report.exit_code(args.answer.fail_on == FailOn::Deny))
}

/// What is asked for, less what the base revision has.
async fn plan(session: &setup::Session, args: &CheckArgs, registries: Arc<bifocal_registries::Registries>) -> Result<Plan, Failure> {
    let mut exclude = Exclude::default();
    exclude.add(&session.cwd, &args.exclude).map_err(|why| Failure::usage(anyhow!("--exclude {why}")))?;
    let listed = session.config.list("check.exclude");
    let folder = session.config.folder().map_or_else(|| session.cwd.clone(), |folder| session.cwd.join(folder));
    exclude.add(&folder, &listed).map_err(|why| Failure::usage(anyhow!("check.exclude {why}")))?;
    let request = targets::Request {
        exclude,
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
