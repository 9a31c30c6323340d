//! What the core reads through a driver: data, without SQL.
//!
//! Entities, properties, relations and columns are named by their index in [`Metadata`], which every operation
//! carries.

use std::fmt;
use std::sync::Arc;

use crate::condition::{Expression, OrderTerm, Term};
use crate::metadata::{EntityId, EntityMetadata, Metadata, RelationId, Side};
use crate::value::{ColumnType, KeyValues, Value};

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
    /// What rows make a group, one row of the result; with an aggregate selected and none given, all of them.
    pub group_by: Vec<Term>,
    /// Which groups; the one condition that may have aggregates in it.
    pub having: Expression,
    /// Equal rows once.
    pub distinct: bool,
    /// Their order, first term first. Ties and no term at all: as the database pleases.
    pub order: Vec<OrderTerm>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Without the first so many.
    pub offset: Option<u64>,
    /// At most so many for each of several entities; limit and offset are not given with it.
    pub limit_each: Option<LimitEach>,
    /// How the rows of the root are locked until the transaction ends; only inside one.
    pub lock: Option<RowLock>,
}

impl Select {
    /// All rows of an entity, as the database pleases.
    #[must_use]
    pub fn new(metadata: Arc<Metadata>, root: EntityId) -> Self {
        Self {
            metadata,
            root,
            selection: Selection::Columns,
            condition: Expression::always(),
            group_by: Vec::new(),
            having: Expression::always(),
            distinct: false,
            order: Vec::new(),
            limit: None,
            offset: None,
            limit_each: None,
            lock: None,
        }
    }

    /// The metadata of the root.
    #[must_use]
    pub fn entity(&self) -> &EntityMetadata {
        self.metadata.entity(self.root)
    }
}

/// What is read of a [`Select`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// The rows.
    Rows,
    /// How many there are, whatever their order, limit and offset.
    Count,
}

/// A statement as it is sent. Its `Debug` hides the values.
#[derive(Clone, PartialEq, Eq)]
pub struct StatementText {
    /// The text, in the database's language.
    pub text: Arc<str>,
    /// What is bound to its placeholders, in text order.
    pub values: Vec<Value>,
}

impl fmt::Debug for StatementText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<&str> = self.values.iter().map(Value::kind).collect();
        f.debug_struct("StatementText").field("text", &self.text).field("values", &values).finish()
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
    /// All columns of the root, then for each of the joins in their order all columns of its target, NULL where there is
    /// none.
    Joined(Vec<Join>),
    /// Computed values, in this order; aggregates among them are of the group.
    Terms(Vec<Term>),
    /// For each of the owners given that has any of the rows: the columns of its key, then how many it has.
    Tally(Items),
    /// For each row of each owner given: the columns of the owner's key, then those of the row's.
    Pairs(Items),
    /// For each row of each owner given: the columns of the owner's key, then computed values, none an aggregate.
    ItemTerms(Items, Vec<Term>),
    /// First computed values, none an aggregate, which are of these types; then all columns of the root.
    Beside(Vec<(Term, ColumnType)>),
}

/// A to-one relation whose target is read with the entity that has it.
#[derive(Clone, Debug)]
pub struct Join {
    /// The join that leads to the entity with the relation, by its place in the list, earlier than this one; `None`:
    /// the root has it.
    pub parent: Option<usize>,
    /// The relation of that entity; it has the foreign key.
    pub relation: usize,
    /// Which targets are read; another is as if it were not there.
    pub condition: Expression,
}

/// What a to-many relation, or a one-to-one relation that the target owns, leads to from some entities.
#[derive(Clone, Debug)]
pub struct Items {
    /// The relation; the root of the select is its target.
    pub relation: RelationId,
    /// Keys of the entities that have the relation.
    pub keys: Vec<KeyValues>,
}

/// How many rows there are at most for each entity that they belong to: the first of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitEach {
    /// The foreign key that says where a row belongs; `None` for a [`Selection::Linked`], where the link does.
    pub property: Option<usize>,
    /// So many.
    pub limit: u64,
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

/// How the rows of a [`Select`] are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowLock {
    /// What others can't do meanwhile.
    pub strength: LockStrength,
    /// What happens where another transaction has a row locked.
    pub wait: LockWait,
}

/// What a lock keeps others from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockStrength {
    /// Others can read and share the rows, but not write them.
    Share,
    /// Others can neither write nor lock the rows.
    Update,
}

/// What a locking select does about rows that another transaction has locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LockWait {
    /// It waits for them, as long as the database is patient.
    #[default]
    Block,
    /// It fails with [`DriverErrorKind::LockNotAvailable`](super::DriverErrorKind::LockNotAvailable).
    NoWait,
    /// It leaves them out.
    SkipLocked,
}
