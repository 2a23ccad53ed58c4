//! For people: what needs action first, with evidence and a remedy; everything that passed in one line.
//!
//! Every name, message and snippet comes from packages and is made printable before it reaches the terminal.

use super::{causes, observed};
use bifocal_core::{Evidence, FeedHealth, FeedStatus, Reason, Severity, Signal, Status, Verdict, counted, one_line, printable};
use bifocal_engine::{CheckReport, Outcome, ReleaseReport};
use std::fmt::Write as _;

/// Most releases that an observing policy would have stopped and that are named without `-v`.
const WOULD: usize = 10;
/// From so many on, errors with one cause share a block, and so many of them are named.
const SHARED: usize = 3;

/// Colours, or none.
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    pub(crate) fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
    pub(crate) fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }
    pub(crate) fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }
    pub(crate) fn outcome(&self, outcome: Outcome) -> String {
        match outcome {
            Outcome::Deny => self.with("1;31", "DENY "),
            Outcome::Hold => self.with("1;33", "HOLD "),
            Outcome::Error => self.with("1;35", "ERROR"),
            Outcome::Allow => self.with("32", "allow"),
        }
    }
}

/// Renders the report for a terminal or a log.
pub(crate) fn render(report: &CheckReport, color: bool, verbose: bool) -> String {
    let paint = Paint(color);
    let mut out = String::new();
    head(&mut out, report, &paint);
    would(&mut out, report, &paint, verbose);
    let mut order: Vec<&ReleaseReport> = report.releases.iter().filter(|release| release.verdict > Outcome::Error).collect();
    order.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.purl.cmp(&b.purl)));
    for release in &order {
        block(&mut out, release, &paint, verbose);
    }
    errors(&mut out, report, &paint, verbose);
    if !report.shadow.is_empty() {
        let _ = writeln!(out, "{}", paint.bold("in shadow, these verdicts would change:"));
        for change in &report.shadow {
            let _ = writeln!(
                out,
                "      {}  {} -> {}  ({}; {})",
                printable(&change.purl),
                change.now.as_str(),
                change.then.as_str(),
                printable(&change.under),
                change.rules.join(", ")
            );
        }
        out.push('\n');
    }
    if verbose {
        annotations(&mut out, report, &paint);
    }
    tail(&mut out, report, &paint, verbose);
    out
}

/// Feeds that cannot answer stand at the head of every summary, with the command that mends them; those that are mended
/// in the same way share a line.
fn head(out: &mut String, report: &CheckReport, paint: &Paint) {
    let lists: Vec<&FeedStatus> = broken(report).filter(|feed| feed.name.starts_with(POPULARITY)).collect();
    for state in [FeedHealth::Damaged, FeedHealth::Missing, FeedHealth::Stale] {
        let feeds: Vec<&FeedStatus> = broken(report).filter(|feed| !feed.name.starts_with(POPULARITY) && feed.health == state).collect();
        let Some(first) = feeds.first() else { continue };
        let names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
        let oldest = feeds.iter().filter_map(|feed| feed.as_of).min();
        let what = match (state, oldest) {
            (FeedHealth::Stale, Some(date)) => format!("stale (obtained {})", date.strftime("%Y-%m-%d")),
            (FeedHealth::Stale, None) => "stale".to_owned(),
            (FeedHealth::Damaged, _) => "damaged".to_owned(),
            _ => "missing".to_owned(),
        };
        let (noun, verb, whose) = if names.len() == 1 { ("feed", "is", "its") } else { ("feeds", "are", "their") };
        let note = paint.with("1;33", "note ");
        let _ = writeln!(out, "{note} {noun} {} {verb} {what}: {whose} questions are unknown; run `{}`", names.join(", "), first.remedy);
    }
    if let [one] = lists.as_slice() {
        let _ = writeln!(
            out,
            "{} no recent list of popular names for {}: look-alikes are unknown; run `{}`",
            paint.with("1;33", "note "),
            ecosystem(one),
            one.remedy
        );
    } else if !lists.is_empty() {
        let names: Vec<&str> = lists.iter().map(|feed| ecosystem(feed)).collect();
        let _ = writeln!(
            out,
            "{} no recent lists of popular names for {}: look-alikes are unknown; run `bifocal feed update --popularity ECOSYSTEM FILE` for each",
            paint.with("1;33", "note "),
            names.join(", ")
        );
    }
    if broken(report).next().is_some() {
        out.push('\n');
    }
}

const POPULARITY: &str = "popularity/";

fn broken(report: &CheckReport) -> impl Iterator<Item = &FeedStatus> {
    report.feeds.iter().filter(|feed| feed.health != FeedHealth::Fresh)
}

fn ecosystem(feed: &FeedStatus) -> &str {
    feed.name.strip_prefix(POPULARITY).unwrap_or(&feed.name)
}

