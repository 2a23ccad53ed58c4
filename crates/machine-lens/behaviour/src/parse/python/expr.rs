//! Expressions.

use super::Lowering;
use crate::ir::{Arg, Call, Expr, Op, Stmt};
use ruff_python_ast as ast;
use ruff_text_size::Ranged;
use std::rc::Rc;

pub(super) fn operator(op: ast::Operator) -> Op {
    match op {
        ast::Operator::Add => Op::Add,
        ast::Operator::Sub => Op::Sub,
        ast::Operator::Mult => Op::Mul,
        ast::Operator::Div => Op::Div,
        ast::Operator::FloorDiv => Op::FloorDiv,
        ast::Operator::Mod => Op::Rem,
        ast::Operator::Pow => Op::Pow,
        ast::Operator::BitXor => Op::Xor,
        ast::Operator::BitAnd => Op::And,
        ast::Operator::BitOr => Op::Or,
        ast::Operator::LShift => Op::Shl,
        ast::Operator::RShift => Op::Shr,
        ast::Operator::MatMult => Op::Other,
    }
}

impl Lowering {
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> Expr {
        self.deeper(Expr::Unknown, |this| this.expr_inner(expr))
    }

    fn boxed(&mut self, expr: &ast::Expr) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn all(&mut self, exprs: &[ast::Expr]) -> Vec<Expr> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn expr_inner(&mut self, expr: &ast::Expr) -> Expr {
        match expr {
            ast::Expr::StringLiteral(it) => Expr::Text(Rc::from(it.value.to_str())),
            ast::Expr::BytesLiteral(it) => Expr::Bytes(it.value.bytes().collect::<Vec<u8>>().into()),
            ast::Expr::NumberLiteral(it) => match &it.value {
                ast::Number::Int(int) => int.as_i64().map_or(Expr::Unknown, |number| Expr::Num(number as f64)),
                ast::Number::Float(number) => Expr::Num(*number),
                ast::Number::Complex { .. } => Expr::Unknown,
            },
            ast::Expr::FString(it) => self.interpolated(&it.value),
            ast::Expr::Name(it) => Expr::Name(self.name(it.id.as_str())),
            ast::Expr::Attribute(it) => {
                let object = self.boxed(&it.value);
                Expr::Member(object, Rc::from(it.attr.as_str()))
            }
            ast::Expr::Subscript(it) => self.subscript(it),
            ast::Expr::Call(it) => self.call(it),
            ast::Expr::BinOp(it) => self.binary(it),
            ast::Expr::BoolOp(it) => Expr::Choice(self.all(&it.values)),
            ast::Expr::UnaryOp(it) => {
                let inner = self.boxed(&it.operand);
                match it.op {
                    ast::UnaryOp::USub => Expr::Negate(inner),
                    ast::UnaryOp::UAdd => *inner,
                    ast::UnaryOp::Invert => Expr::Binary(Op::Xor, inner, Box::new(Expr::Num(-1.0))),
                    ast::UnaryOp::Not => Expr::Not(inner),
                }
            }
            ast::Expr::Compare(it) => {
                let mut parts = vec![self.expr(&it.left)];
                parts.extend(it.comparators.iter().map(|side| self.expr(side)));
                Expr::Not(Box::new(Expr::Sequence(parts)))
            }
            ast::Expr::If(it) => {
                let test = self.expr(&it.test);
                let parts = vec![self.expr(&it.body), self.expr(&it.orelse)];
                Expr::Sequence(vec![test, Expr::Choice(parts)])
            }
            ast::Expr::Lambda(it) => {
                let index = self.function(it.parameters.as_deref(), |this, out| {
                    let value = this.expr(&it.body);
                    out.push(Stmt::Return(value));
                });
                Expr::Lambda(index)
            }
            ast::Expr::List(it) => Expr::List(self.all(&it.elts)),
            ast::Expr::Tuple(it) => Expr::List(self.all(&it.elts)),
            ast::Expr::Set(it) => Expr::List(self.all(&it.elts)),
            ast::Expr::Dict(it) => {
                let mut items = Vec::with_capacity(it.items.len());
                for item in &it.items {
                    let key = item.key.as_ref().map_or(Expr::Unknown, |key| self.expr(key));
                    let value = self.expr(&item.value);
                    items.push((key, value));
                }
                Expr::Dict(items)
            }
            ast::Expr::ListComp(it) => self.comprehension(&it.elt, &it.generators),
            ast::Expr::SetComp(it) => self.comprehension(&it.elt, &it.generators),
            ast::Expr::Generator(it) => self.comprehension(&it.elt, &it.generators),
            ast::Expr::DictComp(it) => self.comprehension(&it.value, &it.generators),
            ast::Expr::Await(it) => self.expr(&it.value),
            ast::Expr::Yield(it) => it.value.as_ref().map_or(Expr::Unknown, |value| self.expr(value)),
            ast::Expr::YieldFrom(it) => self.expr(&it.value),
            ast::Expr::Starred(it) => self.expr(&it.value),
            ast::Expr::Named(it) => {
                let value = self.expr(&it.value);
                let target = self.target(&it.target);
                Expr::Assign(Box::new((target, value)))
            }
            _ => Expr::Unknown,
        }
    }

