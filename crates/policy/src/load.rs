//! From the text of a policy file to a [`Policy`], or every mistake in it at once.

use crate::builtin::is_built_in;
use crate::check::compile;
use crate::document::{Keys, Located, inside_string};
use crate::fold::{Certain, certain};
use crate::ir::Node;
use crate::judge::{Group, Needs, Policy, Rule};
use crate::message::Template;
use crate::packs::{PACKS, pack};
use crate::people::MAX_OVERRIDE;
use crate::problem::{Level, PolicyError, Problem, Problems, nearest, shown};
use crate::{KnownSignals, MAX_CONDITION, MAX_FILE, MAX_RULES};
use bifocal_core::{Ecosystem, MalwareOverride, SCHEMA_VERSION, Verdict, Waiver, different_people};
use jiff::Timestamp;
use std::collections::BTreeMap;
use toml_edit::TableLike;

/// A policy that can be used, and what is probably not meant in it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Mistakes that do not stop it, in the file's order.
    pub warnings: Vec<Problem>,
}

const TOP: &[&str] = &[
    "schema_version",
    "name",
    "description",
    "extends",
    "mode",
    "disable",
    "feeds",
    "require",
    "rule",
    "group",
    "waiver",
    "malware_override",
];
const RULE: &[&str] = &["name", "when", "verdict", "message", "remedy", "waivable"];
const GROUP: &[&str] = &["name", "first_match", "rule"];
const WAIVER: &[&str] = &["purl", "rules", "reason", "until"];
const OVERRIDE: &[&str] = &["record", "sha256", "package", "by", "reason", "since", "until"];
/// Packs that extend packs.
const MAX_EXTENDS: usize = 4;

impl Policy {
    /// Reads a policy.
    ///
    /// `file` is the name used in messages; `known` are the signal ids of this build; `now`, where given, is the time
    /// against which end dates are checked.
    ///
    /// # Errors
    /// Every mistake of the file, in its order.
    pub fn load(text: &str, file: &str, known: &KnownSignals, now: Option<Timestamp>) -> Result<Loaded, PolicyError> {
        load_at(text, file, known, now, 0)
    }

    /// One of the packs, by name.
    ///
    /// # Errors
    /// No pack has the name, or it names a signal that this build does not know.
    pub fn pack(name: &str, known: &KnownSignals) -> Result<Policy, PolicyError> {
        match pack(name) {
            Some(text) => Policy::load(text, &pack_file(name), known, None).map(|loaded| loaded.policy),
            None => {
                let mut problems = Problems::new("(policy)", "");
                problems.error(0, format!("no policy is called `{}`", shown(name)), nearest(name, PACKS.iter().map(|(name, _)| *name)));
                Err(PolicyError(problems.into_sorted()))
            }
        }
    }
}

/// The feeds that answer questions: for the release's ecosystem, or for one.
fn feed_names() -> Vec<String> {
    let kinds = ["osv", "popularity"];
    let whole = kinds.iter().map(|kind| (*kind).to_owned());
    whole.chain(kinds.iter().flat_map(|kind| Ecosystem::ALL.into_iter().map(move |ecosystem| format!("{kind}/{ecosystem}")))).collect()
}

fn pack_file(name: &str) -> String {
    format!("policies/{name}.toml")
}

fn load_at(text: &str, file: &str, known: &KnownSignals, now: Option<Timestamp>, depth: usize) -> Result<Loaded, PolicyError> {
    let mut problems = Problems::new(file, text);
    if text.len() > MAX_FILE {
        problems.error(0, format!("the policy has {} bytes, more than {MAX_FILE}", text.len()), "");
        return Err(PolicyError(problems.into_sorted()));
    }
    let document = match toml_edit::Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            problems.error(at, format!("not TOML: {}", bifocal_core::one_line(error.message(), 200)), "");
            return Err(PolicyError(problems.into_sorted()));
        }
    };
    let mut loader = Loader { text, known, now, problems };
    let policy = loader.policy(document.as_table(), depth);
    let found = loader.problems.into_sorted();
    match policy {
        Some(policy) if found.iter().all(|problem| problem.level == Level::Warning) => Ok(Loaded { policy, warnings: found }),
        _ => Err(PolicyError(found)),
    }
}

