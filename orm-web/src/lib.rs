//! Request contexts of [`orm_core`] as middleware: every request has an identity map of its own.
//!
//! [`RequestContextLayer`] runs a service in a fresh [`RequestContext`](orm_core::RequestContext) for each request: the
//! managers and repositories that are shared by the whole program then find the request's own fork by themselves. It is a
//! layer of tower, for axum, tonic, hyper and whatever else takes one; actix-web has
//! `actix::RequestContextMiddleware`, with the same options.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use axum::Router;
//! use axum::extract::State;
//! use axum::http::StatusCode;
//! use axum::routing::{get, post};
//! use orm_core::prelude::*;
//! use orm_sqlx::Sqlite;
//! use orm_web::{Em, RequestContextLayer};
//!
//! #[derive(Entity, Clone, Debug, Default)]
//! struct Book {
//!     #[entity(id, auto)]
//!     id: i64,
//!     title: String,
//! }
//!
//! /// Made once at start, and shared by all requests.
//! struct Services {
//!     books: Repository<Book>,
//! }
//!
//! /// The repository finds the context of this request.
//! async fn count(State(services): State<Arc<Services>>) -> Result<String, StatusCode> {
//!     let count = services.books.count_all().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
//!     Ok(count.to_string())
//! }
//!
//! /// So does `Em`, where a handler wants the manager itself. The layer flushes.
//! async fn add(em: Em, title: String) -> Result<StatusCode, StatusCode> {
//!     em.persist(Book { title, ..Book::default() }).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
//!     Ok(StatusCode::CREATED)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let orm = Orm::builder(Sqlite::connect("sqlite::memory:").await?).entity::<Book>().build().await?;
//!     orm.schema().create().await?;
//!     let services = Arc::new(Services { books: orm.em().get_repository() });
//!
//!     let app = Router::new()
//!         .route("/books", get(count))
//!         .route("/books", post(add))
//!         .layer(RequestContextLayer::new(&orm).flush_on_success(true))
//!         .with_state(services);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:3000").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Where in the stack
//!
//! Right before the handlers, but outside of everything that uses the ORM, such as an authentication that loads the user:
//! what is outside of the layer is outside of the context, and the ORM refuses it there with
//! [`Error::GlobalContext`](orm_core::Error::GlobalContext). Inside of what deals with requests as such: tracing,
//! timeouts, limits of the body, compression, catching panics. From the outside in:
//!
//! ```text
//! tracing → catching panics → timeout → limits → RequestContextLayer → authentication by the ORM → handler
//! ```
//!
//! **axum** runs `.layer(..)` calls from the bottom to the top: the last one is the outermost. So the layer comes *after*
//! those that use the ORM:
//!
//! ```no_run
//! # use axum::{Router, extract::Request, middleware::{Next, from_fn}, response::Response, routing::get};
//! # use orm_web::RequestContextLayer;
//! # async fn authenticate(request: Request, next: Next) -> Response { next.run(request).await }
//! # fn example(orm: orm_core::Orm) -> Router {
//! Router::new()
//!     .route("/books", get(async || "…"))
//!     .layer(from_fn(authenticate)) // loads the user: inside of the context
//!     .layer(RequestContextLayer::new(&orm))
//!     // tracing, timeouts and limits follow here: outside of it
//! # }
//! ```
//!
//! [`ServiceBuilder`](https://docs.rs/tower/latest/tower/struct.ServiceBuilder.html) runs its layers from the top to the
//! bottom: there, the layer comes *before* those that use the ORM. A layer wraps the routes that are there already, not
//! those that are added after it; `.route_layer(..)` is for routes alone, so that requests that no route matches make no
//! context. **actix-web** runs `.wrap(..)` calls as axum does: the last one is the outermost.
//!
//! A layer inside of another one with the same manager goes on in the context of the outer one, and says so by a warning.
//! Layers side by side, on different routes, have nothing to do with each other.
//!
//! # What outlives the handler
//!
//! The context is current in the handler and in what it awaits, and nowhere else:
//!
//! * **Spawned tasks** are carried in by [`.in_current_context()`](orm_core::InCurrentContext::in_current_context), which
//!   is called before the task is spawned. They then share the identity map of the request. Where they should have one of
//!   their own, and no part in its transaction, [`spawn_in_context`](orm_core::spawn_in_context) spawns them with a fork.
//! * **Streaming bodies**, server-sent events among them, are polled after the handler has returned: in the context with
//!   [`body_in_context(true)`](RequestContextLayer::body_in_context), outside any without.
//! * **WebSockets** live on in a task that the framework spawns. A socket is open for long and an identity map grows, so
//!   make a context for each message: `RequestContext::create(&orm, handle(message)).await`. The request's own context is
//!   carried in by [`RequestContext::current`](orm_core::RequestContext::current) before the upgrade and
//!   [`scope`](orm_core::RequestContext::scope) in it.
//! * **A client that hangs up** ends the handler where it awaits, as everywhere in async Rust; its transaction is rolled
//!   back. With [`detached(true)`](RequestContextLayer::detached) the handler goes on to its end.
//!
//! # What a request did
//!
//! Each request leaves a line in the log at its end, through `tracing` at level DEBUG with the target `orm::request`: method,
//! path, status and duration, and the [`Statistics`](orm_core::Statistics) of its context: statements, identity map hits,
//! entities and flushes. With `body_in_context` it comes after the body. A request whose handler panicked or was cut off
//! has `cut_off` instead of a status, as one whose service failed with an error of its own has in tower. `context` is the number
//! that the `QueryLog` of `orm-sqlx` shows behind `#`. What the request did in other contexts, such as that of a
//! spawned task, is not counted. In a test, [`RequestContext::statistics`](orm_core::RequestContext::statistics) tells
//! the same.
//!
//! # Features
//!
//! | Feature | What it brings |
//! | --- | --- |
//! | `tower`, on by default | [`RequestContextLayer`] |
//! | `axum` | `Em` as an extractor of axum |
//! | `actix` | `actix::RequestContextMiddleware`, and `Em` as an extractor of actix-web |

#![forbid(unsafe_code)]

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(any(feature = "actix", feature = "tower"))]
mod body;
#[cfg(any(feature = "actix", feature = "axum"))]
mod em;
#[cfg(any(feature = "actix", feature = "tower"))]
mod enter;
#[cfg(any(feature = "actix", feature = "tower"))]
mod flush;
#[cfg(any(feature = "actix", feature = "tower"))]
mod settings;
#[cfg(any(feature = "actix", feature = "tower"))]
mod summary;
#[cfg(feature = "tower")]
pub mod tower;

#[cfg(any(feature = "actix", feature = "axum"))]
pub use em::{Em, NoContext};
#[cfg(any(feature = "actix", feature = "tower"))]
pub use enter::{EnterResult, Refusal};
#[cfg(any(feature = "actix", feature = "tower"))]
pub use flush::FlushFailed;
#[cfg(feature = "tower")]
pub use tower::{RequestContextLayer, RequestContextService};
