//! The verdict of a release, in two phases.
//!
//! 1. **Rules.** The built-in rules and every rule of the policy are evaluated; in a `first_match` group the first rule
//!    that matches ends the group. A condition that cannot be evaluated becomes a hold of its own. The worst verdict wins.
//! 2. **People.** See [`crate::people`]: rejections, overrides of malware records, approvals, waivers.

use crate::builtin::{ANALYSIS_FAILED, KNOWN_MALWARE, KNOWN_MALWARE_SIGNAL, RULE_ERROR};
use crate::eval::evaluate;
use crate::facts::{Facts, health};
use crate::glob;
use crate::ir::Node;
use crate::message::Template;
use crate::people::{Lifting, lift};
use crate::schema::Field;
use bifocal_core::{
    Assessment, Decision, FeedHealth, FeedStatus, Judgement, Lens, MalwareOverride, Reason, SCHEMA_VERSION, Sha256, Signal, Status,
    Verdict, Waiver, one_line,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// All that a verdict depends on besides the assessment and the policy.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time for which the policy is evaluated. Decisions made later do not count.
    pub evaluated_at: Timestamp,
    /// The feeds and how far they can be relied on.
    pub feeds: &'a [FeedStatus],
    /// Decisions; those on other releases are passed over.
    pub decisions: &'a [Decision],
    /// Waivers besides those of the policy, baselines among them.
    pub waivers: &'a [Waiver],
    /// Overrides of malware records besides those of the policy.
    pub overrides: &'a [MalwareOverride],
    /// Whether the release is wanted for development, test or optional use only.
    pub optional: bool,
}

impl<'a> Context<'a> {
    /// A context in which people said nothing and no feed is loaded.
    pub const fn at(evaluated_at: Timestamp) -> Self {
        Context { evaluated_at, feeds: &[], decisions: &[], waivers: &[], overrides: &[], optional: false }
    }
}

/// A checked set of rules.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) enforce: bool,
    pub(crate) needs: Needs,
    pub(crate) groups: Vec<Group>,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) overrides: Vec<MalwareOverride>,
    digest: Sha256,
}

/// What must be answered for a verdict to be one.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Needs {
    pub(crate) feeds: Vec<String>,
    pub(crate) stale_after_days: Option<i64>,
    pub(crate) signals: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: Option<String>,
    pub(crate) first_match: bool,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) when: String,
    pub(crate) condition: Node,
    pub(crate) always: bool,
    pub(crate) uses: Uses,
    pub(crate) verdict: Verdict,
    pub(crate) message: Template,
    pub(crate) remedy: String,
    pub(crate) waivable: bool,
}

/// What a condition looks at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    /// Fields of the release's record or its artifacts.
    record: bool,
    /// Patterns of signal ids in `has` and its like.
    patterns: Vec<String>,
}

impl Uses {
    pub(crate) fn of(condition: &Node) -> Self {
        let mut uses = Uses::default();
        condition.walk(&mut |node| match node {
            Node::Field(Field::Signals | Field::EvaluatedAt | Field::Feeds | Field::Optional) => {}
            Node::Field(_) => uses.record = true,
            Node::Has(query) => uses.patterns.push(query.pattern.clone()),
            _ => {}
        });
        uses
    }

    /// Whether the condition can be judged by signals of one lens alone.
    fn within(&self, lens: Lens) -> bool {
        !self.record && self.patterns.iter().all(|pattern| glob(pattern.split('/').next().unwrap_or_default(), lens.as_str()))
    }
}

/// A rule that matched, before people are heard.
pub(crate) struct Candidate<'a> {
    pub(crate) reason: Reason,
    pub(crate) signals: Vec<&'a Signal>,
    pub(crate) lifting: Lifting,
}

impl Policy {
    pub(crate) fn empty() -> Self {
        Policy {
            name: String::new(),
            description: String::new(),
            enforce: true,
            needs: Needs::default(),
            groups: Vec::new(),
            waivers: Vec::new(),
            overrides: Vec::new(),
            digest: Sha256::from_bytes([0; 32]),
        }
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the policy says of itself.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether verdicts count; an observing policy notes its reasons and allows everything.
    pub fn enforces(&self) -> bool {
        self.enforce
    }

    /// SHA-256 over the effective policy: what it extends included, layout and comments left out.
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// The feeds that must be fresh, by name; `osv` stands for `osv/npm` too.
    pub fn required_feeds(&self) -> &[String] {
        &self.needs.feeds
    }

    /// Names of the rules, in the policy's order, without the built-in ones.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.rules().map(|rule| rule.name.as_str())
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// Takes a rule out; false when there is none of that name.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.rules().count();
        for group in &mut self.groups {
            group.rules.retain(|rule| rule.name != name);
        }
        self.rules().count() < before
    }

