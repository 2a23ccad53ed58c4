//! Fields, indices and methods of values.

use super::machine::{Machine, Outcome, Stop, key};
use super::value::{Cell, Js, in_radix};
use std::rc::Rc;

/// Longest index that an assignment may stretch an array to.
const MAX_LENGTH: usize = 200_000;

impl<'a> Machine<'a> {
    /// The items of a known array or text.
    pub(super) fn items(&self, value: &Js) -> Option<Vec<Js>> {
        match value {
            Js::Heap(at) => match self.heap.get(*at as usize) {
                Some(Cell::Array(items)) => Some(items.clone()),
                _ => None,
            },
            Js::Text(text) if text.len() <= MAX_LENGTH => Some(text.iter().map(|unit| Js::units(vec![*unit])).collect()),
            _ => None,
        }
    }

    /// The keys of a known object, in order.
    pub(super) fn keys(&self, value: &Js) -> Option<Vec<Rc<str>>> {
        let Js::Heap(at) = value else { return None };
        match self.heap.get(*at as usize)? {
            Cell::Array(items) => Some((0..items.len()).map(|at| key(&at.to_string())).collect()),
            Cell::Object(fields) => {
                let mut keys: Vec<Rc<str>> = fields.keys().cloned().collect();
                keys.sort();
                Some(keys)
            }
            _ => None,
        }
    }

