//! Lockfiles and manifests of npm, yarn and pnpm.
#![no_main]

mod read_common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_common::run(&["package-lock", "yarn-lock-v1", "yarn-berry", "pnpm-lock", "package-json"], bytes));
