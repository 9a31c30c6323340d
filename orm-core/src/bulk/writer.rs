//! Sends the writes of one call: by itself if it is one, else as one unit: in a transaction, or under a savepoint of the
//! open one.
//!
//! Dropped or failed before its end, nothing was written. Where the connection is lost on the way to a commit, that of a
//! single statement included, nobody knows; memory holds nothing of it, so the error says so and nothing else waits.

use std::any::Any;

use crate::cache::Touched;
use crate::condition::Expression;
use crate::driver::{
    Connection, DriverError, DriverErrorKind, Raw, RawRows, RowSink, Select, Write, WriteOutcome,
};
use crate::entity::Region;
use crate::entity_manager::EntityManager;
use crate::error::{EntityKey, Error, Result};
use crate::metadata::EntityId;
use crate::populate::select;
use crate::session::{Holder, Lease, Level, Turn, Unit};
use crate::unit_of_work::HookScope;
use crate::value::KeyValues;

/// How the writes of one call hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One write, which is all or nothing by itself.
    Single,
    /// Several, all or none of them.
    Several,
}

/// The connection of one call.
pub(crate) struct Writer {
    em: EntityManager,
    way: Way,
    action: &'static str,
}

enum Way {
    /// One statement outside any transaction.
    Statement(Lease),
    /// Statements that hold or fall together.
    Unit(Unit, #[expect(dead_code, reason = "held until the unit ends")] Turn),
}

impl Writer {
    /// Gets a connection, and begins.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`], [`Error::FlushInHook`], [`Error::Transaction`] in one that only reads, [`Error::OutcomeUnknown`] of an earlier flush, and
    /// [`Error::Driver`].
    pub(crate) async fn open(
        em: &EntityManager,
        holder: Holder,
        action: &'static str,
        extent: Extent,
    ) -> Result<Self> {
        let em = em.clone();
        let region = em.region();
        if region.pending().unknown.is_some() {
            return Err(Error::OutcomeUnknown);
        }
        let is_single = |level: &Level| extent == Extent::Single && level.transaction().is_none();
        if HookScope::is_inside(em.context_id()) {
            // The turn is that of the flush, which waits for the hook.
            if !is_single(&em.level()) {
                return Err(Error::FlushInHook);
            }
            let way = Way::Statement(region.connection(action).await?);
            return Ok(Self { em, way, action });
        }
        // A transaction of another task that is open now is not this write's: it comes after its end.
        let turn = em.turn(holder).await?;
        let way = if is_single(turn.level()) {
            Way::Statement(region.session().connection_at(turn.level(), action, region.activity()).await?)
        } else {
            Way::Unit(Unit::begin(&region, turn.level(), action).await?, turn)
        };
        if region.pending().unknown.is_some() {
            return Err(Error::OutcomeUnknown);
        }
        Ok(Self { em, way, action })
    }

    /// Sends one write.
    ///
    /// # Errors
    ///
    /// [`Error::Constraint`], [`Error::Driver`], and [`Error::WriteOutcomeUnknown`] for one statement by itself.
    pub(crate) async fn write(&mut self, write: &Write) -> Result<WriteOutcome> {
        let outcome = self.connection().write(write).await;
        self.em.region().tallies().clear();
        outcome.map_err(|error| self.written(error))
    }

    /// Sends one statement that may write, as the program wrote it, and gives how many rows it changed. `touched` is what
    /// the program says of it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and what `rows` refuses.
    pub(crate) async fn raw(
        &mut self,
        raw: &Raw,
        rows: &mut dyn RawRows,
        touched: Vec<Touched>,
    ) -> Result<u64> {
        self.connection().note(touched);
        let outcome = self.connection().raw(raw, rows).await;
        self.em.region().tallies().clear();
        outcome.map_err(|error| self.written(error))
    }

    /// Lends the driver's own connection.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and what `work` fails with.
    pub(crate) async fn native<C: Any + Send, V>(
        &mut self,
        work: impl AsyncFnOnce(&mut C) -> Result<V, DriverError>,
    ) -> Result<V> {
        let outcome = self.connection().native(work).await;
        self.em.region().tallies().clear();
        outcome.map_err(|error| self.written(error))
    }

