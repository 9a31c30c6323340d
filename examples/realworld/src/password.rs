//! Passwords: hashed and compared on threads where that may take its time, and never shown.

use std::fmt;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash as ParsedHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::entities::PasswordHash;
use crate::error::{ApiError, Result};

/// A password as somebody typed it.
#[derive(Default, Deserialize)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Hashing takes a core and 19 MiB: as many at a time as there are cores.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(available_parallelism().map_or(1, usize::from)));

/// What is kept of a new password.
pub(crate) async fn hash(password: Password) -> Result<PasswordHash> {
    on_own_thread(move || {
        let hash: ParsedHash = Argon2::default().hash_password(password.0.as_bytes())?;
        Ok(PasswordHash(hash.to_string()))
    })
    .await
}

/// Whether `password` is the one that `kept` was made of. Without one it takes as long, so that the time does not tell who
/// is registered.
pub(crate) async fn is_right(password: Password, kept: Option<PasswordHash>) -> Result<bool> {
    on_own_thread(move || {
        let Some(PasswordHash(kept)) = kept else {
            let _: ParsedHash = Argon2::default().hash_password(password.0.as_bytes())?;
            return Ok(false);
        };
        let kept = ParsedHash::new(&kept)?;
        Ok(Argon2::default().verify_password(password.0.as_bytes(), &kept).is_ok())
    })
    .await
}

async fn on_own_thread<V: Send + 'static>(
    work: impl FnOnce() -> Result<V, argon2::password_hash::Error> + Send + 'static,
) -> Result<V> {
    let turn = TURNS.acquire().await.map_err(ApiError::internal)?;
    let done = spawn_blocking(move || {
        // Kept until the work is done, even if nobody waits for it any more.
        let _turn = turn;
        work()
    });
    done.await.map_err(ApiError::internal)?.map_err(|error| ApiError::internal(error.to_string()))
}
