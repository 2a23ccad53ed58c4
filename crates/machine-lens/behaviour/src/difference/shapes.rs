//! Combinations of gains that hold: the shapes that trojanised updates have and honest upgrades practically never.
//!
//! All but the last two look at new code only ([`View::acts`]); an act that was found by words in a file that could not be
//! parsed is not enough.

use super::fresh::{View, path};
use bifocal_core::{Act, Carries, Does, Evidence, Lens, OddityKind, Severity, SignalDraft, SignalKind, Status, When, one_line};
use std::collections::BTreeMap;

/// Most places of one signal.
const MAX_PLACES: usize = 8;

/// Commands of install scripts that build or fetch native code or print a plea, and are in thousands of packages.
const BUILDERS: [&str; 16] = [
    "node-gyp",
    "node-gyp-build",
    "prebuild-install",
    "node-pre-gyp",
    "cmake-js",
    "napi",
    "prebuildify",
    "husky",
    "patch-package",
    "opencollective",
    "opencollective-postinstall",
    "only-allow",
    "is-ci",
    "tsc",
    "ngcc",
    "rimraf",
];

/// A combination in words, with its places.
type Shape = Option<(&'static str, Vec<Evidence>)>;

/// One signal for each combination that is there.
pub(super) fn held(view: &View<'_>) -> Vec<SignalDraft> {
    [
        install_hook(view),
        install_acts(view),
        import_acts(view),
        stolen(view),
        remote_code(view),
        shell_download(view),
        page_hook(view),
        unreadable(view),
        loaded_program(view),
        foreign_dependency(view),
    ]
    .into_iter()
    .flatten()
    .map(|(words, evidence)| signal(words, evidence))
    .collect()
}

fn signal(words: &str, mut evidence: Vec<Evidence>) -> SignalDraft {
    evidence.truncate(MAX_PLACES);
    SignalDraft {
        id: "behaviour/update-attack-shape",
        lens: Lens::Behaviour,
        status: Status::Present,
        severity: Severity::High,
        confidence: 0.93,
        kind: SignalKind::Malware,
        message: one_line(&format!("this update gained what trojanised updates gain: {words}"), 400),
        evidence,
    }
}

fn carries(act: &Act, any: &[Carries]) -> bool {
    act.carries.iter().any(|data| any.contains(data))
}

/// Runs a program, or runs as code what was fetched or decoded; `eval` alone is in most packages.
fn runs(act: &Act) -> bool {
    match act.does {
        Does::RunProgram | Does::NativeMemory | Does::Redirect => true,
        Does::RunCode => act.hidden || carries(act, &[Carries::Downloaded, Carries::Decoded, Carries::Dropped]),
        _ => false,
    }
}

fn is_talk(act: &Act) -> bool {
    act.does == Does::Network
}

/// Talks to somebody else than the project, a registry or this machine.
fn is_foreign_talk(act: &Act) -> bool {
    is_talk(act) && (act.hosts.is_empty() || act.hosts.iter().any(|host| !host.own))
}

fn takes(act: &Act) -> bool {
    matches!(act.does, Does::ReadSecret | Does::ReadEnvironment | Does::Spy)
        || carries(act, &[Carries::Secrets, Carries::Environment, Carries::Spied])
}

fn to_drop(act: &Act) -> bool {
    is_talk(act) && act.hosts.iter().any(|host| host.drop && !host.own)
}

/// New acts whose syntax was read and that run at `first..=last`.
fn between<'v>(view: &'v View<'_>, first: When, last: When) -> impl Iterator<Item = &'v Act> {
    view.acts.iter().copied().filter(move |act| !act.lexical && act.when >= first && act.when <= last)
}

fn by_file<'v>(acts: impl Iterator<Item = &'v Act>) -> BTreeMap<&'v str, Vec<&'v Act>> {
    let mut files: BTreeMap<&str, Vec<&Act>> = BTreeMap::new();
    for act in acts {
        files.entry(path(&act.place)).or_default().push(act);
    }
    files
}

fn places(acts: &[&Act]) -> Vec<Evidence> {
    acts.iter().map(|act| act.place.clone()).collect()
}

