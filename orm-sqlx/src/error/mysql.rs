//! MySQL's and MariaDB's error numbers, and what their messages name.
//!
//! <https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html> and
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>. Names of tables, columns and constraints stand only in the
//! messages, which sessions of ours have in English. A message may have a value of a row in it; those are told anew.

use orm_core::driver::{DriverErrorKind, Violation, ViolationKind, Write};
use orm_core::metadata::{EntityMetadata, RelationKind};
use orm_core::schema::length_check;
use sqlx_core::error::DatabaseError;
use sqlx_mysql::MySqlDatabaseError;

use super::{Problem, written};

/// How both name the index of a primary key.
const PRIMARY: &str = "PRIMARY";

/// What the server refused.
pub(crate) fn problem(error: &dyn DatabaseError) -> Problem {
    match error.try_downcast_ref::<MySqlDatabaseError>() {
        Some(error) => problem_of(error.number(), error.code().unwrap_or_default(), error.message()),
        None => Problem {
            kind: DriverErrorKind::Other,
            message: error.message().to_owned(),
            violation: None,
            instead: None,
        },
    }
}

fn problem_of(number: u16, state: &str, message: &str) -> Problem {
    let violation = violation_kind(number, state).map(|kind| violation(kind, number, message));
    // The same number is for what a statement calculates.
    let violation = violation.filter(|violation| number != 1292 || !violation.columns.is_empty());
    let kind = match violation {
        Some(_) => DriverErrorKind::ConstraintViolation,
        None => kind(number),
    };
    let instead = may_have_values(number).then(|| format!("error {number} ({state}) of the server"));
    Problem { kind, message: without_values(number, message, violation.as_ref()), violation, instead }
}

fn kind(number: u16) -> DriverErrorKind {
    match number {
        // A row was changed since the snapshot of the transaction; MariaDB alone looks.
        1020 => DriverErrorKind::SerializationFailure,
        1205 | 1613 => DriverErrorKind::LockTimeout,
        1213 | 1614 => DriverErrorKind::Deadlock,
        3572 => DriverErrorKind::LockNotAvailable,
        // The server, its storage or the transaction is read-only.
        1036 | 1290 | 1792 | 1836 | 1874 => DriverErrorKind::ReadOnly,
        // It was changed too often while it was prepared again, or is not known.
        1615 | 1243 => DriverErrorKind::OutdatedStatement,
        1051 | 1054 | 1049 | 1109 | 1146 => DriverErrorKind::MissingSchemaObject,
        // The server shuts down, or the connection was ended by somebody else, for its idleness among other reasons. A
        // statement that is ended says the same whether its connection is or not, and the connection is closed for it.
        1053 | 1079 | 1080 | 1152 | 1158 | 1159 | 1160 | 1161 | 1184 | 1317 | 1927 | 2006 | 2013 | 3169
        | 4031 => DriverErrorKind::ConnectionLost,
        // What the server thinks to be too large is the last that it reads.
        1153 => DriverErrorKind::ConnectionLost,
        _ => DriverErrorKind::Other,
    }
}

fn violation_kind(number: u16, state: &str) -> Option<ViolationKind> {
    match number {
        1022 | 1062 | 1169 | 1586 | 1859 => Some(ViolationKind::Unique),
        1216 | 1217 | 1451 | 1452 | 1557 | 1761 | 1762 => Some(ViolationKind::ForeignKey),
        1048 | 1263 | 1364 => Some(ViolationKind::NotNull),
        // What a type refuses: a number or a text out of its range, an unknown word of an enum, text of another
        // character set, a day that is none, JSON that is none.
        // 167 is for a key that MariaDB would have generated.
        167 | 1264 | 1265 | 1292 | 1366 | 1406 | 3140 | 3819 => Some(ViolationKind::Check),
        // MySQL has another meaning for the number.
        4025 if state == "23000" => Some(ViolationKind::Check),
        _ => None,
    }
}

