//! Signals about single gains. They annotate: honest upgrades have each of them.

use super::changes::hosts_of;
use super::fresh::View;
use bifocal_core::{Act, Does, Evidence, Lens, OddityKind, Severity, SignalDraft, SignalKind, Status, When, one_line};

/// Most places of one signal.
const MAX_PLACES: usize = 6;

/// The signals of a difference.
pub(super) fn of(view: &View<'_>) -> Vec<SignalDraft> {
    let mut out = Vec::new();
    hooks(view, &mut out);
    acts(view, &mut out);
    hosts(view, &mut out);
    oddities(view, &mut out);
    dependencies(view, &mut out);
    out
}

/// A finding that annotates.
fn habit(out: &mut Vec<SignalDraft>, id: &'static str, severity: Severity, message: String, mut evidence: Vec<Evidence>) {
    evidence.truncate(MAX_PLACES);
    if evidence.is_empty() {
        return;
    }
    out.push(SignalDraft {
        id,
        lens: Lens::Behaviour,
        status: Status::Present,
        severity,
        confidence: 0.8,
        kind: SignalKind::RiskyHabit,
        message: one_line(&message, 400),
        evidence,
    });
}

fn hooks(view: &View<'_>, out: &mut Vec<SignalDraft>) {
    let names: Vec<&str> = view.hooks.iter().map(|hook| hook.name.as_str()).take(3).collect();
    let places = view.hooks.iter().map(|hook| hook.place.clone()).collect();
    let message = format!("this update runs at install what the release before did not: {}", names.join(", "));
    habit(out, "behaviour/update-gained-install-script", Severity::Medium, message, places);
}

fn acts(view: &View<'_>, out: &mut Vec<SignalDraft>) {
    let places =
        |test: &dyn Fn(&Act) -> bool| -> Vec<Evidence> { view.acts.iter().filter(|act| test(act)).map(|act| act.place.clone()).collect() };
    let install = |act: &Act| act.does == Does::Network && act.when <= When::Start;
    habit(
        out,
        "behaviour/update-gained-network-at-install",
        Severity::Medium,
        "this update talks to a host while it is installed, in code that the release before did not have".to_owned(),
        places(&install),
    );
    let import = |act: &Act| act.does == Does::Network && act.when == When::Import;
    habit(
        out,
        "behaviour/update-gained-network-at-import",
        Severity::Medium,
        "this update talks to a host when it is imported, in code that the release before did not have".to_owned(),
        places(&import),
    );
    let runs = |act: &Act| matches!(act.does, Does::RunProgram | Does::RunCode) && act.when <= When::Import;
    habit(
        out,
        "behaviour/update-gained-execution",
        Severity::Low,
        "this update starts programs or runs text as code without a caller, in code that the release before did not have".to_owned(),
        places(&runs),
    );
    let secrets = |act: &Act| act.does == Does::ReadSecret;
    if !view.old.acts.iter().any(secrets) {
        habit(
            out,
            "behaviour/update-gained-secret-access",
            Severity::Medium,
            "this update reads keys, tokens or saved passwords, which the release before did not".to_owned(),
            places(&secrets),
        );
    }
}

fn hosts(view: &View<'_>, out: &mut Vec<SignalDraft>) {
    let known = hosts_of(view.old);
    let mut names = Vec::new();
    let mut places = Vec::new();
    let mut severity = Severity::Low;
    for (name, acts) in hosts_of(view.new) {
        let claims = || acts.iter().flat_map(|act| &act.hosts).filter(|host| host.name == name);
        if known.contains_key(name) || claims().all(|host| host.own) {
            continue;
        }
        if claims().any(|host| host.drop) {
            severity = Severity::Medium;
        }
        names.push(name);
        places.extend(acts.first().map(|act| act.place.clone()));
    }
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    habit(out, "behaviour/update-gained-host", severity, format!("this update names hosts that are new: {shown}{more}"), places);
}

fn oddities(view: &View<'_>, out: &mut Vec<SignalDraft>) {
    for (id, kinds, message) in [
        (
            "behaviour/update-gained-binary",
            &[OddityKind::Program][..],
            "this update brings programs or libraries that the release before did not have",
        ),
        (
            "behaviour/update-gained-opaque-code",
            &[OddityKind::Obfuscated, OddityKind::OutOfSight],
            "this update brings code that is made to be unreadable",
        ),
        (
            "behaviour/update-gained-page-hook",
            &[OddityKind::ReplacesRequests, OddityKind::WalletPattern, OddityKind::EmbeddedHook],
            "this update replaces the browser's request functions, matches wallet addresses, or holds a chat service's hook",
        ),
    ] {
        let places = view.oddities.iter().filter(|oddity| kinds.contains(&oddity.kind)).map(|oddity| oddity.place.clone()).collect();
        habit(out, id, Severity::Medium, message.to_owned(), places);
    }
}

fn dependencies(view: &View<'_>, out: &mut Vec<SignalDraft>) {
    let odd: Vec<_> = view.dependencies.iter().filter(|claim| claim.off_registry || claim.mentioned == Some(false)).collect();
    let (shown, severity) = if odd.is_empty() { (view.dependencies.iter().collect(), Severity::Info) } else { (odd, Severity::Medium) };
    let names: Vec<&str> = shown.iter().map(|claim| claim.name.as_str()).take(4).collect();
    let places = shown.iter().map(|claim| claim.place.clone()).collect();
    let why = if severity == Severity::Medium { ", from an address or named by no code of it" } else { "" };
    habit(
        out,
        "behaviour/update-gained-dependency",
        severity,
        format!("this update brings dependencies: {}{why}", names.join(", ")),
        places,
    );
}