/// Under a policy that observes: what it would have stopped, in short.
fn would(out: &mut String, report: &CheckReport, paint: &Paint, verbose: bool) {
    let would = observed::would_stop(report);
    if would.is_empty() {
        return;
    }
    let count = |verdict| would.iter().filter(|one| one.verdict == verdict).count() as u64;
    let parts: Vec<String> = [("deny", count(Verdict::Deny)), ("hold", count(Verdict::Hold))]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(verb, count)| format!("{verb} {}", counted(count, "release", "releases")))
        .collect();
    let note = paint.with("1;33", "note ");
    let _ = writeln!(out, "{note} policy {} stops nothing; it would {}:", printable(&report.policy.name), parts.join(" and "));
    let shown = if verbose { would.len() } else { WOULD };
    for one in would.iter().take(shown) {
        let _ = writeln!(
            out,
            "      would {} {}  {}  {}",
            one.verdict,
            paint.bold(&printable(&one.release.purl)),
            one_line(&one.reason.message, 160),
            paint.dim(&format!("[{}]", one.reason.rule))
        );
    }
    if would.len() > shown {
        let _ = writeln!(out, "      {}", paint.dim(&format!("and {} more: -v names them all", would.len() - shown)));
    }
    out.push('\n');
}

/// What could not be evaluated; those with one cause share a block.
fn errors(out: &mut String, report: &CheckReport, paint: &Paint, verbose: bool) {
    for cause in causes::of(report) {
        match cause.subjects.as_slice() {
            subjects if subjects.len() >= SHARED && !verbose => {
                let heading = format!("{} for one cause", counted(subjects.len() as u64, "thing", "things"));
                let _ = writeln!(out, "{} {}", paint.outcome(Outcome::Error), paint.bold(&heading));
                let _ = writeln!(out, "      {}", printable(&cause.text));
                for subject in subjects.iter().take(SHARED) {
                    let _ = writeln!(out, "        {}  {}", printable(&subject.name), paint.dim(&subject.place));
                }
                if subjects.len() > SHARED {
                    let _ = writeln!(out, "        {}", paint.dim(&format!("and {} more: -v names them all", subjects.len() - SHARED)));
                }
                out.push('\n');
            }
            subjects => {
                for subject in subjects {
                    match subject.release {
                        Some(release) => block(out, release, paint, verbose),
                        None => {
                            let _ = writeln!(
                                out,
                                "{} {}  {}\n      {}\n",
                                paint.outcome(Outcome::Error),
                                paint.bold(&printable(&subject.name)),
                                paint.dim(&subject.place),
                                printable(subject.error)
                            );
                        }
                    }
                }
            }
        }
    }
}

fn block(out: &mut String, release: &ReleaseReport, paint: &Paint, verbose: bool) {
    let place = release.places.first().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(out, "{} {}  {}", paint.outcome(release.verdict), paint.bold(&printable(&release.purl)), paint.dim(&place));
    if let Some(error) = &release.error {
        let _ = writeln!(out, "      {}", printable(error));
    }
    // Notes of rules that allow are no reason for a verdict.
    for reason in release.reasons.iter().filter(|reason| verbose || reason.verdict > Verdict::Allow) {
        reason_lines(out, release, reason, paint);
    }
    for lifted in &release.lifted {
        let _ = writeln!(out, "      {}", paint.dim(&format!("{} lifted by {}: {}", lifted.rule, lifted.by, one_line(&lifted.why, 120))));
    }
    out.push('\n');
}

fn reason_lines(out: &mut String, release: &ReleaseReport, reason: &Reason, paint: &Paint) {
    let _ = writeln!(out, "      {}  {}", printable(&reason.message), paint.dim(&format!("[{}]", reason.rule)));
    let behind = release.signals.iter().filter(|signal| reason.fingerprints.contains(&signal.fingerprint));
    for signal in behind.take(5) {
        signal_lines(out, signal, paint);
    }
    if reason.fingerprints.len() > 5 {
        let _ = writeln!(out, "        {}", paint.dim(&format!("and {} more; --format json has them all", reason.fingerprints.len() - 5)));
    }
    if !reason.remedy.is_empty() {
        let _ = writeln!(out, "      {} {}", paint.with("36", "do:"), printable(&reason.remedy));
    }
}

/// `path:line:column -> layer`; what is 0 is not known.
pub(super) fn place(path: &str, line: u32, column: u32, chain: &[String]) -> String {
    let mut place = printable(path);
    for number in [line, column].into_iter().take_while(|number| *number > 0) {
        let _ = write!(place, ":{number}");
    }
    for layer in chain {
        let _ = write!(place, " -> {}", printable(layer));
    }
    place
}

