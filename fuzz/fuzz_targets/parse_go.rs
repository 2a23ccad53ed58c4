//! Go, alone and in a module.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(Ecosystem::Golang, "example.com/demo@v1.0.0/main.go", &[("example.com/demo@v1.0.0/go.mod", "module example.com/demo\n")]),
    Way::Alone("main.go"),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
