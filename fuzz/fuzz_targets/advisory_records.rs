//! OSV records in every packing of a stream: cut, read, matched against one release.
#![no_main]

use bifocal_advisory::{ImportLimits, check_records};
use bifocal_core::{Ecosystem, Release};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = ImportLimits { record_bytes: 32 << 10, ..ImportLimits::default() };
    for ecosystem in Ecosystem::ALL {
        let name = if ecosystem == Ecosystem::Maven { "org.example:core" } else { "example" };
        let Ok(release) = Release::new(ecosystem, name, "1.2.3") else { return };
        let (usable, affecting) = check_records(bytes, &release, &limits);
        assert!(usable <= bytes.len() && affecting <= bytes.len(), "{usable} records, {affecting} hits of {} bytes", bytes.len());
    }
});
