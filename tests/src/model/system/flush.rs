//! Flushes: as they should be, with faults, dropped, and with edits meanwhile.

use std::pin::pin;

use orm_core::driver::DriverErrorKind;
use orm_core::{Error, Outcome, Result};

use super::System;
use crate::model::operation::{Operation as Step, Trouble};
use crate::model::polls::{poll_times, poll_until};
use crate::model::reference::{Context, Field, Flushed, Kind, Mark, Refusal, Row, Store};
use crate::recorder::{Fault, Operation};

impl System {
    /// Flushes, with whatever trouble. Whether it came to its end, good or bad.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses though the model does not.
    ///
    /// # Panics
    ///
    /// Where the two do not agree.
    pub async fn flush(&mut self, context: usize, trouble: Trouble) -> Result<bool> {
        let expected = self.contexts[context].flush(&self.store);
        let em = self.live[context].em.clone();
        let recorder = self.db.recorder.clone();
        let writes = em.flush_plan().map_or(0, |plan| plan.len());
        recorder.reset();
        let of = |share: usize, all: usize| share * all / 1000;
        match trouble {
            Trouble::None | Trouble::Dropped(_) | Trouble::Polled(_) => {}
            Trouble::Begin => recorder.inject(Fault::Begin),
            Trouble::Write(share) => recorder.inject_after(of(share, writes), Fault::Write),
            Trouble::CommitRefused => recorder.inject(Fault::CommitRefused),
            Trouble::CommitLost => recorder.inject(Fault::CommitLost),
            Trouble::CommitUnanswered => recorder.inject(Fault::CommitUnanswered),
        }
        // Each operation gives way before it is sent and after its answer.
        let points = 2 * (writes + 2);
        let result = match trouble {
            Trouble::Dropped(share) => {
                recorder.stall_after(of(share, points));
                let flush = em.flush();
                let mut flush = pin!(flush);
                poll_until(&mut flush, || recorder.is_stalled()).await
            }
            Trouble::Polled(polls) => {
                recorder.give_way();
                let mut flush = pin!(em.flush());
                poll_times(&mut flush, polls).await
            }
            _ => Some(em.flush().await),
        };
        recorder.go_on();
        recorder.disarm();
        let committed = recorder.operations().contains(&Operation::Commit);
        let is_done = result.is_some();
        match result {
            Some(Ok(())) => self.accept(context, expected).await?,
            Some(Err(error)) if is_lost(&error) => self.resolve(context, committed, expected).await?,
            Some(Err(error)) => {
                assert!(
                    is_injected(&error) || self.may_be(context, &expected.refusal, &error),
                    "{error:?}, {:?}",
                    expected.refusal
                );
                assert!(
                    !expected.refusal.invalid || is_injected(&error) || self.db.statements() == 0,
                    "{error:?}"
                );
                self.assert_stored_as_before().await?;
            }
            None => self.resolve(context, committed, expected).await?,
        }
        Ok(is_done)
    }

    /// Steps done while a flush runs are as steps done after it: kept, and written by the next.
    pub(super) async fn flush_while(&mut self, context: usize, share: usize, steps: &[Step]) -> Result<()> {
        let writes = self.live[context].em.flush_plan().map_or(0, |plan| plan.len());
        self.flush_after_polls(context, 1 + share * 2 * (writes + 2) / 1000, steps).await.map(drop)
    }

