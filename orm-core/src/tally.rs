//! What the database said about to-many relations that are not loaded: how many items an owner has, and whether it has
//! a given one.
//!
//! Kept so that a loop over siblings costs one statement. It is as of the database, without what waits to be written,
//! and holds until the context writes.

use hashbrown::HashMap;

use crate::metadata::RelationId;

type Hasher = foldhash::fast::RandomState;

/// Answers of the database, each with the filters that it was given under; see `Region::narrowing`.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// The flush after which they were given.
    settled: u64,
    /// By relation and owner.
    counts: HashMap<(RelationId, u32), Answer<u64>, Hasher>,
    /// By relation, owner and item.
    members: HashMap<(RelationId, u32, u32), Answer<bool>, Hasher>,
}

/// An answer, after the number of the filters.
type Answer<V> = (Option<u64>, V);

impl Tallies {
    /// Forgets what was said before the last flush, of which there were `settled`.
    pub(crate) fn since(&mut self, settled: u64) -> &mut Self {
        if self.settled != settled {
            self.clear();
            self.settled = settled;
        }
        self
    }

    pub(crate) fn clear(&mut self) {
        self.counts.clear();
        self.members.clear();
    }

    pub(crate) fn count(&self, relation: RelationId, owner: u32, narrowing: Option<u64>) -> Option<u64> {
        let (under, count) = self.counts.get(&(relation, owner))?;
        (*under == narrowing).then_some(*count)
    }

    pub(crate) fn set_count(&mut self, relation: RelationId, owner: u32, narrowing: Option<u64>, count: u64) {
        self.counts.insert((relation, owner), (narrowing, count));
    }

    /// Whether `item` is in the relation of `owner`.
    pub(crate) fn has(
        &self,
        relation: RelationId,
        (owner, item): (u32, u32),
        narrowing: Option<u64>,
    ) -> Option<bool> {
        let (under, has) = self.members.get(&(relation, owner, item))?;
        (*under == narrowing).then_some(*has)
    }

    pub(crate) fn set_member(
        &mut self,
        relation: RelationId,
        (owner, item): (u32, u32),
        narrowing: Option<u64>,
        has: bool,
    ) {
        self.members.insert((relation, owner, item), (narrowing, has));
    }
}
