//! Assignments: names, members, patterns, exports.

use super::expr::{item_of, items};
use super::value::{Data, Value};
use super::{Tracer, join};
use crate::facts::Language;
use crate::ir::{Expr, Target};
use std::rc::Rc;

impl<'m> Tracer<'m, '_> {
    pub(super) fn target_value(&mut self, target: &'m Target, scope: u32) -> Value {
        match target {
            Target::Name(name) => self.lookup(*name, scope).cloned().unwrap_or_default(),
            Target::Member(object, name) => {
                let object = self.eval(object, scope);
                self.member(object, name)
            }
            _ => Value::default(),
        }
    }

    pub(super) fn assign(&mut self, target: &'m Target, value: Value, scope: u32) {
        match target {
            Target::Name(name) => self.bind(*name, value, scope),
            Target::Many(targets) => self.spread(targets, value, scope, false),
            Target::Keys(targets) => {
                for (key, target) in targets {
                    let member = self.member(value.clone(), key);
                    self.assign(target, member, scope);
                }
            }
            Target::Member(object, name) => self.assign_member(object, name, value, scope),
            Target::Index(object, index) => {
                let index = self.eval(index, scope);
                if let Some(name) = index.as_text() {
                    self.assign_member(object, &name, value, scope);
                } else {
                    let object = self.eval(object, scope);
                    if let Some(about) = object.about {
                        self.taint_name(about, scope, value.taint);
                    }
                }
            }
            Target::Ignore => {}
        }
    }

    fn assign_member(&mut self, object: &'m Expr, name: &Rc<str>, value: Value, scope: u32) {
        let given = value.clone();
        let holder = self.eval(object, scope);
        match &holder.data {
            Data::Instance(class) | Data::Class(class) => {
                if let Some(field) = self.field_name(name) {
                    let slot = self.fields.entry((*class, field)).or_default();
                    let new = if matches!(slot.data, Data::Unknown) && slot.taint.is_none() { value } else { join(slot, &value) };
                    self.news += u64::from(!new.is_like(slot));
                    *slot = new;
                }
            }
            Data::Dict(items) => {
                if let Some(about) = holder.about {
                    let mut items: Vec<(Rc<str>, Value)> = items.iter().filter(|(key, _)| key != name).take(4096).cloned().collect();
                    let taint = holder.taint.with(value.taint);
                    items.push((name.clone(), value));
                    let dict = Value { data: Data::Dict(Rc::from(items)), taint, ..Value::default() };
                    self.bind(about, dict, scope);
                }
            }
            _ => {
                if let Some(about) = holder.about {
                    self.taint_name(about, scope, value.taint);
                }
            }
        }
        if self.language == Language::JavaScript && (is_exports(object, self) || self.is_prototype(object)) {
            self.export_value(name, &given);
        }
        if let (Data::Function(_) | Data::Class(_) | Data::Dict(_), Language::JavaScript) = (&given.data, self.language)
            && &**name == "exports"
        {
            self.export_value("default", &given);
        }
    }

    fn is_prototype(&self, object: &Expr) -> bool {
        matches!(object, Expr::Member(_, name) if &**name == "prototype")
    }

    fn export_value(&mut self, name: &str, value: &Value) {
        match value.data {
            Data::Function(function) => self.export_text(name, vec![function + 1]),
            Data::Dict(ref items) if name == "default" || name == "exports" => {
                let items = items.clone();
                for (key, value) in items.iter().take(512) {
                    self.export_value(key, value);
                }
            }
            Data::Class(class) => {
                let start = self.module.classes.get(class as usize).and_then(|class| class.methods.get("constructor"));
                let scopes = start.map(|f| f + 1).into_iter().collect();
                self.export_text(name, scopes);
                let methods: Vec<(String, u32)> = self
                    .module
                    .classes
                    .get(class as usize)
                    .map(|class| class.methods.iter().map(|(method, function)| (format!("{name}().{method}"), function + 1)).collect())
                    .unwrap_or_default();
                for (method, scope) in methods {
                    self.export_text(&method, vec![scope]);
                }
            }
            _ => {
                if let Some(value) = super::across::telling(value)
                    && self.out.shared.values.len() < 2_000
                {
                    self.out.shared.values.insert(name.to_owned(), value);
                }
            }
        }
    }

    fn spread(&mut self, targets: &'m [Target], value: Value, scope: u32, local: bool) {
        let parts = items(&value);
        for (at, target) in targets.iter().enumerate() {
            let part = match &parts {
                Some(parts) => parts.get(at).cloned().unwrap_or_default(),
                None => item_of(&value),
            };
            if local {
                self.assign_local(target, part, scope);
            } else {
                self.assign(target, part, scope);
            }
        }
    }

    /// Binds in this very scope: parameters and loop variables of comprehensions.
    pub(super) fn assign_local(&mut self, target: &'m Target, value: Value, scope: u32) {
        match target {
            Target::Name(name) => {
                self.env.insert((scope, *name), value);
            }
            Target::Many(targets) => self.spread(targets, value, scope, true),
            Target::Keys(targets) => {
                for (key, target) in targets {
                    let member = self.member(value.clone(), key);
                    self.assign_local(target, member, scope);
                }
            }
            other => self.assign(other, value, scope),
        }
    }
}

fn is_exports(object: &Expr, tracer: &Tracer<'_, '_>) -> bool {
    match object {
        Expr::Name(name) => &*tracer.module.names.text(*name) == "exports",
        Expr::Member(inner, name) => {
            &**name == "exports" && matches!(&**inner, Expr::Name(sym) if &*tracer.module.names.text(*sym) == "module")
        }
        _ => false,
    }
}
