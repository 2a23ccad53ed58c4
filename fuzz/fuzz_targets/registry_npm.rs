//! Packuments, whole and abbreviated.
#![no_main]

mod registry_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use registry_common::{Question, run};

const QUESTION: Question =
    Question { ecosystem: Ecosystem::Npm, package: "demo", version: "1.2.0", requirements: &["latest", "^1.0.0"], vars: &[] };

fuzz_target!(|bytes: &[u8]| run(&QUESTION, bytes));
