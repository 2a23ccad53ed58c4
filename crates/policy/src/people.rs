//! What people said, and what it lifts.
//!
//! - A **rejection** of the release denies and beats everything until it is revoked or ends.
//! - A **malware record** is lifted only by an override that names that record and digest, is signed by two different
//!   people and lasts at most 14 days; every assessed artifact that the record concerns must be overridden.
//! - An **approval** counts when it is bound to every assessed artifact. It lifts a hold (or a deny whose rule is
//!   waivable) when every signal of the reason is answered: by its fingerprint, or, where another line is reported for
//!   it now, by its continuity key, for no more signals of one key than were answered. When approvals lifted something
//!   and a malware-class signal is there that none of them answered, the release is held again.
//! - A **waiver** in force lifts holds whose rule is waivable, and denies whose rule says so. Malware-class signals and
//!   failed analyses are not waived by the way: only a waiver that names the rule does it, for malware-class signals
//!   only for one exact release. A **baseline** (a waiver with findings) lifts holds whose every finding it lists, never
//!   a deny and never a malware-class signal; a failed analysis only for one exact release, so that the next version
//!   cannot hide behind a crash.

use crate::builtin::{DECISION, NEW_MALWARE_SIGNAL};
use crate::facts::{Facts, record_ids};
use crate::glob;
use crate::judge::{Candidate, Context, Policy, candidate};
use bifocal_core::{
    Assessment, Decision, DecisionAction, Judgement, Lifted, MalwareOverride, Reason, Release, Sha256, Signal, Status, Verdict, Waiver,
    different_people, one_line,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The longest life of an override of a malware record.
pub const MAX_OVERRIDE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Who can lift a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifting {
    /// Nobody, from here.
    Never,
    /// Two people, for one malware record and digest.
    Override,
    /// Approvals (a hold, or a waivable deny), and waivers where the rule is waivable.
    People { waivable: bool },
}

/// Splits the candidates into those that still count and those that were lifted; adds what people themselves cause.
pub(crate) fn lift<'a>(
    policy: &Policy,
    assessment: &'a Assessment,
    context: &Context<'_>,
    candidates: Vec<Candidate<'a>>,
) -> (Vec<Candidate<'a>>, Vec<Lifted>) {
    let release = &assessment.record.release;
    let people = People {
        assessment,
        now: context.evaluated_at,
        live: live_decisions(release, context),
        overrides: policy.overrides.iter().chain(context.overrides).collect(),
        waivers: policy.waivers.iter().chain(context.waivers).filter(|waiver| covers(&waiver.purl, release)).collect(),
    };
    let approvals = people.approvals();
    let answered: BTreeSet<&str> = approvals.iter().flat_map(|approval| &approval.answered).copied().collect();
    let mut counting = Vec::new();
    let mut lifted = Vec::new();
    let mut overridden: BTreeSet<&str> = BTreeSet::new();
    let mut approved = false;
    for rejection in people.live.iter().filter(|decision| decision.action == DecisionAction::Reject) {
        counting.push(rejected(rejection));
    }
    for found in candidates {
        if let Some(why) = people.overridden(&found) {
            overridden.extend(found.signals.iter().map(|signal| signal.fingerprint.as_str()));
            lifted.push(Lifted { rule: found.reason.rule, by: "malware-override".to_owned(), why });
        } else if let Some(approval) = people.approved(&found, &approvals, &answered) {
            approved = true;
            let why = with_end(&format!("{}: {}", approval.actor, approval.reason), approval.until);
            lifted.push(Lifted { rule: found.reason.rule, by: "approval".to_owned(), why });
        } else if let Some(waiver) = people.waivers.iter().find(|waiver| people.waives(waiver, &found)) {
            let by = if waiver.findings.is_empty() { "waiver" } else { "baseline" };
            lifted.push(Lifted { rule: found.reason.rule, by: by.to_owned(), why: with_end(&waiver.reason, Some(waiver.until)) });
        } else {
            counting.push(found);
        }
    }
    if approved {
        counting.extend(reopened(assessment, context, &answered, &overridden));
    }
    (counting, lifted)
}

