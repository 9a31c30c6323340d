//! Which server of the family it is, and what is set on every connection to it.

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_sql::{MySqlFlavor, Statements};
use sqlx_core::query_as::query_as;
use sqlx_mysql::MySqlConnection;

use super::MySqlBackend;
use crate::error::driver_error;

/// A server, as far as its driver has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    kind: ServerKind,
    /// How many bytes a message to it may have.
    pub(crate) largest_message: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ServerKind {
    MariaDb,
    MySql,
}

impl Server {
    /// Asks it.
    ///
    /// # Errors
    ///
    /// [`DriverErrorKind::Unsupported`] for one that is too old.
    pub(crate) async fn of(connection: &mut MySqlConnection) -> Result<Self, DriverError> {
        let asked =
            query_as("SELECT VERSION(), CAST(@@max_allowed_packet AS CHAR)").fetch_one(connection).await;
        let (version, largest): (String, String) =
            asked.map_err(|error| driver_error::<MySqlBackend>(error, "asking for the server's version"))?;
        Ok(Self { kind: kind_of(&version)?, largest_message: largest.parse().unwrap_or(usize::MAX) })
    }

    /// What renders statements for it.
    pub(crate) fn statements(self, returning: bool) -> Statements {
        Statements::mysql(match (self.kind, returning) {
            (ServerKind::MariaDb, true) => MySqlFlavor::MariaDb,
            (ServerKind::MariaDb, false) => MySqlFlavor::MariaDbWithoutReturning,
            (ServerKind::MySql, _) => MySqlFlavor::MySql,
        })
    }

    /// What every connection is sent first, so that nothing depends on how the server is set.
    ///
    /// `NO_AUTO_VALUE_ON_ZERO` lets 0 be a key. Without `PIPES_AS_CONCAT`, `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES` texts
    /// mean what the manual says. The collation holds where no column says another one: it tells all texts apart, trailing
    /// spaces included.
    ///
    /// MySQL sorts whole rows, long texts and documents included, and refuses to where fifteen of them don't fit into its
    /// buffer, which is 256 KiB if nobody says more. What isn't needed of it is not allocated:
    /// <https://dev.mysql.com/doc/refman/8.4/en/order-by-optimization.html>.
    pub(crate) fn settings(self) -> String {
        let (collation, sorting) = match self.kind {
            ServerKind::MariaDb => ("utf8mb4_nopad_bin", ""),
            ServerKind::MySql => (
                "utf8mb4_0900_bin",
                "sort_buffer_size = CAST(GREATEST(@@sort_buffer_size, 16777216) AS UNSIGNED), ",
            ),
        };
        format!(
            "SET sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
             NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY', autocommit = 1, sql_auto_is_null = 0, \
             default_storage_engine = 'InnoDB', time_zone = '+00:00', lc_messages = 'en_US', \
             {sorting}NAMES utf8mb4 COLLATE {collation}"
        )
    }
}

fn kind_of(version: &str) -> Result<ServerKind, DriverError> {
    let too_old = |server: &str| {
        let message = format!(
            "the server is {server} {version}; the oldest that work are MySQL 8.0.19 and MariaDB 10.6"
        );
        Err(DriverError::new(DriverErrorKind::Unsupported, message))
    };
    let numbers = numbers_of(version);
    match version.to_ascii_lowercase().contains("mariadb") {
        true if numbers < [10, 6, 0] => too_old("MariaDB"),
        true => Ok(ServerKind::MariaDb),
        false if numbers < [8, 0, 19] => too_old("MySQL"),
        false => Ok(ServerKind::MySql),
    }
}

/// The three numbers that a version begins with; what is none counts as zero.
fn numbers_of(version: &str) -> [u32; 3] {
    let mut parts = version.split(|character: char| !character.is_ascii_digit());
    std::array::from_fn(|_| parts.next().and_then(|part| part.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_version() {
        for version in
            ["10.6.0-MariaDB", "10.11.19-MariaDB-0+deb12u1", "11.8.2-MariaDB-ubu2404", "12.0-mariadb"]
        {
            assert_eq!(kind_of(version).ok(), Some(ServerKind::MariaDb), "{version}");
        }
        for version in ["8.0.19", "8.4.3", "9.7.4-2", "8.0.36-28.1", "8.0.40-commercial"] {
            assert_eq!(kind_of(version).ok(), Some(ServerKind::MySql), "{version}");
        }
    }

    #[test]
    fn an_older_server_is_refused_by_its_version() {
        for version in
            ["5.7.44-log", "8.0.18", "10.5.29-MariaDB", "5.5.5-10.3-MariaDB", "8.0.11-TiDB-v7.5.0", ""]
        {
            let refused = kind_of(version).expect_err(version);
            assert_eq!(refused.kind(), DriverErrorKind::Unsupported);
            assert!(refused.to_string().contains(version), "{refused}");
        }
    }
}
