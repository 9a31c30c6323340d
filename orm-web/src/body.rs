//! The body of a response: the service's own, polled in the context where that is asked for, or none.
//!
//! Each framework has a trait of its own for bodies, in `tower/body.rs` and `actix/body.rs`.

use std::fmt;
use std::pin::Pin;
use std::task::Poll;

use orm_core::RequestContext;
use pin_project_lite::pin_project;

use crate::enter::Entered;
use crate::summary::Summary;

pin_project! {
    /// The body of a response that came through the layer of tower or the middleware of actix-web.
    ///
    /// `B`'s own, piece by piece; empty where the middleware answered in the service's place.
    #[must_use = "a body does nothing unless polled"]
    pub struct ResponseBody<B> {
        #[pin]
        pub(crate) inner: Option<B>,
        context: Option<RequestContext>,
        summary: Option<Summary>,
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn empty() -> Self {
        Self { inner: None, context: None, summary: None }
    }

    pub(crate) fn outside(body: B) -> Self {
        Self { inner: Some(body), context: None, summary: None }
    }

    pub(crate) fn inside(entered: Entered, body: B) -> Self {
        Self { inner: Some(body), context: Some(entered.context), summary: entered.summary }
    }

    /// Polls the service's own body in its place; one that is empty is at its end.
    pub(crate) fn poll_inner<T>(
        self: Pin<&mut Self>,
        poll: impl FnOnce(Pin<&mut B>) -> Poll<Option<T>>,
    ) -> Poll<Option<T>> {
        let this = self.project();
        let Some(body) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        match this.context {
            Some(request) => request.scope_sync(|| poll(body)),
            None => poll(body),
        }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (&self.inner, &self.context) {
            (None, _) => "empty",
            (Some(_), None) => "outside",
            (Some(_), Some(_)) => "in the context",
        };
        write!(f, "ResponseBody({place})")
    }
}
