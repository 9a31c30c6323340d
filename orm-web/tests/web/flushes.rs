//! `flush_on_success`: what is flushed after a handler, what is not, and what a client gets when it fails.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing;
use orm_core::Error;
use orm_web::{Em, FlushFailed, RequestContextLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::library::{Failure, Library, get, send, shelve};
use crate::log::Log;

/// Schedules "Lavinia" and answers with `status`.
fn shelving(status: StatusCode, layer: RequestContextLayer) -> Router {
    let handler = move |em: Em| async move {
        shelve(&em, "Lavinia")?;
        Ok::<_, Failure>((status, [(header::LOCATION, "/books/Lavinia")], "shelved"))
    };
    Router::new().route("/", routing::get(handler)).layer(layer)
}

#[tokio::test]
async fn a_success_is_flushed_where_it_is_asked_for() {
    for status in [StatusCode::OK, StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::SEE_OTHER] {
        let library = Library::open().await;
        let app = shelving(status, RequestContextLayer::new(&library.orm).flush_on_success(true));
        assert_eq!(send(&app, get("/")).await.0, status);
        assert_eq!(library.titles().await, ["Lavinia", "Tehanu", "The Dispossessed"], "{status}");
    }
}

#[tokio::test]
async fn nothing_is_flushed_where_it_is_not_asked_for() {
    let library = Library::open().await;
    for layer in [
        RequestContextLayer::new(&library.orm),
        RequestContextLayer::new(&library.orm).flush_on_success(true).flush_on_success(false),
    ] {
        let app = shelving(StatusCode::OK, layer);
        assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "shelved".into()));
        assert_eq!(library.statements.count(), 0);
    }
}

#[tokio::test]
async fn nothing_is_flushed_after_an_error() {
    let library = Library::open().await;
    for status in [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR] {
        let app = shelving(status, RequestContextLayer::new(&library.orm).flush_on_success(true));
        assert_eq!(send(&app, get("/")).await, (status, "shelved".into()));
        assert_eq!(library.statements.count(), 0, "{status}");
    }
}

/// The service's own error goes through, unflushed.
#[tokio::test]
async fn nothing_is_flushed_after_a_service_failed() {
    let library = Library::open().await;
    let em = library.orm.em().clone();
    let service = service_fn(move |_: Request<Body>| {
        let shelved = shelve(&em, "Lavinia");
        async move { shelved.and(Err::<Response<Body>, _>(Error::other("no"))) }
    });
    let service = RequestContextLayer::new(&library.orm).flush_on_success(true).layer(service);
    assert_eq!(service.oneshot(get("/")).await.unwrap_err().to_string(), "no");
    assert_eq!(library.statements.count(), 0);
}

/// gRPC answers with 200 and tells errors in a header of their own.
#[tokio::test]
async fn an_error_of_grpc_is_not_flushed() {
    for (grpc_status, books) in [("5", 2), ("0", 3)] {
        let library = Library::open().await;
        let handler = move |em: Em| async move {
            shelve(&em, "Lavinia")?;
            Ok::<_, Failure>([(HeaderName::from_static("grpc-status"), grpc_status)])
        };
        let layer = RequestContextLayer::new(&library.orm).flush_on_success(true);
        let app = Router::new().route("/", routing::get(handler)).layer(layer);
        assert_eq!(send(&app, get("/")).await.0, StatusCode::OK);
        assert_eq!(library.titles().await.len(), books, "{grpc_status}");
    }
}

/// A read-only request sends nothing for its flush.
#[tokio::test]
async fn a_flush_of_nothing_sends_nothing() {
    let library = Library::open().await;
    let layer = RequestContextLayer::new(&library.orm).flush_on_success(true);
    let app = Router::new().route("/", routing::get(async || "hello")).layer(layer);
    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "hello".into()));
    assert_eq!(library.statements.count(), 0);
}

/// The client gets a bare 500 and nothing of the handler's answer; the error is in the extensions and in the log.
#[tokio::test]
async fn a_flush_that_fails_becomes_a_500() {
    let library = Library::open().await;
    let handler = async |em: Em| {
        shelve(&em, "Tehanu")?;
        Ok::<_, Failure>((StatusCode::CREATED, [(header::LOCATION, "/books/3")], "shelved"))
    };
    let layer = RequestContextLayer::new(&library.orm).flush_on_success(true);
    let app = Router::new().route("/", routing::get(handler)).layer(layer);
    let log = Log::capture();

    let response = app.oneshot(get("/")).await.unwrap();

    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.headers().contains_key(header::LOCATION), "{:?}", response.headers());
    let failed = response.extensions().get::<FlushFailed>().expect("it says why").clone();
    assert_eq!(failed.manager(), "default");
    assert!(failed.error().violation().is_some(), "{}", failed.error());
    assert_eq!(failed.to_string(), "the flush of manager `default` after the handler failed");
    assert_eq!(crate::library::text(response).await, "");
    let lines = log.lines_with("could not be saved");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("ERROR") && lines[0].contains("`default`"), "{lines:?}");
    assert_eq!(library.titles().await, ["Tehanu", "The Dispossessed"]);
}

/// A layer further out makes of it what the API says.
#[tokio::test]
async fn a_layer_further_out_answers_a_failed_flush_better() {
    let library = Library::open().await;
    let app = Router::new()
        .route("/", routing::get(async |em: Em| shelve(&em, "Tehanu").map_err(Failure::from)))
        .layer(RequestContextLayer::new(&library.orm).flush_on_success(true))
        .layer(axum::middleware::map_response(async |response: axum::response::Response| {
            match response.extensions().get::<FlushFailed>() {
                Some(failed) if failed.error().violation().is_some() => StatusCode::CONFLICT.into_response(),
                Some(_) | None => response,
            }
        }));
    assert_eq!(send(&app, get("/")).await, (StatusCode::CONFLICT, String::new()));
}
