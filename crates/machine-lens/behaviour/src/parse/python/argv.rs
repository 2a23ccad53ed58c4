//! Tests of the command line that only a word of the project's own passes: `if sys.argv[-1] == "publish"`.

use crate::setuptools::is_own_word;
use ruff_python_ast as ast;

/// Whether the test holds only where somebody typed a word that no installer does.
pub(super) fn asks_for_a_word(test: &ast::Expr) -> bool {
    match test {
        ast::Expr::Compare(compare) => {
            let ([op], [right]) = (&*compare.ops, &*compare.comparators) else { return false };
            let left = &*compare.left;
            match op {
                ast::CmpOp::Eq => (is_argument(left) && is_word(right)) || (is_word(left) && is_argument(right)),
                ast::CmpOp::In => (is_word(left) && are_arguments(right)) || (is_argument(left) && are_words(right)),
                _ => false,
            }
        }
        ast::Expr::BoolOp(parts) => match parts.op {
            ast::BoolOp::And => parts.values.iter().any(asks_for_a_word),
            ast::BoolOp::Or => parts.values.iter().all(asks_for_a_word),
        },
        _ => false,
    }
}

fn is_word(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::StringLiteral(text) if is_own_word(text.value.to_str()))
}

fn are_words(expr: &ast::Expr) -> bool {
    let items = match expr {
        ast::Expr::Tuple(tuple) => &tuple.elts,
        ast::Expr::List(list) => &list.elts,
        ast::Expr::Set(set) => &set.elts,
        _ => return false,
    };
    !items.is_empty() && items.iter().all(is_word)
}

/// `sys.argv`, or what is left of it behind the program's own name.
fn are_arguments(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Attribute(attribute) => {
            attribute.attr.as_str() == "argv" && matches!(&*attribute.value, ast::Expr::Name(name) if name.id.as_str() == "sys")
        }
        ast::Expr::Name(name) => name.id.as_str() == "argv",
        ast::Expr::Subscript(subscript) => are_arguments(&subscript.value) && matches!(&*subscript.slice, ast::Expr::Slice(_)),
        _ => false,
    }
}

/// One argument that is not the program's own name.
fn is_argument(expr: &ast::Expr) -> bool {
    let ast::Expr::Subscript(subscript) = expr else { return false };
    let place = match &*subscript.slice {
        ast::Expr::UnaryOp(negated) => &*negated.operand,
        place => place,
    };
    let counted = matches!(place, ast::Expr::NumberLiteral(number) if number.value.as_int().is_some_and(|value| value.as_u64() != Some(0)));
    are_arguments(&subscript.value) && counted
}
