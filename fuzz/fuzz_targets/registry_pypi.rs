//! Index pages in HTML and JSON, core metadata, and the JSON of a release.
#![no_main]

mod registry_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use registry_common::{Question, run};

const QUESTION: Question =
    Question { ecosystem: Ecosystem::Pypi, package: "demo", version: "1.2.0", requirements: &["", ">=1,<2"], vars: &[] };

fuzz_target!(|bytes: &[u8]| run(&QUESTION, bytes));
