//! `bifocal scan`: the behaviour lens alone, offline.
//!
//! Each path gives a result in input order; what cannot be read is an error of that path and does not stop the others.

use crate::cli::{FailOn, Global, ScanArgs, ScanFormat};
use crate::exit::{self, Failure};
use crate::progress::Bar;
use crate::scan_paths::what_to_scan;
use crate::{format, setup, terminal};
use anyhow::Context as _;
use bifocal_core::{Verdict, counted};
use bifocal_engine::{Progress as _, ScanLine, Scanner};
use futures::StreamExt as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a list of paths.
const MAX_LIST: u64 = 64 << 20;

/// Runs the command; gives the exit code.
pub(crate) async fn run(global: Global, args: ScanArgs) -> Result<u8, Failure> {
    let session = setup::Session::open(&global)?;
    let mut paths = args.paths.clone();
    if let Some(list) = &args.files_from {
        paths.extend(listed(list)?);
    }
    if paths.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!("nothing was named to scan: the list of paths is empty")));
    }
    let paths: Vec<PathBuf> = paths.into_iter().flat_map(what_to_scan).collect();
    let jobs = session.jobs(args.jobs);
    let scanner = Arc::new(Scanner::new(session.analyser(jobs)?, setup::default_policy()?));
    let bar = Bar::new("scanning");
    bar.total(paths.len());
    let mut lines = Vec::new();
    // A few more paths than processes under way, so that reading overlaps with analysis.
    let mut results = futures::stream::iter(paths)
        .map(|path| {
            let scanner = Arc::clone(&scanner);
            async move { scanner.scan(&path).await }
        })
        .buffered(jobs * 2);
    let mut worst = Verdict::Allow;
    let mut times = Vec::new();
    let mut errors = 0;
    while let Some(line) = results.next().await {
        worst = worst.max(line.verdict.unwrap_or_default());
        errors += u32::from(line.error.is_some());
        bar.done(&line.path);
        if line.error.is_none() {
            times.push(line.cpu);
        }
        if args.format == ScanFormat::Jsonl {
            let mut text = serde_json::to_vec(&line).context("cannot print a result")?;
            text.push(b'\n');
            terminal::write_out(&text)?;
        } else {
            lines.push(line);
        }
    }
    bar.finish();
    print(&lines, &global, args.format)?;
    if global.verbose > 0 {
        terminal::note(&spent(times));
    }
    let held = if args.fail_on == FailOn::Deny { worst == Verdict::Deny } else { worst > Verdict::Allow };
    Ok(if held {
        1
    } else if errors > 0 {
        exit::NOT_EVALUATED
    } else {
        0
    })
}

/// Where the processor time of the analysis went, for `-v`.
fn spent(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    // The nearest rank: the smallest value that so many per cent of all do not exceed.
    let rank = |percent: usize| millis(times.get((times.len() * percent).div_ceil(100).saturating_sub(1)));
    let total: Duration = times.iter().sum();
    format!(
        "spent {:.2} s of processor time on {}: median {:.2} ms, 95th percentile {:.2} ms, longest {:.1} ms",
        total.as_secs_f64(),
        counted(times.len() as u64, "artifact", "artifacts"),
        rank(50),
        rank(95),
        millis(times.last())
    )
}

fn print(lines: &[ScanLine], global: &Global, form: ScanFormat) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match form {
        ScanFormat::Human => format::scan::human(lines, terminal::color(global.color, false), global.verbose > 0),
        ScanFormat::Json => {
            let report = serde_json::json!({ "schema_version": bifocal_core::SCHEMA_VERSION, "bifocal": version, "paths": lines });
            format!("{}\n", serde_json::to_string_pretty(&report).context("cannot print the result")?)
        }
        ScanFormat::Sarif => {
            format!("{}\n", serde_json::to_string_pretty(&format::sarif::render_scan(lines, version)).context("cannot print the result")?)
        }
        ScanFormat::Jsonl => return Ok(()),
    };
    terminal::write_out(text.as_bytes())
}

fn listed(list: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut text = String::new();
    let read = if list == Path::new("-") {
        std::io::stdin().lock().take(MAX_LIST).read_to_string(&mut text)
    } else {
        std::fs::File::open(list).and_then(|file| file.take(MAX_LIST).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the list of paths {}", list.display()))?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect())
}