    /// `object[index]`.
    pub(super) fn at(&mut self, object: &Js, index: &Js) -> Outcome<'a> {
        if let Js::Num(number) = index {
            let at = if number.fract() == 0.0 && *number >= 0.0 { Some(*number as usize) } else { None };
            match (object, at) {
                (Js::Text(text), Some(at)) => return Ok(text.get(at).map_or(Js::Undefined, |unit| Js::units(vec![*unit]))),
                (Js::Heap(cell), Some(at)) => {
                    if let Some(Cell::Array(items)) = self.heap.get(*cell as usize) {
                        return Ok(items.get(at).cloned().unwrap_or(Js::Undefined));
                    }
                }
                _ => {}
            }
        }
        match self.as_text_of(index)? {
            Some(name) => self.get(object, &String::from_utf16_lossy(&name)),
            None => Ok(Js::Unknown),
        }
    }

    /// `object.name`.
    pub(super) fn get(&mut self, object: &Js, name: &str) -> Outcome<'a> {
        let digits = !name.is_empty() && name.len() < 10 && name.bytes().all(|byte| byte.is_ascii_digit());
        if digits && matches!(object, Js::Text(_) | Js::Heap(_)) {
            let at = name.parse::<usize>().unwrap_or(usize::MAX);
            match object {
                Js::Text(text) => return Ok(text.get(at).map_or(Js::Undefined, |unit| Js::units(vec![*unit]))),
                Js::Heap(cell) => {
                    if let Some(Cell::Array(items)) = self.heap.get(*cell as usize) {
                        return Ok(items.get(at).cloned().unwrap_or(Js::Undefined));
                    }
                }
                _ => {}
            }
        }
        Ok(match object {
            Js::Unknown => Js::Unknown,
            Js::Undefined | Js::Null => return Err(Stop::Throw),
            Js::Text(text) => match name {
                "length" => Js::Num(text.len() as f64),
                "constructor" => Js::Native("String"),
                _ => super::globals::method("String", name),
            },
            Js::Num(_) => {
                if name == "constructor" {
                    Js::Native("Number")
                } else {
                    super::globals::method("Number", name)
                }
            }
            Js::Bool(_) => {
                if name == "constructor" {
                    Js::Native("Boolean")
                } else {
                    super::globals::method("Boolean", name)
                }
            }
            Js::Native(native) => super::globals::member(native, name),
            Js::Heap(at) => match self.heap.get(*at as usize) {
                Some(Cell::Array(items)) => match name {
                    "length" => Js::Num(items.len() as f64),
                    "constructor" => Js::Native("Array"),
                    _ => super::globals::method("Array", name),
                },
                Some(Cell::Object(fields)) => match fields.get(name) {
                    Some(value) => value.clone(),
                    None if name == "constructor" => Js::Native("Object"),
                    None => super::globals::method("Object", name),
                },
                Some(Cell::Function(closure)) => match closure.fields.get(name) {
                    Some(value) => value.clone(),
                    None => match name {
                        "constructor" => Js::Native("Function"),
                        "name" => Js::text(closure.name),
                        "length" => Js::Num(closure.params.items.len() as f64),
                        _ => super::globals::method("Function", name),
                    },
                },
                Some(Cell::Pattern { .. }) => {
                    if name == "constructor" {
                        Js::Native("RegExp")
                    } else {
                        Js::Unknown
                    }
                }
                None => Js::Unknown,
            },
        })
    }

    /// `object[index] = value`.
    pub(super) fn set(&mut self, object: &Js, index: &Js, value: Js) -> Outcome<'a, ()> {
        let Some(name) = self.as_text_of(index)? else { return Ok(()) };
        let name = String::from_utf16_lossy(&name);
        let Js::Heap(at) = object else { return Ok(()) };
        match self.heap.get_mut(*at as usize) {
            Some(Cell::Array(items)) => {
                if let Ok(at) = name.parse::<usize>() {
                    if at >= MAX_LENGTH {
                        return Err(Stop::Spent);
                    }
                    if at >= items.len() {
                        items.resize(at + 1, Js::Undefined);
                    }
                    if let Some(slot) = items.get_mut(at) {
                        *slot = value;
                    }
                } else if name == "length"
                    && let Js::Num(length) = value
                {
                    items.truncate(length as usize);
                }
            }
            Some(Cell::Object(fields)) => drop(fields.insert(key(&name), value)),
            Some(Cell::Function(closure)) => drop(closure.fields.insert(key(&name), value)),
            _ => {}
        }
        Ok(())
    }

    /// `object[name](args)`.
    pub(super) fn call_member(&mut self, object: Js, name: &Js, args: Vec<Js>, site: (u32, u32)) -> Outcome<'a> {
        let Some(name) = self.as_text_of(name)?.map(|name| String::from_utf16_lossy(&name)) else { return Ok(Js::Unknown) };
        let is_function = matches!(&object, Js::Heap(at) if matches!(self.heap.get(*at as usize), Some(Cell::Function(_))))
            || matches!(object, Js::Native(_));
        if is_function {
            match name.as_str() {
                "call" => {
                    let mut args = args.into_iter();
                    let this = args.next().unwrap_or(Js::Undefined);
                    return self.call(object, args.collect(), this, site);
                }
                "apply" => {
                    let this = args.first().cloned().unwrap_or(Js::Undefined);
                    let list = match args.get(1) {
                        None | Some(Js::Undefined | Js::Null) => Some(Vec::new()),
                        Some(list) => self.items(list),
                    };
                    return match list {
                        Some(list) => self.call(object, list, this, site),
                        None => Ok(Js::Unknown),
                    };
                }
                "bind" => return self.bound(object, args),
                "toString" if args.is_empty() => return Ok(self.as_text_of(&object)?.map_or(Js::Unknown, Js::Text)),
                _ => {}
            }
        }
        let own = match &object {
            Js::Heap(at) => match self.heap.get(*at as usize) {
                Some(Cell::Object(fields)) => fields.get(name.as_str()).cloned(),
                Some(Cell::Function(closure)) => closure.fields.get(name.as_str()).cloned(),
                _ => None,
            },
            _ => None,
        };
        if let Some(function) = own {
            return self.call(function, args, object, site);
        }
        match &object {
            Js::Text(text) => {
                let text = text.clone();
                self.text_method(&text, &name, &args, site)
            }
            Js::Num(number) => match name.as_str() {
                "toString" => {
                    let radix = match args.first() {
                        Some(radix) => self.as_number_of(radix)?.unwrap_or(10.0),
                        None => 10.0,
                    };
                    if !(2.0..=36.0).contains(&radix) {
                        return Err(Stop::Throw);
                    }
                    Ok(Js::text(&in_radix(*number, radix as u32)))
                }
                _ => Ok(Js::Unknown),
            },
            Js::Bool(value) if name == "toString" => Ok(Js::text(&value.to_string())),
            Js::Native(native) => match super::globals::member(native, &name) {
                Js::Native(function) => self.call_native(function, &args, object, site),
                _ => Ok(Js::Unknown),
            },
            Js::Heap(at) => match self.heap.get(*at as usize) {
                Some(Cell::Array(_)) => self.array_method(*at, &name, &args, site),
                Some(Cell::Pattern { .. }) => self.pattern_method(*at, &name, &args),
                _ => match name.as_str() {
                    "toString" => Ok(self.as_text_of(&object)?.map_or(Js::Unknown, Js::Text)),
                    "hasOwnProperty" => {
                        let sought = match args.first() {
                            Some(sought) => self.as_text_of(sought)?,
                            None => None,
                        };
                        let keys = self.keys(&object).unwrap_or_default();
                        Ok(sought.map_or(Js::Unknown, |sought| {
                            let sought = String::from_utf16_lossy(&sought);
                            Js::Bool(keys.iter().any(|key| **key == *sought))
                        }))
                    }
                    _ => Ok(Js::Unknown),
                },
            },
            Js::Undefined | Js::Null => Err(Stop::Throw),
            _ => {
                // A method of something unknown may call what it is given.
                self.call(Js::Unknown, args, Js::Unknown, site)
            }
        }
    }

    fn bound(&mut self, function: Js, args: Vec<Js>) -> Outcome<'a> {
        let Js::Heap(at) = function else { return Ok(function) };
        let Some(Cell::Function(closure)) = self.heap.get(at as usize) else { return Ok(Js::Unknown) };
        let mut args = args.into_iter();
        let this = closure.this.clone().or_else(|| args.next());
        let bound = super::value::Closure {
            params: closure.params,
            body: closure.body,
            scope: closure.scope,
            source: closure.source,
            text: closure.text,
            name: closure.name,
            fields: closure.fields.clone(),
            this,
            bound: closure.bound.iter().cloned().chain(args).collect(),
        };
        self.allocate(Cell::Function(bound))
    }

    fn array_method(&mut self, at: u32, name: &str, args: &[Js], site: (u32, u32)) -> Outcome<'a> {
        let number = |this: &mut Self, which: usize, otherwise: f64| -> Outcome<'a, f64> {
            Ok(match args.get(which) {
                Some(value) => this.as_number_of(value)?.unwrap_or(otherwise),
                None => otherwise,
            })
        };
        self.spend(2)?;
        // What changes the array in place.
        match name {
            "push" | "unshift" => {
                let Some(Cell::Array(items)) = self.heap.get_mut(at as usize) else { return Ok(Js::Unknown) };
                if items.len() + args.len() > MAX_LENGTH {
                    return Err(Stop::Spent);
                }
                if name == "push" {
                    items.extend(args.iter().cloned());
                } else {
                    items.splice(0..0, args.iter().cloned());
                }
                return Ok(Js::Num(items.len() as f64));
            }
            "pop" | "shift" | "reverse" => {
                let Some(Cell::Array(items)) = self.heap.get_mut(at as usize) else { return Ok(Js::Unknown) };
                let cost = if name == "pop" { 0 } else { items.len() as u64 / 256 };
                let result = match name {
                    "pop" => items.pop().unwrap_or(Js::Undefined),
                    "shift" if items.is_empty() => Js::Undefined,
                    "shift" => items.remove(0),
                    _ => {
                        items.reverse();
                        Js::Heap(at)
                    }
                };
                self.spend(cost)?;
                return Ok(result);
            }
            "splice" => {
                let from = number(self, 0, 0.0)?;
                let count = number(self, 1, f64::INFINITY)?;
                let Some(Cell::Array(items)) = self.heap.get_mut(at as usize) else { return Ok(Js::Unknown) };
                let from = clamp(from, items.len());
                let end = from.saturating_add(count.max(0.0) as usize).min(items.len());
                let removed: Vec<Js> = items.splice(from..end, args.iter().skip(2).cloned()).collect();
                return self.allocate(Cell::Array(removed));
            }
            _ => {}
        }
        let Some(Cell::Array(items)) = self.heap.get(at as usize) else { return Ok(Js::Unknown) };
        let items = items.clone();
        self.spend(items.len() as u64 / 16)?;
        Ok(match name {
            "join" => {
                let gap = match args.first() {
                    None | Some(Js::Undefined) => Some(Rc::from([u16::from(b',')])),
                    Some(gap) => self.as_text_of(gap)?,
                };
                match gap {
                    Some(gap) => self.joined(&items, &gap)?.map_or(Js::Unknown, Js::Text),
                    None => Js::Unknown,
                }
            }
            "toString" => self.joined(&items, &[u16::from(b',')])?.map_or(Js::Unknown, Js::Text),
            "slice" => {
                let from = clamp(number(self, 0, 0.0)?, items.len());
                let to = clamp(number(self, 1, f64::INFINITY)?, items.len());
                let part = items.get(from..to.max(from)).unwrap_or_default().to_vec();
                self.allocate(Cell::Array(part))?
            }
            "concat" => {
                let mut all = items;
                for arg in args {
                    match self.items(arg).filter(|_| matches!(arg, Js::Heap(_))) {
                        Some(more) => all.extend(more),
                        None => all.push(arg.clone()),
                    }
                }
                self.allocate(Cell::Array(all))?
            }
            "indexOf" | "includes" => {
                let sought = args.first().cloned().unwrap_or(Js::Undefined);
                let at = items.iter().position(|item| self.strictly_equal(item, &sought) == Some(true));
                if name == "includes" { Js::Bool(at.is_some()) } else { Js::Num(at.map_or(-1.0, |at| at as f64)) }
            }
            "map" | "forEach" | "filter" | "some" | "every" | "find" | "findIndex" => {
                let function = args.first().cloned().unwrap_or(Js::Undefined);
                let mut out = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    let given = vec![item.clone(), Js::Num(index as f64), Js::Heap(at)];
                    let result = self.call(function.clone(), given, Js::Undefined, site)?;
                    match (name, result.truth()) {
                        ("map", _) => out.push(result),
                        ("filter", Some(true)) => out.push(item),
                        ("some", Some(true)) => return Ok(Js::Bool(true)),
                        ("every", Some(false)) => return Ok(Js::Bool(false)),
                        ("find", Some(true)) => return Ok(item),
                        ("findIndex", Some(true)) => return Ok(Js::Num(index as f64)),
                        _ => {}
                    }
                }
                match name {
                    "map" | "filter" => self.allocate(Cell::Array(out))?,
                    "some" => Js::Bool(false),
                    "every" => Js::Bool(true),
                    "findIndex" => Js::Num(-1.0),
                    _ => Js::Undefined,
                }
            }
            "reduce" => {
                let function = args.first().cloned().unwrap_or(Js::Undefined);
                let mut items = items.into_iter();
                let mut held = match args.get(1).cloned().or_else(|| items.next()) {
                    Some(held) => held,
                    None => return Err(Stop::Throw),
                };
                for (index, item) in items.enumerate() {
                    held = self.call(function.clone(), vec![held, item, Js::Num(index as f64)], Js::Undefined, site)?;
                }
                held
            }
            "flat" => {
                let mut all = Vec::new();
                for item in &items {
                    match self.items(item).filter(|_| matches!(item, Js::Heap(_))) {
                        Some(more) => all.extend(more),
                        None => all.push(item.clone()),
                    }
                }
                self.allocate(Cell::Array(all))?
            }
            "fill" => {
                let filled = vec![args.first().cloned().unwrap_or(Js::Undefined); items.len()];
                if let Some(Cell::Array(items)) = self.heap.get_mut(at as usize) {
                    *items = filled;
                }
                Js::Heap(at)
            }
            "sort" if args.is_empty() => {
                let mut keyed = Vec::with_capacity(items.len());
                for item in items {
                    let Some(text) = self.as_text_of(&item)? else { return Ok(Js::Unknown) };
                    keyed.push((text, item));
                }
                keyed.sort_by(|a, b| a.0.cmp(&b.0));
                if let Some(Cell::Array(items)) = self.heap.get_mut(at as usize) {
                    *items = keyed.into_iter().map(|(_, item)| item).collect();
                }
                Js::Heap(at)
            }
            "entries" | "keys" | "values" => Js::Native("Array Iterator"),
            _ => Js::Unknown,
        })
    }
}

/// A position from either end, within bounds.
pub(super) fn clamp(at: f64, length: usize) -> usize {
    let at = if at.is_nan() { 0.0 } else { at.trunc() };
    let at = if at < 0.0 { length as f64 + at } else { at };
    at.clamp(0.0, length as f64) as usize
}