fn violation(kind: ViolationKind, number: u16, message: &str) -> Violation {
    let mut violation = Violation { kind, table: None, columns: Vec::new(), constraint: None };
    match number {
        // `Duplicate entry 'x' for key 'author.author_email'`; the entry may be any text, so the last quotes count.
        1062 | 1586 => {
            let key = message.rsplit_once(" for key '").and_then(|(_, key)| key.strip_suffix('\''));
            // MySQL has the table before it.
            match key.map(|key| (key, key.split_once('.'))) {
                Some((_, Some((table, key)))) => {
                    violation.table = Some(table.to_owned());
                    violation.constraint = Some(key.to_owned());
                }
                Some((key, None)) => violation.constraint = Some(key.to_owned()),
                None => {}
            }
        }
        1451 | 1452 => foreign_key(message, &mut violation),
        // `Column 'name' cannot be null`, `Field 'name' doesn't have a default value`, and `Data too long for column
        // 'name' at row 1` with its kin.
        167 | 1048 | 1263 | 1264 | 1265 | 1364 | 1406 => {
            let behind = message.split_once('\'').map_or("", |(_, behind)| behind);
            let ends = ["' cannot be null", "' doesn't have a default value", "' at row "];
            let column = ends.iter().find_map(|end| behind.rsplit_once(end));
            violation.columns.extend(column.map(|(column, _)| column.to_owned()));
        }
        1292 | 1366 | 3140 => of_column(message, &mut violation),
        3819 => {
            let name = message.strip_prefix("Check constraint '").and_then(|rest| rest.rsplit_once('\''));
            violation.constraint = name.map(|(name, _)| name.to_owned());
        }
        4025 => checked(message, &mut violation),
        _ => {}
    }
    violation
}

/// ``… (`db`.`book`, CONSTRAINT `book_author` FOREIGN KEY (`author_id`) REFERENCES `author` (`id`))``
fn foreign_key(message: &str, violation: &mut Violation) {
    let Some((_, described)) = message.split_once(" fails (") else { return };
    let mut names = Names(described);
    let (Some(first), second) = (names.next(), names.next_joined()) else { return };
    violation.table = Some(second.unwrap_or(first));
    if let Some(constraint) = names.after(", CONSTRAINT ") {
        violation.constraint = Some(constraint);
    }
    if let Some(first) = names.after(" FOREIGN KEY (") {
        violation.columns.push(first);
        while let Some(next) = names.after(", ") {
            violation.columns.push(next);
        }
    }
}

/// ``Incorrect integer value: 'x' for column `db`.`author`.`age` at row 1``, or `… for column 'age' at row 1`, or
/// `… in value for column 'author.age'.`; the value may be any text, so the last words count.
fn of_column(message: &str, violation: &mut Violation) {
    let Some((_, described)) = message.rsplit_once(" for column ") else { return };
    let mut names = Names(described);
    let mut parts: Vec<String> = names.next().into_iter().collect();
    while let Some(part) = names.next_joined() {
        parts.push(part);
    }
    match parts.as_slice() {
        [.., table, column] => {
            violation.table = Some(table.clone());
            violation.columns.push(column.clone());
        }
        [column] => violation.columns.push(column.clone()),
        [] => {
            let quoted = described.strip_prefix('\'').and_then(|rest| rest.rsplit_once('\''));
            let Some((name, _)) = quoted else { return };
            match name.split_once('.') {
                Some((table, column)) => {
                    violation.table = Some(table.to_owned());
                    violation.columns.push(column.to_owned());
                }
                None => violation.columns.push(name.to_owned()),
            }
        }
    }
}

/// ``CONSTRAINT `author_name_length` failed for `db`.`author` ``; the check of a column is called `author.name`.
fn checked(message: &str, violation: &mut Violation) {
    let Some(described) = message.strip_prefix("CONSTRAINT ") else { return };
    let mut names = Names(described);
    let Some(constraint) = names.next() else { return };
    if let Some(schema) = names.after(" failed for ") {
        let table = names.next_joined().unwrap_or(schema);
        let column = constraint.strip_prefix(&*table).and_then(|rest| rest.strip_prefix('.'));
        violation.columns.extend(column.map(str::to_owned));
        violation.table = Some(table);
    }
    violation.constraint = Some(constraint);
}

/// Reads names in backticks off the front of a text.
struct Names<'a>(&'a str);

impl Names<'_> {
    fn next(&mut self) -> Option<String> {
        let mut rest = self.0.strip_prefix('`')?;
        let mut name = String::new();
        loop {
            let (part, behind) = rest.split_once('`')?;
            name.push_str(part);
            match behind.strip_prefix('`') {
                Some(behind) => {
                    name.push('`');
                    rest = behind;
                }
                None => {
                    self.0 = behind;
                    return Some(name);
                }
            }
        }
    }

    /// The next one, after a point.
    fn next_joined(&mut self) -> Option<String> {
        self.after(".")
    }

    /// The next one, after these words.
    fn after(&mut self, words: &str) -> Option<String> {
        let before = self.0;
        self.0 = before.strip_prefix(words)?;
        let name = self.next();
        if name.is_none() {
            self.0 = before;
        }
        name
    }
}

