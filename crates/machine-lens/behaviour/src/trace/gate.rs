//! Conditions: code that runs for some machines, people, places or times and not for others.

use crate::facts::Taint;
use crate::ir::{Expr, Names, Stmt};

/// What a condition with this value depends on.
pub(super) fn of(taint: Taint) -> Taint {
    let gate = taint.only(Taint::GATES);
    // A name that is compared is a question, whoever asks it.
    if gate.has(Taint::HOST) { gate.without(Taint::HOST).with(Taint::WHO) } else { gate }
}

/// What is left of a value of which only the outcome of a test is known.
pub(super) fn tested(taint: Taint) -> Taint {
    of(taint)
}

/// Whether a block ends what it stands in: a return, an exit, an exception.
pub(super) fn leaves(body: &[Stmt], names: &Names) -> bool {
    match body.last() {
        Some(Stmt::Return(_)) => true,
        Some(Stmt::Expr(Expr::Call(call))) => is_exit(&call.callee, names),
        Some(Stmt::Block(inner)) => body.len() == 1 && leaves(inner, names),
        _ => false,
    }
}

fn is_exit(callee: &Expr, names: &Names) -> bool {
    match callee {
        Expr::Name(name) => matches!(&*names.text(*name), "exit" | "quit"),
        Expr::Member(object, name) => {
            let exits = matches!(&**name, "exit" | "_exit" | "Exit");
            exits && matches!(&**object, Expr::Name(name) if matches!(&*names.text(*name), "process" | "sys" | "os"))
        }
        _ => false,
    }
}
