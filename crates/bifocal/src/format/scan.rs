//! The human form of `scan`.

use bifocal_core::{Verdict, counted, printable};
use bifocal_engine::ScanLine;
use std::fmt::Write as _;

/// What was found first, everything clean in one line.
pub(crate) fn human(lines: &[ScanLine], color: bool, verbose: bool) -> String {
    let mut out = String::new();
    let paint = super::human::Paint(color);
    let mut order: Vec<&ScanLine> =
        lines.iter().filter(|line| verbose || line.error.is_some() || line.verdict > Some(Verdict::Allow)).collect();
    order.sort_by_key(|line| std::cmp::Reverse(line.verdict));
    for line in order {
        let label = match line.verdict {
            None => paint.outcome(bifocal_engine::Outcome::Error),
            Some(verdict) => paint.outcome(verdict.into()),
        };
        let _ = writeln!(out, "{label} {}", paint.bold(&printable(&line.path)));
        if let Some(error) = &line.error {
            let _ = writeln!(out, "      {}", printable(error));
        }
        for signal in &line.signals {
            super::human::signal_lines(&mut out, signal, &paint);
        }
        out.push('\n');
    }
    let count = |verdict: Verdict| lines.iter().filter(|line| line.verdict == Some(verdict)).count();
    let mut parts = Vec::new();
    let errors = lines.iter().filter(|line| line.error.is_some()).count();
    for (number, name) in [(count(Verdict::Deny), "denied"), (count(Verdict::Hold), "held"), (errors, "not read")] {
        if number > 0 {
            parts.push(format!("{number} {name}"));
        }
    }
    parts.push(format!("{} clean", count(Verdict::Allow)));
    let _ = writeln!(out, "{}", paint.bold(&parts.join(", ")));
    let noted = lines.iter().filter(|line| line.verdict == Some(Verdict::Allow) && !line.signals.is_empty()).count();
    if !verbose && noted > 0 {
        let _ = writeln!(
            out,
            "{}",
            paint.dim(&format!("{} signals worth knowing: -v shows them", counted(noted as u64, "clean path has", "clean paths have")))
        );
    }
    out
}
