//! Finds which rows of the pending work the database refuses, and leaves everything as it was.
//!
//! Runs the stages of a flush up to its writes, each step as a batch under a savepoint. A batch that fails is rolled back
//! to it, halved and tried again until the rows at fault stand alone; what is left of the plan goes on without them, and
//! in the end all of it is rolled back. Nothing is settled: failed, dropped or done, to memory this is a flush that failed.

mod batch;
mod diagnosis;
mod foreign_key;
mod left_out;
mod report;

pub use diagnosis::{Diagnosis, RefusedRow};

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use self::batch::Batch;
use self::left_out::LeftOut;
use self::report::Report;
use super::change_set::ChangeSets;
use super::events::{FlushEvents, TransactionMoment, fire, fire_within};
use super::flush::{Run, roll_back};
use super::flush_plan::{FlushPlan, Step};
use super::guard::Unsure;
use super::hook_scope::HookScope;
use crate::activity::called_at;
use crate::driver::{DriverErrorKind, Write, WriteOutcome};
use crate::entity::Region;
use crate::entity_manager::EntityManager;
use crate::error::{Error, Result};
use crate::session::{Holder, Level, Unit};

impl Error {
    /// Which rows a flush failed for: all of them, each with its own error and the way back to its instance.
    ///
    /// A flush writes many rows with one statement, and a database that refuses it seldom says for which of them. This
    /// tries what is pending in `em` again, in a transaction of its own or under a savepoint of the open one: batches that
    /// fail are cut until the rows at fault stand alone. In the end everything is rolled back: the database, the entities
    /// and what is pending are as before, and each row can be corrected, or taken out with
    /// [`detach`](EntityManager::detach).
    ///
    /// - Rows are tried in the order of a flush, and one that is refused is left out. Of two new rows that want the same
    ///   unique value the second is named. Rows that need one that was left out, since they refer to it, are left out too
    ///   and not named, for nothing can be said of them; so the flush after a correction may be refused for another
    ///   reason.
    /// - To hooks and subscribers it is a flush that fails: those before the writes run, and what they do is taken back;
    ///   those after the writes and the commit do not run. Values that they or the ORM make are made anew.
    /// - What others did meanwhile counts: if nothing is refused any more, the diagnosis is empty and says so.
    /// - An error that is not about rows, such as a lost connection, an unknown outcome or a failure that the driver has
    ///   no kind for, gives an empty diagnosis without a statement.
    ///
    /// ```
    /// # use orm_core::prelude::*;
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Reading { #[entity(id, auto)] id: i64 }
    /// # async fn save(em: &EntityManager) -> orm_core::Result<()> {
    /// if let Err(error) = em.flush().await {
    ///     let diagnosis = error.diagnose(em).await?;
    ///     println!("{diagnosis}");
    ///     for reading in diagnosis.rows().iter().filter_map(|row| row.handle::<Reading>()) {
    ///         em.detach(&reading)?;
    ///     }
    ///     em.flush().await?; // Everything else.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What keeps the rows from being tried: [`Error::Driver`] for a lost connection and the like, [`Error::Hook`],
    /// [`Error::Wait`], [`Error::GlobalContext`], and [`Error::Transaction`] for a database without savepoints or in a
    /// transaction that can't go on.
    #[track_caller]
    pub fn diagnose<'a>(
        &self,
        em: &'a EntityManager,
    ) -> impl Future<Output = Result<Diagnosis>> + Send + use<'a> {
        let holder = Holder::new("diagnosis", Location::caller());
        let is_of_row = is_of_row(self);
        called_at(Location::caller(), async move {
            if !is_of_row {
                return Ok(Diagnosis::of_no_row());
            }
            let em = em.resolve_in_call("diagnose")?;
            if HookScope::is_inside(em.context_id()) {
                return Err(Error::FlushInHook);
            }
            if !em.orm().driver.capabilities().savepoints {
                return Err(Error::Transaction {
                    action: "diagnose",
                    problem: "this database has no savepoints, so that rows can't be tried one by one; flush fewer rows at a \
                              time to find the ones at fault",
                });
            }
            let turn = em.turn(holder).await?;
            diagnose(&em, &em.region(), turn.level()).await
        })
    }
}

/// Whether an error of a flush may come from single rows, and not from the way to the database or its state.
fn is_of_row(error: &Error) -> bool {
    match error {
        Error::Constraint { .. }
        | Error::StaleEntity { .. }
        | Error::RefusedByFilter { .. }
        | Error::RequiredRelation { .. }
        | Error::Relation { .. }
        | Error::ForeignEntity { .. }
        | Error::KeyChanged { .. }
        | Error::MissingKey { .. }
        | Error::Value { .. } => true,
        // A value that the database can't hold. What the driver can't tell (a full disk?) must not be laid on rows.
        Error::Driver { source, .. } => source.kind() == DriverErrorKind::Unsupported,
        _ => false,
    }
}

