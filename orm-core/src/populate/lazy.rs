//! Loads one relation of one entity, and with the same statement of all entities that came with it.
//!
//! So a loop that loads a relation entity by entity sends one statement, not one an entity. Loads of one relation run
//! one after another in a context: the second finds the work done. A dropped load lets the next one go on.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::{keep_promises, load_relation, load_rows, populate, select};
use crate::activity::called_at;
use crate::condition::Expression;
use crate::entity::{
    CellId, Entity, Freshness, Loaded, LoadedCollection, Region, RelationField, Shape, State,
};
use crate::error::{EntityKey, Error, Result};
use crate::metadata::{RelationId, RelationKind};
use crate::relation::{BoundCollection, BoundInverse, BoundRef, Source, Target};
use crate::wait::within;

impl<R: RelationField> BoundCollection<R> {
    /// Loads the items, if the context does not know them, for this entity and for all that came from the same
    /// query.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`], [`Error::Detached`], and [`Error::MissingKey`] for an entity that was never flushed.
    #[track_caller]
    pub fn load(&self) -> impl Future<Output = Result<LoadedCollection<R::Target>>> {
        called_at(Location::caller(), async move {
            load_lazily(self.region(), self.owner(), self.relation(), true).await?;
            self.items()
        })
    }

    /// [`load`](Self::load) for this entity alone.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    #[track_caller]
    pub fn load_only(&self) -> impl Future<Output = Result<LoadedCollection<R::Target>>> {
        called_at(Location::caller(), async move {
            load_lazily(self.region(), self.owner(), self.relation(), false).await?;
            self.items()
        })
    }
}

impl<R: RelationField> BoundInverse<R> {
    /// Loads the related entity, if the context does not know it, for this entity and for all that came from the same
    /// query.
    ///
    /// # Errors
    ///
    /// As [`BoundCollection::load`].
    #[track_caller]
    pub fn load(&self) -> impl Future<Output = Result<Option<Loaded<R::Target>>>> {
        called_at(Location::caller(), async move {
            load_lazily(self.region(), self.owner(), self.relation(), true).await?;
            self.get()
        })
    }

    /// [`load`](Self::load) for this entity alone.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    #[track_caller]
    pub fn load_only(&self) -> impl Future<Output = Result<Option<Loaded<R::Target>>>> {
        called_at(Location::caller(), async move {
            load_lazily(self.region(), self.owner(), self.relation(), false).await?;
            self.get()
        })
    }
}

impl<T: Entity> BoundRef<T> {
    /// Loads the entity, if the context does not have it: with all that the same relation of the entities from the
    /// same query points to.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such row, [`Error::RequiredRelation`] when it points to nothing,
    /// [`Error::Detached`], [`Error::Driver`].
    #[track_caller]
    pub fn load(&self) -> impl Future<Output = Result<Loaded<T>>> {
        called_at(Location::caller(), self.load_with(true))
    }

    /// [`load`](Self::load) for this entity alone.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    #[track_caller]
    pub fn load_only(&self) -> impl Future<Output = Result<Loaded<T>>> {
        called_at(Location::caller(), self.load_with(false))
    }

    async fn load_with(&self, with_siblings: bool) -> Result<Loaded<T>> {
        let mut is_shown = true;
        match self.source() {
            _ if self.is_shown()? => {}
            Source::Cell(cell) => is_shown = load_reference(self.region(), cell).await?,
            Source::Field(owner, index) => {
                if self.target() == Target::Unset {
                    return Err(self.unset());
                }
                let relation = RelationId { entity: owner.entity, index };
                match load_lazily(self.region(), owner, relation, with_siblings).await {
                    // Another row's broken reference is not this one's problem.
                    Err(Error::DanglingReference { .. } | Error::HiddenByFilter { .. }) => {}
                    other => other?,
                }
                is_shown = !self.region().links().is_target_hidden(relation, owner.at, &self.target());
            }
        }
        if is_shown && self.is_loaded() {
            return self.get();
        }
        let values = match self.target() {
            Target::Key(values) => values,
            Target::Cell(_) | Target::Unset | Target::New | Target::Invalid(_) => return self.get(),
        };
        let key = EntityKey::new(T::__DESCRIPTION.name, values);
        Err(Error::NotFound { entity: T::__DESCRIPTION.name, condition: key.to_string() })
    }
}

