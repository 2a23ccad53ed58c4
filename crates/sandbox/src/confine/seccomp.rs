//! The filter of system calls: what a program with two threads, memory and two pipes needs, nothing else.
//!
//! Everything not listed fails with EPERM instead of ending the process: libraries probe for files and CPUs on their
//! own, harmlessly, and cope with a refusal. Memory is never executable, signals go to the process itself only.

use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

/// Calls allowed with any arguments.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_ppoll,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrandom,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// Whether this processor is one that the filter is written for.
pub(super) fn is_known_here() -> bool {
    TargetArch::try_from(std::env::consts::ARCH).is_ok()
}

/// Puts the filter over all threads.
pub(super) fn apply() -> Result<(), String> {
    let program = program().map_err(|error| error.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
}

fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    let argument = |index, operator, value: u64| SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value);
    let not_executable = || Ok(vec![SeccompRule::new(vec![argument(2, SeccompCmpOp::MaskedEq(EXECUTABLE), 0)?])?]);
    rules.insert(libc::SYS_mmap, not_executable()?);
    rules.insert(libc::SYS_mprotect, not_executable()?);
    let me = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![argument(0, SeccompCmpOp::Eq, me)?])?]);
    // Renewing the processor time, of this process only.
    let renew = vec![argument(0, SeccompCmpOp::Eq, 0)?, argument(1, SeccompCmpOp::Eq, libc::RLIMIT_CPU as u64)?];
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(renew)?]);
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, TargetArch::try_from(std::env::consts::ARCH)?)?.try_into()
}

const EXECUTABLE: u64 = libc::PROT_EXEC as u64;
