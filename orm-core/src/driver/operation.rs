//! What the core asks of a driver: data, without SQL.
//!
//! Entities, properties, relations and columns are named by their index in [`Metadata`], which every operation
//! carries.

use std::sync::Arc;

use crate::condition::{Expression, OrderTerm};
use crate::metadata::{EntityId, EntityMetadata, Metadata, RelationId, Side};
use crate::value::{KeyValues, Value};

/// Rows of one entity.
#[derive(Clone, Debug)]
pub struct Select {
    /// What the indexes below refer to.
    pub metadata: Arc<Metadata>,
    /// The entity whose rows are asked for.
    pub root: EntityId,
    /// What each row holds.
    pub selection: Selection,
    /// Which rows; conditions of several sources are joined by AND.
    pub condition: Expression,
    /// Their order, first term first. Ties and no term at all: as the database pleases.
    pub order: Vec<OrderTerm>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Without the first so many.
    pub offset: Option<u64>,
}

impl Select {
    /// The metadata of the root.
    #[must_use]
    pub fn entity(&self) -> &EntityMetadata {
        self.metadata.entity(self.root)
    }
}

/// What a row of a [`Select`] holds.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All columns of the root, in the order of [`EntityMetadata::columns`].
    Columns,
    /// First the key columns of the entity at the other side of a pivot, then all columns of the root: one row
    /// for each link of the owners given.
    Linked(Link),
}

/// Links of a many-to-many relation, read from one side.
#[derive(Clone, Debug)]
pub struct Link {
    /// The owning relation.
    pub relation: RelationId,
    /// The side whose keys are given; the root of the select is the other one.
    pub from: Side,
    /// Keys of that side.
    pub keys: Vec<KeyValues>,
}

/// One write of a flush. All rows have one shape.
#[derive(Clone, Debug)]
pub enum Write {
    /// New rows.
    Insert(Insert),
    /// Changed rows.
    Update(Update),
    /// Rows that go.
    Delete(Delete),
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
    /// The columns given, as indexes into [`EntityMetadata::columns`].
    pub columns: Vec<usize>,
    /// One value a column, row by row.
    pub rows: Vec<Vec<Value>>,
    /// Columns whose values the database makes and which must come back, row by row, in [`WriteOutcome::returned`].
    pub returning: Vec<usize>,
}

/// Changed rows of one entity.
#[derive(Clone, Debug)]
pub struct Update {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// The columns that change, as indexes into [`EntityMetadata::columns`].
    pub columns: Vec<usize>,
    /// The rows.
    pub rows: Vec<UpdateRow>,
    /// The column of the optimistic lock: each row is written only where it holds [`UpdateRow::version`].
    pub version: Option<usize>,
}

/// One changed row.
#[derive(Clone, Debug)]
pub struct UpdateRow {
    /// Its key.
    pub key: KeyValues,
    /// The new values, one for each of [`Update::columns`].
    pub values: Vec<Value>,
    /// The version that the row must still have.
    pub version: Option<Value>,
}

/// Rows of one entity that go.
#[derive(Clone, Debug)]
pub struct Delete {
    /// What the indexes refer to.
    pub metadata: Arc<Metadata>,
    /// The entity.
    pub entity: EntityId,
    /// Their keys.
    pub keys: Vec<KeyValues>,
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
    /// For an [`Insert`]: the values of [`Insert::returning`], one list for each row, in the order of
    /// [`Insert::rows`].
    pub returned: Vec<Vec<Value>>,
    /// For an [`Update`]: whether each row was found, in the order of [`Update::rows`].
    pub matched: Vec<bool>,
    /// Statements sent.
    pub statements: u64,
}

/// Steps of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionStep {
    /// Begins one that will write.
    Begin,
    /// Makes it durable.
    Commit,
    /// Takes it back.
    Rollback,
}
