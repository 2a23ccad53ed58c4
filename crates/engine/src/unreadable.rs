//! Ranges that nobody can read.
//!
//! In: what a file asks for. Out: the file without such ranges, each of which is an error of its own, by its place, and
//! wrong usage. One mistake in one file must not keep what another file names from being looked at.

use crate::plan::Plan;
use crate::report::NotEvaluated;
use bifocal_core::{Dependency, Ecosystem, Inventory, Requested, Role};
use bifocal_registries::RegistryError;
use bifocal_versions::Requirement;

impl Plan {
    /// Takes what cannot be read out of an inventory; `None` where all of it can.
    pub(crate) fn refuse_unreadable(&mut self, inventory: &Inventory) -> Option<Inventory> {
        let mut rest = Vec::new();
        let mut any = false;
        for dependency in &inventory.dependencies {
            let Some(error) = unreadable(dependency) else {
                rest.push(dependency);
                continue;
            };
            any = true;
            let (what, place) = (wish(dependency), dependency.place.clone());
            self.malformed.push(format!("{place}: {error}"));
            self.not_evaluated.push(NotEvaluated { what, place, error: error.to_string() });
        }
        any.then(|| Inventory { dependencies: rest.into_iter().cloned().collect(), ..inventory.clone() })
    }
}

fn wish(dependency: &Dependency) -> String {
    match &dependency.requested {
        Requested::Range { package, requirement } => format!("{} {}", package.purl(), bifocal_core::printable(requirement)),
        _ => String::new(),
    }
}

/// Why nobody can read what a dependency asks for.
fn unreadable(dependency: &Dependency) -> Option<RegistryError> {
    let Requested::Range { package, requirement } = &dependency.requested else { return None };
    let ecosystem = package.ecosystem();
    let text = requirement.trim();
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    let by_registry = match ecosystem {
        // A branch or a commit.
        Ecosystem::Golang => true,
        // A dist-tag.
        Ecosystem::Npm => is_name,
        Ecosystem::Pypi | Ecosystem::Maven | Ecosystem::Cargo => false,
    };
    // What replaces another wish may refer to it in ways of its own.
    if by_registry || text.is_empty() || dependency.ask.role == Role::Override {
        return None;
    }
    let why = Requirement::parse(ecosystem, text).err()?.to_string();
    Some(RegistryError::BadRequirement { package: package.purl(), requirement: bifocal_core::one_line(text, 120), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_core::{Ask, FileKind, PackageName, Place};

    #[test]
    fn each_unreadable_range_is_an_error_at_its_place_and_the_rest_stays() {
        let dependency = |ecosystem, name: &str, requirement: &str, line| Dependency {
            requested: Requested::Range { package: PackageName::new(ecosystem, name).unwrap(), requirement: requirement.to_owned() },
            artifacts: Vec::new(),
            place: Place { path: "a/file".to_owned(), line },
            optional: false,
            origins: Vec::new(),
            ask: Ask::default(),
        };
        let dependencies = vec![
            dependency(Ecosystem::Npm, "a", "not a range!!", 1),
            dependency(Ecosystem::Npm, "b", "next", 2),
            dependency(Ecosystem::Npm, "c", "^1.0.0", 3),
            dependency(Ecosystem::Cargo, "d", "banana", 4),
            dependency(Ecosystem::Maven, "org.example:e", "[4.12,", 5),
            dependency(Ecosystem::Golang, "example.com/f", "main", 6),
            dependency(Ecosystem::Pypi, "g", "", 7),
        ];
        let inventory = Inventory { dependencies, ..Inventory::new("a/file", FileKind::PackageJson) };
        let mut plan = Plan::default();
        let rest = plan.refuse_unreadable(&inventory).unwrap();
        assert_eq!(rest.dependencies.iter().map(|one| one.place.line).collect::<Vec<_>>(), [2, 3, 6, 7]);
        assert_eq!(plan.not_evaluated.iter().map(|one| one.place.line).collect::<Vec<_>>(), [1, 4, 5]);
        assert!(plan.malformed[0].starts_with("a/file:1: `not a range!!` is not a requirement for pkg:npm/a: "), "{:?}", plan.malformed);
        assert_eq!(plan.refuse_unreadable(&rest), None);
    }
}
