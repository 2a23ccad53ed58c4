//! Python, alone and as the setup.py of an sdist.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(Ecosystem::Pypi, "demo-1.0/setup.py", &[("demo-1.0/PKG-INFO", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")]),
    Way::Alone("demo.py"),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
