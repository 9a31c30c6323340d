//! PostgreSQL's SQLSTATE codes, and what it tells beside them.
//!
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>. Messages may be in any language, so that nothing
//! but the form of a DETAIL is read from them.

use orm_core::driver::{DriverError, DriverErrorKind, Violation, ViolationKind, Write};
use orm_core::metadata::{Column, EntityMetadata};
use orm_core::schema::length_check;
use orm_core::value::ColumnType;
use sqlx_core::error::DatabaseError;
use sqlx_postgres::PgDatabaseError;

use super::{Problem, written};

/// What PostgreSQL refused.
pub(crate) fn problem(error: &dyn DatabaseError) -> Problem {
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => {
            let code = error.code();
            // The code alone is that of everything that the server does not support.
            let is_outdated = code == "0A000" && error.routine() == Some("RevalidateCachedQuery");
            Problem {
                kind: match is_outdated {
                    true => DriverErrorKind::OutdatedStatement,
                    false => kind(code, error.message()),
                },
                message: message(code, error.message()),
                violation: violation_kind(code).map(|kind| violation(kind, error)),
                instead: None,
            }
        }
        None => Problem {
            kind: DriverErrorKind::Other,
            message: error.message().to_owned(),
            violation: None,
            instead: None,
        },
    }
}

fn message(code: &str, message: &str) -> String {
    match code {
        "25P02" => {
            "after an earlier error this transaction takes no other statement; roll it, or a savepoint in it, back"
                .to_owned()
        }
        _ => message.to_owned(),
    }
}

fn kind(code: &str, message: &str) -> DriverErrorKind {
    match code {
        _ if violation_kind(code).is_some() => DriverErrorKind::ConstraintViolation,
        "40001" => DriverErrorKind::SerializationFailure,
        "40P01" => DriverErrorKind::Deadlock,
        // The same code for a lock that was not to be waited for, and for one that was waited for too long.
        "55P03" if message.contains("timeout") => DriverErrorKind::LockTimeout,
        "55P03" => DriverErrorKind::LockNotAvailable,
        "25006" => DriverErrorKind::ReadOnly,
        "25P02" => DriverErrorKind::RolledBack,
        "42P01" | "42703" | "3F000" | "3D000" => DriverErrorKind::MissingSchemaObject,
        // Forgotten by the server, or by a pooler in between.
        "26000" => DriverErrorKind::OutdatedStatement,
        // Messages of internal errors are never translated: a type or a table that a plan was made with is gone.
        "XX000" if message.starts_with("cache lookup failed") => DriverErrorKind::OutdatedStatement,
        // The server shuts down, or the connection was ended by somebody else.
        "57P01" | "57P02" | "57P03" | "57P05" => DriverErrorKind::ConnectionLost,
        _ if code.starts_with("08") => DriverErrorKind::ConnectionLost,
        _ => DriverErrorKind::Other,
    }
}

/// An administrator, or a limit on idle sessions, ended the connection. What runs then is rolled back, and the server does
/// not send this once it has committed: <https://www.postgresql.org/docs/current/protocol-flow.html>.
pub(crate) fn ended_before(error: &dyn DatabaseError) -> bool {
    matches!(error.code().as_deref(), Some("57P01" | "57P05"))
}

fn violation_kind(code: &str) -> Option<ViolationKind> {
    match code {
        "23505" | "23P01" => Some(ViolationKind::Unique),
        "23503" | "23001" => Some(ViolationKind::ForeignKey),
        "23502" => Some(ViolationKind::NotNull),
        // A text longer than its column is refused by the column's type.
        "23514" | "22001" => Some(ViolationKind::Check),
        _ => None,
    }
}

fn violation(kind: ViolationKind, error: &PgDatabaseError) -> Violation {
    let columns = match (kind, error.column()) {
        (_, Some(column)) => vec![column.to_owned()],
        (ViolationKind::Unique, None) => error.detail().map(columns_of).unwrap_or_default(),
        (_, None) => Vec::new(),
    };
    Violation {
        kind,
        table: error.table().map(str::to_owned),
        columns,
        constraint: error.constraint().map(str::to_owned),
    }
}

/// The columns in `Key (room, "number")=(1, 2) already exists.`
fn columns_of(detail: &str) -> Vec<String> {
    let names = detail.split_once('(').and_then(|(_, behind)| behind.split_once(")=("));
    let Some((names, _)) = names else { return Vec::new() };
    let unquoted = |name: &str| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => name.replace("\"\"", "\""),
        None => name.to_owned(),
    };
    names.split(", ").map(unquoted).collect()
}

