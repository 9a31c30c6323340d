//! Where the layer stands in a stack, and what the wrong place looks like.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing;
use orm_core::{Error, Orm};
use orm_web::{Em, RequestContextLayer};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::library::{Author, Book, Failure, Library, get, is_guarded, send, text};
use crate::log::Log;

/// An authentication that loads who asks by the ORM.
async fn authenticate(State(orm): State<Orm>, request: Request, next: Next) -> Result<Response, Failure> {
    let author = orm.em().find_by_id_or_fail::<Author>(1).await?;
    orm.em().set(author)?;
    Ok(next.run(request).await)
}

/// What the authentication loaded is the handler's own instance.
async fn who(em: Em) -> Result<String, Failure> {
    let author = em.get::<orm_core::Loaded<Author>>().expect("authenticated");
    assert!(em.find_by_id_or_fail::<Author>(1).await? == *author);
    Ok(author.get().name.clone())
}

/// axum's layers run from the bottom to the top: the one that is added last is the outermost.
#[tokio::test]
async fn an_authentication_inside_of_the_layer_shares_the_context() {
    let library = Library::open().await;
    let app = Router::new()
        .route("/", routing::get(who))
        .layer(from_fn_with_state(library.orm.clone(), authenticate))
        .layer(RequestContextLayer::new(&library.orm));
    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "Le Guin".into()));
    assert_eq!(library.statements.count(), 1);
}

/// `ServiceBuilder` runs its layers from the top to the bottom.
#[tokio::test]
async fn in_a_service_builder_the_layer_comes_first() {
    let library = Library::open().await;
    let stack = ServiceBuilder::new()
        .layer(RequestContextLayer::new(&library.orm))
        .layer(from_fn_with_state(library.orm.clone(), authenticate));
    let app = Router::new().route("/", routing::get(who)).layer(stack);
    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "Le Guin".into()));
}

/// Outside of the layer is outside of the context: the guard refuses, by name, and nothing is sent.
#[tokio::test]
async fn an_authentication_outside_of_the_layer_fails_with_the_guards_error() {
    let library = Library::open().await;
    let app = Router::new()
        .route("/", routing::get(who))
        .layer(RequestContextLayer::new(&library.orm))
        .layer(from_fn_with_state(library.orm.clone(), authenticate));
    let (status, body) = send(&app, get("/")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(is_guarded(&body, "find_by_id"), "{body}");
    assert_eq!(library.statements.count(), 0);
}

/// A layer wraps what is there already: a route that is added after it has no context.
#[tokio::test]
async fn a_route_that_is_added_after_the_layer_is_outside() {
    let library = Library::open().await;
    let orm = library.orm.clone();
    let handler = move || async move { Ok::<_, Failure>(orm.em().count_all::<Book>().await?.to_string()) };
    let app = Router::new()
        .route("/inside", routing::get(handler.clone()))
        .layer(RequestContextLayer::new(&library.orm))
        .route("/outside", routing::get(handler));
    assert_eq!(send(&app, get("/inside")).await, (StatusCode::OK, "2".into()));
    let (status, body) = send(&app, get("/outside")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(is_guarded(&body, "count"), "{body}");
}

/// `route_layer` is for routes: a request that none matches makes no context.
#[tokio::test]
async fn a_route_layer_makes_no_context_where_no_route_matches() {
    let library = Library::open().await;
    let layer = RequestContextLayer::new(&library.orm).on_enter(|_, _| Err::<(), _>(StatusCode::IM_A_TEAPOT));
    let app = |layered: fn(Router, RequestContextLayer) -> Router| {
        layered(Router::new().route("/", routing::get(who)), layer.clone())
    };
    let with_layer = app(|router, layer| router.layer(layer));
    assert_eq!(send(&with_layer, get("/missing")).await.0, StatusCode::IM_A_TEAPOT);
    let with_route_layer = app(|router, layer| router.route_layer(layer));
    assert_eq!(send(&with_route_layer, get("/missing")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(send(&with_route_layer, get("/")).await.0, StatusCode::IM_A_TEAPOT);
}

/// The inner of two layers goes on in the context of the outer one, and says so; the options of both hold.
#[tokio::test]
async fn a_layer_inside_of_another_goes_on_in_its_context() {
    let library = Library::open().await;
    let orm = library.orm.clone();
    let handler =
        move || async move { (orm.em().get::<u64>().as_deref() == Some(&orm.em().id())).to_string() };
    let layer = RequestContextLayer::new(&library.orm);
    let app = Router::new()
        .route("/", routing::get(handler))
        .layer(layer.clone())
        .layer(layer.on_enter(|em, _| em.set(em.id())));
    let log = Log::capture();

    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "true".into()));

    let warnings = log.lines_with("inside of another one");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("WARN") && warnings[0].contains("manager=\"default\""), "{warnings:?}");
    assert!(log.lines_with("created inside").is_empty(), "no context is made in vain");
}

/// The same holds without a router in between, where the inner service is called and not polled.
#[tokio::test]
async fn a_layer_right_inside_of_another_goes_on_in_its_context() {
    let library = Library::open().await;
    let em = library.orm.em().clone();
    let service = service_fn(move |_: Request| {
        let is_one = em.get::<u64>().as_deref() == Some(&em.id());
        async move { Ok::<_, Error>(is_one.to_string().into_response()) }
    });
    let layer = RequestContextLayer::new(&library.orm);
    let service = layer.clone().on_enter(|em, _| em.set(em.id())).layer(layer.layer(service));
    let log = Log::capture();
    let response = service.oneshot(get("/")).await.unwrap();
    assert_eq!(text(response.map(Body::new)).await, "true");
    assert_eq!(log.lines_with("inside of another one").len(), 1);
}

/// Layers on different routes have nothing to do with each other.
#[tokio::test]
async fn layers_side_by_side_are_apart() {
    let (first, second) = (Library::open().await, Library::named("second").await);
    let (one, two) = (first.orm.clone(), second.orm.clone());
    let handler = move || async move {
        format!("{} {}", one.em().get_context().is_ok(), two.em().get_context().is_ok())
    };
    let of = |path: &str, library: &Library| {
        Router::new()
            .route(path, routing::get(handler.clone()))
            .route_layer(RequestContextLayer::new(&library.orm))
    };
    let app = of("/first", &first).merge(of("/second", &second));
    let log = Log::capture();
    assert_eq!(send(&app, get("/first")).await.1, "true false");
    assert_eq!(send(&app, get("/second")).await.1, "false true");
    assert!(log.lines_with("WARN").is_empty());
}
