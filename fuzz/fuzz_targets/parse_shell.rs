//! Shell, alone and as an npm install script.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(
        Ecosystem::Npm,
        "package/install.sh",
        &[("package/package.json", r#"{"name":"demo","version":"1.0.0","scripts":{"preinstall":"sh install.sh"}}"#)],
    ),
    Way::Alone("install.sh"),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
