//! The line that a request leaves in the log: what its context has done.

use std::time::Instant;

use orm_core::{EntityManager, RequestContext, Statistics};

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
    context: RequestContext,
    /// Those of the context that were made for the request.
    managers: Vec<EntityManager>,
    /// The number of the first one, by which the log of statements has them.
    number: Option<u64>,
}

impl Summary {
    /// Of a request whose context was made with these managers; `None` where nobody listens.
    pub(crate) fn of(head: &impl Head, context: &RequestContext, managers: &[EntityManager]) -> Option<Self> {
        tracing::enabled!(target: "orm::request", tracing::Level::DEBUG).then(|| Self {
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            started: Instant::now(),
            status: None,
            context: context.clone(),
            managers: managers.to_vec(),
            number: context.scope_sync(|| managers.first().map(EntityManager::id)),
        })
    }

    pub(crate) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Summary {
    fn drop(&mut self) {
        // Whatever is current where this is dropped.
        let each = self.managers.iter().filter_map(|em| self.context.statistics_of(em));
        let seen: Statistics = each.sum();
        let Self { method, path, started, status, number: context, .. } = self;
        let Statistics { statements, identity_map_hits, entities, flushes, .. } = seen;
        let cut_off = status.is_none().then_some(true);
        tracing::debug!(
            target: "orm::request",
            method, path, status, cut_off, context, statements, identity_map_hits, entities, flushes,
            duration = ?started.elapsed(), "request"
        );
    }
}
