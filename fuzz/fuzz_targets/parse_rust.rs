//! Rust, alone and as a build script.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(
        Ecosystem::Cargo,
        "demo-1.0.0/build.rs",
        &[("demo-1.0.0/Cargo.toml", "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nbuild = \"build.rs\"\n")],
    ),
    Way::Alone("lib.rs"),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
