//! Evaluates a checked condition and notes the signals that decided it.
//!
//! Every part of a condition is evaluated in a *wanted* direction: true at the top, false below a `!`. A part that
//! comes out as wanted keeps the signals that it noted; one that does not drops them. So what is left when the whole
//! condition holds is its evidence: the signals for which `exists` and `has` held, none of a branch that failed. A
//! wanted absence (`!has("provenance/attestation")`) notes the signals of that id with another status (unknown,
//! stripped), which say why it is absent.
//!
//! As in CEL, `&&` and `||` pass over an error when the other side decides.

use crate::facts::{Facts, Value, artifact_field, signal_field};
use crate::glob;
use crate::ir::{Arithmetic, Comparison, Function, Node, Quantifier, Query};
use crate::schema::Field;
use bifocal_core::{Signal, Status};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Steps that one condition may take on one release.
const MAX_STEPS: u32 = 4_000_000;

/// Why a condition has no value, a lower-case fragment.
pub(crate) type Failure = String;

pub(crate) struct Evaluation<'a> {
    facts: &'a Facts<'a>,
    noted: Vec<&'a Signal>,
    variables: Vec<Value<'a>>,
    steps: u32,
}

/// What came of the elements of a list.
#[derive(Default)]
struct Tally {
    held: usize,
    refuted: usize,
    failure: Option<Failure>,
}

/// Whether the condition holds, and the signals behind it, each once, in the assessment's order.
pub(crate) fn evaluate<'a>(node: &'a Node, facts: &'a Facts<'a>) -> Result<(bool, Vec<&'a Signal>), Failure> {
    let mut evaluation = Evaluation { facts, noted: Vec::new(), variables: Vec::new(), steps: 0 };
    let holds = evaluation.boolean(node, true)?;
    let mut noted = evaluation.noted;
    noted.sort_by_key(|signal| std::ptr::from_ref(*signal) as usize);
    noted.dedup_by(|one, two| std::ptr::eq(*one, *two));
    Ok((holds, noted))
}