struct Loader<'t> {
    text: &'t str,
    known: &'t KnownSignals,
    now: Option<Timestamp>,
    problems: Problems<'t>,
}

impl Loader<'_> {
    fn policy(&mut self, table: &dyn TableLike, depth: usize) -> Option<Policy> {
        let mut keys = Keys::new(table, 0, "the policy", TOP, &mut self.problems);
        match keys.number("schema_version", i64::from(u32::MAX)) {
            Some(version) if version == i64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                let message = format!("schema_version is {version}; this program reads {SCHEMA_VERSION}");
                keys.problems().error(0, message, "use a program as new as the policy");
            }
            None if table.get("schema_version").is_none() => keys.missing("schema_version", "write `schema_version = 1`"),
            None => {}
        }
        let name = keys.required_text("name", 64, "a policy has a name").map(|found| found.value);
        let description = keys.text("description", 2000).map(|found| found.value).unwrap_or_default();
        let extends = keys.text("extends", 64);
        let mode = keys.text("mode", 64);
        let disabled = keys.texts("disable").unwrap_or_default();
        let feeds = keys.table("feeds");
        let require = keys.table("require");
        let rules = keys.tables("rule");
        let groups = keys.tables("group");
        let waivers = keys.tables("waiver");
        let overrides = keys.tables("malware_override");

        let mut policy = self.base(extends.as_ref(), depth).unwrap_or_else(Policy::empty);
        policy.name = name.unwrap_or_default();
        policy.description = description;
        self.mode(mode.as_ref(), &mut policy);
        self.needs(feeds, require, &mut policy.needs);
        for rule in &disabled {
            if !policy.remove(&rule.value) {
                let hint = nearest(&rule.value, policy.rules().map(|rule| rule.name.as_str()));
                self.problems.error(rule.span.start, format!("no rule `{}` to disable", shown(&rule.value)), hint);
            }
        }
        let mut seen = BTreeMap::new();
        let mut own = Group { name: None, first_match: false, rules: Vec::new() };
        for (table, at) in rules {
            self.rule(table, at, &mut seen, &mut own);
        }
        let mut own_groups = vec![own];
        for (table, at) in groups {
            own_groups.extend(self.group(table, at, &mut seen));
        }
        policy.add(own_groups);
        if extends.is_none() && table.get("rule").is_none() && table.get("group").is_none() {
            self.problems.warning(0, "the policy has no rules of its own", "only the built-in rules apply");
        }
        if policy.rules().count() > MAX_RULES {
            self.problems.error(0, format!("the policy has more than {MAX_RULES} rules"), "");
        }
        for (table, at) in waivers {
            let waiver = self.waiver(table, at, &policy);
            policy.waivers.extend(waiver);
        }
        for (table, at) in overrides {
            let lifted = self.malware_override(table, at);
            policy.overrides.extend(lifted);
        }
        policy.seal();
        Some(policy)
    }

    fn base(&mut self, extends: Option<&Located<String>>, depth: usize) -> Option<Policy> {
        let extends = extends?;
        let Some(text) = pack(&extends.value) else {
            let hint = nearest(&extends.value, PACKS.iter().map(|(name, _)| *name));
            self.problems.error(extends.span.start, format!("no policy `{}` to extend", shown(&extends.value)), hint);
            return None;
        };
        if depth >= MAX_EXTENDS {
            self.problems.error(extends.span.start, format!("policies extend each other more than {MAX_EXTENDS} times"), "");
            return None;
        }
        // A signal that a pack names and this build lacks is a mistake of the program and not of this file; tests find it.
        match load_at(text, &pack_file(&extends.value), &KnownSignals::unchecked(), None, depth + 1) {
            Ok(loaded) => Some(loaded.policy),
            Err(PolicyError(problems)) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                self.problems.error(extends.span.start, format!("the policy that it extends is wrong: {first}"), "");
                None
            }
        }
    }

    fn mode(&mut self, mode: Option<&Located<String>>, policy: &mut Policy) {
        match mode.map(|mode| mode.value.as_str()) {
            None => {}
            Some("enforce") => policy.enforce = true,
            Some("observe") => policy.enforce = false,
            Some(other) => {
                let hint = nearest(other, ["enforce", "observe"].into_iter());
                let at = mode.map_or(0, |mode| mode.span.start);
                self.problems.error(at, format!("unknown mode `{}`", shown(other)), hint);
            }
        }
    }

    fn needs(&mut self, feeds: Option<(&dyn TableLike, usize)>, require: Option<(&dyn TableLike, usize)>, needs: &mut Needs) {
        if let Some((table, at)) = feeds {
            let mut keys = Keys::new(table, at, "[feeds]", &["require", "stale_after_days"], &mut self.problems);
            let names = keys.texts("require");
            if let Some(days) = keys.number("stale_after_days", 3650) {
                needs.stale_after_days = Some(days);
            }
            let known = feed_names();
            for name in names.iter().flatten().filter(|name| !known.contains(&name.value)) {
                let hint = nearest(&name.value, known.iter().map(String::as_str));
                self.problems.error(name.span.start, format!("no feed is called `{}`", shown(&name.value)), hint);
            }
            if let Some(names) = names {
                needs.feeds = names.into_iter().map(|name| name.value).collect();
            }
        }
        if let Some((table, at)) = require {
            let mut keys = Keys::new(table, at, "[require]", &["signals"], &mut self.problems);
            let patterns = keys.texts("signals");
            for pattern in patterns.iter().flatten() {
                if !self.known.matches(&pattern.value) {
                    let hint = nearest(&pattern.value, self.known.ids());
                    self.problems.error(pattern.span.start, format!("no signal is called `{}`", shown(&pattern.value)), hint);
                }
            }
            if let Some(patterns) = patterns {
                needs.signals = patterns.into_iter().map(|pattern| pattern.value).collect();
            }
        }
    }

    fn group(&mut self, table: &dyn TableLike, at: usize, seen: &mut BTreeMap<String, ()>) -> Option<Group> {
        let mut keys = Keys::new(table, at, "[[group]]", GROUP, &mut self.problems);
        let name = keys.required_text("name", 64, "a group has a name, so that it can be replaced");
        let first_match = keys.flag("first_match").unwrap_or(false);
        let rules = keys.tables("rule");
        if rules.is_empty() {
            keys.missing("rule", "write [[group.rule]] below it");
        }
        let mut group = Group { name: name.map(|name| name.value), first_match, rules: Vec::new() };
        for (table, at) in rules {
            self.rule(table, at, seen, &mut group);
        }
        Some(group)
    }

    fn rule(&mut self, table: &dyn TableLike, at: usize, seen: &mut BTreeMap<String, ()>, group: &mut Group) {
        let mut keys = Keys::new(table, at, "[[rule]]", RULE, &mut self.problems);
        let name = keys.required_text("name", 64, "a rule has a name in kebab-case");
        let when = keys.required_text("when", MAX_CONDITION, "write the condition, or `true`");
        let verdict = keys.required_text("verdict", 16, "allow, hold or deny");
        let message = keys.text("message", 2000);
        let remedy = keys.text("remedy", 2000).map(|remedy| remedy.value).unwrap_or_default();
        let waivable = keys.flag("waivable");

        let verdict = verdict.and_then(|verdict| self.verdict(&verdict));
        if message.is_none() && verdict.is_some_and(|verdict| verdict != Verdict::Allow) {
            let what = "[[rule]] has no `message`";
            self.problems.error(at, what, "say in one sentence what is wrong, for the person whose build stops");
        }
        let message = message.and_then(|message| self.template(&message)).unwrap_or_default();
        let condition = when.as_ref().and_then(|when| self.condition(when));
        let Some(name) = name else { return };
        self.rule_name(&name, seen);
        let (Some(when), Some(condition), Some(verdict)) = (when, condition, verdict) else { return };
        let certainty = certain(&condition);
        if let Certain::Never(why) = &certainty {
            self.problems.error(when.span.start, format!("rule `{}` can never match: {why}", shown(&name.value)), "");
        }
        if let Some(shadow) = group.rules.iter().find(|_| group.first_match).and(group.rules.iter().find(|rule| rule.always)) {
            let message = format!("rule `{}` is never reached: `{}` before it always matches", shown(&name.value), shown(&shadow.name));
            self.problems.error(name.span.start, message, "in a first_match group the first rule that matches ends the group");
        }
        group.rules.push(Rule {
            name: name.value,
            when: when.value.trim().to_owned(),
            always: certainty == Certain::Always,
            uses: crate::judge::Uses::of(&condition),
            condition,
            verdict,
            message,
            remedy,
            waivable: waivable.unwrap_or(verdict == Verdict::Hold),
        });
    }

    fn rule_name(&mut self, name: &Located<String>, seen: &mut BTreeMap<String, ()>) {
        let text = &name.value;
        let kebab = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if !kebab {
            let message = format!("rule name `{}` is not in kebab-case", shown(text));
            self.problems.error(name.span.start, message, "use lower-case letters, digits and single hyphens");
        }
        if is_built_in(text) {
            let message = format!("`{text}` is the name of a built-in rule");
            self.problems.error(name.span.start, message, "built-in rules always apply; choose another name");
        }
        if seen.insert(text.clone(), ()).is_some() {
            self.problems.error(name.span.start, format!("two rules are called `{}`", shown(text)), "");
        }
    }

    fn verdict(&mut self, verdict: &Located<String>) -> Option<Verdict> {
        let found = [Verdict::Allow, Verdict::Hold, Verdict::Deny].into_iter().find(|known| known.as_str() == verdict.value);
        if found.is_none() {
            let hint = nearest(&verdict.value, ["allow", "hold", "deny"].into_iter());
            self.problems.error(verdict.span.start, format!("unknown verdict `{}`", shown(&verdict.value)), hint);
        }
        found
    }

    fn template(&mut self, message: &Located<String>) -> Option<Template> {
        match Template::parse(&message.value) {
            Ok(template) => Some(template),
            Err((offset, what, hint)) => {
                self.problems.error(inside_string(self.text, &message.span, offset), what, hint);
                None
            }
        }
    }

    fn condition(&mut self, when: &Located<String>) -> Option<Node> {
        match compile(&when.value, self.known) {
            Ok(node) => Some(node),
            Err(mistakes) => {
                for mistake in mistakes {
                    self.problems.error(inside_string(self.text, &when.span, mistake.offset), mistake.message, mistake.hint);
                }
                None
            }
        }
    }

    fn waiver(&mut self, table: &dyn TableLike, at: usize, policy: &Policy) -> Option<Waiver> {
        let mut keys = Keys::new(table, at, "[[waiver]]", WAIVER, &mut self.problems);
        let purl = keys.required_text("purl", 2048, "a package URL, where `*` is any run of characters");
        let rules = keys.texts("rules").unwrap_or_default();
        let reason = keys.required_text("reason", 2000, "say why, for those who read the log");
        let until = keys.time("until", "a waiver has an end date");
        for rule in &rules {
            match policy.rules().find(|known| known.name == rule.value) {
                Some(known) if !known.waivable => {
                    let message = format!("rule `{}` does not let itself be waived", shown(&rule.value));
                    self.problems.error(rule.span.start, message, "set `waivable = true` on the rule, or leave it out here");
                }
                Some(_) => {}
                None if rule.value == crate::ANALYSIS_FAILED => {}
                None => {
                    let names = policy.rules().map(|rule| rule.name.as_str()).chain([crate::ANALYSIS_FAILED]);
                    let hint = nearest(&rule.value, names);
                    self.problems.error(rule.span.start, format!("the waiver names an unknown rule `{}`", shown(&rule.value)), hint);
                }
            }
        }
        let (purl, reason, until) = (purl?, reason?, until?);
        self.purl_pattern(&purl);
        if self.now.is_some_and(|now| until.value <= now) {
            self.problems.warning(until.span.start, "the waiver has ended", "renew it or take it out");
        }
        let rules = rules.into_iter().map(|rule| rule.value).collect();
        Some(Waiver { purl: purl.value, rules, findings: Vec::new(), reason: reason.value, until: until.value })
    }

    fn purl_pattern(&mut self, purl: &Located<String>) {
        let types: Vec<&str> = bifocal_core::Ecosystem::ALL.iter().map(|eco| eco.as_str()).collect();
        let kind = purl.value.strip_prefix("pkg:").and_then(|rest| rest.split('/').next());
        match kind {
            Some(kind) if kind.contains('*') || types.contains(&kind) => {}
            Some(kind) => {
                let hint = nearest(kind, types.iter().copied());
                self.problems.error(purl.span.start, format!("no ecosystem is called `{}`", shown(kind)), hint);
            }
            None => {
                self.problems.error(purl.span.start, "the pattern is not a package URL", "as in pkg:npm/left-pad@* or pkg:npm/%40acme/*")
            }
        }
        if purl.value.contains("/@") {
            self.problems.error(purl.span.start, "the `@` of a scope is written `%40` in a package URL", "as in pkg:npm/%40acme/*");
        }
    }

    fn malware_override(&mut self, table: &dyn TableLike, at: usize) -> Option<MalwareOverride> {
        let mut keys = Keys::new(table, at, "[[malware_override]]", OVERRIDE, &mut self.problems);
        let record = keys.required_text("record", 200, "the record's id, `MAL-…`");
        let sha256 = keys.required_text("sha256", 100, "the artifact's digest");
        let package = keys.required_text("package", 2048, "the package's URL without a version");
        let by = keys.texts("by").unwrap_or_default();
        let reason = keys.required_text("reason", 2000, "say why, for those who read the log");
        let since = keys.time("since", "when the second person signed");
        let until = keys.time("until", "at most 14 days after `since`");
        let by: Vec<String> = by.into_iter().map(|person| person.value).collect();
        match different_people(by.iter().map(String::as_str)) {
            Ok(people) if people >= 2 => {}
            Ok(_) => {
                let hint = "one person in two spellings, or a handle and its address, are one";
                self.problems.error(at, "[[malware_override]] needs two different people in `by`", hint);
            }
            Err(error) => self.problems.error(at, format!("[[malware_override]] `by`: {error}"), ""),
        }
        let (record, sha256, package, reason, since, until) = (record?, sha256?, package?, reason?, since?, until?);
        if until.value.duration_since(since.value) > MAX_OVERRIDE {
            self.problems.error(until.span.start, "the override lasts longer than 14 days", "");
        }
        if self.now.is_some_and(|now| until.value <= now) {
            self.problems.warning(until.span.start, "the override has ended", "take it out");
        }
        let digest = sha256.value.parse().map_err(|error: bifocal_core::DigestError| {
            self.problems.error(sha256.span.start, error.to_string(), "");
        });
        let name = package.value.parse().map_err(|error: bifocal_core::PurlError| {
            self.problems.error(package.span.start, error.to_string(), "");
        });
        Some(MalwareOverride {
            record: record.value,
            sha256: digest.ok()?,
            package: name.ok()?,
            by,
            reason: reason.value,
            since: since.value,
            until: until.value,
        })
    }
}
