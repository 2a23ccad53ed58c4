//! Conditions that are decided before any release is seen: constants and contradictions, and the spans of `duration`.

use crate::ir::{Comparison, Node};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// What is certain of a condition without looking at a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certain {
    /// Nothing.
    Open,
    /// It always holds.
    Always,
    /// It never holds, and why.
    Never(String),
}

/// Finds constants through `!`, `&&`, `||`, `? :` and literal comparisons, and contradictions within one `&&`.
pub(crate) fn certain(node: &Node) -> Certain {
    match node {
        Node::Bool(true) => Certain::Always,
        Node::Bool(false) => Certain::Never("it is false".to_owned()),
        Node::Not(inner) => match certain(inner) {
            Certain::Open => Certain::Open,
            Certain::Always => Certain::Never("it negates what always holds".to_owned()),
            Certain::Never(_) => Certain::Always,
        },
        Node::And(nodes) => {
            let parts: Vec<Certain> = nodes.iter().map(certain).collect();
            if let Some(never) = parts.iter().find(|part| matches!(part, Certain::Never(_))) {
                return never.clone();
            }
            if parts.iter().all(|part| *part == Certain::Always) {
                return Certain::Always;
            }
            contradiction(nodes).map_or(Certain::Open, Certain::Never)
        }
        Node::Or(nodes) => {
            let parts: Vec<Certain> = nodes.iter().map(certain).collect();
            if parts.contains(&Certain::Always) {
                Certain::Always
            } else if parts.iter().all(|part| matches!(part, Certain::Never(_))) {
                parts.into_iter().next().unwrap_or(Certain::Open)
            } else {
                Certain::Open
            }
        }
        Node::Quantify(crate::ir::Quantifier::Exists | crate::ir::Quantifier::ExistsOne, _, _, body) => match certain(body) {
            never @ Certain::Never(_) => never,
            _ => Certain::Open,
        },
        Node::Compare(op, left, right) => literal_comparison(*op, left, right),
        _ => Certain::Open,
    }
}

fn literal_comparison(op: Comparison, left: &Node, right: &Node) -> Certain {
    let order = match (left, right) {
        (Node::Text(one), Node::Text(two)) => Some(one.cmp(two)),
        (Node::Bool(one), Node::Bool(two)) => Some(one.cmp(two)),
        (one, two) => match (number(one), number(two)) {
            (Some(one), Some(two)) => one.partial_cmp(&two),
            _ => None,
        },
    };
    match order.map(|order| op.holds(order)) {
        Some(true) => Certain::Always,
        Some(false) => Certain::Never(format!("`{left} {} {right}` is false", op.symbol())),
        None => Certain::Open,
    }
}

fn number(node: &Node) -> Option<f64> {
    match node {
        Node::Int(value) => Some(*value as f64),
        Node::Double(value) => Some(*value),
        Node::Negate(inner) => number(inner).map(|value| -value),
        _ => None,
    }
}

#[derive(Default)]
struct Range {
    low: Option<f64>,
    high: Option<f64>,
    text: Option<String>,
}

/// Two parts of one `&&` that cannot both hold: `x == "a" && x == "b"`, `n < 3 && n > 5`.
fn contradiction(nodes: &[Node]) -> Option<String> {
    let mut ranges: BTreeMap<String, Range> = BTreeMap::new();
    for node in nodes {
        let Node::Compare(op, left, right) = node else { continue };
        if number(left).is_some() || matches!(**left, Node::Text(_)) {
            continue;
        }
        let key = left.to_string();
        let range = ranges.entry(key.clone()).or_default();
        if let (Comparison::Equal, Node::Text(text)) = (op, &**right) {
            match &range.text {
                Some(other) if other != text => return Some(format!("`{key}` cannot be both {other:?} and {text:?}")),
                _ => range.text = Some(text.clone()),
            }
        }
        let Some(value) = number(right) else { continue };
        if matches!(op, Comparison::Equal | Comparison::Greater | Comparison::GreaterOrEqual) {
            range.low = Some(range.low.map_or(value, |low| low.max(value)));
        }
        if matches!(op, Comparison::Equal | Comparison::Less | Comparison::LessOrEqual) {
            range.high = Some(range.high.map_or(value, |high| high.min(value)));
        }
        if let (Some(low), Some(high)) = (range.low, range.high)
            && low > high
        {
            return Some(format!("`{key}` cannot be at least {low} and at most {high}"));
        }
    }
    None
}

/// Reads a span in CEL's form: numbers with the units h, m, s, ms, us, ns.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() || rest.len() > 64 {
        return None;
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, scale) = [("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += value * scale;
    }
    SignedDuration::try_from_secs_f64(if negative { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_form_of_cel() {
        assert_eq!(parse_duration("36h"), Some(SignedDuration::from_hours(36)));
        assert_eq!(parse_duration("1h30m"), Some(SignedDuration::from_mins(90)));
        assert_eq!(parse_duration("-1.5s"), Some(SignedDuration::from_millis(-1500)));
        for wrong in ["", "7", "7d", "h", "1h1", "1e9h", "9999999999999999999999h", ".", "-"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
