//! Writes migrations: from what the entities need and the database lacks, or blank ones.
//!
//! The database is only looked at. What is written is for its kind alone, and is read by a person before it is run.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use orm_core::schema::{SchemaChange, SchemaDiff, Unknown};

use super::error::{MigrationError, Result};
use super::file::DESTRUCTIVE;
use super::migrator::Migrator;
use super::runner::Runner;
use super::source::MigrationSource;

/// A migration that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedMigration {
    /// Its version: the time at which it was made, in UTC.
    pub version: i64,
    /// The script that applies it.
    pub up: PathBuf,
    /// The script that takes it back.
    pub down: PathBuf,
    /// The changes that can lose data. The scripts say so too.
    pub destructive: Vec<SchemaChange>,
}

impl Migrator {
    /// Writes a migration that brings the database, with everything applied, to what the entities need; `None` if it has
    /// that already. Look at it before you run it: a change that can lose data is marked.
    ///
    /// The pair is written to the folder of the database, such as `migrations/sqlite`, with a version that is the time in
    /// UTC. Tables that no entity knows may be another program's, and stay, unless [`Unknown::Dropped`] says otherwise.
    ///
    /// # Errors
    ///
    /// [`Pending`](MigrationError::Pending) and everything else that [`check`](Self::check) refuses,
    /// [`NoFolder`](MigrationError::NoFolder), [`Name`](MigrationError::Name), [`File`](MigrationError::File), and
    /// [`Orm`](MigrationError::Orm) where the database can't be compared.
    pub async fn create(&self, name: &str, unknown: Unknown) -> Result<Option<CreatedMigration>> {
        let name = file_name(name)?;
        make_folder(self.own_folder()?)?;
        self.check().await?;
        let diff = self.diff(unknown).await?;
        if diff.is_empty() {
            return Ok(None);
        }
        let (up, down) = scripts(&diff);
        self.write(&name, &up, &down, diff.destructive().cloned().collect()).await.map(Some)
    }

    /// Writes a migration without statements, to be filled in.
    ///
    /// # Errors
    ///
    /// [`NoFolder`](MigrationError::NoFolder), [`Name`](MigrationError::Name) and [`File`](MigrationError::File).
    pub async fn create_blank(&self, name: &str) -> Result<CreatedMigration> {
        let up = "-- What this changes, statement by statement. All of it is one transaction where the database allows.\n";
        let down = "-- What takes it back.\n";
        self.write(&file_name(name)?, up, down, Vec::new()).await
    }

    /// What the entities need and the database, as it is now, does not have.
    ///
    /// # Errors
    ///
    /// [`Orm`](MigrationError::Orm) where the database can't be compared.
    pub async fn diff(&self, unknown: Unknown) -> Result<SchemaDiff> {
        let schema = self.orm.schema();
        Ok(match unknown {
            Unknown::Left => schema.diff().await?,
            Unknown::Dropped => schema.diff().drop_unknown().ignore(&self.table).await?,
        })
    }

    fn own_folder(&self) -> Result<&Path> {
        match &self.source {
            MigrationSource::Folder(folder) => Ok(folder),
            MigrationSource::Embedded(_) => Err(MigrationError::NoFolder),
        }
    }

    async fn write(
        &self,
        name: &str,
        up: &str,
        down: &str,
        destructive: Vec<SchemaChange>,
    ) -> Result<CreatedMigration> {
        let folder = self.own_folder()?;
        make_folder(folder)?;
        let (own, latest) = {
            let runner = Runner::open(self).await?;
            (folder.join(runner.folder), runner.migrations.iter().map(|one| one.version).max())
        };
        make_folder(&own)?;
        let now = version_of(self.orm.em().now());
        let version = latest.map_or(now, |latest| now.max(latest.saturating_add(1)));
        let paths = [
            (own.join(format!("{version}_{name}.up.sql")), up),
            (own.join(format!("{version}_{name}.down.sql")), down),
        ];
        for (path, text) in &paths {
            write_new(path, text)?;
        }
        let [(up, _), (down, _)] = paths;
        Ok(CreatedMigration { version, up, down, destructive })
    }
}

