//! Times the matching of 1,000 releases against a million records in a process that has just started.
//!
//! `cargo run --release -p bifocal-advisory --example advisory_bench -- [RECORDS [RELEASES]]` makes RECORDS synthetic
//! records (1,000,000 where none is given) of five ecosystems, imports them into a fresh store, and then runs itself
//! again once for each of five rounds: open, match, print. The limit is 100 ms, opening included.

#![expect(clippy::print_stdout, reason = "a command that prints its result")]

use bifocal_advisory::{AdvisoryStore, ImportOptions, ImportSource, OpenMode};
use bifocal_core::{Ecosystem, Release};
use std::io::Read;
use std::path::Path;
use std::time::Instant;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Milliseconds that matching may take, by the project's own budget.
const LIMIT: f64 = 100.0;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [word, store, records, releases] if word == "--match" => one_round(Path::new(store), records.parse()?, releases.parse()?),
        rest => {
            let number = |at: usize, default: u64| rest.get(at).map_or(Ok(default), |text| text.parse::<u64>());
            all(number(0, 1_000_000)?, number(1, 1_000)?)
        }
    }
}

fn all(records: u64, releases: u64) -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("advisory.sqlite");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let start = Instant::now();
    let report = runtime.block_on(async {
        let store = AdvisoryStore::open(&path, OpenMode::ReadWrite).await?;
        let source = ImportSource::Reader(Box::new(Synthetic { next: 0, records, line: Vec::new(), at: 0 }));
        let report = store.import(source, ImportOptions::new("osv", "2024-06-01T00:00:00Z".parse()?)).await?;
        store.close().await;
        Ok::<_, Box<dyn std::error::Error>>(report)
    })?;
    let bytes = std::fs::metadata(&path)?.len();
    println!("import: {} records in {:.1} s, store {:.0} MB", report.records, start.elapsed().as_secs_f64(), bytes as f64 / 1e6);
    let mut times = Vec::new();
    for _ in 0..5 {
        let output = std::process::Command::new(std::env::current_exe()?)
            .arg("--match")
            .arg(&path)
            .args([records.to_string(), releases.to_string()])
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        print!("{text}");
        times.extend(text.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok()));
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().ok_or("no round gave a time")?;
    println!("median {median:.1} ms of {LIMIT:.0} ms allowed: {:.2} of the limit", median / LIMIT);
    if median < LIMIT { Ok(()) } else { Err("over the limit".into()) }
}

fn one_round(path: &Path, records: u64, releases: u64) -> Outcome {
    let asked = (0..releases).map(|at| release(at, records)).collect::<Result<Vec<_>, _>>()?;
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (opened, found) = runtime.block_on(async {
        let store = AdvisoryStore::open(path, OpenMode::ReadOnly).await?;
        let opened = start.elapsed();
        Ok::<_, bifocal_advisory::AdvisoryError>((opened, store.matches(&asked).await?))
    })?;
    let all = start.elapsed();
    let hits: usize = found.iter().map(Vec::len).sum();
    let with = found.iter().filter(|list| !list.is_empty()).count();
    println!(
        "match {:.1} ms (open {:.1} ms): {} releases, {with} affected, {hits} records",
        all.as_secs_f64() * 1e3,
        opened.as_secs_f64() * 1e3,
        asked.len()
    );
    Ok(())
}

/// Half of the records are about a few thousand busy packages (the first ones far more often than the last), half about
/// a package each, as malware records are.
fn package_of(record: u64) -> (Ecosystem, u64) {
    let spread = record.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let ecosystem = Ecosystem::ALL[(record % 5) as usize];
    if record.is_multiple_of(2) {
        (ecosystem, ((spread >> 40) % 4096) * ((spread >> 20) % 4096) / 4096)
    } else {
        (ecosystem, 10_000 + record)
    }
}

fn name(ecosystem: Ecosystem, number: u64) -> String {
    match ecosystem {
        Ecosystem::Maven => format!("org.example.group{}:artifact-{number}", number % 97),
        Ecosystem::Golang => format!("example.com/owner{}/module-{number}", number % 97),
        _ => format!("package-{number}"),
    }
}

/// Busy packages, single ones with a record and unknown ones, in turns.
fn release(at: u64, records: u64) -> Result<Release, bifocal_core::PurlError> {
    let (ecosystem, number) = match at % 4 {
        0 | 1 => (Ecosystem::ALL[(at % 5) as usize], at * 3 % 4096),
        2 => package_of((at * 977 % records) | 1),
        _ => (Ecosystem::ALL[(at % 5) as usize], 100_000_000 + at),
    };
    let version = format!("{}1.{}.0", if ecosystem == Ecosystem::Golang { "v" } else { "" }, if at % 4 == 2 { 0 } else { at % 40 });
    Release::new(ecosystem, &name(ecosystem, number), &version)
}

/// Records as JSON lines, made while they are read.
struct Synthetic {
    next: u64,
    records: u64,
    line: Vec<u8>,
    at: usize,
}

impl Synthetic {
    fn record(number: u64) -> String {
        let (ecosystem, package) = package_of(number);
        let name = name(ecosystem, package);
        let osv = ecosystem.osv_name();
        let day = number % 28 + 1;
        if number % 2 == 1 {
            return format!(
                "{{\"id\":\"MAL-2024-{number}\",\"modified\":\"2024-05-{day:02}T00:00:00Z\",\"published\":\"2024-05-01T00:00:00Z\",\"summary\":\"Malicious code in {name}\",\"details\":\"{}\",\"affected\":[{{\"package\":{{\"ecosystem\":\"{osv}\",\"name\":\"{name}\"}},\"versions\":[\"1.0.0\",\"1.0.1\",\"99.0.{}\"]}}]}}\n",
                "A sentence that nobody reads. ".repeat(8),
                number % 7
            );
        }
        let (from, to) = (number % 13, number % 13 + number % 29);
        format!(
            "{{\"id\":\"GHSA-{number:012}\",\"modified\":\"2024-05-{day:02}T00:00:00Z\",\"published\":\"2023-05-01T00:00:00Z\",\"aliases\":[\"CVE-2024-{number}\"],\"summary\":\"A hole in {name} that lets others in\",\"details\":\"{}\",\"severity\":[{{\"type\":\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N\"}}],\"affected\":[{{\"package\":{{\"ecosystem\":\"{osv}\",\"name\":\"{name}\"}},\"ranges\":[{{\"type\":\"ECOSYSTEM\",\"events\":[{{\"introduced\":\"0.{from}.0\"}},{{\"fixed\":\"0.{to}.1\"}},{{\"introduced\":\"1.{from}.0\"}},{{\"fixed\":\"1.{}.0\"}}]}}]}}],\"references\":[{{\"type\":\"ADVISORY\",\"url\":\"https://example.com/advisories/{number}\"}}]}}\n",
            "A sentence that nobody reads. ".repeat(8),
            from + 2
        )
    }
}

impl Read for Synthetic {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.line.len() {
            if self.next == self.records {
                return Ok(0);
            }
            self.line = Synthetic::record(self.next).into_bytes();
            self.at = 0;
            self.next += 1;
        }
        let count = into.len().min(self.line.len() - self.at);
        into[..count].copy_from_slice(&self.line[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
