//! Keys that the database holds equal and Rust does not: letters of another case, spaces at the end.
//!
//! The collation of a column decides, which the program may not have chosen. Rows are tracked by their own keys, as they
//! spell them; a key that was asked for, or that another row refers with, and that is spelled otherwise, leads to the same
//! cell from then on. The database is asked what it means where that does not follow from an answer: once for all that
//! were not found, and only of keys with text in them.

use std::sync::Arc;

use hashbrown::HashSet;

use super::follow::load_unseen_rows;
use super::select;
use crate::condition::{Expression, Term};
use crate::driver::{Select, Selection};
use crate::entity::{CellId, Region, Spelled};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{EntityId, RelationId};
use crate::value::{ColumnType, KeyValues, Value};

/// How many keys are asked for at once.
const ASKED: usize = 32;

impl Region {
    /// The database gave the row of this cell for this key: from now on the key leads there.
    ///
    /// # Errors
    ///
    /// [`Error::KeySpelledTwice`] when the key is that of another instance.
    pub(crate) fn note_spelling(&self, cell: CellId, key: &KeyValues) -> Result<()> {
        match self.arena(cell.entity).add_spelling(cell.at, key) {
            Spelled::Done => Ok(()),
            Spelled::Instead(reference) => {
                self.links().put_instead(self, CellId { at: reference, ..cell }, cell.at);
                Ok(())
            }
            Spelled::Taken(_) => Err(Error::KeySpelledTwice {
                key: self.name(cell),
                other: EntityKey::new(self.entity(cell.entity).name, key.clone()),
            }),
        }
    }

    /// Whether keys of this entity may be spelled in several ways.
    pub(crate) fn has_spellings(&self, entity: EntityId) -> bool {
        let entity = self.entity(entity);
        entity.key_columns().any(|column| entity.columns[column].column_type == ColumnType::Text)
    }
}

/// Learns which rows of those that were found were meant by keys that were asked for. Which ones are `shown` was asked too.
pub(super) async fn learn_asked(
    region: &Arc<Region>,
    entity: EntityId,
    asked: &[KeyValues],
    found: &HashSet<u32, foldhash::fast::RandomState>,
    shown: &Expression,
) -> Result<()> {
    let arena = region.arena(entity);
    let mut open = found.clone();
    let mut unknown = Vec::new();
    for key in asked {
        match arena.find(key).filter(|at| found.contains(at)) {
            Some(at) => {
                open.remove(&at);
            }
            None => unknown.push(key.clone()),
        }
    }
    // Keys of rows differ for the database, so one that no key leads to was meant by one that leads nowhere.
    if let ([key], Some(at), 1) = (unknown.as_slice(), open.iter().next(), open.len()) {
        return region.note_spelling(CellId { entity, at: *at }, key);
    }
    ask(region, entity, unknown, shown).await
}

/// Learns which of the owners, whose rows were asked for by key, are meant by the keys in these rows.
pub(super) async fn learn_owners(
    region: &Arc<Region>,
    entity: EntityId,
    owners: &[u32],
    read: impl Iterator<Item = KeyValues>,
) -> Result<()> {
    if !region.has_spellings(entity) {
        return Ok(());
    }
    let arena = region.arena(entity);
    let mut seen = HashSet::<KeyValues, foldhash::fast::RandomState>::default();
    let unknown = read.filter(|key| arena.find(key).is_none_or(|at| !arena.is_loaded(at)));
    let unknown: Vec<KeyValues> = unknown.filter(|key| seen.insert(key.clone())).collect();
    if let [at] = owners {
        return unknown.iter().try_for_each(|key| region.note_spelling(CellId { entity, at: *at }, key));
    }
    ask(region, entity, unknown, &Expression::always()).await
}

/// The key of an owner of `relation` as its row spells it.
pub(super) fn own_spelling(region: &Region, relation: RelationId, key: KeyValues) -> KeyValues {
    if !region.has_spellings(relation.entity) {
        return key;
    }
    let at = region.arena(relation.entity).find(&key);
    at.and_then(|at| region.key(CellId { entity: relation.entity, at })).unwrap_or(key)
}

/// Asks the database which rows these keys mean.
async fn ask(
    region: &Arc<Region>,
    entity: EntityId,
    unknown: Vec<KeyValues>,
    shown: &Expression,
) -> Result<()> {
    for keys in unknown.chunks(ASKED) {
        let is = |key: &KeyValues| Expression::KeyIn { property: None, keys: vec![key.clone()] };
        let tells = keys.iter().map(|key| {
            let term =
                Term::When { condition: Box::new(is(key)), then: Box::new(Term::Value(Value::Int(1))) };
            (term, ColumnType::Int(64))
        });
        let condition = Expression::KeyIn { property: None, keys: keys.to_vec() }.and(shown.clone());
        let select = Select {
            selection: Selection::Beside(tells.collect()),
            ..select(region, entity, condition, Vec::new())
        };
        let rows = load_unseen_rows(region, &select).await?;
        for (at, told) in rows.cells.into_iter().zip(rows.linked) {
            for (key, is_meant) in keys.iter().zip(told) {
                if is_meant != Value::Null {
                    region.note_spelling(CellId { entity, at }, key)?;
                }
            }
        }
    }
    Ok(())
}
