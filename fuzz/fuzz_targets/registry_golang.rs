//! `@v/list`, `.info`, `.mod`, and the records, notes and tiles of a checksum database.
#![no_main]

mod registry_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use registry_common::{Question, run};

const QUESTION: Question = Question {
    ecosystem: Ecosystem::Golang,
    package: "example.com/demo",
    version: "v1.2.0",
    requirements: &["latest", "<v1.2.0"],
    // The key of the seeds; its private half is known.
    vars: &[("GOSUMDB", "sum.example+0c233d6d+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs")],
};

fuzz_target!(|bytes: &[u8]| run(&QUESTION, bytes));
