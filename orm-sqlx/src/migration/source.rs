//! Where migrations come from: a folder, or the program itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{MigrationError, Result};
use super::file::{FOLDERS, Found};

/// Where migrations come from.
#[derive(Clone, Debug)]
pub enum MigrationSource {
    /// A folder, read each time that it is asked.
    Folder(PathBuf),
    /// The program: see `embed!`.
    Embedded(Embedded),
}

/// Migrations that were compiled into the program by `embed!`.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    files: &'static [(&'static str, &'static str)],
}

impl Embedded {
    /// What `embed!` emits: paths from the folder on, with `/`, and what stands in the files.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(files: &'static [(&'static str, &'static str)]) -> Self {
        Self { files }
    }
}

impl MigrationSource {
    /// Every file, its own of every database too.
    pub(super) fn read(&self) -> Result<Vec<Found>> {
        match self {
            Self::Folder(folder) => read_folder(folder),
            Self::Embedded(embedded) => {
                let found =
                    |(path, text): &(&str, &str)| Found { path: (*path).to_owned(), bytes: (*text).into() };
                Ok(embedded.files.iter().map(found).collect())
            }
        }
    }
}

impl From<Embedded> for MigrationSource {
    fn from(embedded: Embedded) -> Self {
        Self::Embedded(embedded)
    }
}

impl From<PathBuf> for MigrationSource {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

impl From<&Path> for MigrationSource {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<&str> for MigrationSource {
    fn from(folder: &str) -> Self {
        Self::Folder(folder.into())
    }
}

fn read_folder(folder: &Path) -> Result<Vec<Found>> {
    let mut found = read_files(folder, "")?;
    for own in FOLDERS {
        let path = folder.join(own);
        if path.is_dir() {
            found.extend(read_files(&path, own)?);
        }
    }
    Ok(found)
}

/// The SQL in a folder, in the order of names.
fn read_files(folder: &Path, place: &str) -> Result<Vec<Found>> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| MigrationError::File { action: "read", path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            let (path, problem) = (path.display().to_string(), "its name is no UTF-8; rename it".to_owned());
            return Err(MigrationError::Name { path, problem });
        };
        if path.is_dir() {
            check_folder(&path, place, name)?;
            continue;
        }
        if !name.ends_with(".sql") {
            continue;
        }
        let bytes = fs::read(&path).map_err(failed(&path))?;
        let path = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
        found.push(Found { path, bytes });
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

/// Refuses a folder with SQL in it that nobody would read.
fn check_folder(path: &Path, place: &str, name: &str) -> Result<()> {
    if place.is_empty() && FOLDERS.contains(&name) || name.starts_with('.') {
        return Ok(());
    }
    let entries = fs::read_dir(path);
    let entries =
        entries.map_err(|source| MigrationError::File { action: "read", path: path.to_owned(), source })?;
    let has_sql =
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "sql"));
    if has_sql {
        let problem = format!("no database has a folder of this name; call it {}", FOLDERS.join(", "));
        return Err(MigrationError::Name { path: path.display().to_string(), problem });
    }
    Ok(())
}
