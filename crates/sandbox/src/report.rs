use serde::{Deserialize, Serialize};

/// Which walls stand around a child. `bifocal doctor` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Resource limits: address space, processor time, no core dumps, no files written, no processes.
    pub rlimits: bool,
    /// The child can gain no rights by running something.
    pub no_new_privs: bool,
    /// System calls are filtered: no files, sockets, processes or executable memory.
    pub seccomp: bool,
    /// The landlock version that forbids all file access, or `None` where the kernel has none.
    pub landlock: Option<u32>,
    /// File descriptors inherited from the parent were closed.
    pub descriptors_closed: bool,
    /// Why something above is missing, one sentence each.
    pub missing: Vec<String>,
}

impl Report {
    /// What the kernel here supports, without starting a child. What a child really has is told by
    /// [`crate::Supervisor::confinement`].
    pub fn of_this_kernel() -> Report {
        crate::confine::supported()
    }

    /// Whether no file, socket or process is in reach of the child.
    pub fn is_confined(&self) -> bool {
        self.seccomp && self.no_new_privs && self.rlimits
    }
}
