//! Folders of tests, which go with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use orm_core::{Error, Result};

/// An empty folder that nobody else has.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("orm-tests-folder-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).map_err(Error::other)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, below folders that are made if need be.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.0.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::other)?;
        }
        fs::write(path, content).map_err(Error::other)
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses.
    pub fn remove(&self, path: &str) -> Result<()> {
        fs::remove_file(self.0.join(path)).map_err(Error::other)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
