//! Compiled Python, as a file and as what `marshal.loads` is given.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(Ecosystem::Pypi, "x-1/x/__init__.pyc", &[("x-1/PKG-INFO", "Name: x\nVersion: 1\n")]),
    Way::ReadBySetup(r#"from pathlib import Path; import marshal; exec(marshal.loads(Path("data.bin").read_bytes()))"#),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
