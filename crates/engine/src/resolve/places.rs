//! Sets of versions, each a place in a registry's list: these, or all but these.

use pubgrub::VersionSet;
use std::fmt;

/// The set. Places rise and come once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Places {
    Only(Vec<u32>),
    Without(Vec<u32>),
}

impl Places {
    pub(super) fn none() -> Self {
        Places::Only(Vec::new())
    }

    /// These; they must rise.
    pub(super) fn only(places: Vec<u32>) -> Self {
        Places::Only(places)
    }

    pub(super) fn holds(&self, place: u32) -> bool {
        match self {
            Places::Only(these) => these.binary_search(&place).is_ok(),
            Places::Without(these) => these.binary_search(&place).is_err(),
        }
    }

    pub(super) fn is_single(&self) -> bool {
        matches!(self, Places::Only(these) if these.len() == 1)
    }
}

fn kept(these: &[u32], keep: impl Fn(u32) -> bool) -> Vec<u32> {
    these.iter().copied().filter(|place| keep(*place)).collect()
}

impl VersionSet for Places {
    type V = u32;

    fn empty() -> Self {
        Places::none()
    }

    fn singleton(place: u32) -> Self {
        Places::Only(vec![place])
    }

    fn complement(&self) -> Self {
        match self {
            Places::Only(these) => Places::Without(these.clone()),
            Places::Without(these) => Places::Only(these.clone()),
        }
    }

    fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Places::Only(these), set) | (set, Places::Only(these)) => Places::Only(kept(these, |place| set.holds(place))),
            (Places::Without(one), Places::Without(two)) => {
                let mut all: Vec<u32> = one.iter().chain(two).copied().collect();
                all.sort_unstable();
                all.dedup();
                Places::Without(all)
            }
        }
    }

    fn contains(&self, place: &u32) -> bool {
        self.holds(*place)
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Places::Only(these) => write!(f, "{} versions", these.len()),
            Places::Without(these) => write!(f, "all but {} versions", these.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_keep_the_laws_that_the_solver_relies_on() {
        let sets = [Places::none(), Places::none().complement(), Places::only(vec![1, 3]), Places::only(vec![3, 4]).complement()];
        for a in &sets {
            assert_eq!(a.complement().complement(), *a);
            for b in &sets {
                for place in 0..6 {
                    assert_eq!(a.intersection(b).contains(&place), a.contains(&place) && b.contains(&place), "{a:?} {b:?} {place}");
                    assert_eq!(a.union(b).contains(&place), a.contains(&place) || b.contains(&place), "{a:?} {b:?} {place}");
                }
                assert_eq!(a.intersection(b), b.intersection(a));
            }
        }
    }
}
