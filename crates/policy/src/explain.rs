//! Why a release got its verdict: every rule, whether it matched, which part decided, and the values it saw.

use crate::eval::evaluate;
use crate::facts::Facts;
use crate::ir::Node;
use crate::judge::{Context, Group, Policy, Rule};
use bifocal_core::{Assessment, Judgement, SCHEMA_VERSION, Verdict, one_line};
use serde::Serialize;
use std::collections::BTreeMap;

/// A verdict with the working of every rule.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Version of this printed form.
    pub schema_version: u32,
    /// The release.
    pub purl: String,
    /// The policy's name.
    pub policy: String,
    /// The time for which it was evaluated.
    pub evaluated_at: jiff::Timestamp,
    /// The verdict with its reasons.
    pub judgement: Judgement,
    /// Every rule, in the policy's order.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule did.
#[derive(Debug, Clone, Serialize)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: String,
    /// The group that it stands in, where that has a name.
    pub group: Option<String>,
    /// What it asks for.
    pub verdict: Verdict,
    /// Its condition as written.
    pub when: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The parts that the condition joins with `&&` or `||`, each with its value; empty for a condition of one part.
    pub parts: Vec<Part>,
    /// Fields that the condition reads, with their values.
    pub fields: BTreeMap<String, String>,
    /// Ids of the signals that made it match.
    pub signals: Vec<String>,
}

/// One part of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The part, in CEL.
    pub condition: String,
    /// Whether it holds; `None` when it could not be evaluated.
    pub holds: Option<bool>,
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Its condition holds.
    Matched,
    /// Its condition does not hold.
    NotMatched,
    /// A rule before it in its first-match group matched.
    Shielded {
        /// That rule.
        by: String,
    },
    /// Its condition could not be evaluated.
    Failed {
        /// Why.
        why: String,
    },
}

impl Policy {
    /// Evaluates the release and shows the working.
    pub fn explain(&self, assessment: &Assessment, context: &Context<'_>) -> Explanation {
        let facts = Facts::of(assessment, context);
        let mut rules = Vec::new();
        for group in &self.groups {
            explain_group(group, &facts, &mut rules);
        }
        Explanation {
            schema_version: SCHEMA_VERSION,
            purl: facts.purl.clone(),
            policy: self.name.clone(),
            evaluated_at: context.evaluated_at,
            judgement: self.evaluate(assessment, context),
            rules,
        }
    }
}

fn explain_group(group: &Group, facts: &Facts<'_>, out: &mut Vec<RuleExplanation>) {
    let mut shield: Option<&str> = None;
    for rule in &group.rules {
        let mut explained = explain_rule(rule, facts);
        explained.group.clone_from(&group.name);
        if let Some(by) = shield {
            explained.outcome = Outcome::Shielded { by: by.to_owned() };
        } else if group.first_match && explained.outcome == Outcome::Matched {
            shield = Some(&rule.name);
        }
        out.push(explained);
    }
}

fn explain_rule(rule: &Rule, facts: &Facts<'_>) -> RuleExplanation {
    let (outcome, signals) = match evaluate(&rule.condition, facts) {
        Ok((true, signals)) => (Outcome::Matched, crate::judge::names(&signals).0),
        Ok((false, _)) => (Outcome::NotMatched, Vec::new()),
        Err(why) => (Outcome::Failed { why: one_line(&why, 400) }, Vec::new()),
    };
    let parts: &[Node] = match &rule.condition {
        Node::And(nodes) | Node::Or(nodes) => nodes,
        _ => &[],
    };
    let parts =
        parts.iter().map(|part| Part { condition: part.to_string(), holds: evaluate(part, facts).ok().map(|(holds, _)| holds) }).collect();
    let mut fields = BTreeMap::new();
    rule.condition.walk(&mut |node| {
        if let Node::Field(field) = node {
            fields.entry(field.name().to_owned()).or_insert_with(|| facts.field(*field).to_string());
        }
    });
    RuleExplanation {
        rule: rule.name.clone(),
        group: None,
        verdict: rule.verdict,
        when: rule.when.clone(),
        outcome,
        parts,
        fields,
        signals,
    }
}
