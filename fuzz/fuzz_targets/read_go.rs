//! go.mod, go.sum and go.work.
#![no_main]

mod read_common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_common::run(&["go-mod", "go-sum", "go-work"], bytes));
