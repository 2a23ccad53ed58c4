//! The one function behind every door: from a plan to a report.
//!
//! In: a [`Plan`], a policy, feeds, and what people decided. Out: a [`CheckReport`] in which every dependency asked for
//! is a verdict or an error, never missing. Releases are taken in side by side; evaluation is pure and comes last, so
//! the same inputs give the same bytes whatever finished first.

use crate::feeds::Feeds;
use crate::intake::{Intake, TakeError, Taken};
use crate::plan::{Plan, Wanted};
use crate::progress::Progress;
use crate::report::{ArtifactReport, CheckReport, NotEvaluated, Outcome, PolicyRef, ReleaseReport, ShadowChange};
use crate::resolve;
use bifocal_behaviour::ANALYSER;
use bifocal_core::{Assessment, Decision, Judgement, MalwareOverride, Place, Release, SCHEMA_VERSION, Signal, Verdict, Waiver, counted};
use bifocal_policy::{Context, Explanation, Policy, baseline_waiver};
use bifocal_registries::ResolveContext;
use bifocal_store::{DecisionStore, StoreError};
use futures::StreamExt as _;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Releases taken in side by side. Network waits dominate; analysis is bounded by its own pool.
const SIDE_BY_SIDE: usize = 48;

/// What people said, besides the policy file.
#[derive(Debug, Clone, Default)]
pub struct PeoplesWord {
    /// Rulings on releases.
    pub decisions: Vec<Decision>,
    /// Waivers, a baseline's among them.
    pub waivers: Vec<Waiver>,
    /// Overrides of malware records.
    pub overrides: Vec<MalwareOverride>,
}

/// What an engine is made of.
pub struct EngineParts {
    /// Where releases come from.
    pub registries: Arc<bifocal_registries::Registries>,
    /// What was looked at before.
    pub cache: crate::Cache,
    /// The pool of analyser processes.
    pub analyser: crate::Analyser,
    /// The loaded feeds.
    pub feeds: Feeds,
    /// The policy that counts.
    pub policy: Policy,
    /// A policy whose verdicts are only compared.
    pub shadow: Option<Policy>,
    /// What people said.
    pub people: PeoplesWord,
    /// Where more of what people said is kept.
    pub decisions: Option<Arc<dyn DecisionStore>>,
    /// The time for which the policy is evaluated.
    pub evaluated_at: Timestamp,
    /// Answer from the cache alone.
    pub offline: bool,
    /// Every file of a release.
    pub all_artifacts: bool,
    /// Verdicts count by the stored facts of this analyser.
    pub pinned_analyser: Option<String>,
    /// Record today's holds as known until then, and report what is left.
    pub record_baseline: Option<Timestamp>,
}

/// The one function behind every door.
pub struct Engine {
    pub(crate) intake: Intake,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) shadow: Option<Arc<Policy>>,
    pub(crate) people: Arc<PeoplesWord>,
    pub(crate) decisions: Option<Arc<dyn DecisionStore>>,
    pub(crate) evaluated_at: Timestamp,
    /// Record today's holds as known until then, and report what is left.
    pub(crate) record_baseline: Option<Timestamp>,
}

/// A report, and the waivers that would record today's holds as known.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The report.
    pub report: CheckReport,
    /// See [`bifocal_policy::baseline_waiver`]; empty unless a baseline is being recorded.
    pub baseline: Vec<Waiver>,
    /// A mistake in the configuration that came to light on the way (an ecosystem without any upstream).
    pub configuration: Option<String>,
}

/// One release after evaluation.
struct Evaluated {
    report: ReleaseReport,
    baseline: Vec<Waiver>,
    shadow: Vec<ShadowChange>,
}

impl Engine {
    /// Puts the parts together; looks at nothing yet.
    pub fn new(parts: EngineParts) -> Self {
        let pinned = parts.pinned_analyser.filter(|analyser| analyser != ANALYSER);
        Engine {
            intake: Intake::new(parts.registries, parts.cache, parts.analyser, parts.offline, parts.all_artifacts, pinned),
            feeds: Arc::new(parts.feeds),
            policy: Arc::new(parts.policy),
            shadow: parts.shadow.map(Arc::new),
            people: Arc::new(parts.people),
            decisions: parts.decisions,
            evaluated_at: parts.evaluated_at,
            record_baseline: parts.record_baseline,
        }
    }