    /// A flush that is polled so many times before `steps` are done, and then goes on. Whether it was done by then.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses though the model does not.
    ///
    /// # Panics
    ///
    /// Where the two do not agree.
    pub async fn flush_after_polls(&mut self, context: usize, polls: usize, steps: &[Step]) -> Result<bool> {
        let expected = self.contexts[context].flush(&self.store);
        if expected.refusal != Refusal::default() || self.contexts[context].is_stale {
            self.flush(context, Trouble::None).await?;
            steps.iter().try_for_each(|step| self.apply_at_once(step))?;
            return Ok(true);
        }
        let Flushed { store, context: after, .. } = expected;
        let em = self.live[context].em.clone();
        self.db.recorder.reset();
        self.db.recorder.give_way();
        let mut flush = pin!(em.flush());
        let early = poll_times(&mut flush, polls).await;
        let was_done = early.is_some();
        self.accept_memory(context, after);
        steps.iter().try_for_each(|step| self.apply_at_once(step))?;
        match early {
            Some(result) => result?,
            None => flush.await?,
        }
        self.db.recorder.go_on();
        let stored = self.stored().await?;
        assert_eq!(stored, store, "what is stored after the flush of context {context}, edited meanwhile");
        self.accept_stored(context, stored);
        Ok(was_done)
    }

    /// The flush was cut off: nobody knows, or nothing happened.
    async fn resolve(&mut self, context: usize, committed: bool, expected: Flushed) -> Result<()> {
        let em = self.live[context].em.clone();
        let is_unknown = matches!(em.flush_plan(), Err(Error::OutcomeUnknown));
        if committed {
            assert!(is_unknown, "COMMIT was sent");
            em.flush().await.expect_err("nobody knows");
            em.accept_unknown(Outcome::Committed)?;
            return self.accept(context, expected).await;
        }
        self.assert_stored_as_before().await?;
        em.accept_unknown(Outcome::RolledBack)
    }

    pub(super) async fn assert_stored_as_before(&mut self) -> Result<()> {
        let stored = self.stored().await?;
        assert_eq!(stored, self.store, "a flush that failed left something behind");
        Ok(())
    }

    /// The flush says that it is done.
    pub(super) async fn accept(&mut self, context: usize, expected: Flushed) -> Result<()> {
        let Flushed { store, context: after, refusal } = expected;
        let is_stale = self.contexts[context].is_stale;
        let sent = self.db.statements();
        assert!(
            !refusal.is_certain() || is_stale && refusal.is_lenient(),
            "the flush should have failed: {refusal:?}"
        );
        let before = &self.contexts[context];
        assert!(sent == 0 || before.may_write(&self.store) || is_stale, "{sent} statements for nothing");
        let stored = self.stored().await?;
        if is_stale || refusal.depends_on_order {
            self.assert_agrees(context, &stored, &store);
        } else {
            assert_eq!(stored, store, "what is stored after the flush of context {context}");
        }
        self.accept_stored(context, stored);
        self.accept_memory(context, after);
        Ok(())
    }

    pub(super) fn accept_stored(&mut self, context: usize, stored: Store) {
        if stored != self.store {
            for (other, memory) in self.contexts.iter_mut().enumerate() {
                memory.is_stale |= other != context;
            }
            self.history.push(stored.clone());
        }
        self.store = stored;
    }

    pub(super) fn accept_memory(&mut self, context: usize, after: Context) {
        let before = std::mem::replace(&mut self.contexts[context], after);
        let live = &mut self.live[context];
        for mark in before.cells.keys().filter(|mark| !self.contexts[context].cells.contains_key(mark)) {
            live.gone.extend(live.handles.remove_entry(mark));
        }
    }

    /// What a stale context wrote: it may have known newer rows than the model can tell.
    fn assert_agrees(&self, context: usize, stored: &Store, expected: &Store) {
        let memory = &self.contexts[context];
        assert_eq!(
            stored.rows.keys().collect::<Vec<_>>(),
            expected.rows.keys().collect::<Vec<_>>(),
            "the rows after the flush of context {context}"
        );
        for (mark, row) in &stored.rows {
            for field in row.differs(&expected.rows[mark]) {
                let was = self.store.rows.get(mark).and_then(|row| row.get(field));
                let mine = memory.cells.get(mark).and_then(|cell| cell.current.get(field));
                let is = row.get(field);
                assert!(
                    is == was
                        || is == mine
                        || field == Field::Version
                        || field == Field::Owner && is.is_none(),
                    "{field:?} of {mark} is {is:?} after the flush of context {context}: it was {was:?}, and {mine:?} here"
                );
            }
        }
        for link in stored.links.symmetric_difference(&expected.links) {
            assert!(
                memory.added.contains(link) || memory.removed.contains(link),
                "{link:?} was nobody's business in context {context}"
            );
        }
    }

