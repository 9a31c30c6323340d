//! What a database's answer to a statement says about the rows of the write.
//!
//! No database promises an order of the rows that RETURNING gives. Rows are known by their keys: those that the
//! statement was given, or, where it counts them itself, by the numbers between the least and the greatest.
//!
//! Where an update gives nothing back and not all rows were found, it is asked which rows hold what was to be written:
//! the others were not found. If all do, another program has written the same to some, and none counts as found.

use std::collections::HashMap;

use orm_core::driver::{DriverError, DriverErrorKind, Write, WriteOutcome};
use orm_core::value::{ColumnType, KeyValues, Value};

use super::Statement;

/// One statement of a write, and how its answer is read.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteStatement {
    /// What is sent.
    pub statement: Statement,
    /// The types of the columns of the rows that come back.
    pub returned: Vec<ColumnType>,
    /// What the answer is about.
    pub rows: WrittenRows,
    /// What is asked next, in the same transaction, where [`WrittenRows::leaves_open`] says so of the answer. Only
    /// where a database does not give back what it has written.
    pub question: Option<Box<WriteStatement>>,
}

/// What a database says to a statement of a write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// How many rows were affected: for an update those that were found, whether or not it changed them.
    pub affected: u64,
    /// The rows that came back.
    pub returned: Vec<Vec<Value>>,
    /// The keys that the database generated, where [`WrittenRows::wants_generated_keys`].
    pub generated: Option<GeneratedKeys>,
}

/// The keys that a database without RETURNING has generated for the rows of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratedKeys {
    /// That of the first row: `LAST_INSERT_ID()`, as the answer to the statement has it.
    pub first: u64,
    /// How much larger that of the next row is: `@@auto_increment_increment` of the session.
    pub step: u64,
}

/// The rows of a write that one of its statements is for.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenRows {
    /// Their places in the write.
    places: Vec<usize>,
    answer: Answer,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// How many rows were affected.
    Count,
    /// Whether the one row was.
    Found,
    /// The values of the one row, if it was written.
    One,
    /// The rows that were found, by these keys.
    FoundByKey(Vec<KeyValues>),
    /// The key of each row that was written, one of these, and then the values that it gives back.
    ByKey(Vec<KeyValues>),
    /// The ordinal of each row among these, and then the values that it gives back.
    ByOrdinal,
    /// The values of each row, among them, at this place, a key that counts up from row to row.
    Counted(usize),
    /// The values of each row, among them, at this place, a key that is larger for later rows.
    Ascending(usize),
    /// For each row a key that is larger for later rows, and then its values.
    AscendingAside,
    /// The key of the first row, and how much larger that of each next one is.
    Generated,
    /// Whether all rows were found; which ones, if not, a question tells.
    AllFound,
    /// The rows that hold what was to be written, by these keys.
    Holding(Vec<KeyValues>),
    /// Nothing of the write itself: it makes way for the next one.
    Nothing,
}

impl WriteStatement {
    pub(super) fn new(statement: Statement, returned: Vec<ColumnType>, rows: WrittenRows) -> Self {
        Self { statement, returned, rows, question: None }
    }

    /// One whose affected rows are only counted.
    pub(super) fn counted(statement: Statement) -> Self {
        Self::new(statement, Vec::new(), WrittenRows::new(Vec::new(), Answer::Count))
    }
}

impl WrittenRows {
    pub(super) fn new(places: Vec<usize>, answer: Answer) -> Self {
        Self { places, answer }
    }

    /// The same, of other rows.
    pub(super) fn moved(self, places: Vec<usize>) -> Self {
        Self { places, ..self }
    }

    /// Whether the answer must say which keys the database has generated.
    #[must_use]
    pub fn wants_generated_keys(&self) -> bool {
        self.answer == Answer::Generated
    }

    /// Whether it can't be told which rows were found when so many were affected.
    #[must_use]
    pub fn leaves_open(&self, affected: u64) -> bool {
        self.answer == Answer::AllFound && usize::try_from(affected) != Ok(self.places.len())
    }