struct People<'a> {
    assessment: &'a Assessment,
    now: Timestamp,
    live: Vec<&'a Decision>,
    overrides: Vec<&'a MalwareOverride>,
    waivers: Vec<&'a Waiver>,
}

/// An approval in force.
struct Approval<'a> {
    decision: &'a Decision,
    /// Fingerprints of the signals at hand that it answers.
    answered: BTreeSet<&'a str>,
}

/// Fingerprints of the signals that a decision answers. A place in code that is reported under another line now is the
/// same finding as long as there are no more of its kind than the decision answered; where there are more, nobody can
/// tell which of them is new.
fn answered<'a>(decision: &'a Decision, assessment: &'a Assessment) -> BTreeSet<&'a str> {
    let mut answered: BTreeSet<&str> = decision.answered.iter().map(String::as_str).collect();
    if decision.answered_continuity.is_empty() {
        return answered;
    }
    let mut alike: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for signal in &assessment.signals {
        alike.entry(signal.continuity_key(&assessment.record.release.package)).or_default().insert(&signal.fingerprint);
    }
    for (key, fingerprints) in alike {
        if fingerprints.len() <= decision.answered_continuity.iter().filter(|answered| **answered == key).count() {
            answered.extend(fingerprints);
        }
    }
    answered
}

impl People<'_> {
    /// Approvals that cover every assessed artifact. Where nothing was assessed there is nothing to approve.
    fn approvals(&self) -> Vec<Approval<'_>> {
        let assessed: Vec<Sha256> = self.assessment.artifacts.iter().map(|(_, sha256, _)| *sha256).collect();
        let covers = |decision: &Decision| !assessed.is_empty() && assessed.iter().all(|sha256| decision.artifacts.contains(sha256));
        let live = self.live.iter().copied().filter(|decision| decision.action == DecisionAction::Approve && covers(decision));
        live.map(|decision| Approval { decision, answered: answered(decision, self.assessment) }).collect()
    }

    fn approved<'d>(&self, found: &Candidate<'_>, approvals: &[Approval<'d>], answered: &BTreeSet<&str>) -> Option<&'d Decision> {
        let Lifting::People { waivable } = found.lifting else { return None };
        match found.reason.verdict {
            Verdict::Hold => {}
            Verdict::Deny if waivable => {}
            Verdict::Deny | Verdict::Allow => return None,
        }
        if !found.signals.iter().all(|signal| answered.contains(signal.fingerprint.as_str())) {
            return None;
        }
        let helped = |approval: &&Approval<'_>| found.reason.fingerprints.iter().any(|key| approval.answered.contains(key.as_str()));
        approvals.iter().find(helped).or_else(|| approvals.first()).map(|approval| approval.decision)
    }

    fn overridden(&self, found: &Candidate<'_>) -> Option<String> {
        if found.lifting != Lifting::Override || found.signals.is_empty() {
            return None;
        }
        let mut why: Vec<String> = Vec::new();
        for signal in &found.signals {
            let digests: Vec<Sha256> = match signal.artifact {
                Some(sha256) => vec![sha256],
                None => self.assessment.artifacts.iter().map(|(_, sha256, _)| *sha256).collect(),
            };
            let records = malware_records(signal);
            if digests.is_empty() || records.is_empty() {
                return None;
            }
            for record in records {
                for sha256 in &digests {
                    let valid = self.overrides.iter().find(|lifted| self.is_valid(lifted, record, sha256))?;
                    let text = format!("{}: {} ({})", valid.by.join(" and "), valid.reason, valid.record);
                    let text = with_end(&text, Some(valid.until));
                    if !why.contains(&text) {
                        why.push(text);
                    }
                }
            }
        }
        Some(why.join("; "))
    }

    fn is_valid(&self, lifted: &MalwareOverride, record: &str, sha256: &Sha256) -> bool {
        lifted.record == record
            && lifted.sha256 == *sha256
            && lifted.package == self.assessment.record.release.package
            && different_people(lifted.by.iter().map(String::as_str)).is_ok_and(|people| people >= 2)
            && lifted.since <= self.now
            && self.now < lifted.until
            && lifted.until.duration_since(lifted.since) <= MAX_OVERRIDE
    }

    fn waives(&self, waiver: &Waiver, found: &Candidate<'_>) -> bool {
        let Lifting::People { waivable } = found.lifting else { return false };
        let named = waiver.rules.contains(&found.reason.rule);
        if self.now >= waiver.until || !waivable || !(named || waiver.rules.is_empty()) {
            return false;
        }
        let baseline = !waiver.findings.is_empty();
        let release = &self.assessment.record.release;
        let exact = waiver.purl == release.purl();
        let malware = found.signals.iter().any(|signal| signal.is_malware_class());
        let failed = found.signals.iter().any(|signal| signal.status == Status::Failed);
        match found.reason.verdict {
            Verdict::Hold => {}
            Verdict::Deny if !baseline => {}
            Verdict::Deny | Verdict::Allow => return false,
        }
        if malware && !(named && exact && !baseline) {
            return false;
        }
        if failed && !exact && (baseline || !named) {
            return false;
        }
        !baseline || finding_keys(&found.reason, &found.signals, release).iter().all(|key| waiver.findings.contains(key))
    }
}

