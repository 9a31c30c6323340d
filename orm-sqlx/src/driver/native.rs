//! Hands sqlx's own connection to the program, for what the ORM has no words for.
//!
//! It is the connection of the context, under the guard as for any statement: cut off, it is closed. A transaction that the
//! program begins or ends on it by hand is found out afterwards.

use std::future::Future;
use std::sync::Arc;

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_core::{EntityManager, Result};
use sqlx_core::database::Database;
use sqlx_core::error::Error;

use super::SqlxDriver;
use super::connection::PooledConnection;
use crate::backend::{Backend, ConnectionOf};
use crate::error::driver_error;

impl<B: Backend> SqlxDriver<B> {
    /// Runs `work` with sqlx's own connection: that of the context's transaction, or one of the pool, given back
    /// afterwards. This is how other libraries over sqlx, and what only this database has, take part in a transaction.
    ///
    /// `em` must be of an ORM that was made from this driver or a clone of it. Pending changes are flushed before, as
    /// before raw SQL. In a transaction it is a savepoint: what `work` did is taken back if it fails. Outside, every
    /// statement of it stands for itself.
    ///
    /// The identity map knows nothing of what is written here: `refresh` what is loaded, or `clear()`. The statement log
    /// does not show it. What is set on the connection, such as a `pragma`, stays set for whoever has it next.
    ///
    /// Statements of the same context wait until it has ended, so those of `work` must go over the connection that it was
    /// given: a query on `em` in it fails with [`Error::Wait`](orm_core::Error::Wait) in the end.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{EntityManager, Result};
    /// # use orm_sqlx::Sqlite;
    /// # async fn example(sqlite: Sqlite, em: EntityManager) -> Result<()> {
    /// use sqlx_core::query_scalar::query_scalar;
    ///
    /// em.transactional(async |em| {
    ///     let pages: i64 = sqlite
    ///         .with_connection(&em, async |connection| query_scalar("PRAGMA page_count").fetch_one(connection).await)
    ///         .await?;
    ///     println!("{pages} pages");
    ///     Ok(())
    /// })
    /// .await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Error::Constraint`](orm_core::Error::Constraint) and [`Error::Driver`](orm_core::Error::Driver) for what sqlx
    ///   says in `work`; return other errors as values.
    /// - [`DriverErrorKind::TransactionChanged`] when `work` ended the transaction of the context, or left one open of its
    ///   own. The connection is closed, and a transaction of the context can only be rolled back.
    /// - [`DriverErrorKind::Unsupported`] when `em` works on another database.
    /// - [`Error::Transaction`](orm_core::Error::Transaction) in a transaction that only reads, and as
    ///   [`SqlQuery::execute`](orm_core::sql::SqlQuery::execute).
    #[track_caller]
    pub fn with_connection<'a, V, F>(
        &'a self,
        em: &'a EntityManager,
        work: F,
    ) -> impl Future<Output = Result<V>> + use<'a, B, V, F>
    where
        F: AsyncFnOnce(&mut <B::Database as Database>::Connection) -> Result<V, Error>,
    {
        em.with_driver_connection(async |connection: &mut PooledConnection<B>| {
            if !Arc::ptr_eq(&self.pool, &connection.pool) {
                let message =
                    "this manager works on another database; use the driver that its ORM was made from";
                return Err(DriverError::new(DriverErrorKind::Unsupported, message));
            }
            connection.lend(work).await
        })
    }
}

impl<B: Backend> PooledConnection<B> {
    async fn lend<V>(
        &mut self,
        work: impl AsyncFnOnce(&mut ConnectionOf<B>) -> Result<V, Error>,
    ) -> Result<V, DriverError> {
        self.prove().await?;
        let mut running = self.guard.start()?;
        running.forget_key_step();
        if let Err(lost) = running.refuse_if_lost() {
            running.finish();
            return Err(lost);
        }
        let result = work(&mut *running.connection).await;
        let result = result.map_err(|error| driver_error::<B>(error, "with_connection"));
        if B::is_in_transaction(running.connection).await == running.is_in_transaction() {
            running.finish();
            return result;
        }
        // Not finished, so that the connection is closed.
        let message = match running.is_in_transaction() {
            true => {
                "the transaction of the context was ended by hand in `with_connection`; end it with its closure"
            }
            false => "`with_connection` left a transaction open; end it before, or use `transactional`",
        };
        result.and(Err(DriverError::new(DriverErrorKind::TransactionChanged, message)))
    }
}
