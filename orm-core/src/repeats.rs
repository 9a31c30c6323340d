//! Statements that a context sends over and over, one for each of many entities, where a populated relation would have
//! brought all of them by one: told in development, refused under strict loading.
//!
//! What is counted are the different keys of statements that differ in nothing else: lazy loads of one relation for one entity,
//! finds by key from one place of the program, and plain finds of all that belongs to one owner from one place. What the
//! result cache may answer, pages, locks and conditions beside the key are left alone. The count begins anew with `clear`.

use std::panic::Location;

use hashbrown::HashMap;

use crate::activity::place;
use crate::condition::{Comparison, Expression};
use crate::entity::Region;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::value::{KeyValues, Value};

/// The key that is one too much.
const LIMIT: usize = 5;

/// What an ORM does about repeated statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRepeats {
    /// Nothing, and counts none.
    Nothing,
    /// Says so in the log, once for each.
    Warn,
    /// Fails the query.
    Refuse,
}

impl Default for OnRepeats {
    /// Development hears of them.
    fn default() -> Self {
        if cfg!(debug_assertions) { Self::Warn } else { Self::Nothing }
    }
}

/// What was asked in one context, with the keys that it was asked for, as many as matter.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    keys: HashMap<Asked, Vec<KeyValues>, foldhash::fast::RandomState>,
}

/// Statements that differ in their key alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asked {
    /// What one relation of one entity leads to, wherever that is asked.
    Lazily(RelationId),
    /// An entity by its key.
    ByKey(EntityId, &'static Location<'static>),
    /// Entities by what their relation leads to.
    ByTarget(RelationId, &'static Location<'static>),
}

impl Region {
    /// Notes that a relation is loaded lazily for one entity alone, by a statement of its own.
    ///
    /// # Errors
    ///
    /// [`Error::StrictLoading`] for one too much.
    pub(crate) fn note_lazy_load(&self, relation: RelationId, owner: u32) -> Result<()> {
        let owner = KeyValues::from_iter([Value::Int(owner.into())]);
        self.note(Asked::Lazily(relation), &owner, || {
            let (owner, field) = self.names(relation);
            Advice { what: format!("`{owner}.{field}` was loaded lazily"), cure: self.populating(relation) }
        })
    }

    /// Notes that the database is asked for an entity by its key.
    ///
    /// # Errors
    ///
    /// As [`note_lazy_load`](Self::note_lazy_load).
    pub(crate) fn note_find_by_key(&self, entity: EntityId, key: &KeyValues) -> Result<()> {
        let Some(place) = place() else { return Ok(()) };
        self.note(Asked::ByKey(entity, place), key, || {
            let name = self.entity(entity).name;
            let cure = match self.leading_to(entity, key) {
                Some(relation) => self.populating(relation),
                None => self.finding_all(entity),
            };
            Advice { what: format!("`{name}` was found by key"), cure }
        })
    }

    /// Notes a query for all that meets this condition and nothing else, as far as that asks for one key.
    ///
    /// # Errors
    ///
    /// As [`note_lazy_load`](Self::note_lazy_load).
    pub(crate) fn note_find(&self, entity: EntityId, condition: &Expression) -> Result<()> {
        if self.orm().on_repeats == OnRepeats::Nothing {
            return Ok(());
        }
        if let Some(key) = self.one_key(entity, condition) {
            return self.note_find_by_key(entity, &key);
        }
        let (Some(place), Some((index, key))) = (place(), self.one_target(entity, condition)) else {
            return Ok(());
        };
        let relation = RelationId { entity, index };
        self.note(Asked::ByTarget(relation, place), key, || {
            let (name, field) = self.names(relation);
            let cure = match self.metadata().other_side(relation) {
                Some(other) => self.populating(other),
                None => format!("find all of them by one `find({name}::{}.in_(..))`", constant(field)),
            };
            Advice { what: format!("`{name}` was found by one `{field}`"), cure }
        })
    }

    fn note(&self, asked: Asked, key: &KeyValues, advice: impl FnOnce() -> Advice) -> Result<()> {
        let reaction = self.orm().on_repeats;
        if reaction == OnRepeats::Nothing {
            return Ok(());
        }
        {
            let mut repeats = self.repeats();
            let keys = repeats.keys.entry(asked).or_default();
            let is_told = reaction == OnRepeats::Warn && keys.len() >= LIMIT;
            if is_told || keys.contains(key) {
                return Ok(());
            }
            if keys.len() + 1 < LIMIT {
                keys.push(key.clone());
                return Ok(());
            }
            if reaction == OnRepeats::Warn {
                keys.push(key.clone());
            }
        }
        let Advice { what, cure } = advice();
        if reaction == OnRepeats::Refuse {
            return Err(Error::StrictLoading { what, times: LIMIT, cure, place: place() });
        }
        let place = place().map(tracing::field::display);
        tracing::warn!(target: "orm", place, "{what} for {LIMIT} keys one by one in one context: {cure}");
        Ok(())
    }

    /// The key that `condition` asks for.
    fn one_key(&self, entity: EntityId, condition: &Expression) -> Option<KeyValues> {
        match condition {
            Expression::Compare { property, comparison: Comparison::Equal, value }
                if *self.entity(entity).primary_key == [*property] =>
            {
                Some(KeyValues::from_iter([value.clone()]))
            }
            _ => None,
        }
    }

    /// The relation by which `condition` asks for what leads to one target, and the target.
    fn one_target<'a>(&self, entity: EntityId, condition: &'a Expression) -> Option<(usize, &'a KeyValues)> {
        match condition {
            Expression::KeyIn { property: Some(property), keys } => {
                let [key] = &keys[..] else { return None };
                let is_of = |kind: &RelationKind| matches!(kind, RelationKind::ManyToOne { property: of } if of == property);
                let index =
                    self.entity(entity).relations.iter().position(|relation| is_of(&relation.kind))?;
                Some((index, key))
            }
            Expression::Related { relation, inner, .. } => match &**inner {
                Expression::KeyIn { property: None, keys } => {
                    keys.first().filter(|_| keys.len() == 1).map(|key| (*relation, key))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A relation of a loaded entity that leads to this key.
    fn leading_to(&self, target: EntityId, key: &KeyValues) -> Option<RelationId> {
        self.arenas().find_map(|(entity, arena)| {
            let relations = self.entity(entity).relations.iter().enumerate();
            let mut leading = relations.filter(|(_, relation)| {
                relation.target == target && matches!(relation.kind, RelationKind::ManyToOne { .. })
            });
            let (index, _) = leading.find(|(index, _)| arena.leads_to(*index, key))?;
            Some(RelationId { entity, index })
        })
    }

    fn names(&self, relation: RelationId) -> (&'static str, &'static str) {
        (self.entity(relation.entity).name, self.metadata().relation(relation).name)
    }

    fn populating(&self, relation: RelationId) -> String {
        let (owner, field) = self.names(relation);
        format!("add `.populate({owner}::{})` to the query that loads `{owner}`", constant(field))
    }

    fn finding_all(&self, entity: EntityId) -> String {
        let meta = self.entity(entity);
        match meta.primary_key[..] {
            [key] => {
                let (name, key) = (meta.name, constant(meta.properties[key].name));
                format!("find all of them by one `find({name}::{key}.in_(..))`")
            }
            _ => "find all of them by one query".to_owned(),
        }
    }
}

/// What was done too often, and what does it at once.
struct Advice {
    what: String,
    cure: String,
}

/// The constant of a field.
fn constant(field: &str) -> String {
    field.trim_start_matches("r#").to_uppercase()
}
