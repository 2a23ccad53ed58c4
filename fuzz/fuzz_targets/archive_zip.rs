//! Zips alone, so that no time goes into other formats.
#![no_main]

#[path = "archive_common.rs"]
mod common;

use bifocal_archive::{Format, Tolerance, sniff};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if sniff(bytes) != Some(Format::Zip) {
        return Corpus::Reject;
    }
    common::check(bytes, Tolerance::LENIENT);
    Corpus::Keep
});
