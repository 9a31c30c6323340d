//! tower: the layer for axum, tonic, hyper and whatever else takes one.
//!
//! The context is made when the service is called, not when it is cloned or ready, so that clones share nothing. The inner
//! service is called at once, in the context: the one that was polled to readiness is the one that is called.

mod body;

use std::fmt;
use std::future::{Future, ready};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response, StatusCode};
use orm_core::EntityManager;
use orm_core::context::RequestManagers;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;

pub use crate::body::ResponseBody;
use crate::enter::{EnterResult, Entered};
use crate::settings::Settings;

/// A layer that runs a service in a fresh request context for each request.
///
/// Where it belongs in a stack is said in the [docs of the crate](crate#where-in-the-stack).
///
/// # Examples
///
/// ```no_run
/// # use axum::{Router, http::StatusCode, routing::get};
/// # use orm_web::RequestContextLayer;
/// # struct CurrentTenant(String);
/// # fn example(orm: orm_core::Orm) -> Router {
/// let layer = RequestContextLayer::new(&orm).flush_on_success(true).on_enter(|em, parts| {
///     let tenant = parts.headers.get("tenant").and_then(|name| name.to_str().ok());
///     let tenant = tenant.ok_or(StatusCode::BAD_REQUEST)?;
///     em.set(CurrentTenant(tenant.to_owned())).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
/// });
/// Router::new().route("/", get(async || "hello")).layer(layer)
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct RequestContextLayer {
    settings: Settings<Parts>,
}

impl RequestContextLayer {
    /// A layer for one ORM or manager, or for a list of them: `&orm`, `[&orders, &archive]`.
    #[track_caller]
    pub fn new(managers: impl RequestManagers) -> Self {
        Self { settings: Settings::new(managers) }
    }

    /// Whether the managers are flushed after the service has succeeded, before the head of the response is sent. Off if
    /// not set.
    ///
    /// Success is a status below 400, and for gRPC one that does not come with the head as an error. If a flush fails, the
    /// response is a 500 without a body instead, with [`FlushFailed`](crate::FlushFailed) among its extensions. After an
    /// error nothing is flushed, and what was pending goes with the context. Several managers are flushed one after the
    /// other, each in a transaction of its own. What a streaming body changes is not flushed.
    pub fn flush_on_success(mut self, flushes: bool) -> Self {
        self.settings.flush_on_success = flushes;
        self
    }

    /// Whether the service goes on to its end when the client hangs up, the flush of
    /// [`flush_on_success`](Self::flush_on_success) included. Off if not set.
    ///
    /// Each request is then a task of tokio, in the context and in the current span of tracing; other task-locals that
    /// were set outside of the layer are not there. A panic goes on in the task that waits. A timeout outside of the layer
    /// answers the client and does not stop the service.
    pub fn detached(mut self, detaches: bool) -> Self {
        self.settings.detached = detaches;
        self
    }

    /// Runs `on_enter` in the new context before the service, to set request values and parameters of filters by the
    /// head of the request. Once for each manager of the layer, in the order in which they were given; several such
    /// functions one after the other.
    ///
    /// It may return nothing, or a result: `Err(StatusCode)` is answered at once, without a body, and an
    /// [`orm_core::Error`] is logged and answered with 500. The service is then not called. It is for what the head alone
    /// tells: what has to ask the database, such as who a token belongs to, is a layer of its own, inside of this one.
    pub fn on_enter<R: EnterResult>(
        mut self,
        on_enter: impl Fn(&EntityManager, &Parts) -> R + Send + Sync + 'static,
    ) -> Self {
        self.settings.add_on_enter(on_enter);
        self
    }

    /// Whether the body of the response is polled in the context: for streams and server-sent events that use the ORM
    /// while they are sent. Off if not set.
    ///
    /// The context then lives as long as the body.
    pub fn body_in_context(mut self, is_in_context: bool) -> Self {
        self.settings.body_in_context = is_in_context;
        self
    }
}

impl fmt::Debug for RequestContextLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestContextLayer").field(&self.settings).finish()
    }
}

impl<S> Layer<S> for RequestContextLayer {
    type Service = RequestContextService<S>;

    fn layer(&self, inner: S) -> RequestContextService<S> {
        RequestContextService { inner, settings: Arc::new(self.settings.clone()) }
    }
}

/// A service under a [`RequestContextLayer`].
#[derive(Clone, Debug)]
pub struct RequestContextService<S> {
    inner: S,
    settings: Arc<Settings<Parts>>,
}

impl<S, B, C> Service<Request<B>> for RequestContextService<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    C: Send + 'static,
{
    type Response = Response<ResponseBody<C>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let entered = match self.settings.enter(&parts) {
            Ok(entered) => entered,
            Err(status) => return Box::pin(ready(Ok(refused(status)))),
        };
        let request = Request::from_parts(parts, body);
        let handled = entered.context.scope_sync(|| self.inner.call(request));
        let context = entered.context.clone();
        let work = respond(Arc::clone(&self.settings), entered, handled);
        if self.settings.detached {
            let task = tokio::spawn(async move { context.scope(work).await }.in_current_span());
            Box::pin(async { task.await.unwrap_or_else(cut_off) })
        } else {
            Box::pin(context.scope(work))
        }
    }
}

/// Waits for the service, flushes, and gives the body its place.
async fn respond<C, E>(
    settings: Arc<Settings<Parts>>,
    mut entered: Entered,
    handled: impl Future<Output = Result<Response<C>, E>>,
) -> Result<Response<ResponseBody<C>>, E> {
    let response = handled.await?;
    if settings.flush_on_success
        && is_success(&response)
        && let Err(failed) = entered.flush().await
    {
        entered.answered(500);
        let mut response = answer(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(failed);
        return Ok(response);
    }
    entered.answered(response.status().as_u16());
    Ok(response.map(|body| {
        if settings.body_in_context {
            ResponseBody::inside(entered, body)
        } else {
            ResponseBody::outside(body)
        }
    }))
}

/// gRPC tells errors by a header of a response with status 200, or after the body, when it is too late for a flush.
fn is_success<C>(response: &Response<C>) -> bool {
    let status = response.status();
    let grpc_status = response.headers().get("grpc-status");
    !status.is_client_error() && !status.is_server_error() && grpc_status.is_none_or(|status| status == "0")
}

fn answer<C>(status: StatusCode) -> Response<ResponseBody<C>> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}

fn refused<C>(status: u16) -> Response<ResponseBody<C>> {
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

/// The task of a detached service came to no end: it panicked, or the runtime shuts down.
fn cut_off<C, E>(error: tokio::task::JoinError) -> Result<Response<ResponseBody<C>>, E> {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Ok(answer(StatusCode::SERVICE_UNAVAILABLE)),
    }
}
