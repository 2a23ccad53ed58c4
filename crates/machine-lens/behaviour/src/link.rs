//! Data flow across the files of one package.
//!
//! In: what every file shares and asks for after it was read by itself. Out: for the files for which that tells
//! something new, what the others say: the value behind an imported name, what a call into another file gives, and
//! what callers hand to a function. Only files that could do something with it are worth a second reading.

use crate::facts::{Capability, Taint};
use crate::trace::Outcome;
use crate::trace::across::{Links, merge};
use crate::trace::value::{Data, Value};
use std::collections::BTreeMap;

/// Most files that are read again in one round.
const MAX_AGAIN: usize = 200;

/// Packages of so many files or fewer are followed more closely.
const SMALL: usize = 40;

/// What a file can do with data from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
struct Sinks {
    runs: bool,
    sends: bool,
    writes: bool,
    /// Hands things on to other files of the package.
    passes: bool,
}

impl Sinks {
    fn of(outcome: &Outcome) -> Sinks {
        let mut sinks = Sinks { passes: !outcome.foreign_calls.is_empty(), ..Sinks::default() };
        for fact in &outcome.facts {
            match fact.capability {
                Capability::Spawn | Capability::Eval => sinks.runs = true,
                Capability::Network | Capability::Socket | Capability::Dns => sinks.sends = true,
                Capability::FileWrite => sinks.writes = true,
                _ => {}
            }
        }
        sinks
    }

    /// Whether such a value can change what is known of a file with these sinks. `small`: the package has few files.
    fn can_use(self, value: &Value, small: bool) -> bool {
        let taint = value.taint;
        let code = taint.has(Taint::NETWORK.with(Taint::DECODED).with(Taint::CIPHER).with(Taint::DROPPED).with(Taint::SOCKET));
        let loot = taint.has(Taint::SENSITIVE.with(Taint::ENVIRONMENT).with(Taint::HOST).with(Taint::CLIPBOARD));
        let says = match &value.data {
            Data::Text(text) | Data::Partial(text) => says_something(text),
            Data::Bytes(bytes) => bytes.len() >= 64,
            Data::List(_) => self.runs,
            Data::Api(path) => is_sink_name(path),
            _ => false,
        };
        let hidden = taint.has(Taint::DECODED.with(Taint::CIPHER).with(Taint::DROPPED));
        (self.passes && (loot || hidden || (says && small)))
            || (self.passes && small && code)
            || ((self.runs || self.writes) && code)
            || (self.sends && loot)
            || ((self.runs || self.sends || self.writes) && says)
            || matches!(&value.data, Data::Api(path) if is_sink_name(path))
    }
}

/// An address that is not just any, a long encoded text, a command.
fn says_something(text: &str) -> bool {
    if text.contains("://") {
        return crate::place::destinations(text).iter().any(|to| to.is_drop() || to.is_anybodys());
    }
    let words = ["curl ", "wget ", "powershell", "/bin/sh", "bash ", "import ", "exec(", "eval(", "require("];
    words.iter().any(|word| text.contains(word)) || (text.len() >= 120 && !text.contains(' '))
}

/// An interface under another name.
fn is_sink_name(path: &str) -> bool {
    ["os.system", "subprocess", "child_process", "exec", "eval", "requests", "urllib", "axios", "https", "base64", "Function"]
        .iter()
        .any(|name| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Which files are worth reading again, and with what.
///
/// `resolve` gives the file and the name in it that a path in a file means.
pub(crate) fn plan(outcomes: &[&Outcome], resolve: impl Fn(usize, &str) -> Option<(usize, String)>) -> BTreeMap<usize, Links> {
    let mut links: BTreeMap<usize, Links> = BTreeMap::new();
    // Following what merely passes through is cheap in a small package and of little use in a large one.
    let small = outcomes.len() <= SMALL;
    let sinks: Vec<Sinks> = outcomes.iter().map(|outcome| Sinks::of(outcome)).collect();
    for (index, outcome) in outcomes.iter().enumerate() {
        for want in &outcome.shared.wants {
            // A name that was asked for, and what calling it gives.
            let (bare, called) = match want.strip_suffix("()") {
                Some(bare) => (bare, true),
                None => (&**want, false),
            };
            let Some((to, name)) = resolve(index, bare) else { continue };
            let key = if called { format!("{name}()") } else { name };
            if to == index {
                continue;
            }
            if let Some(value) = outcomes[to].shared.values.get(&key)
                && sinks[index].can_use(value, small)
            {
                links.entry(index).or_default().values.insert(want.clone(), value.clone());
            }
        }
        for (path, args) in &outcome.shared.given {
            let Some((to, name)) = resolve(index, path) else { continue };
            if to == index || !args.iter().any(|arg| sinks[to].can_use(arg, small)) {
                continue;
            }
            let exports = &outcomes[to].exports;
            let first = name.split('.').next().unwrap_or(&name);
            for scope in exports.get(&name).or_else(|| exports.get(first)).into_iter().flatten() {
                merge(links.entry(to).or_default().params.entry(*scope).or_default(), args);
            }
        }
    }
    links.retain(|_, link| !link.is_empty());
    while links.len() > MAX_AGAIN {
        links.pop_last();
    }
    links
}

/// Takes over what a second reading found.
pub(crate) fn renew(old: &mut Outcome, new: Outcome) {
    // Edges and loads of the first reading stay true: an interface behind a linked name is no module any more.
    let before = std::mem::replace(old, new);
    old.edges.extend(before.edges);
    old.loads.extend(before.loads);
    old.runs.extend(before.runs);
    old.foreign_calls.extend(before.foreign_calls);
}
