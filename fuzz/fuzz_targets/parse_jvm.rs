//! Class files, alone and in a jar.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(
        Ecosystem::Maven,
        "com/example/Demo.class",
        &[("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: com.example.Demo\n")],
    ),
    Way::Alone("Demo.class"),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
