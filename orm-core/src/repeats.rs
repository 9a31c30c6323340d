//! Statements that a context sends over and over, one for each of many entities, where a populated relation would have
//! brought all of them by one: told in development, refused under strict loading.
//!
//! What is counted are statements that differ in a key alone: lazy loads of one relation, finds by key from one place of the
//! program, and finds by one owner from one place. The count begins anew with `clear`.

use std::panic::Location;

use hashbrown::HashMap;

use crate::activity::place;
use crate::condition::Expression;
use crate::entity::Region;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, RelationId, RelationKind};
use crate::value::KeyValues;

/// The statement that is too much.
const LIMIT: u32 = 5;

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

/// How often what was asked in one context.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    counts: HashMap<Asked, u32, foldhash::fast::RandomState>,
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
    /// Notes that a relation is loaded lazily, by a statement of its own.
    ///
    /// # Errors
    ///
    /// [`Error::StrictLoading`] for one too much.
    pub(crate) fn note_lazy_load(&self, relation: RelationId) -> Result<()> {
        self.note(Asked::Lazily(relation), || {
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
        self.note(Asked::ByKey(entity, place), || {
            let name = self.entity(entity).name;
            let cure = match self.leading_to(entity, key) {
                Some(relation) => self.populating(relation),
                None => {
                    format!("find all of them by one `find({name}::{}.in_(..))`", self.key_constant(entity))
                }
            };
            Advice { what: format!("`{name}` was found by key"), cure }
        })
    }

    /// Notes a query with this condition, as far as it asks for what belongs to one entity.
    ///
    /// # Errors
    ///
    /// As [`note_lazy_load`](Self::note_lazy_load).
    pub(crate) fn note_find(&self, entity: EntityId, condition: &Expression) -> Result<()> {
        if self.orm().on_repeats == OnRepeats::Nothing {
            return Ok(());
        }
        let (Some(place), Some(index)) = (place(), self.one_target(entity, condition)) else { return Ok(()) };
        let relation = RelationId { entity, index };
        self.note(Asked::ByTarget(relation, place), || {
            let (name, field) = self.names(relation);
            let cure = match self.metadata().other_side(relation) {
                Some(other) => self.populating(other),
                None => format!("find all of them by one `find({name}::{}.in_(..))`", constant(field)),
            };
            Advice { what: format!("`{name}` was found by one `{field}`"), cure }
        })
    }

    fn note(&self, asked: Asked, advice: impl FnOnce() -> Advice) -> Result<()> {
        let reaction = self.orm().on_repeats;
        if reaction == OnRepeats::Nothing {
            return Ok(());
        }
        let count = {
            let mut repeats = self.repeats();
            let count = repeats.counts.entry(asked).or_default();
            *count = count.saturating_add(1);
            *count
        };
        match reaction {
            OnRepeats::Refuse if count >= LIMIT => {
                let Advice { what, cure } = advice();
                Err(Error::StrictLoading { what, times: count, cure, place: place() })
            }
            OnRepeats::Warn if count == LIMIT => {
                let Advice { what, cure } = advice();
                let place = place().map(tracing::field::display);
                tracing::warn!(
                    target: "orm", place,
                    "{what} {count} times in one context, by a statement each time: {cure}"
                );
                Ok(())
            }
            OnRepeats::Nothing | OnRepeats::Warn | OnRepeats::Refuse => Ok(()),
        }
    }

    /// The relation by which `condition` asks for what leads to one target.
    fn one_target(&self, entity: EntityId, condition: &Expression) -> Option<usize> {
        match condition {
            Expression::KeyIn { property: Some(property), keys } if keys.len() == 1 => {
                let is_of = |kind: &RelationKind| matches!(kind, RelationKind::ManyToOne { property: of } if of == property);
                self.entity(entity).relations.iter().position(|relation| is_of(&relation.kind))
            }
            Expression::Related { relation, inner, .. } => match &**inner {
                Expression::KeyIn { property: None, keys } if keys.len() == 1 => Some(*relation),
                _ => None,
            },
            Expression::And(parts) => parts.iter().find_map(|part| self.one_target(entity, part)),
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

    fn key_constant(&self, entity: EntityId) -> String {
        let meta = self.entity(entity);
        meta.primary_key.first().map_or_else(String::new, |key| constant(meta.properties[*key].name))
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
