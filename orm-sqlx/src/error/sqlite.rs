//! SQLite's result codes and messages.
//!
//! Kinds follow from the extended result code. Names of tables, columns and constraints stand only in the message,
//! in forms that SQLite has kept for many years.

use orm_core::driver::{DriverErrorKind, Violation, ViolationKind, Write};
use orm_core::metadata::{EntityMetadata, PropertyKind, RelationKind};
use orm_core::schema::length_check;
use sqlx_core::error::DatabaseError;

use super::{Problem, written};

const ERROR: u32 = 1;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const CANTOPEN: u32 = 14;
const CONSTRAINT: u32 = 19;
const BUSY_SNAPSHOT: u32 = 517;
const CONSTRAINT_CHECK: u32 = 275;
const CONSTRAINT_FOREIGNKEY: u32 = 787;
const CONSTRAINT_NOTNULL: u32 = 1_299;
const CONSTRAINT_PRIMARYKEY: u32 = 1_555;
const CONSTRAINT_TRIGGER: u32 = 1_811;
const CONSTRAINT_UNIQUE: u32 = 2_067;
const CONSTRAINT_ROWID: u32 = 2_579;
const CONSTRAINT_DATATYPE: u32 = 3_091;

/// What SQLite refused.
pub(crate) fn problem(error: &dyn DatabaseError) -> Problem {
    let code = error.code().and_then(|code| code.parse().ok()).unwrap_or(ERROR);
    problem_of(code, error.message())
}

fn problem_of(code: u32, message: &str) -> Problem {
    let violation = violation(code, message);
    // The lowest byte is the primary code.
    let kind = match code & 0xff {
        // Another one has written what this transaction has read.
        _ if code == BUSY_SNAPSHOT => DriverErrorKind::SerializationFailure,
        READONLY => DriverErrorKind::ReadOnly,
        CONSTRAINT => DriverErrorKind::ConstraintViolation,
        BUSY | LOCKED => DriverErrorKind::Busy,
        CANTOPEN => DriverErrorKind::ConnectionLost,
        ERROR if names_something_missing(message) => DriverErrorKind::MissingSchemaObject,
        _ => DriverErrorKind::Other,
    };
    Problem { kind, message: message.to_owned(), violation, instead: None }
}

fn names_something_missing(message: &str) -> bool {
    message.starts_with("no such table: ")
        || message.starts_with("no such column: ")
        || message.contains(" has no column named ")
}

fn violation(code: u32, message: &str) -> Option<Violation> {
    let kind = match code {
        CONSTRAINT_UNIQUE | CONSTRAINT_PRIMARYKEY | CONSTRAINT_ROWID => ViolationKind::Unique,
        CONSTRAINT_FOREIGNKEY => ViolationKind::ForeignKey,
        CONSTRAINT_NOTNULL => ViolationKind::NotNull,
        // A trigger that raises, and a STRICT table that refuses a type, check too.
        CONSTRAINT_CHECK | CONSTRAINT_TRIGGER | CONSTRAINT_DATATYPE => ViolationKind::Check,
        _ => return None,
    };
    let mut violation = Violation { kind, table: None, columns: Vec::new(), constraint: None };
    let names = match code {
        CONSTRAINT_DATATYPE => message.rsplit_once(" column ").map(|(_, name)| name),
        CONSTRAINT_TRIGGER => None,
        _ => message.split_once(" constraint failed: ").map(|(_, names)| names),
    };
    let Some(names) = names else { return Some(violation) };
    if let Some(index) = names.strip_prefix("index '").and_then(|name| name.strip_suffix('\'')) {
        violation.constraint = Some(index.to_owned());
    } else if let (false, Some((table, columns))) = (code == CONSTRAINT_CHECK, table_and_columns(names)) {
        violation.table = Some(table.to_owned());
        violation.columns = columns.into_iter().map(str::to_owned).collect();
    } else {
        violation.constraint = Some(names.to_owned());
    }
    Some(violation)
}

/// Reads `table.column, table.column`; `None` where a name holds what stands between names.
fn table_and_columns(names: &str) -> Option<(&str, Vec<&str>)> {
    let names =
        names.split(", ").map(|name| name.split_once('.').filter(|(_, column)| !column.contains('.')));
    let names: Vec<(&str, &str)> = names.collect::<Option<_>>()?;
    let (table, _) = names.first()?;
    let is_one_table = names.iter().all(|(other, _)| other == table);
    is_one_table.then(|| (*table, names.iter().map(|(_, column)| *column).collect()))
}