    /// Enters into `outcome`, which starts as [`outcome_of`] has it, what the database has answered.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Other`] when it can't be told which rows came back, such as after a trigger of the
    /// database has changed them. What was written then must be taken back.
    pub fn enter(&self, answered: Answered, outcome: &mut WriteOutcome) -> Result<(), DriverError> {
        let Answered { affected, returned, generated } = answered;
        match self.answer {
            // What was read is not affected.
            Answer::Holding(_) | Answer::Nothing => {}
            _ => outcome.affected += affected,
        }
        outcome.statements += 1;
        match &self.answer {
            Answer::Count => {}
            Answer::Found => enter(&mut outcome.matched, self.places.first(), affected > 0),
            Answer::One => {
                if let Some(values) = returned.into_iter().next() {
                    enter(&mut outcome.returned, self.places.first(), values);
                }
            }
            // Each was found, in whichever order.
            Answer::FoundByKey(_) if returned.len() == self.places.len() => self.all_found(outcome),
            Answer::FoundByKey(keys) => {
                for (at, _) in self.known(keys, returned)? {
                    enter(&mut outcome.matched, Some(&at), true);
                }
            }
            Answer::ByKey(keys) => {
                for (at, values) in self.known(keys, returned)? {
                    enter(&mut outcome.returned, Some(&at), values);
                }
            }
            Answer::ByOrdinal => self.by_ordinal(returned, outcome)?,
            Answer::Counted(place) => self.count_up(*place, returned, outcome)?,
            Answer::Ascending(place) => self.ascending(*place, returned, outcome)?,
            Answer::AscendingAside => {
                let mut returned = returned;
                returned.sort_unstable_by_key(|row| number(row, 0));
                let values = returned.into_iter().map(|mut row| row.split_off(1.min(row.len()))).collect();
                self.in_order(values, outcome)?;
            }
            Answer::AllFound if self.leaves_open(affected) => {}
            Answer::AllFound => self.all_found(outcome),
            // Something else has written what was to be written, and it can't be told which row it was.
            Answer::Holding(_) if returned.len() == self.places.len() => {}
            Answer::Holding(keys) => {
                for (at, _) in self.known(keys, returned)? {
                    enter(&mut outcome.matched, Some(&at), true);
                }
            }
            Answer::Nothing => {}
            Answer::Generated => self.generated(affected, generated, outcome)?,
        }
        Ok(())
    }

    /// Which rows came back, each with what follows its key.
    fn known(
        &self,
        keys: &[KeyValues],
        returned: Vec<Vec<Value>>,
    ) -> Result<Vec<(usize, Vec<Value>)>, DriverError> {
        let mut places: HashMap<KeyValues, usize> = keys
            .iter()
            .map(|key| key.iter().map(as_stored).collect())
            .zip(self.places.iter().copied())
            .collect();
        let width = keys.first().map_or(0, |key| key.len());
        let known = returned.into_iter().map(|mut row| {
            let values = row.split_off(width.min(row.len()));
            let key: KeyValues = row.iter().map(as_stored).collect();
            let place = places.remove(&key);
            place.map(|place| (place, values)).ok_or_else(unknown)
        });
        known.collect()
    }

    fn all_found(&self, outcome: &mut WriteOutcome) {
        self.places.iter().for_each(|at| enter(&mut outcome.matched, Some(at), true));
    }

    fn by_ordinal(&self, returned: Vec<Vec<Value>>, outcome: &mut WriteOutcome) -> Result<(), DriverError> {
        if returned.len() != self.places.len() {
            return Err(unknown());
        }
        for mut row in returned {
            let values = row.split_off(1.min(row.len()));
            let place = match row.first() {
                Some(Value::Int(ordinal)) => {
                    usize::try_from(*ordinal).ok().and_then(|at| self.places.get(at))
                }
                Some(_) | None => None,
            };
            enter(&mut outcome.returned, Some(place.ok_or_else(unknown)?), values);
        }
        Ok(())
    }

