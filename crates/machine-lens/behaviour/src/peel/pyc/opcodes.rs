//! Which number means which instruction in which release, and how far jumps go.

use super::marshal::Layout;
use std::sync::LazyLock;

/// A release of CPython whose bytecode is read, as an index into [`RELEASES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(usize);

/// Releases in the columns of the table: major and minor number.
const RELEASES: [(u8, u8); 10] = [(2, 7), (3, 6), (3, 7), (3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14)];

/// First and last magic number of a release's files.
const MAGIC: [(u16, u16); 10] = [
    (62_211, 62_211),
    (3_360, 3_379),
    (3_390, 3_399),
    (3_400, 3_419),
    (3_420, 3_429),
    (3_430, 3_449),
    (3_450, 3_499),
    (3_500, 3_549),
    (3_550, 3_599),
    (3_600, 3_649),
];

impl Release {
    /// Every release, newest first.
    pub(super) fn all() -> impl Iterator<Item = Release> {
        (0..RELEASES.len()).rev().map(Release)
    }

    /// The release that writes files with this magic number.
    pub(super) fn of_magic(magic: u16) -> Option<Release> {
        MAGIC.iter().position(|(first, last)| (*first..=*last).contains(&magic)).map(Release)
    }

    /// Bytes before the code object in a `.pyc` file.
    pub(super) fn header(self) -> usize {
        match RELEASES[self.0] {
            (2, _) => 8,
            (3, 6) => 12,
            _ => 16,
        }
    }

    pub(super) fn layout(self) -> Layout {
        match RELEASES[self.0] {
            (2, _) => Layout::Two,
            (3, 6 | 7) => Layout::Three,
            (3, 8..=10) => Layout::Eight,
            _ => Layout::Eleven,
        }
    }

    /// Whether this is Python 3 of at least this minor number.
    pub(super) fn since(self, minor: u8) -> bool {
        RELEASES[self.0] >= (3, minor)
    }

    pub(super) fn is_two(self) -> bool {
        RELEASES[self.0].0 == 2
    }

    /// Splits bytecode into instructions. The flag tells whether every byte was one of this release's.
    pub(super) fn instructions(self, code: &[u8], most: usize) -> (Vec<Instruction>, bool) {
        let table = &TABLE[self.0];
        let mut out: Vec<Instruction> = Vec::new();
        let (mut at, mut high, mut sound) = (0, 0u32, true);
        while let Some(&number) = code.get(at) {
            if out.len() >= most {
                break;
            }
            let op = table[usize::from(number)];
            let long = self.is_two() && number >= 90;
            let width = if self.is_two() && !long {
                1
            } else if long {
                3
            } else {
                2
            };
            let low = match code.get(at + 1..at + width) {
                Some([]) => 0,
                Some([low]) => u32::from(*low),
                Some([low, high]) => u32::from(*low) | u32::from(*high) << 8,
                _ => {
                    sound = false;
                    break;
                }
            };
            let argument = if self.is_two() { high << 16 | low } else { high << 8 | low };
            let start = at;
            at += width;
            match op {
                Some(Op::Extended) => high = argument,
                // Room for the interpreter's own notes, empty in stored code.
                Some(Op::Cache) => {
                    high = 0;
                    if let Some(last) = out.last_mut() {
                        last.next = at;
                    }
                }
                Some(op) => {
                    out.push(Instruction { op, argument, at: start, next: at });
                    high = 0;
                }
                None => {
                    sound = false;
                    out.push(Instruction { op: Op::Nothing, argument, at: start, next: at });
                    high = 0;
                }
            }
        }
        (out, sound)
    }

