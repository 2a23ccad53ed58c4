//! A comment for a pull request: a table of what needs action, details folded, everything else counted.

use bifocal_core::{Evidence, FeedHealth, FeedStatus, Verdict, counted, one_line};
use bifocal_engine::{CheckReport, Outcome, ReleaseReport};
use std::fmt::Write as _;

/// Most releases that an observing policy would have stopped and that are named.
const WOULD: usize = 50;

/// Renders GitHub-flavoured Markdown; hostile text cannot open links, tags, mentions or table cells.
pub(crate) fn render(report: &CheckReport) -> String {
    let summary = &report.summary;
    let mut out = String::new();
    let title = match (summary.deny, summary.hold, summary.error) {
        (0, 0, 0) => "all allowed".to_owned(),
        (deny, hold, error) => [(deny, "denied"), (hold, "held"), (error, "not evaluated")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let _ = writeln!(out, "### Bifocal: {title}\n");
    let (lists, feeds): (Vec<&FeedStatus>, Vec<&FeedStatus>) =
        report.feeds.iter().filter(|feed| feed.health != FeedHealth::Fresh).partition(|feed| feed.name.starts_with("popularity/"));
    for feed in feeds {
        let _ =
            writeln!(out, "> Feed {} is {}: its questions are unknown. Run `{}`.\n", code(&feed.name), health(feed.health), feed.remedy);
    }
    if !lists.is_empty() {
        let names: Vec<String> = lists.iter().map(|feed| code(&feed.name)).collect();
        let _ = writeln!(
            out,
            "> Missing or stale are {}: look-alike names are unknown. Run `bifocal feed update --popularity ECOSYSTEM FILE` for each.\n",
            names.join(", ")
        );
    }
    let would = super::observed::would_stop(report);
    if !would.is_empty() {
        let _ = writeln!(out, "> Policy {} stops nothing; it would:\n>", code(&report.policy.name));
        for one in would.iter().take(WOULD) {
            let _ = writeln!(out, "> - {} {}: {}", one.verdict, code(&one.release.purl), text(&one.reason.message));
        }
        if would.len() > WOULD {
            let _ = writeln!(out, "> - and {} more", would.len() - WOULD);
        }
        out.push('\n');
    }
    let needs: Vec<&ReleaseReport> = report.releases.iter().filter(|release| release.verdict != Outcome::Allow).collect();
    if !needs.is_empty() || !report.not_evaluated.is_empty() {
        out.push_str("| verdict | release | why | what to do |\n| --- | --- | --- | --- |\n");
        for release in &needs {
            // Notes of rules that allow are no reason for a verdict.
            let reasons = || release.reasons.iter().filter(|reason| reason.verdict > Verdict::Allow);
            let why: Vec<String> =
                reasons().map(|reason| text(&reason.message)).chain(release.error.iter().map(|error| text(error))).collect();
            let remedies: Vec<String> = reasons().filter(|reason| !reason.remedy.is_empty()).map(|reason| text(&reason.remedy)).collect();
            let _ = writeln!(
                out,
                "| **{}** | {} | {} | {} |",
                release.verdict.as_str(),
                code(&release.purl),
                why.join("<br>"),
                remedies.join("<br>")
            );
        }
        for missing in &report.not_evaluated {
            let _ = writeln!(out, "| **error** | {} | {} | |", code(&missing.what), text(&missing.error));
        }
        out.push('\n');
    }
    for release in &needs {
        details(&mut out, release);
    }
    for line in &report.resolved {
        let _ = writeln!(out, "{}.\n", text(line));
    }
    for line in &report.left_out {
        let _ = writeln!(out, "Not looked at: {}.\n", text(line));
    }
    let _ = writeln!(
        out,
        "{}, {} allowed, {} looked at. Policy {} at {}.",
        counted(u64::from(summary.releases), "release", "releases"),
        summary.allow,
        counted(u64::from(summary.artifacts), "artifact", "artifacts"),
        code(&report.policy.name),
        report.evaluated_at
    );
    out
}

fn details(out: &mut String, release: &ReleaseReport) {
    if release.signals.is_empty() {
        return;
    }
    let _ = writeln!(out, "<details><summary>Evidence for {}</summary>\n", text(&release.purl));
    for signal in release.signals.iter().take(40) {
        let _ = writeln!(out, "- {} ({}): {}", code(&signal.id), signal.severity.as_str(), text(&signal.message));
        for evidence in signal.evidence.iter().take(5) {
            match evidence {
                Evidence::File { path, line, snippet, chain, .. } => {
                    let layers: String = chain.iter().map(|layer| format!(" → {}", text(layer))).collect();
                    let _ = writeln!(out, "  - {}{layers} {}", code(&format!("{path}:{line}")), code(snippet));
                }
                Evidence::Record { feed, id, date, detail } => {
                    let _ = writeln!(out, "  - {} {} {} {}", text(feed), code(id), text(date), text(detail));
                }
            }
        }
    }
    out.push_str("\n</details>\n\n");
}

fn health(health: FeedHealth) -> &'static str {
    match health {
        FeedHealth::Fresh => "fresh",
        FeedHealth::Stale => "stale",
        FeedHealth::Missing => "missing",
        FeedHealth::Damaged => "damaged",
    }
}

/// Text in which Markdown and HTML mean nothing.
fn text(raw: &str) -> String {
    let mut out = String::new();
    for c in one_line(raw, 400).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            ':' => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A code span that its content cannot leave.
fn code(raw: &str) -> String {
    let line = one_line(raw, 240).replace('|', "\\|").replace('`', "ˋ");
    if line.is_empty() { String::new() } else { format!("`{line}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_leave_its_cell() {
        assert_eq!(text("a|b\n[x](javascript:1) <img> @all"), "a\\|b \\[x\\]\\(javascript&#58;1\\) &lt;img&gt; &#64;all");
        assert_eq!(code("a`b|c"), "`aˋb\\|c`");
    }
}