/// Whether a message has a value of a row in it.
fn may_have_values(number: u16) -> bool {
    matches!(number, 1062 | 1292 | 1366 | 1367 | 1411 | 1525 | 1586 | 1690 | 3140)
}

/// The server's message, or, where there may be a value of a row in it, another one.
fn without_values(number: u16, message: &str, violation: Option<&Violation>) -> String {
    let column = violation.and_then(|violation| violation.columns.first());
    match (number, column) {
        (1062 | 1586, _) => match violation.and_then(|violation| violation.constraint.as_ref()) {
            Some(key) => format!("duplicate entry for key `{key}`"),
            None => "duplicate entry".to_owned(),
        },
        (1292 | 1366 | 3140, Some(column)) => format!("a value does not fit the column `{column}`"),
        (1292 | 1366 | 1367 | 1411 | 3140, _) => "a value does not fit its type".to_owned(),
        (1690, _) => "a calculated number is out of range".to_owned(),
        (1205, _) => "the row stayed locked by another transaction".to_owned(),
        (1153, _) => {
            "a value, or all values of a statement together, is larger than the server's max_allowed_packet"
                .to_owned()
        }
        _ => message.to_owned(),
    }
}

/// Adds what the server does not say about a violation, but the write that it refused does.
pub(crate) fn complete(violation: &mut Violation, write: &Write) {
    if let Write::Link(links) = write
        && violation.table.is_none()
        && let RelationKind::ManyToMany { pivot } = &links.metadata.relation(links.relation).kind
    {
        violation.table = Some(pivot.table.clone());
    }
    // Rows of other tables refer to what was to be deleted; the message has said which.
    let Some((entity, columns)) = written(write) else { return };
    match violation.kind {
        ViolationKind::Unique => unique(violation, entity),
        ViolationKind::Check if violation.columns.is_empty() => {
            let constraint = violation.constraint.as_deref();
            let is_meant = |column: &&usize| {
                constraint == Some(&*length_check(&entity.table, &entity.columns[**column].name))
            };
            let checked = columns.iter().find(is_meant);
            violation.columns.extend(checked.map(|column| entity.columns[*column].name.clone()));
        }
        ViolationKind::Check | ViolationKind::ForeignKey | ViolationKind::NotNull => {}
        // ViolationKind is non_exhaustive; this crate and the core are released together.
        _ => {}
    }
    if violation.table.is_none() {
        violation.table = Some(entity.table.clone());
    }
}

