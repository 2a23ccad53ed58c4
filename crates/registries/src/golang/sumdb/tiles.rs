//! The database's Merkle tree as it is served: tiles of 256 hashes
//! (<https://go.dev/ref/mod#checksum-database>, <https://research.swtch.com/tlog>).
//!
//! In: a tree's size and what is to be proved in it. Out: which tiles hold the hashes of the proof, and the proof out of
//! them. Nothing here is believed: a proof from wrong tiles does not lead to the signed root.

use base64::Engine as _;
use bifocal_ledger::{Hash, node_hash, root_of};
use std::collections::{BTreeMap, BTreeSet};

/// Levels of the tree in one tile, and hashes in the lowest of them.
const HEIGHT: u32 = 8;
const WIDTH: u64 = 1 << HEIGHT;

/// A tree that the database signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tree {
    /// Records in it.
    pub(super) size: u64,
    pub(super) root: Hash,
}

impl Tree {
    /// Reads the text of a tree's note.
    pub(super) fn parse(text: &str) -> Option<Tree> {
        let mut lines = text.lines();
        if lines.next()? != "go.sum database tree" {
            return None;
        }
        let digits = lines.next()?;
        let size: i64 = digits.parse().ok().filter(|size| *size >= 0)?;
        if size.to_string() != digits {
            return None;
        }
        let root = base64::engine::general_purpose::STANDARD.decode(lines.next()?).ok()?;
        Some(Tree { size: size.unsigned_abs(), root: Hash::from_bytes(root.try_into().ok()?) })
    }
}

/// A tile: up to 256 neighbouring hashes of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile {
    /// Level of its hashes, in tiles.
    level: u32,
    index: u64,
    /// How many hashes it has.
    pub(super) width: u64,
}

impl Tile {
    /// Its place below the database's address: `tile/8/0/x001/234` or `tile/8/0/x001/234.p/7`.
    pub(super) fn path(&self) -> String {
        let mut rest = self.index / 1000;
        let mut folders = format!("{:03}", self.index % 1000);
        while rest > 0 {
            folders = format!("x{:03}/{folders}", rest % 1000);
            rest /= 1000;
        }
        let part = if self.width == WIDTH { String::new() } else { format!(".p/{}", self.width) };
        format!("tile/{HEIGHT}/{}/{folders}{part}", self.level)
    }

    /// The same tile when it has filled up: then the database need not serve the part any more.
    pub(super) fn full(&self) -> Option<Tile> {
        (self.width != WIDTH).then_some(Tile { width: WIDTH, ..*self })
    }

    /// Reads its bytes, or those of the same tile filled up.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<Vec<Hash>> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        let wanted = usize::try_from(self.width).ok()?;
        let fits = rest.is_empty() && (hashes.len() == wanted || hashes.len() == usize::try_from(WIDTH).ok()?);
        fits.then(|| hashes.iter().take(wanted).map(|bytes| Hash::from_bytes(*bytes)).collect())
    }
}

/// A run of leaves whose common root is one hash of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    from: u64,
    to: u64,
}

/// The runs whose roots show leaf `index` to be in a tree of `size` leaves, from the leaf up.
pub(super) fn inclusion(size: u64, index: u64) -> Vec<Run> {
    let (mut from, mut to) = (0, size);
    let mut runs = Vec::new();
    while to - from > 1 && index < to {
        let middle = from + split(to - from);
        if index < middle {
            runs.push(Run { from: middle, to });
            to = middle;
        } else {
            runs.push(Run { from, to: middle });
            from = middle;
        }
    }
    runs.reverse();
    runs
}

/// The runs whose roots show a tree of `old` leaves to be the beginning of one of `new`.
pub(super) fn consistency(old: u64, new: u64) -> Vec<Run> {
    let (mut from, mut to) = (0, new);
    let mut runs = Vec::new();
    if old == 0 || old >= new {
        return runs;
    }
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            runs.push(Run { from: middle, to });
            to = middle;
        } else {
            runs.push(Run { from, to: middle });
            from = middle;
        }
    }
    // Where the old tree is one whole subtree of the new one, its root is known already.
    if from != 0 {
        runs.push(Run { from, to });
    }
    runs.reverse();
    runs
}

/// The tiles of a tree of `size` leaves that hold what the runs need.
pub(super) fn needed(runs: &[Run], size: u64) -> BTreeSet<Tile> {
    runs.iter().flat_map(|run| subtrees(*run)).map(|(level, index)| place(level, index, size).0).collect()
}

/// The roots of the runs, out of tiles. `None` where a tile is missing.
pub(super) fn proof(runs: &[Run], size: u64, tiles: &BTreeMap<Tile, Vec<Hash>>) -> Option<Vec<Hash>> {
    let root = |run: &Run| {
        let mut whole: Option<Hash> = None;
        for (level, index) in subtrees(*run).into_iter().rev() {
            let (tile, offset, count) = place(level, index, size);
            let hash = root_of(tiles.get(&tile)?.get(offset..offset.checked_add(count)?)?);
            whole = Some(whole.map_or(hash, |right| node_hash(&hash, &right)));
        }
        whole
    };
    runs.iter().map(root).collect()
}

