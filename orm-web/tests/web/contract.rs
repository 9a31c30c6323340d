//! The contract of a tower service: readiness, clones, and contexts that are made by a call.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{Request, Response};
use futures::future::poll_fn;
use orm_core::Orm;
use orm_web::{RequestContextLayer, RequestContextService};
use parking_lot::Mutex;
use tower::{Layer, Service, ServiceExt};

use crate::library::{Library, Probe, get};

/// Is ready at the second poll, for one call; a call without that is a mistake. Its clones are not ready.
struct Slow {
    polls: u32,
    contexts: Arc<Mutex<Vec<u64>>>,
    orm: Orm,
}

impl Clone for Slow {
    fn clone(&self) -> Self {
        Self { polls: 0, contexts: Arc::clone(&self.contexts), orm: self.orm.clone() }
    }
}

impl Service<Request<Body>> for Slow {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls += 1;
        if self.polls >= 2 {
            return Poll::Ready(Ok(()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(self.polls >= 2, "called without being ready");
        self.polls = 0;
        self.contexts.lock().push(self.orm.em().id());
        ready(Ok(Response::new(Body::empty())))
    }
}

fn slow(library: &Library) -> (RequestContextService<Slow>, Arc<Mutex<Vec<u64>>>) {
    let contexts = Arc::default();
    let service = Slow { polls: 0, contexts: Arc::clone(&contexts), orm: library.orm.clone() };
    (RequestContextLayer::new(&library.orm).layer(service), contexts)
}

/// What was polled to readiness is what is called, each time anew, and pending is passed on.
#[tokio::test]
async fn the_service_that_is_ready_is_the_one_that_is_called() {
    let library = Library::open().await;
    let (mut service, contexts) = slow(&library);
    for _ in 0..3 {
        let mut polls = 0;
        poll_fn(|context| {
            polls += 1;
            service.poll_ready(context)
        })
        .await
        .unwrap();
        assert_eq!(polls, 2);
        service.call(get("/")).await.unwrap();
    }
    assert_eq!(contexts.lock().len(), 3);
}

/// A clone is a service of its own, with contexts of its own.
#[tokio::test]
async fn clones_share_no_context() {
    let library = Library::open().await;
    let (mut service, contexts) = slow(&library);
    service.ready().await.unwrap();
    let mut clone = service.clone();
    clone.ready().await.unwrap().call(get("/")).await.unwrap();
    service.call(get("/")).await.unwrap();
    let contexts = contexts.lock();
    assert_eq!(contexts.len(), 2);
    assert_ne!(contexts[0], contexts[1]);
}

/// A context is made by the call, not before, and goes with the future, polled or not.
#[tokio::test]
async fn a_context_is_made_by_the_call() {
    let library = Library::open().await;
    let probe = Probe::default();
    let marks = probe.clone();
    let contexts = Arc::default();
    let service = Slow { polls: 0, contexts, orm: library.orm.clone() };
    let layer = RequestContextLayer::new(&library.orm).on_enter(move |em, _| em.set(marks.mark()));
    let mut service = layer.layer(service);

    service.ready().await.unwrap();
    assert_eq!(probe.contexts(), 0);
    let response = service.call(get("/"));
    assert_eq!(probe.contexts(), 1);
    drop(response);
    assert_eq!(probe.contexts(), 0);
}
