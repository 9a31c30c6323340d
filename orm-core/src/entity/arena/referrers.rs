//! Which instances refer to a row, for the relations whose foreign key acts when that row is deleted.
//!
//! The database deletes or empties such rows by itself, and the identity map follows without looking at all of its
//! instances. Only ever added to: whoever asks compares with what the instance refers to now, so an entry that is no
//! longer so does no harm, and what is rolled back needs no undoing here.

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::entity::Entity;
use crate::links::List;
use crate::metadata::description::ReferentialAction;
use crate::relation::Target;
use crate::value::KeyValues;

/// By relation: the key that is referred to, and the cells that do.
#[derive(Debug, Default)]
pub(super) struct Referrers {
    relations: Box<[Relation]>,
}

#[derive(Debug)]
struct Relation {
    index: usize,
    cells: Mutex<HashMap<KeyValues, List, foldhash::fast::RandomState>>,
}

impl Referrers {
    /// An index of what instances of `T` refer to; nothing of relations whose foreign key does not act.
    pub(super) fn of<T: Entity>() -> Self {
        let relations = T::__DESCRIPTION.relations.iter().enumerate().filter(|(_, relation)| {
            let acts =
                matches!(relation.on_delete, Some(ReferentialAction::Cascade | ReferentialAction::SetNull));
            relation.property.is_some() && acts
        });
        let relations = relations.map(|(index, _)| Relation { index, cells: Mutex::default() });
        Self { relations: relations.collect() }
    }

    /// Whether no foreign key acts.
    pub(super) fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    /// The database has this of the cell now.
    pub(super) fn note<T: Entity>(&self, at: u32, stored: &T) {
        for relation in &self.relations {
            if let Some(Target::Key(key)) = stored.__reference(relation.index).map(|field| field.target()) {
                relation.cells.lock().entry(key).or_default().push(at);
            }
        }
    }

    /// Cells that referred to this key through the relation at some time.
    pub(super) fn to(&self, relation: usize, key: &KeyValues) -> Vec<u32> {
        let Some(relation) = self.relations.iter().find(|one| one.index == relation) else {
            return Vec::new();
        };
        relation.cells.lock().get(key).map(|cells| cells.iter().collect()).unwrap_or_default()
    }
}