    /// Adds groups; a rule or a group takes the place of one of the same name.
    pub(crate) fn add(&mut self, groups: Vec<Group>) {
        for group in groups {
            if group.name.is_some() {
                for rule in &group.rules {
                    self.remove(&rule.name);
                }
                match self.groups.iter_mut().find(|old| old.name == group.name) {
                    Some(old) => *old = group,
                    None => self.groups.push(group),
                }
                continue;
            }
            let mut fresh = Group { name: None, first_match: false, rules: Vec::new() };
            for rule in group.rules {
                let place = self.groups.iter_mut().flat_map(|group| &mut group.rules).find(|old| old.name == rule.name);
                match place {
                    Some(old) => *old = rule,
                    None => fresh.rules.push(rule),
                }
            }
            if !fresh.rules.is_empty() {
                self.groups.push(fresh);
            }
        }
    }

    /// Computes the digest once nothing changes any more.
    pub(crate) fn seal(&mut self) {
        #[derive(Serialize)]
        struct RuleForm<'a> {
            name: &'a str,
            when: String,
            verdict: Verdict,
            message: &'a Template,
            remedy: &'a str,
            waivable: bool,
        }
        let groups: Vec<(Option<&str>, bool, Vec<RuleForm<'_>>)> = self
            .groups
            .iter()
            .map(|group| {
                let rules = group.rules.iter().map(|rule| RuleForm {
                    name: &rule.name,
                    when: rule.condition.to_string(),
                    verdict: rule.verdict,
                    message: &rule.message,
                    remedy: &rule.remedy,
                    waivable: rule.waivable,
                });
                (group.name.as_deref(), group.first_match, rules.collect())
            })
            .collect();
        let form = (SCHEMA_VERSION, &self.name, self.enforce, &self.needs, groups, &self.waivers, &self.overrides);
        self.digest = Sha256::of(&serde_json::to_vec(&form).unwrap_or_default());
    }

    /// The verdict of a release.
    pub fn evaluate(&self, assessment: &Assessment, context: &Context<'_>) -> Judgement {
        let facts = Facts::of(assessment, context);
        let mut candidates = built_in(&facts);
        candidates.extend(self.candidates(&facts, None));
        let (candidates, lifted) = lift(self, assessment, context, candidates);
        let mut judgement = self.judge(candidates);
        judgement.lifted = lifted;
        if self.enforce {
            judgement.unanswered = self.unanswered(&facts);
        }
        judgement
    }

    /// The verdict of signals of one lens alone, as `scan` has them: rules that look at anything else are passed over,
    /// and people are not heard.
    pub fn evaluate_signals(&self, lens: Lens, signals: &[Signal], evaluated_at: Timestamp) -> Judgement {
        let context = Context::at(evaluated_at);
        let facts = Facts::of_signals(signals, &context);
        let mut candidates = built_in(&facts);
        candidates.extend(self.candidates(&facts, Some(lens)));
        self.judge(candidates)
    }

    fn judge(&self, candidates: Vec<Candidate<'_>>) -> Judgement {
        let mut reasons: Vec<Reason> = candidates.into_iter().map(|candidate| candidate.reason).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        let worst = reasons.first().map_or(Verdict::Allow, |reason| reason.verdict);
        let verdict = if self.enforce { worst } else { Verdict::Allow };
        Judgement { verdict, reasons, lifted: Vec::new(), unanswered: Vec::new() }
    }