    /// Checks all that the plan names.
    ///
    /// # Errors
    /// The store of decisions cannot be read: without what people ruled there is no verdict.
    pub async fn check(&self, mut plan: Plan, progress: &dyn Progress) -> Result<Checked, StoreError> {
        let unresolvable = self.resolve(&mut plan, progress).await;
        progress.total(plan.wanted.len());
        let mut taken = self.take_all(plan.wanted.values(), progress).await;
        let respelled = self.respell(&mut plan, &mut taken).await;
        taken.extend(self.take_all(respelled.iter().filter_map(|release| plan.wanted.get(release)), progress).await);
        let wanted: Vec<Wanted> = plan.wanted.values().cloned().collect();
        let releases: Vec<Release> = wanted.iter().map(|wanted| wanted.release.clone()).collect();
        let people = self.word(&releases).await?;
        let advisories = self.feeds.advisories(&releases).await;

        let configuration =
            taken.values().find_map(|result| result.as_ref().err().filter(|error| error.is_configuration()).map(ToString::to_string));
        let configuration = configuration.or(unresolvable);
        let passed_over = passed_over(&wanted, &taken);
        let mut work = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            if let Some(result) = taken.remove(&wanted.release) {
                let advisories = advisories.get(&wanted.release).cloned().unwrap_or_default();
                work.push((wanted, result, advisories));
            }
        }
        let evaluated = self.evaluate_all(work, &people).await;

