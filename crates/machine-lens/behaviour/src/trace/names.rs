//! What names stand for: variables by the scope in which they live.

use super::Tracer;
use super::value::{Data, Value};
use crate::facts::Taint;
use crate::ir::Sym;
use std::collections::hash_map::Entry;

impl Tracer<'_, '_> {
    pub(super) fn parent_scope(&self, scope: u32) -> Option<u32> {
        let function = self.module.functions.get(scope.checked_sub(1)? as usize)?;
        Some(function.parent.map_or(0, |parent| parent + 1))
    }

    pub(super) fn place_of(&self, name: Sym, scope: u32) -> Option<u32> {
        let mut at = scope;
        for _ in 0..256 {
            if self.env.contains_key(&(at, name)) {
                return Some(at);
            }
            at = self.parent_scope(at)?;
        }
        None
    }

    pub(super) fn lookup(&self, name: Sym, scope: u32) -> Option<&Value> {
        let mut at = scope;
        for _ in 0..256 {
            if let Some(value) = self.env.get(&(at, name)) {
                return Some(value);
            }
            at = self.parent_scope(at)?;
        }
        None
    }

    /// Binds a name where it already lives, or here.
    pub(super) fn bind(&mut self, name: Sym, value: Value, scope: u32) {
        let place = self.place_of(name, scope).unwrap_or(scope);
        self.bind_at(place, name, value);
    }

    pub(super) fn bind_at(&mut self, place: u32, name: Sym, mut value: Value) {
        if self.branch_depth > 0
            && let Some(old) = self.env.get(&(place, name))
        {
            value.taint = value.taint.with(old.taint);
            let says_nothing = matches!(value.data, Data::Unknown) || matches!(&value.data, Data::Text(text) if text.is_empty());
            if says_nothing && value.label.is_none() && !matches!(old.data, Data::Unknown) {
                value.data = old.data.clone();
                value.chain = old.chain.clone();
                value.label = old.label.clone();
            }
        }
        match self.env.entry((place, name)) {
            Entry::Vacant(slot) => {
                slot.insert(value);
                self.news += u64::from(self.is_outside(place));
            }
            Entry::Occupied(mut slot) => {
                let old = slot.insert(value);
                if self.is_outside(place) && !self.env.get(&(place, name)).is_some_and(|value| value.is_like(&old)) {
                    self.news += 1;
                }
            }
        }
    }

    /// Whether a scope outlives the function that is being read again.
    pub(super) fn is_outside(&self, place: u32) -> bool {
        self.inline_stack.last().is_some_and(|function| function + 1 != place)
    }

    /// Adds to what a variable carries.
    pub(super) fn taint_name(&mut self, name: Sym, scope: u32, taint: Taint) {
        if let Some(place) = self.place_of(name, scope)
            && let Some(value) = self.env.get_mut(&(place, name))
        {
            let grows = value.taint.with(taint) != value.taint;
            value.taint = value.taint.with(taint);
            self.news += u64::from(grows && self.is_outside(place));
        }
    }
}
