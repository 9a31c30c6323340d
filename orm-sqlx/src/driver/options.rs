//! What can be set before connecting.

/// What can be set of every pool; `self.pool` has the settings.
macro_rules! pool_settings {
    () => {
        /// Waits so long for a free connection. 30 seconds by default.
        pub fn acquire_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.pool.acquire_timeout = timeout;
            self
        }

        /// Whether the statement log and observers see the values that are bound. Off by default: values are personal
        /// data more often than not.
        pub fn log_values(mut self, on: bool) -> Self {
            self.pool.log.shows_values = on;
            self
        }

        /// Calls `observer` after every statement that is sent, BEGIN, COMMIT and failed ones included. Several
        /// observers are called in turn.
        ///
        /// It is called between the statement and its caller, so it should be quick, and must not panic.
        pub fn observer(
            mut self,
            observer: impl Fn(&$crate::StatementEvent<'_>) + Send + Sync + 'static,
        ) -> Self {
            self.pool.log.observers.push(std::sync::Arc::new(observer));
            self
        }
    };
}

/// How the options of any database hand on what they were set to.
macro_rules! pool_taken_over {
    () => {
        pub(super) fn pool(mut self, pool: $crate::driver::pool::PoolSettings) -> Self {
            self.pool = pool;
            self
        }
    };
}

mod any;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod tls;

pub use any::AnyOptions;
#[cfg(feature = "mysql")]
pub use mysql::MySqlOptions;
#[cfg(feature = "postgres")]
pub use postgres::PostgresOptions;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteOptions;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub use tls::TlsMode;
