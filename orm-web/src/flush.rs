//! The end of a request that went well: what its handler changed is flushed, where the middleware was told so.

use std::fmt;
use std::sync::Arc;

use orm_core::Error;

use crate::enter::Entered;

/// Why a response is a 500 though its handler succeeded: the flush after it failed.
///
/// It is an extension of that response, for layers further out that answer better: with 409 where a constraint was
/// violated, or with an error in the form that the API has.
///
/// ```
/// # use orm_web::FlushFailed;
/// # fn example(response: &mut http::Response<()>) {
/// if let Some(failed) = response.extensions().get::<FlushFailed>() {
///     if failed.error().violation().is_some() {
///         *response.status_mut() = http::StatusCode::CONFLICT;
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FlushFailed {
    manager: String,
    error: Arc<Error>,
}

impl FlushFailed {
    /// The name of the manager whose flush failed. Those before it have been flushed, those after it have not.
    #[must_use]
    pub fn manager(&self) -> &str {
        &self.manager
    }

    /// What the flush failed with.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl fmt::Display for FlushFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the flush of manager `{}` after the handler failed", self.manager)
    }
}

impl std::error::Error for FlushFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

impl Entered {
    /// Flushes the managers one after the other, in the order in which the middleware names them. To be awaited in the
    /// context, which hooks and subscribers find there.
    ///
    /// # Errors
    ///
    /// The first one that fails, logged.
    pub(crate) async fn flush(&self) -> Result<(), FlushFailed> {
        for em in &self.managers {
            if let Err(error) = em.flush().await {
                let failed = FlushFailed { manager: em.name().to_owned(), error: Arc::new(error) };
                tracing::error!(
                    target: "orm", error = &failed as &dyn std::error::Error,
                    "the handler succeeded, but its changes could not be saved; the request is answered with 500"
                );
                return Err(failed);
            }
        }
        Ok(())
    }
}
