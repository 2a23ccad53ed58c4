//! Resource limits (`setrlimit(2)`).

use crate::ProcessLimits;
use std::io;
use std::time::Duration;

/// Descriptors: the three standard ones, the wire's copy and the pipe between the child's two threads.
const MAX_DESCRIPTORS: u64 = 16;

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

pub(super) fn apply(limits: &ProcessLimits) -> io::Result<()> {
    set(libc::RLIMIT_CORE, 0, 0)?;
    set(libc::RLIMIT_FSIZE, 0, 0)?;
    set(libc::RLIMIT_NPROC, 0, 0)?;
    set(libc::RLIMIT_NOFILE, MAX_DESCRIPTORS, MAX_DESCRIPTORS)?;
    set(libc::RLIMIT_AS, limits.memory, limits.memory)
}

/// Gives the next request its processor time. SIGXCPU ends a child that takes more.
pub(crate) fn renew_cpu(limits: &ProcessLimits) {
    let until = used_cpu().saturating_add(limits.cpu).as_secs().saturating_add(1);
    // The wall-clock limit of the parent stands behind this one: it is no loss where it fails.
    let _ = set(libc::RLIMIT_CPU, until, libc::RLIM_INFINITY);
}

fn set(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: `limit` lives through the call, which only reads it.
    if unsafe { libc::setrlimit(resource, &raw const limit) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Processor time that this process has used.
pub(crate) fn used_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives through the call, which writes one timespec to it.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
