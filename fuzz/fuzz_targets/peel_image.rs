//! Images behind whose end code is looked for.
#![no_main]

mod parse_common;

use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 1] = [Way::ReadBySetup(
    r#"from pathlib import Path; import base64; exec(base64.b64decode(Path("data.bin").read_bytes()[int(input()):]))"#,
)];

fuzz_target!(|bytes: &[u8]| run(&WAYS, bytes));
