//! What files of one package tell each other: constants, what functions give back, what they are handed.
//!
//! A file is first read by itself. What it shares ([`Shared`]) and what it asks for is then joined over the package
//! ([`crate::link`]), and files for which that tells something new are read again with [`Links`].

use super::value::{Data, Value};
use super::{Tracer, join};
use crate::facts::Taint;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Most names that one file shares or asks for.
const MAX_NAMES: usize = 2_000;
/// Shortest text that is worth handing on by itself: an encoded layer, an address.
const MIN_TEXT: usize = 8;
/// Longest text that is handed on.
const MAX_TEXT: usize = 1 << 20;

/// Data whose way through the package matters.
pub(crate) const FOLLOWED: Taint = Taint::SENSITIVE
    .with(Taint::NETWORK)
    .with(Taint::DECODED)
    .with(Taint::CIPHER)
    .with(Taint::ENVIRONMENT)
    .with(Taint::HOST)
    .with(Taint::DROPPED)
    .with(Taint::SOCKET)
    .with(Taint::CLIPBOARD)
    .with(Taint::CI)
    .with(Taint::REGION);

/// What a file shows to others.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Values by the name that others import; `name()` is what calling it gives.
    pub(crate) values: BTreeMap<String, Value>,
    /// Own-module paths that this file reads or calls, as it writes them.
    pub(crate) wants: BTreeSet<Rc<str>>,
    /// What it hands to functions of other files, by path as written.
    pub(crate) given: BTreeMap<Rc<str>, Vec<Value>>,
}

/// What other files say about one file.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// By path as this file writes it.
    pub(crate) values: HashMap<Rc<str>, Value>,
    /// By function scope: what others hand to it.
    pub(crate) params: BTreeMap<u32, Vec<Value>>,
}

impl Links {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.params.is_empty()
    }
}

/// The part of a value that means something outside of its file.
pub(crate) fn telling(value: &Value) -> Option<Value> {
    let data = match &value.data {
        Data::Text(text) | Data::Partial(text) if (MIN_TEXT..=MAX_TEXT).contains(&text.len()) => value.data.clone(),
        Data::Bytes(bytes) if (MIN_TEXT..=MAX_TEXT).contains(&bytes.len()) => value.data.clone(),
        Data::List(items) if items.len() >= 4 && items.iter().all(Value::is_known) => value.data.clone(),
        // An interface handed on: `run = os.system`.
        Data::Api(path) if !path.starts_with('.') => value.data.clone(),
        _ => Data::Unknown,
    };
    if matches!(data, Data::Unknown) && !value.taint.has(FOLLOWED) {
        return None;
    }
    Some(Value { data, taint: value.taint.only(FOLLOWED), chain: value.chain.clone(), label: value.label.clone(), ..Value::default() })
}

impl Tracer<'_, '_> {
    /// What an own-module path stands for, where another file says so.
    pub(super) fn linked(&mut self, path: &str) -> Option<Value> {
        if self.nesting == 0 && self.out.shared.wants.len() < MAX_NAMES && !self.out.shared.wants.contains(path) {
            self.out.shared.wants.insert(Rc::from(path));
        }
        self.links.and_then(|links| links.values.get(path)).cloned()
    }

    /// Remembers what a function of another file is handed.
    pub(super) fn give(&mut self, path: &Rc<str>, args: &[Value]) {
        if args.is_empty() || self.nesting > 0 {
            return;
        }
        let args: Vec<Value> = args.iter().take(8).map(|arg| telling(arg).unwrap_or_default()).collect();
        if args.iter().all(|arg| !arg.is_telling()) {
            return;
        }
        if let Some(have) = self.out.shared.given.get_mut(path) {
            merge(have, &args);
        } else if self.out.shared.given.len() < MAX_NAMES {
            self.out.shared.given.insert(path.clone(), args);
        }
    }

    /// Puts what others hand to this file's functions where their parameters are.
    pub(super) fn receive(&mut self) {
        let Some(links) = self.links else { return };
        for (scope, args) in &links.params {
            let Some(index) = scope.checked_sub(1) else { continue };
            let takes_self = self.module.functions.get(index as usize).is_some_and(|function| function.takes_self);
            for (at, arg) in args.iter().enumerate() {
                if arg.is_telling() {
                    self.param_in.insert((index, at + usize::from(takes_self)), arg.clone());
                }
            }
        }
    }

    /// Collects what others may see.
    pub(super) fn share(&mut self) {
        if self.nesting > 0 {
            return;
        }
        let mut values: BTreeMap<String, Value> = std::mem::take(&mut self.out.shared.values);
        let mut methods: Vec<(String, Vec<u32>)> = Vec::new();
        for ((scope, name), value) in &self.env {
            if *scope != 0 || values.len() >= MAX_NAMES {
                continue;
            }
            let name = self.module.names.text(*name);
            if let Data::Instance(class) = value.data
                && let Some(class) = self.module.classes.get(class as usize)
            {
                methods.extend(class.methods.iter().take(64).map(|(method, function)| (format!("{name}.{method}"), vec![function + 1])));
            }
            if let Some(value) = telling(value) {
                values.entry(name.to_string()).or_insert(value);
            }
        }
        // The environment's order is not stable; what is cut off must not depend on it.
        methods.sort();
        for (name, scopes) in methods.into_iter().take(MAX_NAMES) {
            self.export_text(&name, scopes);
        }
        for (name, scopes) in &self.out.exports {
            let given = scopes.iter().filter_map(|scope| self.returns.get(&scope.checked_sub(1)?)).filter_map(telling);
            if let Some(value) = given.reduce(|all, value| join(&all, &value))
                && values.len() < MAX_NAMES
            {
                values.insert(format!("{name}()"), value);
            }
        }
        self.out.shared.values = values;
    }
}

/// Adds a second call's arguments to the first's: all that is carried, the first text that is known.
pub(crate) fn merge(have: &mut Vec<Value>, more: &[Value]) {
    for (at, value) in more.iter().enumerate() {
        match have.get_mut(at) {
            Some(slot) => {
                let taint = slot.taint.with(value.taint);
                if matches!(slot.data, Data::Unknown) || (is_address(value) && !is_address(slot)) {
                    *slot = value.clone();
                }
                slot.taint = taint;
            }
            None => have.push(value.clone()),
        }
    }
}

fn is_address(value: &Value) -> bool {
    matches!(&value.data, Data::Text(text) | Data::Partial(text) if text.contains("://"))
}
