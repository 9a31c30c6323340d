//! `Em` as an argument, and what is said where it can't be had.

use axum::Router;
use axum::http::StatusCode;
use axum::routing;
use orm_core::RequestContext;
use orm_web::{Em, RequestContextLayer};

use crate::library::{Book, Failure, Library, get, is_guarded, send};
use crate::log::Log;

async fn count(em: Em) -> Result<String, Failure> {
    Ok(em.count_all::<Book>().await?.to_string())
}

/// The text is for who runs the program: in the log always, in the response of debug builds.
#[tokio::test]
async fn without_the_layer_a_handler_gets_500_and_the_log_says_how_to_add_it() {
    let app = Router::new().route("/", routing::get(count));
    let log = Log::capture();
    let (status, body) = send(&app, get("/")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    for words in ["outside any request context", "the layer is missing", "RequestContextLayer::new(&orm)"] {
        assert!(body.contains(words), "{words}: {body}");
        assert_eq!(log.lines_with(words).len(), 1, "{words}");
    }
}

/// A handler that uses the global manager gets the guard's error.
#[tokio::test]
async fn without_the_layer_the_global_manager_is_guarded() {
    let library = Library::open().await;
    let orm = library.orm.clone();
    let handler = move || async move { orm.em().find_all::<Book>().await.map(drop).map_err(Failure::from) };
    let app = Router::new().route("/", routing::get(handler));
    let (status, body) = send(&app, get("/")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(is_guarded(&body, "find"), "{body}");
    assert_eq!(library.statements.count(), 0);
}

/// The only manager is taken whatever its name; of several, the one with the default name.
#[tokio::test]
async fn the_manager_is_the_only_one_or_the_default_one() {
    let (default, named) = (Library::open().await, Library::named("named").await);
    let only = Router::new()
        .route("/", routing::get(async |em: Em| em.name().to_owned()))
        .layer(RequestContextLayer::new(&named.orm));
    assert_eq!(send(&only, get("/")).await.1, "named");
    let both = Router::new()
        .route("/", routing::get(async |em: Em| em.name().to_owned()))
        .layer(RequestContextLayer::new([&named.orm, &default.orm]));
    assert_eq!(send(&both, get("/")).await.1, "default");
}

#[tokio::test]
async fn several_managers_without_a_default_one_are_named() {
    let (first, second) = (Library::named("first").await, Library::named("second").await);
    RequestContext::create([&first.orm, &second.orm], async {
        let error = Em::current().unwrap_err().to_string();
        assert!(error.contains("`first`, `second`"), "{error}");
        assert!(error.contains("RequestContext::get_entity_manager(name)"), "{error}");
    })
    .await;
}
