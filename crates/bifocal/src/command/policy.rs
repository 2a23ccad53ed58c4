//! `bifocal policy check|explain|show`.

use crate::cli::{Global, PlainFormat, PolicyCommand};
use crate::exit::Failure;
use crate::{known, setup, terminal};
use anyhow::{Context as _, anyhow};
use bifocal_core::{counted, one_line, printable};
use bifocal_policy::{Explanation, Outcome, PACKS, pack};
use jiff::Timestamp;
use std::fmt::Write as _;

/// Runs the subcommand; gives the exit code.
pub(crate) async fn run(global: Global, command: PolicyCommand) -> Result<u8, Failure> {
    match command {
        PolicyCommand::Check { policies } => check(&global, policies),
        PolicyCommand::Show { pack: name } => match pack(&name) {
            Some(text) => terminal::write_out(text.as_bytes()).map(|()| 0),
            None => {
                let names: Vec<&str> = PACKS.iter().map(|(name, _)| *name).collect();
                Err(Failure::usage(anyhow!("no policy pack is called `{}`; there are {}", printable(&name), names.join(", "))))
            }
        },
        PolicyCommand::Explain { purl, sources, known, format, all_artifacts } => {
            let release = bifocal_engine::release(&purl).map_err(Failure::usage)?;
            let session = setup::Session::open(&global)?;
            let registries = session.registries(&sources)?;
            let arguments = setup::EngineArgs {
                sources: &sources,
                evaluated_at: sources.at.unwrap_or_else(Timestamp::now),
                all_artifacts,
                shadow: None,
                analyser: None,
                waivers: known::findings(&session, &known)?,
                record_baseline: None,
            };
            let engine = session.engine(arguments, registries, [release.ecosystem()].into()).await?;
            let explanation = engine
                .explain(&release)
                .await
                .map_err(|error| if error.is_configuration() { Failure::usage(error) } else { Failure::not_evaluated(error) })?;
            let text = match format {
                PlainFormat::Human => human(&explanation),
                PlainFormat::Json => format!("{}\n", serde_json::to_string_pretty(&explanation).context("cannot print the explanation")?),
            };
            terminal::write_out(text.as_bytes())?;
            engine.finish().await;
            Ok(u8::from(explanation.judgement.verdict > bifocal_core::Verdict::Allow))
        }
    }
}

fn check(global: &Global, policies: Vec<String>) -> Result<u8, Failure> {
    let session = setup::Session::open(global)?;
    let policies = if policies.is_empty() { vec![session.config.text("policy.use").unwrap_or("default").to_owned()] } else { policies };
    let mut out = String::new();
    let mut wrong = 0;
    for name in &policies {
        match setup::load_policy(name) {
            Ok(loaded) => {
                for problem in &loaded.warnings {
                    let _ = writeln!(out, "{problem}");
                }
                let rules = counted(loaded.policy.rule_names().count() as u64, "rule", "rules");
                let _ = writeln!(out, "{}: {rules}, sha256 {}, no errors", printable(name), loaded.policy.digest().hex());
            }
            Err(error) => {
                wrong += 1;
                let _ = writeln!(out, "{:#}", error.error);
            }
        }
    }
    terminal::write_out(out.as_bytes())?;
    Ok(if wrong > 0 { crate::exit::USAGE } else { 0 })
}

fn human(explanation: &Explanation) -> String {
    let judgement = &explanation.judgement;
    let mut out = format!(
        "{} is {} by policy {} at {}\n\n",
        printable(&explanation.purl),
        judgement.verdict,
        printable(&explanation.policy),
        explanation.evaluated_at.strftime("%Y-%m-%d %H:%M:%SZ")
    );
    for reason in &judgement.reasons {
        let _ = writeln!(out, "  {} because {}  [{}]", reason.verdict, printable(&reason.message), reason.rule);
        if !reason.remedy.is_empty() {
            let _ = writeln!(out, "      do: {}", printable(&reason.remedy));
        }
    }
    for lifted in &judgement.lifted {
        let _ = writeln!(out, "  {} lifted by {}: {}", lifted.rule, lifted.by, one_line(&lifted.why, 200));
    }
    let _ = writeln!(out, "\nrules, in the policy's order:");
    for rule in &explanation.rules {
        let outcome = match &rule.outcome {
            Outcome::Matched => "matched".to_owned(),
            Outcome::NotMatched => "no".to_owned(),
            Outcome::Shielded { by } => format!("shielded by rule {by}, which comes first in its group"),
            Outcome::Failed { why } => format!("could not be evaluated: {}", one_line(why, 160)),
        };
        let _ = writeln!(out, "  {} ({}): {outcome}", rule.rule, rule.verdict);
        for part in &rule.parts {
            let holds = match part.holds {
                Some(true) => "true",
                Some(false) => "false",
                None => "error",
            };
            let _ = writeln!(out, "      {holds:5} {}", one_line(&part.condition, 160));
        }
        for (field, value) in &rule.fields {
            let _ = writeln!(out, "            {field} = {}", one_line(value, 120));
        }
        for signal in &rule.signals {
            let _ = writeln!(out, "            signal {}", printable(signal));
        }
    }
    out
}
