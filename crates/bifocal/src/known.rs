//! The baseline: findings that are known until a date, as `check` and `policy explain` read them and `check` writes them.

use crate::cli::BaselineArgs;
use crate::exit::Failure;
use crate::setup::Session;
use crate::terminal;
use anyhow::{Context as _, anyhow};
use bifocal_core::{Status, Waiver, counted, printable};
use bifocal_engine::{Baseline, CheckReport, Outcome};
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};

/// Days for which a baseline holds unless said otherwise.
const DAYS: i64 = 90;
/// The file that is read when none is named.
const FILE: &str = "bifocal-baseline.toml";

/// The waivers of the baseline in force: the one named, else the project's own, else none.
pub(crate) fn findings(session: &Session, args: &BaselineArgs) -> Result<Vec<Waiver>, Failure> {
    if args.no_baseline {
        return Ok(Vec::new());
    }
    let file: Option<PathBuf> = match &args.baseline {
        Some(file) => Some(file.clone()),
        None => [session.config.folder(), Some(session.cwd.as_path())]
            .into_iter()
            .flatten()
            .map(|dir| dir.join(FILE))
            .find(|file| file.is_file()),
    };
    let Some(file) = file else { return Ok(Vec::new()) };
    let shown = printable(&file.to_string_lossy());
    let text = crate::setup::read_text(&file).with_context(|| format!("cannot read the baseline {shown}"))?;
    let baseline = Baseline::parse(&text).with_context(|| format!("in {shown}"))?;
    Ok(baseline.waivers())
}

/// Writes the waivers of today's holds to `file`.
pub(crate) fn write(file: &Path, until: Timestamp, waivers: &[Waiver], report: &CheckReport) -> Result<(), Failure> {
    let written_at = to_the_second(report.evaluated_at);
    let baseline = Baseline::of(waivers, written_at, until);
    let text = format!(
        "# Findings known on {}: they are not reported again until {}. Malware-class findings and failed analyses are never in here.\n{}",
        written_at.strftime("%Y-%m-%d"),
        until.strftime("%Y-%m-%d"),
        baseline.to_text().map_err(Failure::not_evaluated)?
    );
    terminal::write_result(&text, Some(file))?;
    let findings = counted(baseline.known.len() as u64, "known finding", "known findings");
    terminal::note(&format!("{findings} written to {}", file.display()));
    let held = report.releases.iter().filter(|release| release.verdict == Outcome::Hold);
    let failed = held.filter(|release| release.signals.iter().any(|signal| signal.status == Status::Failed)).count();
    if failed > 0 {
        let releases = counted(failed as u64, "release whose analysis failed stays held", "releases whose analysis failed stay held");
        terminal::note(&format!("{releases}: what could not be looked at is not known; look at it by hand, then approve or waive it"));
    }
    Ok(())
}

/// Nobody reads the fraction of a second.
fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The end of a baseline: a date or a time; the default is 90 days on.
pub(crate) fn until(text: Option<&str>, now: Timestamp) -> Result<Timestamp, Failure> {
    let end = match text {
        None => to_the_second(now.checked_add(SignedDuration::from_hours(24 * DAYS)).map_err(Failure::usage)?),
        Some(text) => text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse()).map_err(|_| {
            Failure::usage(anyhow!("--baseline-until `{}` is neither a date (2027-01-31) nor an RFC 3339 time", printable(text)))
        })?,
    };
    if end <= now {
        return Err(Failure::usage(anyhow!("--baseline-until {end} is not after {now}, so the baseline would never count")));
    }
    Ok(end)
}
