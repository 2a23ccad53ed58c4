//! Proofs of RFC 6962, sections 2.1.1 and 2.1.2, and their verification by RFC 9162, sections 2.1.3.2 and 2.1.4.2.
//!
//! Proofs come from others and are hostile: verification takes time in the length of the proof only, which is bounded by
//! the logarithm of the tree's size.

use crate::tree::split;
use crate::{Hash, node_hash, root_of};

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf's index is not below the size.
    #[error("leaf {index} is outside a tree of {size} leaves")]
    OutOfRange {
        /// Index of the leaf, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("a tree of {old} leaves is no prefix of one of {new}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// Too few or too many hashes.
    #[error("the proof has {found} hashes, which is not the number that these trees need")]
    Length {
        /// Hashes given.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root: the log was altered, or the proof is of another log")]
    Root,
}

/// The hashes that show leaf `index` to be in the tree over `leaves`, from the leaf up; `None` when it is not in it.
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let mut index = usize::try_from(index).ok().filter(|index| *index < leaves.len())?;
    let mut rest = leaves;
    let mut proof = Vec::new();
    while rest.len() > 1 {
        let (left, right) = rest.split_at(split(rest.len() as u64) as usize);
        if index < left.len() {
            proof.push(root_of(right));
            rest = left;
        } else {
            proof.push(root_of(left));
            index -= left.len();
            rest = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The hashes that show the tree over the first `old` leaves to be a prefix of the tree over all; `None` when `old` is
/// larger. The proof from an empty or equal tree is empty.
pub fn consistency_proof(leaves: &[Hash], old: u64) -> Option<Vec<Hash>> {
    let mut old = usize::try_from(old).ok().filter(|old| *old <= leaves.len())?;
    if old == 0 || old == leaves.len() {
        return Some(Vec::new());
    }
    let mut rest = leaves;
    let mut whole = true;
    let mut proof = Vec::new();
    while old != rest.len() {
        let (left, right) = rest.split_at(split(rest.len() as u64) as usize);
        if old <= left.len() {
            proof.push(root_of(right));
            rest = left;
        } else {
            proof.push(root_of(left));
            old -= left.len();
            rest = right;
            whole = false;
        }
    }
    if !whole {
        proof.push(root_of(rest));
    }
    proof.reverse();
    Some(proof)
}

/// Checks that a leaf with the hash is at `index` of the tree of `size` leaves with the root.
///
/// # Errors
/// The index is outside, the proof's length is wrong, or it leads elsewhere.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length { found: proof.len() });
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length { found: proof.len() });
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `old` leaves with `old_root` is a prefix of the tree of `new` leaves with `new_root`.
///
/// # Errors
/// The tree shrank, the proof's length is wrong, or it leads elsewhere.
pub fn verify_consistency(old: u64, new: u64, proof: &[Hash], old_root: &Hash, new_root: &Hash) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(ProofError::Length { found: proof.len() });
        }
        let holds = if old == 0 { *old_root == crate::empty_root() } else { old_root == new_root };
        return if holds { Ok(()) } else { Err(ProofError::Root) };
    }
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A prefix that is a whole subtree starts from the old root itself.
    let mut hashes = proof.iter();
    let start = if node == 0 { Some(old_root) } else { hashes.next() };
    let Some(start) = start else { return Err(ProofError::Length { found: proof.len() }) };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in hashes {
        if last == 0 {
            return Err(ProofError::Length { found: proof.len() });
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length { found: proof.len() });
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(ProofError::Root) }
}
