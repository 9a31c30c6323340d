//! Rows of to-one relations that come with the rows of their owners.
//!
//! A query with [`LoadStrategy::Joined`](crate::LoadStrategy) joins them to its select. They are kept aside until the
//! relation is populated, which takes them in the place of those that it would select, and selects what they do not
//! answer: where a reference that was edited leads to.

use std::fmt;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use crate::driver::{Join, RowReader, RowSink, RowSinkError, Select, Selection};
use crate::entity::{Durability, ErasedRows, Region, read_value};
use crate::metadata::{EntityId, RelationKind};
use crate::value::{ColumnType, KeyValues, ValueError};

/// Takes the rows of a select, those of its root and those that are joined to it.
pub(crate) struct SelectedRows {
    root: Box<dyn ErasedRows>,
    joined: Vec<JoinedRows>,
}

impl SelectedRows {
    pub(crate) fn of(region: &Region, select: &Select, root: Box<dyn ErasedRows>) -> Self {
        let mut joined: Vec<JoinedRows> = Vec::new();
        let Selection::Joined(joins) = &select.selection else { return Self { root, joined } };
        let mut first = select.entity().columns.len();
        for join in joins {
            let (owner, from) = match join.parent.and_then(|parent| joined.get(parent)) {
                Some(parent) => (parent.target, parent.first),
                None => (select.root, 0),
            };
            let rows = JoinedRows::of(region, join, (owner, from), first);
            first += region.entity(rows.target).columns.len();
            joined.push(rows);
        }
        Self { root, joined }
    }

    pub(crate) fn into_parts(self) -> (Box<dyn ErasedRows>, Vec<JoinedRows>) {
        (self.root, self.joined)
    }
}

impl RowSink for SelectedRows {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        self.root.row(row)?;
        self.joined.iter_mut().try_for_each(|joined| joined.row(row))
    }
}

/// The targets of one relation, each once.
pub(crate) struct JoinedRows {
    parent: Option<usize>,
    relation: usize,
    pub(crate) target: EntityId,
    /// Where its columns begin.
    first: usize,
    /// The columns of its key, in the row.
    key: Vec<(usize, ColumnType)>,
    /// The columns of the foreign key, in the row.
    reference: Vec<(usize, ColumnType)>,
    seen: HashSet<KeyValues, foldhash::fast::RandomState>,
    /// The keys of the rows, in order.
    keys: Vec<KeyValues>,
    /// How rows are referred to where that is not how they spell their keys, with these; only of keys with text in them.
    spelled: Option<HashMap<KeyValues, KeyValues, foldhash::fast::RandomState>>,
    /// Keys that lead to no row, or to one that is not shown.
    absent: HashSet<KeyValues, foldhash::fast::RandomState>,
    rows: Box<dyn ErasedRows>,
}

impl JoinedRows {
    fn of(region: &Region, join: &Join, (owner, from): (EntityId, usize), first: usize) -> Self {
        let owner = region.entity(owner);
        let relation = &owner.relations[join.relation];
        let target = region.entity(relation.target);
        let reference = match relation.kind {
            RelationKind::ManyToOne { property } => owner.properties[property].columns.clone(),
            // Only such are planned as joins.
            _ => 0..0,
        };
        Self {
            parent: join.parent,
            relation: join.relation,
            target: relation.target,
            first,
            key: target.key_columns().map(|at| (first + at, target.columns[at].column_type)).collect(),
            reference: reference.map(|at| (from + at, owner.columns[at].column_type)).collect(),
            seen: HashSet::default(),
            keys: Vec::new(),
            spelled: region.has_spellings(relation.target).then(HashMap::default),
            absent: HashSet::default(),
            rows: region.arena(relation.target).rows_from(Arc::clone(region.metadata()), first),
        }
    }

    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let Some(key) = read_key(row, &self.key)? else {
            self.absent.extend(read_key(row, &self.reference)?);
            return Ok(());
        };
        if let Some(spelled) = &mut self.spelled
            && let Some(reference) = read_key(row, &self.reference)?
            && reference != key
        {
            spelled.insert(reference, key.clone());
        }
        if self.seen.insert(key.clone()) {
            self.rows.row(row)?;
            self.keys.push(key);
        }
        Ok(())
    }

    /// Keeps the rows with the keys that are wanted, and leaves of these what it does not answer. Also returns how wanted
    /// keys are spelled that are spelled otherwise than those of their rows, and the latter.
    pub(crate) fn answer(mut self, wanted: &mut Vec<KeyValues>) -> (Box<dyn ErasedRows>, Spellings) {
        let mut open: HashSet<KeyValues, foldhash::fast::RandomState> = wanted.iter().cloned().collect();
        let mut spelled: Spellings = self.spelled.take().into_iter().flatten().collect();
        spelled.retain(|(spelling, _)| open.remove(spelling));
        open.extend(spelled.iter().map(|(_, key)| key.clone()));
        let is_wanted: Vec<bool> = self.keys.iter().map(|key| open.remove(key)).collect();
        self.rows.keep(&is_wanted);
        wanted.retain(|key| open.contains(key) && !self.absent.contains(key));
        (self.rows, spelled)
    }
}

/// How keys are spelled, and how the rows spell them.
pub(crate) type Spellings = Vec<(KeyValues, KeyValues)>;

/// A key in these columns; `None` where one is NULL.
fn read_key(row: &dyn RowReader, columns: &[(usize, ColumnType)]) -> Result<Option<KeyValues>, ValueError> {
    for (at, _) in columns {
        if row.is_null(*at)? {
            return Ok(None);
        }
    }
    columns.iter().map(|(at, column)| read_value(row, *at, *column)).collect::<Result<_, _>>().map(Some)
}

/// What a select brought beside the rows of its root.
pub(crate) struct Joined {
    /// The number of flushes when it was sent; rows from before a later one must not go over what it saved.
    pub(crate) settled: u64,
    pub(crate) durability: Durability,
    /// For each join: what it hangs on, and its relation.
    places: Vec<(Option<usize>, usize)>,
    rows: Mutex<Vec<Option<JoinedRows>>>,
}

impl Joined {
    pub(crate) fn new(rows: Vec<JoinedRows>, settled: u64, durability: Durability) -> Option<Self> {
        let places: Vec<_> = rows.iter().map(|rows| (rows.parent, rows.relation)).collect();
        let rows = Mutex::new(rows.into_iter().map(Some).collect());
        (!places.is_empty()).then_some(Self { settled, durability, places, rows })
    }

    /// At the root.
    pub(crate) fn at_root(&self) -> JoinedAt<'_> {
        JoinedAt { joined: self, at: None }
    }
}

/// Rows that were joined, at one of the entities of their select.
#[derive(Clone, Copy)]
pub(crate) struct JoinedAt<'a> {
    pub(crate) joined: &'a Joined,
    at: Option<usize>,
}

impl<'a> JoinedAt<'a> {
    /// Where a relation leads to, if it was joined.
    pub(crate) fn below(self, relation: usize) -> Option<Self> {
        let at = self.joined.places.iter().position(|place| *place == (self.at, relation))?;
        Some(Self { joined: self.joined, at: Some(at) })
    }

    /// The rows here, once.
    pub(crate) fn take(self) -> Option<JoinedRows> {
        self.joined.rows.lock().get_mut(self.at?)?.take()
    }
}

impl fmt::Debug for JoinedAt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinedAt({:?})", self.at)
    }
}