impl<'a> Evaluation<'a> {
    fn step(&mut self) -> Result<(), Failure> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(format!("it took more than {MAX_STEPS} steps")) } else { Ok(()) }
    }

    fn boolean(&mut self, node: &'a Node, wanted: bool) -> Result<bool, Failure> {
        let before = self.noted.len();
        let result = self.boolean_part(node, wanted);
        if result != Ok(wanted) {
            self.noted.truncate(before);
        }
        result
    }

    fn boolean_part(&mut self, node: &'a Node, wanted: bool) -> Result<bool, Failure> {
        self.step()?;
        match node {
            Node::Not(inner) => self.boolean(inner, !wanted).map(|value| !value),
            Node::And(nodes) => self.chain(nodes, wanted, false),
            Node::Or(nodes) => self.chain(nodes, wanted, true),
            Node::Has(query) => self.has(query, wanted),
            Node::Quantify(quantifier, over, _, body) if *quantifier != Quantifier::Filter => {
                self.quantify(*quantifier, over, body, wanted)
            }
            Node::Choose(condition, yes, no) => {
                let branch = if self.boolean(condition, true)? { yes } else { no };
                self.boolean(branch, wanted)
            }
            other => match self.value(other)? {
                Value::Bool(value) => Ok(value),
                value => Err(format!("{value} is not a bool")),
            },
        }
    }

    /// `&&` (`decisive` false) and `||` (`decisive` true). All parts are looked at, so that all evidence is noted.
    fn chain(&mut self, nodes: &'a [Node], wanted: bool, decisive: bool) -> Result<bool, Failure> {
        let mut failure = None;
        let mut decided = false;
        for node in nodes {
            match self.boolean(node, wanted) {
                Ok(value) if value == decisive => {
                    decided = true;
                    if decisive != wanted {
                        break;
                    }
                }
                Ok(_) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            _ if decided => Ok(decisive),
            Some(failure) => Err(failure),
            None => Ok(!decisive),
        }
    }

    fn has(&mut self, query: &Query, wanted: bool) -> Result<bool, Failure> {
        let mut found = false;
        let facts = self.facts;
        for signal in facts.signals {
            self.step()?;
            let same_id = if query.pattern.contains('*') { glob(&query.pattern, &signal.id) } else { query.pattern == signal.id };
            if !same_id {
                continue;
            }
            let matches = signal.status == query.status
                && query.severity.is_none_or(|severity| signal.severity >= severity)
                && query.confidence.is_none_or(|confidence| signal.confidence >= confidence);
            found |= matches;
            let explains_absence = !wanted && !matches!(signal.status, Status::Present | Status::NotApplicable);
            if matches == wanted && (matches || explains_absence) {
                self.noted.push(signal);
            }
        }
        Ok(found)
    }

    fn quantify(&mut self, quantifier: Quantifier, over: &'a Node, body: &'a Node, wanted: bool) -> Result<bool, Failure> {
        let mut tally = Tally::default();
        if let Node::Field(Field::Signals) = over {
            // Signals are looked at where they lie: this is where nearly all the time goes.
            let facts = self.facts;
            for signal in facts.signals {
                self.element(quantifier, Value::Signal(signal), body, wanted, &mut tally)?;
            }
        } else {
            for item in self.items(over)? {
                self.element(quantifier, item, body, wanted, &mut tally)?;
            }
        }
        let settled = match quantifier {
            Quantifier::Exists if tally.held > 0 => Some(true),
            Quantifier::All if tally.refuted > 0 => Some(false),
            _ => None,
        };
        if let (None, Some(failure)) = (settled, tally.failure) {
            return Err(failure);
        }
        Ok(match quantifier {
            Quantifier::Exists | Quantifier::Filter => tally.held > 0,
            Quantifier::All => tally.refuted == 0,
            Quantifier::ExistsOne => tally.held == 1,
        })
    }

    /// Evaluates the body of a quantifier for one element.
    fn element(&mut self, quantifier: Quantifier, item: Value<'a>, body: &'a Node, wanted: bool, tally: &mut Tally) -> Result<(), Failure> {
        self.step()?;
        let signal = if let Value::Signal(signal) = &item { Some(*signal) } else { None };
        self.variables.push(item);
        let result = self.boolean(body, wanted);
        self.variables.pop();
        match result {
            Ok(value) => {
                tally.held += usize::from(value);
                tally.refuted += usize::from(!value);
                // A wanted `all` that fails, and an `exists` that must not hold, are decided by what goes against the
                // wish; only what goes with it is evidence.
                let counts = match quantifier {
                    Quantifier::Exists | Quantifier::ExistsOne | Quantifier::Filter => value && wanted,
                    Quantifier::All => value == wanted,
                };
                if let (true, Some(signal)) = (counts, signal) {
                    self.noted.push(signal);
                }
            }
            Err(error) => tally.failure = tally.failure.take().or(Some(error)),
        }
        Ok(())
    }

    /// The elements of a list, without noting them.
    fn items(&mut self, over: &'a Node) -> Result<Vec<Value<'a>>, Failure> {
        let value = match over {
            Node::Field(field) => self.facts.field(*field),
            other => self.value(other)?,
        };
        match value {
            Value::List(items) => Ok(items),
            Value::Map(entries) => Ok(entries.into_iter().map(|(key, _)| Value::Text(Cow::Borrowed(key))).collect()),
            other => Err(format!("{other} is not a list")),
        }
    }

    fn value(&mut self, node: &'a Node) -> Result<Value<'a>, Failure> {
        self.step()?;
        Ok(match node {
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Double(value) => Value::Double(*value),
            Node::Text(text) => Value::Text(Cow::Borrowed(text)),
            Node::Time(time) => Value::Time(*time),
            Node::Span(span) => Value::Span(*span),
            Node::Null => Value::Null,
            Node::List(nodes) => Value::List(nodes.iter().map(|node| self.value(node)).collect::<Result<_, _>>()?),
            Node::Field(field) => {
                if *field == Field::Signals {
                    self.noted.extend(self.facts.signals);
                }
                self.facts.field(*field)
            }
            Node::Var(slot, name) => self.variables.get(*slot).cloned().ok_or_else(|| format!("`{name}` has no value"))?,
            Node::SignalField(inner, field) => match self.value(inner)? {
                Value::Signal(signal) => signal_field(signal, *field),
                other => return Err(format!("{other} is not a signal")),
            },
            Node::ArtifactField(inner, field) => match self.value(inner)? {
                Value::Artifact(artifact) => artifact_field(artifact, *field),
                other => return Err(format!("{other} is not an artifact")),
            },
            Node::Choose(condition, yes, no) => {
                let branch = if self.boolean(condition, true)? { yes } else { no };
                self.value(branch)?
            }
            Node::Negate(inner) => match self.value(inner)? {
                Value::Int(value) => Value::Int(value.checked_neg().ok_or_else(|| format!("-({value}) is too large"))?),
                Value::Double(value) => Value::Double(-value),
                other => return Err(format!("{other} is not a number")),
            },
            Node::Arithmetic(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                arithmetic(*op, left, right)?
            }
            Node::Compare(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Value::Bool(compare(*op, &left, &right)?)
            }
            Node::In(left, right) => {
                let left = self.value(left)?;
                let found = self.items(right)?.iter().any(|item| compare(Comparison::Equal, &left, item) == Ok(true));
                Value::Bool(found)
            }
            Node::Index(left, right) => self.index(left, right)?,
            Node::Call(function, args) => self.call(*function, args)?,
            Node::Matches(inner, regex) => Value::Bool(regex.0.is_match(&self.text(inner)?)),
            Node::Quantify(Quantifier::Filter, over, _, body) => self.filter(over, body)?,
            Node::Not(_) | Node::And(_) | Node::Or(_) | Node::Has(_) | Node::Quantify(..) => Value::Bool(self.boolean(node, true)?),
        })
    }

    fn filter(&mut self, over: &'a Node, body: &'a Node) -> Result<Value<'a>, Failure> {
        let mut kept = Vec::new();
        for item in self.items(over)? {
            self.step()?;
            self.variables.push(item.clone());
            let result = self.boolean(body, true);
            self.variables.pop();
            if result? {
                if let Value::Signal(signal) = item {
                    self.noted.push(signal);
                }
                kept.push(item);
            }
        }
        Ok(Value::List(kept))
    }

    fn text(&mut self, node: &'a Node) -> Result<Cow<'a, str>, Failure> {
        match self.value(node)? {
            Value::Text(text) => Ok(text),
            other => Err(format!("{other} is not a string")),
        }
    }

    fn index(&mut self, left: &'a Node, right: &'a Node) -> Result<Value<'a>, Failure> {
        let key = self.value(right)?;
        match (self.value(left)?, key) {
            (Value::Map(entries), Value::Text(key)) => entries
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| Value::Text(Cow::Borrowed(*value)))
                .ok_or_else(|| format!("`{left}` has no key \"{}\"; test it with `in` first", bifocal_core::one_line(&key, 60))),
            (Value::List(mut items), Value::Int(at)) => match usize::try_from(at) {
                Ok(at) if at < items.len() => Ok(items.swap_remove(at)),
                _ => Err(format!("`{left}` has {} and no item {at}", bifocal_core::counted(items.len() as u64, "item", "items"))),
            },
            (value, key) => Err(format!("{value} is not indexed by {key}")),
        }
    }

    fn call(&mut self, function: Function, args: &'a [Node]) -> Result<Value<'a>, Failure> {
        let [first, rest @ ..] = args else { return Err("a function without arguments".to_owned()) };
        Ok(match function {
            Function::Size => {
                let size = match self.value(first)? {
                    Value::Text(text) => text.chars().count(),
                    Value::List(items) => items.len(),
                    Value::Map(entries) => entries.len(),
                    other => return Err(format!("{other} has no size")),
                };
                Value::Int(i64::try_from(size).unwrap_or(i64::MAX))
            }
            Function::ToDouble => match self.value(first)? {
                Value::Int(value) => Value::Double(value as f64),
                value => value,
            },
            Function::ToInt => match self.value(first)? {
                Value::Double(value) if value.abs() < 9.0e18 => Value::Int(value as i64),
                Value::Double(value) => return Err(format!("{value} does not fit an int")),
                value => value,
            },
            Function::ToText => match self.value(first)? {
                Value::Double(value) => Value::Text(Cow::Owned(format!("{value}"))),
                value => Value::Text(Cow::Owned(value.to_string())),
            },
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Glob => {
                let text = self.text(first)?;
                let [second] = rest else { return Err("a text function takes two texts".to_owned()) };
                let other = self.text(second)?;
                Value::Bool(match function {
                    Function::Contains => text.contains(&*other),
                    Function::StartsWith => text.starts_with(&*other),
                    Function::EndsWith => text.ends_with(&*other),
                    _ => glob(&other, &text),
                })
            }
        })
    }
}

fn arithmetic<'a>(op: Arithmetic, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, Failure> {
    let overflow = || format!("`{}` overflows", op.symbol());
    Ok(match (left, right) {
        (Value::Int(one), Value::Int(two)) => Value::Int(
            match op {
                Arithmetic::Add => one.checked_add(two),
                Arithmetic::Subtract => one.checked_sub(two),
                Arithmetic::Multiply => one.checked_mul(two),
                Arithmetic::Divide | Arithmetic::Modulo if two == 0 => return Err("division by zero".to_owned()),
                Arithmetic::Divide => one.checked_div(two),
                Arithmetic::Modulo => one.checked_rem(two),
            }
            .ok_or_else(overflow)?,
        ),
        (Value::Double(one), Value::Double(two)) => Value::Double(match op {
            Arithmetic::Add => one + two,
            Arithmetic::Subtract => one - two,
            Arithmetic::Multiply => one * two,
            Arithmetic::Divide => one / two,
            Arithmetic::Modulo => return Err("`%` needs ints".to_owned()),
        }),
        (Value::Text(one), Value::Text(two)) if op == Arithmetic::Add => Value::Text(Cow::Owned(format!("{one}{two}"))),
        (Value::Time(one), Value::Time(two)) if op == Arithmetic::Subtract => Value::Span(one.duration_since(two)),
        (Value::Time(time), Value::Span(span)) | (Value::Span(span), Value::Time(time)) => {
            let moved = if op == Arithmetic::Add { time.checked_add(span) } else { time.checked_sub(span) };
            Value::Time(moved.map_err(|_| overflow())?)
        }
        (Value::Span(one), Value::Span(two)) => {
            let moved = if op == Arithmetic::Add { one.checked_add(two) } else { one.checked_sub(two) };
            Value::Span(moved.ok_or_else(overflow)?)
        }
        (Value::Null, _) | (_, Value::Null) => return Err("published_at is null; test has_date first".to_owned()),
        (one, two) => return Err(format!("`{}` does not take {one} and {two}", op.symbol())),
    })
}

fn compare(op: Comparison, left: &Value<'_>, right: &Value<'_>) -> Result<bool, Failure> {
    let order = match (left, right) {
        (Value::Int(one), Value::Int(two)) => Some(one.cmp(two)),
        (Value::Int(one), Value::Double(two)) => (*one as f64).partial_cmp(two),
        (Value::Double(one), Value::Int(two)) => one.partial_cmp(&(*two as f64)),
        (Value::Double(one), Value::Double(two)) => one.partial_cmp(two),
        (Value::Text(one), Value::Text(two)) => Some(one.cmp(two)),
        (Value::Bool(one), Value::Bool(two)) => Some(one.cmp(two)),
        (Value::Time(one), Value::Time(two)) => Some(one.cmp(two)),
        (Value::Span(one), Value::Span(two)) => Some(one.cmp(two)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) | (_, Value::Null) if op.is_order() => {
            return Err("published_at is null; test has_date first".to_owned());
        }
        (Value::Null, _) | (_, Value::Null) => return Ok(op == Comparison::NotEqual),
        (one, two) => return Err(format!("{one} and {two} are not comparable")),
    };
    // A number that is not one compares with nothing.
    Ok(order.map_or(op == Comparison::NotEqual, |order| op.holds(order)))
}
