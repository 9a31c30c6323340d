//! The files of migrations: a pair of scripts for each version.
//!
//! Nothing here knows a database but by the name of its folder: what stands in the files is read as text only.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::{MigrationError, Result};

/// A migration, as its files have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Migration {
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) up: Script,
    /// Where its way back is, or would be.
    pub(super) down: Script,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// From the folder on.
    pub(super) path: String,
    pub(super) text: String,
}

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// From the folder on, with `/`.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// The folders of databases.
pub(super) const FOLDERS: [&str; 4] = ["sqlite", "postgres", "mariadb", "mysql"];

const UP: &str = ".up.sql";
const DOWN: &str = ".down.sql";

impl Migration {
    /// What tells whether the file that was applied is this one: of its text, however its lines end.
    pub(super) fn checksum(&self) -> String {
        Sha256::digest(self.up.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The line of a script that can lose data.
pub(super) const DESTRUCTIVE: &str = "-- orm: destructive";

impl Script {
    /// Whether it says of itself that it can lose data.
    #[cfg(feature = "cli")]
    pub(super) fn is_destructive(&self) -> bool {
        self.text.lines().any(|line| line.trim_start().starts_with(DESTRUCTIVE))
    }

    /// Whether it says of itself that it can't be run in a transaction.
    pub(super) fn is_without_transaction(&self) -> bool {
        self.text.lines().any(|line| line.trim() == "-- orm: no-transaction")
    }
}

/// The migrations for the database of `folder`, by version: its own, and those for all where it has none.
pub(super) fn migrations(found: Vec<Found>, folder: &str) -> Result<Vec<Migration>> {
    let (mut own, mut of_all) = (BTreeMap::new(), BTreeMap::new());
    for Found { path, bytes } in found {
        let (place, file) = path.rsplit_once('/').unwrap_or(("", &path));
        let pairs = match place {
            "" => &mut of_all,
            place if place == folder => &mut own,
            _ => continue,
        };
        let Some((version, name, way)) = parse_name(&path, file)? else { continue };
        let script = Script { text: text(&path, bytes)?, path: path.clone() };
        let pair: &mut Pair = pairs.entry(version).or_insert_with(|| Pair::new(name.clone()));
        if pair.name != name {
            let first = pair.up.as_ref().or(pair.down.as_ref()).map(|script| script.path.clone());
            return Err(MigrationError::DuplicateVersion { first: first.unwrap_or_default(), second: path });
        }
        let place = match way {
            Way::Up => &mut pair.up,
            Way::Down => &mut pair.down,
        };
        if let Some(first) = place.replace(script) {
            // Versions are numbers, so that 1 and 01 are one.
            return Err(MigrationError::DuplicateVersion { first: first.path, second: path });
        }
    }
    of_all.append(&mut own);
    of_all.into_iter().map(|(version, pair)| pair.into_migration(version)).collect()
}

#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

struct Pair {
    name: String,
    up: Option<Script>,
    down: Option<Script>,
}

impl Pair {
    fn new(name: String) -> Self {
        Self { name, up: None, down: None }
    }

    fn into_migration(self, version: i64) -> Result<Migration> {
        let Self { name, up, down } = self;
        let Some(up) = up else {
            return Err(MigrationError::NoUp { path: down.map(|down| down.path).unwrap_or_default() });
        };
        let missing = || Script { path: up.path.replace(UP, DOWN), text: String::new() };
        Ok(Migration { version, name, down: down.unwrap_or_else(missing), up })
    }
}

/// The version, the name and the way of `20261129120000_add_books.up.sql`; nothing of files that are no SQL.
fn parse_name(path: &str, file: &str) -> Result<Option<(i64, String, Way)>> {
    if !file.ends_with(".sql") || file.starts_with('.') {
        return Ok(None);
    }
    let refuse = |problem: &str| {
        let problem = format!("{problem}; name it like 20261129120000_add_books.up.sql, or .down.sql");
        Err(MigrationError::Name { path: path.to_owned(), problem })
    };
    let (stem, way) = match (file.strip_suffix(UP), file.strip_suffix(DOWN)) {
        (Some(stem), _) => (stem, Way::Up),
        (None, Some(stem)) => (stem, Way::Down),
        (None, None) => return refuse("it says neither up nor down"),
    };
    let Some((version, name)) = stem.split_once('_') else {
        return refuse("it has no name behind a version");
    };
    if version.is_empty() || !version.bytes().all(|digit| digit.is_ascii_digit()) {
        return refuse("it does not begin with a version, a number");
    }
    let Some(version) = version.parse().ok().filter(|version: &i64| *version > 0) else {
        return refuse("its version is no number from 1 to 9223372036854775807");
    };
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return refuse("its name is empty or longer than 200 characters");
    }
    Ok(Some((version, name.to_owned(), way)))
}

/// As the table has place for.
const LONGEST_NAME: usize = 200;

/// A text, with lines that end as on Unix: what a checkout makes of them is not a change.
fn text(path: &str, bytes: Vec<u8>) -> Result<String> {
    let text = String::from_utf8(bytes).map_err(|error| MigrationError::NotUtf8 {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })?;
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Found> {
        let found = |(path, text): &(&str, &str)| Found { path: (*path).to_owned(), bytes: (*text).into() };
        files.iter().map(found).collect()
    }

    #[track_caller]
    fn refused(files: &[(&str, &str)], expected: &str) {
        let error = migrations(found(files), "sqlite").expect_err("it is refused");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn files_of_a_database_stand_for_those_of_all() {
        let files = [
            ("2_b.up.sql", "b"),
            ("1_a.up.sql", "a"),
            ("1_a.down.sql", "not a"),
            ("sqlite/2_own.up.sql", "own"),
            ("postgres/2_b.up.sql", "another's"),
            ("postgres/nonsense.sql", "another's"),
            ("README.md", "how to"),
        ];
        let migrations = migrations(found(&files), "sqlite").expect("they are right");
        let shown: Vec<_> = migrations.iter().map(|one| (one.version, &*one.name, &*one.up.text)).collect();
        assert_eq!(shown, [(1, "a", "a"), (2, "own", "own")]);
        assert_eq!(
            (&*migrations[0].down.text, &*migrations[1].down.path),
            ("not a", "sqlite/2_own.down.sql")
        );
    }

    #[test]
    fn how_lines_end_is_no_change() {
        let of = |text: &str| {
            migrations(found(&[("1_a.up.sql", text)]), "sqlite").expect("it is right")[0].checksum()
        };
        assert_eq!(of("a\nb"), of("\u{feff}a\r\nb"));
        assert_ne!(of("a\nb"), of("a b"));
        assert_eq!(of("").len(), 64);
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        const HOW: &str = "name it like 20261129120000_add_books.up.sql, or .down.sql";
        refused(&[("1_a.sql", "")], &format!("1_a.sql: it says neither up nor down; {HOW}"));
        refused(&[("1.up.sql", "")], &format!("1.up.sql: it has no name behind a version; {HOW}"));
        refused(
            &[("first_a.up.sql", "")],
            &format!("first_a.up.sql: it does not begin with a version, a number; {HOW}"),
        );
        refused(
            &[("99999999999999999999_a.up.sql", "")],
            &format!(
                "99999999999999999999_a.up.sql: its version is no number from 1 to 9223372036854775807; {HOW}"
            ),
        );
    }

    #[test]
    fn a_version_is_of_one_migration() {
        refused(
            &[("1_a.up.sql", ""), ("1_b.up.sql", "")],
            "1_a.up.sql and 1_b.up.sql have the same version; rename one of them",
        );
        refused(
            &[("1_a.up.sql", ""), ("01_a.up.sql", "")],
            "1_a.up.sql and 01_a.up.sql have the same version; rename one of them",
        );
        refused(
            &[("1_a.down.sql", "")],
            "1_a.down.sql has no `.up.sql` beside it; write it, or delete this one",
        );
    }

    #[test]
    fn what_is_no_text_is_named_with_its_place() {
        let found = vec![Found { path: "1_a.up.sql".into(), bytes: b"select '\xff'".to_vec() }];
        let error = migrations(found, "sqlite").expect_err("it is no text");
        assert_eq!(error.to_string(), "1_a.up.sql is no UTF-8 at byte 8; save it as UTF-8");
    }
}
