//! When reading a function again at its calls stops being worth it.
//!
//! A function is read again at a call because its arguments may tell more: a command to run, a text to decode. Most
//! functions do nothing with them that the tracer follows, and reading those at every call is where the time went. So
//! what came of it is remembered by the *manner* of the call: which function, and of each argument its kind, its texts and what it
//! carries. A manner that brought nothing new several times in a row is not read again; its last result stands.
//! An argument of another kind, another text, interface or callback, or data from elsewhere is another manner. What the last
//! result lacks, the function's own reading with all arguments joined still has.

use super::value::{Data, Value};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash as _, Hasher, RandomState};

/// So many readings in a row without anything new are enough.
const DULL: u8 = 3;
/// Most manners that are remembered.
const MAX_MANNERS: usize = 50_000;

/// A function and the kinds of arguments that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Manner {
    function: u32,
    kinds: u64,
}

/// The kind of a value, what it carries, and its texts: whether a path or an address matters depends on its wording, and
/// three harmless ones must not cover a fourth. Numbers and bytes count by kind.
fn describe(value: &Value, depth: u32, hasher: &mut impl Hasher) {
    const ITEMS: usize = 64;
    std::mem::discriminant(&value.data).hash(hasher);
    match &value.data {
        Data::Function(id) | Data::Class(id) | Data::Instance(id) => id.hash(hasher),
        Data::Api(text) | Data::Text(text) | Data::Partial(text) => (text.len(), &text.as_bytes()[..text.len().min(512)]).hash(hasher),
        Data::List(items) if depth < 2 => items.iter().take(ITEMS).for_each(|item| describe(item, depth + 1, hasher)),
        Data::Dict(items) if depth < 2 => items.iter().take(ITEMS).for_each(|(_, item)| describe(item, depth + 1, hasher)),
        _ => {}
    }
    (value.taint.0, value.chain.is_some(), value.label.is_some()).hash(hasher);
}

#[derive(Debug)]
struct Habit {
    /// Readings in a row that brought nothing new.
    dull: u8,
    last: Value,
}

/// What calls in one pass over a file came to.
#[derive(Debug, Default)]
pub(super) struct Habits {
    of: HashMap<Manner, Habit>,
    /// Chosen anew for each file, so that nobody can choose texts that count as one.
    seed: RandomState,
}

impl Habits {
    pub(super) fn manner(&self, function: u32, args: &[Value]) -> Manner {
        let mut hasher = self.seed.build_hasher();
        args.iter().for_each(|arg| describe(arg, 0, &mut hasher));
        Manner { function, kinds: hasher.finish() }
    }

    pub(super) fn clear(&mut self) {
        self.of.clear();
    }

    /// The result that stands for a call that is not worth reading any more.
    pub(super) fn worn(&self, manner: &Manner) -> Option<Value> {
        self.of.get(manner).filter(|habit| habit.dull >= DULL).map(|habit| habit.last.clone())
    }

    /// Remembers what reading a call gave. `learnt`: something that outlives the function.
    pub(super) fn note(&mut self, manner: Manner, value: &Value, learnt: bool) {
        if let Some(habit) = self.of.get_mut(&manner) {
            habit.dull = if !learnt && value.is_like(&habit.last) { habit.dull.saturating_add(1) } else { 0 };
            habit.last = value.clone();
        } else if self.of.len() < MAX_MANNERS {
            self.of.insert(manner, Habit { dull: u8::from(!learnt), last: value.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Taint;

    #[test]
    fn a_manner_wears_out_and_another_one_does_not() {
        let (text, number) = (Value::text("a"), Value::number(3.0));
        let mut habits = Habits::default();
        let dull = habits.manner(7, &[text.clone(), number.clone()]);
        for _ in 0..DULL {
            assert!(habits.worn(&dull).is_none());
            habits.note(dull, &Value::number(1.0), false);
        }
        // Another number is the same manner; another text, other data, another kind and another function are not.
        let same = habits.manner(7, &[text.clone(), Value::number(4.0)]);
        assert_eq!(habits.worn(&same).and_then(|value| value.as_number()), Some(1.0));
        let secret = text.clone().tainted(Taint::SECRET_ENV);
        for first in [Value::text("~/.ssh/id_rsa"), secret, Value::bytes(vec![1])] {
            assert!(habits.worn(&habits.manner(7, &[first, number.clone()])).is_none());
        }
        assert!(habits.worn(&habits.manner(8, &[text, number])).is_none());
    }

    #[test]
    fn what_tells_something_new_is_read_on() {
        let mut habits = Habits::default();
        let manner = habits.manner(1, &[Value::text("a")]);
        for round in 0..20 {
            // A decoder gives another text each time; a writer leaves something behind.
            habits.note(manner, &Value::number(f64::from(round)), false);
            assert!(habits.worn(&manner).is_none());
            habits.note(manner, &Value::number(f64::from(round)), true);
            assert!(habits.worn(&manner).is_none());
        }
    }
}
