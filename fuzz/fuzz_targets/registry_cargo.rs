//! The lines of a sparse index, and its `config.json`.
#![no_main]

mod registry_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use registry_common::{Question, run};

const QUESTION: Question =
    Question { ecosystem: Ecosystem::Cargo, package: "demo", version: "1.2.0", requirements: &["*", "^1.0"], vars: &[] };

fuzz_target!(|bytes: &[u8]| run(&QUESTION, bytes));