/// Adds the table and the columns where only those of the write can be meant.
pub(crate) fn complete(violation: &mut Violation, write: &Write) {
    let Some((entity, columns)) = written(write) else { return };
    if violation.kind == ViolationKind::Check && violation.constraint.is_none() && violation.table.is_none() {
        violation.table = Some(entity.table.clone());
        let bounded = columns.iter().copied().filter(|column| entity.columns[*column].length.is_some());
        // Of a table of others the program may not know how long its texts can be.
        let texts = columns.iter().copied().filter(|column| is_text(&entity.columns[*column]));
        violation.columns =
            only_one(entity, bounded).or_else(|| only_one(entity, texts)).into_iter().collect();
    }
    if violation.kind == ViolationKind::Check
        && violation.columns.is_empty()
        && let Some(constraint) = &violation.constraint
    {
        let is_meant = |column: &&Column| *constraint == length_check(&entity.table, &column.name);
        violation.columns.extend(entity.columns.iter().find(is_meant).map(|column| column.name.clone()));
    }
}

fn is_text(column: &Column) -> bool {
    column.column_type == ColumnType::Text
}

/// The name of the column, if it is one alone.
fn only_one(entity: &EntityMetadata, mut columns: impl Iterator<Item = usize>) -> Option<String> {
    let first = columns.next()?;
    columns.next().is_none().then(|| entity.columns[first].name.clone())
}

/// A value that a column refused for its type, of which PostgreSQL says no more than that: the column where only one of
/// those that are written can be meant.
pub(crate) fn unfit(error: &DriverError, write: &Write) -> Option<Violation> {
    let source = std::error::Error::source(error)?.downcast_ref::<sqlx_core::Error>()?;
    let error = source.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    let (entity, columns) = written(write)?;
    let is_meant: fn(&Column) -> bool = match error.code() {
        // Numbers out of range.
        "22003" => |column| {
            matches!(
                column.column_type,
                ColumnType::Int(_)
                    | ColumnType::UnsignedInt(_)
                    | ColumnType::Float
                    | ColumnType::Double
                    | ColumnType::Decimal
            )
        },
        // Dates and times that are none, or out of range.
        "22007" | "22008" => |column| {
            matches!(
                column.column_type,
                ColumnType::Date | ColumnType::Time | ColumnType::DateTime | ColumnType::Timestamp
            )
        },
        // Text that is no value of the column's type, and values of a type that is not the column's.
        "22P02" | "42804" => |_| true,
        _ => return None,
    };
    // Whatever the language of the message, names are quoted in it.
    let mut quoted = error.message().split('"').skip(1).step_by(2);
    let named = quoted.find(|name| columns.iter().any(|column| entity.columns[*column].name == *name));
    let candidates = columns.iter().copied().filter(|column| is_meant(&entity.columns[*column]));
    let column = named.map(str::to_owned).filter(|_| error.code() == "42804");
    let column = column.or_else(|| only_one(entity, candidates));
    Some(Violation {
        kind: ViolationKind::Check,
        table: Some(entity.table.clone()),
        columns: column.into_iter().collect(),
        constraint: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_in_any_language() {
        assert_eq!(columns_of("Key (email)=(a@b) already exists."), ["email"]);
        assert_eq!(
            columns_of("Schlüssel »(room, \"a \"\" b\")=(1, 2)« existiert bereits."),
            ["room", "a \" b"]
        );
        assert_eq!(columns_of("nothing of the kind"), Vec::<String>::new());
    }

    #[test]
    fn kinds_follow_from_codes() {
        for (code, message, expected) in [
            ("23505", "", DriverErrorKind::ConstraintViolation),
            ("22001", "", DriverErrorKind::ConstraintViolation),
            ("40001", "", DriverErrorKind::SerializationFailure),
            ("40P01", "", DriverErrorKind::Deadlock),
            ("55P03", "could not obtain lock on row", DriverErrorKind::LockNotAvailable),
            ("55P03", "canceling statement due to lock timeout", DriverErrorKind::LockTimeout),
            ("25006", "", DriverErrorKind::ReadOnly),
            ("42P01", "", DriverErrorKind::MissingSchemaObject),
            ("3D000", "", DriverErrorKind::MissingSchemaObject),
            ("26000", "", DriverErrorKind::OutdatedStatement),
            ("XX000", "cache lookup failed for type 16391", DriverErrorKind::OutdatedStatement),
            ("XX000", "", DriverErrorKind::Other),
            ("57P01", "", DriverErrorKind::ConnectionLost),
            ("08006", "", DriverErrorKind::ConnectionLost),
            ("42601", "", DriverErrorKind::Other),
        ] {
            assert_eq!(kind(code, message), expected, "{code}");
        }
    }
}