/// Tries what is pending in `region`, the memory of `em`, at `level`, whose turn the caller has.
async fn diagnose(em: &EntityManager, region: &Arc<Region>, level: &Level) -> Result<Diagnosis> {
    // Whoever only looks must not take away what the next flush has to say.
    if let Some(error) = region.pending().errors.first() {
        return Err(Error::other(Arc::clone(error)));
    }
    // Dropped unkept, it takes back what hooks did to the context.
    let mut events = FlushEvents::new(em, region);
    let (change_sets, bases) = events.change_sets().await?;
    region.refuse_kept_error()?;
    let mut report = Report::new(region, &change_sets.all);
    let mut left_out = LeftOut::new(region);
    let change_sets = without_invalid(change_sets, &mut report, &mut left_out);
    let mut plan = FlushPlan::of_checked(region, change_sets, &mut |cell, error| {
        if !left_out.contains(cell) {
            report.cell(cell, error);
            left_out.add(cell);
        }
        Ok(())
    })?;
    if plan.is_empty() {
        return Ok(report.finish());
    }
    region.links().begin_flush(&plan.pivots);
    let run = Run::new(region, bases);
    if !level.is_transaction() {
        fire(em, TransactionMoment::BeforeStart).await?;
    }
    let mut unit = Unit::begin(region, level, "diagnose").await?;
    let steps = std::mem::take(&mut plan.steps);
    let mut trial = Trial { region, run, report, left_out, savepoint: None };
    let outcome = trial.all(em, &mut unit, steps, plan.unsure).await;
    roll_back(em, &mut unit).await;
    outcome.map(|()| trial.report.finish())
}

/// Takes out what can't be written at all, and what refers to it.
fn without_invalid(
    mut change_sets: ChangeSets,
    report: &mut Report<'_>,
    left_out: &mut LeftOut<'_>,
) -> ChangeSets {
    let ChangeSets { all, cascade, .. } = &mut change_sets;
    all.retain(|change_set| {
        let checked = left_out.check(change_set, cascade);
        checked.map_err(|error| report.cell(change_set.cell, error)).is_ok()
    });
    while left_out.has_news() {
        all.retain(|change_set| !left_out.concerns_change(change_set));
    }
    change_sets
}

/// A plan that is run to see which of its rows are refused.
struct Trial<'a> {
    region: &'a Arc<Region>,
    run: Run<'a>,
    report: Report<'a>,
    left_out: LeftOut<'a>,
    /// The savepoint that nothing was written after.
    savepoint: Option<u32>,
}

impl Trial<'_> {
    async fn all(
        &mut self,
        em: &EntityManager,
        unit: &mut Unit,
        steps: Vec<Step>,
        unsure: Unsure,
    ) -> Result<()> {
        if unit.is_outermost() {
            fire_within(em, TransactionMoment::AfterStart).await?;
        }
        for step in steps {
            self.step(unit, step).await?;
        }
        let written = unsure.into_iter().filter(|cell| !self.left_out.contains(*cell)).collect();
        for cell in self.run.refused_by_guards(unit.connection(), written).await? {
            self.report.cell(cell, self.region.refused(cell));
        }
        Ok(())
    }

    /// Runs one step without the rows that are refused.
    async fn step(&mut self, unit: &mut Unit, mut step: Step) -> Result<()> {
        step.retain(|row| !self.left_out.concerns(&row));
        let mut waiting = vec![Batch::of(self.region, step)];
        while let Some(batch) = waiting.pop() {
            if batch.is_empty() {
                continue;
            }
            let Some((batch, error)) = self.attempt(unit, batch).await? else { continue };
            match batch.halves() {
                Ok((first, second)) => waiting.extend([second, first]),
                Err(step) => self.name(unit, &step, error).await?,
            }
        }
        Ok(())
    }

    /// Writes a batch; gives it back, with the reason, when not all of its rows were written.
    async fn attempt(&mut self, unit: &mut Unit, batch: Batch) -> Result<Option<(Batch, Error)>> {
        let savepoint = match self.savepoint.take() {
            Some(savepoint) => savepoint,
            None => unit.set_savepoint().await?,
        };
        let write = self.run.write(batch.step())?;
        let outcome = unit.connection().write(&write).await;
        let error = match outcome.map_err(|error| unit.error("flush", error)) {
            Ok(outcome) => match self.missing(&batch, &write, &outcome)? {
                Some(error) => error,
                None => {
                    self.run.accept(batch.into_step(), &write, outcome)?;
                    unit.release_savepoint(savepoint).await?;
                    return Ok(None);
                }
            },
            Err(error) if is_of_row(&error) => error,
            Err(error) => return Err(error),
        };
        unit.roll_back_to_savepoint(savepoint).await?;
        self.savepoint = Some(savepoint);
        Ok(Some((batch, error)))
    }

    /// What is wrong where rows were not there as they should be.
    fn missing(&self, batch: &Batch, write: &Write, outcome: &WriteOutcome) -> Result<Option<Error>> {
        let wants_rows = match write {
            Write::Update(_) => true,
            // A row that is gone already is what a plain delete wants.
            Write::Delete(delete) => !delete.expected.is_empty() || !delete.guard.is_always(),
            _ => false,
        };
        if !wants_rows || !outcome.matched.contains(&false) {
            return Ok(None);
        }
        let rows = batch.step().rows();
        let unmatched = rows.iter().zip(&outcome.matched).filter(|(_, is_matched)| !**is_matched);
        let keys = unmatched.filter_map(|(row, _)| {
            let (cell, is_compared) = row.expectation()?;
            Some(self.run.unmatched(cell, is_compared))
        });
        match keys.collect::<Result<Vec<_>>>() {
            Ok(keys) => Ok(Some(Error::StaleEntity { keys })),
            Err(error) if is_of_row(&error) => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    /// Reports the rows of a step that was refused and can't be cut any further.
    async fn name(&mut self, unit: &mut Unit, step: &Step, error: Error) -> Result<()> {
        let error = Arc::new(self.with_fields(unit.connection(), step, error).await?);
        for row in step.rows() {
            self.report.row(&row, &error);
            self.left_out.add_row(&row);
        }
        Ok(())
    }
}
