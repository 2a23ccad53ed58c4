//! The go command's own file of variables: proxies, patterns, checksum database.
#![no_main]

mod client_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| client_common::run(Ecosystem::Golang, ".config/go/env", &[], bytes));
