//! Maven's settings.
#![no_main]

mod client_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| client_common::run(Ecosystem::Maven, ".m2/settings.xml", &[], bytes));
