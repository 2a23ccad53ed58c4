//! Class files, alone and in a jar.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parse_common::run(
    "Demo.class",
    Ecosystem::Maven,
    "com/example/Demo.class",
    &[("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: com.example.Demo\n")],
    bytes
));
