//! The line that a request leaves in the log: what its context has done.

use std::time::Instant;

use orm_core::{EntityManager, Statistics};

/// The head of a request, as far as the log tells it. Never the query of its address, which may hold secrets.
pub(crate) trait Head {
    fn method(&self) -> &str;
    fn path(&self) -> &str;
}

#[cfg(feature = "tower")]
impl Head for http::request::Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.uri.path()
    }
}

#[cfg(feature = "actix")]
impl Head for actix_web::HttpRequest {
    fn method(&self) -> &str {
        self.method().as_str()
    }

    fn path(&self) -> &str {
        self.path()
    }
}

/// Tells, when it is dropped, what was done for a request: at the end of its handler, or of its body where that is in the
/// context; and also where the handler panicked or was cut off.
#[derive(Debug)]
pub(crate) struct Summary {
    method: String,
    path: String,
    started: Instant,
    /// That of the response, once there is one.
    status: Option<u16>,
    managers: Vec<EntityManager>,
}

impl Summary {
    /// Of a request whose context was made with these managers; `None` where nobody listens.
    pub(crate) fn of(head: &impl Head, managers: &[EntityManager]) -> Option<Self> {
        tracing::enabled!(target: "orm::request", tracing::Level::DEBUG).then(|| Self {
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            started: Instant::now(),
            status: None,
            managers: managers.to_vec(),
        })
    }

    pub(crate) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Summary {
    fn drop(&mut self) {
        let each = self.managers.iter().map(EntityManager::statistics);
        let seen = each.fold(Statistics::default(), Statistics::and);
        let Self { method, path, started, status, .. } = self;
        let Statistics { statements, identity_map_hits, entities, flushes, .. } = seen;
        let cut_off = status.is_none().then_some(true);
        tracing::debug!(
            target: "orm::request",
            method, path, status, cut_off, statements, identity_map_hits, entities, flushes,
            duration = ?started.elapsed(), "request"
        );
    }
}
