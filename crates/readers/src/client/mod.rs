//! What the project's own files tell its clients about registries: npmrc and yarn's files, uv's, poetry's and pdm's
//! indexes, cargo's configuration, Maven's settings in `.mvn`.
//!
//! In: an inventory. Out: the same, where each dependency that no digest pins carries the addresses that these files
//! name for it. Nothing here says whether an address is right; who knows the user's own configuration decides that.
//! The attack: a change that leaves the lockfile alone and sends the client to another registry.

mod cargo;
mod maven;
pub(crate) mod maven_config;
mod npm;
pub mod npmrc;
mod python;

use crate::context::{ReadContext, beside};
use crate::error::ReadError;
use bifocal_core::{Dependency, Ecosystem, FileKind, Inventory, PackageName, Requested};

/// Folders climbed from the file in search of configuration.
const MAX_CLIMB: usize = 32;

/// The largest configuration file.
const MAX_FILE: u64 = 1 << 20;

/// Adds what the project's configuration says to the dependencies that it can be about.
pub(crate) fn apply(inventory: &mut Inventory, ctx: &ReadContext<'_>) -> Result<(), ReadError> {
    let path = inventory.path.clone();
    let Some(ecosystem) = inventory.dependencies.iter().filter(|one| is_open(one)).find_map(|one| package(one)).map(PackageName::ecosystem)
    else {
        return Ok(());
    };
    let open = inventory.dependencies.iter_mut().filter(|one| is_open(one));
    match (ecosystem, inventory.kind) {
        (_, FileKind::CycloneDx | FileKind::Spdx | FileKind::CommandLine) | (Ecosystem::Golang, _) => {}
        (Ecosystem::Npm, _) => {
            let config = npm::read(&path, ctx)?;
            open.for_each(|one| config.apply(one));
        }
        (Ecosystem::Pypi, kind) => {
            let config = python::read(&path, kind, ctx)?;
            open.for_each(|one| config.apply(one));
        }
        (Ecosystem::Cargo, _) => {
            let config = cargo::read(&path, ctx)?;
            open.for_each(|one| config.apply(one));
        }
        (Ecosystem::Maven, FileKind::Pom) => {
            let named = maven::read(&path, ctx)?;
            open.for_each(|one| one.origins.extend(named.iter().cloned()));
        }
        (Ecosystem::Maven, _) => {}
    }
    Ok(())
}

/// Whether only the client's configuration ties a dependency to its bytes.
fn is_open(dependency: &Dependency) -> bool {
    package(dependency).is_some() && dependency.artifacts.iter().all(|artifact| artifact.digests.is_empty())
}

fn package(dependency: &Dependency) -> Option<&PackageName> {
    match &dependency.requested {
        Requested::Exact { release } => Some(&release.package),
        Requested::Range { package, .. } => Some(package),
        _ => None,
    }
}

/// The files of one of these names, beside `from` and in the folders above it, the nearest first: path and bytes.
fn upward(from: &str, names: &[&str], ctx: &ReadContext<'_>) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let mut found = Vec::new();
    let mut climb = String::new();
    for _ in 0..MAX_CLIMB {
        for name in names {
            let written = format!("{climb}{name}");
            if beside(from, &written).is_none() {
                return Ok(found);
            }
            found.extend(ctx.beside(from, &written, MAX_FILE)?);
        }
        climb.push_str("../");
    }
    Ok(found)
}
