//! The body of a response: the service's own, polled in the context where that is asked for, or none.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use orm_core::RequestContext;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response that came through [`RequestContextLayer`](crate::RequestContextLayer).
    ///
    /// `B`'s own, frame by frame; empty where the layer answered in the service's place.
    #[must_use = "a body does nothing unless polled"]
    pub struct ResponseBody<B> {
        #[pin]
        inner: Option<B>,
        context: Option<RequestContext>,
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn empty() -> Self {
        Self { inner: None, context: None }
    }

    pub(super) fn outside(body: B) -> Self {
        Self { inner: Some(body), context: None }
    }

    pub(super) fn inside(context: RequestContext, body: B) -> Self {
        Self { inner: Some(body), context: Some(context) }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let Some(body) = this.inner.as_pin_mut() else { return Poll::Ready(None) };
        match this.context {
            Some(request) => request.scope_sync(|| body.poll_frame(context)),
            None => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
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
