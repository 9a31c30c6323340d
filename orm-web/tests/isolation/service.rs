//! The service under test: handlers over one ORM, each request in a context of its own by the layer.
//!
//! Handlers use the global manager and a repository that was made at start, as programs do.

mod browse;
mod problems;
mod race;
mod stream;
mod tasks;
mod visit;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use orm_core::{EntityManager, Error, Orm, Repository, RequestContext};
use orm_web::RequestContextLayer;
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub(crate) use self::visit::{Planned, greeting};
use crate::breaks::Break;
use crate::census::{Census, Numbered};
use crate::ledger::Ledger;
use crate::library::{Book, OfTenant, Visitor};
use crate::witness::Witness;

/// What all requests share. Made once.
pub(crate) struct Service {
    pub(crate) orm: Orm,
    /// Finds the context of the request that it is used in.
    pub(crate) books: Repository<Book>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) census: Census,
    pub(crate) numbered: Numbered,
    pub(crate) ledger: Ledger,
    pub(crate) seed: u64,
    pub(crate) breaks: Option<Break>,
    pub(crate) busy: Busy,
    /// What a broken service keeps.
    kept: Mutex<Option<RequestContext>>,
    keeps_transaction: AtomicBool,
    last_tenant: AtomicI64,
    /// Of clients that hang up when their handler is about to save.
    waiting: Mutex<HashMap<usize, oneshot::Sender<()>>>,
}

/// How many handlers there are at one time, and how much they did.
#[derive(Default)]
pub(crate) struct Busy {
    now: AtomicUsize,
    pub(crate) most: AtomicUsize,
    pub(crate) tasks: AtomicU64,
    pub(crate) cancelled: AtomicU64,
}

impl Service {
    /// For requests of the numbers 1 to `requests`.
    pub(crate) fn new(
        orm: Orm,
        witness: Arc<Witness>,
        seed: u64,
        requests: usize,
        breaks: Option<Break>,
    ) -> Arc<Self> {
        let first = orm.em().fork().id();
        Arc::new(Self {
            books: orm.em().get_repository(),
            orm,
            witness,
            census: Census::default(),
            numbered: Numbered::from(first, 1_000 + requests * 16),
            ledger: Ledger::of(requests),
            seed,
            breaks,
            busy: Busy::default(),
            kept: Mutex::default(),
            keeps_transaction: AtomicBool::new(breaks == Some(Break::KeptTransaction)),
            last_tenant: AtomicI64::new(1),
            waiting: Mutex::new(HashMap::with_capacity(1_000)),
        })
    }

    /// For the client of this request: told when its handler is about to save, or ended when it does not come to that.
    pub(crate) fn moment_of_saving(&self, request: usize) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.waiting.lock().insert(request, tell);
        told
    }

    /// Its routes: those that read, those that the layer flushes, and those that go on without their client.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let reading = Router::new()
            .route("/browse", get(browse::browse))
            .route("/tasks", get(tasks::tasks))
            .route("/race", get(race::race))
            .route("/stream", get(stream::stream))
            .route("/books/{id}", get(problems::book))
            .route("/books-with-author/{id}", get(problems::book_with_author))
            .route("/everything", get(problems::everything))
            .layer(self.layer().body_in_context(true));
        let writing = Router::new()
            .route("/transfer", post(write::transfer))
            .route("/note", post(write::note))
            .layer(self.layer().flush_on_success(self.breaks != Some(Break::LostWrite)));
        let detached = Router::new()
            .route("/detached/transfer", post(write::transfer))
            .layer(self.layer().detached(true));
        let router = reading.merge(writing).merge(detached).with_state(Arc::clone(self));
        if self.breaks == Some(Break::SharedContext) {
            // The layer goes on in a context that is there.
            let shared = RequestContext::new(&self.orm);
            let enter = move |request: Request, next: Next| {
                let shared = shared.clone();
                async move { shared.scope(next.run(request)).await }
            };
            return router.layer(from_fn(enter));
        }
        router
    }

    fn layer(self: &Arc<Self>) -> RequestContextLayer {
        let service = Arc::clone(self);
        RequestContextLayer::new(&self.orm).on_enter(move |em, head| service.enter(em, head))
    }

    /// Says in a new context whose it is, by the head of the request.
    fn enter(&self, em: &EntityManager, head: &Parts) -> Result<(), StatusCode> {
        let (request, mut tenant) = (number(head, "request")?, number(head, "tenant")?);
        self.say_whose(em, request, tenant).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        if self.breaks == Some(Break::SharedParameter) {
            tenant = self.last_tenant.swap(tenant, Ordering::SeqCst);
        }
        let filter = OfTenant { tenant, witness: Arc::clone(&self.witness) };
        em.set_filter_params(filter).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn say_whose(&self, em: &EntityManager, request: usize, tenant: i64) -> Result<(), Error> {
        let is_entered = AtomicBool::new(false);
        em.set(Visitor { request, tenant, is_entered, _mark: self.census.mark() })
    }

    /// As `enter`, for a scope inside of a request.
    pub(crate) fn enter_as(&self, request: usize, tenant: i64) -> Result<(), Error> {
        self.say_whose(self.orm.em(), request, tenant)?;
        self.orm.em().set_filter_params(OfTenant { tenant, witness: Arc::clone(&self.witness) })
    }
}

fn number<N: std::str::FromStr>(head: &Parts, name: &str) -> Result<N, StatusCode> {
    let text = head.headers.get(name).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).ok_or(StatusCode::BAD_REQUEST)
}

/// What a handler fails with: 500 and the text of the error, which no plan has. Counted, since a client that hung up does
/// not read it.
pub(crate) struct Failure(String);

static FAILURES: AtomicU64 = AtomicU64::new(0);

impl Failure {
    /// How many there were so far.
    pub(crate) fn count() -> u64 {
        FAILURES.load(Ordering::SeqCst)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        FAILURES.fetch_add(1, Ordering::SeqCst);
        Self(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0).into_response()
    }
}
