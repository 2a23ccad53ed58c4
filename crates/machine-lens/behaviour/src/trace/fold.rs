//! Folding: what operators make of known texts, bytes and numbers, and of texts with holes.

use super::value::{Data, HOLE, TEXT_BYTES, Value, number_text};
use crate::ir::Op;
use crate::peel;
use std::rc::Rc;

fn both(left: &Value, right: &Value, made: Value) -> Value {
    let chain = left.chain.clone().or_else(|| right.chain.clone());
    Value { taint: left.taint.with(right.taint), chain, about: None, ..made }
}

/// `left + right`.
pub(super) fn add(left: &Value, right: &Value) -> Value {
    match (&left.data, &right.data) {
        (Data::Num(a), Data::Num(b)) => both(left, right, Value::number(a + b)),
        (Data::Text(a), Data::Text(b)) if a.len() + b.len() <= TEXT_BYTES => {
            let mut text = String::with_capacity(a.len() + b.len());
            text.push_str(a);
            text.push_str(b);
            both(left, right, Value::text(text))
        }
        (Data::Bytes(a), Data::Bytes(b)) if a.len() + b.len() <= TEXT_BYTES => both(left, right, Value::bytes([&**a, &**b].concat())),
        (Data::List(a), Data::List(b)) if a.len() + b.len() <= 100_000 => {
            let mut items = a.to_vec();
            items.extend(b.iter().cloned());
            both(left, right, Value::list(items))
        }
        (Data::Unknown, Data::Unknown) if left.label.is_none() && right.label.is_none() => both(left, right, Value::default()),
        _ => concat(&[left.clone(), right.clone()]),
    }
}

/// Parts one after the other as text.
pub(super) fn concat(parts: &[Value]) -> Value {
    let exact = parts.iter().all(|part| matches!(part.data, Data::Text(_) | Data::Num(_)));
    let taint = parts.iter().fold(crate::facts::Taint::NONE, |all, part| all.with(part.taint));
    let chain = parts.iter().find_map(|part| part.chain.clone());
    let mut text = String::new();
    for part in parts {
        match &part.data {
            Data::Text(piece) if exact => {
                if text.len() + piece.len() > TEXT_BYTES {
                    return Value { chain, ..Value::unknown(taint) };
                }
                text.push_str(piece);
            }
            Data::Num(number) => text.push_str(&number_text(*number)),
            _ => text.push_str(&part.render(2048)),
        }
        if !exact && text.len() > 8192 {
            text.push(HOLE);
            break;
        }
    }
    let made = if exact { Value::text(text) } else { Value::partial(text) };
    let label = parts.iter().find_map(|part| part.label.clone());
    let label = if matches!(made.data, Data::Unknown) { label } else { None };
    Value { taint, chain, label, ..made }
}

/// Parts of a path, with `/` between them.
pub(super) fn join_path(parts: &[Value]) -> Value {
    let mut text = String::new();
    for part in parts {
        let piece = part.render(1024);
        if piece.is_empty() {
            continue;
        }
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        text.push_str(&piece);
    }
    let taint = parts.iter().fold(crate::facts::Taint::NONE, |all, part| all.with(part.taint));
    let exact = parts.iter().all(|part| matches!(part.data, Data::Text(_)));
    let label: Rc<str> = Rc::from(text.as_str());
    let made = if exact { Value::text(text) } else { Value::partial(text) };
    Value { taint, label: Some(label), ..made }
}

/// Numbers by numbers; everything else only carries on what it carries.
pub(super) fn arithmetic(op: Op, left: &Value, right: &Value) -> Value {
    if op == Op::Mul {
        match (&left.data, &right.data) {
            (Data::Text(text), Data::Num(times)) | (Data::Num(times), Data::Text(text)) => {
                let times = times.clamp(0.0, 1e6) as usize;
                if text.len().saturating_mul(times) <= 1 << 20 {
                    return both(left, right, Value::text(text.repeat(times)));
                }
            }
            _ => {}
        }
    }
    let (Some(a), Some(b)) = (left.as_number(), right.as_number()) else {
        return Value {
            taint: left.taint.with(right.taint),
            chain: left.chain.clone().or_else(|| right.chain.clone()),
            ..Value::default()
        };
    };
    let whole = |x: f64| x as i64;
    let result = match op {
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::FloorDiv => (a / b).floor(),
        Op::Rem if b != 0.0 => a.rem_euclid(b),
        Op::Pow => a.powf(b),
        Op::Xor => (whole(a) ^ whole(b)) as f64,
        Op::And => (whole(a) & whole(b)) as f64,
        Op::Or => (whole(a) | whole(b)) as f64,
        Op::Shl => whole(a).checked_shl(whole(b).clamp(0, 63) as u32).unwrap_or(0) as f64,
        Op::Shr => (whole(a) >> whole(b).clamp(0, 63)) as f64,
        _ => return both(left, right, Value::default()),
    };
    if result.is_finite() { both(left, right, Value::number(result)) } else { both(left, right, Value::default()) }
}

