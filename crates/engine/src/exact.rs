//! Package URLs that a person types: what follows the `@` is one exact version.
//!
//! The mistake: `pkg:npm/x@^1.0.0` and `pkg:npm/x@latest`, which look like what a manifest says. Asked of a registry they
//! are a version that does not exist, and that answer helps nobody.

use bifocal_core::{Ecosystem, PackageName, PurlError, Release, printable};
use std::str::FromStr as _;

/// Why a text names no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExactError {
    /// Not a package URL, or one without a version.
    #[error(transparent)]
    Purl(#[from] PurlError),
    /// A range or a tag in place of a version.
    #[error(
        "`{purl}` asks for the {kind} `{found}`, and a package URL takes one exact version: name it ({package}@{example}), leave it out ({package}) for what the client takes today, or check the manifest that has the {kind}"
    )]
    NoVersion {
        /// As typed.
        purl: String,
        /// `range` or `tag`.
        kind: &'static str,
        /// What stands for the version.
        found: String,
        /// The package's URL.
        package: String,
        /// A version as the ecosystem writes it.
        example: &'static str,
    },
}

/// Reads a purl with an exact version.
pub fn release(text: &str) -> Result<Release, ExactError> {
    // Some ranges are no version of any kind, and the reason for that would not say what to do.
    let plain = text.split(['?', '#']).next().unwrap_or_default();
    if let Some((head, asked)) = plain.rsplit_once('@').filter(|(_, asked)| !asked.is_empty() && !asked.contains('/'))
        && let Ok(package) = PackageName::from_str(head)
        && let Some(kind) = other_than_a_version(package.ecosystem(), asked)
    {
        return Err(refused(text, &package, kind, asked));
    }
    let release = Release::from_str(text)?;
    match other_than_a_version(release.ecosystem(), &release.version) {
        None => Ok(release),
        Some(kind) => Err(refused(text, &release.package, kind, &release.version)),
    }
}

fn refused(text: &str, package: &PackageName, kind: &'static str, found: &str) -> ExactError {
    ExactError::NoVersion {
        purl: printable(text),
        kind,
        found: printable(found),
        package: package.purl(),
        example: if package.ecosystem() == Ecosystem::Golang { "v1.2.3" } else { "1.2.3" },
    }
}

fn other_than_a_version(ecosystem: Ecosystem, version: &str) -> Option<&'static str> {
    let wildcard = |part: &str| matches!(part, "x" | "X" | "*");
    if version.contains(|c: char| "^~<>=*|,[](){} ".contains(c)) || (ecosystem != Ecosystem::Maven && version.split('.').any(wildcard)) {
        return Some("range");
    }
    let named = match ecosystem {
        // Maven lets a version be any word (`Finchley.RELEASE`), but for these.
        Ecosystem::Maven => ["LATEST", "RELEASE"].iter().any(|word| version.eq_ignore_ascii_case(word)),
        _ => !version.strip_prefix(['v', 'V']).unwrap_or(version).starts_with(|c: char| c.is_ascii_digit()),
    };
    named.then_some("tag")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_the_ecosystems_write_them_are_exact() {
        for text in [
            "pkg:npm/x@1.0.0-beta.1",
            "pkg:npm/x@1.0.0-x.1",
            "pkg:pypi/x@1!2.0.post1%2Blocal",
            "pkg:pypi/x@v1.0",
            "pkg:cargo/x@1.0.0%2Bbuild",
            "pkg:golang/example.com/x@v0.0.0-20240101000000-abcdefabcdef",
            "pkg:golang/example.com/x@v2.0.0%2Bincompatible",
            "pkg:maven/org.example/x@Finchley.RELEASE",
            "pkg:maven/org.example/x@r09",
            "pkg:maven/org.example/x@1.0?type=jar&classifier=linux",
            "pkg:npm/%40scope/x@1.0.0?vcs_url=git%40forge.example#lib",
        ] {
            assert!(release(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn ranges_and_tags_are_told_with_what_to_do() {
        for (text, kind, package) in [
            ("pkg:npm/x@^1.0.0", "range `^1.0.0`", "pkg:npm/x)"),
            ("pkg:npm/%40a/x@~1", "range `~1`", "pkg:npm/%40a/x)"),
            ("pkg:npm/x@1.x", "range `1.x`", "pkg:npm/x)"),
            ("pkg:npm/x@>=1 <2", "range `>=1 <2`", "pkg:npm/x)"),
            ("pkg:pypi/x@==1.0", "range `==1.0`", "pkg:pypi/x)"),
            ("pkg:maven/org.example/x@[1,2)", "range `[1,2)`", "pkg:maven/org.example/x)"),
            ("pkg:npm/x@latest", "tag `latest`", "pkg:npm/x)"),
            ("pkg:maven/org.example/x@LATEST", "tag `LATEST`", "pkg:maven/org.example/x)"),
            ("pkg:golang/example.com/x@master", "tag `master`", "v1.2.3"),
        ] {
            let error = release(text).unwrap_err().to_string();
            assert!(error.contains(kind) && error.contains(package) && error.contains("one exact version"), "{text}: {error}");
        }
        assert!(matches!(release("pkg:npm/x"), Err(ExactError::Purl(PurlError::NoVersion(_)))));
        assert!(matches!(release("pkg:npm/%40scope/x"), Err(ExactError::Purl(PurlError::NoVersion(_)))));
        assert!(matches!(release("pkg:npm/x@"), Err(ExactError::Purl(PurlError::Syntax(..)))));
    }
}
