//! One file for each reader.

pub(crate) mod cargo_lock;
pub(crate) mod cargo_toml;
pub(crate) mod cyclonedx;
pub(crate) mod go_mod;
pub(crate) mod go_sum;
pub(crate) mod go_work;
pub(crate) mod gradle_lockfile;
pub(crate) mod package_json;
pub(crate) mod package_lock;
pub(crate) mod pdm_lock;
pub(crate) mod pipfile_lock;
pub(crate) mod pnpm_lock;
pub(crate) mod poetry_lock;
pub(crate) mod pom;
pub(crate) mod pyproject;
pub(crate) mod requirements;
pub(crate) mod spdx;
pub(crate) mod uv_lock;
pub(crate) mod yarn_berry;
pub(crate) mod yarn_lock_v1;
