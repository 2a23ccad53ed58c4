//! What the Python readers share: PEP 508 requirements, environment markers and the interpreter they are asked of.

pub(crate) mod lines;
pub(crate) mod lock;
pub(crate) mod marker;
pub(crate) mod requirement;

pub use requirement::{Needed, python_dependency};

/// The interpreter that markers are evaluated for (PEP 508, "Environment Markers"). Fields are named as the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the PEP 508 variable of that name")]
pub struct PythonEnvironment {
    pub python_version: String,
    pub python_full_version: String,
    pub os_name: String,
    pub sys_platform: String,
    pub platform_release: String,
    pub platform_system: String,
    pub platform_version: String,
    pub platform_machine: String,
    pub platform_python_implementation: String,
    pub implementation_name: String,
    pub implementation_version: String,
}

impl PythonEnvironment {
    /// CPython of that version (`3.12.4`) on 64-bit Linux.
    pub fn linux(full_version: &str) -> Self {
        let short: Vec<&str> = full_version.split('.').take(2).collect();
        PythonEnvironment {
            python_version: short.join("."),
            python_full_version: full_version.to_owned(),
            os_name: "posix".to_owned(),
            sys_platform: "linux".to_owned(),
            platform_release: String::new(),
            platform_system: "Linux".to_owned(),
            platform_version: String::new(),
            platform_machine: "x86_64".to_owned(),
            platform_python_implementation: "CPython".to_owned(),
            implementation_name: "cpython".to_owned(),
            implementation_version: full_version.to_owned(),
        }
    }

    /// CPython of that version on the machine that this program was built for.
    pub fn here(full_version: &str) -> Self {
        let mut environment = Self::linux(full_version);
        let (os, platform, system) = match std::env::consts::OS {
            "macos" => ("posix", "darwin", "Darwin"),
            "windows" => ("nt", "win32", "Windows"),
            _ => ("posix", "linux", "Linux"),
        };
        let machine = match (std::env::consts::ARCH, platform) {
            ("aarch64", "darwin") => "arm64",
            ("aarch64", "win32") => "ARM64",
            ("x86_64", "win32") => "AMD64",
            (other, _) => other,
        };
        (environment.os_name, environment.sys_platform) = (os.to_owned(), platform.to_owned());
        (environment.platform_system, environment.platform_machine) = (system.to_owned(), machine.to_owned());
        environment
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        Some(match name {
            "python_version" => &self.python_version,
            "python_full_version" => &self.python_full_version,
            "os_name" | "os.name" => &self.os_name,
            "sys_platform" | "sys.platform" => &self.sys_platform,
            "platform_release" => &self.platform_release,
            "platform_system" => &self.platform_system,
            "platform_version" | "platform.version" => &self.platform_version,
            "platform_machine" | "platform.machine" => &self.platform_machine,
            "platform_python_implementation" | "platform.python_implementation" | "python_implementation" => {
                &self.platform_python_implementation
            }
            "implementation_name" => &self.implementation_name,
            "implementation_version" => &self.implementation_version,
            _ => return None,
        })
    }
}
