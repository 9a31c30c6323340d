//! The middleware of actix-web: as the layer of tower, on futures that stay on their thread.

use std::convert::Infallible;
use std::rc::Rc;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, web};
use futures::stream;
use orm_core::{Error, InCurrentContext, Orm};
use orm_web::actix::RequestContextMiddleware;
use orm_web::{Em, FlushFailed};

use crate::detached::{Gate, gone};
use crate::library::{Author, Book, Library, Probe, Shelf, is_guarded, shelve};
use crate::log::Log;

type Answer<V> = Result<V, actix_web::Error>;

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn failure(error: Error) -> actix_web::Error {
    actix_web::error::ErrorInternalServerError(error.to_string())
}

async fn titles(em: Em) -> Answer<String> {
    let books = em.find_all::<Book>().order_by(Book::TITLE.asc()).await.map_err(failure)?;
    Ok(books.iter().map(|book| book.get().title.clone()).collect::<Vec<_>>().join(", "))
}

async fn body<B: MessageBody>(response: ServiceResponse<B>) -> String {
    String::from_utf8(read_body(response).await.to_vec()).unwrap()
}

/// Two requests, two identity maps; in one of them, one instance, and spawned work that is carried in.
#[actix_web::test]
async fn a_request_has_a_context() {
    async fn handler(em: Em, orm: web::Data<Orm>) -> Answer<String> {
        let not_send = Rc::new(());
        assert_eq!(em.managed_count().map_err(failure)?, 0);
        let author = em.find_by_id_or_fail::<Author>(1).await.map_err(failure)?;
        let again = orm.em().find_by_id_or_fail::<Author>(1).await.map_err(failure)?;
        assert!(author == again);
        let id = orm.em().id();
        let work = async move { orm.em().id() };
        assert_eq!(actix_web::rt::spawn(work.in_current_context()).await.unwrap(), id);
        drop(not_send);
        Ok(id.to_string())
    }

    let library = Library::open().await;
    let app = App::new()
        .app_data(web::Data::new(library.orm.clone()))
        .route("/", web::get().to(handler))
        .wrap(RequestContextMiddleware::new(&library.orm));
    let app = init_service(app).await;
    let one = body(call_service(&app, TestRequest::get().to_request()).await).await;
    let two = body(call_service(&app, TestRequest::get().to_request()).await).await;
    assert_ne!(one, two);
    assert_eq!(library.statements.count(), 2);
}

#[actix_web::test]
async fn a_handler_without_the_middleware_gets_500() {
    let app = init_service(App::new().route("/", web::get().to(titles))).await;
    let log = Log::capture();
    let response = call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = body(response).await;
    assert!(body.contains(".wrap(RequestContextMiddleware::new(&orm))"), "{body}");
    assert_eq!(log.lines_with("outside any request context").len(), 1);
}

