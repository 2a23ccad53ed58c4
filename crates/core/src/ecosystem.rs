use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A package ecosystem, named by its purl type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    /// JavaScript packages.
    Npm,
    /// Python packages.
    Pypi,
    /// JVM packages.
    Maven,
    /// Rust packages.
    Cargo,
    /// Go modules.
    Golang,
}

impl Ecosystem {
    /// Every ecosystem, in the order in which reports list them.
    pub const ALL: [Ecosystem; 5] = [Ecosystem::Npm, Ecosystem::Pypi, Ecosystem::Maven, Ecosystem::Cargo, Ecosystem::Golang];

    /// The purl type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ecosystem::Npm => "npm",
            Ecosystem::Pypi => "pypi",
            Ecosystem::Maven => "maven",
            Ecosystem::Cargo => "cargo",
            Ecosystem::Golang => "golang",
        }
    }

    /// The name that OSV records use (`affected[].package.ecosystem`).
    pub const fn osv_name(self) -> &'static str {
        match self {
            Ecosystem::Npm => "npm",
            Ecosystem::Pypi => "PyPI",
            Ecosystem::Maven => "Maven",
            Ecosystem::Cargo => concat!("crates", ".io"),
            Ecosystem::Golang => "Go",
        }
    }

    /// The ecosystem that an OSV record names, without its optional `:suffix`.
    pub fn from_osv_name(name: &str) -> Option<Ecosystem> {
        let base = name.split(':').next().unwrap_or(name);
        Ecosystem::ALL.into_iter().find(|eco| eco.osv_name() == base)
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Ecosystem {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ecosystem::ALL
            .into_iter()
            .find(|eco| eco.as_str() == text)
            .ok_or_else(|| format!("unknown ecosystem `{}`; known are npm, pypi, maven, cargo, golang", crate::printable(text)))
    }
}
