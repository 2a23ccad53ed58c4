//! JavaScript and TypeScript, lowered from oxc's tree.

mod expr;
mod pattern;
mod recover;

use crate::ir::{Class, Expr, Function, MAX_DEPTH, Module, Stmt, Sym, Target};
use oxc_allocator::Allocator;
use oxc_ast::ast;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::{GetSpan, SourceType};
use std::rc::Rc;

/// Parses in the mode that the file's name suggests, then in the others. `None`: none of them takes it.
pub(super) fn lower(text: &str, path: &str) -> Option<Module> {
    modes(path).iter().find_map(|mode| lower_as(text, *mode))
}

/// Parses without the statements that no mode takes. `None`: it is no script.
pub(super) fn lower_in_part(text: &str, path: &str) -> Option<Module> {
    let (rest, mode) = recover::recover(text, modes(path))?;
    let module = lower_as(&rest, mode)?;
    Some(Module { in_part: true, ..module })
}

fn modes(path: &str) -> &'static [SourceType] {
    const TS: SourceType = SourceType::ts();
    const TSX: SourceType = SourceType::tsx();
    const CJS: SourceType = SourceType::cjs();
    const JSX: SourceType = SourceType::jsx();
    let lower = path.to_ascii_lowercase();
    if lower.ends_with(".tsx") {
        const { &[TSX, TS] }
    } else if lower.ends_with(".ts") || lower.ends_with(".mts") || lower.ends_with(".cts") {
        const { &[TS, TSX] }
    } else if lower.ends_with(".mjs") {
        const { &[SourceType::mjs(), JSX, CJS, TS] }
    } else {
        const { &[SourceType::unambiguous(), CJS, JSX, TS] }
    }
}

fn lower_as(text: &str, mode: SourceType) -> Option<Module> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(&allocator, text, mode).with_options(options).parse();
    if parsed.panicked || (parsed.program.body.is_empty() && !parsed.diagnostics.is_empty()) {
        return None;
    }
    let mut lowering = Lowering::default();
    let mut body = Vec::new();
    lowering.hoist(&parsed.program.body, &mut body);
    lowering.statements(&parsed.program.body, &mut body);
    lowering.module.body = body;
    Some(lowering.module)
}

#[derive(Default)]
struct Lowering {
    module: Module,
    /// The function being read.
    function: Option<u32>,
    class: Option<u32>,
    depth: u32,
    /// Nodes made so far, for function sizes.
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