pub(crate) fn signal_lines(out: &mut String, signal: &Signal, paint: &Paint) {
    let _ = writeln!(out, "        {} {}", paint.with("33", &signal.id), one_line(&signal.message, 200));
    for evidence in signal.evidence.iter().take(3) {
        match evidence {
            Evidence::File { path, line, column, snippet, chain } => {
                let _ = writeln!(out, "          {}", paint.dim(&place(path, *line, *column, chain)));
                if !snippet.is_empty() {
                    let _ = writeln!(out, "            | {}", one_line(snippet, 120));
                }
            }
            Evidence::Record { feed, id, date, detail } => {
                let mut text = format!("{} {}", printable(feed), printable(id));
                if !date.is_empty() {
                    let _ = write!(text, " ({})", printable(date));
                }
                if !detail.is_empty() {
                    let _ = write!(text, ": {}", one_line(detail, 160));
                }
                let _ = writeln!(out, "          {}", paint.dim(&text));
            }
        }
    }
}

/// What is worth knowing about allowed releases: shown with -v, counted otherwise.
fn annotations(out: &mut String, report: &CheckReport, paint: &Paint) {
    for release in report.releases.iter().filter(|release| release.verdict == Outcome::Allow) {
        let worth: Vec<&Signal> = release.signals.iter().filter(|signal| worth_knowing(signal)).collect();
        if worth.is_empty() && release.reasons.is_empty() && release.lifted.is_empty() {
            continue;
        }
        let place = release.places.first().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(out, "{} {}  {}", paint.outcome(Outcome::Allow), paint.bold(&printable(&release.purl)), paint.dim(&place));
        for reason in &release.reasons {
            let would = if reason.verdict > Verdict::Allow { format!("would {}: ", reason.verdict) } else { String::new() };
            let _ = writeln!(out, "      {would}{}  {}", printable(&reason.message), paint.dim(&format!("[{}]", reason.rule)));
        }
        for lifted in &release.lifted {
            let _ =
                writeln!(out, "      {}", paint.dim(&format!("{} lifted by {}: {}", lifted.rule, lifted.by, one_line(&lifted.why, 120))));
        }
        for signal in worth {
            signal_lines(out, signal, paint);
        }
        out.push('\n');
    }
}

fn worth_knowing(signal: &Signal) -> bool {
    signal.status == Status::Present && signal.severity >= Severity::Medium
}

fn tail(out: &mut String, report: &CheckReport, paint: &Paint, verbose: bool) {
    let summary = &report.summary;
    let mut parts = Vec::new();
    for (count, name) in [(summary.deny, "denied"), (summary.hold, "held"), (summary.error, "not evaluated")] {
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.push(format!("{} allowed", summary.allow));
    let _ = writeln!(
        out,
        "{}  {}, {} looked at, policy {} at {}",
        paint.bold(&parts.join(", ")),
        counted(u64::from(summary.releases), "release", "releases"),
        counted(u64::from(summary.artifacts), "artifact", "artifacts"),
        printable(&report.policy.name),
        report.evaluated_at.strftime("%Y-%m-%d %H:%M:%SZ")
    );
    let annotated =
        report.releases.iter().filter(|release| release.verdict == Outcome::Allow && release.signals.iter().any(worth_knowing)).count();
    let vulnerable = report
        .releases
        .iter()
        .filter(|release| release.signals.iter().any(|signal| signal.id == "advisory/vulnerability" && signal.status == Status::Present))
        .count();
    if !verbose && annotated > 0 {
        let _ = writeln!(
            out,
            "{}",
            paint.dim(&format!(
                "{} with signals worth knowing{}: -v shows them",
                counted(annotated as u64, "allowed release", "allowed releases"),
                if vulnerable > 0 { format!(" ({vulnerable} with a known vulnerability)") } else { String::new() }
            ))
        );
    }
    let waived = report.releases.iter().filter(|release| !release.lifted.is_empty()).count();
    if waived > 0 {
        let _ = writeln!(
            out,
            "{}",
            paint.dim(&format!(
                "{} with findings lifted by waivers, approvals or the baseline",
                counted(waived as u64, "release", "releases")
            ))
        );
    }
    if !report.local.is_empty() {
        let _ = writeln!(
            out,
            "{}",
            paint
                .dim(&format!("{} inside the checked project", counted(report.local.len() as u64, "path dependency", "path dependencies")))
        );
    }
    for line in &report.resolved {
        let _ = writeln!(out, "{}", paint.dim(&printable(line)));
    }
    for line in &report.left_out {
        let _ = writeln!(out, "{}", paint.dim(&format!("not looked at: {}", printable(line))));
    }
    if verbose {
        for note in &report.notes {
            let _ = writeln!(out, "{}", paint.dim(&format!("note: {}", printable(note))));
        }
    }
}
