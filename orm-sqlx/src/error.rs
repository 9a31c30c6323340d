//! sqlx's errors in the ORM's words.
//!
//! The kind is what programs decide by; the database's own words stay in the source. No message here has a value of
//! a row in it.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use orm_core::driver::{DriverError, DriverErrorKind, Violation, Write};
use orm_core::metadata::EntityMetadata;
use sqlx_core::error::Error;

use crate::backend::Backend;

/// What a database refused.
#[derive(Debug, PartialEq)]
pub struct Problem {
    pub(crate) kind: DriverErrorKind,
    pub(crate) message: String,
    pub(crate) violation: Option<Violation>,
    /// What stands for the database's own words where these may have a value of a row in them.
    pub(crate) instead: Option<String>,
}

/// `error`, met while doing `action`.
pub(crate) fn driver_error<B: Backend>(error: Error, action: &str) -> DriverError {
    let kind = match &error {
        Error::Database(database) => {
            let problem = B::problem(&**database);
            let described = DriverError::new(problem.kind, format!("{action}: {}", problem.message));
            let described = match problem.violation {
                Some(violation) => described.with_violation(violation),
                None => described,
            };
            return match problem.instead {
                Some(words) => described.with_source(words),
                None => described.with_source(error),
            };
        }
        Error::PoolTimedOut => DriverErrorKind::PoolTimeout,
        Error::PoolClosed => DriverErrorKind::PoolClosed,
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => {
            DriverErrorKind::ConnectionLost
        }
        // sqlx's errors are non_exhaustive; the rest are mistakes in how it is called.
        _ => DriverErrorKind::Other,
    };
    let message = match kind {
        DriverErrorKind::PoolTimeout => format!("{action}: no connection became free in time"),
        DriverErrorKind::PoolClosed => format!("{action}: the pool is closed"),
        DriverErrorKind::ConnectionLost => format!("{action}: the connection broke"),
        _ => action.to_owned(),
    };
    DriverError::new(kind, message).with_source(error)
}

/// Whether the server can't have run a statement that failed with this as the first answer on its connection.
///
/// A pipe that is broken is met by who writes: the server had hung up before all of the statement was on its way. An end
/// that is met by who reads tells nothing, since the answer may be what was lost.
pub(crate) fn never_ran<B: Backend>(error: &DriverError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    match source {
        Some(Error::Io(cause)) => cause.kind() == std::io::ErrorKind::BrokenPipe,
        Some(Error::Database(refused)) => B::ended_before(&**refused),
        Some(_) | None => false,
    }
}

pub(crate) fn unknown_step() -> DriverError {
    DriverError::new(DriverErrorKind::Unsupported, "an unknown step of a transaction")
}

/// The entity that is written, and the columns that are set; `None` where rows or links go, or links come.
pub(crate) fn written(write: &Write) -> Option<(&EntityMetadata, Vec<usize>)> {
    Some(match write {
        Write::Insert(insert) => (insert.metadata.entity(insert.entity), insert.columns.clone()),
        Write::Upsert(upsert) => (upsert.metadata.entity(upsert.entity), upsert.columns.clone()),
        Write::Update(update) => (update.metadata.entity(update.entity), update.columns.clone()),
        Write::UpdateWhere(update) => {
            let set = update.set.iter().map(|(column, _)| *column);
            let columns = set.chain(update.raised.iter().copied()).collect();
            (update.metadata.entity(update.entity), columns)
        }
        Write::Delete(_) | Write::DeleteWhere(_) | Write::Link(_) | Write::Unlink(_) => return None,
    })
}
