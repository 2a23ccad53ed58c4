//! CPython bytecode: `.pyc` files and what `marshal.loads` gives, lowered to the same small tree as source.
//!
//! In: hostile bytes of any release from 2.7 or 3.6 to 3.14. Out: names, attribute chains, calls, texts and imports as a
//! [`Module`] for the tracer, or nothing. It is no decompiler: branches are read straight on, and what the stack held is
//! only followed where it is a name, a text or a call. Nothing is run. Offsets in the result are source lines.

mod lower;
mod marshal;
mod opcodes;

use crate::ir::Module;
use crate::trace::value::Value;
use marshal::{Code, Object};
use opcodes::Release;
use std::rc::Rc;

/// Most instructions of one code object, nested ones included.
const MAX_INSTRUCTIONS: usize = 300_000;

/// A `.pyc` file. `None`: it is none of a release that is read.
pub(crate) fn file(bytes: &[u8]) -> Option<Module> {
    let magic = u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?);
    if bytes.get(2..4)? != b"\r\n" {
        return None;
    }
    let release = Release::of_magic(magic)?;
    match marshal::read(bytes.get(release.header()..)?, release.layout())? {
        Object::Code(code) => Some(lower::module(&code, release)),
        _ => None,
    }
}

/// What `marshal.loads` makes of bytes.
pub(crate) enum Loaded {
    /// A code object.
    Code(Box<Module>),
    /// Data.
    Data(Value),
}

/// Reads bare marshal bytes, whose release nobody says: the one whose instructions fit best is taken, of equals the
/// newest.
pub(crate) fn loads(bytes: &[u8]) -> Option<Loaded> {
    let mut best: Option<(usize, Release, Rc<Code>)> = None;
    let mut data = None;
    let mut last = None;
    for release in Release::all() {
        let layout = release.layout();
        // One reading serves all releases of a layout.
        let object = match &last {
            Some((read, object)) if *read == layout => object,
            _ => &last.insert((layout, marshal::read(bytes, layout))).1,
        };
        match object {
            Some(Object::Code(code)) => {
                let wrong = lower::misfits(code, release);
                if best.as_ref().is_none_or(|(fewest, ..)| wrong < *fewest) {
                    best = Some((wrong, release, code.clone()));
                }
            }
            Some(other) if data.is_none() => data = lower::value(other),
            _ => {}
        }
    }
    match best {
        Some((_, release, code)) => Some(Loaded::Code(Box::new(lower::module(&code, release)))),
        None => data.map(Loaded::Data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Capability, Language};
    use crate::trace::{Budget, Outcome, trace};
    use std::collections::BTreeSet;

    const FILES: [(&str, &[u8]); 9] = [
        ("2.7", include_bytes!("../../../tests/data/pyc/py27.pyc")),
        ("3.6", include_bytes!("../../../tests/data/pyc/py36.pyc")),
        ("3.7", include_bytes!("../../../tests/data/pyc/py37.pyc")),
        ("3.8", include_bytes!("../../../tests/data/pyc/py38.pyc")),
        ("3.9", include_bytes!("../../../tests/data/pyc/py39.pyc")),
        ("3.10", include_bytes!("../../../tests/data/pyc/py310.pyc")),
        ("3.11", include_bytes!("../../../tests/data/pyc/py311.pyc")),
        ("3.12", include_bytes!("../../../tests/data/pyc/py312.pyc")),
        ("3.13", include_bytes!("../../../tests/data/pyc/py313.pyc")),
    ];

    fn traced(module: &Module) -> Outcome {
        trace(module, Language::Python, &BTreeSet::new(), 0, &mut Budget::for_file(10_000))
    }

    fn has(outcome: &Outcome, capability: Capability, words: &str, line: u32) -> bool {
        outcome.facts.iter().any(|fact| fact.capability == capability && fact.args.join(" ").contains(words) && fact.at == line)
    }

    #[test]
    fn every_release_gives_the_same_facts() {
        for (release, bytes) in FILES {
            let module = file(bytes).unwrap_or_else(|| panic!("{release}"));
            assert!(!module.truncated, "{release}");
            let outcome = traced(&module);
            let shown = || format!("{release}: {:#?}", outcome.facts);
            assert!(has(&outcome, Capability::Spawn, "curl http://192.0.2.40/a/b -o", 16), "{}", shown());
            assert!(has(&outcome, Capability::Spawn, "echo one", 32), "{}", shown());
            assert!(has(&outcome, Capability::Spawn, "echo two", 32), "{}", shown());
            assert!(has(&outcome, Capability::Spawn, "echo hidden", 34), "{}", shown());
            assert!(has(&outcome, Capability::Eval, "os.system('echo deeper')", 35), "{}", shown());
            assert!(has(&outcome, Capability::Spawn, "echo deeper", 35), "{}", shown());
            // Behind the guard of a program.
            assert!(outcome.facts.iter().any(|fact| fact.dormant && fact.at == 16), "{}", shown());
        }
    }

    #[test]
    fn bare_code_objects_are_read_without_being_told_the_release() {
        for (release, bytes) in FILES {
            let header = if release == "2.7" {
                8
            } else if release == "3.6" {
                12
            } else {
                16
            };
            let Some(Loaded::Code(module)) = loads(&bytes[header..]) else { panic!("{release}") };
            let outcome = traced(&module);
            assert!(has(&outcome, Capability::Spawn, "echo hidden", 34), "{release}: {:#?}", outcome.facts);
            assert!(has(&outcome, Capability::Spawn, "curl http://192.0.2.40/a/b -o", 16), "{release}: {:#?}", outcome.facts);
        }
        let Some(Loaded::Data(value)) = loads(b"z\x05hello") else { panic!("a text") };
        assert_eq!(value.as_text().as_deref(), Some("hello"));
    }

    #[test]
    fn damaged_files_end() {
        for (_, bytes) in FILES {
            for length in (0..bytes.len()).step_by(7) {
                if let Some(module) = file(&bytes[..length]) {
                    let _ = traced(&module);
                }
            }
            // Every byte wrong once, in turn.
            let mut damaged = bytes.to_vec();
            for at in (0..bytes.len()).step_by(11) {
                damaged[at] ^= 0x55;
                if let Some(module) = file(&damaged) {
                    let _ = traced(&module);
                }
                damaged[at] = bytes[at];
            }
        }
    }
}
