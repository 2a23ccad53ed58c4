//! Lockfiles and manifests of pip, poetry, uv, pipenv and pdm.
#![no_main]

mod read_common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_common::run(&["requirements", "poetry-lock", "uv-lock", "pipfile-lock", "pdm-lock", "pyproject"], bytes));
