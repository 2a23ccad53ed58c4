//! Whether a stored log is what its head says.

use crate::{DecisionStore, StoreError};
use bifocal_core::Sha256;
use bifocal_ledger::{Entry, Frontier, leaf_hash};

/// Leaves read at once.
const PAGE: u64 = 1000;

/// A log that was read from its first leaf to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// Leaves.
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
}

/// Reads the whole log, checks the form of every leaf, and compares the root over them with the stored head.
///
/// # Errors
/// [`StoreError::Damaged`] when a leaf is malformed or the head is another.
pub async fn verify_log(store: &dyn DecisionStore) -> Result<LogState, StoreError> {
    let (size, root) = store.log_head().await?;
    let damaged = |why: String| StoreError::Damaged { what: "log".to_owned(), why };
    let mut frontier = Frontier::default();
    while frontier.size() < size {
        let leaves = store.log_leaves(frontier.size(), PAGE.min(size - frontier.size())).await?;
        if leaves.is_empty() {
            return Err(damaged(format!("it has {} leaves and its head says {size}", frontier.size())));
        }
        for leaf in leaves {
            Entry::from_bytes(&leaf).map_err(|error| damaged(format!("leaf {}: {error}", frontier.size())))?;
            frontier.append(leaf_hash(&leaf)).map_err(|error| damaged(error.to_string()))?;
        }
    }
    if Sha256::from_bytes(*frontier.root().as_bytes()) != root {
        return Err(damaged("its leaves do not lead to its root: somebody altered it".to_owned()));
    }
    Ok(LogState { size, root })
}