        let mut report = self.empty_report(&plan);
        report.left_out.extend(passed_over);
        let mut baseline = Vec::new();
        for one in evaluated {
            report.releases.push(one.report);
            report.shadow.extend(one.shadow);
            baseline.extend(one.baseline);
        }
        report.releases.sort_by(|a, b| a.purl.cmp(&b.purl));
        report.shadow.sort_by(|a, b| (&a.purl, &a.under).cmp(&(&b.purl, &b.under)));
        report.count();
        Ok(Checked { report, baseline, configuration })
    }

    async fn take_all(
        &self,
        wanted: impl Iterator<Item = &Wanted>,
        progress: &dyn Progress,
    ) -> BTreeMap<Release, Result<Taken, TakeError>> {
        let wanted: Vec<Wanted> = wanted.cloned().collect();
        let known = self.intake.prefetch(&wanted).await;
        let known = &known;
        futures::stream::iter(wanted.iter())
            .map(|wanted| async move {
                let result = self.intake.take(wanted, known).await;
                progress.done(&wanted.release.purl());
                (wanted.release.clone(), result)
            })
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await
    }

    /// Calls releases that their registry does not know by the spelling that it lists, and gives those: they are still to
    /// be taken in, with all that any spelling of theirs pins.
    async fn respell(&self, plan: &mut Plan, taken: &mut BTreeMap<Release, Result<Taken, TakeError>>) -> BTreeSet<Release> {
        let mut listed = Vec::new();
        for wanted in plan.wanted.values() {
            if let Some(result) = taken.get(&wanted.release)
                && let Some(release) = self.intake.listed(wanted, result).await
            {
                listed.push((wanted.release.clone(), release));
            }
        }
        for (asked, release) in &listed {
            plan.respell(asked, release.clone());
            taken.remove(asked);
            taken.remove(release);
        }
        listed.into_iter().map(|(_, release)| release).collect()
    }

    /// What people said about these releases, from the policy's surroundings and from the store.
    async fn word(&self, releases: &[Release]) -> Result<Arc<PeoplesWord>, StoreError> {
        let Some(store) = &self.decisions else { return Ok(Arc::clone(&self.people)) };
        let mut people = PeoplesWord::clone(&self.people);
        people.decisions.extend(store.decisions(releases).await?);
        people.overrides.extend(store.malware_overrides().await?);
        Ok(Arc::new(people))
    }

    /// Explains the verdict of one release.
    pub async fn explain(&self, release: &Release) -> Result<Explanation, TakeError> {
        let taken = self.intake.take_named(release).await?;
        let release = &taken.record.release;
        let advisories = self.feeds.advisories(std::slice::from_ref(release)).await.remove(release).unwrap_or_default();
        let people = self.word(std::slice::from_ref(release)).await?;
        let evaluator = self.evaluator(&people);
        let assessment = evaluator.assemble(&taken, advisories, evaluator.pinned_analyser.is_some());
        Ok(self.policy.explain(&assessment, &evaluator.context(false)))
    }

    /// Looks after the cache and closes it; for the end of a run, when the result is printed.
    pub async fn finish(&self) {
        self.intake.cache.tidy().await;
        self.intake.cache.close().await;
    }

    /// Time spent so far, for `-v`.
    pub fn spent(&self, wall: std::time::Duration) -> String {
        self.intake.spent.line(wall)
    }

    /// Things that went wrong without stopping anything, each once.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = self.intake.registries.warnings();
        all.extend(self.intake.cache.warnings());
        all.extend(self.feeds.warnings());
        all
    }

    /// Turns manifests and ranges into releases; gives the first error that is the configuration's fault.
    async fn resolve(&self, plan: &mut Plan, progress: &dyn Progress) -> Option<String> {
        let mut configuration = None;
        for manifest in std::mem::take(&mut plan.manifests) {
            let step = |answers| progress.resolving(answers);
            let found = resolve::resolve(&manifest, &self.intake, &step).await;
            let old = match &manifest.base {
                Some(base) => Some(resolve::resolve(base, &self.intake, &step).await),
                None => None,
            };
            let wrong = plan.take_in(&manifest, found, old.as_ref());
            configuration = configuration.or(wrong);
        }
        let ranges = std::mem::take(&mut plan.ranges);
        let resolved: Vec<_> = futures::stream::iter(ranges)
            .map(|range| async move {
                let context = ResolveContext { before: range.choosing.before, ..ResolveContext::default() };
                let result = self.intake.registries.resolve(&range.package, &range.requirement, &context).await;
                (range, result)
            })
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        for (range, result) in resolved {
            match result {
                Ok(release) => {
                    plan.add_resolved(release.clone(), &range.dependency);
                    plan.note_source(&release, &range.choosing);
                }
                Err(error) => {
                    if error.is_configuration() && configuration.is_none() {
                        configuration = Some(error.to_string());
                    }
                    plan.not_evaluated.push(NotEvaluated {
                        what: format!("{} {}", range.package.purl(), range.requirement),
                        place: range.dependency.place.clone(),
                        error: error.to_string(),
                    });
                }
            }
        }
        plan.not_evaluated.sort();
        configuration
    }

    /// Evaluates on blocking threads, in as many parts as there are cores; order is kept.
    async fn evaluate_all(&self, work: Vec<(Wanted, Result<Taken, TakeError>, Vec<Signal>)>, people: &Arc<PeoplesWord>) -> Vec<Evaluated> {
        let parts = std::thread::available_parallelism().map_or(1, usize::from);
        let each = work.len().div_ceil(parts).max(1);
        let mut work = work;
        let mut handles = Vec::new();
        while !work.is_empty() {
            let rest = work.split_off(each.min(work.len()));
            let part = std::mem::replace(&mut work, rest);
            let evaluator = self.evaluator(people);
            handles.push(tokio::task::spawn_blocking(move || {
                part.into_iter().map(|(wanted, taken, advisories)| evaluator.one(&wanted, taken, advisories)).collect::<Vec<_>>()
            }));
        }
        let mut out = Vec::new();
        for handle in handles {
            match handle.await {
                Ok(part) => out.extend(part),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        out
    }

    fn evaluator(&self, people: &Arc<PeoplesWord>) -> Evaluator {
        Evaluator {
            feeds: Arc::clone(&self.feeds),
            policy: Arc::clone(&self.policy),
            shadow: self.shadow.clone(),
            people: Arc::clone(people),
            evaluated_at: self.evaluated_at,
            pinned_analyser: self.intake.pinned_analyser.clone(),
            record_baseline: self.record_baseline,
        }
    }

    fn empty_report(&self, plan: &Plan) -> CheckReport {
        CheckReport {
            schema_version: SCHEMA_VERSION,
            bifocal: env!("CARGO_PKG_VERSION").to_owned(),
            analyser: self.intake.pinned_analyser.clone().unwrap_or_else(|| ANALYSER.to_owned()),
            policy: PolicyRef { name: self.policy.name().to_owned(), digest: self.policy.digest().to_string() },
            evaluated_at: self.evaluated_at,
            summary: crate::report::Summary::default(),
            feeds: self.feeds.status().to_vec(),
            local: plan.local.clone(),
            not_evaluated: plan.not_evaluated.clone(),
            notes: plan.notes.clone(),
            resolved: plan.resolved.clone(),
            left_out: plan.left_out.clone(),
            shadow: Vec::new(),
            releases: Vec::new(),
        }
    }
}

/// All that evaluation needs, owned, so that it can move to another thread.
struct Evaluator {
    feeds: Arc<Feeds>,
    policy: Arc<Policy>,
    shadow: Option<Arc<Policy>>,
    people: Arc<PeoplesWord>,
    evaluated_at: Timestamp,
    pinned_analyser: Option<String>,
    record_baseline: Option<Timestamp>,
}

impl Evaluator {
    fn one(&self, wanted: &Wanted, taken: Result<Taken, TakeError>, advisories: Vec<Signal>) -> Evaluated {
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => return self.without_bytes(wanted, &error, advisories),
        };
        let context = self.context(wanted.optional);
        let current = self.assemble(&taken, advisories.clone(), false);
        let counted = if self.pinned_analyser.is_some() { self.assemble(&taken, advisories, true) } else { current.clone() };
        let mut judgement = self.policy.evaluate(&counted, &context);
        let mut baseline = Vec::new();
        if let Some(until) = self.record_baseline {
            let reason = format!("in the baseline of {}", self.evaluated_at.strftime("%Y-%m-%d"));
            baseline = baseline_waiver(&self.policy, &counted, &judgement, &reason, until);
            let waivers: Vec<Waiver> = self.people.waivers.iter().chain(&baseline).cloned().collect();
            judgement = self.policy.evaluate(&counted, &Context { waivers: &waivers, ..context });
        }
        let mut shadow = Vec::new();
        if self.pinned_analyser.is_some() {
            let then = self.policy.evaluate(&current, &context);
            shadow.extend(change(&wanted.release, &judgement, &then, format!("analyser {ANALYSER}")));
        }
        if let Some(policy) = &self.shadow {
            let then = policy.evaluate(&counted, &context);
            shadow.extend(change(&wanted.release, &judgement, &then, format!("policy {}", policy.name())));
        }
        Evaluated { report: self.report(wanted, &taken, counted, judgement), baseline, shadow }
    }

    /// A release whose bytes or metadata could not be had is an error; a known-malware record about it counts all the
    /// same, because that question needs no bytes.
    fn without_bytes(&self, wanted: &Wanted, error: &TakeError, advisories: Vec<Signal>) -> Evaluated {
        let report = ReleaseReport {
            purl: wanted.release.purl(),
            verdict: Outcome::Error,
            error: Some(error.to_string()),
            reasons: Vec::new(),
            lifted: Vec::new(),
            signals: advisories,
            artifacts: Vec::new(),
            other_artifacts: 0,
            places: wanted.places.clone(),
            optional: wanted.optional,
            upstream: String::new(),
        };
        let mut evaluated = Evaluated { report, baseline: Vec::new(), shadow: Vec::new() };
        let malware: Vec<&Signal> = evaluated.report.signals.iter().filter(|signal| signal.id == "advisory/known-malware").collect();
        if !malware.is_empty() {
            let reason = bifocal_core::Reason {
                rule: bifocal_policy::KNOWN_MALWARE.to_owned(),
                verdict: Verdict::Deny,
                message: malware.iter().map(|signal| signal.message.clone()).collect::<Vec<_>>().join("; "),
                remedy: "remove it and look for what it did on the machines that installed it".to_owned(),
                signals: vec!["advisory/known-malware".to_owned()],
                fingerprints: malware.iter().map(|signal| signal.fingerprint.clone()).collect(),
            };
            evaluated.report.reasons.push(reason);
            evaluated.report.verdict = Outcome::Deny;
        }
        evaluated
    }

    fn context(&self, optional: bool) -> Context<'_> {
        Context {
            evaluated_at: self.evaluated_at,
            feeds: self.feeds.status(),
            decisions: &self.people.decisions,
            waivers: &self.people.waivers,
            overrides: &self.people.overrides,
            optional,
        }
    }

    /// All signals of all lenses, in an order that does not depend on what came first.
    fn assemble(&self, taken: &Taken, advisories: Vec<Signal>, pinned: bool) -> Assessment {
        let mut signals = advisories;
        signals.extend(taken.signals.iter().cloned());
        let facts: Vec<_> = taken
            .artifacts
            .iter()
            .map(|(_, facts)| {
                if pinned {
                    taken.pinned.iter().find(|(sha256, _)| *sha256 == facts.sha256).map_or(facts, |(_, stored)| stored)
                } else {
                    facts
                }
            })
            .collect();
        for facts in &facts {
            signals.extend(facts.signals.iter().cloned());
        }
        signals.extend(self.feeds.history(&taken.record, taken.artifacts.iter().map(|(_, facts)| facts)));
        signals.sort_by(|a, b| (a.lens, &a.id, &a.fingerprint).cmp(&(b.lens, &b.id, &b.fingerprint)));
        signals.dedup_by(|a, b| a.fingerprint == b.fingerprint);
        Assessment {
            schema_version: SCHEMA_VERSION,
            record: taken.record.clone(),
            artifacts: taken.artifacts.iter().map(|(file, facts)| (file.clone(), facts.sha256, facts.size)).collect(),
            signals,
        }
    }

    fn report(&self, wanted: &Wanted, taken: &Taken, assessment: Assessment, judgement: Judgement) -> ReleaseReport {
        // A feed that the policy requires and that cannot answer makes the release an error, unless it is denied anyway.
        let unanswered = !judgement.unanswered.is_empty() && judgement.verdict == Verdict::Allow;
        let error = (!judgement.unanswered.is_empty())
            .then(|| format!("policy {} asks what cannot be answered: {}", self.policy.name(), judgement.unanswered.join("; ")));
        let mut artifacts: Vec<ArtifactReport> = assessment
            .artifacts
            .iter()
            .map(|(file, sha256, size)| ArtifactReport { filename: file.filename.clone(), sha256: *sha256, size: *size })
            .collect();
        artifacts.sort_by(|a, b| a.filename.cmp(&b.filename));
        ReleaseReport {
            purl: wanted.release.purl(),
            verdict: if unanswered { Outcome::Error } else { judgement.verdict.into() },
            error,
            reasons: judgement.reasons,
            lifted: judgement.lifted,
            signals: assessment.signals,
            artifacts,
            other_artifacts: taken.others,
            places: wanted.places.clone(),
            optional: wanted.optional,
            upstream: taken.record.upstream.clone(),
        }
    }
}