    fn written(&self, error: DriverError) -> Error {
        match &self.way {
            Way::Statement(_) => self.cut_off(error),
            Way::Unit(..) => self.em.orm().error(self.action, error),
        }
    }

    /// Reads what the writes so far left.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), whose answer is not whole without it, and what `rows` refuses.
    pub(super) async fn select(&mut self, select: &Select, rows: &mut dyn RowSink) -> Result<()> {
        let outcome = self.connection().select(select, rows).await;
        outcome.map_err(|error| self.written(error))
    }

    /// Counts what the writes so far left.
    async fn count(&mut self, select: &Select) -> Result<u64> {
        let outcome = self.connection().count(select).await;
        outcome.map_err(|error| self.em.orm().error(self.action, error))
    }

    /// Ends it: all of it, or after an error nothing.
    ///
    /// # Errors
    ///
    /// The error given, or that of the commit: [`Error::WriteOutcomeUnknown`] where its answer was lost.
    pub(crate) async fn end<V>(mut self, result: Result<V>) -> Result<V> {
        let Way::Unit(unit, _) = &mut self.way else {
            self.em.orm().caching.tell_or_warn().await;
            return result;
        };
        let error = match result {
            Ok(value) => match unit.commit().await {
                Ok(()) => {
                    self.em.orm().caching.tell_or_warn().await;
                    return Ok(value);
                }
                Err(error) if error.kind() == DriverErrorKind::ConnectionLost => {
                    return Err(match unit.is_own() {
                        true => self.cut_off(error),
                        false => unit.error("commit", error),
                    });
                }
                Err(error) => unit.error("commit", error),
            },
            Err(error) => error,
        };
        unit.roll_back().await;
        Err(error)
    }

    /// What became of a commit.
    fn cut_off(&self, error: DriverError) -> Error {
        match error.kind() {
            DriverErrorKind::ConnectionLost => {
                Error::WriteOutcomeUnknown { action: self.action, source: error }
            }
            _ => self.em.orm().error(self.action, error),
        }
    }

    fn connection(&mut self) -> &mut Lease {
        match &mut self.way {
            Way::Statement(lease) => lease,
            Way::Unit(unit, _) => unit.lease(),
        }
    }
}

/// What rows must meet once they are written: the filters that guard writes.
pub(super) struct WriteGuard<'a> {
    region: &'a Region,
    entity: EntityId,
    condition: Expression,
}

impl<'a> WriteGuard<'a> {
    /// # Errors
    ///
    /// Whatever a filter fails with.
    pub(super) fn of(region: &'a Region, entity: EntityId) -> Result<Self> {
        Ok(Self { region, entity, condition: region.guard_of(entity)? })
    }

    pub(super) fn entity(&self) -> EntityId {
        self.entity
    }

    pub(super) fn is_always(&self) -> bool {
        self.condition.is_always()
    }

    /// Counts the rows with these keys that meet it.
    ///
    /// # Errors
    ///
    /// [`Error::RefusedByFilter`], naming the first that does not.
    pub(super) async fn verify(&self, writer: &mut Writer, keys: Vec<KeyValues>) -> Result<()> {
        for keys in keys.chunks(COUNTED) {
            if self.all_pass(writer, keys).await? {
                continue;
            }
            // One by one: which it is, is worth the statements.
            for key in keys {
                if !self.all_pass(writer, std::slice::from_ref(key)).await? {
                    let key = EntityKey::new(self.region.entity(self.entity).name, key.clone());
                    return Err(self.region.refused_row(self.entity, key));
                }
            }
        }
        Ok(())
    }

    async fn all_pass(&self, writer: &mut Writer, keys: &[KeyValues]) -> Result<bool> {
        let written = Expression::KeyIn { property: None, keys: keys.to_vec() };
        let select = select(self.region, self.entity, written.and(self.condition.clone()), Vec::new());
        Ok(writer.count(&select).await? == u64::try_from(keys.len()).unwrap_or(u64::MAX))
    }
}

/// How many rows are counted by one select.
const COUNTED: usize = 1_000;