/// A name as files have it: small letters, digits and `_`.
fn file_name(name: &str) -> Result<String> {
    let words = name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    let file_name = words.collect::<Vec<_>>().join("_").to_lowercase();
    if file_name.is_empty() || file_name.chars().count() > 100 {
        let problem =
            "it has no letter or digit, or more than 100; say what changes, such as `add books`".to_owned();
        return Err(MigrationError::Name { path: format!("`{name}`"), problem });
    }
    Ok(file_name)
}

/// The time as a number of fourteen digits.
fn version_of(time: SystemTime) -> i64 {
    let micros = time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_micros()).ok());
    let text = micros.and_then(|micros| orm_sql::temporal::datetime_text(micros).ok()).unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(14).collect();
    digits.parse().unwrap_or(1)
}

/// What goes there and what goes back.
fn scripts(diff: &SchemaDiff) -> (String, String) {
    let (mut up, mut down) = (String::from("-- Made from the entities:\n"), String::from("-- Takes back:\n"));
    for change in diff.changes() {
        let line = one_line(&change.to_string());
        // Writing to a text can't fail.
        let _ = writeln!(up, "-- - {line}");
        let _ = writeln!(down, "-- - {line}");
    }
    if diff.has_destructive() {
        up.push_str(DESTRUCTIVE);
        up.push_str(" (look at what is marked; what it loses does not come back)\n");
        down.push_str("-- What the destructive changes have lost stays lost: this makes tables and columns anew, without rows.\n");
    }
    write_statements(&mut up, &diff.all().up, &diff.safe().up);
    write_statements(&mut down, &diff.all().down, &diff.safe().down);
    (up, down)
}

/// Each statement on its own, those that are not among the safe ones with a mark.
fn write_statements(script: &mut String, statements: &[String], safe: &[String]) {
    for statement in statements {
        let mark = if safe.contains(statement) { "" } else { "-- Destructive:\n" };
        let _ = write!(script, "\n{mark}{};\n", statement.trim_end().trim_end_matches(';'));
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(written(path))
}

/// Never over a file that is there.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(written(path))
}

fn written(path: &Path) -> impl FnOnce(std::io::Error) -> MigrationError {
    let path = path.to_owned();
    move |source| MigrationError::File { action: "written", path, source }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orm_core::schema::Risk;
    use orm_core::schema::SchemaScript;
    use orm_core::schema::database::DatabaseName;

    use super::*;

    #[test]
    fn a_version_is_the_time() {
        assert_eq!(version_of(UNIX_EPOCH + Duration::from_secs(1_795_953_600)), 20_261_129_120_000);
        assert_eq!(version_of(UNIX_EPOCH - Duration::from_secs(1)), 1);
    }

    #[test]
    fn a_name_becomes_one_of_a_file() {
        assert_eq!(file_name(" Add Books, and: Authors! ").expect("it is a name"), "add_books_and_authors");
        assert_eq!(file_name("../../etc").expect("it is a name"), "etc");
        for name in ["", " ", "../..", &"a".repeat(101)] {
            assert!(matches!(file_name(name), Err(MigrationError::Name { .. })));
        }
    }

    #[test]
    fn what_can_lose_data_is_marked_both_ways() {
        let change = |description: &str, risk| SchemaChange {
            table: DatabaseName::new(None, "book"),
            description: description.to_owned(),
            risk,
        };
        let changes = vec![
            change("add the column book.pages", Risk::Safe),
            change("drop the column book.title", Risk::Destructive("its values are lost".to_owned())),
        ];
        let script = |up: &[&str], down: &[&str]| SchemaScript {
            up: up.iter().map(|one| (*one).to_owned()).collect(),
            down: down.iter().map(|one| (*one).to_owned()).collect(),
        };
        let safe = script(&["add pages"], &["drop pages"]);
        let all = script(&["add pages", "drop title;"], &["add title", "drop pages"]);
        let (up, down) = scripts(&SchemaDiff::new(changes, safe, all));
        assert!(up.contains(
            "-- - drop the column book.title (destructive: its values are lost)\n-- orm: destructive"
        ));
        assert!(up.ends_with("\nadd pages;\n\n-- Destructive:\ndrop title;\n"), "{up}");
        assert!(down.contains("stays lost"), "{down}");
        assert!(down.ends_with("\n-- Destructive:\nadd title;\n\ndrop pages;\n"), "{down}");
    }
}
