//! The connections of one driver.
//!
//! sqlx's pool, set so that nothing is sent that nobody asked for: no ping before a connection is used, no limit on
//! its age or idleness.

use std::fmt;
use std::time::Duration;

use orm_core::driver::{Capabilities, DriverError};
use orm_sql::Statements;
use parking_lot::Mutex;
use sqlx_core::connection::Connection;
use sqlx_core::pool::{PoolConnection, PoolOptions};

use super::log::Log;
use crate::backend::{Backend, ConnectionOf};
use crate::error::driver_error;

/// Settings of a pool, whatever its database.
#[derive(Clone)]
pub(super) struct PoolSettings {
    pub(super) max_connections: u32,
    pub(super) acquire_timeout: Duration,
    pub(super) log: Log,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { max_connections: 5, acquire_timeout: Duration::from_secs(30), log: Log::default() }
    }
}

pub(crate) struct Pool<B: Backend> {
    connections: sqlx_core::pool::Pool<B::Database>,
    /// One more, outside the pool, for a database that would go with its last connection.
    anchor: Mutex<Option<ConnectionOf<B>>>,
    pub(crate) statements: Statements,
    pub(super) capabilities: Capabilities,
    pub(super) log: Log,
    name: String,
}

impl<B: Backend> Pool<B> {
    /// Opens the first connection: what can't be reached or opened fails here, not at the first query. `name` is shown
    /// in `Debug`.
    pub(super) async fn open(
        settings: PoolSettings,
        connect: <ConnectionOf<B> as Connection>::Options,
        name: String,
        anchor: Option<ConnectionOf<B>>,
    ) -> Result<Self, DriverError> {
        let connections = PoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(connect)
            .await
            .map_err(cannot_open::<B>)?;
        let statements = B::statements();
        Ok(Self {
            connections,
            anchor: Mutex::new(anchor),
            capabilities: statements
                .capabilities()
                .with_connections(usize::try_from(settings.max_connections).unwrap_or(usize::MAX)),
            statements,
            log: settings.log,
            name,
        })
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<B::Database>, DriverError> {
        self.connections.acquire().await.map_err(|error| driver_error::<B>(error, "acquiring a connection"))
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
        let anchor = self.anchor.lock().take();
        if let Some(anchor) = anchor {
            // There is nothing to do about one that does not close well.
            let _ = anchor.close().await;
        }
    }
}

pub(super) fn cannot_open<B: Backend>(error: sqlx_core::error::Error) -> DriverError {
    driver_error::<B>(error, "opening the database")
}

impl<B: Backend> fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("database", &self.name)
            .field("connections", &self.connections.size())
            .field("idle", &self.connections.num_idle())
            .field("is_closed", &self.connections.is_closed())
            .finish_non_exhaustive()
    }
}
