//! Expressions: literals, places that are read and written, calls. What operators do is in [`super::arithmetic`].

use super::machine::{Machine, Outcome, Stop, key, span};
use super::value::{Body, Cell, Closure, Js};
use oxc_ast::ast;
use oxc_ast::ast::Expression as E;
use oxc_syntax::operator::{AssignmentOperator, BinaryOperator, LogicalOperator, UpdateOperator};
use std::collections::HashMap;

impl<'a> Machine<'a> {
    pub(super) fn eval(&mut self, expr: &'a E<'a>, scope: u32) -> Outcome<'a> {
        self.spend(1)?;
        self.deeper(|this| this.eval_inner(expr, scope))
    }

    fn eval_inner(&mut self, expr: &'a E<'a>, scope: u32) -> Outcome<'a> {
        Ok(match expr {
            E::StringLiteral(it) => Js::text(it.value.as_str()),
            E::NumericLiteral(it) => Js::Num(it.value),
            E::BooleanLiteral(it) => Js::Bool(it.value),
            E::NullLiteral(_) => Js::Null,
            E::TemplateLiteral(it) => self.template(it, scope)?,
            E::RegExpLiteral(it) => {
                let flags = it.regex.flags.to_string();
                self.allocate(Cell::Pattern { source: key(it.regex.pattern.text.as_str()), flags: key(&flags) })?
            }
            E::Identifier(it) => match self.lookup(it.name.as_str(), scope) {
                Some(value) => value.clone(),
                None => super::globals::named(it.name.as_str()),
            },
            E::ThisExpression(_) => self.this.clone(),
            E::ArrayExpression(it) => self.array(it, scope)?,
            E::ObjectExpression(it) => self.object(it, scope)?,
            E::FunctionExpression(it) => self.function(it, scope)?,
            E::ArrowFunctionExpression(it) => {
                let body = match &it.body {
                    ast::ArrowFunctionBody::FunctionBody(body) => Body::Statements(&body.statements),
                    other => match other.as_expression() {
                        Some(expression) => Body::Expression(expression),
                        None => return Ok(Js::Unknown),
                    },
                };
                let source = self.slice(it.span.start, it.span.end);
                let (text, this) = (self.source, Some(self.this.clone()));
                let fields = HashMap::new();
                self.allocate(Cell::Function(Closure {
                    params: &it.params,
                    body,
                    scope,
                    source,
                    text,
                    name: "",
                    fields,
                    this,
                    bound: Vec::new(),
                }))?
            }
            E::AssignmentExpression(it) => self.assignment(it, scope)?,
            E::UpdateExpression(it) => self.update(it, scope)?,
            E::UnaryExpression(it) => self.unary(it, scope)?,
            E::BinaryExpression(it) => self.binary_chain(it, scope)?,
            E::LogicalExpression(it) => {
                let left = self.eval(&it.left, scope)?;
                let goes_on = match it.operator {
                    LogicalOperator::And => left.truth(),
                    LogicalOperator::Or => left.truth().map(|truth| !truth),
                    LogicalOperator::Coalesce => match left {
                        Js::Unknown => None,
                        _ => Some(matches!(left, Js::Undefined | Js::Null)),
                    },
                };
                match goes_on {
                    Some(false) => left,
                    Some(true) => self.eval(&it.right, scope)?,
                    None => {
                        self.eval(&it.right, scope)?;
                        Js::Unknown
                    }
                }
            }
            E::ConditionalExpression(it) => match self.eval(&it.test, scope)?.truth() {
                Some(true) => self.eval(&it.consequent, scope)?,
                Some(false) => self.eval(&it.alternate, scope)?,
                None => {
                    self.eval(&it.consequent, scope)?;
                    self.eval(&it.alternate, scope)?;
                    Js::Unknown
                }
            },
            E::SequenceExpression(it) => {
                let mut last = Js::Undefined;
                for part in &it.expressions {
                    last = self.eval(part, scope)?;
                }
                last
            }
            E::ParenthesizedExpression(it) => self.eval(&it.expression, scope)?,
            E::StaticMemberExpression(it) => {
                let object = self.eval(&it.object, scope)?;
                self.get(&object, it.property.name.as_str())?
            }
            E::ComputedMemberExpression(it) => {
                let object = self.eval(&it.object, scope)?;
                let index = self.eval(&it.expression, scope)?;
                self.at(&object, &index)?
            }
            E::CallExpression(it) => self.call_expression(it, scope)?,
            E::NewExpression(it) => {
                let callee = self.eval(&it.callee, scope)?;
                let args = self.arguments(&it.arguments, scope)?;
                self.construct(callee, args, span(&**it))?
            }
            E::AwaitExpression(it) => {
                self.eval(&it.argument, scope)?;
                Js::Unknown
            }
            E::ChainExpression(it) => match &it.expression {
                ast::ChainElement::CallExpression(call) => self.call_expression(call, scope)?,
                _ => Js::Unknown,
            },
            _ => Js::Unknown,
        })
    }

    fn template(&mut self, it: &'a ast::TemplateLiteral<'a>, scope: u32) -> Outcome<'a> {
        let mut out: Vec<u16> = Vec::new();
        let mut known = true;
        for (at, quasi) in it.quasis.iter().enumerate() {
            out.extend(quasi.value.cooked.as_ref().unwrap_or(&quasi.value.raw).as_str().encode_utf16());
            if let Some(part) = it.expressions.get(at) {
                let part = self.eval(part, scope)?;
                match self.as_text_of(&part)? {
                    Some(text) => out.extend(text.iter()),
                    None => known = false,
                }
            }
        }
        if known { self.made(out) } else { Ok(Js::Unknown) }
    }

    fn array(&mut self, it: &'a ast::ArrayExpression<'a>, scope: u32) -> Outcome<'a> {
        let mut items = Vec::with_capacity(it.elements.len());
        for element in &it.elements {
            match element {
                ast::ArrayExpressionElement::SpreadElement(spread) => {
                    let over = self.eval(&spread.argument, scope)?;
                    match self.items(&over) {
                        Some(more) => items.extend(more),
                        None => return Ok(Js::Unknown),
                    }
                }
                ast::ArrayExpressionElement::Elision(_) => items.push(Js::Undefined),
                other => {
                    let item = match other.as_expression() {
                        Some(expression) => self.eval(expression, scope)?,
                        None => Js::Unknown,
                    };
                    items.push(item);
                }
            }
        }
        self.allocate(Cell::Array(items))
    }

    fn object(&mut self, it: &'a ast::ObjectExpression<'a>, scope: u32) -> Outcome<'a> {
        let mut fields = HashMap::new();
        for property in &it.properties {
            match property {
                ast::ObjectPropertyKind::ObjectProperty(property) => {
                    let name = match property.key.static_name() {
                        Some(name) if !property.computed => Some(name.to_string()),
                        _ => match property.key.as_expression() {
                            Some(expression) => {
                                let name = self.eval(expression, scope)?;
                                self.as_text_of(&name)?.map(|text| String::from_utf16_lossy(&text))
                            }
                            None => None,
                        },
                    };
                    let value = self.eval(&property.value, scope)?;
                    if let Some(name) = name {
                        fields.insert(key(&name), value);
                    }
                }
                ast::ObjectPropertyKind::SpreadProperty(spread) => {
                    self.eval(&spread.argument, scope)?;
                }
            }
        }
        self.allocate(Cell::Object(fields))
    }

    fn assignment(&mut self, it: &'a ast::AssignmentExpression<'a>, scope: u32) -> Outcome<'a> {
        use AssignmentOperator as A;
        let operator = match it.operator {
            A::Assign => None,
            A::Addition => Some(BinaryOperator::Addition),
            A::Subtraction => Some(BinaryOperator::Subtraction),
            A::Multiplication => Some(BinaryOperator::Multiplication),
            A::Division => Some(BinaryOperator::Division),
            A::Remainder => Some(BinaryOperator::Remainder),
            A::Exponential => Some(BinaryOperator::Exponential),
            A::ShiftLeft => Some(BinaryOperator::ShiftLeft),
            A::ShiftRight => Some(BinaryOperator::ShiftRight),
            A::ShiftRightZeroFill => Some(BinaryOperator::ShiftRightZeroFill),
            A::BitwiseOR => Some(BinaryOperator::BitwiseOR),
            A::BitwiseXOR => Some(BinaryOperator::BitwiseXOR),
            A::BitwiseAnd => Some(BinaryOperator::BitwiseAnd),
            A::LogicalOr | A::LogicalAnd | A::LogicalNullish => {
                self.eval(&it.right, scope)?;
                return Ok(Js::Unknown);
            }
        };
        let place = self.place_of(&it.left, scope)?;
        let old = match operator {
            Some(_) => self.read(&place, scope)?,
            None => Js::Undefined,
        };
        let value = self.eval(&it.right, scope)?;
        let value = match operator {
            Some(operator) => self.binary(operator, &old, &value)?,
            None => value,
        };
        self.write(place, value.clone(), scope)?;
        Ok(value)
    }

    fn update(&mut self, it: &'a ast::UpdateExpression<'a>, scope: u32) -> Outcome<'a> {
        let place = match &it.argument {
            ast::SimpleAssignmentTarget::AssignmentTargetIdentifier(id) => Place::Name(id.name.as_str()),
            ast::SimpleAssignmentTarget::ComputedMemberExpression(it) => {
                let object = self.eval(&it.object, scope)?;
                let index = self.eval(&it.expression, scope)?;
                Place::Field(object, index)
            }
            ast::SimpleAssignmentTarget::StaticMemberExpression(it) => {
                let object = self.eval(&it.object, scope)?;
                Place::Field(object, Js::text(it.property.name.as_str()))
            }
            _ => return Ok(Js::Unknown),
        };
        let old = self.read(&place, scope)?;
        let Some(number) = self.as_number_of(&old)? else {
            self.write(place, Js::Unknown, scope)?;
            return Ok(Js::Unknown);
        };
        let next = if it.operator == UpdateOperator::Increment { number + 1.0 } else { number - 1.0 };
        self.write(place, Js::Num(next), scope)?;
        Ok(Js::Num(if it.prefix { next } else { number }))
    }

    fn place_of(&mut self, target: &'a ast::AssignmentTarget<'a>, scope: u32) -> Outcome<'a, Place<'a>> {
        Ok(match target {
            ast::AssignmentTarget::AssignmentTargetIdentifier(id) => Place::Name(id.name.as_str()),
            ast::AssignmentTarget::StaticMemberExpression(it) => {
                let object = self.eval(&it.object, scope)?;
                Place::Field(object, Js::text(it.property.name.as_str()))
            }
            ast::AssignmentTarget::ComputedMemberExpression(it) => {
                let object = self.eval(&it.object, scope)?;
                let index = self.eval(&it.expression, scope)?;
                Place::Field(object, index)
            }
            ast::AssignmentTarget::ArrayAssignmentTarget(it) => {
                let mut places = Vec::new();
                for element in &it.elements {
                    places.push(match element.as_ref().and_then(|element| element.as_assignment_target()) {
                        Some(target) => self.place_of(target, scope)?,
                        None => Place::Nowhere,
                    });
                }
                Place::Many(places)
            }
            _ => Place::Nowhere,
        })
    }

    fn read(&mut self, place: &Place<'a>, scope: u32) -> Outcome<'a> {
        Ok(match place {
            Place::Name(name) => self.lookup(name, scope).cloned().unwrap_or_else(|| super::globals::named(name)),
            Place::Field(object, index) => self.at(object, index)?,
            _ => Js::Unknown,
        })
    }

    fn write(&mut self, place: Place<'a>, value: Js, scope: u32) -> Outcome<'a, ()> {
        match place {
            Place::Name(name) => self.assign(name, value, scope),
            Place::Field(object, index) => self.set(&object, &index, value)?,
            Place::Many(places) => {
                let items = self.items(&value);
                for (at, place) in places.into_iter().enumerate() {
                    let item = items.as_ref().map_or(Js::Unknown, |items| items.get(at).cloned().unwrap_or(Js::Undefined));
                    self.write(place, item, scope)?;
                }
            }
            Place::Nowhere => {}
        }
        Ok(())
    }

    pub(super) fn arguments(&mut self, arguments: &'a [ast::Argument<'a>], scope: u32) -> Outcome<'a, Vec<Js>> {
        let mut out = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                ast::Argument::SpreadElement(spread) => {
                    let over = self.eval(&spread.argument, scope)?;
                    match self.items(&over) {
                        Some(items) => out.extend(items),
                        None => out.push(Js::Unknown),
                    }
                }
                other => {
                    let value = match other.as_expression() {
                        Some(expression) => self.eval(expression, scope)?,
                        None => Js::Unknown,
                    };
                    out.push(value);
                }
            }
        }
        Ok(out)
    }

    fn call_expression(&mut self, it: &'a ast::CallExpression<'a>, scope: u32) -> Outcome<'a> {
        let site = span(it);
        let callee = unparenthesised(&it.callee);
        let (object, name) = match callee {
            E::StaticMemberExpression(member) => (&member.object, Js::text(member.property.name.as_str())),
            E::ComputedMemberExpression(member) => {
                let object = self.eval(&member.object, scope)?;
                let name = self.eval(&member.expression, scope)?;
                let args = self.arguments(&it.arguments, scope)?;
                return self.call_member(object, &name, args, site);
            }
            other => {
                let function = self.eval(other, scope)?;
                let args = self.arguments(&it.arguments, scope)?;
                return self.call(function, args, Js::Undefined, site);
            }
        };
        let object = self.eval(object, scope)?;
        let args = self.arguments(&it.arguments, scope)?;
        self.call_member(object, &name, args, site)
    }

    /// Calls a value.
    pub(super) fn call(&mut self, function: Js, args: Vec<Js>, this: Js, site: (u32, u32)) -> Outcome<'a> {
        match function {
            Js::Heap(at) if matches!(self.heap.get(at as usize), Some(Cell::Function(_))) => self.invoke(at, args, this),
            Js::Native(name) => self.call_native(name, &args, this, site),
            Js::Unknown => {
                self.enter_callbacks(&args)?;
                Ok(Js::Unknown)
            }
            // Nothing else can be called.
            _ => Err(Stop::Throw),
        }
    }

    /// Functions handed to something unknown are called by it, once, with what nobody knows.
    fn enter_callbacks(&mut self, args: &[Js]) -> Outcome<'a, ()> {
        for arg in args {
            if let Js::Heap(at) = arg
                && matches!(self.heap.get(*at as usize), Some(Cell::Function(_)))
                && let Err(Stop::Spent) = self.invoke(*at, vec![Js::Unknown; 4], Js::Unknown)
            {
                return Err(Stop::Spent);
            }
        }
        Ok(())
    }
}

/// What is assigned to.
enum Place<'a> {
    Name(&'a str),
    Field(Js, Js),
    Many(Vec<Place<'a>>),
    Nowhere,
}

fn unparenthesised<'a>(mut expr: &'a E<'a>) -> &'a E<'a> {
    while let E::ParenthesizedExpression(inner) = expr {
        expr = &inner.expression;
    }
    expr
}
