//! Requests that go wrong before, in and after their handlers: each gets a clear answer, and nothing is lost or left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode, header};
use axum::routing::{get as route_get, post};
use axum::{Json, Router, body::Body};
use orm_core::subscriber::{EntityEvent, FlushChanges, FlushEvent, TransactionEvent};
use orm_core::{Error, Orm, Result, Subscriber};
use orm_sqlx::Sqlite;
use orm_web::{Em, RequestContextLayer};
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;

use crate::detached::gone;
use crate::library::{Author, Failure, Library, Probe, get, send, shelve};
use crate::over_http::{request, response, serve};

/// A layer that flushes after success, and counts contexts.
fn flushing(orm: &Orm, probe: &Probe) -> RequestContextLayer {
    let marks = probe.clone();
    RequestContextLayer::new(orm).flush_on_success(true).on_enter(move |em, _| em.set(marks.mark()))
}

fn post_to(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

/// Has scheduled a book before it looks at the body.
fn shelving_titles(library: &Library, probe: &Probe) -> Router {
    let handler = async |em: Em, Json(titles): Json<Vec<String>>| {
        for title in &titles {
            shelve(&em, title)?;
        }
        Ok::<_, Failure>(titles.len().to_string())
    };
    Router::new()
        .route("/titles", post(handler))
        .layer(DefaultBodyLimit::max(64))
        .layer(flushing(&library.orm, probe))
}

/// What is no JSON, or not the one that is asked for, never reaches the handler; the client is told what is wrong.
#[tokio::test]
async fn invalid_json_is_refused_before_the_handler() {
    let (library, probe) = (Library::open().await, Probe::default());
    let app = shelving_titles(&library, &probe);
    for (body, status, words) in [
        ("[\"Lavinia\"", StatusCode::BAD_REQUEST, "EOF while parsing"),
        ("[\"Lavinia\", 1]", StatusCode::UNPROCESSABLE_ENTITY, "expected a string"),
        ("", StatusCode::BAD_REQUEST, "EOF while parsing"),
    ] {
        let (answered, text) = send(&app, post_to("/titles", body)).await;
        assert_eq!(answered, status, "{body}: {text}");
        assert!(text.contains(words), "{body}: {text}");
    }
    assert_eq!((library.statements.count(), probe.contexts()), (0, 0));
    assert_eq!(send(&app, post_to("/titles", "[\"Lavinia\"]")).await, (StatusCode::OK, "1".into()));
    assert_eq!(library.titles().await.len(), 3);
}

/// A body above the limit is refused by what reads it, and nothing of it is saved.
#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let (library, probe) = (Library::open().await, Probe::default());
    let app = shelving_titles(&library, &probe);
    let body = format!("[\"{}\"]", "Lavinia ".repeat(100));
    let (status, text) = send(&app, post_to("/titles", body)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("length limit exceeded"), "{text}");
    assert_eq!((library.statements.count(), probe.contexts()), (0, 0));
    assert_eq!(send(&app, post_to("/titles", "[\"Lavinia\"]")).await.0, StatusCode::OK);
}

/// A body that ends in the middle is an error of the client, whose handler does not run.
#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let (library, probe) = (Library::open().await, Probe::default());
    let app = shelving_titles(&library, &probe);
    let pieces = [Ok("[\"Lav"), Err(std::io::Error::other("the client is gone"))];
    let body = Body::from_stream(futures::stream::iter(pieces));
    let (status, text) = send(&app, post_to("/titles", body)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    assert_eq!((library.statements.count(), probe.contexts()), (0, 0));
}

