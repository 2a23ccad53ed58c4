//! `maven-metadata.xml` of artifacts and snapshots, POMs with parents, and checksum files.
#![no_main]

mod registry_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use registry_common::{Question, run};

const RELEASE: Question = Question {
    ecosystem: Ecosystem::Maven,
    package: "com.example:demo",
    version: "1.2.0",
    requirements: &["[1.0,2.0)", "LATEST"],
    vars: &[],
};
const SNAPSHOT: Question = Question { version: "1.3.0-SNAPSHOT", requirements: &[], ..RELEASE };

fuzz_target!(|bytes: &[u8]| {
    run(&RELEASE, bytes);
    run(&SNAPSHOT, bytes);
});
