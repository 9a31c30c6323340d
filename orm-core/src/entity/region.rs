//! The memory of one context: an arena for each type, the index of to-many relations, the unit of work's lists.
//!
//! `clear()` gives a context a new region. Handles of the old one keep it alive: readable, no longer saved. The
//! whole graph is freed with the last handle and manager, whatever circles its relations make.
//!
//! Lock order: links, then pending, then a cell or a map of keys; the journal's, the tallies' and the repeats' stand alone.
//! None is held across an await.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use super::arena::{Arena, ErasedArena, typed};
use super::{Entity, ErasedSnapshot, State};
use crate::activity::Activity;
use crate::entity_manager::RequestState;
use crate::error::{EntityKey, Error, Result};
use crate::journal::Journal;
use crate::links::Links;
use crate::metadata::{EntityId, EntityMetadata, Metadata, RelationId};
use crate::orm::OrmCore;
use crate::populate::Promise;
use crate::relation::Target;
use crate::repeats::Repeats;
use crate::session::{Lease, Session};
use crate::tally::Tallies;
use crate::unit_of_work::{HookScope, Pending};
use crate::value::KeyValues;

/// An entity of some context, without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRef {
    pub(crate) context: u64,
    pub(crate) id: CellId,
}

/// An entity of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CellId {
    pub(crate) entity: EntityId,
    pub(crate) at: u32,
}

/// The memory of one context. Opaque: named by the sealed methods of public traits.
pub struct Region {
    id: u64,
    session: Arc<Session>,
    request: Arc<RequestState>,
    arenas: Box<[OnceLock<Box<dyn ErasedArena>>]>,
    links: Mutex<Links>,
    pending: Mutex<Pending>,
    detached: AtomicBool,
    /// What loads in progress still owe to earlier handles.
    promises: Mutex<Vec<Promise>>,
    /// What the open transaction has changed here.
    journal: Mutex<Journal>,
    /// What the database said of lists that are not loaded.
    tallies: Mutex<Tallies>,
    /// What was asked over and over.
    repeats: Mutex<Repeats>,
    /// Counts settled flushes: a query that one crossed has read what is no longer so.
    settled: AtomicU64,
}

impl Region {
    pub(crate) fn new(session: Arc<Session>, request: Arc<RequestState>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let arenas = session.orm().metadata.entities().map(|_| OnceLock::new()).collect();
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            session,
            request,
            arenas,
            links: Mutex::default(),
            pending: Mutex::default(),
            detached: AtomicBool::new(false),
            promises: Mutex::default(),
            journal: Mutex::default(),
            tallies: Mutex::default(),
            repeats: Mutex::default(),
            settled: AtomicU64::new(0),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn orm(&self) -> &Arc<OrmCore> {
        self.session.orm()
    }

    /// The way to the database.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The counters of its context.
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.request.activity
    }

    /// How many entities it has, bare references not counted.
    pub(crate) fn count_loaded(&self) -> usize {
        self.arenas().map(|(_, arena)| arena.count_loaded()).sum()
    }

    /// The connection for one statement of its context.
    ///
    /// # Errors
    ///
    /// As [`Session::connection`].
    pub(crate) async fn connection(&self, action: &'static str) -> Result<Lease> {
        self.session.connection(action, self.activity()).await
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock()
    }

    /// What its context knows of the request.
    pub(crate) fn request(&self) -> &RequestState {
        &self.request
    }

    pub(crate) fn metadata(&self) -> &Arc<Metadata> {
        &self.session.orm().metadata
    }

