//! The tree against the vectors of the reference implementation of RFC 6962, and against itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

use bifocal_ledger::{
    Frontier, Hash, ProofError, consistency_proof, empty_root, inclusion_proof, leaf_hash, node_hash, root_of, verify_consistency,
    verify_inclusion,
};
use proptest::prelude::*;

/// The leaves used by the reference implementation's own tests.
const LEAVES: [&str; 8] = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/// The roots over the first 1..=8 of them.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn leaves() -> Vec<Hash> {
    LEAVES.iter().map(|hex| leaf_hash(&hex::decode(hex).unwrap())).collect()
}

#[test]
fn roots_are_those_of_the_standard() {
    assert_eq!(empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let leaves = leaves();
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), empty_root());
    for (at, root) in ROOTS.iter().enumerate() {
        assert_eq!(root_of(&leaves[..=at]).to_string(), *root);
        assert_eq!(frontier.append(leaves[at]).unwrap(), at as u64);
        assert_eq!(frontier.root().to_string(), *root);
    }
}

#[test]
fn proofs_are_those_of_the_standard() {
    let leaves = leaves();
    let texts = |proof: Option<Vec<Hash>>| proof.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        texts(inclusion_proof(&leaves, 5)),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(texts(inclusion_proof(&leaves[..3], 2)), ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]);
    assert_eq!(
        texts(consistency_proof(&leaves, 6)),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        texts(consistency_proof(&leaves[..5], 2)),
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]
    );
}

#[test]
fn a_node_is_no_leaf() {
    let (one, two) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let forged: Vec<u8> = [one.as_bytes().as_slice(), two.as_bytes()].concat();
    assert_ne!(leaf_hash(&forged), node_hash(&one, &two));
}

#[test]
fn wrong_sizes_are_told_apart_from_wrong_hashes() {
    let leaves = leaves();
    let root = root_of(&leaves);
    let proof = inclusion_proof(&leaves, 5).unwrap();
    assert_eq!(verify_inclusion(&leaves[5], 8, 8, &proof, &root), Err(ProofError::OutOfRange { index: 8, size: 8 }));
    assert_eq!(verify_inclusion(&leaves[5], 5, 8, &proof[..2], &root), Err(ProofError::Length { found: 2 }));
    assert_eq!(verify_inclusion(&leaves[5], 4, 8, &proof, &root), Err(ProofError::Root));
    assert_eq!(verify_consistency(9, 8, &[], &root, &root), Err(ProofError::Shrunk { old: 9, new: 8 }));
    assert_eq!(verify_consistency(8, 8, &[root], &root, &root), Err(ProofError::Length { found: 1 }));
    assert_eq!(verify_consistency(0, 8, &[], &root, &root), Err(ProofError::Root));
    assert_eq!(inclusion_proof(&leaves, 8), None);
    assert_eq!(consistency_proof(&leaves, 9), None);
    assert!(Frontier::new(5, vec![root]).is_err());
    assert!(serde_json::from_str::<Frontier>(r#"{"size":3,"subtrees":[]}"#).is_err());
    let frontier = Frontier::new(u64::MAX, vec![root; 64]).unwrap();
    assert!(frontier.clone().append(root).is_err());
}

fn many(count: usize) -> Vec<Hash> {
    (0..count).map(|at| leaf_hash(&at.to_be_bytes())).collect()
}

proptest! {
    #[test]
    fn every_leaf_of_every_tree_is_proved(count in 1_usize..200, index in 0_usize..200, wrong in 0_usize..8) {
        let index = index % count;
        let leaves = many(count);
        let root = root_of(&leaves);
        let mut proof = inclusion_proof(&leaves, index as u64).unwrap();
        prop_assert_eq!(verify_inclusion(&leaves[index], index as u64, count as u64, &proof, &root), Ok(()));
        prop_assert!(verify_inclusion(&leaf_hash(b"other"), index as u64, count as u64, &proof, &root).is_err());
        if !proof.is_empty() {
            let at = wrong % proof.len();
            proof[at] = leaf_hash(b"wrong");
            prop_assert_eq!(verify_inclusion(&leaves[index], index as u64, count as u64, &proof, &root), Err(ProofError::Root));
        }
        proof.push(root);
        prop_assert!(verify_inclusion(&leaves[index], index as u64, count as u64, &proof, &root).is_err());
    }

    #[test]
    fn every_prefix_of_every_tree_is_consistent(count in 1_usize..200, old in 0_usize..200, altered in 0_usize..200) {
        let old = old % (count + 1);
        let leaves = many(count);
        let (old_root, new_root) = (root_of(&leaves[..old]), root_of(&leaves));
        let proof = consistency_proof(&leaves, old as u64).unwrap();
        prop_assert_eq!(verify_consistency(old as u64, count as u64, &proof, &old_root, &new_root), Ok(()));
        if old > 0 {
            let mut other = leaves.clone();
            other[altered % old] = leaf_hash(b"altered");
            let forged = consistency_proof(&other, old as u64).unwrap();
            prop_assert!(verify_consistency(old as u64, count as u64, &forged, &old_root, &root_of(&other)).is_err());
        }
    }

    #[test]
    fn the_frontier_survives_being_stored(count in 0_usize..300) {
        let leaves = many(count);
        let mut frontier = Frontier::default();
        for leaf in &leaves {
            frontier.append(*leaf).unwrap();
            let stored = serde_json::to_string(&frontier).unwrap();
            frontier = serde_json::from_str(&stored).unwrap();
        }
        prop_assert_eq!(frontier.root(), root_of(&leaves));
    }

    #[test]
    fn no_proof_panics_the_verifier(index in any::<u64>(), size in any::<u64>(), old in any::<u64>(), length in 0_usize..80) {
        let hash = leaf_hash(b"x");
        let proof = vec![hash; length];
        let _ = verify_inclusion(&hash, index, size, &proof, &hash);
        let _ = verify_consistency(old, size, &proof, &hash, &hash);
    }
}
