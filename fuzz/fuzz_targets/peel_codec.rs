//! Data that code beside it decodes and runs: base64 and its kin, zlib, gzip, bzip2, lzma. Its first byte picks one.
#![no_main]

mod parse_common;

use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run_named};

const WAYS: [Way; 9] = [
    Way::ReadBySetup(r#"from pathlib import Path; import base64; exec(base64.b64decode(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import base64; exec(base64.b32decode(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import base64; exec(base64.b85decode(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import binascii; exec(binascii.unhexlify(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import zlib; exec(zlib.decompress(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import gzip; exec(gzip.decompress(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import bz2; exec(bz2.decompress(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(r#"from pathlib import Path; import lzma; exec(lzma.decompress(Path("data.bin").read_bytes()))"#),
    Way::ReadBySetup(
        r#"from pathlib import Path; import base64, zlib; exec(zlib.decompress(base64.b64decode(Path("data.bin").read_bytes()[::-1])))"#,
    ),
];

fuzz_target!(|bytes: &[u8]| run_named(&WAYS, bytes));
