//! Expressions.

use super::{Lowering, range};
use crate::ir::{Arg, Call, Expr, Op, Stmt, Target};
use oxc_ast::ast;
use oxc_syntax::operator::{AssignmentOperator, BinaryOperator, UnaryOperator};
use std::rc::Rc;

impl Lowering {
    pub(super) fn expr<'a>(&mut self, expr: &ast::Expression<'a>) -> Expr {
        self.deeper(Expr::Unknown, |this| this.expr_inner(expr))
    }

    fn boxed<'a>(&mut self, expr: &ast::Expression<'a>) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn expr_inner<'a>(&mut self, expr: &ast::Expression<'a>) -> Expr {
        match expr {
            ast::Expression::StringLiteral(it) => Expr::Text(Rc::from(it.value.as_str())),
            ast::Expression::NumericLiteral(it) => Expr::Num(it.value),
            ast::Expression::TemplateLiteral(it) => self.template(it),
            ast::Expression::TaggedTemplateExpression(it) => {
                let (at, end) = range(&**it);
                let callee = self.expr(&it.tag);
                let value = self.template(&it.quasi);
                Expr::Call(Box::new(Call { callee, args: vec![Arg::plain(value)], at, end }))
            }
            ast::Expression::Identifier(it) => match it.name.as_str() {
                "undefined" | "NaN" | "Infinity" => Expr::Unknown,
                name => Expr::Name(self.name(name)),
            },
            ast::Expression::ThisExpression(_) => Expr::This,
            // What it is looked for with, not an exact text.
            ast::Expression::RegExpLiteral(it) => Expr::Concat(vec![Expr::Text(Rc::from(it.regex.pattern.text.as_str())), Expr::Unknown]),
            ast::Expression::NullLiteral(_) | ast::Expression::BooleanLiteral(_) | ast::Expression::BigIntLiteral(_) => Expr::Unknown,
            ast::Expression::ArrayExpression(it) => {
                let mut items = Vec::with_capacity(it.elements.len());
                for element in &it.elements {
                    match element {
                        ast::ArrayExpressionElement::SpreadElement(spread) => {
                            let inner = self.expr(&spread.argument);
                            items.push(inner);
                        }
                        ast::ArrayExpressionElement::Elision(_) => items.push(Expr::Unknown),
                        other => items.push(other.as_expression().map_or(Expr::Unknown, |expression| self.expr(expression))),
                    }
                }
                Expr::List(items)
            }
            ast::Expression::ObjectExpression(it) => self.object(it),
            ast::Expression::ArrowFunctionExpression(it) => {
                let index = self.function_of(&it.params, |this, out| match &it.body {
                    ast::ArrowFunctionBody::FunctionBody(body) => {
                        this.hoist(&body.statements, out);
                        this.statements(&body.statements, out);
                    }
                    other => {
                        if let Some(expression) = other.as_expression() {
                            let value = this.expr(expression);
                            out.push(Stmt::Return(value));
                        }
                    }
                });
                Expr::Lambda(index)
            }
            ast::Expression::FunctionExpression(it) => Expr::Lambda(self.function(it)),
            ast::Expression::ClassExpression(it) => {
                let (class, body) = self.class_of(it);
                if body.is_empty() {
                    return Expr::Class(class);
                }
                // Static parts run where the class stands.
                let mut parts: Vec<Expr> = body
                    .into_iter()
                    .filter_map(|stmt| match stmt {
                        Stmt::Expr(expr) => Some(expr),
                        Stmt::Assign { target, value, .. } => Some(Expr::Assign(Box::new((target, value)))),
                        _ => None,
                    })
                    .collect();
                parts.push(Expr::Class(class));
                Expr::Sequence(parts)
            }
            ast::Expression::AssignmentExpression(it) => self.assignment(it),
            ast::Expression::AwaitExpression(it) => self.expr(&it.argument),
            ast::Expression::YieldExpression(it) => it.argument.as_ref().map_or(Expr::Unknown, |value| self.expr(value)),
            ast::Expression::BinaryExpression(it) => self.binary(it),
            ast::Expression::LogicalExpression(it) => {
                let left = self.expr(&it.left);
                let right = self.expr(&it.right);
                Expr::Choice(vec![left, right])
            }
            ast::Expression::ConditionalExpression(it) => {
                let test = self.expr(&it.test);
                let parts = vec![self.expr(&it.consequent), self.expr(&it.alternate)];
                Expr::Sequence(vec![test, Expr::Choice(parts)])
            }
            ast::Expression::CallExpression(it) => self.call(&it.callee, &it.arguments, range(&**it)),
            ast::Expression::NewExpression(it) => self.call(&it.callee, &it.arguments, range(&**it)),
            ast::Expression::ChainExpression(it) => match &it.expression {
                ast::ChainElement::CallExpression(call) => self.call(&call.callee, &call.arguments, range(&**call)),
                ast::ChainElement::TSNonNullExpression(it) => self.expr(&it.expression),
                ast::ChainElement::StaticMemberExpression(it) => self.static_member(it),
                ast::ChainElement::ComputedMemberExpression(it) => self.computed_member(it),
                ast::ChainElement::PrivateFieldExpression(it) => self.private_member(it),
            },
            ast::Expression::ImportExpression(it) => {
                let (at, end) = range(&**it);
                let source = self.expr(&it.source);
                let callee = Expr::Api(Rc::from("require"));
                Expr::Call(Box::new(Call { callee, args: vec![Arg::plain(source)], at, end }))
            }
            ast::Expression::ParenthesizedExpression(it) => self.expr(&it.expression),
            ast::Expression::SequenceExpression(it) => {
                Expr::Sequence(it.expressions.iter().map(|expression| self.expr(expression)).collect())
            }
            ast::Expression::UnaryExpression(it) => self.unary(it),
            ast::Expression::UpdateExpression(it) => match &it.argument {
                ast::SimpleAssignmentTarget::AssignmentTargetIdentifier(name) => {
                    let name = self.name(name.name.as_str());
                    let next = Expr::Binary(Op::Add, Box::new(Expr::Name(name)), Box::new(Expr::Num(1.0)));
                    Expr::Assign(Box::new((Target::Name(name), next)))
                }
                _ => Expr::Unknown,
            },
            ast::Expression::StaticMemberExpression(it) => self.static_member(it),
            ast::Expression::ComputedMemberExpression(it) => self.computed_member(it),
            ast::Expression::PrivateFieldExpression(it) => self.private_member(it),
            ast::Expression::TSAsExpression(it) => self.expr(&it.expression),
            ast::Expression::TSSatisfiesExpression(it) => self.expr(&it.expression),
            ast::Expression::TSTypeAssertion(it) => self.expr(&it.expression),
            ast::Expression::TSNonNullExpression(it) => self.expr(&it.expression),
            ast::Expression::TSInstantiationExpression(it) => self.expr(&it.expression),
            ast::Expression::ImportMeta(_) => Expr::Api(Rc::from("import.meta")),
            _ => Expr::Unknown,
        }
    }

    fn static_member<'a>(&mut self, it: &ast::StaticMemberExpression<'a>) -> Expr {
        let object = self.boxed(&it.object);
        Expr::Member(object, Rc::from(it.property.name.as_str()))
    }

    fn private_member<'a>(&mut self, it: &ast::PrivateFieldExpression<'a>) -> Expr {
        let object = self.boxed(&it.object);
        Expr::Member(object, Rc::from(it.field.name.as_str()))
    }

    fn computed_member<'a>(&mut self, it: &ast::ComputedMemberExpression<'a>) -> Expr {
        let object = self.boxed(&it.object);
        match self.expr(&it.expression) {
            Expr::Text(name) => Expr::Member(object, name),
            index => Expr::Index(object, Box::new(index)),
        }
    }

    fn template<'a>(&mut self, it: &ast::TemplateLiteral<'a>) -> Expr {
        let text = |element: &ast::TemplateElement<'a>| Rc::from(element.value.cooked.as_ref().unwrap_or(&element.value.raw).as_str());
        if it.expressions.is_empty() {
            return Expr::Text(it.quasis.first().map_or_else(|| Rc::from(""), text));
        }
        let mut parts = Vec::with_capacity(it.quasis.len() * 2);
        for (index, quasi) in it.quasis.iter().enumerate() {
            parts.push(Expr::Text(text(quasi)));
            if let Some(expression) = it.expressions.get(index) {
                let part = self.expr(expression);
                parts.push(part);
            }
        }
        Expr::Concat(parts)
    }

    fn object<'a>(&mut self, it: &ast::ObjectExpression<'a>) -> Expr {
        let mut items = Vec::with_capacity(it.properties.len());
        for property in &it.properties {
            match property {
                ast::ObjectPropertyKind::ObjectProperty(property) => {
                    let key = match property.key.static_name() {
                        Some(name) => Expr::Text(Rc::from(&*name)),
                        None => property.key.as_expression().map_or(Expr::Unknown, |key| self.expr(key)),
                    };
                    let value = self.expr(&property.value);
                    items.push((key, value));
                }
                ast::ObjectPropertyKind::SpreadProperty(spread) => {
                    let value = self.expr(&spread.argument);
                    items.push((Expr::Unknown, value));
                }
            }
        }
        Expr::Dict(items)
    }

    fn call<'a>(&mut self, callee: &ast::Expression<'a>, arguments: &[ast::Argument<'a>], (at, end): (u32, u32)) -> Expr {
        let callee = self.expr(callee);
        let mut args = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let arg = match argument {
                ast::Argument::SpreadElement(spread) => Arg { name: None, value: self.expr(&spread.argument), spread: true },
                other => Arg::plain(other.as_expression().map_or(Expr::Unknown, |expression| self.expr(expression))),
            };
            args.push(arg);
        }
        Expr::Call(Box::new(Call { callee, args, at, end }))
    }

    fn assignment<'a>(&mut self, it: &ast::AssignmentExpression<'a>) -> Expr {
        let value = self.expr(&it.right);
        let target = self.assignment_target(&it.left);
        let value = match (it.operator, &target) {
            (AssignmentOperator::Assign, _) => value,
            (AssignmentOperator::Addition, Target::Name(name)) => Expr::Binary(Op::Add, Box::new(Expr::Name(*name)), Box::new(value)),
            (AssignmentOperator::Addition, Target::Member(object, name)) => {
                Expr::Binary(Op::Add, Box::new(Expr::Member(object.clone(), name.clone())), Box::new(value))
            }
            (_, Target::Name(name)) => Expr::Choice(vec![Expr::Name(*name), value]),
            _ => value,
        };
        Expr::Assign(Box::new((target, value)))
    }

    /// A chain of one operator is flat, however long: obfuscated text is thousands of `+`.
    fn binary<'a>(&mut self, it: &ast::BinaryExpression<'a>) -> Expr {
        let op = match it.operator {
            BinaryOperator::Addition => Op::Add,
            BinaryOperator::Subtraction => Op::Sub,
            BinaryOperator::Multiplication => Op::Mul,
            BinaryOperator::Division => Op::Div,
            BinaryOperator::Remainder => Op::Rem,
            BinaryOperator::Exponential => Op::Pow,
            BinaryOperator::BitwiseXOR => Op::Xor,
            BinaryOperator::BitwiseAnd => Op::And,
            BinaryOperator::BitwiseOR => Op::Or,
            BinaryOperator::ShiftLeft => Op::Shl,
            BinaryOperator::ShiftRight | BinaryOperator::ShiftRightZeroFill => Op::Shr,
            _ => Op::Other,
        };
        let mut rights = vec![&it.right];
        let mut left = &it.left;
        while let ast::Expression::BinaryExpression(inner) = left {
            if inner.operator != it.operator {
                break;
            }
            rights.push(&inner.right);
            left = &inner.left;
        }
        let first = self.expr(left);
        if rights.len() > 16 && op == Op::Add {
            let mut parts = vec![first];
            parts.extend(rights.into_iter().rev().map(|right| self.expr(right)));
            return Expr::Concat(parts);
        }
        if rights.len() > 400 {
            let mut parts = vec![first];
            parts.extend(rights.into_iter().rev().map(|right| self.expr(right)));
            return Expr::Choice(parts);
        }
        rights.into_iter().rev().fold(first, |left, right| {
            let right = self.boxed(right);
            Expr::Binary(op, Box::new(left), right)
        })
    }

    fn unary<'a>(&mut self, it: &ast::UnaryExpression<'a>) -> Expr {
        let inner = self.expr(&it.argument);
        match it.operator {
            UnaryOperator::UnaryNegation => Expr::Negate(Box::new(inner)),
            UnaryOperator::UnaryPlus => inner,
            UnaryOperator::BitwiseNot => Expr::Binary(Op::Xor, Box::new(inner), Box::new(Expr::Num(-1.0))),
            _ => Expr::Not(Box::new(inner)),
        }
    }
}
