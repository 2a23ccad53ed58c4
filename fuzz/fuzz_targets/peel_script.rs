//! Scripts whose own computations are evaluated. Each input gets the marks of one kind of obfuscation, so that all of them
//! are evaluated.
#![no_main]

mod parse_common;

use libfuzzer_sys::fuzz_target;
use parse_common::{Way, run};

const WAYS: [Way; 1] = [Way::Alone("index.js")];
/// What marks a packed script, and what marks a script with a table of texts.
const MARKS: [&str; 2] = ["/*eval(function(p,a,c,k,e,*/\n", "/*_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x_0x*/\n"];

fuzz_target!(|bytes: &[u8]| run(&WAYS, &[MARKS[bytes.len() % MARKS.len()].as_bytes(), bytes].concat()));
