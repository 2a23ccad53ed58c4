//! Class files, lowered from bytecode by a stack that holds expressions instead of values.
//!
//! Branches are read straight on; every intermediate result gets a name of its own, so that the lowered form grows
//! only with the bytecode. Offsets in the result are source lines where the class has a line table.

mod stack;

use crate::ir::{Expr, Function, Module, Stmt, Target};
use noak::reader::Class;
use noak::reader::attributes::{AttributeContent, Code};
use noak::reader::cpool::ConstantPool;
use stack::{Machine, Surroundings};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Most instructions read of one class.
const MAX_INSTRUCTIONS: usize = 400_000;

/// Reads a class file. `None`: it is none.
pub(super) fn lower(bytes: &[u8]) -> Option<Module> {
    let class = Class::new(bytes).ok()?;
    let pool = class.pool();
    let this = pool.retrieve(class.this_class()).ok()?.name.to_str()?.to_owned();
    let mut module = Module::default();
    let mut methods: Vec<(String, String, Code<'_>, bool)> = Vec::new();
    for method in class.methods() {
        let Ok(method) = method else { break };
        let (Some(name), Some(descriptor)) = (text(pool, method.name()), text(pool, method.descriptor())) else { continue };
        let Ok(Some(code)) = method.attributes().find_attribute::<Code<'_>>(pool) else { continue };
        let is_static = method.access_flags().contains(noak::AccessFlags::STATIC);
        methods.push((name, descriptor, code, is_static));
        if methods.len() >= 5_000 {
            break;
        }
    }
    let parent = class
        .super_class()
        .and_then(|parent| pool.retrieve(parent).ok())
        .map(|parent| parent.name.display().to_string())
        .unwrap_or_default();
    let own: BTreeSet<String> = methods.iter().map(|(name, descriptor, ..)| own_name(name, descriptor)).collect();
    let lambdas: Vec<String> =
        methods.iter().filter(|(name, ..)| name.starts_with("lambda$")).map(|(name, descriptor, ..)| own_name(name, descriptor)).collect();
    let mut fields = BTreeSet::new();
    let mut left = MAX_INSTRUCTIONS;
    for (name, descriptor, code, is_static) in &methods {
        let index = module.functions.len() as u32;
        let lines = line_table(code, pool);
        let mut body = Vec::new();
        // `lambda$name$0` is what `name` hands to somebody who calls it.
        let origin = match name.as_str() {
            "<clinit>" => "static",
            "<init>" => "new",
            other => other,
        };
        for lambda in lambdas.iter().filter(|lambda| {
            lambda.strip_prefix("m:lambda$").and_then(|rest| rest.strip_prefix(origin)).is_some_and(|rest| rest.starts_with('$'))
        }) {
            let callee = Expr::Name(module.names.intern(lambda));
            body.push(Stmt::Expr(Expr::Call(Box::new(crate::ir::Call { callee, args: Vec::new(), at: 0, end: 0 }))));
        }
        let mut machine = Machine::new(
            &mut module.names,
            Surroundings { pool, this: &this, parent: &parent, methods: &own, lines: &lines },
            &mut fields,
            body,
        );
        machine.run(code, &mut left);
        let body = machine.finish();
        let params = params(&mut module.names, descriptor, *is_static);
        let sym = module.names.intern(&own_name(name, descriptor));
        let size = body.len() as u32 * 3;
        module.functions.push(Function { params, body, size, ..Function::default() });
        module.body.push(Stmt::Define { name: sym, function: index });
        if name == "<clinit>" {
            module.starts.push(index);
        }
    }
    let mut declared: Vec<Stmt> = Vec::new();
    for field in fields {
        let name = module.names.intern(&field);
        declared.push(Stmt::Assign { target: Target::Name(name), value: Expr::Unknown, add: false });
    }
    declared.append(&mut module.body);
    module.body = declared;
    Some(module)
}

fn text(pool: &ConstantPool<'_>, index: noak::reader::cpool::Index<noak::reader::cpool::Utf8<'_>>) -> Option<String> {
    pool.retrieve(index).ok()?.to_str().map(str::to_owned)
}

/// The name under which a method of this class is bound.
fn own_name(name: &str, descriptor: &str) -> String {
    format!("m:{name}{descriptor}")
}

fn line_table(code: &Code<'_>, pool: &ConstantPool<'_>) -> BTreeMap<u32, u32> {
    let mut lines = BTreeMap::new();
    for attribute in code.attributes() {
        let Ok(attribute) = attribute else { break };
        let Ok(AttributeContent::LineNumberTable(table)) = attribute.read_content(pool) else { continue };
        for line in table.lines() {
            let Ok(line) = line else { break };
            lines.insert(line.start().as_u32(), u32::from(line.line_number()));
        }
    }
    lines
}

/// The kinds of a descriptor's parameters, and whether it gives something back.
fn descriptor_parts(descriptor: &str) -> (Vec<u8>, bool) {
    let mut kinds = Vec::new();
    let bytes = descriptor.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b')' {
        let kind = bytes[at];
        while at < bytes.len() && bytes[at] == b'[' {
            at += 1;
        }
        if bytes.get(at) == Some(&b'L') {
            at = memchr::memchr(b';', &bytes[at..]).map_or(bytes.len(), |i| at + i);
        }
        kinds.push(kind);
        at += 1;
        if kinds.len() > 255 {
            break;
        }
    }
    (kinds, !descriptor.ends_with(")V"))
}

fn params(names: &mut crate::ir::Names, descriptor: &str, is_static: bool) -> Vec<Target> {
    let mut slot = 0u16;
    let mut params = Vec::new();
    if !is_static {
        params.push(Target::Name(names.intern("l0")));
        slot = 1;
    }
    for kind in descriptor_parts(descriptor).0 {
        params.push(Target::Name(names.intern(&format!("l{slot}"))));
        slot = slot.saturating_add(if matches!(kind, b'J' | b'D') { 2 } else { 1 });
    }
    params
}

/// A class and a method as the interface tables spell them.
fn api_path(class: &str, method: &str) -> Rc<str> {
    let class = class.replace('/', ".");
    Rc::from(if method == "<init>" { class } else { format!("{class}.{method}") })
}
