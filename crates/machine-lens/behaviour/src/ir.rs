//! The small tree into which every parser lowers its language, so that one tracer serves all of them.
//!
//! Only what matters for following names, texts and data survives: calls, members, texts, assignments, functions.
//! Control flow is kept as blocks; types, visibility and the rest are gone.

use std::collections::BTreeMap;
use std::rc::Rc;

/// An interned name.
pub(crate) type Sym = u32;

/// Interned names of one file.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: std::collections::HashMap<Rc<str>, Sym>,
    texts: Vec<Rc<str>>,
}

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Sym {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = self.texts.len() as Sym;
        let text: Rc<str> = Rc::from(text);
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    pub(crate) fn find(&self, text: &str) -> Option<Sym> {
        self.ids.get(text).copied()
    }

    pub(crate) fn text(&self, sym: Sym) -> Rc<str> {
        self.texts.get(sym as usize).cloned().unwrap_or_else(|| Rc::from(""))
    }
}

/// One file.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) names: Names,
    pub(crate) functions: Vec<Function>,
    pub(crate) classes: Vec<Class>,
    pub(crate) body: Vec<Stmt>,
    /// Functions that run without being called (Go `init`, `<clinit>`, constructors).
    pub(crate) starts: Vec<u32>,
    /// Functions made of what stands behind a test of the command line's words: somebody has to type them.
    pub(crate) asked: Vec<u32>,
    /// Set when the tree was too deep somewhere and a part was left out.
    pub(crate) truncated: bool,
    /// Set when something that the parser refuses was left out.
    pub(crate) in_part: bool,
}

/// A function, method or closure.
#[derive(Debug, Default)]
pub(crate) struct Function {
    pub(crate) params: Vec<Target>,
    pub(crate) defaults: Vec<(usize, Expr)>,
    pub(crate) body: Vec<Stmt>,
    /// The function it stands in; `None` at the top level.
    pub(crate) parent: Option<u32>,
    pub(crate) class: Option<u32>,
    /// Number of tree nodes, to bound inlining.
    pub(crate) size: u32,
    /// The first parameter is the object (`self`).
    pub(crate) takes_self: bool,
}

/// A class.
#[derive(Debug, Default)]
pub(crate) struct Class {
    pub(crate) bases: Vec<Expr>,
    pub(crate) methods: BTreeMap<Rc<str>, u32>,
}

/// A statement.
#[derive(Debug)]
pub(crate) enum Stmt {
    Expr(Expr),
    Assign {
        target: Target,
        value: Expr,
        add: bool,
    },
    Define {
        name: Sym,
        function: u32,
    },
    DefineClass {
        name: Sym,
        class: u32,
        body: Vec<Stmt>,
    },
    Return(Expr),
    Block(Vec<Stmt>),
    /// Runs only when the file is started as a program (`if __name__ == "__main__"`).
    Guarded(Vec<Stmt>),
    /// Declared in types only or under a condition that is never true.
    Loop {
        target: Option<Target>,
        iter: Option<Expr>,
        body: Vec<Stmt>,
    },
}

/// What is assigned to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Name(Sym),
    Member(Box<Expr>, Rc<str>),
    Index(Box<Expr>, Box<Expr>),
    Many(Vec<Target>),
    Keys(Vec<(Rc<str>, Target)>),
    Ignore,
}

/// An operator that folding knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
    Xor,
    And,
    Or,
    Shl,
    Shr,
    /// Comparisons and the like: nothing flows but taint.
    Other,
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Unknown,
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    Num(f64),
    Name(Sym),
    This,
    /// A resolved interface or module, as an import gives it.
    Api(Rc<str>),
    /// Loads a module: `require`, `import`. The text is the specifier.
    Import(Rc<str>),
    Member(Box<Expr>, Rc<str>),
    Index(Box<Expr>, Box<Expr>),
    /// `from:to:step`; absent parts are `Unknown`.
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Call>),
    Binary(Op, Box<Expr>, Box<Expr>),
    /// Parts of an interpolated text, or a long `a + b + c`.
    Concat(Vec<Expr>),
    /// One of these.
    Choice(Vec<Expr>),
    /// All of these; the value is the last.
    Sequence(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Lambda(u32),
    Class(u32),
    /// `body for target in iter`.
    Each(Box<(Target, Expr, Expr)>),
    Assign(Box<(Target, Expr)>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
}

/// A call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) callee: Expr,
    pub(crate) args: Vec<Arg>,
    /// Byte offset in the source.
    pub(crate) at: u32,
    /// Byte offset of its end.
    pub(crate) end: u32,
}

/// One argument.
#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub(crate) name: Option<Rc<str>>,
    pub(crate) value: Expr,
    pub(crate) spread: bool,
}

impl Arg {
    pub(crate) fn plain(value: Expr) -> Arg {
        Arg { name: None, value, spread: false }
    }
}

/// The deepest tree that a lowering builds; what lies deeper is `Unknown` and [`Module::truncated`] is set.
pub(crate) const MAX_DEPTH: u32 = 1_500;