/// Where another request has the only connection, the next one is told who has it, and the one after that finds it free.
#[tokio::test]
async fn an_exhausted_pool_is_an_error_that_names_the_holder() {
    let patience = Duration::from_millis(50);
    let driver = Sqlite::options().acquire_timeout(patience).connect().await.unwrap();
    let orm = Orm::builder(driver).wait_timeout(patience).entity::<Author>().build().await.unwrap();
    orm.schema().create().await.unwrap();
    let probe = Probe::default();
    let (entered, has_entered) = oneshot::channel();
    let (leave, may_leave) = oneshot::channel::<()>();
    let channels = Arc::new(Mutex::new(Some((entered, may_leave))));
    let holding = move |em: Em| async move {
        let (entered, may_leave) = channels.lock().take().unwrap();
        em.transactional(async |em| {
            em.persist(Author { name: "Lem".into(), ..Author::default() })?;
            em.flush().await?;
            entered.send(()).unwrap();
            may_leave.await.unwrap();
            Ok(())
        })
        .await
        .map_err(Failure::from)
    };
    let counting =
        async |em: Em| Ok::<_, Failure>(em.count_all::<Author>().await.map(|count| count.to_string())?);
    let app = Router::new()
        .route("/hold", route_get(holding))
        .route("/count", route_get(counting))
        .layer(flushing(&orm, &probe));

    let holder = tokio::spawn(app.clone().oneshot(get("/hold")));
    has_entered.await.unwrap();
    let (status, text) = send(&app, get("/count")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.contains("transaction of ") && text.contains("bad_input.rs"), "{text}");
    assert_eq!(probe.contexts(), 1, "only the holder's");

    leave.send(()).unwrap();
    assert_eq!(holder.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(send(&app, get("/count")).await, (StatusCode::OK, "1".into()));
    assert_eq!(probe.contexts(), 0);
}

/// Stops at the moment of this number for good, in the request that it is registered with.
struct StopsAt {
    moment: usize,
    seen: AtomicUsize,
    /// Gets the moment's name.
    stopped: mpsc::UnboundedSender<&'static str>,
}

impl StopsAt {
    async fn moment(&self, name: &'static str) -> Result<()> {
        if self.seen.fetch_add(1, Ordering::SeqCst) == self.moment {
            self.stopped.send(name).map_err(Error::other)?;
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Subscriber for StopsAt {
    async fn before_flush(&self, _: &FlushEvent<'_>) -> Result<()> {
        self.moment("before the flush").await
    }

    async fn on_flush(&self, _: &mut FlushChanges<'_>) -> Result<()> {
        self.moment("before BEGIN").await
    }

    async fn after_transaction_start(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.moment("after BEGIN").await
    }

    async fn after_create(&self, _: &EntityEvent<'_>) -> Result<()> {
        self.moment("after INSERT").await
    }

    async fn before_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.moment("before COMMIT").await
    }

    async fn after_transaction_commit(&self, _: &TransactionEvent<'_>) -> Result<()> {
        self.moment("after COMMIT").await
    }
}

/// A client that goes in the middle of a flush leaves all or nothing, wherever that is: of the layer's flush, and of one in a
/// transaction. The context goes along, and the connection is free for the next request.
#[tokio::test]
async fn a_client_that_goes_in_the_middle_of_a_flush_leaves_all_or_nothing() {
    async fn two_books(em: Em) -> Result<(), Failure> {
        shelve(&em, "Lavinia")?;
        shelve(&em, "Malafrena")?;
        Ok(())
    }
    async fn two_books_in_a_transaction(em: Em) -> Result<(), Failure> {
        em.transactional(async |em| {
            shelve(&em, "Lavinia")?;
            em.flush().await?;
            shelve(&em, "Malafrena")?;
            Ok(())
        })
        .await?;
        Ok(())
    }

    for path in ["/flush", "/transaction"] {
        let mut moments = Vec::new();
        loop {
            let (library, probe) = (Library::open().await, Probe::default());
            let (stopped, mut stops) = mpsc::unbounded_channel();
            let moment = moments.len();
            let layer = flushing(&library.orm, &probe).on_enter(move |em, parts| {
                if parts.uri.query() == Some("stops") {
                    em.add_subscriber(StopsAt {
                        moment,
                        seen: AtomicUsize::new(0),
                        stopped: stopped.clone(),
                    });
                }
            });
            let app = Router::new()
                .route("/flush", route_get(two_books))
                .route("/transaction", route_get(two_books_in_a_transaction))
                .layer(layer);
            let address = serve(app).await;

            let mut client = request(address, &format!("{path}?stops")).await;
            let mut answer = String::new();
            tokio::select! {
                moment = stops.recv() => moments.push(moment.unwrap()),
                read = client.read_to_string(&mut answer) => drop(read.unwrap()),
            }
            drop(client);
            gone(&probe).await;
            let books = library.titles().await.len();
            if answer.starts_with("HTTP/1.1 200 ") {
                assert_eq!(books, 4, "{path} came to its end");
                break;
            }
            let last = moments[moment];
            let is_committed = moments.contains(&"after COMMIT");
            assert_eq!(books, if is_committed { 4 } else { 2 }, "{path}, {last}");
            if books == 2 {
                let answer = response(request(address, path).await).await;
                assert!(answer.starts_with("HTTP/1.1 200 "), "{path}, {last}: {answer}");
                assert_eq!(library.titles().await.len(), 4);
            }
        }
        for moment in ["before BEGIN", "after BEGIN", "after INSERT", "before COMMIT", "after COMMIT"] {
            assert!(moments.contains(&moment), "{path} never stopped {moment}: {moments:?}");
        }
    }
}
