//! Python, lowered from ruff's tree. Broken files and Python 2 give partial trees, which are read as far as they go.

mod argv;
mod expr;

use crate::ir::{Class, Expr, Function, MAX_DEPTH, Module, Stmt, Sym, Target};
use ruff_python_ast as ast;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use std::rc::Rc;

/// Parses and lowers.
pub(super) fn lower(text: &str) -> Module {
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let mut lowering = Lowering::default();
    if let ast::Mod::Module(module) = parsed.syntax() {
        let mut body = Vec::new();
        lowering.statements(&module.body, &mut body);
        lowering.module.body = body;
    }
    lowering.module
}

#[derive(Default)]
struct Lowering {
    module: Module,
    function: Option<u32>,
    class: Option<u32>,
    depth: u32,
    nodes: u32,
}

impl Lowering {
    fn name(&mut self, text: &str) -> Sym {
        self.module.names.intern(text)
    }

    fn deeper<T>(&mut self, otherwise: T, read: impl FnOnce(&mut Self) -> T) -> T {
        self.nodes = self.nodes.saturating_add(1);
        if self.depth >= MAX_DEPTH {
            self.module.truncated = true;
            return otherwise;
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn statements(&mut self, body: &[ast::Stmt], out: &mut Vec<Stmt>) {
        for statement in body {
            self.deeper((), |this| this.statement(statement, out));
        }
    }

    fn block(&mut self, body: &[ast::Stmt]) -> Stmt {
        let mut out = Vec::new();
        self.statements(body, &mut out);
        Stmt::Block(out)
    }

    fn statement(&mut self, statement: &ast::Stmt, out: &mut Vec<Stmt>) {
        match statement {
            ast::Stmt::Expr(it) => {
                let expr = self.expr(&it.value);
                out.push(Stmt::Expr(expr));
            }
            ast::Stmt::Assign(it) => {
                let value = self.expr(&it.value);
                let Some((last, others)) = it.targets.split_last() else { return };
                for target in others {
                    let target = self.target(target);
                    out.push(Stmt::Assign { target, value: value.clone(), add: false });
                }
                let target = self.target(last);
                out.push(Stmt::Assign { target, value, add: false });
            }
            ast::Stmt::AugAssign(it) => {
                let value = self.expr(&it.value);
                let target = self.target(&it.target);
                let add = it.op == ast::Operator::Add;
                let value = if add { value } else { Expr::Binary(expr::operator(it.op), Box::new(self.expr(&it.target)), Box::new(value)) };
                out.push(Stmt::Assign { target, value, add });
            }
            ast::Stmt::AnnAssign(it) => {
                if let Some(value) = &it.value {
                    let value = self.expr(value);
                    let target = self.target(&it.target);
                    out.push(Stmt::Assign { target, value, add: false });
                }
            }
            ast::Stmt::FunctionDef(it) => {
                for decorator in &it.decorator_list {
                    let decorator = self.expr(&decorator.expression);
                    out.push(Stmt::Expr(decorator));
                }
                let function = self.function(Some(&it.parameters), |this, out| this.statements(&it.body, out));
                let name = self.name(it.name.as_str());
                out.push(Stmt::Define { name, function });
                // A decorator is handed the function, and may call it.
                for decorator in &it.decorator_list {
                    if !is_passive_decorator(&decorator.expression) {
                        let callee = self.expr(&decorator.expression);
                        let (at, end) = (decorator.range.start().to_u32(), decorator.range.end().to_u32());
                        let call = crate::ir::Call { callee, args: vec![crate::ir::Arg::plain(Expr::Lambda(function))], at, end };
                        out.push(Stmt::Expr(Expr::Call(Box::new(call))));
                    }
                }
            }
            ast::Stmt::ClassDef(it) => self.class_def(it, out),
            ast::Stmt::Return(it) => {
                let value = it.value.as_ref().map_or(Expr::Unknown, |value| self.expr(value));
                out.push(Stmt::Return(value));
            }
            ast::Stmt::Import(it) => {
                for alias in &it.names {
                    self.import(alias, out);
                }
            }
            ast::Stmt::ImportFrom(it) => self.import_from(it, out),
            ast::Stmt::If(it) => {
                let test = self.expr(&it.test);
                out.push(Stmt::Expr(test));
                let asked = self.function.is_none() && self.class.is_none() && argv::asks_for_a_word(&it.test);
                let mut then = Vec::new();
                if is_never(&it.test) {
                    // Left out.
                } else if asked {
                    let function = self.function(None, |this, out| this.statements(&it.body, out));
                    self.module.asked.push(function);
                } else {
                    self.statements(&it.body, &mut then);
                }
                if asked {
                    // Read as a function of its own above.
                } else if is_main_guard(&it.test) {
                    out.push(Stmt::Guarded(then));
                } else if !is_type_checking(&it.test) {
                    out.push(Stmt::Block(then));
                }
                for clause in &it.elif_else_clauses {
                    if let Some(test) = &clause.test {
                        let test = self.expr(test);
                        out.push(Stmt::Expr(test));
                    }
                    let block = self.block(&clause.body);
                    out.push(block);
                }
            }
            ast::Stmt::For(it) => {
                let iter = self.expr(&it.iter);
                let target = self.target(&it.target);
                let mut body = Vec::new();
                self.statements(&it.body, &mut body);
                out.push(Stmt::Loop { target: Some(target), iter: Some(iter), body });
                let rest = self.block(&it.orelse);
                out.push(rest);
            }
            ast::Stmt::While(it) => {
                let test = self.expr(&it.test);
                let mut body = vec![Stmt::Expr(test)];
                self.statements(&it.body, &mut body);
                out.push(Stmt::Loop { target: None, iter: None, body });
            }
            ast::Stmt::With(it) => {
                for item in &it.items {
                    let value = self.expr(&item.context_expr);
                    match &item.optional_vars {
                        Some(target) => {
                            let target = self.target(target);
                            out.push(Stmt::Assign { target, value, add: false });
                        }
                        None => out.push(Stmt::Expr(value)),
                    }
                }
                // A `with` body always runs: no branch.
                self.statements(&it.body, out);
            }
            ast::Stmt::Try(it) => {
                let block = self.block(&it.body);
                out.push(block);
                for handler in &it.handlers {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    let block = self.block(&handler.body);
                    out.push(block);
                }
                let rest = self.block(&it.orelse);
                out.push(rest);
                self.statements(&it.finalbody, out);
            }
            ast::Stmt::Match(it) => {
                let subject = self.expr(&it.subject);
                out.push(Stmt::Expr(subject));
                for case in &it.cases {
                    let block = self.block(&case.body);
                    out.push(block);
                }
            }
            ast::Stmt::Raise(it) => {
                if let Some(value) = &it.exc {
                    let value = self.expr(value);
                    out.push(Stmt::Expr(value));
                }
            }
            ast::Stmt::Assert(it) => {
                let test = self.expr(&it.test);
                out.push(Stmt::Expr(test));
            }
            ast::Stmt::Delete(it) => {
                for target in &it.targets {
                    let target = self.expr(target);
                    out.push(Stmt::Expr(target));
                }
            }
            _ => {}
        }
    }

    fn import(&mut self, alias: &ast::Alias, out: &mut Vec<Stmt>) {
        let module = alias.name.as_str();
        match &alias.asname {
            Some(name) => {
                let name = self.name(name.as_str());
                out.push(Stmt::Assign { target: Target::Name(name), value: Expr::Import(Rc::from(module)), add: false });
            }
            None => {
                let top = module.split('.').next().unwrap_or(module);
                if top != module {
                    out.push(Stmt::Expr(Expr::Import(Rc::from(module))));
                }
                let name = self.name(top);
                out.push(Stmt::Assign { target: Target::Name(name), value: Expr::Import(Rc::from(top)), add: false });
            }
        }
    }

    fn import_from(&mut self, it: &ast::StmtImportFrom, out: &mut Vec<Stmt>) {
        let mut module = ".".repeat(it.level.min(16) as usize);
        module.push_str(it.module.as_ref().map_or("", |module| module.as_str()));
        let module: Rc<str> = Rc::from(module);
        for alias in &it.names {
            let imported = alias.name.as_str();
            if imported == "*" {
                out.push(Stmt::Expr(Expr::Import(module.clone())));
                for (name, path) in star_names(&module) {
                    let name = self.name(name);
                    out.push(Stmt::Assign { target: Target::Name(name), value: Expr::Api(Rc::from(*path)), add: false });
                }
                continue;
            }
            let name = self.name(alias.asname.as_ref().unwrap_or(&alias.name).as_str());
            let value = if module.ends_with('.') {
                Expr::Import(Rc::from(format!("{module}{imported}")))
            } else {
                Expr::Member(Box::new(Expr::Import(module.clone())), Rc::from(imported))
            };
            out.push(Stmt::Assign { target: Target::Name(name), value, add: false });
        }
    }

    fn function(&mut self, params: Option<&ast::Parameters>, read: impl FnOnce(&mut Self, &mut Vec<Stmt>)) -> u32 {
        let index = self.module.functions.len() as u32;
        let class = self.class.take();
        self.module.functions.push(Function { parent: self.function, class, ..Function::default() });
        let (outer, before) = (self.function.replace(index), self.nodes);
        let mut targets = Vec::new();
        let mut defaults = Vec::new();
        let mut takes_self = false;
        if let Some(params) = params {
            let plain = params.posonlyargs.iter().chain(&params.args).chain(&params.kwonlyargs);
            for param in plain {
                let text = param.parameter.name.as_str();
                if targets.is_empty() && class.is_some() && matches!(text, "self" | "cls" | "this" | "_") {
                    takes_self = true;
                }
                if let Some(default) = &param.default {
                    defaults.push((targets.len(), self.expr(default)));
                }
                targets.push(Target::Name(self.name(text)));
            }
            for rest in params.vararg.iter().chain(&params.kwarg) {
                targets.push(Target::Name(self.name(rest.name.as_str())));
            }
        }
        let mut body = Vec::new();
        read(self, &mut body);
        self.function = outer;
        self.class = class;
        let size = self.nodes - before;
        if let Some(function) = self.module.functions.get_mut(index as usize) {
            function.params = targets;
            function.defaults = defaults;
            function.body = body;
            function.size = size;
            function.takes_self = takes_self;
        }
        index
    }

    fn class_def(&mut self, it: &ast::StmtClassDef, out: &mut Vec<Stmt>) {
        let bases = it.arguments.as_ref().map(|arguments| arguments.args.iter().map(|base| self.expr(base)).collect()).unwrap_or_default();
        let index = self.module.classes.len() as u32;
        self.module.classes.push(Class { bases, ..Class::default() });
        let outer = self.class.replace(index);
        let mut body = Vec::new();
        for statement in &it.body {
            match statement {
                ast::Stmt::FunctionDef(method) => {
                    let function = self.function(Some(&method.parameters), |this, out| this.statements(&method.body, out));
                    if let Some(class) = self.module.classes.get_mut(index as usize) {
                        class.methods.insert(Rc::from(method.name.as_str()), function);
                    }
                }
                ast::Stmt::Assign(assign) => {
                    let value = self.expr(&assign.value);
                    for target in &assign.targets {
                        if let ast::Expr::Name(name) = target {
                            let name = name.id.as_str();
                            self.name(name);
                            body.push(Stmt::Assign {
                                target: Target::Member(Box::new(Expr::Class(index)), Rc::from(name)),
                                value: value.clone(),
                                add: false,
                            });
                        }
                    }
                }
                other => self.deeper((), |this| this.statement(other, &mut body)),
            }
        }
        self.class = outer;
        let name = self.name(it.name.as_str());
        out.push(Stmt::DefineClass { name, class: index, body });
    }

    fn target(&mut self, target: &ast::Expr) -> Target {
        self.deeper(Target::Ignore, |this| match target {
            ast::Expr::Name(it) => Target::Name(this.name(it.id.as_str())),
            ast::Expr::Tuple(it) => Target::Many(it.elts.iter().map(|target| this.target(target)).collect()),
            ast::Expr::List(it) => Target::Many(it.elts.iter().map(|target| this.target(target)).collect()),
            ast::Expr::Starred(it) => this.target(&it.value),
            ast::Expr::Attribute(it) => {
                let name = it.attr.as_str();
                this.name(name);
                let object = this.expr(&it.value);
                Target::Member(Box::new(object), Rc::from(name))
            }
            ast::Expr::Subscript(it) => {
                let object = this.expr(&it.value);
                let index = this.expr(&it.slice);
                Target::Index(Box::new(object), Box::new(index))
            }
            _ => Target::Ignore,
        })
    }
}

fn is_main_guard(test: &ast::Expr) -> bool {
    let ast::Expr::Compare(compare) = test else { return false };
    let is_name = |side: &ast::Expr| matches!(side, ast::Expr::Name(name) if name.id.as_str() == "__name__");
    let is_main = |side: &ast::Expr| matches!(side, ast::Expr::StringLiteral(text) if text.value.to_str() == "__main__");
    let right = compare.comparators.first();
    (is_name(&compare.left) && right.is_some_and(is_main)) || (is_main(&compare.left) && right.is_some_and(is_name))
}

/// `if 0:`, `if False:`: kept as a note, never run.
fn is_never(test: &ast::Expr) -> bool {
    match test {
        ast::Expr::BooleanLiteral(literal) => !literal.value,
        ast::Expr::NumberLiteral(number) => number.value.as_int().is_some_and(|value| value.as_u64() == Some(0)),
        _ => false,
    }
}

/// Whether a text is one expression of literals only: data in the notation of code.
pub(super) fn is_data(text: &str) -> bool {
    let Ok(parsed) = ruff_python_parser::parse_expression(text.trim()) else { return false };
    is_literal(parsed.expr(), 0)
}

fn is_literal(expr: &ast::Expr, depth: u32) -> bool {
    let all = |items: &[ast::Expr]| items.iter().all(|item| is_literal(item, depth + 1));
    match expr {
        _ if depth > 64 => false,
        ast::Expr::StringLiteral(_)
        | ast::Expr::BytesLiteral(_)
        | ast::Expr::NumberLiteral(_)
        | ast::Expr::BooleanLiteral(_)
        | ast::Expr::NoneLiteral(_) => true,
        ast::Expr::UnaryOp(it) => is_literal(&it.operand, depth + 1),
        ast::Expr::List(it) => all(&it.elts),
        ast::Expr::Tuple(it) => all(&it.elts),
        ast::Expr::Set(it) => all(&it.elts),
        ast::Expr::Dict(it) => it
            .items
            .iter()
            .all(|item| item.key.as_ref().is_some_and(|key| is_literal(key, depth + 1)) && is_literal(&item.value, depth + 1)),
        _ => false,
    }
}

fn is_type_checking(test: &ast::Expr) -> bool {
    match test {
        ast::Expr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        ast::Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}

/// Decorators that only describe a function.
fn is_passive_decorator(decorator: &ast::Expr) -> bool {
    let name = match decorator {
        ast::Expr::Name(name) => name.id.as_str(),
        ast::Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return true,
    };
    matches!(
        name,
        "property"
            | "staticmethod"
            | "classmethod"
            | "abstractmethod"
            | "contextmanager"
            | "wraps"
            | "cached_property"
            | "setter"
            | "getter"
            | "overload"
            | "lru_cache"
            | "cache"
            | "total_ordering"
            | "dataclass"
            | "fixture"
    )
}

/// Names that `from module import *` brings in, of those that matter.
fn star_names(module: &str) -> &'static [(&'static str, &'static str)] {
    match module {
        "os" => &[
            ("system", "os.system"),
            ("popen", "os.popen"),
            ("environ", "os.environ"),
            ("getenv", "os.getenv"),
            ("remove", "os.remove"),
            ("path", "os.path"),
        ],
        "subprocess" => &[
            ("Popen", "subprocess.Popen"),
            ("run", "subprocess.run"),
            ("call", "subprocess.call"),
            ("check_output", "subprocess.check_output"),
        ],
        "requests" => &[("get", "requests.get"), ("post", "requests.post")],
        "base64" => &[("b64decode", "base64.b64decode")],
        "socket" => &[("socket", "socket.socket"), ("gethostname", "socket.gethostname")],
        "shutil" => &[("copy", "shutil.copy"), ("copyfile", "shutil.copyfile"), ("rmtree", "shutil.rmtree")],
        "urllib.request" => {
            &[("urlopen", "urllib.request.urlopen"), ("urlretrieve", "urllib.request.urlretrieve"), ("Request", "urllib.request.Request")]
        }
        _ => &[],
    }
}