/// The malware records of a signal: its `MAL-` records, or all its records where none is so named.
fn malware_records(signal: &Signal) -> Vec<&str> {
    let named: Vec<&str> = record_ids(signal).filter(|id| id.starts_with("MAL-")).collect();
    if named.is_empty() { record_ids(signal).collect() } else { named }
}

/// Decisions on the release that were made by now, have not ended and are not revoked; the latest first.
fn live_decisions<'a>(release: &Release, context: &Context<'a>) -> Vec<&'a Decision> {
    let now = context.evaluated_at;
    let mut by_id: BTreeMap<&str, &Decision> = BTreeMap::new();
    for decision in context.decisions {
        if decision.release == *release && decision.decided_at <= now && decision.until.is_none_or(|until| now < until) {
            by_id.insert(&decision.id, decision);
        }
    }
    let mut decisions: Vec<&Decision> = by_id.into_values().collect();
    decisions
        .sort_by_key(|decision| std::cmp::Reverse((decision.decided_at, decision.action == DecisionAction::Revoke, decision.id.as_str())));
    let mut revoked: BTreeSet<&str> = BTreeSet::new();
    let mut live = Vec::new();
    for decision in decisions {
        if revoked.contains(decision.id.as_str()) {
            continue;
        }
        match (&decision.action, &decision.revokes) {
            (DecisionAction::Revoke, Some(target)) => {
                revoked.insert(target);
            }
            (DecisionAction::Revoke, None) => {}
            _ => live.push(decision),
        }
    }
    live
}

fn rejected<'a>(decision: &Decision) -> Candidate<'a> {
    let message = format!("{} rejected it: {}", decision.actor, decision.reason);
    Candidate {
        reason: Reason {
            rule: DECISION.to_owned(),
            verdict: Verdict::Deny,
            message: one_line(&with_end(&message, decision.until), 600),
            remedy: format!("choose another release, or ask for decision {} to be taken back", one_line(&decision.id, 80)),
            signals: Vec::new(),
            fingerprints: decision.answered.clone(),
        },
        signals: Vec::new(),
        lifting: Lifting::Never,
    }
}

/// The hold for malware-class signals that the approval in force does not know.
fn reopened<'a>(
    assessment: &'a Assessment,
    context: &Context<'_>,
    answered: &BTreeSet<&str>,
    overridden: &BTreeSet<&str>,
) -> Option<Candidate<'a>> {
    let is_new = |signal: &&Signal| {
        let fingerprint = signal.fingerprint.as_str();
        signal.is_malware_class() && !answered.contains(fingerprint) && !overridden.contains(fingerprint)
    };
    let new: Vec<&Signal> = assessment.signals.iter().filter(is_new).collect();
    if new.is_empty() {
        return None;
    }
    let facts = Facts::of(assessment, context);
    let message = "it was approved, and a malware-class signal has come up that the approval does not answer: {signals}";
    let remedy = "look at the new finding and decide again";
    Some(candidate(&facts, NEW_MALWARE_SIGNAL, Verdict::Hold, message, remedy, new, Lifting::Never))
}

