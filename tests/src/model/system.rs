//! The system under test beside the naive model: each step is done to both.
//!
//! What a step may do depends on what is loaded, and that only the system knows; the model takes it from there. It
//! never takes over a value that was not stored at some time.

mod flush;
mod load;
mod relate;
mod transaction;

pub(super) use relate::marks;

use std::collections::{BTreeMap, HashMap};

use orm_core::{EntityManager, Error, ForkOptions, Ref, Result};

use super::entities::{Badge, Handle, Item, Person, Subject, Tag, with_handle, with_kind};
use super::operation::Operation;
use super::reference::{Cell, Context, Field, Kind, Mark, Row, State, Store, ToOne};
use crate::TestDb;

/// The database, its contexts, and what is expected of them.
#[derive(Debug)]
pub struct System {
    pub(super) db: TestDb,
    /// What is stored.
    pub(super) store: Store,
    /// What was stored, after each change.
    pub(super) history: Vec<Store>,
    /// What each context is expected to show.
    pub(super) contexts: Vec<Context>,
    /// Inside transactions, the outermost first: what the context would show if nothing had been flushed since each
    /// began, which is what a rollback leaves.
    pub(super) unflushed: Vec<Context>,
    pub(super) live: Vec<Live>,
    /// What was created.
    pub(super) kinds: BTreeMap<Mark, Kind>,
    /// The keys of rows that are or were stored.
    pub(super) marks: HashMap<(Kind, i64), Mark>,
    pub(super) keys: BTreeMap<Mark, i64>,
}

/// A context, and the handles that the test has of it.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) em: EntityManager,
    pub(super) handles: BTreeMap<Mark, Handle>,
    /// Handles of what the context forgot.
    pub(super) gone: BTreeMap<Mark, Handle>,
}

impl Live {
    fn new(em: EntityManager) -> Self {
        Self { em, handles: BTreeMap::new(), gone: BTreeMap::new() }
    }
}

impl System {
    /// So many contexts on an empty database.
    #[must_use]
    pub fn new(db: TestDb, contexts: usize) -> Self {
        Self {
            live: (0..contexts).map(|_| Live::new(db.em())).collect(),
            db,
            store: Store::default(),
            history: vec![Store::default()],
            contexts: vec![Context::default(); contexts],
            unflushed: Vec::new(),
            kinds: BTreeMap::new(),
            marks: HashMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// The database, empty again.
    ///
    /// # Errors
    ///
    /// Whatever the driver refuses.
    pub async fn close(self) -> Result<TestDb> {
        let statements = [
            "UPDATE person SET boss_id = NULL",
            "DELETE FROM badge",
            "DELETE FROM item",
            "DELETE FROM tag",
            "DELETE FROM person",
        ];
        self.db.run(&statements).await?;
        Ok(self.db)
    }

    /// Does steps to both, one after another.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub async fn apply_all(&mut self, operations: &[Operation]) -> Result<()> {
        for operation in operations {
            self.apply(operation).await?;
        }
        Ok(())
    }

    /// Whether nothing waits for a flush of a context.
    #[must_use]
    pub fn is_saved(&self, context: usize) -> bool {
        self.live[context].em.flush_plan().is_ok_and(|plan| plan.is_empty())
    }

    /// As [`TestDb::begin_and_roll_back`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn begin_and_roll_back(&self) -> Result<()> {
        self.db.begin_and_roll_back().await
    }

