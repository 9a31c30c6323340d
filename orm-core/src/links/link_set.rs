//! Links of one many-to-many relation, found from either side.
//!
//! What an entity takes along when it goes, and what a list lacks when it is loaded, costs as much as there is of it,
//! however many links wait.

use std::collections::BTreeSet;
use std::collections::btree_set::Iter;

use crate::metadata::Side;

/// Links, as owner and target, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkSet {
    by_owner: BTreeSet<(u32, u32)>,
    /// The same, as target and owner.
    by_target: BTreeSet<(u32, u32)>,
}

impl LinkSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_owner.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_owner.len()
    }

    pub(crate) fn contains(&self, link: &(u32, u32)) -> bool {
        self.by_owner.contains(link)
    }

    pub(crate) fn insert(&mut self, link: (u32, u32)) {
        self.by_owner.insert(link);
        self.by_target.insert((link.1, link.0));
    }

    /// Returns whether it was in.
    pub(crate) fn remove(&mut self, link: &(u32, u32)) -> bool {
        self.by_target.remove(&(link.1, link.0));
        self.by_owner.remove(link)
    }

    /// The links of the entity `at` on this side.
    pub(crate) fn of(&self, side: Side, at: u32) -> Vec<(u32, u32)> {
        let range = (at, u32::MIN)..=(at, u32::MAX);
        match side {
            Side::Owner => self.by_owner.range(range).copied().collect(),
            Side::Target => self.by_target.range(range).map(|(target, owner)| (*owner, *target)).collect(),
        }
    }

    /// Takes out the links of the entity `at` on this side.
    pub(crate) fn take(&mut self, side: Side, at: u32) -> Vec<(u32, u32)> {
        let links = self.of(side, at);
        links.iter().for_each(|link| {
            self.remove(link);
        });
        links
    }
}

impl Extend<(u32, u32)> for LinkSet {
    fn extend<I: IntoIterator<Item = (u32, u32)>>(&mut self, links: I) {
        links.into_iter().for_each(|link| self.insert(link));
    }
}

impl<'a> IntoIterator for &'a LinkSet {
    type Item = &'a (u32, u32);
    type IntoIter = Iter<'a, (u32, u32)>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_owner.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_taken_from_either_side() {
        let mut links = LinkSet::default();
        links.extend([(1, 7), (1, 8), (2, 7), (2, u32::MAX), (2, 7)]);
        assert_eq!(links.len(), 4);
        assert_eq!(links.of(Side::Owner, 2), [(2, 7), (2, u32::MAX)]);
        assert_eq!(links.take(Side::Target, 7), [(1, 7), (2, 7)]);
        assert_eq!(links.take(Side::Target, 7), []);
        assert!(links.remove(&(1, 8)) && !links.remove(&(1, 8)));
        assert_eq!(links.into_iter().collect::<Vec<_>>(), [&(2, u32::MAX)]);
        assert_eq!(links.take(Side::Owner, 2), [(2, u32::MAX)]);
        assert!(links.is_empty() && links.of(Side::Target, u32::MAX).is_empty());
    }
}