/// Whether a waiver's pattern covers a release. A pattern without a version covers every version.
fn covers(pattern: &str, release: &Release) -> bool {
    let last = pattern.rsplit('/').next().unwrap_or_default();
    glob(pattern, &release.purl()) || (!last.contains('@') && glob(pattern, &release.package.purl()))
}

/// What a baseline lists for a reason: the continuity keys of its signals, or for a reason without signals a key of the
/// rule and this very release.
fn finding_keys(reason: &Reason, signals: &[&Signal], release: &Release) -> Vec<String> {
    if signals.is_empty() {
        return vec![Sha256::of(format!("rule\0{}\0{}", reason.rule, release.purl()).as_bytes()).hex()[..32].to_owned()];
    }
    signals.iter().map(|signal| signal.continuity_key(&release.package)).collect()
}

fn with_end(text: &str, until: Option<Timestamp>) -> String {
    let text = one_line(text, 400);
    match until {
        Some(until) => format!("{text} (until {until})"),
        None => text,
    }
}

/// The waivers that would lift today's holds of one release, so that only what is new is reported from now on.
/// Malware-class findings, denies, holds that the policy does not let be waived and all that failed are left out: what
/// could not be looked at is not known.
pub fn baseline_waiver(policy: &Policy, assessment: &Assessment, judgement: &Judgement, reason: &str, until: Timestamp) -> Vec<Waiver> {
    let release = &assessment.record.release;
    let by_fingerprint: BTreeMap<&str, &Signal> = assessment.signals.iter().map(|signal| (signal.fingerprint.as_str(), signal)).collect();
    // Findings that hold for every version, and reasons without findings, bound to this one.
    let mut keys: [(BTreeSet<String>, BTreeSet<String>); 2] = Default::default();
    for held in judgement.reasons.iter().filter(|held| held.verdict == Verdict::Hold) {
        let waivable = policy.rules().any(|rule| rule.name == held.rule && rule.waivable);
        let signals: Vec<&Signal> = held.fingerprints.iter().filter_map(|key| by_fingerprint.get(key.as_str()).copied()).collect();
        if !waivable || signals.iter().any(|signal| signal.is_malware_class() || signal.status == Status::Failed) {
            continue;
        }
        let (rules, findings) = &mut keys[usize::from(signals.is_empty())];
        rules.insert(held.rule.clone());
        findings.extend(finding_keys(held, &signals, release));
    }
    let purls = [format!("{}@*", release.package.purl()), release.purl()];
    keys.into_iter()
        .zip(purls)
        .filter(|((rules, _), _)| !rules.is_empty())
        .map(|((rules, findings), purl)| Waiver {
            purl,
            rules: rules.into_iter().collect(),
            findings: findings.into_iter().collect(),
            reason: reason.to_owned(),
            until,
        })
        .collect()
}

/// What an approval of a release has to answer to be one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToAnswer {
    /// For [`Decision::answered`].
    pub fingerprints: Vec<String>,
    /// For [`Decision::answered_continuity`].
    pub continuity: Vec<String>,
}

/// What an approval of this release has to answer: the signals of every reason that counts, and every malware-class
/// signal.
pub fn to_answer(assessment: &Assessment, judgement: &Judgement) -> ToAnswer {
    let reasons = judgement.reasons.iter().filter(|reason| reason.verdict > Verdict::Allow);
    let named: BTreeSet<&str> = reasons.flat_map(|reason| &reason.fingerprints).map(String::as_str).collect();
    let asks = |signal: &&Signal| signal.is_malware_class() || named.contains(signal.fingerprint.as_str());
    let signals: BTreeMap<&str, &Signal> =
        assessment.signals.iter().filter(asks).map(|signal| (signal.fingerprint.as_str(), signal)).collect();
    let mut continuity: Vec<String> = signals.values().map(|signal| signal.continuity_key(&assessment.record.release.package)).collect();
    continuity.sort();
    let fingerprints = named.into_iter().chain(signals.keys().copied()).collect::<BTreeSet<_>>();
    ToAnswer { fingerprints: fingerprints.into_iter().map(str::to_owned).collect(), continuity }
}