    fn interpolated(&mut self, value: &ast::FStringValue) -> Expr {
        let mut parts = Vec::new();
        for part in value {
            match part {
                ast::FStringPart::Literal(text) => parts.push(Expr::Text(Rc::from(&*text.value))),
                ast::FStringPart::FString(inner) => {
                    for element in &inner.elements {
                        match element {
                            ast::InterpolatedStringElement::Literal(text) => parts.push(Expr::Text(Rc::from(&*text.value))),
                            ast::InterpolatedStringElement::Interpolation(it) => {
                                let part = self.expr(&it.expression);
                                parts.push(part);
                            }
                        }
                    }
                }
            }
        }
        Expr::Concat(parts)
    }

    fn subscript(&mut self, it: &ast::ExprSubscript) -> Expr {
        let object = self.boxed(&it.value);
        if let ast::Expr::Slice(slice) = &*it.slice {
            let mut part = |side: &Option<Box<ast::Expr>>| side.as_ref().map(|side| self.expr(side));
            let parts = [part(&slice.lower), part(&slice.upper), part(&slice.step)];
            return Expr::Slice(object, Box::new(parts));
        }
        let index = self.boxed(&it.slice);
        Expr::Index(object, index)
    }

    fn call(&mut self, it: &ast::ExprCall) -> Expr {
        let callee = self.expr(&it.func);
        let mut args = Vec::with_capacity(it.arguments.len());
        for argument in &it.arguments.args {
            let spread = matches!(argument, ast::Expr::Starred(_));
            args.push(Arg { name: None, value: self.expr(argument), spread });
        }
        for keyword in &it.arguments.keywords {
            let value = self.expr(&keyword.value);
            match &keyword.arg {
                Some(name) => args.push(Arg { name: Some(Rc::from(name.as_str())), value, spread: false }),
                None => args.push(Arg { name: None, value, spread: true }),
            }
        }
        let range = it.range();
        Expr::Call(Box::new(Call { callee, args, at: range.start().to_u32(), end: range.end().to_u32() }))
    }

    fn binary(&mut self, it: &ast::ExprBinOp) -> Expr {
        let op = operator(it.op);
        let mut rights = vec![&it.right];
        let mut left = &it.left;
        while let ast::Expr::BinOp(inner) = &**left {
            if inner.op != it.op {
                break;
            }
            rights.push(&inner.right);
            left = &inner.left;
        }
        let first = self.expr(left);
        if rights.len() > 400 {
            let mut parts = vec![first];
            parts.extend(rights.into_iter().rev().map(|right| self.expr(right)));
            return if op == Op::Add { Expr::Concat(parts) } else { Expr::Choice(parts) };
        }
        rights.into_iter().rev().fold(first, |left, right| {
            let right = self.boxed(right);
            Expr::Binary(op, Box::new(left), right)
        })
    }

    fn comprehension(&mut self, element: &ast::Expr, generators: &[ast::Comprehension]) -> Expr {
        let mut lowered = Vec::with_capacity(generators.len());
        for generator in generators.iter().take(8) {
            let iter = self.expr(&generator.iter);
            let target = self.target(&generator.target);
            let tests: Vec<Expr> = generator.ifs.iter().map(|test| self.expr(test)).collect();
            lowered.push((target, iter, tests));
        }
        let mut body = self.expr(element);
        for (target, iter, mut tests) in lowered.into_iter().rev() {
            if !tests.is_empty() {
                tests.push(body);
                body = Expr::Sequence(tests);
            }
            body = Expr::Each(Box::new((target, iter, body)));
        }
        body
    }
}
