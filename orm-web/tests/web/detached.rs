//! `detached`: whether a handler goes on when nobody waits for its response any more.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing;
use orm_web::{Em, RequestContextLayer};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::library::{Failure, Library, Probe, get, send, shelve};

/// A handler that stops in the middle until it is let go on.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// For the handler.
    pub(crate) async fn pass(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// Waits until a handler is at the gate.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

/// Schedules a book, stops at the gate, and is flushed by the layer.
pub(crate) fn shelving_at(gate: &Gate, layer: RequestContextLayer) -> Router {
    let gate = gate.clone();
    let handler = move |em: Em| async move {
        shelve(&em, "Lavinia")?;
        gate.pass().await;
        Ok::<_, Failure>("shelved")
    };
    Router::new().route("/", routing::get(handler)).layer(layer.flush_on_success(true))
}

/// Waits until the last context of `probe` is gone, which is soon.
pub(crate) async fn gone(probe: &Probe) {
    let going = async {
        while probe.contexts() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), going).await.expect("the context goes");
}

/// The client goes while the handler is at the gate, which is opened afterwards. Returns the contexts that were left then.
async fn hang_up(layer: RequestContextLayer) -> usize {
    let (gate, probe) = (Gate::new(), Probe::default());
    let marks = probe.clone();
    let app = shelving_at(&gate, layer.on_enter(move |em, _| em.set(marks.mark())));
    let request = tokio::spawn(app.oneshot(get("/")));
    gate.arrival().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    let left = probe.contexts();
    gate.open();
    gone(&probe).await;
    left
}

#[tokio::test]
async fn a_detached_handler_finishes_without_its_client() {
    let library = Library::open().await;
    assert_eq!(hang_up(RequestContextLayer::new(&library.orm).detached(true)).await, 1);
    assert_eq!(library.titles().await, ["Lavinia", "Tehanu", "The Dispossessed"]);
}

#[tokio::test]
async fn another_handler_stops_with_its_client() {
    let library = Library::open().await;
    assert_eq!(hang_up(RequestContextLayer::new(&library.orm)).await, 0);
    assert_eq!(library.titles().await, ["Tehanu", "The Dispossessed"]);
}

/// With its client it is a handler like others.
#[tokio::test]
async fn a_detached_handler_answers_its_client() {
    let library = Library::open().await;
    let (gate, layer) = (Gate::new(), RequestContextLayer::new(&library.orm).detached(true));
    let app = shelving_at(&gate, layer);
    gate.open();
    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "shelved".into()));
    assert_eq!(library.titles().await.len(), 3);
}

#[tokio::test]
async fn a_panic_of_a_detached_handler_is_a_panic() {
    let library = Library::open().await;
    let handler = async || {
        if true {
            panic!("in the middle")
        }
    };
    let app = Router::new()
        .route("/", routing::get(handler))
        .layer(RequestContextLayer::new(&library.orm).detached(true));
    let error = tokio::spawn(async move { send(&app, get("/")).await }).await.unwrap_err();
    assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"in the middle"));
}