    fn candidates<'a>(&'a self, facts: &'a Facts<'a>, only: Option<Lens>) -> Vec<Candidate<'a>> {
        let mut found = Vec::new();
        for group in &self.groups {
            for rule in &group.rules {
                if only.is_some_and(|lens| !rule.uses.within(lens)) {
                    continue;
                }
                match evaluate(&rule.condition, facts) {
                    Ok((false, _)) => {}
                    Ok((true, signals)) => {
                        if rule.verdict != Verdict::Allow || !rule.message.is_empty() {
                            found.push(rule.candidate(facts, signals));
                        }
                        if group.first_match {
                            break;
                        }
                    }
                    Err(failure) => found.push(Candidate {
                        reason: Reason {
                            rule: RULE_ERROR.to_owned(),
                            verdict: Verdict::Hold,
                            message: one_line(&format!("the condition of rule `{}` could not be evaluated: {failure}", rule.name), 600),
                            remedy: format!("mend the condition of `{}` in the policy", rule.name),
                            signals: Vec::new(),
                            fingerprints: Vec::new(),
                        },
                        signals: Vec::new(),
                        lifting: Lifting::Never,
                    }),
                }
            }
        }
        found
    }

    fn unanswered(&self, facts: &Facts<'_>) -> Vec<String> {
        let mut open = Vec::new();
        let ecosystem = facts.record.map(|record| record.release.ecosystem().as_str()).unwrap_or_default();
        for name in &self.needs.feeds {
            let matching = |feed: &&FeedStatus| {
                feed.name == *name || feed.name.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(ecosystem)
            };
            let feeds: Vec<&FeedStatus> = facts.context.feeds.iter().filter(matching).collect();
            if feeds.is_empty() {
                open.push(format!("feed `{}` is missing", one_line(name, 60)));
            }
            for feed in feeds {
                let state = self.feed_health(feed, facts.context.evaluated_at);
                if state != FeedHealth::Fresh {
                    let remedy = if feed.remedy.is_empty() { String::new() } else { format!("; run `{}`", one_line(&feed.remedy, 200)) };
                    open.push(format!("feed `{}` is {}{remedy}", one_line(&feed.name, 60), health(state)));
                }
            }
        }
        for pattern in &self.needs.signals {
            for signal in facts.signals {
                if matches!(signal.status, Status::Unknown | Status::Stripped) && glob(pattern, &signal.id) {
                    open.push(format!("`{}` has no answer: {}", one_line(&signal.id, 80), one_line(&signal.message, 200)));
                }
            }
        }
        open.dedup();
        open
    }

    /// The health of a feed by this policy's own limit, where it has one.
    fn feed_health(&self, feed: &FeedStatus, now: Timestamp) -> FeedHealth {
        let Some(days) = self.needs.stale_after_days.filter(|_| feed.health == FeedHealth::Fresh) else { return feed.health };
        let limit = SignedDuration::from_hours(days.saturating_mul(24));
        match feed.as_of {
            Some(as_of) if now.duration_since(as_of) <= limit => FeedHealth::Fresh,
            _ => FeedHealth::Stale,
        }
    }
}

impl Rule {
    fn candidate<'a>(&self, facts: &Facts<'_>, signals: Vec<&'a Signal>) -> Candidate<'a> {
        let (ids, fingerprints) = names(&signals);
        Candidate {
            reason: Reason {
                rule: self.name.clone(),
                verdict: self.verdict,
                message: self.message.fill(facts, &signals),
                remedy: self.remedy.clone(),
                signals: ids,
                fingerprints,
            },
            signals,
            lifting: Lifting::People { waivable: self.waivable },
        }
    }
}

/// Ids, each once, and fingerprints, each once, in the order of the signals.
pub(crate) fn names(signals: &[&Signal]) -> (Vec<String>, Vec<String>) {
    let mut ids: Vec<String> = Vec::new();
    let mut fingerprints: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for signal in signals {
        if seen.insert((false, signal.id.as_str())) {
            ids.push(signal.id.clone());
        }
        if seen.insert((true, signal.fingerprint.as_str())) {
            fingerprints.push(signal.fingerprint.clone());
        }
    }
    (ids, fingerprints)
}

/// The built-in rules that look at signals.
fn built_in<'a>(facts: &'a Facts<'a>) -> Vec<Candidate<'a>> {
    let mut found = Vec::new();
    let malware: Vec<&Signal> =
        facts.signals.iter().filter(|signal| signal.id == KNOWN_MALWARE_SIGNAL && signal.status == Status::Present).collect();
    if !malware.is_empty() {
        let message = "a malware record names this release: {signals}";
        let remedy =
            "remove it and treat the machines that installed it as compromised; two people can override a wrong record for one digest";
        found.push(candidate(facts, KNOWN_MALWARE, Verdict::Deny, message, remedy, malware, Lifting::Override));
    }
    let failed: Vec<&Signal> = facts.signals.iter().filter(|signal| signal.status == Status::Failed).collect();
    if !failed.is_empty() {
        let message = "its analysis broke off: {signals}";
        let remedy = "look at the artifact by hand, then approve it";
        found.push(candidate(facts, ANALYSIS_FAILED, Verdict::Hold, message, remedy, failed, Lifting::People { waivable: true }));
    }
    found
}

pub(crate) fn candidate<'a>(
    facts: &Facts<'_>,
    rule: &str,
    verdict: Verdict,
    message: &str,
    remedy: &str,
    signals: Vec<&'a Signal>,
    lifting: Lifting,
) -> Candidate<'a> {
    let (ids, fingerprints) = names(&signals);
    let message = Template::parse(message).unwrap_or_default().fill(facts, &signals);
    let reason = Reason { rule: rule.to_owned(), verdict, message, remedy: remedy.to_owned(), signals: ids, fingerprints };
    Candidate { reason, signals, lifting }
}