/// Adds what SQLite does not say but the write that was refused does: its table, and the columns where only some
/// can be meant.
pub(crate) fn complete(violation: &mut Violation, write: &Write) {
    if let Write::Link(links) = write
        && violation.table.is_none()
        && let RelationKind::ManyToMany { pivot } = &links.metadata.relation(links.relation).kind
    {
        violation.table = Some(pivot.table.clone());
    }
    // Rows of other tables refer to what was to be deleted; SQLite does not say which.
    let Some((entity, columns)) = written(write) else { return };
    if violation.table.is_some() {
        return;
    }
    let found = match (violation.kind, &violation.constraint) {
        (ViolationKind::ForeignKey, _) => only_foreign_key(entity, &columns),
        (ViolationKind::Unique, Some(name)) => {
            let index = entity.indexes.iter().find(|index| index.name == *name);
            let keys = entity.indexes.iter().map(|index| index.columns.clone());
            let keys = keys.chain([entity.key_columns().collect()]);
            index.map(|index| index.columns.clone()).unwrap_or_else(|| spelled(entity, name, keys))
        }
        (ViolationKind::NotNull, Some(name)) => {
            spelled(entity, name, (0..entity.columns.len()).map(|column| vec![column]))
        }
        (ViolationKind::Check, Some(name)) => {
            let of_column = |column: usize| length_check(&entity.table, &entity.columns[column].name);
            (0..entity.columns.len()).filter(|column| of_column(*column) == *name).collect()
        }
        _ => Vec::new(),
    };
    violation.table = Some(entity.table.clone());
    violation.columns = found.into_iter().map(|column| entity.columns[column].name.clone()).collect();
}

/// Those of `candidates` that SQLite's message names as it does, where its names can't be told apart.
fn spelled(
    entity: &EntityMetadata,
    names: &str,
    mut candidates: impl Iterator<Item = Vec<usize>>,
) -> Vec<usize> {
    let spelling = |columns: &Vec<usize>| {
        let columns =
            columns.iter().map(|column| format!("{}.{}", entity.table, entity.columns[*column].name));
        columns.collect::<Vec<_>>().join(", ") == names
    };
    candidates.find(spelling).unwrap_or_default()
}

/// The columns of the one foreign key that is written, if it is the only one.
fn only_foreign_key(entity: &EntityMetadata, written: &[usize]) -> Vec<usize> {
    let mut keys = entity.properties.iter().filter(|property| {
        matches!(property.kind, PropertyKind::Reference(_))
            && property.columns.clone().any(|column| written.contains(&column))
    });
    match (keys.next(), keys.next()) {
        (Some(only), None) => only.columns.clone().collect(),
        (Some(_) | None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        code: u32,
        message: &str,
        kind: ViolationKind,
        table: Option<&str>,
        columns: &[&str],
        name: Option<&str>,
    ) {
        let problem = problem_of(code, message);
        assert_eq!(problem.kind, DriverErrorKind::ConstraintViolation);
        let expected = Violation {
            kind,
            table: table.map(str::to_owned),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            constraint: name.map(str::to_owned),
        };
        assert_eq!(problem.violation, Some(expected));
    }

    #[test]
    fn a_violation_names_what_the_message_names() {
        let unique = "UNIQUE constraint failed: author.email";
        check(CONSTRAINT_UNIQUE, unique, ViolationKind::Unique, Some("author"), &["email"], None);
        let key = "UNIQUE constraint failed: seat.room, seat.number";
        check(CONSTRAINT_PRIMARYKEY, key, ViolationKind::Unique, Some("seat"), &["room", "number"], None);
        let partial = "UNIQUE constraint failed: index 'book_title'";
        check(CONSTRAINT_UNIQUE, partial, ViolationKind::Unique, None, &[], Some("book_title"));
        let null = "NOT NULL constraint failed: author.name";
        check(CONSTRAINT_NOTNULL, null, ViolationKind::NotNull, Some("author"), &["name"], None);
        let foreign = "FOREIGN KEY constraint failed";
        check(CONSTRAINT_FOREIGNKEY, foreign, ViolationKind::ForeignKey, None, &[], None);
        let length = "CHECK constraint failed: author_name_length";
        check(CONSTRAINT_CHECK, length, ViolationKind::Check, None, &[], Some("author_name_length"));
        let kind = "cannot store TEXT value in INTEGER column author.age";
        check(CONSTRAINT_DATATYPE, kind, ViolationKind::Check, Some("author"), &["age"], None);
        for unclear in ["a.b.c", "a.b, c", "a.b, c.d"] {
            let message = format!("UNIQUE constraint failed: {unclear}");
            check(CONSTRAINT_UNIQUE, &message, ViolationKind::Unique, None, &[], Some(unclear));
        }
        check(CONSTRAINT_TRIGGER, "not on a Sunday: x.y", ViolationKind::Check, None, &[], None);
    }

    #[test]
    fn kinds_follow_from_codes() {
        for (code, message, kind) in [
            (5, "database is locked", DriverErrorKind::Busy),
            (517, "database is locked", DriverErrorKind::SerializationFailure),
            (8, "attempt to write a readonly database", DriverErrorKind::ReadOnly),
            (262, "database table is locked", DriverErrorKind::Busy),
            (1, "no such table: author", DriverErrorKind::MissingSchemaObject),
            (1, "no such column: t0.name", DriverErrorKind::MissingSchemaObject),
            (1, "table author has no column named name", DriverErrorKind::MissingSchemaObject),
            (1, "near \"SELEC\": syntax error", DriverErrorKind::Other),
            (14, "unable to open database file", DriverErrorKind::ConnectionLost),
            (13, "database or disk is full", DriverErrorKind::Other),
        ] {
            let problem = problem_of(code, message);
            assert_eq!((problem.kind, problem.violation), (kind, None), "{message}");
        }
    }
}
