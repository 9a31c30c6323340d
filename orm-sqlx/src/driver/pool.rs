//! The connections of one driver.
//!
//! Nothing is sent that nobody asked for: no ping before a connection is lent, none when it comes back, no limit on its
//! age or idleness. That needs a borrower who knows what it did: the guard of [`super::transaction`] ends what was cut
//! off, broke, or may be inside a transaction, and gives back the rest.
//!
//! Invariants:
//! - whoever has a connection, ends one or opens one has a permit, of which there are as many as connections are allowed;
//! - a connection is opened only where none is idle, so that idle ones and permits in use are never more than that;
//! - what was closed lends nothing, and keeps nothing that comes back.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use orm_core::driver::{Capabilities, DriverError, DriverErrorKind};
use orm_sql::Statements;
use parking_lot::Mutex;
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::error::Error;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

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
    connections: Arc<Connections<B>>,
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
    /// The first connection, where it was opened before: to be asked what server it is, or to say in words of its own why
    /// it can't be had.
    pub(super) first: Option<ConnectionOf<B>>,
    pub(super) statements: Statements,
    /// What every new connection is sent first.
    pub(super) settings: Option<Arc<str>>,
    pub(super) largest_message: Option<usize>,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl<B: Backend> Opening<B> {
    /// Without anything that only some databases need.
    pub(super) fn plain(
        connect: <ConnectionOf<B> as Connection>::Options,
        name: String,
        statements: Statements,
    ) -> Self {
        Self { connect, name, anchor: None, first: None, statements, settings: None, largest_message: None }
    }
}

impl<B: Backend> Pool<B> {
    /// Opens the first connection: what can't be reached or opened fails here, not at the first query.
    pub(super) async fn open(settings: PoolSettings, opening: Opening<B>) -> Result<Self, DriverError> {
        let Opening { connect, name, anchor, first, statements, settings: set_up, largest_message } = opening;
        let most = usize::try_from(settings.max_connections).unwrap_or(usize::MAX);
        let connections = Arc::new(Connections {
            connect,
            set_up,
            acquire_timeout: settings.acquire_timeout,
            most,
            permits: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::default(),
            came_back: Notify::new(),
        });
        const ACTION: &str = "opening the database";
        let first = match first {
            Some(first) => match timeout(settings.acquire_timeout, connections.set_up(first)).await {
                Ok(first) => first.map_err(|error| driver_error::<B>(error, ACTION))?,
                Err(_) => return Err(connections.no_answer(ACTION)),
            },
            None => connections.open_by(Instant::now() + settings.acquire_timeout, ACTION).await?,
        };
        connections.idle.lock().push((first, Instant::now()));
        Ok(Self {
            connections,
            anchor: Mutex::new(anchor),
            capabilities: statements.capabilities().with_connections(most),
            statements,
            largest_message,
            log: settings.log,
            name,
        })
    }

    /// Borrows a connection.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::PoolTimeout`], [`DriverErrorKind::PoolClosed`], and what opening one fails with.
    pub(super) async fn acquire(&self) -> Result<Lent<B>, DriverError> {
        Connections::acquire(&self.connections).await
    }

    /// How many connections it may have.
    pub(super) fn most(&self) -> usize {
        self.connections.most
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

#[cfg(feature = "sqlite")]
pub(super) fn cannot_open<B: Backend>(error: Error) -> DriverError {
    driver_error::<B>(error, "opening the database")
}

impl<B: Backend> fmt::Debug for Pool<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("database", &self.name)
            .field("lent", &(self.connections.most - self.connections.permits.available_permits()))
            .field("idle", &self.connections.idle.lock().len())
            .field("is_closed", &self.connections.permits.is_closed())
            .finish_non_exhaustive()
    }
}

struct Connections<B: Backend> {
    connect: <ConnectionOf<B> as Connection>::Options,
    set_up: Option<Arc<str>>,
    acquire_timeout: Duration,
    most: usize,
    permits: Arc<Semaphore>,
    /// With the time since when; the one that came back last is lent first.
    idle: Mutex<Vec<(ConnectionOf<B>, Instant)>>,
    /// Tells who closes the pool.
    came_back: Notify,
}