/// The largest power of two below `size`, for a size of at least 2.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The complete subtrees that a run is made of, by level and index, from the left.
fn subtrees(run: Run) -> Vec<(u32, u64)> {
    let mut from = run.from;
    let mut out = Vec::new();
    while from < run.to {
        let level = 63 - (run.to - from).leading_zeros();
        out.push((level, from >> level));
        from += 1 << level;
    }
    out
}

/// Where the root of a complete subtree is: the tile, and the hashes in it that it is made of.
fn place(level: u32, index: u64, size: u64) -> (Tile, usize, usize) {
    let inside = level % HEIGHT;
    let first = index << inside;
    let tile_level = level / HEIGHT;
    let at = first / WIDTH;
    let width = ((size >> (tile_level * HEIGHT)) - at * WIDTH).min(WIDTH);
    // Both are below 256.
    (Tile { level: tile_level, index: at, width }, (first % WIDTH) as usize, 1 << inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bifocal_ledger::{leaf_hash, verify_consistency, verify_inclusion};

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    /// A tile as a server makes it.
    fn serve(tile: &Tile, leaves: &[Hash]) -> Vec<u8> {
        let step = 1_usize << (tile.level * HEIGHT);
        let start = usize::try_from(tile.index * WIDTH).unwrap();
        let hash = |n: usize| root_of(&leaves[(start + n) * step..(start + n + 1) * step]);
        (0..usize::try_from(tile.width).unwrap()).flat_map(|n| *hash(n).as_bytes()).collect()
    }

    fn fetch(runs: &[Run], size: u64, leaves: &[Hash]) -> BTreeMap<Tile, Vec<Hash>> {
        needed(runs, size).into_iter().map(|tile| (tile, tile.read(&serve(&tile, leaves)).unwrap())).collect()
    }

    #[test]
    fn proofs_out_of_tiles_lead_to_the_root() {
        let all = leaves(70_000);
        for size in [1, 2, 3, 255, 256, 257, 511, 513, 1000, 65_536, 65_537, 70_000] {
            let tree = &all[..usize::try_from(size).unwrap()];
            let root = root_of(tree);
            for index in [0, 1, 2, 254, 255, 256, size / 2, size - 1].into_iter().filter(|index| *index < size) {
                let runs = inclusion(size, index);
                let proof = proof(&runs, size, &fetch(&runs, size, tree)).unwrap();
                verify_inclusion(&tree[usize::try_from(index).unwrap()], index, size, &proof, &root)
                    .unwrap_or_else(|error| panic!("{index} in {size}: {error}"));
            }
            for old in [0, 1, 2, 255, 256, 257, 512, 60_000, size - 1, size].into_iter().filter(|old| *old <= size) {
                let runs = consistency(old, size);
                let proof = proof(&runs, size, &fetch(&runs, size, tree)).unwrap();
                let old_root = root_of(&all[..usize::try_from(old).unwrap()]);
                verify_consistency(old, size, &proof, &old_root, &root).unwrap_or_else(|error| panic!("{old} in {size}: {error}"));
            }
        }
    }

    #[test]
    fn paths_are_those_of_the_protocol() {
        let tile = |level, index, width| Tile { level, index, width }.path();
        assert_eq!(tile(0, 0, 256), "tile/8/0/000");
        assert_eq!(tile(1, 1_234_067, 256), "tile/8/1/x001/x234/067");
        assert_eq!(tile(2, 999, 7), "tile/8/2/999.p/7");
        assert_eq!(Tile { level: 2, index: 999, width: 7 }.full().unwrap().path(), "tile/8/2/999");
        assert_eq!(Tile { level: 2, index: 999, width: 256 }.full(), None);
    }

    #[test]
    fn trees_and_tiles_that_are_none_are_refused() {
        let root = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        assert_eq!(Tree::parse(&format!("go.sum database tree\n42\n{root}\nmore\n")).unwrap().size, 42);
        for text in [
            "",
            "go.sum database tree\n",
            &format!("go.sum database tree\n-1\n{root}\n"),
            &format!("go.sum database tree\n042\n{root}\n"),
            "go.sum database tree\n1\nAAAA\n",
            &format!("another tree\n42\n{root}\n"),
        ] {
            assert_eq!(Tree::parse(text), None, "{text:?}");
        }
        let tile = Tile { level: 0, index: 0, width: 2 };
        assert_eq!(tile.read(&[0; 64]).unwrap().len(), 2);
        assert_eq!(tile.read(&[0; 256 * 32]).unwrap().len(), 2, "the tile has filled up");
        for length in [0, 32, 63, 96] {
            assert_eq!(tile.read(&vec![0; length]), None, "{length}");
        }
        // The largest tree and its last leaf: no shift overflows.
        let size = i64::MAX.unsigned_abs();
        assert!(needed(&inclusion(size, size - 1), size).len() < 70);
        assert!(needed(&consistency(size - 1, size), size).len() < 70);
    }
}
