//! go.mod and go.sum.
#![no_main]

mod read_common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_common::run(&["go-mod", "go-sum"], bytes));
