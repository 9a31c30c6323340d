//! Raw SQL: the manager's side of [`crate::sql`].

use super::EntityManager;
use crate::sql::{Sql, SqlQuery, SqlValues};

impl EntityManager {
    /// One statement of raw SQL, with a value for each `{}` in it. It runs on the context's connection and in its
    /// transaction; changes that are pending are flushed before it as before any query.
    ///
    /// The text is a literal, or [`Sql::trusted`]; values are a tuple, an array or a slice, and `()` for none. Filters
    /// of entities know nothing of it. Works on the global manager too, but for entities.
    ///
    /// ```
    /// # use orm_core::{EntityManager, Result};
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let cheap: Vec<(i64, String)> =
    ///     em.sql("select id, title from book where price < {} order by id", (5,)).fetch_as().await?;
    /// let changed = em.sql("update book set price = price + {}", (1,)).execute().await?;
    /// # let _ = (cheap, changed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Transactions are begun and ended by [`transactional`](Self::transactional) alone, one text is one statement, and
    /// the database's own placeholders are refused: all of it is said by [`Error::SqlText`](crate::Error::SqlText). What
    /// a statement sets on the connection, such as a `pragma`, stays set for whoever uses the connection next.
    #[track_caller]
    pub fn sql(&self, text: impl Into<Sql>, values: impl SqlValues) -> SqlQuery {
        SqlQuery::new(self.clone(), text.into(), values.__parts())
    }
}
