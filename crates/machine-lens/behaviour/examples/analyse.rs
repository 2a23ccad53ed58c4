//! Analyses archives in this very process, for profilers: no child, no walls. Never give it anything but packages that
//! are known to be harmless; `bifocal scan` is for the others.
//!
//! usage: analyse FOLDER_OR_ARCHIVE_OR_LIST… [--each] [--facts]
//!
//! `--each` prints a line an artifact, `--facts` all its facts as JSON: what a change that should only be faster must
//! leave as it is. A list is a file of paths whose name ends in `.list`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use bifocal_behaviour::{ArtifactInput, analyse};
use bifocal_core::AnalysisLimits;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let (flags, places): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let mut paths: Vec<PathBuf> = Vec::new();
    for place in places.into_iter().map(PathBuf::from) {
        if place.is_dir() {
            for entry in std::fs::read_dir(&place)? {
                paths.push(entry?.path());
            }
        } else if place.extension().is_some_and(|ending| ending == "list") {
            paths.extend(std::fs::read_to_string(place)?.lines().map(PathBuf::from));
        } else {
            paths.push(place);
        }
    }
    paths.sort();
    let mut times: Vec<Duration> = Vec::with_capacity(paths.len());
    let (mut signals, mut bytes) = (0, 0);
    for path in &paths {
        let content = std::fs::read(path)?;
        let filename = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let started = Instant::now();
        let facts = analyse(&ArtifactInput { ecosystem: None, filename: &filename, bytes: &content }, &AnalysisLimits::default());
        let took = started.elapsed();
        if flags.iter().any(|flag| flag == "--each") {
            println!("{:>10.3} ms  {:>9} bytes  {} signals  {filename}", took.as_secs_f64() * 1000.0, content.len(), facts.signals.len());
        }
        if flags.iter().any(|flag| flag == "--facts") {
            println!("{}\t{}", path.display(), serde_json::to_string(&facts).map_err(std::io::Error::other)?);
        }
        times.push(took);
        signals += facts.signals.len();
        bytes += content.len();
    }
    times.sort_unstable();
    let at =
        |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    println!(
        "{} archives, {:.1} MB, {signals} signals: {:.2} s, median {:.2} ms, 95th percentile {:.2} ms, longest {:.1} ms",
        times.len(),
        bytes as f64 / 1e6,
        times.iter().sum::<Duration>().as_secs_f64(),
        at(50),
        at(95),
        at(100)
    );
    Ok(())
}
