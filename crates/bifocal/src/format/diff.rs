//! The human form of `diff`: the verdict, then what was gained with its places, then what was lost.

use super::human::Paint;
use bifocal_core::{Evidence, one_line, printable};
use bifocal_engine::{Change, ChangeKind, DiffReport};
use std::fmt::Write as _;

/// Most changes of a kind that are shown unless `-v` is given.
const SHOWN: usize = 25;

/// Prints a report.
pub(crate) fn human(report: &DiffReport, color: bool, verbose: bool) -> String {
    let paint = Paint(color);
    let mut out = String::new();
    let _ = writeln!(out, "{} {}", paint.outcome(report.verdict), paint.bold(&printable(&report.new)));
    let _ = writeln!(out, "      {}", paint.dim(&format!("compared with {}", printable(&report.old))));
    for why in &report.not_compared {
        let _ = writeln!(out, "      not compared: {}", printable(why));
    }
    for reason in &report.reasons {
        let _ = writeln!(out, "      {}  {}", printable(&reason.message), paint.dim(&format!("[{}]", reason.rule)));
        if !reason.remedy.is_empty() {
            let _ = writeln!(out, "      do: {}", printable(&reason.remedy));
        }
    }
    for artifact in &report.artifacts {
        if report.artifacts.len() > 1 {
            let _ = writeln!(out, "\n{}", paint.bold(&printable(&artifact.new.filename)));
        }
        for (kind, head) in [(ChangeKind::Gained, "gained"), (ChangeKind::Lost, "lost")] {
            let changes: Vec<&Change> = artifact.changes.iter().filter(|change| change.kind == kind).collect();
            if changes.is_empty() {
                continue;
            }
            let _ = writeln!(out, "\n  {}", paint.bold(head));
            let shown = if verbose { changes.len() } else { SHOWN };
            for change in changes.iter().take(shown) {
                line(&mut out, change, &paint);
            }
            if changes.len() > shown {
                let _ = writeln!(out, "    {}", paint.dim(&format!("and {} more: -v shows them", changes.len() - shown)));
            }
        }
        if !artifact.complete && report.not_compared.is_empty() {
            let _ = writeln!(out, "\n  {}", paint.dim("not everything that the code does is listed: it does too much for a summary"));
        }
    }
    if report.artifacts.iter().all(|artifact| artifact.changes.is_empty()) && report.not_compared.is_empty() {
        let _ = writeln!(out, "\n  nothing gained, nothing lost");
    }
    out
}

fn line(out: &mut String, change: &Change, paint: &Paint) {
    let subject =
        serde_json::to_value(change.subject).ok().and_then(|value| value.as_str().map(|word| word.replace('-', " "))).unwrap_or_default();
    let when =
        change.when.map(|when| format!(" {}", when.phrase())).filter(|when| !change.detail.contains(when.as_str())).unwrap_or_default();
    let _ = writeln!(out, "    {}: {}{when}", paint.with("33", &subject), one_line(&change.detail, 200));
    for place in change.evidence.iter().take(2) {
        if let Evidence::File { path, line, column, snippet, chain } = place {
            let _ = writeln!(out, "      {}", paint.dim(&super::human::place(path, *line, *column, chain)));
            if !snippet.is_empty() {
                let _ = writeln!(out, "        | {}", one_line(snippet, 120));
            }
        }
    }
}