/// A new install script that is more than a native build, and what it starts acts on the world.
fn install_hook(view: &View<'_>) -> Shape {
    let hook = view.hooks.iter().find(|hook| !hook.command.is_empty() && !is_builder(&hook.command))?;
    // The command itself starts the script; what the script does is what counts.
    let acts: Vec<&Act> = between(view, When::Install, When::Install)
        .filter(|act| path(&act.place) != path(&hook.place) || is_foreign_talk(act) || act.hidden)
        .filter(|act| runs(act) || is_foreign_talk(act) || takes(act) || act.hidden || act.does == Does::Persist)
        .collect();
    if acts.is_empty() {
        return None;
    }
    Some((
        "an install script, and in it code that starts programs, talks to hosts or reads secrets",
        [vec![hook.place.clone()], places(&acts)].concat(),
    ))
}

fn is_builder(command: &str) -> bool {
    let words = command.split(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | '|' | '"' | '\''));
    words.filter(|word| !word.is_empty()).any(|word| BUILDERS.contains(&word.rsplit('/').next().unwrap_or(word)))
}

/// Two of: talks, runs, takes; at install or interpreter start, in one file.
fn install_acts(view: &View<'_>) -> Shape {
    for (_, acts) in by_file(between(view, When::Install, When::Start)) {
        let talks = acts.iter().any(|act| is_foreign_talk(act));
        let runs = acts.iter().any(|act| runs(act));
        let takes = acts.iter().any(|act| takes(act));
        let hidden = acts.iter().any(|act| act.hidden && (is_talk(act) || runs || takes));
        let drop = acts.iter().any(|act| to_drop(act));
        if (talks && (runs || takes)) || hidden || drop {
            let shown: Vec<&Act> =
                acts.iter().copied().filter(|act| is_talk(act) || self::runs(act) || self::takes(act) || act.hidden).collect();
            return Some((
                "code that runs at install, talks to a host, and starts programs or reads secrets or hides itself",
                places(&shown),
            ));
        }
    }
    None
}

/// The same at import, where more is honest: a flow, a hiding place or a collector has to be there.
fn import_acts(view: &View<'_>) -> Shape {
    for (_, acts) in by_file(between(view, When::Import, When::Load)) {
        let talks = acts.iter().any(|act| is_foreign_talk(act));
        let runs = acts.iter().any(|act| self::runs(act) && act.when == When::Import);
        let drop = acts.iter().any(|act| to_drop(act));
        let hidden = acts.iter().any(|act| act.hidden && (is_talk(act) || self::runs(act)));
        if (talks && runs) || drop || hidden {
            let shown: Vec<&Act> = acts.iter().copied().filter(|act| is_talk(act) || self::runs(act) || act.hidden).collect();
            return Some(("code that runs at import, talks to a host, and starts programs or hides itself", places(&shown)));
        }
    }
    None
}

/// Secrets, the whole environment or what was spied flows to a host, in new code, whenever it runs.
fn stolen(view: &View<'_>) -> Shape {
    for (_, acts) in by_file(between(view, When::Install, When::Call).filter(|act| act.when != When::Command)) {
        let flows: Vec<&Act> = acts
            .iter()
            .copied()
            .filter(|act| is_foreign_talk(act) && carries(act, &[Carries::Secrets, Carries::Environment, Carries::Spied]))
            .collect();
        let beside = acts.iter().any(|act| act.when <= When::Import && is_foreign_talk(act))
            && acts.iter().any(|act| act.when <= When::Import && matches!(act.does, Does::ReadSecret | Does::ReadEnvironment | Does::Spy));
        let bulk = flows.iter().any(|act| carries(act, &[Carries::Environment]) || act.when <= When::Load) && !flows.is_empty();
        // In a function, both have to be new to the whole package, or the host one that collects for whoever is not named.
        let reads = acts.iter().any(|act| act.does == Does::ReadSecret);
        let first = |does| !view.old.acts.iter().any(|act| act.does == does);
        let both_first = view.old.complete && first(Does::ReadSecret) && first(Does::Network);
        let called = reads && acts.iter().any(|act| to_drop(act) || (both_first && is_foreign_talk(act)));
        if bulk || beside || called {
            let shown: Vec<&Act> = acts.iter().copied().filter(|act| is_talk(act) || takes(act)).collect();
            return Some(("code that sends secrets or the whole environment to a host", places(&shown)));
        }
    }
    None
}

