//! PowerShell, alone and as an npm install script.
#![no_main]

mod parse_common;

use bifocal_core::Ecosystem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| parse_common::run(
    "install.ps1",
    Ecosystem::Npm,
    "package/install.ps1",
    &[("package/package.json", r#"{"name":"demo","version":"1.0.0","scripts":{"preinstall":"powershell -File install.ps1"}}"#)],
    bytes
));
