//! Binding and assignment patterns.

use super::Lowering;
use crate::ir::{Expr, Target};
use oxc_ast::ast;
use std::rc::Rc;

impl Lowering {
    pub(super) fn pattern<'a>(&mut self, pattern: &ast::BindingPattern<'a>) -> Target {
        self.deeper(Target::Ignore, |this| match pattern {
            ast::BindingPattern::BindingIdentifier(it) => Target::Name(this.name(it.name.as_str())),
            ast::BindingPattern::ObjectPattern(it) => {
                let mut keys = Vec::new();
                for property in &it.properties {
                    let target = this.pattern(&property.value);
                    let key: Rc<str> = property.key.static_name().map_or_else(|| Rc::from(""), |name| Rc::from(&*name));
                    keys.push((key, target));
                }
                Target::Keys(keys)
            }
            ast::BindingPattern::ArrayPattern(it) => Target::Many(
                it.elements.iter().map(|element| element.as_ref().map_or(Target::Ignore, |element| this.pattern(element))).collect(),
            ),
            ast::BindingPattern::AssignmentPattern(it) => this.pattern(&it.left),
        })
    }

    pub(super) fn assignment_target<'a>(&mut self, target: &ast::AssignmentTarget<'a>) -> Target {
        self.deeper(Target::Ignore, |this| match target {
            ast::AssignmentTarget::AssignmentTargetIdentifier(it) => Target::Name(this.name(it.name.as_str())),
            ast::AssignmentTarget::StaticMemberExpression(it) => {
                let name = it.property.name.as_str();
                this.name(name);
                let object = this.expr(&it.object);
                Target::Member(Box::new(object), Rc::from(name))
            }
            ast::AssignmentTarget::ComputedMemberExpression(it) => {
                let object = this.expr(&it.object);
                let index = this.expr(&it.expression);
                if let Expr::Text(name) = &index {
                    this.name(name);
                    return Target::Member(Box::new(object), name.clone());
                }
                Target::Index(Box::new(object), Box::new(index))
            }
            ast::AssignmentTarget::PrivateFieldExpression(it) => {
                let name = it.field.name.as_str();
                this.name(name);
                let object = this.expr(&it.object);
                Target::Member(Box::new(object), Rc::from(name))
            }
            ast::AssignmentTarget::ArrayAssignmentTarget(it) => Target::Many(
                it.elements
                    .iter()
                    .map(|element| match element {
                        Some(ast::AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(it)) => this.assignment_target(&it.binding),
                        Some(other) => other.as_assignment_target().map_or(Target::Ignore, |target| this.assignment_target(target)),
                        None => Target::Ignore,
                    })
                    .collect(),
            ),
            ast::AssignmentTarget::ObjectAssignmentTarget(it) => {
                let mut keys = Vec::new();
                for property in &it.properties {
                    match property {
                        ast::AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(it) => {
                            let name = it.binding.name.as_str();
                            keys.push((Rc::from(name), Target::Name(this.name(name))));
                        }
                        ast::AssignmentTargetProperty::AssignmentTargetPropertyProperty(it) => {
                            let key: Rc<str> = it.name.static_name().map_or_else(|| Rc::from(""), |name| Rc::from(&*name));
                            let target = match &it.binding {
                                ast::AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(it) => this.assignment_target(&it.binding),
                                other => other.as_assignment_target().map_or(Target::Ignore, |target| this.assignment_target(target)),
                            };
                            keys.push((key, target));
                        }
                    }
                }
                Target::Keys(keys)
            }
            _ => Target::Ignore,
        })
    }
}
