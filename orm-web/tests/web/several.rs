//! Several managers in one context.

use axum::Router;
use axum::http::StatusCode;
use axum::routing;
use orm_core::RequestContext;
use orm_web::{Em, RequestContextLayer};

use crate::library::{Author, Failure, Library, get, send, shelve};
use crate::log::Log;

/// Each finds its own fork, and `on_enter` runs once for each, in their order.
#[tokio::test]
async fn each_manager_has_its_fork() {
    let (first, second) = (Library::open().await, Library::named("second").await);
    let (one, two) = (first.orm.clone(), second.orm.clone());
    let handler = move |em: Em| async move {
        assert_eq!(em.id(), one.em().id());
        assert_eq!(em.get::<String>().as_deref().map(String::as_str), Some("default"));
        let other = RequestContext::get_entity_manager("second").expect("it is named");
        assert_eq!(other.id(), two.em().id());
        assert_eq!(other.get::<String>().as_deref().map(String::as_str), Some("second"));
        one.em().find_by_id_or_fail::<Author>(1).await?;
        assert_eq!((em.managed_count()?, other.managed_count()?), (1, 0));
        Ok::<_, Failure>(())
    };
    let layer =
        RequestContextLayer::new([&first.orm, &second.orm]).on_enter(|em, _| em.set(em.name().to_owned()));
    let app = Router::new().route("/", routing::get(handler)).layer(layer);
    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, String::new()));
    assert_eq!((first.statements.count(), second.statements.count()), (1, 0));
}

/// All are flushed, in their order, and what follows one that fails is not.
#[tokio::test]
async fn all_managers_are_flushed_until_one_fails() {
    let (first, second) = (Library::open().await, Library::named("second").await);
    let (one, two) = (first.orm.clone(), second.orm.clone());
    let handler = move |axum::extract::Path((a, b)): axum::extract::Path<(String, String)>| async move {
        shelve(one.em(), &a)?;
        shelve(two.em(), &b)?;
        Ok::<_, Failure>(())
    };
    let layer = RequestContextLayer::new([&first.orm, &second.orm]).flush_on_success(true);
    let app = Router::new().route("/{a}/{b}", routing::get(handler)).layer(layer);

    assert_eq!(send(&app, get("/Lavinia/Gifts")).await.0, StatusCode::OK);
    assert_eq!(first.titles().await, ["Lavinia", "Tehanu", "The Dispossessed"]);
    assert_eq!(second.titles().await, ["Gifts", "Tehanu", "The Dispossessed"]);
    assert_eq!(send(&app, get("/Tehanu/Voices")).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(second.titles().await.len(), 3, "the second was not flushed after the first failed");
    assert_eq!(send(&app, get("/Voices/Tehanu")).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(first.titles().await.len(), 4, "the first was flushed, in a transaction of its own");
}

/// A layer inside of one for other managers adds its own to the context.
#[tokio::test]
async fn a_layer_for_another_manager_adds_to_the_outer_context() {
    let (first, second) = (Library::open().await, Library::named("second").await);
    let (one, two) = (first.orm.clone(), second.orm.clone());
    let handler = move || async move {
        assert_eq!(one.em().get::<u64>().as_deref(), Some(&one.em().id()), "the outer layer's fork");
        assert!(two.em().get_context().is_ok());
    };
    let app = Router::new()
        .route("/", routing::get(handler))
        .layer(RequestContextLayer::new([&first.orm, &second.orm]))
        .layer(RequestContextLayer::new(&first.orm).on_enter(|em, _| em.set(em.id())));
    let log = Log::capture();
    assert_eq!(send(&app, get("/")).await.0, StatusCode::OK);
    assert_eq!(log.lines_with("inside of another one").len(), 1);
    assert!(log.lines_with("created inside").is_empty());
}
