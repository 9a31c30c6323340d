//! What is to be done next, from the files, what is applied, and what is asked for.
//!
//! Pure: decided anew before each migration, under the lock, so that runners may come in between.

use super::error::{MigrationError, Result};
use super::file::Migration;
use super::history::{Direction, Entry};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Everything up to a version, or everything.
    Up(Option<i64>),
    /// Nothing above a version.
    DownTo(i64),
    /// One less.
    Down,
}

/// Whether a migration may be applied after a later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Strict,
    Any,
}

impl Goal {
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::Up(_) => Direction::Up,
            Self::DownTo(_) | Self::Down => Direction::Down,
        }
    }
}

/// The migrations that are to be run, in order.
pub(super) fn steps<'m>(
    migrations: &'m [Migration],
    history: &[Entry],
    goal: Goal,
    order: Order,
) -> Result<Vec<&'m Migration>> {
    check_clean(history)?;
    match goal {
        Goal::Up(last) => {
            let last = last.unwrap_or(i64::MAX);
            check_known(migrations, Some(last).filter(|last| *last != i64::MAX))?;
            check_unchanged(migrations, history)?;
            let pending: Vec<&Migration> =
                pending(migrations, history).filter(|one| one.version <= last).collect();
            let latest = history.iter().map(|entry| entry.version).max();
            match (pending.first(), latest) {
                (Some(first), Some(latest)) if first.version < latest && order == Order::Strict => {
                    let (version, path) = (first.version, first.up.path.clone());
                    Err(MigrationError::OutOfOrder { version, path, latest })
                }
                _ => Ok(pending),
            }
        }
        Goal::DownTo(version) => {
            check_known(migrations, Some(version).filter(|version| *version != 0))?;
            let above = history.iter().rev().filter(|entry| entry.version > version);
            above.map(|entry| find(migrations, entry)).collect()
        }
        Goal::Down => history.last().map(|entry| find(migrations, entry)).into_iter().collect(),
    }
}

/// Those that are not applied.
pub(super) fn pending<'m>(
    migrations: &'m [Migration],
    history: &[Entry],
) -> impl Iterator<Item = &'m Migration> {
    migrations.iter().filter(|one| !history.iter().any(|entry| entry.version == one.version))
}

/// Refuses to go on where a migration stopped in the middle.
pub(super) fn check_clean(history: &[Entry]) -> Result<()> {
    let dirty = history.iter().find_map(|entry| entry.going.map(|direction| (entry, direction)));
    let Some((Entry { version, name, done, .. }, direction)) = dirty else { return Ok(()) };
    Err(MigrationError::Dirty { version: *version, name: name.clone(), direction, done: *done })
}

/// Refuses to go on where a file is not what was applied.
pub(super) fn check_unchanged(migrations: &[Migration], history: &[Entry]) -> Result<()> {
    for entry in history {
        let migration = find(migrations, entry)?;
        if migration.checksum() != entry.checksum {
            return Err(MigrationError::Changed { version: entry.version, path: migration.up.path.clone() });
        }
    }
    Ok(())
}

fn find<'m>(migrations: &'m [Migration], entry: &Entry) -> Result<&'m Migration> {
    let migration = migrations.iter().find(|one| one.version == entry.version);
    migration.ok_or_else(|| MigrationError::Missing { version: entry.version, name: entry.name.clone() })
}

pub(super) fn check_known(migrations: &[Migration], version: Option<i64>) -> Result<()> {
    match version {
        Some(version) if !migrations.iter().any(|one| one.version == version) => {
            let versions = migrations.iter().map(|one| one.version).collect();
            Err(MigrationError::UnknownVersion { version, versions })
        }
        _ => Ok(()),
    }
}
