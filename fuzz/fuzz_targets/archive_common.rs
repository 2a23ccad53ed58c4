//! What every unpacked archive must be, whatever its bytes were.

use bifocal_archive::{Budget, EntryKind, Tolerance, Unpacked, unpack_within};
use bifocal_core::ArchiveLimits;
use std::time::Duration;

/// Small bounds: the fuzzer is to find paths through the code, not to fill the memory.
pub fn limits() -> ArchiveLimits {
    ArchiveLimits {
        archive_bytes: 1 << 20,
        total_bytes: 16 << 20,
        entry_bytes: 4 << 20,
        entries: 2_000,
        nesting: 2,
        path_depth: 32,
        path_bytes: 512,
        ratio: 1000,
        time: Duration::from_secs(20),
    }
}

/// Unpacks and checks what the rest of the program relies on.
pub fn check(bytes: &[u8], tolerance: Tolerance) {
    let limits = limits();
    let budget = Budget::new(&limits);
    let Ok(unpacked) = unpack_within(bytes, &budget, tolerance) else { return };
    check_unpacked(&unpacked, &budget);
    assert_eq!(unpack_within(bytes, &Budget::new(&limits), tolerance).as_ref(), Ok(&unpacked), "the same twice");
}

fn check_unpacked(unpacked: &Unpacked, budget: &Budget) {
    let limits = budget.limits();
    assert!(budget.spent_bytes() <= limits.total_bytes);
    assert!(unpacked.entries.len() as u64 <= u64::from(limits.entries));
    let links = unpacked.links();
    for entry in &unpacked.entries {
        let path = &entry.path;
        assert!(!path.is_empty() && !path.contains(['\\', '\0']) && !path.starts_with('/'), "{path:?}");
        assert!(path.split('/').all(|part| !part.is_empty() && part != "." && part != ".."), "{path:?}");
        assert!(entry.data.len() as u64 <= limits.entry_bytes);
        match &entry.kind {
            EntryKind::Folder => assert!(entry.data.is_empty()),
            EntryKind::File => assert_eq!(entry.size, entry.data.len() as u64),
            EntryKind::Link { .. } => {
                if let Some(target) = links.resolve(entry) {
                    assert_eq!(target.kind, EntryKind::File);
                }
            }
        }
        if let Some(Ok(inner)) = unpacked.nested(entry, budget, Tolerance::LENIENT) {
            check_unpacked(&inner, budget);
        }
    }
}