impl<T: Entity> BoundRef<T> {
    /// Whether the context has the entity and knows that no filter hides it.
    fn is_shown(&self) -> Result<bool> {
        let Some(cell) = self.cell().filter(|_| self.is_loaded()) else { return Ok(false) };
        let filter = self.region().filter_of(cell.entity, None)?;
        Ok(filter.is_always() || self.region().meets(cell, &filter) == Some(true))
    }
}

/// Loads the row of a bare reference. Returns whether there is one that no filter hides.
async fn load_reference(region: &Arc<Region>, cell: CellId) -> Result<bool> {
    if region.is_detached() {
        return Err(Error::Detached { key: region.name(cell) });
    }
    let Some(key) = region.key(cell) else { return Ok(true) };
    region.note_find_by_key(cell.entity, &key)?;
    let eager = super::eager_shape(region.metadata(), cell.entity);
    let condition = Expression::KeyIn { property: None, keys: vec![key.clone()] }
        .and(region.filter_of(cell.entity, None)?)
        .and(region.promised_by(cell.entity, &eager, None)?);
    let select = select(region, cell.entity, condition, Vec::new());
    let hydrated = load_rows(region, &select, Freshness::Merge).await?;
    for at in &hydrated.cells {
        region.note_spelling(CellId { entity: cell.entity, at: *at }, &key)?;
    }
    populate(region, cell.entity, &hydrated.cells, &eager, Freshness::Merge).await?;
    keep_promises(region).await?;
    Ok(!hydrated.cells.is_empty())
}

async fn load_lazily(
    region: &Arc<Region>,
    owner: CellId,
    relation: RelationId,
    with_siblings: bool,
) -> Result<()> {
    if region.is_detached() {
        return Err(Error::Detached { key: region.name(owner) });
    }
    if is_done(region, owner, relation) {
        return Ok(());
    }
    let gate = region.links().gate(relation);
    let limit = region.orm().wait_timeout;
    let Some(_turn) = within(limit, gate.lock()).await else {
        let (entity, field) =
            (region.entity(relation.entity).name, region.metadata().relation(relation).name);
        return Err(Error::Wait {
            action: "load",
            holder: format!("another load of `{entity}.{field}`"),
            waited: limit,
        });
    };
    if is_done(region, owner, relation) {
        return Ok(());
    }
    let is_foreign_key = matches!(region.metadata().relation(relation).kind, RelationKind::ManyToOne { .. });
    if !is_foreign_key && region.key(owner).is_none() {
        return Err(Error::MissingKey {
            entity: region.entity(owner.entity).name,
            hint: "flush it before loading",
        });
    }
    let arena = region.arena(owner.entity);
    let siblings = if with_siblings { arena.siblings(owner.at) } else { None };
    let cells: Vec<u32> = match siblings.as_deref().and_then(|batch| batch.get()) {
        Some(siblings) => siblings
            .iter()
            .copied()
            .filter(|at| matches!(arena.state(*at), State::Managed | State::Removed))
            .collect(),
        None => vec![owner.at],
    };
    if let [owner] = cells[..] {
        region.note_lazy_load(relation, owner)?;
    }
    load_relation(region, relation, &cells, Freshness::Merge).await?;
    let target = region.metadata().relation(relation).target;
    let eager: Shape = super::eager_shape(region.metadata(), target);
    if !eager.is_empty() {
        let targets = super::targets(region, relation, &cells);
        populate(region, target, &targets, &eager, Freshness::Merge).await?;
    }
    keep_promises(region).await
}

pub(super) fn is_done(region: &Region, owner: CellId, relation: RelationId) -> bool {
    let meta = region.metadata().relation(relation);
    let is_owning_to_one = region.metadata().owning_side(relation) == relation && !meta.is_to_many();
    if !is_owning_to_one {
        let narrowing = region.narrowing(meta.target, None, &Expression::always());
        return region.links().is_loaded_under(region, relation, owner.at, narrowing);
    }
    let target = region.arena(owner.entity).target(owner.at, relation.index);
    let at = region.resolve(meta.target, &target);
    let Some(at) = at.filter(|at| region.arena(meta.target).is_loaded(*at)) else { return false };
    // A filter that fails says so when the relation is loaded.
    let filter = region.filter_of(meta.target, None);
    let is_shown = |filter| region.meets(CellId { entity: meta.target, at }, &filter) == Some(true);
    filter.is_ok_and(|filter| filter.is_always() || is_shown(filter))
}
