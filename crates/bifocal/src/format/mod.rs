//! The printed forms of a check, one file each. Each takes a finished report and gives text; none looks anything up.

mod causes;
pub(crate) mod cyclonedx;
pub(crate) mod diff;
pub(crate) mod human;
pub(crate) mod markdown;
mod observed;
pub(crate) mod sarif;
pub(crate) mod scan;

use crate::cli::Format;
use bifocal_engine::CheckReport;

/// Renders `report`; `color` concerns the human form alone.
pub(crate) fn check(report: &CheckReport, format: Format, color: bool, verbose: bool) -> anyhow::Result<String> {
    Ok(match format {
        Format::Human => human::render(report, color, verbose),
        Format::Json => with_newline(serde_json::to_string_pretty(report)?),
        Format::Jsonl => jsonl(report)?,
        Format::Sarif => with_newline(serde_json::to_string_pretty(&sarif::render(report))?),
        Format::Markdown => markdown::render(report),
        Format::Cyclonedx => with_newline(serde_json::to_string_pretty(&cyclonedx::render(report))?),
    })
}

fn with_newline(mut text: String) -> String {
    text.push('\n');
    text
}

/// The head of the report (all but the releases) on the first line, then a release a line.
fn jsonl(report: &CheckReport) -> anyhow::Result<String> {
    let mut head = serde_json::to_value(report)?;
    if let Some(fields) = head.as_object_mut() {
        fields.remove("releases");
    }
    let mut out = with_newline(serde_json::to_string(&head)?);
    for release in &report.releases {
        out.push_str(&serde_json::to_string(release)?);
        out.push('\n');
    }
    Ok(out)
}