    pub(crate) fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock()
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock()
    }

    pub(crate) fn promises(&self) -> MutexGuard<'_, Vec<Promise>> {
        self.promises.lock()
    }

    pub(crate) fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock()
    }

    pub(crate) fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock()
    }

    pub(crate) fn note_settled(&self) {
        self.settled.fetch_add(1, Ordering::AcqRel);
    }

    /// How many flushes were settled.
    pub(crate) fn settled(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    /// From now on nothing of it is saved.
    pub(crate) fn detach(&self) {
        self.detached.store(true, Ordering::Release);
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Acquire)
    }

    /// The id and arena of `T`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEntity`].
    pub(crate) fn arena_of<T: Entity>(&self) -> Result<(EntityId, &Arena<T>)> {
        let id =
            self.metadata().id_of::<T>().ok_or(Error::UnknownEntity { entity: T::__DESCRIPTION.name })?;
        Ok((id, typed(self.arena(id))))
    }

    pub(crate) fn arena(&self, entity: EntityId) -> &dyn ErasedArena {
        &**self.arenas[entity.at()].get_or_init(|| self.metadata().entity_type(entity).new_arena())
    }

    /// The arenas that were ever used.
    pub(crate) fn arenas(&self) -> impl Iterator<Item = (EntityId, &dyn ErasedArena)> {
        let entities = self.metadata().entities();
        entities
            .zip(&self.arenas)
            .filter_map(|(entity, arena)| arena.get().map(|arena| (entity.id, &**arena)))
    }

    pub(crate) fn cell_ref(&self, id: CellId) -> CellRef {
        CellRef { context: self.id, id }
    }

    pub(crate) fn entity(&self, id: EntityId) -> &EntityMetadata {
        self.metadata().entity(id)
    }

    pub(crate) fn state(&self, cell: CellId) -> State {
        self.arena(cell.entity).state(cell.at)
    }

    /// The cell's key for messages and statements; `None` while it has none.
    pub(crate) fn key(&self, cell: CellId) -> Option<KeyValues> {
        self.arena(cell.entity).key(cell.at)
    }

    /// All that foreign keys to the cell are known to be spelled as.
    pub(crate) fn every_key(&self, cell: CellId) -> Vec<KeyValues> {
        let spellings = self.arena(cell.entity).spellings(cell.at);
        self.key(cell).into_iter().chain(spellings).collect()
    }

    /// The cell as a message names it.
    pub(crate) fn name(&self, cell: CellId) -> EntityKey {
        EntityKey::new(self.entity(cell.entity).name, self.key(cell).unwrap_or_default())
    }

    /// The cell that a foreign key to `entity` points to, if this context knows it.
    pub(crate) fn resolve(&self, entity: EntityId, target: &Target) -> Option<u32> {
        match target {
            Target::Key(key) => self.arena(entity).find(key),
            Target::Cell(cell) if cell.context == self.id => Some(cell.id.at),
            Target::Cell(_) | Target::Unset | Target::New | Target::Invalid(_) => None,
        }
    }

    /// A foreign key to this cell: its key, or the cell while it has none.
    pub(crate) fn target_to(&self, cell: CellId) -> Target {
        self.key(cell).map_or_else(|| Target::Cell(self.cell_ref(cell)), Target::Key)
    }

    /// Puts a cell on the list of touched ones, once.
    pub(crate) fn touch(&self, cell: CellId) {
        // Under one lock, so that the mark and the list agree whatever a flush does meanwhile.
        let mut pending = self.pending();
        if self.arena(cell.entity).mark_touched(cell.at) {
            pending.touched.push(cell);
        }
    }

    /// The relation at the other side of an owning one, and the entity that has it.
    pub(crate) fn inverse_of(&self, entity: EntityId, relation: usize) -> Option<RelationId> {
        self.metadata().other_side(RelationId { entity, index: relation })
    }

    /// Publishes `value`, made from `base`; hands it back if somebody else published in between.
    ///
    /// Foreign keys that moved change the lists of both their ends in the same critical section.
    pub(crate) fn try_publish(
        &self,
        cell: CellId,
        base: &ErasedSnapshot,
        value: Box<dyn Any + Send>,
    ) -> Result<(), Box<dyn Any + Send>> {
        if !self.is_live(cell) {
            // A detached entity is in no list, and nothing of it is saved.
            return self.arena(cell.entity).swap(cell.at, base, value).map(drop);
        }
        let mut links = self.links();
        let (moved, replaced) = self.arena(cell.entity).swap(cell.at, base, value)?;
        let displaced = links.move_references(self, cell.entity, &moved);
        HookScope::note_edited(self, cell, base);
        drop(links);
        drop(replaced);
        self.touch(cell);
        self.follow_orphans(cell.entity, &moved);
        self.release(&displaced);
        Ok(())
    }

    /// Whether edits of this cell reach anybody else.
    pub(crate) fn is_live(&self, cell: CellId) -> bool {
        !self.is_detached() && self.state(cell) != State::Detached
    }

    /// Points the owning reference `relation` of `cell` to `target`, as an edit does.
    pub(crate) fn repoint(&self, cell: CellId, relation: usize, target: &Target) {
        let arena = self.arena(cell.entity);
        while let Some((base, value)) = arena.repoint(cell.at, relation, target) {
            if arena.target_of(&base, relation) == *target || self.try_publish(cell, &base, value).is_ok() {
                return;
            }
        }
    }

    /// Cells that another one displaced from a one-to-one relation let go of it, where they may; or go, if they belong
    /// to their owner.
    pub(crate) fn release(&self, displaced: &[(CellId, usize)]) {
        for (cell, relation) in displaced {
            let inverse = self.inverse_of(cell.entity, *relation);
            if inverse.is_some_and(|inverse| self.metadata().relation(inverse).orphan_removal) {
                // One that is gone already has nothing to let go of.
                let _ = self.orphan(*cell);
            } else if self.entity(cell.entity).relations[*relation].nullable {
                self.repoint(*cell, *relation, &Target::Unset);
            }
        }
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loaded: usize = self.arenas().map(|(_, arena)| arena.count_loaded()).sum();
        f.debug_struct("Region").field("id", &self.id).field("loaded", &loaded).finish_non_exhaustive()
    }
}
