//! What a diagnosis found.

use std::fmt;
use std::sync::Arc;

use crate::entity::{CellId, Entity, Loaded, Region};
use crate::error::{EntityKey, Error};

/// The rows that a flush fails for; see [`Error::diagnose`].
pub struct Diagnosis {
    rows: Vec<RefusedRow>,
    /// Why there may be none.
    tried: Tried,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    /// The error was not about rows.
    Nothing,
    /// What was pending.
    Rows,
}

/// One row that was refused.
pub struct RefusedRow {
    pub(super) region: Arc<Region>,
    pub(super) cell: Option<CellId>,
    pub(super) key: EntityKey,
    pub(super) write: RowWrite,
    pub(super) position: Option<usize>,
    pub(super) error: Arc<Error>,
}

/// What was to be done with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowWrite {
    Insert,
    Update,
    Delete,
    /// By a field of the owner, to an item.
    Link(&'static str, EntityKey),
    Unlink(&'static str, EntityKey),
}

impl Diagnosis {
    pub(super) fn of(rows: Vec<RefusedRow>) -> Self {
        Self { rows, tried: Tried::Rows }
    }

    pub(super) fn of_no_row() -> Self {
        Self { rows: Vec::new(), tried: Tried::Nothing }
    }

    /// The rows at fault: first those that could not be sent at all, then in the order of the flush.
    #[must_use]
    pub fn rows(&self) -> &[RefusedRow] {
        &self.rows
    }

    /// Whether no row is at fault: all were accepted when they were tried again, or the error was not about rows. The
    /// `Display` says which.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl RefusedRow {
    /// The struct's name; of a link, that of its owner.
    #[must_use]
    pub fn entity(&self) -> &'static str {
        self.key.entity()
    }

    /// The entity with its key, which has no values while it is new and the database makes its key. Of a link, its owner.
    #[must_use]
    pub fn key(&self) -> &EntityKey {
        &self.key
    }

    /// The other end of a link; `None` for the row of an entity.
    #[must_use]
    pub fn linked(&self) -> Option<&EntityKey> {
        match &self.write {
            RowWrite::Link(_, item) | RowWrite::Unlink(_, item) => Some(item),
            RowWrite::Insert | RowWrite::Update | RowWrite::Delete => None,
        }
    }

    /// Its place, from 0, among the rows of its type that the flush inserts, updates or deletes, in the order in which
    /// the program persisted, edited or removed them. `None` for a link.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// Why it was refused.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The instance; of a link, its owner. `None` if it is of another type, or was never loaded, such as one that is
    /// removed by a reference.
    #[must_use]
    pub fn handle<T: Entity>(&self) -> Option<Loaded<T>> {
        let (entity, _) = self.region.arena_of::<T>().ok()?;
        let cell = self.cell.filter(|cell| cell.entity == entity)?;
        self.region.arena(entity).current(cell.at)?;
        Some(Loaded::new(Arc::clone(&self.region), cell))
    }
}

/// One line a row.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rows.len(), self.tried) {
            (0, Tried::Nothing) => {
                return f.write_str("no row was tried: the error is not about the rows of a flush");
            }
            (0, Tried::Rows) => {
                return f.write_str(
                    "no row is refused any more: every one was accepted when tried again; flush again",
                );
            }
            (1, _) => f.write_str("1 row is refused:")?,
            (count, _) => write!(f, "{count} rows are refused:")?,
        }
        self.rows.iter().try_for_each(|row| write!(f, "\n- {row}"))
    }
}

impl fmt::Display for RefusedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.write {
            RowWrite::Insert => write!(f, "insert of {}", self.key)?,
            RowWrite::Update => write!(f, "update of {}", self.key)?,
            RowWrite::Delete => write!(f, "delete of {}", self.key)?,
            RowWrite::Link(field, item) => write!(f, "link of {}.{field} to {item}", self.key)?,
            RowWrite::Unlink(field, item) => write!(f, "unlink of {}.{field} from {item}", self.key)?,
        }
        if let Some(position) = self.position {
            write!(f, " at position {position}")?;
        }
        write!(f, ": {}", self.error)
    }
}

impl fmt::Debug for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for RefusedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
