//! The connections of one driver.
//!
//! sqlx's pool, set so that nothing is sent that nobody asked for: no ping before a connection is used, no limit on
//! its age or idleness.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
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
    /// How many bytes a statement and its values may have, where the server would close the connection over more.
    pub(super) largest_message: Option<usize>,
    pub(super) log: Log,
    name: String,
}

/// What a pool is opened with, beyond what every pool can be set to.
pub(super) struct Opening<B: Backend> {
    pub(super) connect: <ConnectionOf<B> as Connection>::Options,
    /// Shown in `Debug`.
    pub(super) name: String,
    pub(super) anchor: Option<ConnectionOf<B>>,
    pub(super) statements: Statements,
    /// What every new connection is sent first.
    pub(super) settings: Option<Arc<str>>,
    pub(super) largest_message: Option<usize>,
}

impl<B: Backend> Opening<B> {
    /// Without anything that only some databases need.
    pub(super) fn plain(
        connect: <ConnectionOf<B> as Connection>::Options,
        name: String,
        statements: Statements,
    ) -> Self {
        Self { connect, name, anchor: None, statements, settings: None, largest_message: None }
    }
}

impl<B: Backend> Pool<B> {
    /// Opens the first connection: what can't be reached or opened fails here, not at the first query.
    pub(super) async fn open(settings: PoolSettings, opening: Opening<B>) -> Result<Self, DriverError> {
        let Opening { connect, name, anchor, statements, settings: set_up, largest_message } = opening;
        let mut options = PoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None);
        if let Some(set_up) = set_up {
            options = options.after_connect(move |connection, _| {
                let set_up = Arc::clone(&set_up);
                Box::pin(async move {
                    let mut answers = B::run(connection, set_up, None, false);
                    while let Some(answer) = answers.next().await {
                        answer?;
                    }
                    Ok(())
                })
            });
        }
        let connections = options.connect_with(connect).await.map_err(cannot_open::<B>)?;
        Ok(Self {
            connections,
            anchor: Mutex::new(anchor),
            capabilities: statements
                .capabilities()
                .with_connections(usize::try_from(settings.max_connections).unwrap_or(usize::MAX)),
            statements,
            largest_message,
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
