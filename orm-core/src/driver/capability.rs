//! What a database can do, as far as the core plans by it.

/// What a database can do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// How many rows one insert, update or delete may have; the core cuts batches to it.
    pub max_rows_per_write: usize,
    /// Whether the database has schemas, so that tables of one name can exist in several.
    pub schemas: bool,
}

impl Capabilities {
    /// Batches of 1,000 rows, and nothing optional.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_rows_per_write: 1_000, schemas: false }
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
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}