/// One character or byte.
pub(super) fn at(object: &Value, index: f64) -> Value {
    match &object.data {
        Data::Text(text) => {
            // ASCII first: hostile loops index long texts.
            let found = if text.is_ascii() {
                let position = if index < 0.0 { text.len() as f64 + index } else { index };
                if position < 0.0 { None } else { text.get(position as usize..position as usize + 1).map(str::to_owned) }
            } else if index < 0.0 {
                text.chars().rev().nth((-index - 1.0) as usize).map(String::from)
            } else {
                text.chars().nth(index as usize).map(String::from)
            };
            match found {
                Some(found) => both(object, object, Value::text(found)),
                None => Value::unknown(object.taint),
            }
        }
        Data::Bytes(bytes) => {
            let position = if index < 0.0 { bytes.len() as f64 + index } else { index };
            match bytes.get(position.max(0.0) as usize) {
                Some(byte) => both(object, object, Value::number(f64::from(*byte))),
                None => Value::unknown(object.taint),
            }
        }
        _ => Value::unknown(object.taint),
    }
}

fn positions(length: usize, from: Option<f64>, to: Option<f64>, step: Option<f64>) -> Option<Vec<usize>> {
    let step = step.unwrap_or(1.0);
    if step.is_nan() || step == 0.0 || from.is_some_and(f64::is_nan) || to.is_some_and(f64::is_nan) {
        return None;
    }
    let size = length as f64;
    let clamp = |value: f64, low: f64, high: f64| if value < 0.0 { (value + size).clamp(low, high) } else { value.clamp(low, high) };
    if step > 0.0 {
        let from = clamp(from.unwrap_or(0.0), 0.0, size);
        let to = clamp(to.unwrap_or(size), 0.0, size);
        Some((from as usize..(to.max(from)) as usize).step_by((step as usize).max(1)).collect())
    } else {
        let from = clamp(from.unwrap_or(size - 1.0), -1.0, size - 1.0);
        let to = to.map_or(-1.0, |to| clamp(to, -1.0, size - 1.0));
        let mut out = Vec::new();
        let mut at = from;
        while at > to && at >= 0.0 {
            out.push(at as usize);
            at += step;
        }
        Some(out)
    }
}

/// `object[from:to:step]`.
pub(super) fn slice(object: &Value, from: Option<f64>, to: Option<f64>, step: Option<f64>) -> Value {
    let layer = step.filter(|step| *step < 0.0).map(|_| peel::REVERSED);
    let made = match &object.data {
        Data::Text(text) if text.len() <= 4 << 20 => {
            let chars: Vec<char> = text.chars().collect();
            positions(chars.len(), from, to, step).map(|at| Value::text(at.into_iter().filter_map(|i| chars.get(i)).collect::<String>()))
        }
        Data::Bytes(bytes) if bytes.len() <= 4 << 20 => {
            positions(bytes.len(), from, to, step).map(|at| Value::bytes(at.into_iter().filter_map(|i| bytes.get(i).copied()).collect()))
        }
        Data::List(items) => {
            positions(items.len(), from, to, step).map(|at| Value::list(at.into_iter().filter_map(|i| items.get(i).cloned()).collect()))
        }
        _ => None,
    };
    match made {
        Some(made) => made.tainted(object.taint).chained(object, layer),
        None => Value { taint: object.taint, chain: object.chain.clone(), label: object.label.clone(), ..Value::default() },
    }
}