/// How many files that lockfiles pin are not looked at, in a line.
fn passed_over(wanted: &[Wanted], taken: &BTreeMap<Release, Result<Taken, TakeError>>) -> Option<String> {
    let pins = |one: &&Wanted| one.declared.iter().any(|(artifact, _)| !artifact.digests.is_empty());
    let counts = wanted.iter().filter(pins).filter_map(|one| taken.get(&one.release)?.as_ref().ok().map(|taken| u64::from(taken.others)));
    let counts: Vec<u64> = counts.filter(|count| *count > 0).collect();
    let files = counted(counts.iter().sum(), "other file", "other files");
    let releases = counted(counts.len() as u64, "release", "releases");
    (!counts.is_empty()).then(|| {
        format!("{files} that lockfiles pin for {releases} and that the client here does not take; --all-artifacts looks at them too")
    })
}

fn change(release: &Release, now: &Judgement, then: &Judgement, under: String) -> Option<ShadowChange> {
    if now.verdict == then.verdict {
        return None;
    }
    let worse = if then.verdict > now.verdict { then } else { now };
    let rules = worse.reasons.iter().filter(|reason| reason.verdict == worse.verdict).map(|reason| reason.rule.clone()).collect();
    Some(ShadowChange { purl: release.purl(), now: now.verdict.into(), then: then.verdict.into(), under, rules })
}

/// The place of what a person typed.
pub(crate) fn command_line() -> Place {
    Place { path: Place::COMMAND_LINE.to_owned(), line: 0 }
}
