//! actix-web: the middleware, with the options of the layer of tower, and `Em` among the arguments of a handler.
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use orm_core::{Entity, Orm};
//! use orm_web::Em;
//! use orm_web::actix::RequestContextMiddleware;
//!
//! #[derive(Entity, Clone, Debug, Default)]
//! struct Book {
//!     #[entity(id, auto)]
//!     id: i64,
//!     title: String,
//! }
//!
//! async fn count(em: Em) -> actix_web::Result<String> {
//!     let count = em.count_all::<Book>().await.map_err(actix_web::error::ErrorInternalServerError)?;
//!     Ok(count.to_string())
//! }
//!
//! async fn serve(orm: Orm) -> std::io::Result<()> {
//!     let app = move || {
//!         App::new()
//!             .route("/books", web::get().to(count))
//!             // after what uses the ORM: the last `wrap` is the outermost
//!             .wrap(RequestContextMiddleware::new(&orm).flush_on_success(true))
//!     };
//!     HttpServer::new(app).bind(("127.0.0.1", 3000))?.run().await
//! }
//! ```
//!
//! Futures need not be `Send` here: a request stays on the thread that it came to.

mod body;

use std::fmt;
use std::future::{Future, Ready, ready};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::StatusCode;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, ResponseError, rt};
use orm_core::EntityManager;
use orm_core::context::RequestManagers;

pub use crate::body::ResponseBody;
use crate::em::{Em, NoContext};
use crate::enter::{EnterResult, Entered};
use crate::settings::Settings;

/// A middleware that runs a service in a fresh request context for each request.
///
/// Where it belongs in a stack is said in the [docs of the crate](crate#where-in-the-stack).
#[derive(Clone)]
#[must_use = "a middleware does nothing until an application is wrapped in it"]
pub struct RequestContextMiddleware {
    settings: Settings<HttpRequest>,
}

impl RequestContextMiddleware {
    /// A middleware for one ORM or manager, or for a list of them: `&orm`, `[&orders, &archive]`.
    #[track_caller]
    pub fn new(managers: impl RequestManagers) -> Self {
        Self { settings: Settings::new(managers) }
    }

    /// Whether the managers are flushed after the service has succeeded, before the head of the response is sent. Off if
    /// not set.
    ///
    /// Success is a status below 400. If a flush fails, the response is a 500 without a body instead, with
    /// [`FlushFailed`](crate::FlushFailed) among its extensions. After an error nothing is flushed, and what was pending goes
    /// with the context. Several managers are flushed one after the other, each in a transaction of its own. What a
    /// streaming body changes is not flushed.
    pub fn flush_on_success(mut self, flushes: bool) -> Self {
        self.settings.flush_on_success = flushes;
        self
    }

    /// Whether the service goes on to its end when the client hangs up, the flush of
    /// [`flush_on_success`](Self::flush_on_success) included. Off if not set.
    ///
    /// Each request is then a task on its thread, in the context; other task-locals that were set outside of the middleware
    /// are not there. A panic goes on in the task that waits.
    pub fn detached(mut self, detaches: bool) -> Self {
        self.settings.detached = detaches;
        self
    }

    /// Runs `on_enter` in the new context before the service, to set request values and parameters of filters by the
    /// request. Once for each manager of the middleware, in the order in which they were given; several such functions
    /// one after the other.
    ///
    /// It may return nothing, or a result: `Err(StatusCode)` is answered at once, without a body, and an
    /// [`orm_core::Error`] is logged and answered with 500. The service is then not called.
    pub fn on_enter<R: EnterResult>(
        mut self,
        on_enter: impl Fn(&EntityManager, &HttpRequest) -> R + Send + Sync + 'static,
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

impl fmt::Debug for RequestContextMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestContextMiddleware").field(&self.settings).finish()
    }
}

impl<S, B> Transform<S, ServiceRequest> for RequestContextMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Transform = RequestContextService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(RequestContextService { inner, settings: Rc::new(self.settings.clone()) }))
    }
}

/// A service under a [`RequestContextMiddleware`].
#[derive(Debug)]
pub struct RequestContextService<S> {
    inner: S,
    settings: Rc<Settings<HttpRequest>>,
}

impl<S, B> Service<ServiceRequest> for RequestContextService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let entered = match self.settings.enter(request.request()) {
            Ok(entered) => entered,
            Err(status) => return Box::pin(ready(Ok(request.into_response(refused(status))))),
        };
        let handled = entered.context.scope_sync(|| self.inner.call(request));
        let context = entered.context.clone();
        let work = respond(Rc::clone(&self.settings), entered, handled);
        if self.settings.detached {
            let task = rt::spawn(async move { context.scope(work).await });
            Box::pin(async { task.await.unwrap_or_else(cut_off) })
        } else {
            Box::pin(context.scope(work))
        }
    }
}

/// Waits for the service, flushes, and gives the body its place.
async fn respond<B: MessageBody>(
    settings: Rc<Settings<HttpRequest>>,
    mut entered: Entered,
    handled: impl Future<Output = Result<ServiceResponse<B>, Error>>,
) -> Result<ServiceResponse<ResponseBody<B>>, Error> {
    let response = match handled.await {
        Ok(response) => response,
        Err(error) => {
            entered.answered(error.as_response_error().status_code().as_u16());
            return Err(error);
        }
    };
    let status = response.status();
    let is_success = !status.is_client_error() && !status.is_server_error();
    if settings.flush_on_success
        && is_success
        && let Err(failed) = entered.flush().await
    {
        entered.answered(500);
        let mut answer = refused(500);
        answer.extensions_mut().insert(failed);
        return Ok(response.into_response(answer));
    }
    entered.answered(status.as_u16());
    Ok(response.map_body(|_, body| {
        if settings.body_in_context {
            ResponseBody::inside(entered, body)
        } else {
            ResponseBody::outside(body)
        }
    }))
}

fn refused<B>(status: u16) -> HttpResponse<ResponseBody<B>> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::with_body(status, ResponseBody::empty())
}

/// The task of a detached service came to no end: it panicked, or the runtime shuts down.
fn cut_off<B>(error: rt::task::JoinError) -> Result<ServiceResponse<ResponseBody<B>>, Error> {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => Err(actix_web::error::ErrorServiceUnavailable(error)),
    }
}

impl FromRequest for Em {
    type Error = NoContext;
    type Future = Ready<Result<Self, NoContext>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::extract())
    }
}

impl ResponseError for NoContext {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::InternalServerError().body(self.body())
    }
}