/// The columns of the index, by its name.
fn unique(violation: &mut Violation, entity: &EntityMetadata) {
    let Some(name) = &violation.constraint else { return };
    // A name may have a point in it, that of the table too.
    let whole = violation.table.as_ref().map_or_else(|| name.clone(), |table| format!("{table}.{name}"));
    let of_table = whole.strip_prefix(&*entity.table).and_then(|rest| rest.strip_prefix('.'));
    let is_named = |own: &str| own == name || own == whole || of_table == Some(own);
    let (columns, constraint): (Vec<usize>, &str) =
        if let Some(index) = entity.indexes.iter().find(|index| is_named(&index.name)) {
            (index.columns.clone(), &index.name)
        } else if of_table == Some(PRIMARY) || violation.table.is_none() && name == PRIMARY {
            (entity.key_columns().collect(), PRIMARY)
        } else if let Some(column) = entity.columns.iter().position(|column| is_named(&column.name)) {
            // An index without a name of its own has that of its first column.
            (vec![column], &entity.columns[column].name)
        } else {
            return;
        };
    violation.columns = columns.into_iter().map(|column| entity.columns[column].name.clone()).collect();
    violation.table = Some(entity.table.clone());
    violation.constraint = Some(constraint.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        number: u16,
        message: &str,
        kind: ViolationKind,
        table: Option<&str>,
        columns: &[&str],
        name: Option<&str>,
    ) {
        let problem = problem_of(number, "23000", message);
        assert_eq!(problem.kind, DriverErrorKind::ConstraintViolation);
        let expected = Violation {
            kind,
            table: table.map(str::to_owned),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            constraint: name.map(str::to_owned),
        };
        assert_eq!(problem.violation, Some(expected));
        assert!(!problem.message.contains("s3cret"), "{}", problem.message);
    }

    #[test]
    fn a_unique_violation_names_its_key() {
        let kind = ViolationKind::Unique;
        let mariadb = "Duplicate entry 's3cret' for key 'author_email'";
        check(1062, mariadb, kind, None, &[], Some("author_email"));
        let mysql = "Duplicate entry 's3cret-1' for key 'author.author_email'";
        check(1062, mysql, kind, Some("author"), &[], Some("author_email"));
        let hostile = "Duplicate entry 's3cret' for key 'b.c'' for key 'author.PRIMARY'";
        check(1062, hostile, kind, Some("author"), &[], Some("PRIMARY"));
        check(1062, "s3cret", kind, None, &[], None);
    }

    #[test]
    fn a_foreign_key_names_its_table_and_columns() {
        let kind = ViolationKind::ForeignKey;
        let child = "Cannot add or update a child row: a foreign key constraint fails (`shop`.`book`, CONSTRAINT \
                     `book_author_id_fk` FOREIGN KEY (`author_id`) REFERENCES `author` (`id`))";
        check(1452, child, kind, Some("book"), &["author_id"], Some("book_author_id_fk"));
        let parent = "Cannot delete or update a parent row: a foreign key constraint fails (`a.b`.`se``at`, CONSTRAINT \
                      `fk, CONSTRAINT ` FOREIGN KEY (`room`, `number`) REFERENCES `room` (`a`, `b`) ON DELETE CASCADE)";
        check(1451, parent, kind, Some("se`at"), &["room", "number"], Some("fk, CONSTRAINT "));
        check(1217, "Cannot delete or update a parent row", kind, None, &[], None);
        check(1452, "a foreign key constraint fails (`shop", kind, None, &[], None);
    }

    #[test]
    fn a_column_is_read_off_the_end() {
        let null = "Column 'name' cannot be null";
        check(1048, null, ViolationKind::NotNull, None, &["name"], None);
        let missing = "Field 'na'me' doesn't have a default value";
        check(1364, missing, ViolationKind::NotNull, None, &["na'me"], None);
        let long = "Data too long for column 'name' at row 1";
        check(1406, long, ViolationKind::Check, None, &["name"], None);
        let quoted =
            "Incorrect integer value: 's3cret for column `a`' for column `shop`.`author`.`age` at row 1";
        check(1366, quoted, ViolationKind::Check, Some("author"), &["age"], None);
        let plain = "Incorrect datetime value: 's3cret' for column 'born' at row 1";
        check(1292, plain, ViolationKind::Check, None, &["born"], None);
        let json = "Invalid JSON text: \"Invalid value.\" at position 1 in value for column 'author.notes'.";
        check(3140, json, ViolationKind::Check, Some("author"), &["notes"], None);
    }

    #[test]
    fn a_check_names_its_constraint() {
        let kind = ViolationKind::Check;
        let mysql = "Check constraint 'author_name_length' is violated.";
        check(3819, mysql, kind, None, &[], Some("author_name_length"));
        let mariadb = "CONSTRAINT `author_name_length` failed for `shop`.`author`";
        check(4025, mariadb, kind, Some("author"), &[], Some("author_name_length"));
        let column = "CONSTRAINT `author.notes` failed for `shop`.`author`";
        check(4025, column, kind, Some("author"), &["notes"], Some("author.notes"));
    }

    #[test]
    fn kinds_follow_from_numbers() {
        for (number, expected) in [
            (1213, DriverErrorKind::Deadlock),
            (1205, DriverErrorKind::LockTimeout),
            (3572, DriverErrorKind::LockNotAvailable),
            (1020, DriverErrorKind::SerializationFailure),
            (1792, DriverErrorKind::ReadOnly),
            (1290, DriverErrorKind::ReadOnly),
            (1146, DriverErrorKind::MissingSchemaObject),
            (1054, DriverErrorKind::MissingSchemaObject),
            (1927, DriverErrorKind::ConnectionLost),
            (1317, DriverErrorKind::ConnectionLost),
            (4031, DriverErrorKind::ConnectionLost),
            (1064, DriverErrorKind::Other),
            (4025, DriverErrorKind::Other),
        ] {
            assert_eq!(problem_of(number, "HY000", "").kind, expected, "{number}");
        }
    }
}
