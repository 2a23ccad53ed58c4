//! PowerShell, alone and as an npm install script.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 2] = [
    Way::Packed(
        Ecosystem::Npm,
        "package/install.ps1",
        &[("package/package.json", r#"{"name":"demo","version":"1.0.0","scripts":{"preinstall":"powershell -File install.ps1"}}"#)],
    ),
    Way::Alone("install.ps1"),
];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
