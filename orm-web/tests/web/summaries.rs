//! The line that a request leaves in the log.

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing;
use futures::StreamExt;
use orm_core::RequestContext;
use orm_web::{Em, RequestContextLayer};

use crate::library::{Author, Failure, Library, get, send};
use crate::log::Log;

/// The numbers are those of this request alone, and the address is told without its query.
#[tokio::test]
async fn a_request_tells_what_it_did() {
    async fn handler(em: Em) -> Result<String, Failure> {
        let author = em.find_by_id_or_fail::<Author>(1).await?;
        em.find_by_id_or_fail::<Author>(1).await?;
        em.find_all::<Author>().await?;
        author.edit().name = "Sansa".to_owned();
        em.flush().await?;
        em.flush().await?;
        let seen = RequestContext::current().map(|context| context.statistics());
        Ok(seen.map(|seen| seen.to_string()).unwrap_or_default())
    }
    let library = Library::open().await;
    let app =
        Router::new().route("/authors", routing::get(handler)).layer(RequestContextLayer::new(&library.orm));
    let log = Log::capture();

    let first = send(&app, get("/authors?token=secret")).await;
    let second = send(&app, get("/authors")).await;

    // Two reads, and BEGIN, UPDATE and COMMIT.
    assert_eq!(first.1, "statements: 5, identity map hits: 1, entities: 1, flushes: 1");
    assert_eq!(second.0, StatusCode::OK);
    let lines = log.lines_with("orm::request");
    let [first, second] = &lines[..] else { panic!("{lines:?}") };
    for word in [
        "method=\"GET\"",
        "path=\"/authors\"",
        "status=200",
        "statements=5",
        "identity_map_hits=1",
        "entities=1",
        "flushes=1",
        "duration=",
    ] {
        assert!(first.contains(word), "no {word} in {first}");
    }
    assert!(!first.contains("secret") && !first.contains("cut_off"), "{first}");
    // The name is what it was.
    assert!(second.contains("statements=2") && second.contains("flushes=0"), "{second}");
}

/// What ends without a response says so: a panic, a client that has gone, a refusal of `on_enter`.
#[tokio::test]
async fn what_was_cut_off_is_told_too() {
    let library = Library::open().await;
    let layer = RequestContextLayer::new(&library.orm).on_enter(|_, parts| match parts.uri.path() {
        "/refused" => Err(StatusCode::FORBIDDEN),
        _ => Ok(()),
    });
    let app = Router::new()
        .route("/waits", routing::get(async || std::future::pending::<()>().await))
        .route("/refused", routing::get(async || ()))
        .layer(layer);
    let log = Log::capture();

    let waiting = send(&app, get("/waits"));
    tokio::select! {
        _ = waiting => panic!("nobody answers"),
        () = tokio::task::yield_now() => {}
    }
    send(&app, get("/refused")).await;

    let lines = log.lines_with("orm::request");
    let [cut, refused] = &lines[..] else { panic!("{lines:?}") };
    assert!(cut.contains("/waits") && cut.contains("cut_off=true") && !cut.contains("status="), "{cut}");
    assert!(refused.contains("status=403") && refused.contains("statements=0"), "{refused}");
}

/// Where the body is in the context, it is part of what is counted.
#[tokio::test]
async fn the_line_comes_after_the_body() {
    let library = Library::open().await;
    let orm = library.orm.clone();
    let handler = move || {
        let orm = orm.clone();
        let piece = async move { orm.em().find_all::<Author>().await.map(|all| all.len().to_string()) };
        let body = Body::from_stream(futures::stream::once(piece).boxed());
        async move { body }
    };
    let layer = RequestContextLayer::new(&library.orm).body_in_context(true);
    let app = Router::new().route("/", routing::get(handler)).layer(layer);
    let log = Log::capture();

    let (status, body) = send(&app, get("/")).await;

    assert_eq!((status, body.as_str()), (StatusCode::OK, "1"));
    let lines = log.lines_with("orm::request");
    assert!(lines.len() == 1 && lines[0].contains("statements=1"), "{lines:?}");
}

/// A layer inside of another one adds no line, and work in a context of its own is not the request's.
#[tokio::test]
async fn a_request_has_one_line() {
    async fn handler(em: Em) -> Result<(), Failure> {
        em.find_all::<Author>().await?;
        RequestContext::create(&*em, async { em.find_all::<Author>().await.map(drop) }).await?;
        Ok(())
    }
    let library = Library::open().await;
    let app = Router::new()
        .route("/", routing::get(handler))
        .layer(RequestContextLayer::new(&library.orm))
        .layer(RequestContextLayer::new(&library.orm));
    let log = Log::capture();
    send(&app, get("/")).await;
    let lines = log.lines_with("orm::request");
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains("status=200") && line.contains(" context="), "{line}");
    assert!(!line.contains("cut_off"), "{line}");
}