/// What comes from a host is run.
fn remote_code(view: &View<'_>) -> Shape {
    let acts: Vec<&Act> = between(view, When::Install, When::Call)
        .filter(|act| act.when != When::Command)
        .filter(|act| {
            let fetched = carries(act, &[Carries::Downloaded]);
            let runs_code = act.does == Does::RunCode && fetched;
            let runs_file = act.does == Does::RunProgram && fetched && carries(act, &[Carries::Dropped]);
            let decoded = act.does == Does::RunCode && act.when <= When::Load && carries(act, &[Carries::Decoded]);
            runs_code || runs_file || decoded || act.does == Does::Redirect
        })
        .collect();
    (!acts.is_empty()).then(|| ("code that runs what it fetched or decoded", places(&acts)))
}

/// A shell command in new code that fetches from a host the package never named before, and runs something.
fn shell_download(view: &View<'_>) -> Shape {
    let known = super::changes::hosts_of(view.old);
    for (_, acts) in by_file(between(view, When::Install, When::Call).filter(|act| act.when != When::Command)) {
        let fetches: Vec<&Act> = acts
            .iter()
            .copied()
            .filter(|act| is_foreign_talk(act) && act.api.starts_with("sh:"))
            .filter(|act| act.hosts.iter().any(|host| !host.own && !known.contains_key(host.name.as_str())))
            .collect();
        let starts: Vec<&Act> = acts.iter().copied().filter(|act| act.does == Does::RunProgram).collect();
        if !fetches.is_empty() && !starts.is_empty() {
            return Some(("a shell command that fetches from a host which is new to the package", places(&[fetches, starts].concat())));
        }
    }
    None
}

/// The page's own request functions are replaced beside patterns for wallet addresses.
fn page_hook(view: &View<'_>) -> Shape {
    let of = |kind| view.oddities.iter().filter(move |oddity| oddity.kind == kind);
    for replaced in of(OddityKind::ReplacesRequests).filter(|oddity| oddity.when <= Some(When::Load)) {
        if let Some(wallet) = of(OddityKind::WalletPattern).find(|wallet| path(&wallet.place) == path(&replaced.place)) {
            return Some((
                "code that replaces a page's request functions and matches wallet addresses",
                vec![replaced.place.clone(), wallet.place.clone()],
            ));
        }
    }
    None
}

/// The first unreadable file of a package, in code that runs by itself.
fn unreadable(view: &View<'_>) -> Shape {
    let is_opaque = |kind| matches!(kind, OddityKind::Obfuscated | OddityKind::OutOfSight);
    if view.old.oddities.iter().any(|oddity| is_opaque(oddity.kind)) {
        return None;
    }
    let found: Vec<Evidence> = view
        .oddities
        .iter()
        .filter(|oddity| is_opaque(oddity.kind) && oddity.when.is_some_and(|when| when <= When::Import))
        .map(|oddity| oddity.place.clone())
        .collect();
    (!found.is_empty()).then_some(("code made to be unreadable, which runs by itself, in a package that had none", found))
}

/// A program or library in a package that had none, named by code that runs by itself.
fn loaded_program(view: &View<'_>) -> Shape {
    if view.old.oddities.iter().any(|oddity| oddity.kind == OddityKind::Program) {
        return None;
    }
    let found: Vec<Evidence> = view
        .oddities
        .iter()
        .filter(|oddity| oddity.kind == OddityKind::Program && oddity.when.is_some_and(|when| when <= When::Import))
        .map(|oddity| oddity.place.clone())
        .collect();
    (!found.is_empty()).then_some(("a program or library that code which runs by itself names, in a package that had none", found))
}

/// A dependency that comes from an address, in a package whose dependencies all came from the registry.
fn foreign_dependency(view: &View<'_>) -> Shape {
    if view.old.dependencies.iter().any(|claim| claim.off_registry) {
        return None;
    }
    let found: Vec<Evidence> = view.dependencies.iter().filter(|claim| claim.off_registry).map(|claim| claim.place.clone()).collect();
    (!found.is_empty()).then_some(("a dependency that is fetched from an address instead of the registry", found))
}
