//! What operators make of values, and values as numbers and texts.

use super::machine::{Machine, Outcome};
use super::value::{Cell, Js, bits, number_text, text_number};
use oxc_ast::ast;
use oxc_ast::ast::Expression as E;
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};
use std::rc::Rc;

impl<'a> Machine<'a> {
    pub(super) fn unary(&mut self, it: &'a ast::UnaryExpression<'a>, scope: u32) -> Outcome<'a> {
        let value = self.eval(&it.argument, scope)?;
        Ok(match it.operator {
            UnaryOperator::LogicalNot => value.truth().map_or(Js::Unknown, |truth| Js::Bool(!truth)),
            UnaryOperator::UnaryPlus => self.as_number_of(&value)?.map_or(Js::Unknown, Js::Num),
            UnaryOperator::UnaryNegation => self.as_number_of(&value)?.map_or(Js::Unknown, |number| Js::Num(-number)),
            UnaryOperator::BitwiseNot => self.as_number_of(&value)?.map_or(Js::Unknown, |number| Js::Num(f64::from(!bits(number)))),
            UnaryOperator::Typeof => match &value {
                Js::Undefined => Js::text("undefined"),
                Js::Null => Js::text("object"),
                Js::Bool(_) => Js::text("boolean"),
                Js::Num(_) => Js::text("number"),
                Js::Text(_) => Js::text("string"),
                Js::Heap(at) => {
                    Js::text(if matches!(self.heap.get(*at as usize), Some(Cell::Function(_))) { "function" } else { "object" })
                }
                Js::Native(_) => Js::text("function"),
                Js::Unknown => Js::Unknown,
            },
            UnaryOperator::Void => Js::Undefined,
            UnaryOperator::Delete => Js::Bool(true),
        })
    }

    /// A chain of operators on the left side is read in a loop: obfuscated text is thousands of `+`.
    pub(super) fn binary_chain(&mut self, it: &'a ast::BinaryExpression<'a>, scope: u32) -> Outcome<'a> {
        let mut rights = vec![(it.operator, &it.right)];
        let mut left = &it.left;
        while let E::BinaryExpression(inner) = left {
            rights.push((inner.operator, &inner.right));
            left = &inner.left;
        }
        let mut value = self.eval(left, scope)?;
        // Text that grows by many pieces is put together once.
        let mut grown: Option<Vec<u16>> = None;
        for (operator, right) in rights.into_iter().rev() {
            let right = self.eval(right, scope)?;
            if operator == BinaryOperator::Addition
                && let (Some(buffer), Some(text)) = (&mut grown, self.as_text_of(&right)?)
            {
                buffer.extend_from_slice(&text);
                self.spend(text.len() as u64 / 64)?;
                continue;
            }
            if let Some(buffer) = grown.take() {
                value = self.made(buffer)?;
            }
            value = self.binary(operator, &value, &right)?;
            if let (BinaryOperator::Addition, Js::Text(text)) = (operator, &value) {
                grown = Some(text.to_vec());
            }
        }
        match grown {
            Some(buffer) => self.made(buffer),
            None => Ok(value),
        }
    }

    pub(super) fn strictly_equal(&self, left: &Js, right: &Js) -> Option<bool> {
        Some(match (left, right) {
            (Js::Unknown, _) | (_, Js::Unknown) => return None,
            (Js::Num(a), Js::Num(b)) => a == b,
            (Js::Text(a), Js::Text(b)) => a == b,
            (Js::Bool(a), Js::Bool(b)) => a == b,
            (Js::Undefined, Js::Undefined) | (Js::Null, Js::Null) => true,
            (Js::Heap(a), Js::Heap(b)) => a == b,
            (Js::Native(a), Js::Native(b)) => a == b,
            _ => false,
        })
    }

    pub(super) fn binary(&mut self, operator: BinaryOperator, left: &Js, right: &Js) -> Outcome<'a> {
        use BinaryOperator as B;
        if left.is_unknown() || right.is_unknown() {
            return Ok(Js::Unknown);
        }
        match operator {
            B::StrictEquality | B::StrictInequality => {
                return Ok(self.strictly_equal(left, right).map_or(Js::Unknown, |same| Js::Bool(same == (operator == B::StrictEquality))));
            }
            B::Equality | B::Inequality => {
                let same = match (left, right) {
                    (Js::Undefined | Js::Null, Js::Undefined | Js::Null) => true,
                    (Js::Undefined | Js::Null, _) | (_, Js::Undefined | Js::Null) => false,
                    (Js::Heap(_), Js::Heap(_)) => self.strictly_equal(left, right).unwrap_or(false),
                    (Js::Text(a), Js::Text(b)) => a == b,
                    _ => {
                        let (Some(a), Some(b)) = (self.as_number_of(left)?, self.as_number_of(right)?) else { return Ok(Js::Unknown) };
                        a == b
                    }
                };
                return Ok(Js::Bool(same == (operator == B::Equality)));
            }
            B::Addition => {
                let (left, right) = (self.primitive(left)?, self.primitive(right)?);
                if matches!(left, Js::Text(_)) || matches!(right, Js::Text(_)) {
                    let (Some(a), Some(b)) = (self.as_text_of(&left)?, self.as_text_of(&right)?) else { return Ok(Js::Unknown) };
                    return self.made([&*a, &*b].concat());
                }
                let (Some(a), Some(b)) = (self.as_number_of(&left)?, self.as_number_of(&right)?) else { return Ok(Js::Unknown) };
                return Ok(Js::Num(a + b));
            }
            B::LessThan | B::LessEqualThan | B::GreaterThan | B::GreaterEqualThan => {
                if let (Js::Text(a), Js::Text(b)) = (left, right) {
                    let order = a.cmp(b);
                    return Ok(Js::Bool(match operator {
                        B::LessThan => order.is_lt(),
                        B::LessEqualThan => order.is_le(),
                        B::GreaterThan => order.is_gt(),
                        _ => order.is_ge(),
                    }));
                }
            }
            B::In | B::Instanceof => return Ok(Js::Unknown),
            _ => {}
        }
        let (Some(a), Some(b)) = (self.as_number_of(left)?, self.as_number_of(right)?) else { return Ok(Js::Unknown) };
        let shift = bits(b) as u32 & 31;
        Ok(match operator {
            B::LessThan => Js::Bool(a < b),
            B::LessEqualThan => Js::Bool(a <= b),
            B::GreaterThan => Js::Bool(a > b),
            B::GreaterEqualThan => Js::Bool(a >= b),
            B::Subtraction => Js::Num(a - b),
            B::Multiplication => Js::Num(a * b),
            B::Division => Js::Num(a / b),
            B::Remainder => Js::Num(a % b),
            B::Exponential => Js::Num(a.powf(b)),
            B::ShiftLeft => Js::Num(f64::from(bits(a).wrapping_shl(shift))),
            B::ShiftRight => Js::Num(f64::from(bits(a) >> shift)),
            B::ShiftRightZeroFill => Js::Num(f64::from(bits(a) as u32 >> shift)),
            B::BitwiseOR => Js::Num(f64::from(bits(a) | bits(b))),
            B::BitwiseXOR => Js::Num(f64::from(bits(a) ^ bits(b))),
            B::BitwiseAnd => Js::Num(f64::from(bits(a) & bits(b))),
            _ => Js::Unknown,
        })
    }

    /// What an object is in arithmetic: its text.
    fn primitive(&mut self, value: &Js) -> Outcome<'a> {
        Ok(match value {
            Js::Heap(_) | Js::Native(_) => self.as_text_of(value)?.map_or(Js::Unknown, Js::Text),
            other => other.clone(),
        })
    }

    pub(super) fn as_number_of(&mut self, value: &Js) -> Outcome<'a, Option<f64>> {
        Ok(Some(match value {
            Js::Undefined => f64::NAN,
            Js::Null => 0.0,
            Js::Bool(value) => f64::from(u8::from(*value)),
            Js::Num(number) => *number,
            Js::Text(text) if text.len() > 400 => f64::NAN,
            Js::Text(text) => text_number(&String::from_utf16_lossy(text)),
            Js::Heap(_) | Js::Native(_) => match self.as_text_of(value)? {
                Some(text) if text.len() <= 400 => text_number(&String::from_utf16_lossy(&text)),
                Some(_) => f64::NAN,
                None => return Ok(None),
            },
            Js::Unknown => return Ok(None),
        }))
    }

    pub(super) fn as_text_of(&mut self, value: &Js) -> Outcome<'a, Option<Rc<[u16]>>> {
        let plain = match value {
            Js::Text(text) => return Ok(Some(text.clone())),
            Js::Unknown => return Ok(None),
            Js::Undefined => "undefined".to_owned(),
            Js::Null => "null".to_owned(),
            Js::Bool(value) => value.to_string(),
            Js::Num(number) => number_text(*number),
            Js::Native(name) => super::globals::native_text(name),
            Js::Heap(at) => match self.heap.get(*at as usize) {
                Some(Cell::Array(items)) => {
                    let items = items.clone();
                    return self.joined(&items, &[u16::from(b',')]);
                }
                Some(Cell::Function(closure)) => closure.source.to_owned(),
                Some(Cell::Pattern { source, flags }) => format!("/{source}/{flags}"),
                _ => "[object Object]".to_owned(),
            },
        };
        self.spend(plain.len() as u64 / 64)?;
        Ok(Some(plain.encode_utf16().collect()))
    }

    /// `items.join(gap)`.
    pub(super) fn joined(&mut self, items: &[Js], gap: &[u16]) -> Outcome<'a, Option<Rc<[u16]>>> {
        let mut out: Vec<u16> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(gap);
            }
            if !matches!(item, Js::Undefined | Js::Null) {
                // An array may hold itself.
                let Some(text) = self.deeper(|this| this.as_text_of(item))? else { return Ok(None) };
                out.extend_from_slice(&text);
            }
            self.spend(1)?;
        }
        match self.made(out)? {
            Js::Text(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }
}