impl<B: Backend> Connections<B> {
    async fn acquire(connections: &Arc<Self>) -> Result<Lent<B>, DriverError> {
        let deadline = Instant::now() + connections.acquire_timeout;
        let permit = connections.permit().await?;
        let idle = connections.idle.lock().pop();
        let (connection, rested) = match idle {
            Some((connection, since)) => (connection, Some(since.elapsed())),
            None => (connections.open_by(deadline, "opening a connection").await?, None),
        };
        let place = Place { connections: Arc::clone(connections), permit: Some(permit) };
        Ok(Lent { connection: Some(connection), rested, place })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, DriverError> {
        let refused = |error| driver_error::<B>(error, "acquiring a connection");
        // Needs no timer, which only a wait does.
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let waited = timeout(self.acquire_timeout, Arc::clone(&self.permits).acquire_owned()).await;
        waited.map_err(|_| refused(Error::PoolTimedOut))?.map_err(|_| refused(Error::PoolClosed))
    }

    /// Opens a connection, and tries again while the server says that it will soon take one.
    async fn open_by(&self, deadline: Instant, action: &str) -> Result<ConnectionOf<B>, DriverError> {
        let mut pause = Duration::from_millis(10);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left, self.open_one()).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(Error::Database(error)))
                    if error.is_transient_in_connect_phase() && Instant::now() + pause < deadline => {}
                Ok(Err(error)) => return Err(driver_error::<B>(error, action)),
                Err(_) => return Err(self.no_answer(action)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    fn no_answer(&self, action: &str) -> DriverError {
        let message = format!("{action}: no answer within {:?}", self.acquire_timeout);
        DriverError::new(DriverErrorKind::ConnectionLost, message)
    }

    async fn open_one(&self) -> Result<ConnectionOf<B>, Error> {
        self.set_up(self.connect.connect().await?).await
    }

    /// Sends a new connection what every one is sent first.
    async fn set_up(&self, mut connection: ConnectionOf<B>) -> Result<ConnectionOf<B>, Error> {
        if let Some(set_up) = &self.set_up {
            let mut answers = B::run(&mut connection, Arc::clone(set_up), None, false);
            while let Some(answer) = answers.next().await {
                answer?;
            }
        }
        Ok(connection)
    }

    /// Lends nothing any more, and waits for what is lent.
    async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for (connection, _) in idle {
            // There is nothing to do about one that does not close well.
            let _ = connection.close().await;
        }
        loop {
            let mut came_back = pin!(self.came_back.notified());
            came_back.as_mut().enable();
            if self.permits.available_permits() >= self.most {
                return;
            }
            came_back.await;
        }
    }
}

/// A connection that is lent. Dropped, it is given back.
pub(super) struct Lent<B: Backend> {
    /// Taken at its end only.
    connection: Option<ConnectionOf<B>>,
    rested: Option<Duration>,
    place: Place<B>,
}

impl<B: Backend> Lent<B> {
    /// How long nobody had it, so that it may have died meanwhile; `None` for one that was opened for this borrower.
    pub(super) fn rested(&self) -> Option<Duration> {
        self.rested
    }

    /// Ends it; another one may take its place afterwards.
    pub(super) fn end(mut self, ending: Ending) {
        let Some(connection) = self.connection.take() else { return };
        end(connection, ending, self.place.take());
    }
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is in a transaction, or the pool is closed.
    Unwanted,
    /// A statement was cut off on it.
    CutOff,
    /// It broke.
    Broken,
}

fn end<B: Backend>(connection: ConnectionOf<B>, ending: Ending, place: Place<B>) {
    // Without a runtime there is nothing that could wait, and a server that can't be reached is not told.
    match (ending, tokio::runtime::Handle::try_current()) {
        (Ending::Broken, _) if B::HAS_SERVER => {}
        (_, Ok(runtime)) => {
            runtime.spawn(async move {
                close_after::<B>(connection, ending).await;
                drop(place);
            });
            return;
        }
        (_, Err(_)) => {}
    }
    drop(connection);
    drop(place);
}

/// Closes a connection. One on which a statement was cut off has ended it by then, if it does within a moment, so that who
/// looks at the database sees what became of it.
async fn close_after<B: Backend>(mut connection: ConnectionOf<B>, ending: Ending) {
    const MOMENT: Duration = Duration::from_millis(500);
    const LIMIT: Duration = Duration::from_secs(5);
    if ending == Ending::CutOff && B::HAS_SERVER {
        let ended = timeout(MOMENT, connection.ping()).await;
        if !matches!(ended, Ok(Ok(()))) {
            return;
        }
    }
    // There is nothing to do about one that does not close well.
    let _ = timeout(LIMIT, connection.close()).await;
}

/// The permit of a connection.
struct Place<B: Backend> {
    connections: Arc<Connections<B>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl<B: Backend> Place<B> {
    fn take(&mut self) -> Self {
        Self { connections: Arc::clone(&self.connections), permit: self.permit.take() }
    }
}

impl<B: Backend> Drop for Place<B> {
    fn drop(&mut self) {
        drop(self.permit.take());
        if self.connections.permits.is_closed() {
            self.connections.came_back.notify_waiters();
        }
    }
}

impl<B: Backend> Drop for Lent<B> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut idle = self.place.connections.idle.lock();
        if self.place.connections.permits.is_closed() {
            drop(idle);
            end(connection, Ending::Unwanted, self.place.take());
        } else {
            // The permit goes after this, so that whoever gets it finds the connection.
            idle.push((connection, Instant::now()));
        }
    }
}

impl<B: Backend> Deref for Lent<B> {
    type Target = ConnectionOf<B>;

    fn deref(&self) -> &Self::Target {
        self.connection.as_ref().expect("it is taken at its end only")
    }
}

impl<B: Backend> DerefMut for Lent<B> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.connection.as_mut().expect("it is taken at its end only")
    }
}
