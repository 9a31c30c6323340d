//! What a database can do, as far as the core plans by it.

use super::transaction::IsolationLevel;

/// What a database can do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// How many rows one insert, update or delete may have; the core cuts batches to it.
    pub max_rows_per_write: usize,
    /// Whether the database has schemas, so that tables of one name can exist in several.
    pub schemas: bool,
    /// Whether a part of a transaction can be taken back.
    pub savepoints: bool,
    /// What a transaction can lock.
    pub row_locks: RowLocks,
    /// What a transaction reads.
    pub reads: Reads,
    /// How many transactions can write at the same time.
    pub writers: Writers,
    /// How many connections the driver lends at the same time.
    pub connections: usize,
    /// Where NULL stands among the values of an ordered column.
    pub null_order: NullOrder,
    /// How long the name of a table, a column or a constraint may be.
    pub identifier_length: IdentifierLength,
    /// One bit a level.
    isolation_levels: u8,
}

/// What a transaction can lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowLocks {
    /// Nothing.
    None,
    /// Rows, as a select says.
    Rows,
    /// Every transaction that may write holds the only write lock there is, so that a lock needs no more than one.
    WholeDatabase,
}

/// What a transaction reads that asked for no isolation level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reads {
    /// What it has written, or was there when it wrote, at least.
    AsWritten,
    /// What was there when it first read, and what it has written: a row that a write of its own has met, and left as it is,
    /// can be missing. A select that locks reads what is there.
    AsFirstRead,
}

/// How many transactions can write at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writers {
    /// One; a second waits for its end.
    One,
    /// As many as there are connections.
    Many,
}

/// Where NULL stands among the values of an ordered column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NullOrder {
    /// Before all of them, and after all of them where the largest comes first.
    Smallest,
    /// After all of them, and before all of them where the largest comes first.
    Largest,
}

/// How long the name of a table, a column or a constraint may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentifierLength {
    /// As long as one likes.
    Any,
    /// So many bytes of UTF-8.
    Bytes(usize),
    /// So many characters.
    Characters(usize),
}

impl IdentifierLength {
    /// The limit in words, if `name` is beyond it.
    #[must_use]
    pub fn exceeded_by(self, name: &str) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Bytes(longest) => (name.len() > longest).then(|| format!("{longest} bytes")),
            Self::Characters(longest) => {
                (name.chars().count() > longest).then(|| format!("{longest} characters"))
            }
        }
    }
}

impl Capabilities {
    /// Batches of 1,000 rows, one connection, and nothing optional.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_rows_per_write: 1_000,
            schemas: false,
            savepoints: false,
            row_locks: RowLocks::None,
            reads: Reads::AsWritten,
            writers: Writers::Many,
            connections: 1,
            null_order: NullOrder::Smallest,
            identifier_length: IdentifierLength::Any,
            isolation_levels: 0,
        }
    }

    /// Cuts writes to `rows` rows, at least one.
    #[must_use]
    pub const fn with_max_rows_per_write(mut self, rows: usize) -> Self {
        self.max_rows_per_write = if rows == 0 { 1 } else { rows };
        self
    }

    /// Says that the database has schemas.
    #[must_use]
    pub const fn with_schemas(mut self) -> Self {
        self.schemas = true;
        self
    }

    /// Says that a part of a transaction can be taken back.
    #[must_use]
    pub const fn with_savepoints(mut self) -> Self {
        self.savepoints = true;
        self
    }

    /// Says what a transaction can lock.
    #[must_use]
    pub const fn with_row_locks(mut self, row_locks: RowLocks) -> Self {
        self.row_locks = row_locks;
        self
    }

    /// Says what a transaction reads that asked for no isolation level.
    #[must_use]
    pub const fn with_reads(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    /// Says that one transaction at a time can write.
    #[must_use]
    pub const fn with_one_writer(mut self) -> Self {
        self.writers = Writers::One;
        self
    }

    /// Says how many connections the driver lends at the same time, at least one.
    #[must_use]
    pub const fn with_connections(mut self, connections: usize) -> Self {
        self.connections = if connections == 0 { 1 } else { connections };
        self
    }

    /// Says that transactions of this level can be begun. A database may give more than the level asks for.
    #[must_use]
    pub const fn with_isolation_level(mut self, level: IsolationLevel) -> Self {
        self.isolation_levels |= bit(level);
        self
    }

    /// Says where NULL stands among the values of an ordered column. Unless told, it is the smallest.
    #[must_use]
    pub const fn with_null_order(mut self, order: NullOrder) -> Self {
        self.null_order = order;
        self
    }

    /// Says how long names may be. An ORM with a longer one in its entities is not built.
    #[must_use]
    pub const fn with_identifier_length(mut self, length: IdentifierLength) -> Self {
        self.identifier_length = length;
        self
    }

    /// Whether a transaction of this level can be begun.
    #[must_use]
    pub const fn supports(&self, level: IsolationLevel) -> bool {
        self.isolation_levels & bit(level) != 0
    }
}

const fn bit(level: IsolationLevel) -> u8 {
    1 << level as u8
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}
