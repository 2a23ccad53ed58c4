//! Calls in a condition: functions, methods, and the quantifiers over lists.
//!
//! In: the name of a call and its arguments as syntax. Out: a checked [`Node`] with its type, or a mistake that says what
//! the call takes.

use super::{Lowering, Typed};
use crate::ir::{Function, Node, Quantifier, Query, Regex};
use crate::problem::{nearest, shown};
use crate::schema::{Domain, FUNCTIONS, Field, Type};
use bifocal_core::{Severity, Status, counted};
use cel::common::ast::{Expr, IdedExpr, LiteralValue};

/// Names that are calls on a value.
const METHODS: [&str; 9] = ["contains", "startsWith", "endsWith", "matches", "size", "exists", "all", "exists_one", "filter"];
/// Quantifiers in quantifiers: two levels compare signals with signals, more only cost time.
const MAX_QUANTIFIERS: usize = 2;

impl Lowering<'_> {
    pub(super) fn function(&mut self, expr: &IdedExpr, name: &str, args: &[IdedExpr]) -> Typed {
        let status = match name {
            "has" => Some(Status::Present),
            "failed" => Some(Status::Failed),
            "unknown" => Some(Status::Unknown),
            "stripped" => Some(Status::Stripped),
            _ => None,
        };
        if let Some(status) = status {
            return self.query(expr, name, status, args);
        }
        match (name, args) {
            ("rank", [arg]) => match literal_text(arg).map(severity_named) {
                Some(Some(severity)) => (Node::Int(severity as i64), Type::Int),
                Some(None) => {
                    let hint = nearest(literal_text(arg).unwrap_or_default(), severities());
                    self.wrong(arg, "rank() takes the name of a severity", hint)
                }
                None => self.wrong(arg, "rank() takes a severity in quotes", "of a signal read s.severity_rank"),
            },
            ("timestamp", [arg]) => match literal_text(arg).map(str::parse::<jiff::Timestamp>) {
                Some(Ok(time)) => (Node::Time(time), Type::Timestamp),
                _ => self.wrong(arg, "timestamp() takes a time in quotes", "as in timestamp(\"2026-01-31T00:00:00Z\")"),
            },
            ("duration", [arg]) => match literal_text(arg).and_then(crate::fold::parse_duration) {
                Some(span) => (Node::Span(span), Type::Duration),
                None => self.wrong(arg, "duration() takes a span in quotes", "as in duration(\"36h\") or duration(\"1h30m\")"),
            },
            ("glob", [text, pattern]) => {
                let text_node = self.text(text, "glob()");
                if literal_text(pattern).is_none() {
                    return self.wrong(pattern, "the pattern of glob() is a text in quotes", "");
                }
                let pattern = self.text(pattern, "glob()");
                (Node::Call(Function::Glob, vec![text_node, pattern]), Type::Bool)
            }
            ("size", [arg]) => self.size(expr, arg),
            ("matches", [text, pattern]) => self.matches(text, pattern),
            ("double", [arg]) => self.convert(expr, name, arg, Function::ToDouble, Type::Double),
            ("int", [arg]) => self.convert(expr, name, arg, Function::ToInt, Type::Int),
            ("string", [arg]) => self.convert(expr, name, arg, Function::ToText, Type::Text(Domain::Any)),
            _ => self.unknown_function(expr, name, args.len()),
        }
    }

    fn unknown_function(&mut self, expr: &IdedExpr, name: &str, count: usize) -> Typed {
        let own: Vec<&str> = FUNCTIONS.iter().map(|(form, _)| form.split('(').next().unwrap_or(form)).collect();
        let standard = ["timestamp", "duration", "size", "matches", "double", "int", "string"];
        if own.contains(&name) || standard.contains(&name) {
            let forms: Vec<&str> = FUNCTIONS.iter().map(|(form, _)| *form).filter(|form| form.split('(').next() == Some(name)).collect();
            return self.wrong(
                expr,
                format!("{name}() does not take {}", counted(count as u64, "argument", "arguments")),
                forms.join(" or "),
            );
        }
        let hint = if METHODS.contains(&name) {
            format!("write it as value.{name}(…)")
        } else {
            nearest(name, own.into_iter().chain(standard).chain(METHODS))
        };
        self.wrong(expr, format!("unknown function `{}`", shown(name)), hint)
    }

    fn convert(&mut self, expr: &IdedExpr, name: &str, arg: &IdedExpr, function: Function, to: Type) -> Typed {
        match self.expression(arg) {
            (node, Type::Int | Type::Double | Type::Wrong) => (Node::Call(function, vec![node]), to),
            (_, kind) => self.wrong(expr, format!("{name}() takes a number, this is a {}", kind.name()), ""),
        }
    }

    fn query(&mut self, expr: &IdedExpr, name: &str, status: Status, args: &[IdedExpr]) -> Typed {
        let (Some(first), true) = (args.first(), args.len() <= if status == Status::Present { 3 } else { 1 }) else {
            return self.unknown_function(expr, name, args.len());
        };
        let Some(pattern) = literal_text(first) else {
            let hint = if matches!(first.expr, Expr::Select(_)) { "every field always exists here" } else { "as in has(\"behaviour/*\")" };
            return self.wrong(first, format!("{name}() takes a signal id in quotes"), hint);
        };
        let pattern = pattern.to_owned();
        self.pattern(first, &pattern);
        let mut query = Query { status, pattern, severity: None, confidence: None };
        if let Some(arg) = args.get(1) {
            let text = literal_text(arg).unwrap_or_default();
            query.severity = severity_named(text);
            if query.severity.is_none() {
                let hint = nearest(text, severities());
                return self.wrong(arg, format!("the second argument of {name}() is a severity"), hint);
            }
        }
        if let Some(arg) = args.get(2) {
            query.confidence = match &arg.expr {
                Expr::Literal(LiteralValue::Double(value)) => Some(*value.inner()),
                Expr::Literal(LiteralValue::Int(value)) => Some(*value.inner() as f64),
                _ => None,
            };
            if !query.confidence.is_some_and(|value| (0.0..=1.0).contains(&value)) {
                return self.wrong(arg, format!("the third argument of {name}() is a confidence from 0.0 to 1.0"), "");
            }
        }
        (Node::Has(query), Type::Bool)
    }

    pub(super) fn method(&mut self, expr: &IdedExpr, name: &str, target: &IdedExpr, args: &[IdedExpr]) -> Typed {
        if let Some(quantifier) = Quantifier::named(name) {
            return self.quantify(expr, quantifier, target, args);
        }
        let function = match (name, args) {
            ("contains", [_]) => Function::Contains,
            ("startsWith", [_]) => Function::StartsWith,
            ("endsWith", [_]) => Function::EndsWith,
            ("matches", [pattern]) => return self.matches(target, pattern),
            ("size", []) => return self.size(expr, target),
            ("map", _) => return self.wrong(expr, "`map` is not supported in a condition", "use exists, all or filter"),
            _ if METHODS.contains(&name) => {
                return self.wrong(expr, format!("{name}() does not take {}", counted(args.len() as u64, "argument", "arguments")), "");
            }
            _ => {
                let hint = nearest(name, METHODS.into_iter());
                return self.wrong(expr, format!("unknown method `{}`", shown(name)), hint);
            }
        };
        let target_node = self.text(target, &format!("{name}()"));
        let arg_node = args.first().map(|arg| self.text(arg, &format!("{name}()"))).unwrap_or(Node::Null);
        (Node::Call(function, vec![target_node, arg_node]), Type::Bool)
    }

    fn text(&mut self, expr: &IdedExpr, what: &str) -> Node {
        match self.expression(expr) {
            (node, Type::Text(_) | Type::Wrong) => node,
            (_, kind) => {
                let hint = if matches!(kind, Type::List(_)) { "for a list write `x in list` or list.exists(x, …)" } else { "" };
                self.wrong(expr, format!("{what} needs a string, this is a {}", kind.name()), hint).0
            }
        }
    }

    fn size(&mut self, expr: &IdedExpr, arg: &IdedExpr) -> Typed {
        match self.expression(arg) {
            (node, Type::Text(_) | Type::List(_) | Type::Map(_) | Type::Wrong) => (Node::Call(Function::Size, vec![node]), Type::Int),
            (_, kind) => self.wrong(expr, format!("size() does not take a {}", kind.name()), ""),
        }
    }

    fn matches(&mut self, target: &IdedExpr, pattern: &IdedExpr) -> Typed {
        let node = self.text(target, "matches()");
        let Some(text) = literal_text(pattern) else {
            return self.wrong(pattern, "the pattern of matches() is a text in quotes", "it is compiled when the policy is loaded");
        };
        match regex::RegexBuilder::new(text).size_limit(256 << 10).build() {
            Ok(regex) => (Node::Matches(Box::new(node), Box::new(Regex(regex))), Type::Bool),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.wrong(pattern, format!("not a regular expression: {}", bifocal_core::one_line(last, 160)), "")
            }
        }
    }

    fn quantify(&mut self, expr: &IdedExpr, quantifier: Quantifier, target: &IdedExpr, args: &[IdedExpr]) -> Typed {
        let name = quantifier.name();
        let (over, kind) = self.expression(target);
        let [variable, body] = args else {
            return self.wrong(
                expr,
                format!("{name} takes a name and a condition"),
                format!("as in signals.{name}(s, s.lens == \"behaviour\")"),
            );
        };
        let Expr::Ident(variable_name) = &variable.expr else {
            return self.wrong(variable, format!("{name} takes a name first"), "a plain word such as `s`");
        };
        let element = match kind {
            Type::List(element) => *element,
            Type::Map(_) => Type::Text(Domain::Any),
            Type::Wrong => Type::Wrong,
            other => return self.wrong(expr, format!("{name} needs a list, this is a {}", other.name()), ""),
        };
        if Field::named(variable_name).is_some() {
            return self.wrong(variable, format!("`{}` is the name of a field", shown(variable_name)), "choose another word");
        }
        if self.variables.len() >= MAX_QUANTIFIERS {
            return self.wrong(expr, format!("{name} is nested deeper than {MAX_QUANTIFIERS}"), "make several rules of it");
        }
        self.variables.push((variable_name.clone(), element.clone()));
        let body = self.boolean(body, name);
        self.variables.pop();
        let kind = if quantifier == Quantifier::Filter { Type::List(Box::new(element)) } else { Type::Bool };
        (Node::Quantify(quantifier, Box::new(over), variable_name.clone(), Box::new(body)), kind)
    }
}

fn literal_text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn severities() -> impl Iterator<Item = &'static str> {
    Domain::Severity.words().unwrap_or_default().iter().copied()
}

fn severity_named(text: &str) -> Option<Severity> {
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.as_str() == text)
}