    /// Does one step to both.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses though the model does not.
    pub async fn apply(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::Flush { context, trouble } => self.flush(*context, *trouble).await.map(drop),
            Operation::Transaction { context, steps, end } => self.transaction(*context, steps, *end).await,
            Operation::FlushWhile { context, share, steps } => {
                self.flush_while(*context, *share, steps).await
            }
            Operation::Fork { context, into, keeps } => self.fork(*context, *into, *keeps).await,
            Operation::FindAll { context, kind, populate, meanwhile } => {
                self.find_all(*context, *kind, *populate, *meanwhile).await
            }
            Operation::FindOne { context, mark } => self.find_one(*context, *mark).await,
            Operation::FindById { context, mark } => self.find_by_id(*context, *mark).await,
            Operation::Refresh { context, mark } => self.refresh(*context, *mark).await,
            Operation::Load { context, mark, relation, how } => {
                self.load(*context, *mark, *relation, *how).await
            }
            other => self.apply_at_once(other),
        }
    }

    /// Does one step that sends nothing to both.
    pub(super) fn apply_at_once(&mut self, operation: &Operation) -> Result<()> {
        match operation {
            Operation::Create { context, mark, kind, code, target, other } => {
                self.create(*context, *mark, *kind, *code, [*target, *other])
            }
            Operation::CreateBoth { context, mark, maker } => self.create_both(*context, *mark, *maker),
            Operation::SetValue { context, mark, value } => {
                self.set_scalar(*context, *mark, Field::Value, Some(*value));
                Ok(())
            }
            Operation::SetCode { context, mark, code } => {
                self.set_scalar(*context, *mark, Field::Code, *code);
                Ok(())
            }
            Operation::Relate { context, mark, relation, target, by } => {
                self.relate(*context, *mark, *relation, *target, *by);
                Ok(())
            }
            Operation::Add { context, owner, relation, item } => self.add(*context, *owner, *relation, *item),
            Operation::Take { context, owner, relation, item } => {
                self.take(*context, *owner, *relation, *item)
            }
            Operation::SetItems { context, owner, relation, items } => {
                self.set_items(*context, *owner, *relation, items)
            }
            Operation::Link { context, item, tag, from } => self.link(*context, (*item, *tag), *from),
            Operation::Unlink { context, item, tag, from } => self.unlink(*context, (*item, *tag), *from),
            Operation::SetLinks { context, owner, others } => self.set_links(*context, *owner, others),
            Operation::Remove { context, mark } => self.remove(*context, *mark),
            Operation::Persist { context, mark } => self.persist(*context, *mark),
            Operation::Clear { context } => self.clear(*context),
            Operation::Flush { .. }
            | Operation::FlushWhile { .. }
            | Operation::Transaction { .. }
            | Operation::Fork { .. }
            | Operation::FindAll { .. }
            | Operation::FindOne { .. }
            | Operation::FindById { .. }
            | Operation::Refresh { .. }
            | Operation::Load { .. } => Ok(()),
        }
    }

    fn create(
        &mut self,
        context: usize,
        mark: Mark,
        kind: Kind,
        code: Option<i64>,
        [target, other]: [Option<Mark>; 2],
    ) -> Result<()> {
        let person = |mark: Option<Mark>| mark.and_then(|mark| self.person(context, mark));
        let reference = |mark: Option<Mark>| person(mark).map(|handle| handle.to_ref());
        let known = |mark: Option<Mark>| mark.filter(|mark| self.live[context].handles.contains_key(mark));
        let (target, other) = (known(target), known(other));
        let em = &self.live[context].em;
        let mut row = Row::new(kind);
        row.set(Field::Code, code);
        let handle = match kind {
            Kind::Person => {
                row.set(Field::Boss, target);
                let value = Person { mark, code, boss: reference(target), ..Person::default() };
                Handle::Person(em.persist(value)?.without_hints())
            }
            Kind::Item => {
                let Some(maker) = reference(target) else { return Ok(()) };
                row.set(Field::Maker, target);
                row.set(Field::Owner, other);
                let value = Item { mark, code, maker, owner: reference(other), ..Item::default() };
                Handle::Item(em.persist(value)?.without_hints())
            }
            Kind::Tag => Handle::Tag(em.persist(Tag { mark, code, ..Tag::default() })?.without_hints()),
            Kind::Badge => {
                let displaces = target.is_some_and(|target| self.knows_badge(context, target));
                let value = Badge { mark, code, holder: reference(target), ..Badge::default() };
                let handle = Handle::Badge(em.persist(value)?.without_hints());
                self.insert(context, mark, row, handle);
                self.change(context, |memory| memory.relate(mark, ToOne::Holder, target, displaces));
                return Ok(());
            }
        };
        self.insert(context, mark, row, handle);
        Ok(())
    }

    fn create_both(&mut self, context: usize, mark: Mark, maker: Mark) -> Result<()> {
        let person = Person { mark: maker, ..Person::default() };
        let item = Item { mark, maker: Ref::from(person), ..Item::default() };
        let item = self.live[context].em.persist(item)?.without_hints();
        let person = item.maker_ref().get()?;
        self.insert(context, maker, Row::new(Kind::Person), Handle::Person(person));
        let mut row = Row::new(Kind::Item);
        row.set(Field::Maker, Some(maker));
        self.insert(context, mark, row, Handle::Item(item));
        Ok(())
    }

    fn insert(&mut self, context: usize, mark: Mark, current: Row, handle: Handle) {
        self.kinds.insert(mark, current.kind);
        self.live[context].handles.insert(mark, handle);
        let cell = Cell { state: State::New, current, original: None };
        self.change(context, |memory| {
            memory.cells.insert(mark, cell.clone());
        });
    }

    pub(super) fn set_scalar(&mut self, context: usize, mark: Mark, field: Field, value: Option<i64>) {
        let Some(handle) = self.live[context].handles.get(&mark) else { return };
        with_handle!(handle, handle => {
            let is_removed = self.contexts[context].cells[&mark].state == State::Removed;
            assert_eq!(handle.try_edit().is_err(), is_removed, "try_edit of {mark} in context {context}");
            handle.edit().set_scalar(field, value);
        });
        self.change(context, |memory| memory.set(mark, field, value));
    }

    fn remove(&mut self, context: usize, mark: Mark) -> Result<()> {
        // What a rollback makes of a new entity that was flushed and removed is nobody's promise.
        let is_new = |memory: &Context| memory.cells.get(&mark).is_some_and(|cell| cell.state == State::New);
        if self.unflushed.iter().any(is_new) {
            return Ok(());
        }
        let live = &mut self.live[context];
        let Some(handle) = live.handles.get(&mark) else { return Ok(()) };
        with_handle!(handle, handle => live.em.remove(handle)?);
        self.change(context, |memory| memory.remove(mark));
        let live = &mut self.live[context];
        if !self.contexts[context].cells.contains_key(&mark) {
            live.gone.extend(live.handles.remove_entry(&mark));
        }
        Ok(())
    }

    fn persist(&mut self, context: usize, mark: Mark) -> Result<()> {
        let live = &self.live[context];
        if let Some(handle) = live.gone.get(&mark) {
            let result = with_handle!(handle, handle => live.em.persist(handle).map(drop));
            assert!(
                matches!(result, Err(Error::Detached { .. })),
                "persist of {mark}, which is gone: {result:?}"
            );
        }
        let Some(handle) = live.handles.get(&mark) else { return Ok(()) };
        with_handle!(handle, handle => live.em.persist(handle).map(drop))?;
        self.change(context, |memory| memory.restore(mark));
        Ok(())
    }

    fn clear(&mut self, context: usize) -> Result<()> {
        let live = &mut self.live[context];
        live.em.clear()?;
        for handle in std::mem::take(&mut live.handles).into_values() {
            let result = with_handle!(&handle, handle => live.em.persist(handle).map(drop));
            assert!(matches!(result, Err(Error::Detached { .. })), "persist after clear: {result:?}");
        }
        live.gone.clear();
        self.contexts[context] = Context::default();
        assert_eq!(self.live[context].em.managed_count()?, 0);
        Ok(())
    }

    async fn fork(&mut self, context: usize, into: usize, keeps: bool) -> Result<()> {
        let parent = &self.contexts[context];
        let managed = parent.cells.iter().filter(|(_, cell)| cell.state == State::Managed);
        let managed: BTreeMap<Mark, Cell> = managed.map(|(mark, cell)| (*mark, cell.clone())).collect();
        // A reference to what has no key yet means nothing in another context.
        let leads_nowhere = |to: Mark| {
            parent.cells.get(&to).map_or(parent.forgotten.contains(&to), |cell| cell.state == State::New)
        };
        let is_portable = |cell: &Cell| {
            ToOne::of(cell.current.kind)
                .all(|relation| !cell.current.get(relation.field()).is_some_and(leads_nowhere))
        };
        if keeps && !managed.values().all(is_portable) {
            return Ok(());
        }
        let em = self.live[context].em.fork_with(ForkOptions::default().clear(!keeps));
        let mut live = Live::new(em);
        let mut fork = Context::default();
        if keeps {
            fork.is_stale = parent.is_stale;
            fork.cells = managed;
            self.db.recorder.reset();
            for (mark, cell) in &fork.cells {
                let key = self.keys[mark];
                let handle =
                    with_kind!(cell.current.kind, T => live.em.find_by_id::<T>(key).await?.map(T::handle));
                live.handles.insert(*mark, handle.unwrap_or_else(|| panic!("{mark} was not copied")));
            }
            assert_eq!(self.db.statements(), 0, "a fork that keeps entities asks for none");
        }
        self.live[into] = live;
        self.contexts[into] = fork;
        Ok(())
    }

    /// Changes what the context is expected to show, and what it would show after a rollback.
    pub(super) fn change(&mut self, context: usize, change: impl Fn(&mut Context)) {
        change(&mut self.contexts[context]);
        self.unflushed.iter_mut().for_each(change);
    }

    /// The handle of a person, if the context has it.
    pub(super) fn person(&self, context: usize, mark: Mark) -> Option<&orm_core::Loaded<Person>> {
        match self.live[context].handles.get(&mark) {
            Some(Handle::Person(person)) => Some(person),
            Some(Handle::Item(_) | Handle::Tag(_) | Handle::Badge(_)) | None => None,
        }
    }

    /// Whether the context knows who holds the badge of a person.
    pub(super) fn knows_badge(&self, context: usize, person: Mark) -> bool {
        self.person(context, person).is_some_and(|person| person.badge_ref().is_loaded())
    }
}