    /// Where a jump goes.
    pub(super) fn target(self, instruction: &Instruction) -> usize {
        let unit = if self.since(10) { 2 } else { 1 };
        let distance = (instruction.argument as usize).saturating_mul(unit);
        match instruction.op {
            Op::JumpBackward | Op::BackwardIf => instruction.next.saturating_sub(distance),
            Op::JumpForward | Op::ForIter | Op::Setup => instruction.next.saturating_add(distance),
            _ if self.since(11) => instruction.next.saturating_add(distance),
            _ => distance,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Instruction {
    pub(super) op: Op,
    pub(super) argument: u32,
    /// Offset of the instruction and of the one after it.
    pub(super) at: usize,
    pub(super) next: usize,
}

/// What an instruction does to the stack, as far as names, texts and calls are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Nothing,
    Resume,
    Cache,
    Extended,
    Const,
    SmallInt,
    Name,
    Global,
    Fast,
    FastPair,
    StoreFastPair,
    StoreLoadFast,
    Deref,
    StoreName,
    StoreFast,
    StoreDeref,
    Attr,
    Method,
    SuperAttr,
    StoreAttr,
    Subscript,
    StoreSubscript,
    Slice,
    Slice2(u8),
    BuildSlice,
    ImportName,
    ImportFrom,
    ImportStar,
    PushNull,
    PushUnknown,
    Pop,
    Pop2,
    Pop4,
    Dup,
    Dup2,
    DupX,
    Copy,
    Swap,
    Rot(u8),
    RotN,
    Call,
    CallOld,
    CallKw,
    CallEx,
    CallVar,
    CallKwOld,
    KwNames,
    MakeFunction,
    MakeClosure,
    FunctionAttribute,
    BuildClass,
    ClassOld,
    Sequence,
    Set,
    Map,
    ConstKeyMap,
    Concat,
    Format,
    FormatSpec,
    Extend,
    Append,
    AppendPair,
    StoreMap,
    Binary(Operator),
    BinaryArg,
    Unary,
    Negate,
    Invert,
    Compare,
    Unpack,
    UnpackEx,
    ForIter,
    EndFor,
    Yield,
    Return,
    ReturnConst,
    JumpForward,
    JumpBackward,
    JumpAbsolute,
    PopJumpIf,
    BackwardIf,
    JumpOrPop,
    Setup,
    With,
    Special,
    Exec,
    Print,
    Raise,
}

/// An operator with a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    And,
    FloorDiv,
    Shl,
    Mul,
    Rem,
    Or,
    Pow,
    Shr,
    Sub,
    Div,
    Xor,
}

fn meaning(name: &str) -> Op {
    use Operator as O;
    if let Some(rest) = name.strip_prefix("BINARY_").or_else(|| name.strip_prefix("INPLACE_")) {
        let operator = match rest {
            "ADD" => O::Add,
            "AND" => O::And,
            "FLOOR_DIVIDE" => O::FloorDiv,
            "LSHIFT" => O::Shl,
            "MULTIPLY" => O::Mul,
            "MODULO" => O::Rem,
            "OR" => O::Or,
            "POWER" => O::Pow,
            "RSHIFT" => O::Shr,
            "SUBTRACT" => O::Sub,
            "DIVIDE" | "TRUE_DIVIDE" => O::Div,
            "XOR" => O::Xor,
            "OP" => return Op::BinaryArg,
            "SUBSCR" => return Op::Subscript,
            "SLICE" => return Op::Slice,
            _ => return Op::Compare,
        };
        return Op::Binary(operator);
    }
    match name {
        "CACHE" => Op::Cache,
        "RESUME" => Op::Resume,
        "EXTENDED_ARG" => Op::Extended,
        "LOAD_CONST" => Op::Const,
        "LOAD_SMALL_INT" => Op::SmallInt,
        "LOAD_NAME" | "LOAD_FROM_DICT_OR_GLOBALS" => Op::Name,
        "LOAD_GLOBAL" => Op::Global,
        "LOAD_FAST" | "LOAD_FAST_CHECK" | "LOAD_FAST_AND_CLEAR" | "LOAD_FAST_BORROW" => Op::Fast,
        "LOAD_FAST_LOAD_FAST" | "LOAD_FAST_BORROW_LOAD_FAST_BORROW" => Op::FastPair,
        "STORE_FAST_STORE_FAST" => Op::StoreFastPair,
        "STORE_FAST_LOAD_FAST" => Op::StoreLoadFast,
        "LOAD_DEREF" | "LOAD_CLASSDEREF" | "LOAD_CLOSURE" | "LOAD_FROM_DICT_OR_DEREF" => Op::Deref,
        "STORE_NAME" | "STORE_GLOBAL" => Op::StoreName,
        "STORE_FAST" => Op::StoreFast,
        "STORE_DEREF" => Op::StoreDeref,
        "LOAD_ATTR" => Op::Attr,
        "LOAD_METHOD" => Op::Method,
        "LOAD_SUPER_ATTR" => Op::SuperAttr,
        "STORE_ATTR" => Op::StoreAttr,
        "STORE_SUBSCR" => Op::StoreSubscript,
        "SLICE+0" => Op::Slice2(0),
        "SLICE+1" => Op::Slice2(1),
        "SLICE+2" => Op::Slice2(2),
        "SLICE+3" => Op::Slice2(3),
        "BUILD_SLICE" => Op::BuildSlice,
        "IMPORT_NAME" => Op::ImportName,
        "IMPORT_FROM" => Op::ImportFrom,
        "IMPORT_STAR" => Op::ImportStar,
        "PUSH_NULL" => Op::PushNull,
        "LOAD_BUILD_CLASS" => Op::BuildClass,
        "LOAD_SPECIAL" => Op::Special,
        "LOAD_ASSERTION_ERROR" | "LOAD_COMMON_CONSTANT" | "LOAD_LOCALS" | "PUSH_EXC_INFO" | "GET_LEN" | "BEGIN_FINALLY" => Op::PushUnknown,
        "POP_TOP" | "DELETE_ATTR" | "POP_ITER" | "GEN_START" | "POP_EXCEPT" | "PRINT_ITEM" | "PRINT_EXPR" => Op::Pop,
        "DELETE_SUBSCR" => Op::Pop2,
        "BUILD_CLASS" => Op::ClassOld,
        "STORE_SLICE" => Op::Pop4,
        "DUP_TOP" => Op::Dup,
        "DUP_TOP_TWO" => Op::Dup2,
        "DUP_TOPX" => Op::DupX,
        "COPY" => Op::Copy,
        "SWAP" => Op::Swap,
        "ROT_TWO" => Op::Rot(2),
        "ROT_THREE" => Op::Rot(3),
        "ROT_FOUR" => Op::Rot(4),
        "ROT_N" => Op::RotN,
        "CALL" | "CALL_METHOD" => Op::Call,
        "CALL_FUNCTION" => Op::CallOld,
        "CALL_KW" => Op::CallKw,
        "CALL_FUNCTION_KW" => Op::CallKwOld,
        "CALL_FUNCTION_EX" => Op::CallEx,
        "CALL_FUNCTION_VAR" | "CALL_FUNCTION_VAR_KW" => Op::CallVar,
        "KW_NAMES" => Op::KwNames,
        "MAKE_FUNCTION" => Op::MakeFunction,
        "MAKE_CLOSURE" => Op::MakeClosure,
        "SET_FUNCTION_ATTRIBUTE" => Op::FunctionAttribute,
        "BUILD_TUPLE" | "BUILD_LIST" | "BUILD_TUPLE_UNPACK" | "BUILD_LIST_UNPACK" | "BUILD_TUPLE_UNPACK_WITH_CALL" => Op::Sequence,
        "BUILD_SET" => Op::Set,
        "BUILD_MAP" => Op::Map,
        "BUILD_CONST_KEY_MAP" => Op::ConstKeyMap,
        "BUILD_STRING" => Op::Concat,
        "FORMAT_VALUE" | "FORMAT_SIMPLE" | "CONVERT_VALUE" => Op::Format,
        "FORMAT_WITH_SPEC" => Op::FormatSpec,
        "LIST_EXTEND" | "SET_UPDATE" | "DICT_UPDATE" | "DICT_MERGE" => Op::Extend,
        "LIST_APPEND" | "SET_ADD" => Op::Append,
        "MAP_ADD" => Op::AppendPair,
        "STORE_MAP" => Op::StoreMap,
        "UNARY_NOT" | "UNARY_CONVERT" => Op::Unary,
        "UNARY_NEGATIVE" => Op::Negate,
        "UNARY_INVERT" => Op::Invert,
        "COMPARE_OP" | "IS_OP" | "CONTAINS_OP" => Op::Compare,
        "UNPACK_SEQUENCE" => Op::Unpack,
        "UNPACK_EX" => Op::UnpackEx,
        "FOR_ITER" => Op::ForIter,
        "END_FOR" => Op::EndFor,
        "YIELD_VALUE" => Op::Yield,
        "RETURN_VALUE" => Op::Return,
        "RETURN_CONST" => Op::ReturnConst,
        "JUMP_FORWARD" => Op::JumpForward,
        "JUMP_BACKWARD" | "JUMP_BACKWARD_NO_INTERRUPT" => Op::JumpBackward,
        "JUMP_ABSOLUTE" | "CONTINUE_LOOP" => Op::JumpAbsolute,
        "POP_JUMP_IF_FALSE"
        | "POP_JUMP_IF_TRUE"
        | "POP_JUMP_IF_NONE"
        | "POP_JUMP_IF_NOT_NONE"
        | "POP_JUMP_FORWARD_IF_FALSE"
        | "POP_JUMP_FORWARD_IF_TRUE"
        | "POP_JUMP_FORWARD_IF_NONE"
        | "POP_JUMP_FORWARD_IF_NOT_NONE" => Op::PopJumpIf,
        "POP_JUMP_BACKWARD_IF_FALSE" | "POP_JUMP_BACKWARD_IF_TRUE" | "POP_JUMP_BACKWARD_IF_NONE" | "POP_JUMP_BACKWARD_IF_NOT_NONE" => {
            Op::BackwardIf
        }
        "JUMP_IF_FALSE_OR_POP" | "JUMP_IF_TRUE_OR_POP" => Op::JumpOrPop,
        "SETUP_LOOP" | "SETUP_EXCEPT" | "SETUP_FINALLY" => Op::Setup,
        "SETUP_WITH" | "BEFORE_WITH" | "SETUP_ASYNC_WITH" | "BEFORE_ASYNC_WITH" => Op::With,
        "EXEC_STMT" => Op::Exec,
        "RAISE_VARARGS" => Op::Raise,
        "PRINT_ITEM_TO" => Op::Print,
        _ => Op::Nothing,
    }
}

static TABLE: LazyLock<Vec<[Option<Op>; 256]>> = LazyLock::new(|| {
    let mut table = vec![[None; 256]; RELEASES.len()];
    for line in include_str!("opcodes.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        let op = meaning(name);
        for (column, number) in table.iter_mut().zip(words) {
            if let Some(slot) = number.parse::<u8>().ok().and_then(|number| column.get_mut(usize::from(number))) {
                *slot = Some(op);
            }
        }
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_release_and_no_number_twice() {
        let mut rows = 0;
        let mut seen = std::collections::BTreeSet::new();
        for line in include_str!("opcodes.txt").lines().filter(|line| !line.starts_with('#')) {
            rows += 1;
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words.len(), RELEASES.len() + 1, "{line}");
            for (column, number) in words[1..].iter().enumerate().filter(|(_, number)| **number != "-") {
                assert!(seen.insert((column, *number)), "{line}");
            }
        }
        assert!(rows > 150, "{rows}");
    }

    #[test]
    fn long_arguments_are_put_together() {
        let release = Release::of_magic(3_413).unwrap();
        let (found, sound) = release.instructions(&[144, 1, 100, 2, 83, 0], 10);
        assert!(sound);
        assert_eq!((found[0].op, found[0].argument, found.len()), (Op::Const, 258, 2));
        let two = Release::of_magic(62_211).unwrap();
        let (found, _) = two.instructions(&[100, 1, 2, 83], 10);
        assert_eq!((found[0].argument, found[1].op), (513, Op::Return));
    }
}