    /// Function declarations are bound before the statements around them run.
    fn hoist<'a>(&mut self, body: &[ast::Statement<'a>], out: &mut Vec<Stmt>) {
        for statement in body {
            let function = match statement {
                ast::Statement::FunctionDeclaration(function) => Some(&**function),
                ast::Statement::ExportDeclaration(export) => match &export.declaration {
                    ast::Declaration::FunctionDeclaration(function) => Some(&**function),
                    _ => None,
                },
                ast::Statement::ExportDefaultDeclaration(export) => match &export.declaration {
                    ast::ExportDefaultDeclarationKind::FunctionDeclaration(function) => Some(&**function),
                    _ => None,
                },
                _ => None,
            };
            if let Some(function) = function {
                let index = self.function(function);
                let name = function.id.as_ref().map_or("default", |id| id.name.as_str());
                let name = self.name(name);
                out.push(Stmt::Define { name, function: index });
            }
        }
    }

    fn statements<'a>(&mut self, body: &[ast::Statement<'a>], out: &mut Vec<Stmt>) {
        for statement in body {
            self.statement(statement, out);
        }
    }

    fn block<'a>(&mut self, body: &[ast::Statement<'a>]) -> Stmt {
        let mut out = Vec::new();
        self.hoist(body, &mut out);
        self.statements(body, &mut out);
        Stmt::Block(out)
    }

    fn nested<'a>(&mut self, statement: &ast::Statement<'a>) -> Vec<Stmt> {
        let mut out = Vec::new();
        self.statement(statement, &mut out);
        out
    }

    fn statement<'a>(&mut self, statement: &ast::Statement<'a>, out: &mut Vec<Stmt>) {
        self.deeper((), |this| this.statement_inner(statement, out));
    }

    fn statement_inner<'a>(&mut self, statement: &ast::Statement<'a>, out: &mut Vec<Stmt>) {
        match statement {
            ast::Statement::ExpressionStatement(it) => {
                let expr = self.expr(&it.expression);
                out.push(Stmt::Expr(expr));
            }
            ast::Statement::VariableDeclaration(it) => self.variables(it, out),
            ast::Statement::ReturnStatement(it) => {
                let value = it.argument.as_ref().map_or(Expr::Unknown, |value| self.expr(value));
                out.push(Stmt::Return(value));
            }
            ast::Statement::BlockStatement(it) => {
                let block = self.block(&it.body);
                out.push(block);
            }
            ast::Statement::IfStatement(it) => {
                // `else if` chains are flat here, however long.
                let mut at = it;
                loop {
                    let test = self.expr(&at.test);
                    out.push(Stmt::Expr(test));
                    let then = self.nested(&at.consequent);
                    out.push(if is_main_guard(&at.test) { Stmt::Guarded(then) } else { Stmt::Block(then) });
                    match &at.alternate {
                        Some(ast::Statement::IfStatement(next)) => at = next,
                        Some(other) => {
                            let other = self.nested(other);
                            out.push(Stmt::Block(other));
                            break;
                        }
                        None => break,
                    }
                }
            }
            ast::Statement::ForStatement(it) => {
                match &it.init {
                    Some(ast::ForStatementInit::VariableDeclaration(declaration)) => self.variables(declaration, out),
                    Some(other) => {
                        if let Some(expression) = other.as_expression() {
                            let expr = self.expr(expression);
                            out.push(Stmt::Expr(expr));
                        }
                    }
                    None => {}
                }
                let mut body = Vec::new();
                if let Some(test) = &it.test {
                    let test = self.expr(test);
                    body.push(Stmt::Expr(test));
                }
                self.statement(&it.body, &mut body);
                if let Some(update) = &it.update {
                    let update = self.expr(update);
                    body.push(Stmt::Expr(update));
                }
                out.push(Stmt::Loop { target: None, iter: None, body });
            }
            ast::Statement::ForOfStatement(it) => self.for_each(&it.left, &it.right, &it.body, true, out),
            ast::Statement::ForInStatement(it) => self.for_each(&it.left, &it.right, &it.body, false, out),
            ast::Statement::WhileStatement(it) => {
                let test = self.expr(&it.test);
                let mut body = vec![Stmt::Expr(test)];
                self.statement(&it.body, &mut body);
                out.push(Stmt::Loop { target: None, iter: None, body });
            }
            ast::Statement::DoWhileStatement(it) => {
                let mut body = self.nested(&it.body);
                let test = self.expr(&it.test);
                body.push(Stmt::Expr(test));
                out.push(Stmt::Loop { target: None, iter: None, body });
            }
            ast::Statement::SwitchStatement(it) => {
                let subject = self.expr(&it.discriminant);
                out.push(Stmt::Expr(subject));
                for case in &it.cases {
                    let block = self.block(&case.consequent);
                    out.push(block);
                }
            }
            ast::Statement::TryStatement(it) => {
                let block = self.block(&it.block.body);
                out.push(block);
                if let Some(handler) = &it.handler {
                    let block = self.block(&handler.body.body);
                    out.push(block);
                }
                if let Some(last) = &it.finalizer {
                    let block = self.block(&last.body);
                    out.push(block);
                }
            }
            ast::Statement::ThrowStatement(it) => {
                let value = self.expr(&it.argument);
                out.push(Stmt::Expr(value));
            }
            ast::Statement::LabeledStatement(it) => self.statement(&it.body, out),
            ast::Statement::WithStatement(it) => {
                let object = self.expr(&it.object);
                out.push(Stmt::Expr(object));
                self.statement(&it.body, out);
            }
            ast::Statement::ClassDeclaration(it) => self.class_declaration(it, out),
            ast::Statement::ImportDeclaration(it) => self.import(it, out),
            ast::Statement::ExportDeclaration(it) => match &it.declaration {
                ast::Declaration::VariableDeclaration(declaration) => self.variables(declaration, out),
                ast::Declaration::ClassDeclaration(class) => self.class_declaration(class, out),
                _ => {}
            },
            ast::Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ast::ExportDefaultDeclarationKind::ClassDeclaration(class) => self.class_declaration(class, out),
                other => {
                    if let Some(expression) = other.as_expression() {
                        let value = self.expr(expression);
                        let module = self.name("module");
                        let exports = Expr::Member(Box::new(Expr::Name(module)), Rc::from("exports"));
                        out.push(Stmt::Assign { target: Target::Member(Box::new(exports), Rc::from("default")), value, add: false });
                    }
                }
            },
            ast::Statement::ExportAllDeclaration(it) => out.push(Stmt::Expr(Expr::Import(Rc::from(it.source.value.as_str())))),
            ast::Statement::ExportFromDeclaration(it) => out.push(Stmt::Expr(Expr::Import(Rc::from(it.source.value.as_str())))),
            ast::Statement::TSImportEqualsDeclaration(it) => {
                if let ast::TSModuleReference::ExternalModuleReference(reference) = &it.module_reference {
                    let name = self.name(it.id.name.as_str());
                    out.push(Stmt::Assign {
                        target: Target::Name(name),
                        value: Expr::Import(Rc::from(reference.expression.value.as_str())),
                        add: false,
                    });
                }
            }
            _ => {}
        }
    }

    fn variables<'a>(&mut self, declaration: &ast::VariableDeclaration<'a>, out: &mut Vec<Stmt>) {
        for declarator in &declaration.declarations {
            let Some(init) = &declarator.init else { continue };
            let value = self.expr(init);
            let target = self.pattern(&declarator.id);
            out.push(Stmt::Assign { target, value, add: false });
        }
    }

    fn for_each<'a>(
        &mut self,
        left: &ast::ForStatementLeft<'a>,
        right: &ast::Expression<'a>,
        body: &ast::Statement<'a>,
        values: bool,
        out: &mut Vec<Stmt>,
    ) {
        let iter = self.expr(right);
        let target = match left {
            ast::ForStatementLeft::VariableDeclaration(declaration) => {
                declaration.declarations.first().map(|declarator| self.pattern(&declarator.id))
            }
            other => other.as_assignment_target().map(|target| self.assignment_target(target)),
        };
        let body = self.nested(body);
        // `for in` gives keys, of which nothing is known.
        let iter = if values { iter } else { Expr::Sequence(vec![iter, Expr::Unknown]) };
        out.push(Stmt::Loop { target, iter: Some(iter), body });
    }

    fn import<'a>(&mut self, import: &ast::ImportDeclaration<'a>, out: &mut Vec<Stmt>) {
        if import.import_kind.is_type() {
            return;
        }
        let source: Rc<str> = Rc::from(import.source.value.as_str());
        let Some(specifiers) = &import.specifiers else {
            out.push(Stmt::Expr(Expr::Import(source)));
            return;
        };
        if specifiers.is_empty() {
            out.push(Stmt::Expr(Expr::Import(source.clone())));
        }
        for specifier in specifiers {
            let (local, value) = match specifier {
                ast::ImportDeclarationSpecifier::ImportSpecifier(it) => {
                    let imported: Rc<str> = Rc::from(it.imported.name().as_str());
                    (it.local.name.as_str(), Expr::Member(Box::new(Expr::Import(source.clone())), imported))
                }
                ast::ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => (it.local.name.as_str(), Expr::Import(source.clone())),
                ast::ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => (it.local.name.as_str(), Expr::Import(source.clone())),
            };
            let name = self.name(local);
            out.push(Stmt::Assign { target: Target::Name(name), value, add: false });
        }
    }

    fn function<'a>(&mut self, function: &ast::Function<'a>) -> u32 {
        let body = function.body.as_ref().map(|body| &body.statements[..]).unwrap_or_default();
        self.function_of(&function.params, |this, out| {
            this.hoist(body, out);
            this.statements(body, out);
        })
    }

    /// Makes a function whose body `read` lowers.
    fn function_of<'a>(&mut self, params: &ast::FormalParameters<'a>, read: impl FnOnce(&mut Self, &mut Vec<Stmt>)) -> u32 {
        let index = self.module.functions.len() as u32;
        self.module.functions.push(Function { parent: self.function, class: self.class, ..Function::default() });
        let (outer, before) = (self.function.replace(index), self.nodes);
        let outer_class = self.class.take();
        let mut targets = Vec::new();
        let mut defaults = Vec::new();
        for (at, param) in params.items.iter().enumerate() {
            targets.push(self.pattern(&param.pattern));
            if let Some(default) = &param.initializer {
                defaults.push((at, self.expr(default)));
            }
        }
        if let Some(rest) = &params.rest {
            targets.push(self.pattern(&rest.rest.argument));
        }
        let mut body = Vec::new();
        read(self, &mut body);
        self.function = outer;
        self.class = outer_class;
        let size = self.nodes - before;
        if let Some(function) = self.module.functions.get_mut(index as usize) {
            function.params = targets;
            function.defaults = defaults;
            function.body = body;
            function.size = size;
        }
        index
    }

    fn class_declaration<'a>(&mut self, class: &ast::Class<'a>, out: &mut Vec<Stmt>) {
        let (index, body) = self.class_of(class);
        let name = class.id.as_ref().map_or("default", |id| id.name.as_str());
        let name = self.name(name);
        out.push(Stmt::DefineClass { name, class: index, body });
    }

    /// A class, and the statements that defining it runs.
    fn class_of<'a>(&mut self, class: &ast::Class<'a>) -> (u32, Vec<Stmt>) {
        let bases = class.heritage.as_ref().map(|heritage| self.expr(&heritage.expression)).into_iter().collect();
        let index = self.module.classes.len() as u32;
        self.module.classes.push(Class { bases, ..Class::default() });
        let mut body = Vec::new();
        for element in &class.body.body {
            match element {
                ast::ClassElement::MethodDefinition(method) => {
                    self.class = Some(index);
                    let function = self.function(&method.value);
                    self.class = None;
                    if let Some(name) = method.key.static_name()
                        && let Some(class) = self.module.classes.get_mut(index as usize)
                    {
                        class.methods.insert(Rc::from(&*name), function);
                    }
                }
                ast::ClassElement::PropertyDefinition(property) => {
                    if let Some(value) = &property.value {
                        let value = self.expr(value);
                        if let Some(name) = property.key.static_name() {
                            self.name(&name);
                            body.push(Stmt::Assign {
                                target: Target::Member(Box::new(Expr::Class(index)), Rc::from(&*name)),
                                value,
                                add: false,
                            });
                        } else {
                            body.push(Stmt::Expr(value));
                        }
                    }
                }
                ast::ClassElement::StaticBlock(block) => self.statements(&block.body, &mut body),
                _ => {}
            }
        }
        (index, body)
    }
}

/// `if (require.main === module)`.
fn is_main_guard(test: &ast::Expression<'_>) -> bool {
    let ast::Expression::BinaryExpression(binary) = test else { return false };
    let is_main = |side: &ast::Expression<'_>| matches!(side, ast::Expression::StaticMemberExpression(member) if member.property.name == "main" && matches!(&member.object, ast::Expression::Identifier(object) if object.name == "require"));
    is_main(&binary.left) || is_main(&binary.right)
}

/// The byte range of a node.
fn range(node: &impl GetSpan) -> (u32, u32) {
    let span = node.span();
    (span.start, span.end)
}
