//! Loops: short lists are gone through item by item; of everything else that a body assigns, nothing certain is left.

use super::value::{self, Data, Value};
use super::{Tracer, UNROLL, expr};
use crate::ir::{Expr, Stmt, Sym, Target};
use std::collections::BTreeSet;

impl<'m> Tracer<'m, '_> {
    pub(super) fn read_loop(&mut self, target: Option<&'m Target>, iter: Option<&'m Expr>, body: &'m [Stmt], scope: u32) {
        let over = iter.map(|iter| self.eval(iter, scope));
        self.branch_depth += 1;
        match (target, over) {
            (Some(target), Some(over)) => match expr::count(&over).filter(|count| *count <= UNROLL).and_then(|_| expr::items(&over)) {
                Some(items) if !items.is_empty() => {
                    let stop = self.budget.steps.saturating_sub(200_000.min(self.budget.steps / 4));
                    for item in items {
                        self.assign(target, item, scope);
                        self.block(body, scope);
                        if self.budget.steps < stop {
                            self.widen(body, scope);
                            break;
                        }
                    }
                }
                _ => {
                    let item = expr::item_of(&over);
                    self.assign(target, item, scope);
                    self.widen(body, scope);
                    self.block(body, scope);
                }
            },
            _ => {
                self.widen(body, scope);
                self.block(body, scope);
            }
        }
        self.branch_depth -= 1;
    }

    /// Forgets what a loop body changes, so that its first round is not taken for the only one.
    fn widen(&mut self, body: &'m [Stmt], scope: u32) {
        let mut names = BTreeSet::new();
        assigned(body, &mut names, 0);
        for name in names {
            if let Some(place) = self.place_of(name, scope)
                && let Some(value) = self.env.get_mut(&(place, name))
                && matches!(value.data, Data::Text(_) | Data::Bytes(_) | Data::Num(_) | Data::List(_))
            {
                let text = value.render(256);
                let taint = value.taint;
                *value = if matches!(value.data, Data::Text(_)) && !text.is_empty() {
                    Value::partial(format!("{text}{}", value::HOLE)).tainted(taint)
                } else {
                    Value::unknown(taint)
                };
            }
        }
    }
}

fn assigned(body: &[Stmt], names: &mut BTreeSet<Sym>, depth: u32) {
    if depth > 64 {
        return;
    }
    for stmt in body {
        match stmt {
            Stmt::Assign { target, .. } => target_names(target, names, 0),
            Stmt::Expr(Expr::Assign(assign)) => target_names(&assign.0, names, 0),
            Stmt::Expr(Expr::Sequence(parts)) => {
                for part in parts {
                    if let Expr::Assign(assign) = part {
                        target_names(&assign.0, names, 0);
                    }
                }
            }
            Stmt::Block(body) | Stmt::Guarded(body) | Stmt::Loop { body, .. } => assigned(body, names, depth + 1),
            _ => {}
        }
    }
}

fn target_names(target: &Target, names: &mut BTreeSet<Sym>, depth: u32) {
    match target {
        Target::Name(name) => {
            names.insert(*name);
        }
        Target::Many(targets) if depth < 16 => targets.iter().for_each(|target| target_names(target, names, depth + 1)),
        Target::Keys(targets) if depth < 16 => targets.iter().for_each(|(_, target)| target_names(target, names, depth + 1)),
        _ => {}
    }
}