    /// Whether the model expects this error.
    pub(super) fn may_be(&self, context: usize, refusal: &Refusal, error: &Error) -> bool {
        let is_stale = self.contexts[context].is_stale;
        match error {
            Error::Relation { .. } | Error::RequiredRelation { .. } => refusal.invalid,
            Error::StaleEntity { .. } => refusal.stale && !refusal.invalid,
            Error::Constraint { .. } => {
                !refusal.invalid
                    && (refusal.constraint || refusal.depends_on_order || is_stale && refusal.stale)
            }
            _ => false,
        }
    }

    /// What a fresh manager reads.
    pub(super) async fn stored(&mut self) -> Result<Store> {
        use crate::model::entities::{Badge, Item, Person, Tag};

        let em = self.db.em();
        let persons = em.find_all::<Person>().await?;
        let items = em.find_all::<Item>().populate(Item::TAGS).await?;
        let tags = em.find_all::<Tag>().await?;
        let badges = em.find_all::<Badge>().await?;
        let mut rows = Rows { system: self, store: Store::default() };
        persons.iter().for_each(|row| rows.add(Kind::Person, row.get().mark, row.id()));
        for person in &persons {
            let row = person.get();
            let boss = row.boss.as_ref().and_then(|boss| boss.try_key().copied());
            rows.row(row.mark, row.value, row.code, &[(Field::Boss, boss)]);
        }
        for tag in &tags {
            let row = tag.get();
            rows.add(Kind::Tag, row.mark, row.id);
            rows.row(row.mark, row.value, row.code, &[]);
        }
        for item in &items {
            let row = item.get();
            rows.add(Kind::Item, row.mark, row.id);
            let owner = row.owner.as_ref().and_then(|owner| owner.try_key().copied());
            let maker = row.maker.try_key().copied();
            rows.row(row.mark, row.value, row.code, &[(Field::Owner, owner), (Field::Maker, maker)]);
            rows.store.links.extend(item.tags().iter().map(|tag| (row.mark, tag.get().mark)));
        }
        for badge in &badges {
            let row = badge.get();
            rows.add(Kind::Badge, row.mark, row.id);
            let holder = row.holder.as_ref().and_then(|holder| holder.try_key().copied());
            rows.row(row.mark, row.value, row.code, &[(Field::Holder, holder)]);
            rows.set(row.mark, Field::Version, Some(row.version));
        }
        Ok(rows.store)
    }
}

/// Rows on their way from a fresh manager into a [`Store`].
struct Rows<'a> {
    system: &'a mut System,
    store: Store,
}

impl Rows<'_> {
    fn add(&mut self, kind: Kind, mark: Mark, key: i64) {
        self.system.marks.insert((kind, key), mark);
        self.system.keys.insert(mark, key);
        let twice = self.store.rows.insert(mark, Row::new(kind));
        assert!(twice.is_none(), "{mark} is stored twice");
    }

    fn row(&mut self, mark: Mark, value: i64, code: Option<i64>, references: &[(Field, Option<i64>)]) {
        self.set(mark, Field::Value, Some(value));
        self.set(mark, Field::Code, code);
        for (field, key) in references {
            let target = key.map(|key| self.system.marks[&(Kind::Person, key)]);
            self.set(mark, *field, target);
        }
    }

    fn set(&mut self, mark: Mark, field: Field, value: Option<i64>) {
        if let Some(row) = self.store.rows.get_mut(&mark) {
            row.set(field, value);
        }
    }
}

impl Refusal {
    /// Whether a context that knows more than the model can tell may be right to go on.
    fn is_lenient(&self) -> bool {
        !self.invalid
    }
}

fn is_lost(error: &Error) -> bool {
    error.driver_kind() == Some(DriverErrorKind::ConnectionLost)
}

fn is_injected(error: &Error) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.to_string().contains("injected"))
}
