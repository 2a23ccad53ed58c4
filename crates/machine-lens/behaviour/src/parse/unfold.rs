//! JavaScript with what its own computations hide: the script is read with its texts in place, and the texts that it
//! would run as code are read as sources of their own. See [`crate::peel::script`].

use super::{javascript, trace_text};
use crate::facts::{Capability, Language, Taint};
use crate::peel::script::{self, Evaluated};
use crate::trace::across::Links;
use crate::trace::value::{HOLE, Value, cut};
use crate::trace::{Budget, Outcome, RawFact, lift, trace_within};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// Reads a script. `None`: it is none.
pub(super) fn read(
    text: &str,
    path: &str,
    own_modules: &BTreeSet<String>,
    nesting: u32,
    links: Option<&Links>,
    budget: &mut Budget,
    outer: HashMap<Rc<str>, Value>,
) -> Option<Outcome> {
    // A text that came out of a value may be no script at all; a file is one as far as it goes.
    let in_part = |text: &str| if nesting == 0 { javascript::lower_in_part(text, path) } else { None };
    // The same text may come again, and looking below its surface costs more than reading it.
    let unfolded = if budget.steps > 100_000 { script::unfold(text) } else { None };
    let Some(unfolded) = unfolded else {
        let module = javascript::lower(text, path).or_else(|| in_part(text))?;
        return Some(trace_within(&module, Language::JavaScript, own_modules, nesting, links, budget, outer));
    };
    budget.steps = budget.steps.saturating_sub(text.len() as u64 / 4);
    let surface = unfolded.rewritten.as_ref().map_or(text, |rewritten| &rewritten.text);
    let module = javascript::lower(surface, path).or_else(|| javascript::lower(text, path)).or_else(|| in_part(text))?;
    let mut outcome = trace_within(&module, Language::JavaScript, own_modules, nesting, links, budget, outer);
    if let Some(rewritten) = &unfolded.rewritten {
        for fact in &mut outcome.facts {
            // Nested layers keep their own text; here the replaced one says more than the script's.
            if fact.inner.is_none() {
                fact.inner = Some(Rc::from(crate::trace::snippet(surface, fact.at, fact.end)));
            }
            fact.at = rewritten.origin(fact.at);
            fact.end = rewritten.origin(fact.end).max(fact.at);
            fact.chain.insert(0, unfolded.layer);
        }
    }
    for Evaluated { at, end, text } in unfolded.evaluated {
        let known = outcome
            .facts
            .iter()
            .any(|fact| fact.capability == Capability::Eval && fact.at == at && !fact.args.iter().any(|arg| arg.contains(HOLE)));
        if !known {
            below(&text, unfolded.layer, (at, end), own_modules, nesting, budget, &mut outcome);
        }
    }
    Some(outcome)
}

/// Reads text that a script runs at a place.
fn below(
    text: &str,
    layer: &'static str,
    (at, end): (u32, u32),
    own: &BTreeSet<String>,
    nesting: u32,
    budget: &mut Budget,
    outcome: &mut Outcome,
) {
    outcome.facts.push(RawFact {
        capability: Capability::Eval,
        api: Rc::from("eval"),
        taint: Taint::DECODED,
        args: vec![cut(text, 300).to_owned()],
        at,
        end,
        inner: None,
        chain: vec![layer],
        line: 0,
        scope: 0,
        dormant: false,
        gate: Taint::NONE,
    });
    if nesting >= crate::peel::MAX_DEPTH {
        return;
    }
    if let Some(inner) = trace_text(text, Language::JavaScript, own, nesting + 1, budget, HashMap::new()) {
        outcome.runs.extend(inner.runs.iter().cloned());
        let (facts, loads, reads) = lift(inner, Some(text), &[layer]);
        outcome.facts.extend(facts.into_iter().map(|fact| RawFact { at, end, scope: 0, ..fact }));
        outcome.loads.extend(loads.into_iter().map(|load| (0, load)));
        outcome.reads.extend(reads);
    }
}