/// The middleware in the wrong place, and in the right one: the last `wrap` is the outermost.
#[actix_web::test]
async fn what_is_outside_of_the_middleware_is_outside_of_the_context() {
    async fn authenticate(
        orm: web::Data<Orm>,
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Answer<ServiceResponse<impl MessageBody>> {
        orm.em().find_by_id_or_fail::<Author>(1).await.map_err(failure)?;
        next.call(request).await
    }

    let library = Library::open().await;
    let right = App::new()
        .app_data(web::Data::new(library.orm.clone()))
        .route("/", web::get().to(titles))
        .wrap(from_fn(authenticate))
        .wrap(RequestContextMiddleware::new(&library.orm));
    let response = call_service(&init_service(right).await, TestRequest::get().to_request()).await;
    assert_eq!(response.status(), StatusCode::OK);

    let wrong = App::new()
        .app_data(web::Data::new(library.orm.clone()))
        .route("/", web::get().to(titles))
        .wrap(RequestContextMiddleware::new(&library.orm))
        .wrap(from_fn(authenticate));
    let response = init_service(wrong).await.call(TestRequest::get().to_request()).await;
    let error = response.err().expect("it is refused");
    assert!(is_guarded(&error.to_string(), "find_by_id"), "{error}");
}

#[actix_web::test]
async fn a_success_is_flushed_and_an_error_is_not() {
    async fn shelving(em: Em, status: web::Path<u16>) -> Answer<HttpResponse> {
        shelve(&em, "Lavinia").map_err(failure)?;
        Ok(HttpResponse::build(StatusCode::from_u16(*status).unwrap()).body("shelved"))
    }

    for (flushes, status, books) in [(false, 200, 2), (true, 404, 2), (true, 201, 3), (true, 303, 3)] {
        let library = Library::open().await;
        let middleware = RequestContextMiddleware::new(&library.orm).flush_on_success(flushes);
        let app = App::new().route("/{status}", web::get().to(shelving)).wrap(middleware);
        let request = TestRequest::get().uri(&format!("/{status}")).to_request();
        let response = call_service(&init_service(app).await, request).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(body(response).await, "shelved");
        assert_eq!(library.titles().await.len(), books, "{status}");
    }
}

#[actix_web::test]
async fn a_flush_that_fails_becomes_a_500() {
    let library = Library::open().await;
    let handler = async |em: Em| shelve(&em, "Tehanu").map_err(failure);
    let app = App::new()
        .route("/", web::get().to(handler))
        .wrap(RequestContextMiddleware::new(&library.orm).flush_on_success(true));
    let response = call_service(&init_service(app).await, TestRequest::get().to_request()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let violation = response
        .response()
        .extensions()
        .get::<FlushFailed>()
        .map(|failed| failed.error().violation().is_some());
    assert_eq!(violation, Some(true));
    assert_eq!(body(response).await, "");
}

#[actix_web::test]
async fn on_enter_sets_values_and_refuses() {
    let library = Library::open().await;
    let middleware = RequestContextMiddleware::new(&library.orm)
        .on_enter(|_, request| {
            if request.headers().contains_key("shelf") { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
        })
        .on_enter(|em, request| {
            let shelf = request.headers().get("shelf").and_then(|shelf| shelf.to_str().ok()?.parse().ok());
            em.set(Shelf(shelf.ok_or_else(|| Error::other("no shelf"))?))
        })
        .on_enter(|em, _| assert!(em.get::<Shelf>().is_some()));
    let app = App::new().route("/", web::get().to(titles)).wrap(middleware);
    let app = init_service(app).await;
    for (shelf, status, expected) in [
        (None, StatusCode::UNAUTHORIZED, ""),
        (Some("west"), StatusCode::INTERNAL_SERVER_ERROR, ""),
        (Some("2"), StatusCode::OK, "Tehanu"),
    ] {
        let request = TestRequest::get();
        let request =
            shelf.into_iter().fold(request, |request, shelf| request.insert_header(("shelf", shelf)));
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), status);
        assert_eq!(body(response).await, expected);
    }
    assert_eq!(library.statements.count(), 1);
}

/// A body that is polled after the handler has returned.
#[actix_web::test]
async fn a_streaming_body_is_in_the_context_where_that_is_asked_for() {
    async fn streaming(orm: web::Data<Orm>) -> HttpResponse {
        let chunk = async move {
            let line = match orm.em().find_by_id_or_fail::<Book>(2).await {
                Ok(book) => book.get().title.clone(),
                Err(error) => error.to_string(),
            };
            Ok::<_, Infallible>(Bytes::from(line))
        };
        HttpResponse::Ok().streaming(stream::once(chunk))
    }

    let library = Library::open().await;
    for is_in_context in [false, true] {
        let app = App::new()
            .app_data(web::Data::new(library.orm.clone()))
            .route("/", web::get().to(streaming))
            .wrap(RequestContextMiddleware::new(&library.orm).body_in_context(is_in_context));
        let response = call_service(&init_service(app).await, TestRequest::get().to_request()).await;
        assert_eq!(response.response().body().size(), BodySize::Stream);
        let body = body(response).await;
        assert!(if is_in_context { body == "Tehanu" } else { is_guarded(&body, "find_by_id") }, "{body}");
    }
}

/// A client that goes while the handler is in the middle.
#[actix_web::test]
async fn a_detached_handler_finishes_without_its_client() {
    for (detaches, books) in [(false, 2), (true, 3)] {
        let library = Library::open().await;
        let (gate, probe) = (Gate::new(), Probe::default());
        let (marks, passed) = (probe.clone(), gate.clone());
        let handler = move |em: Em| {
            let gate = passed.clone();
            async move {
                let title = shelve(&em, "Lavinia").map_err(failure)?;
                gate.pass().await;
                Ok::<_, actix_web::Error>(title)
            }
        };
        let middleware = RequestContextMiddleware::new(&library.orm)
            .flush_on_success(true)
            .detached(detaches)
            .on_enter(move |em, _| em.set(marks.mark()));
        let app = init_service(App::new().route("/", web::get().to(handler)).wrap(middleware)).await;
        let request = actix_web::rt::spawn(app.call(TestRequest::get().to_request()));
        gate.arrival().await;
        request.abort();
        assert!(request.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(probe.contexts(), usize::from(detaches));
        gate.open();
        gone(&probe).await;
        assert_eq!(library.titles().await.len(), books);
    }
}

/// A second middleware goes on in the context of the outer one.
#[actix_web::test]
async fn a_middleware_inside_of_another_goes_on_in_its_context() {
    let library = Library::open().await;
    let middleware = RequestContextMiddleware::new(&library.orm);
    let handler = async |em: Em| (em.get::<u64>().as_deref() == Some(&em.id())).to_string();
    let app = App::new()
        .route("/", web::get().to(handler))
        .wrap(middleware.clone())
        .wrap(middleware.on_enter(|em, _| em.set(em.id())));
    let app = init_service(app).await;
    let log = Log::capture();
    let response = call_service(&app, TestRequest::get().to_request()).await;
    assert_eq!(body(response).await, "true");
    assert_eq!(log.lines_with("inside of another one").len(), 1);
}
