//! An append-only, tamper-evident log: the Merkle tree of RFC 6962, section 2.1
//! (<https://www.rfc-editor.org/rfc/rfc6962#section-2.1>).
//!
//! What comes in: the bytes of leaves (see [`Entry`] for the ledger's own). What goes out: the root of the tree, proofs
//! that a leaf is in it and that a later tree only added leaves, and their verification. The attacks: an entry altered,
//! removed or slipped in after the fact; a log that shows different histories to different people. Leaves and inner nodes
//! are hashed with different prefixes, so that a node cannot be passed off as a leaf.
//!
//! Nothing here does input or output. The store keeps the leaves and the [`Frontier`] (at most 64 hashes), so that
//! appending costs O(log n) and is part of the transaction that records a decision.

mod entry;
mod frontier;
mod hash;
mod proof;
mod tree;

pub use entry::{Body, ENTRY_VERSION, Entry, EntryError};
pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, empty_root, leaf_hash, node_hash};
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use tree::root_of;