    fn generated(
        &self,
        affected: u64,
        generated: Option<GeneratedKeys>,
        outcome: &mut WriteOutcome,
    ) -> Result<(), DriverError> {
        let generated = generated.filter(|keys| keys.first > 0).ok_or_else(unknown)?;
        if usize::try_from(affected) != Ok(self.places.len()) {
            return Err(unknown());
        }
        for (at, ordinal) in self.places.iter().zip(0_u64..) {
            let key = generated.step.checked_mul(ordinal).and_then(|more| generated.first.checked_add(more));
            let key = key.and_then(|key| i64::try_from(key).ok()).ok_or_else(unknown)?;
            enter(&mut outcome.returned, Some(at), vec![Value::Int(key)]);
        }
        Ok(())
    }

    fn count_up(
        &self,
        place: usize,
        mut returned: Vec<Vec<Value>>,
        outcome: &mut WriteOutcome,
    ) -> Result<(), DriverError> {
        returned.sort_unstable_by_key(|row| number(row, place));
        let is_next = |pair: &[Vec<Value>]| match (number(&pair[0], place), number(&pair[1], place)) {
            (Some(one), Some(next)) => one.checked_add(1) == Some(next),
            (Some(_) | None, _) => false,
        };
        if !returned.windows(2).all(is_next) {
            return Err(unknown());
        }
        self.in_order(returned, outcome)
    }

    fn ascending(
        &self,
        place: usize,
        mut returned: Vec<Vec<Value>>,
        outcome: &mut WriteOutcome,
    ) -> Result<(), DriverError> {
        returned.sort_unstable_by_key(|row| number(row, place));
        if returned.iter().any(|row| number(row, place).is_none()) {
            return Err(unknown());
        }
        self.in_order(returned, outcome)
    }

    fn in_order(&self, returned: Vec<Vec<Value>>, outcome: &mut WriteOutcome) -> Result<(), DriverError> {
        if returned.len() != self.places.len() {
            return Err(unknown());
        }
        for (at, values) in self.places.iter().zip(returned) {
            enter(&mut outcome.returned, Some(at), values);
        }
        Ok(())
    }
}

fn number(row: &[Value], place: usize) -> Option<i64> {
    match row.get(place) {
        Some(Value::Int(number)) => Some(*number),
        Some(_) | None => None,
    }
}

/// What no statement has said anything about yet.
#[must_use]
pub fn outcome_of(write: &Write) -> WriteOutcome {
    let mut outcome = WriteOutcome::default();
    match write {
        Write::Insert(insert) if !insert.returning.is_empty() => {
            outcome.returned = vec![Vec::new(); insert.rows.len()];
        }
        Write::Upsert(upsert) if !upsert.returning.is_empty() => {
            outcome.returned = vec![Vec::new(); upsert.rows.len()];
        }
        Write::Update(update) => outcome.matched = vec![false; update.rows.len()],
        Write::Delete(delete) if super::delete::is_conditional(delete) => {
            outcome.matched = vec![false; delete.rows.len()];
        }
        Write::Insert(_)
        | Write::Upsert(_)
        | Write::Delete(_)
        | Write::UpdateWhere(_)
        | Write::DeleteWhere(_)
        | Write::Link(_)
        | Write::Unlink(_) => {}
    }
    outcome
}

fn enter<T>(list: &mut [T], at: Option<&usize>, value: T) {
    if let Some(entry) = at.and_then(|at| list.get_mut(*at)) {
        *entry = value;
    }
}

/// A value as it comes back: zero has no sign in every database.
fn as_stored(value: &Value) -> Value {
    match value {
        Value::Float(number) if *number == 0.0 => Value::Float(0.0),
        other => other.clone(),
    }
}

fn unknown() -> DriverError {
    let message = "the rows that the database gave back are not those that were written; a trigger or a collation of \
                   the table may have changed them";
    DriverError::new(DriverErrorKind::Other, message)
}
