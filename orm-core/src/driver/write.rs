//! What the core writes through a driver: rows of one shape, or everything that meets a condition.
//!
//! Columns are indexes into [`EntityMetadata::columns`](crate::metadata::EntityMetadata::columns). Whatever a driver
//! makes of a write, it is all or nothing: after an error none of its rows may stay written.

use std::sync::Arc;

use crate::condition::{Expression, Term};
use crate::metadata::{EntityId, Metadata, RelationId};
use crate::value::{KeyValues, Value};

/// One write. All its rows have one shape.
#[derive(Clone, Debug)]
pub enum Write {
    /// New rows.
    Insert(Insert),
    /// New rows, or what becomes of those that are there already.
    Upsert(Upsert),
    /// Changed rows.
    Update(Update),
    /// Rows that go.
    Delete(Delete),
    /// Changes every row that meets a condition.
    UpdateWhere(UpdateWhere),
    /// Removes every row that meets a condition.
    DeleteWhere(DeleteWhere),
    /// New links of a many-to-many relation; a link that exists already is left as it is.
    Link(PivotWrite),
    /// Links that go; one that is gone already is no error.
    Unlink(PivotWrite),
}

/// New rows of one entity.
#[derive(Clone, Debug)]
pub struct Insert {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// The columns given.
    pub columns: Vec<usize>,
    /// One value a column, row by row.
    pub rows: Vec<Vec<Value>>,
    /// Columns whose values the database makes and which must come back, row by row, in [`WriteOutcome::returned`].
    pub returning: Vec<usize>,
}

/// New rows of one entity, some of which may be there already.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// The columns given.
    pub columns: Vec<usize>,
    /// One value a column, row by row. No two rows have the same values in the columns of the conflict.
    pub rows: Vec<Vec<Value>>,
    /// The columns, those of the key or of a unique index, by which a row is known to be there.
    pub conflict: Vec<usize>,
    /// What becomes of a row that is there.
    pub action: OnConflict,
    /// A condition that a row that is there must meet to be updated.
    pub guard: Expression,
    /// Columns that come back, row by row, in [`WriteOutcome::returned`].
    pub returning: Vec<usize>,
}

/// What an [`Upsert`] does about a row that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Leaves it as it is.
    Ignore,
    /// Gives it the new values of some columns.
    Update {
        /// Which, all of them among [`Upsert::columns`].
        columns: Vec<usize>,
        /// Other columns, and what all rows that are there get in them.
        set: Vec<(usize, Value)>,
        /// Integer columns, none of the others, that become one more than they are.
        raised: Vec<usize>,
    },
}

/// Changed rows of one entity.
#[derive(Clone, Debug)]
pub struct Update {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// The columns that change.
    pub columns: Vec<usize>,
    /// The rows, each of another key.
    pub rows: Vec<UpdateRow>,
    /// Columns, such as that of the optimistic lock, in which each row must still hold [`UpdateRow::expected`].
    pub expected: Vec<usize>,
    /// A condition that each row must meet before it is changed.
    pub guard: Expression,
}

/// One changed row.
#[derive(Clone, Debug)]
pub struct UpdateRow {
    /// Its key.
    pub key: KeyValues,
    /// The new values, one for each of [`Update::columns`].
    pub values: Vec<Value>,
    /// What the row must still hold, one for each of [`Update::expected`]; NULL is held by NULL.
    pub expected: Vec<Value>,
}

/// Rows of one entity that go.
#[derive(Clone, Debug)]
pub struct Delete {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// The rows, each of another key.
    pub rows: Vec<DeleteRow>,
    /// Columns in which each row must still hold [`DeleteRow::expected`].
    pub expected: Vec<usize>,
    /// A condition that each row must meet.
    pub guard: Expression,
}

/// One row that goes.
#[derive(Clone, Debug)]
pub struct DeleteRow {
    /// Its key.
    pub key: KeyValues,
    /// What the row must still hold, one for each of [`Delete::expected`]; NULL is held by NULL.
    pub expected: Vec<Value>,
}

/// The same change of every row that meets a condition.
#[derive(Clone, Debug)]
pub struct UpdateWhere {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// Which rows, as they are before the change.
    pub condition: Expression,
    /// Columns and their new values, computed of the row as it was before.
    pub set: Vec<(usize, Term)>,
    /// Integer columns, none of those in `set`, that become one more than they are.
    pub raised: Vec<usize>,
}

/// The end of every row that meets a condition.
#[derive(Clone, Debug)]
pub struct DeleteWhere {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// Which rows.
    pub condition: Expression,
}

/// Links of one many-to-many relation.
#[derive(Clone, Debug)]
pub struct PivotWrite {
    /// What the relation refers to.
    pub metadata: Arc<Metadata>,
    /// The owning relation.
    pub relation: RelationId,
    /// Key of the owner, key of the target.
    pub links: Vec<(KeyValues, KeyValues)>,
}

/// What a write did.
#[derive(Clone, Debug, Default)]
pub struct WriteOutcome {
    /// Rows that the database says were affected.
    pub affected: u64,
    /// For an [`Insert`] or [`Upsert`] with columns to be returned: their values, one list for each row, in the
    /// order of the rows. The list of a row that an [`Upsert`] neither inserted nor updated is empty.
    pub returned: Vec<Vec<Value>>,
    /// Whether each row was found as it should be, in the order of the rows: for every [`Update`], and for a
    /// [`Delete`] that expects something or has a guard. Else it may be empty.
    pub matched: Vec<bool>,
    /// Statements sent.
    pub statements: u64,
}
