//! A library of authors and their books, and how its service is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use orm_core::prelude::*;
use orm_core::{Filter, FilterContext};
use orm_sqlx::{Sqlite, StatementCounter};
use tower::ServiceExt;

#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Author {
    #[entity(id, auto)]
    pub(crate) id: i64,
    pub(crate) name: String,
    #[entity(mapped_by = "author", order_by = "title")]
    pub(crate) books: Collection<Book>,
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(filter = OnShelf)]
pub(crate) struct Book {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique)]
    pub(crate) title: String,
    pub(crate) shelf: i64,
    pub(crate) author: Ref<Author>,
}

impl Book {
    pub(crate) fn new(title: &str, author: impl Into<Ref<Author>>) -> Self {
        Self { title: title.to_owned(), author: author.into(), ..Self::default() }
    }
}

/// The shelf that a request is about.
pub(crate) struct Shelf(pub(crate) i64);

/// Hides the books of other shelves, where the request is about one.
#[derive(Default)]
pub(crate) struct OnShelf;

impl Filter<Book> for OnShelf {
    const NAME: &'static str = "on_shelf";

    fn condition(&self, context: &FilterContext<'_>) -> Result<Option<Condition<Book>>> {
        Ok(context.get::<Shelf>().map(|shelf| Book::SHELF.eq(shelf.0)))
    }
}

/// Counts the contexts that it was set on, as long as they live.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<AtomicUsize>);

impl Probe {
    pub(crate) fn contexts(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// For a context, to be set on it.
    pub(crate) fn mark(&self) -> Mark {
        self.0.fetch_add(1, Ordering::SeqCst);
        Mark(Arc::clone(&self.0))
    }
}

/// A value of a request that notes its end.
pub(crate) struct Mark(Arc<AtomicUsize>);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A database with Le Guin, who wrote "The Dispossessed" on shelf 1 and "Tehanu" on shelf 2.
pub(crate) struct Library {
    pub(crate) orm: Orm,
    pub(crate) statements: StatementCounter,
}

impl Library {
    pub(crate) async fn open() -> Self {
        Self::named("default").await
    }

    pub(crate) async fn named(name: &str) -> Self {
        let statements = StatementCounter::new();
        let driver = Sqlite::options().observer(statements.observer()).connect().await.unwrap();
        let orm = Orm::builder(driver).name(name).entity::<Author>().build().await.unwrap();
        orm.schema().create().await.unwrap();
        let em = orm.em().fork();
        let author = em.persist(Author { name: "Le Guin".into(), ..Author::default() }).unwrap();
        em.persist(Book { shelf: 1, ..Book::new("The Dispossessed", &author) }).unwrap();
        em.persist(Book { shelf: 2, ..Book::new("Tehanu", &author) }).unwrap();
        em.flush().await.unwrap();
        statements.reset();
        Self { orm, statements }
    }

    /// What the database has.
    pub(crate) async fn titles(&self) -> Vec<String> {
        let em = self.orm.em().fork();
        let books = em.find_all::<Book>().order_by(Book::TITLE.asc()).await.unwrap();
        books.iter().map(|book| book.get().title.clone()).collect()
    }
}

/// Schedules a book of the author that is there. Returns its title.
pub(crate) fn shelve(em: &EntityManager, title: &str) -> Result<String> {
    let author = em.get_reference::<Author>(1)?;
    em.persist(Book::new(title, author.to_ref()))?;
    Ok(title.to_owned())
}

/// An error of the ORM as a response: its text, with 500.
pub(crate) struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

/// Whether a text is the guard's error for `method`, with the place of the call in this test.
pub(crate) fn is_guarded(text: &str, method: &str) -> bool {
    let words = format!("`{method}` was called on the global EntityManager outside any context, at ");
    text.strip_prefix(&words).is_some_and(|rest| rest.starts_with("orm-web/tests/web/"))
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Sends a request, and reads the body of the response outside any context.
pub(crate) async fn send(app: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, text(response).await)
}

pub(crate) async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
