//! The connections of one driver.
//!
//! sqlx's pool, set so that nothing is sent that nobody asked for: no ping before a connection is used, no limit on
//! its age or idleness. A database in memory has one connection more, outside the pool, which keeps it alive when
//! all others are closed.

use std::fmt;
use std::time::{Duration, Instant};

use orm_core::driver::{Capabilities, DriverError, DriverErrorKind};
use orm_sql::Statements;
use parking_lot::Mutex;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::executor::Executor;
use sqlx_core::pool::{PoolConnection, PoolOptions};
use sqlx_core::query_scalar::query_scalar;
use sqlx_sqlite::{Sqlite, SqliteConnection};

use super::log::Log;
use super::options::SqliteOptions;
use crate::error::driver_error;

pub(super) struct Pool {
    connections: sqlx_core::pool::Pool<Sqlite>,
    /// Holds a database in memory.
    anchor: Mutex<Option<SqliteConnection>>,
    pub(super) statements: Statements,
    pub(super) capabilities: Capabilities,
    pub(super) log: Log,
    name: String,
}

impl Pool {
    /// Opens the database: a wrong path or a file that is none fails here, not at the first query.
    pub(super) async fn open(options: SqliteOptions) -> Result<Self, DriverError> {
        let target = options.target()?;
        let anchor = match target.is_in_memory {
            true => Some(target.connect.connect().await.map_err(cannot_open)?),
            false => None,
        };
        let max_connections = if target.is_in_memory { 1 } else { options.max_connections };
        let connections = PoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(target.connect)
            .await
            .map_err(cannot_open)?;
        let statements = Statements::sqlite();
        let pool = Self {
            connections,
            anchor: Mutex::new(anchor),
            capabilities: statements
                .capabilities()
                .with_connections(usize::try_from(max_connections).unwrap_or(usize::MAX)),
            statements,
            log: options.log,
            name: target.name,
        };
        pool.prepare(
            options.write_ahead_log && !target.is_in_memory && !target.is_read_only,
            options.busy_timeout,
        )
        .await?;
        Ok(pool)
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<Sqlite>, DriverError> {
        self.connections.acquire().await.map_err(|error| driver_error(error, "acquiring a connection"))
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
        let anchor = self.anchor.lock().take();
        if let Some(anchor) = anchor {
            // There is nothing to do about a database in memory that does not close well.
            let _ = anchor.close().await;
        }
    }

    /// Reads the file, so that one that is no database is told now, and sets its journal mode.
    async fn prepare(&self, write_ahead_log: bool, patience: Duration) -> Result<(), DriverError> {
        let mut connection = self.acquire().await?;
        connection.execute("PRAGMA schema_version").await.map_err(cannot_open)?;
        if write_ahead_log {
            let mode = switch_to_write_ahead_log(&mut connection, patience).await?;
            if mode != "wal" {
                tracing::warn!(target: "orm::driver", database = self.name, mode, "no write-ahead log here");
            }
        }
        Ok(())
    }
}

/// Gives the journal mode that the file has then.
async fn switch_to_write_ahead_log(
    connection: &mut SqliteConnection,
    patience: Duration,
) -> Result<String, DriverError> {
    let deadline = Instant::now() + patience;
    loop {
        let mode = query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        match mode.map_err(cannot_open) {
            // SQLite's own busy timeout does not hold for this switch.
            Err(error) if error.kind() == DriverErrorKind::Busy && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answer => return answer,
        }
    }
}

fn cannot_open(error: sqlx_core::error::Error) -> DriverError {
    driver_error(error, "opening the database")
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("database", &self.name)
            .field("connections", &self.connections.size())
            .field("idle", &self.connections.num_idle())
            .field("is_closed", &self.connections.is_closed())
            .finish_non_exhaustive()
    }
}
