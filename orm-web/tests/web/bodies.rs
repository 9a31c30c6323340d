//! Bodies that are sent after the handler has returned: outside of the context, or in it where that is asked for.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderName, Response, StatusCode};
use axum::routing;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use orm_core::{Orm, RequestContext};
use orm_web::RequestContextLayer;
use tower::{Layer, ServiceExt, service_fn};

use crate::library::{Book, Library, Probe, get, is_guarded, text};

/// Answers with the titles, asking for each when it is to be sent.
async fn titles(orm: Orm) -> Body {
    let chunk = move |id: i64| {
        let orm = orm.clone();
        async move {
            let line = match orm.em().find_by_id_or_fail::<Book>(id).await {
                Ok(book) => format!("{}\n", book.get().title),
                Err(error) => format!("{error}\n"),
            };
            (id <= 2).then_some((Ok::<_, Infallible>(line), id + 1))
        }
    };
    Body::from_stream(stream::unfold(1, chunk))
}

fn app(library: &Library, layer: RequestContextLayer) -> Router {
    let orm = library.orm.clone();
    Router::new().route("/", routing::get(move || titles(orm))).layer(layer)
}

#[tokio::test]
async fn a_streaming_body_is_outside_of_the_context() {
    let library = Library::open().await;
    let app = app(&library, RequestContextLayer::new(&library.orm));
    let body = text(app.oneshot(get("/")).await.unwrap()).await;
    let lines: Vec<&str> = body.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| is_guarded(line, "find_by_id")), "{body}");
}

/// It is the request's own context, and lives until the body is gone.
#[tokio::test]
async fn a_streaming_body_is_in_the_context_where_that_is_asked_for() {
    let library = Library::open().await;
    let probe = Probe::default();
    let marks = probe.clone();
    let layer = RequestContextLayer::new(&library.orm)
        .body_in_context(true)
        .on_enter(move |em, _| em.set(marks.mark()));
    let response = app(&library, layer).oneshot(get("/")).await.unwrap();
    assert_eq!((library.statements.count(), probe.contexts()), (0, 1));

    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "The Dispossessed\n");
    assert!(RequestContext::current().is_none(), "the reader is outside");
    assert_eq!(body.collect().await.unwrap().to_bytes(), "Tehanu\n");
    assert_eq!((library.statements.count(), probe.contexts()), (3, 0));
}

/// A client that stops reading takes the context along.
#[tokio::test]
async fn a_dropped_body_takes_the_context_along() {
    let library = Library::open().await;
    let probe = Probe::default();
    let marks = probe.clone();
    let layer = RequestContextLayer::new(&library.orm)
        .body_in_context(true)
        .on_enter(move |em, _| em.set(marks.mark()));
    let mut body = app(&library, layer).oneshot(get("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(probe.contexts(), 1);
    drop(body);
    assert_eq!(probe.contexts(), 0);
}

/// Size, end and trailers are those of the service's own body; an answer of the layer's own is empty.
#[tokio::test]
async fn a_body_is_as_the_service_made_it() {
    let library = Library::open().await;
    for is_in_context in [false, true] {
        let service = service_fn(async |_: axum::extract::Request| {
            Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from("hello"))))
        });
        let layer = RequestContextLayer::new(&library.orm).body_in_context(is_in_context);
        let body = layer.layer(service).oneshot(get("/")).await.unwrap().into_body();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");

        let service = service_fn(async |_: axum::extract::Request| {
            let trailers = HeaderMap::from_iter([(HeaderName::from_static("end"), "1".parse().unwrap())]);
            let frames = [
                Ok::<_, Infallible>(http_body::Frame::data(Bytes::from("hello"))),
                Ok(http_body::Frame::trailers(trailers)),
            ];
            Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
        });
        let body = layer.layer(service).oneshot(get("/")).await.unwrap().into_body();
        let whole = body.collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["end"], "1");
        assert_eq!(whole.to_bytes(), "hello");

        let service = service_fn(async |_: axum::extract::Request| {
            Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from("hello"))))
        });
        let refusing = layer.on_enter(|_, _| Err::<(), _>(StatusCode::FORBIDDEN));
        let body = refusing.layer(service).oneshot(get("/")).await.unwrap().into_body();
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "");
    }
}