/// Python's `"…%s…" % values`.
pub(super) fn percent_format(format: &str, values: &Value) -> Value {
    let mut values = match &values.data {
        Data::List(items) => items.to_vec(),
        _ => vec![values.clone()],
    }
    .into_iter();
    let mut parts: Vec<Value> = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        parts.push(Value::text(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            parts.push(Value::text("%"));
            rest = after;
            continue;
        }
        let skip = rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |i| i + 1);
        rest = &rest[skip..];
        parts.push(values.next().unwrap_or_default());
    }
    parts.push(Value::text(rest));
    concat(&parts)
}

/// Python's `"…{}…{name}…".format(values)`.
pub(super) fn brace_format(format: &str, values: &[Value], named: &[(Rc<str>, Value)]) -> Value {
    let mut next = 0;
    let mut parts: Vec<Value> = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('{') {
        parts.push(Value::text(&rest[..at]));
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            parts.push(Value::text("{"));
            rest = after;
            continue;
        }
        let Some(close) = rest.find('}') else { break };
        let field = rest[..close].split([':', '!', '.', '[']).next().unwrap_or("");
        rest = &rest[close + 1..];
        let value = if field.is_empty() {
            next += 1;
            values.get(next - 1).cloned()
        } else if let Ok(index) = field.parse::<usize>() {
            values.get(index).cloned()
        } else {
            named.iter().find(|(name, _)| &**name == field).map(|(_, value)| value.clone())
        };
        parts.push(value.unwrap_or_default());
    }
    parts.push(Value::text(rest));
    concat(&parts)
}

/// Characters from codes. What cannot be folded is still known to be *made from codes*.
pub(super) fn from_codes(args: &[Value]) -> Value {
    let mut flat: Vec<&Value> = Vec::new();
    for arg in args {
        match &arg.data {
            Data::List(items) => flat.extend(items.iter()),
            _ => flat.push(arg),
        }
    }
    let taint = flat.iter().fold(crate::facts::Taint::NONE, |all, arg| all.with(arg.taint));
    let chain = flat.iter().find_map(|arg| arg.chain.clone());
    let carrier = Value { chain, ..Value::unknown(taint) };
    let mut units: Vec<u16> = Vec::with_capacity(flat.len());
    for value in &flat {
        match value.as_number() {
            Some(number) if (0.0..1_114_112.0).contains(&number) => {
                let code = number as u32;
                match char::from_u32(code) {
                    Some(c) => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
                    None => units.push(code as u16),
                }
            }
            _ => return Value::unknown(taint.with(crate::facts::Taint::DECODED)).chained(&carrier, Some(peel::CODES)),
        }
    }
    Value::text(String::from_utf16_lossy(&units)).tainted(taint).chained(&carrier, Some(peel::CODES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_python() {
        let text = Value::text("abcdef");
        let get = |from, to, step| slice(&text, from, to, step).as_text().unwrap().to_string();
        assert_eq!(get(None, None, Some(-1.0)), "fedcba");
        assert_eq!(get(Some(1.0), Some(-1.0), None), "bcde");
        assert_eq!(get(None, None, Some(2.0)), "ace");
        assert_eq!(get(Some(9.0), None, None), "");
        assert!(slice(&text, Some(f64::NAN), None, None).as_text().is_none());
    }

    #[test]
    fn formats_fill_their_fields_and_leave_holes() {
        assert_eq!(percent_format("curl %s | %s", &Value::list(vec![Value::text("u"), Value::default()])).render(99), "curl u | …");
        assert_eq!(brace_format("{0}{x}{{}", &[Value::text("a")], &[(Rc::from("x"), Value::number(3.0))]).render(99), "a3{}");
    }

    #[test]
    fn arithmetic_is_total() {
        for op in [Op::Div, Op::Rem, Op::FloorDiv, Op::Shl, Op::Shr, Op::Pow, Op::Xor] {
            for (a, b) in [(1.0, 0.0), (f64::MAX, f64::MAX), (-1.0, 1e300), (f64::NAN, 2.0)] {
                let _ = arithmetic(op, &Value::number(a), &Value::number(b));
            }
        }
        assert_eq!(arithmetic(Op::Xor, &Value::number(5.0), &Value::number(1.0)).as_number(), Some(4.0));
    }
}
