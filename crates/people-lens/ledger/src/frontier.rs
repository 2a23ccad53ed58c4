//! What is kept of a tree to append to it: the roots of its full subtrees, the largest first.

use crate::{Hash, empty_root, node_hash};
use serde::{Deserialize, Serialize};

/// The right edge of a tree. One subtree of 2^k leaves for each bit k of the size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

/// Why stored hashes are not the frontier of a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// A tree of that size has another number of full subtrees.
    #[error("a tree of {size} leaves has {expected} full subtrees, {found} are given")]
    Count {
        /// Leaves.
        size: u64,
        /// Subtrees that it has.
        expected: u32,
        /// Subtrees given.
        found: usize,
    },
    /// No more leaves fit.
    #[error("the tree is full")]
    Full,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    size: u64,
    subtrees: Vec<Hash>,
}

impl From<Frontier> for Stored {
    fn from(frontier: Frontier) -> Self {
        Stored { size: frontier.size, subtrees: frontier.subtrees }
    }
}

impl TryFrom<Stored> for Frontier {
    type Error = FrontierError;
    fn try_from(stored: Stored) -> Result<Self, FrontierError> {
        Frontier::new(stored.size, stored.subtrees)
    }
}

impl Frontier {
    /// A frontier from what was stored of it.
    ///
    /// # Errors
    /// The number of hashes does not fit the size.
    pub fn new(size: u64, subtrees: Vec<Hash>) -> Result<Self, FrontierError> {
        if subtrees.len() == size.count_ones() as usize {
            Ok(Frontier { size, subtrees })
        } else {
            Err(FrontierError::Count { size, expected: size.count_ones(), found: subtrees.len() })
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the full subtrees, the largest first.
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Adds a leaf and returns its index, from 0.
    ///
    /// # Errors
    /// The tree holds 2^64 - 1 leaves already.
    pub fn append(&mut self, leaf: Hash) -> Result<u64, FrontierError> {
        let index = self.size;
        let next = index.checked_add(1).ok_or(FrontierError::Full)?;
        let mut hash = leaf;
        // Each trailing one bit of the old size is a full subtree that the new one completes into the next larger.
        for _ in 0..index.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size = next;
        Ok(index)
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(first) = subtrees.next() else { return empty_root() };
        subtrees.fold(*first, |right, left| node_hash(left, &right))
    }
}
