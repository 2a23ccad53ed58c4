//! Any bytes through the front door: sniffing, decoders, nesting.
#![no_main]

#[path = "archive_common.rs"]
mod common;

use bifocal_archive::Tolerance;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    common::check(bytes, Tolerance::default());
    common::check(bytes, Tolerance::LENIENT);
});
