//! A condition after checking: typed, bounded, and printable in CEL again.

use crate::schema::{ArtifactField, Field, SignalField};
use jiff::{SignedDuration, Timestamp};
use std::fmt;

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Time(Timestamp),
    Span(SignedDuration),
    Null,
    List(Vec<Node>),
    Field(Field),
    /// A variable of a quantifier: its slot and its name.
    Var(usize, String),
    SignalField(Box<Node>, SignalField),
    ArtifactField(Box<Node>, ArtifactField),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Choose(Box<Node>, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    Index(Box<Node>, Box<Node>),
    Has(Query),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Box<Regex>),
    Quantify(Quantifier, Box<Node>, String, Box<Node>),
}

/// A regular expression that is compiled when the policy is loaded.
#[derive(Debug, Clone)]
pub(crate) struct Regex(pub(crate) regex::Regex);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Exists,
    All,
    ExistsOne,
    Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Glob,
    ToDouble,
    ToInt,
    ToText,
}

/// A question about signals by id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) status: bifocal_core::Status,
    pub(crate) pattern: String,
    pub(crate) severity: Option<bifocal_core::Severity>,
    pub(crate) confidence: Option<f64>,
}

impl Arithmetic {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
        }
    }
}

impl Comparison {
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    pub(crate) const fn is_order(self) -> bool {
        !matches!(self, Comparison::Equal | Comparison::NotEqual)
    }

    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Quantifier {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Quantifier::Exists => "exists",
            Quantifier::All => "all",
            Quantifier::ExistsOne => "exists_one",
            Quantifier::Filter => "filter",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Quantifier> {
        [Quantifier::Exists, Quantifier::All, Quantifier::ExistsOne, Quantifier::Filter].into_iter().find(|q| q.name() == name)
    }
}

impl Node {
    /// Every node below this one, itself first. The walk is bounded by the condition's length.
    pub(crate) fn walk<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        visit(self);
        match self {
            Node::Bool(_)
            | Node::Int(_)
            | Node::Double(_)
            | Node::Text(_)
            | Node::Time(_)
            | Node::Span(_)
            | Node::Null
            | Node::Field(_)
            | Node::Var(..)
            | Node::Has(_) => {}
            Node::List(nodes) | Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => {
                for node in nodes {
                    node.walk(visit);
                }
            }
            Node::SignalField(node, _) | Node::ArtifactField(node, _) | Node::Not(node) | Node::Negate(node) | Node::Matches(node, _) => {
                node.walk(visit);
            }
            Node::Choose(one, two, three) => {
                one.walk(visit);
                two.walk(visit);
                three.walk(visit);
            }
            Node::Arithmetic(_, left, right)
            | Node::Compare(_, left, right)
            | Node::In(left, right)
            | Node::Index(left, right)
            | Node::Quantify(_, left, _, right) => {
                left.walk(visit);
                right.walk(visit);
            }
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, nodes: &[Node], between: &str) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write!(f, "{node}")?;
    }
    Ok(())
}

/// Writes an operand of `&&`, `||`, `!` and comparisons, in parentheses where it needs them.
fn operand(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    match node {
        Node::And(_) | Node::Or(_) | Node::Choose(..) | Node::Compare(..) | Node::In(..) | Node::Arithmetic(..) => write!(f, "({node})"),
        other => write!(f, "{other}"),
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Bool(value) => write!(f, "{value}"),
            Node::Int(value) => write!(f, "{value}"),
            Node::Double(value) => write!(f, "{value:?}"),
            Node::Text(text) => write!(f, "{text:?}"),
            Node::Time(time) => write!(f, "timestamp(\"{time}\")"),
            Node::Span(span) => write!(f, "duration(\"{}s\")", span.as_secs_f64()),
            Node::Null => f.write_str("null"),
            Node::List(nodes) => {
                f.write_str("[")?;
                join(f, nodes, ", ")?;
                f.write_str("]")
            }
            Node::Field(field) => f.write_str(field.name()),
            Node::Var(_, name) => f.write_str(name),
            Node::SignalField(node, field) => write!(f, "{node}.{}", field.name()),
            Node::ArtifactField(node, field) => write!(f, "{node}.{}", field.name()),
            Node::Not(node) => {
                f.write_str("!")?;
                operand(f, node)
            }
            Node::And(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" && ")?;
                    }
                    match node {
                        Node::Compare(..) | Node::In(..) => write!(f, "{node}")?,
                        other => operand(f, other)?,
                    }
                }
                Ok(())
            }
            Node::Or(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" || ")?;
                    }
                    match node {
                        Node::Compare(..) | Node::In(..) => write!(f, "{node}")?,
                        other => operand(f, other)?,
                    }
                }
                Ok(())
            }
            Node::Choose(condition, yes, no) => {
                operand(f, condition)?;
                f.write_str(" ? ")?;
                operand(f, yes)?;
                f.write_str(" : ")?;
                operand(f, no)
            }
            Node::Negate(node) => {
                f.write_str("-")?;
                operand(f, node)
            }
            Node::Arithmetic(op, left, right) => {
                operand(f, left)?;
                write!(f, " {} ", op.symbol())?;
                operand(f, right)
            }
            Node::Compare(op, left, right) => {
                operand(f, left)?;
                write!(f, " {} ", op.symbol())?;
                operand(f, right)
            }
            Node::In(left, right) => {
                operand(f, left)?;
                f.write_str(" in ")?;
                operand(f, right)
            }
            Node::Index(left, right) => write!(f, "{left}[{right}]"),
            Node::Has(query) => write!(f, "{query}"),
            Node::Call(function, nodes) => write_call(f, *function, nodes),
            Node::Matches(node, regex) => write!(f, "{node}.matches({:?})", regex.0.as_str()),
            Node::Quantify(kind, over, name, body) => write!(f, "{over}.{}({name}, {body})", kind.name()),
        }
    }
}

fn write_call(f: &mut fmt::Formatter<'_>, function: Function, nodes: &[Node]) -> fmt::Result {
    let (name, member) = match function {
        Function::Size => ("size", false),
        Function::Glob => ("glob", false),
        Function::ToDouble => ("double", false),
        Function::ToInt => ("int", false),
        Function::ToText => ("string", false),
        Function::Contains => ("contains", true),
        Function::StartsWith => ("startsWith", true),
        Function::EndsWith => ("endsWith", true),
    };
    match nodes.split_first() {
        Some((first, rest)) if member => {
            write!(f, "{first}.{name}(")?;
            join(f, rest, ", ")?;
        }
        _ => {
            write!(f, "{name}(")?;
            join(f, nodes, ", ")?;
        }
    }
    f.write_str(")")
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.status {
            bifocal_core::Status::Failed => "failed",
            bifocal_core::Status::Unknown => "unknown",
            bifocal_core::Status::Stripped => "stripped",
            bifocal_core::Status::Present | bifocal_core::Status::NotApplicable => "has",
        };
        write!(f, "{name}({:?}", self.pattern)?;
        if let Some(severity) = self.severity {
            write!(f, ", {:?}", severity.as_str())?;
        }
        if let Some(confidence) = self.confidence {
            write!(f, ", {confidence:?}")?;
        }
        f.write_str(")")
    }
}
