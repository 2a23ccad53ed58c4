//! The walls around a child on Linux. Each is put up as far as the kernel has it, and reported.

mod landlocked;
mod rlimits;
mod seccomp;

use crate::{ProcessLimits, Report};
use std::io;

/// Before any thread is started: descriptors, rights, files. What a thread is not allowed, its threads are not either.
pub(crate) fn before_threads(report: &mut Report, first_free_descriptor: u32) {
    report.descriptors_closed = note(report, "inherited descriptors could not be closed", close_from(first_free_descriptor)).is_some();
    report.no_new_privs = note(report, "no_new_privs", no_new_privs()).is_some();
    report.landlock = match landlocked::forbid_all_files() {
        Ok(version) => Some(version),
        Err(why) => {
            report.missing.push(format!("landlock: {why}"));
            None
        }
    };
}

/// With all threads there: limits and the filter of system calls.
pub(crate) fn after_threads(report: &mut Report, limits: &ProcessLimits) {
    report.rlimits = note(report, "resource limits", rlimits::apply(limits)).is_some();
    report.seccomp = match seccomp::apply() {
        Ok(()) => true,
        Err(why) => {
            report.missing.push(format!("seccomp: {why}"));
            false
        }
    };
}

pub(crate) use rlimits::{renew_cpu, used_cpu};

/// What the kernel has, by asking it.
pub(crate) fn supported() -> Report {
    // SAFETY: with these arguments prctl reads no memory; it asks for the current state.
    let (privileges, filters) =
        unsafe { (libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), libc::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0)) };
    let landlock = landlocked::version();
    let mut missing = Vec::new();
    if filters < 0 {
        missing.push("seccomp: the kernel has none".to_owned());
    }
    if let Err(why) = &landlock {
        missing.push(format!("landlock: {why}"));
    }
    Report {
        rlimits: true,
        no_new_privs: privileges >= 0,
        seccomp: filters >= 0 && seccomp::is_known_here(),
        landlock: landlock.ok(),
        descriptors_closed: true,
        missing,
    }
}

fn note<T>(report: &mut Report, what: &str, result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            report.missing.push(format!("{what}: {error}"));
            None
        }
    }
}

fn no_new_privs() -> io::Result<()> {
    // SAFETY: prctl with these arguments touches no memory. Not dumpable also keeps other processes of this user from
    // attaching to the child.
    let results = unsafe { (libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0)) };
    if results == (0, 0) { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes every descriptor from `first` on.
fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: called before this process opened anything of its own but what lies below `first`; closing a descriptor
    // that nobody uses is sound.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0_u32) };
    if result == 0 {
        return Ok(());
    }
    // Kernels before 5.9.
    for descriptor in first..1024 {
        // SAFETY: as above; a number that is not open gives EBADF, which is what is wanted.
        unsafe { libc::close(libc::c_int::try_from(descriptor).unwrap_or(-1)) };
    }
    Ok(())
}
