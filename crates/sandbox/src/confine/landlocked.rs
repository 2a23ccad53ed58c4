//! Landlock: a ruleset that handles every kind of access and allows none
//! (<https://docs.kernel.org/userspace-api/landlock.html>).

use landlock::{ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _, RulesetStatus, Scope};

/// Forbids the calling thread, and all that it starts, every file, and sockets where the kernel can. The version in
/// force, or why there is none.
pub(super) fn forbid_all_files() -> Result<u32, String> {
    let restrict = || {
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?
            .restrict_self()
    };
    let status = restrict().map_err(|error| error.to_string())?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(why(&status.landlock));
    }
    version()
}

/// The version that the kernel has.
pub(super) fn version() -> Result<u32, String> {
    // LANDLOCK_CREATE_RULESET_VERSION
    const ASK_VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call takes a null pointer and the size 0, and reads no memory.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, ASK_VERSION) };
    u32::try_from(version).map_err(|_| format!("the kernel has none ({})", std::io::Error::last_os_error()))
}

fn why(status: &LandlockStatus) -> String {
    match status {
        LandlockStatus::NotEnabled => "the kernel has it switched off",
        LandlockStatus::NotImplemented => "the kernel has none",
        LandlockStatus::Available { .. } => "the kernel did not enforce it",
    }
    .to_owned()
}
