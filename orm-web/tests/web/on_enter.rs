//! `on_enter`: what is set before the handler, and what is answered in its place.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing;
use orm_core::{EntityManager, Error, Orm};
use orm_web::{Em, RequestContextLayer};

use crate::library::{Book, Failure, Library, Shelf, get, send};
use crate::log::Log;

fn get_shelf(shelf: &str) -> Request<Body> {
    Request::get("/").header("shelf", shelf).body(Body::empty()).unwrap()
}

/// The titles that the request sees.
async fn titles(em: Em) -> Result<String, Failure> {
    let books = em.find_all::<Book>().order_by(Book::TITLE.asc()).await?;
    Ok(books.iter().map(|book| book.get().title.clone()).collect::<Vec<_>>().join(", "))
}

fn app(layer: RequestContextLayer) -> Router {
    Router::new().route("/", routing::get(titles)).layer(layer)
}

/// A value of the request narrows its queries, and those of no other request.
#[tokio::test]
async fn filters_see_what_is_set_for_the_request() {
    let library = Library::open().await;
    let app = app(RequestContextLayer::new(&library.orm).on_enter(|em, parts| {
        let shelf = parts.headers.get("shelf").and_then(|shelf| shelf.to_str().ok()?.parse().ok());
        shelf.map_or(Ok(()), |shelf| em.set(Shelf(shelf)))
    }));
    let (one, two, all) =
        futures::join!(send(&app, get_shelf("1")), send(&app, get_shelf("2")), send(&app, get("/")),);
    assert_eq!(one.1, "The Dispossessed");
    assert_eq!(two.1, "Tehanu");
    assert_eq!(all.1, "Tehanu, The Dispossessed");
}

/// A function that returns nothing lets every request pass; several run one after the other.
#[tokio::test]
async fn on_enter_may_return_nothing() {
    let library = Library::open().await;
    let layer = RequestContextLayer::new(&library.orm)
        .on_enter(|em, _| em.set(Shelf(1)).expect("it has a context"))
        .on_enter(|em, _| {
            assert_eq!(em.get::<Shelf>().expect("the first has run").0, 1);
            em.set(Shelf(2)).expect("it has a context");
        });
    assert_eq!(send(&app(layer), get("/")).await, (StatusCode::OK, "Tehanu".into()));
}

/// An error that is a status is answered at once.
#[tokio::test]
async fn on_enter_may_refuse_with_a_status() {
    let library = Library::open().await;
    let app = app(RequestContextLayer::new(&library.orm).on_enter(|_, parts| {
        if parts.headers.contains_key("shelf") { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
    }));
    let log = Log::capture();
    assert_eq!(send(&app, get("/")).await, (StatusCode::UNAUTHORIZED, String::new()));
    assert_eq!(library.statements.count(), 0, "the handler does not run");
    assert_eq!(send(&app, get_shelf("1")).await, (StatusCode::OK, "Tehanu, The Dispossessed".into()));
    assert!(log.lines_with("ERROR").is_empty(), "a refusal is no failure");
}

/// An error of the ORM is a 500 and goes to the log, not to the client; what follows does not run.
#[tokio::test]
async fn on_enter_may_fail_with_an_error_of_the_orm() {
    let library = Library::open().await;
    let layer = RequestContextLayer::new(&library.orm)
        .flush_on_success(true)
        .on_enter(|em, _| em.enable_filter::<Unregistered>())
        .on_enter(|_, _| -> () { unreachable!("the one before has failed") });
    let log = Log::capture();
    assert_eq!(send(&app(layer), get("/")).await, (StatusCode::INTERNAL_SERVER_ERROR, String::new()));
    assert_eq!(library.statements.count(), 0);
    let lines = log.lines_with("`on_enter` failed");
    assert!(lines.len() == 1 && lines[0].contains("Unregistered"), "{lines:?}");
}

/// No entity has it.
struct Unregistered;

/// What it calls is in the context already: services with the global manager work.
#[tokio::test]
async fn on_enter_runs_in_the_context() {
    fn service(orm: &Orm, em: &EntityManager) -> Result<(), Error> {
        assert_eq!(orm.em().id(), em.id());
        orm.em().set(Shelf(2))
    }

    let library = Library::open().await;
    let orm = library.orm.clone();
    let layer = RequestContextLayer::new(&library.orm).on_enter(move |em, _| service(&orm, em));
    assert_eq!(send(&app(layer), get("/")).await, (StatusCode::OK, "Tehanu".into()));
}

/// The service gets the request as it came, its extensions and body included.
#[tokio::test]
async fn the_request_goes_on_unchanged() {
    let library = Library::open().await;
    let handler = async |request: axum::extract::Request| {
        assert_eq!(request.extensions().get::<u8>(), Some(&7));
        assert_eq!(request.headers()["shelf"], "1");
        axum::body::to_bytes(request.into_body(), 100).await.unwrap()
    };
    let layer = RequestContextLayer::new(&library.orm).on_enter(|_, parts| {
        assert_eq!((parts.uri.path(), parts.extensions.get::<u8>()), ("/x", Some(&7)));
    });
    let app = Router::new().route("/x", routing::post(handler)).layer(layer);
    let request = Request::post("/x").header("shelf", "1").extension(7_u8).body(Body::from("hello")).unwrap();
    assert_eq!(send(&app, request).await, (StatusCode::OK, "hello".into()));
}
