//! `#[create_request_context]` and `#[ensure_request_context]` at run time: which context the body has, where its
//! manager comes from, and that nothing else about the function changes.

use std::num::{IntErrorKind, ParseIntError};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use async_trait::async_trait;
use futures::FutureExt;
use orm_core::{
    ContextSource, EntityManager, Error, Loaded, Orm, Repository, RequestContext, Result,
    create_request_context, ensure_request_context,
};

use crate::fixtures::blog::{self, Author, Book};
use crate::{Backend, TestDb};

/// The number of the current context.
fn current() -> u64 {
    RequestContext::get_entity_manager(None).expect("the body has a context").id()
}

fn has_context() -> bool {
    RequestContext::current().is_some()
}

// ---- where the manager comes from

struct WithOrm {
    orm: Orm,
}

impl ContextSource for WithOrm {
    fn context_manager(&self) -> EntityManager {
        self.orm.context_manager()
    }
}

impl WithOrm {
    #[create_request_context]
    async fn names(&self) -> Result<Vec<String>> {
        tokio::task::yield_now().await;
        let authors = self.orm.em().find_all::<Author>().order_by(Author::NAME.asc()).await?;
        Ok(authors.iter().map(|author| author.get().name.clone()).collect())
    }

    #[create_request_context(self.orm)]
    async fn count(&self) -> Result<usize> {
        self.orm.em().find_all::<Author>().await.map(|authors| authors.len())
    }

    #[create_request_context]
    async fn created(&self) -> u64 {
        let before = current();
        tokio::task::yield_now().await;
        assert_eq!(current(), before);
        before
    }

    #[create_request_context]
    fn created_sync(&self) -> u64 {
        current()
    }

    #[ensure_request_context]
    async fn ensured(&self) -> u64 {
        tokio::task::yield_now().await;
        current()
    }

    #[ensure_request_context]
    fn ensured_sync(&self) -> u64 {
        current()
    }

    #[create_request_context]
    fn created_boxed(&self) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(async { self.ensured().await })
    }

    #[ensure_request_context]
    fn ensured_opaque(&self) -> impl Future<Output = u64> + Send {
        async {
            tokio::task::yield_now().await;
            current()
        }
    }
}

/// The service holds the ORM, and says so by `ContextSource`. Case C56.
pub async fn a_method_takes_its_manager_from_an_orm_in_self<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    assert_eq!(service.names().await?, ["Jon Snow", "Sam Tarly"]);
    assert!(!has_context());
    Ok(())
}

struct WithManager {
    em: EntityManager,
}

impl ContextSource for WithManager {
    fn context_manager(&self) -> EntityManager {
        self.em.clone()
    }
}

impl WithManager {
    #[create_request_context]
    async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let author = self.em.find_one_or_fail(Author::NAME.eq(from)).await?;
        author.edit().name = to.to_owned();
        self.em.flush().await
    }
}

/// The service holds a manager. Case C56.
pub async fn a_method_takes_its_manager_from_a_manager_in_self<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = WithManager { em: db.orm.em().clone() };
    service.rename("Jon Snow", "Aegon").await?;
    assert_eq!(db.em().count(Author::NAME.eq("Aegon")).await?, 1);
    Ok(())
}

struct WithRepository {
    authors: Repository<Author>,
}

impl ContextSource for WithRepository {
    fn context_manager(&self) -> EntityManager {
        self.authors.context_manager()
    }
}

impl WithRepository {
    #[create_request_context]
    async fn find(&self, name: &str) -> Result<Loaded<Author>> {
        self.authors.find_one_or_fail(Author::NAME.eq(name)).await
    }

    #[create_request_context(|s| &s.authors)]
    async fn find_by_closure(&self, name: &str) -> Result<Loaded<Author>> {
        self.authors.find_one_or_fail(Author::NAME.eq(name)).await
    }

    #[create_request_context(self.authors)]
    async fn find_by_expression(&self, name: &str) -> Result<Loaded<Author>> {
        self.authors.find_one_or_fail(Author::NAME.eq(name)).await
    }
}

/// The service holds a repository; its finds are those of the new context. Case C56.
pub async fn a_method_takes_its_manager_from_a_repository_in_self<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = WithRepository { authors: db.orm.em().get_repository() };
    let first = service.find("Jon Snow").await?;
    let second = service.find("Jon Snow").await?;
    assert!(first != second && first.id() == second.id());
    Ok(())
}

/// `self.orm`. Case C56.
pub async fn an_expression_names_the_field<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    assert_eq!(WithOrm { orm: db.orm.clone() }.count().await?, 2);
    let service = WithRepository { authors: db.orm.em().get_repository() };
    assert_eq!(service.find_by_expression("Sam Tarly").await?.get().name, "Sam Tarly");
    Ok(())
}

/// `|s| &s.authors`: a closure is given `self`. Case C56.
pub async fn a_closure_names_the_field<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = WithRepository { authors: db.orm.em().get_repository() };
    assert_eq!(service.find_by_closure("Sam Tarly").await?.get().name, "Sam Tarly");
    Ok(())
}

tokio::task_local! {
    static SERVICES: Orm;
}

/// A container as programs have one in a static; here each test fills it for itself.
struct Container;

static DI: Container = Container;

impl Container {
    fn em(&self) -> EntityManager {
        self.orm().em().clone()
    }

    fn orm(&self) -> Orm {
        SERVICES.get()
    }
}

#[create_request_context(DI.em())]
async fn count_authors() -> Result<usize> {
    DI.em().find_all::<Author>().await.map(|authors| authors.len())
}

#[ensure_request_context(DI.orm())]
fn context_of_the_container() -> u64 {
    current()
}

/// `DI.em()` and `DI.orm()`: any expression, also on a function without `self`. Case C56.
pub async fn a_call_names_the_source<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let body = async {
        assert_eq!(count_authors().await?, 2);
        assert_ne!(context_of_the_container(), context_of_the_container());
        Ok(())
    };
    SERVICES.scope(db.orm.clone(), body).await
}

#[create_request_context(em)]
async fn from_a_manager(em: &EntityManager) -> Result<usize> {
    em.find_all::<Author>().await.map(|authors| authors.len())
}

#[create_request_context(orm)]
async fn from_an_owned_orm(orm: Orm) -> Result<usize> {
    orm.em().find_all::<Author>().await.map(|authors| authors.len())
}

#[create_request_context(connect(db).await?)]
async fn from_a_future(db: &TestDb) -> Result<u64> {
    Ok(current())
}

async fn connect(db: &TestDb) -> Result<Orm> {
    tokio::task::yield_now().await;
    Ok(db.orm.clone())
}

/// An argument, by reference or by value; MikroORM's promise of an ORM is a future that is awaited. Case C56.
pub async fn an_argument_or_a_future_is_a_source<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    assert_eq!(from_a_manager(db.orm.em()).await?, 2);
    assert_eq!(from_an_owned_orm(db.orm.clone()).await?, 2);
    assert_ne!(from_a_future(&db).await?, db.orm.em().id());
    Ok(())
}

// ---- which context the body has

/// Each call has a context of its own, which is not the global one, and which is gone afterwards. Case C56.
pub async fn create_makes_a_context_at_each_call<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    let mut ids =
        vec![db.orm.em().id(), service.created().await, service.created().await, service.created().await];
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert!(!has_context());
    Ok(())
}

/// Inside a context too: the outer one is back afterwards. Case C58.
pub async fn create_makes_a_new_context_inside_another<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    RequestContext::create(db.orm.em(), async {
        let outer = current();
        assert_ne!(service.created().await, outer);
        assert_ne!(service.created_sync(), outer);
        assert_ne!(service.created_boxed().await, outer);
        assert_eq!(current(), outer);
    })
    .await;
    Ok(())
}

/// Inside a context the id is the same, outside there is a new one. Case C59.
pub async fn ensure_reuses_the_present_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    assert_ne!(service.ensured().await, service.ensured().await);
    assert_ne!(service.ensured_sync(), db.orm.em().id());
    RequestContext::create(db.orm.em(), async {
        assert_eq!(service.ensured().await, current());
        assert_eq!(service.ensured_sync(), current());
        assert_eq!(service.ensured_opaque().await, current());
    })
    .await;
    assert!(!has_context());
    Ok(())
}

/// A synchronous method works, where MikroORM's decorators refuse it. Case C57.
pub async fn a_synchronous_method_runs_in_a_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    assert_ne!(service.created_sync(), service.created_sync());
    assert!(!has_context());
    Ok(())
}

/// A function that returns a future has that future wrapped, not the call that makes it. Case C57.
pub async fn a_returned_future_runs_in_a_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    let (boxed, opaque) = (service.created_boxed(), service.ensured_opaque());
    assert!(!has_context());
    assert_ne!(boxed.await, opaque.await);
    Ok(())
}

struct TwoDatabases {
    first: Orm,
    second: Orm,
}

impl TwoDatabases {
    #[create_request_context(self.first)]
    async fn create_then_ensure(&self) -> Result<()> {
        let outer = current();
        self.first.em().find_all::<Author>().await?;
        self.ensure_second().await?;
        assert_eq!(current(), outer);
        Ok(())
    }

    #[ensure_request_context(self.second)]
    async fn ensure_second(&self) -> Result<()> {
        assert!(RequestContext::get_entity_manager("BAR").is_some());
        self.first.em().find_all::<Author>().await?;
        self.second.em().find_all::<Author>().await?;
        Ok(())
    }

    #[create_request_context(self.first)]
    async fn create_then_create(&self) -> Result<()> {
        self.create_second().await
    }

    #[create_request_context(self.second)]
    async fn create_second(&self) -> Result<()> {
        self.first.em().find_all::<Author>().await?;
        self.second.em().find_all::<Author>().await?;
        Ok(())
    }
}

/// Create with an ensure, or another create, of a second ORM inside: no guard error, in any combination. Case C58.
pub async fn attributes_of_two_databases_nest<B: Backend>() -> Result<()> {
    let first = blog::empty::<B>().await?;
    let second = TestDb::open::<B>(|builder| blog::entities(builder).name("BAR")).await?;
    let service = TwoDatabases { first: first.orm.clone(), second: second.orm.clone() };

    service.create_then_ensure().await?;
    service.create_then_create().await?;
    service.ensure_second().await.expect_err("the first database has no context here");

    assert!(!has_context());
    Ok(())
}

/// A task joined inside has the context; the attribute's scope ends with the function. Case C54.
pub async fn branches_of_the_body_share_its_context<B: Backend>() -> Result<()> {
    #[create_request_context(em)]
    async fn run(em: &EntityManager) -> (u64, u64, u64) {
        let branch = async || {
            tokio::task::yield_now().await;
            em.id()
        };
        let (first, second) = tokio::join!(branch(), branch());
        (current(), first, second)
    }
    let db = blog::empty::<B>().await?;
    let (id, first, second) = run(db.orm.em()).await;
    assert_eq!((first, second), (id, id));
    Ok(())
}

// ---- traits and generics

trait Job {
    fn orm(&self) -> &Orm;

    async fn run(&self, name: &str) -> Result<u64>;

    #[create_request_context(self.orm())]
    async fn run_twice(&self, name: &str) -> Result<(u64, u64)> {
        Ok((self.run(name).await?, self.run(name).await?))
    }

    fn managers(&self) -> usize;
}

impl Job for WithOrm {
    fn orm(&self) -> &Orm {
        &self.orm
    }

    #[ensure_request_context]
    async fn run(&self, name: &str) -> Result<u64> {
        let author = self.orm.em().find_one_or_fail(Author::NAME.eq(name)).await?;
        assert!(author.get().name == name);
        Ok(current())
    }

    #[create_request_context]
    fn managers(&self) -> usize {
        RequestContext::current().map_or(0, |context| context.managers().len())
    }
}

/// Methods of a trait, by default or implemented, async or not.
pub async fn methods_of_a_trait_run_in_a_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = WithOrm { orm: db.orm.clone() };
    assert_ne!(service.run("Jon Snow").await?, service.run("Jon Snow").await?);
    let (first, second) = service.run_twice("Jon Snow").await?;
    assert_eq!(first, second, "ensured within the created one");
    assert_eq!(service.managers(), 1);
    assert!(!has_context());
    Ok(())
}

#[async_trait]
trait Queue: Send + Sync {
    async fn handle(&self, message: &str) -> Result<u64>;

    async fn ensure(&self) -> u64;
}

#[async_trait]
impl Queue for WithOrm {
    #[create_request_context(self.orm)]
    async fn handle(&self, message: &str) -> Result<u64> {
        let author = self.orm.em().find_one_or_fail(Author::NAME.eq(message)).await?;
        author.edit().age = Some(17);
        self.orm.em().flush().await?;
        Ok(current())
    }

    #[ensure_request_context]
    async fn ensure(&self) -> u64 {
        current()
    }
}

/// A queue handler behind `dyn`, with `#[async_trait]`: the future that it makes is wrapped.
pub async fn methods_under_async_trait_run_in_a_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let queue: Box<dyn Queue> = Box::new(WithOrm { orm: db.orm.clone() });

    let first = queue.handle("Jon Snow").await?;
    assert_ne!(queue.handle("Sam Tarly").await?, first);
    assert_eq!(db.em().count(Author::AGE.eq(17)).await?, 2);
    assert!(matches!(queue.handle("Nobody").await, Err(Error::NotFound { .. })));

    RequestContext::create(db.orm.em(), async { assert_eq!(queue.ensure().await, current()) }).await;
    assert!(!has_context());
    Ok(())
}

struct Generic<T> {
    em: EntityManager,
    value: T,
}

impl<T> ContextSource for Generic<T> {
    fn context_manager(&self) -> EntityManager {
        self.em.clone()
    }
}

impl<T: Clone> Generic<T> {
    #[create_request_context]
    async fn lend<U>(&self, other: U) -> (u64, &T, U) {
        (current(), &self.value, other)
    }

    #[create_request_context]
    async fn replace(&mut self, value: T) -> (u64, T) {
        (current(), std::mem::replace(&mut self.value, value))
    }

    #[ensure_request_context]
    fn take(self) -> (u64, T) {
        (current(), self.value)
    }
}

/// Generic types and methods, `&self`, `&mut self` and `self`.
pub async fn methods_of_generic_types_run_in_a_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let mut service = Generic { em: db.orm.em().clone(), value: "winter".to_owned() };
    let (lent_in, lent, other) = service.lend(7).await;
    assert_eq!((lent.as_str(), other), ("winter", 7));
    let (replaced_in, old) = service.replace("war".to_owned()).await;
    let (taken_in, new) = service.take();
    assert_eq!((old.as_str(), new.as_str()), ("winter", "war"));
    assert!(lent_in != replaced_in && replaced_in != taken_in);
    Ok(())
}

// ---- values and errors

#[derive(Debug)]
enum HandlerError {
    Number(ParseIntError),
    Orm(Error),
}

impl From<ParseIntError> for HandlerError {
    fn from(error: ParseIntError) -> Self {
        Self::Number(error)
    }
}

impl From<Error> for HandlerError {
    fn from(error: Error) -> Self {
        Self::Orm(error)
    }
}

#[create_request_context(em)]
async fn set_age(em: &EntityManager, name: &str, age: &str) -> Result<Option<i32>, HandlerError> {
    if name.is_empty() {
        return Ok(None);
    }
    let age: i32 = age.parse()?;
    let author = em.find_one_or_fail(Author::NAME.eq(name)).await?;
    author.edit().age = Some(age);
    em.flush().await?;
    Ok(author.get().age)
}

#[create_request_context(em)]
fn parse(em: &EntityManager, age: &str) -> Result<(u64, i32), HandlerError> {
    let age = age.parse()?;
    Ok((em.get_context()?.id(), age))
}

/// `return` and `?` keep the function's own types, and each way out ends the context. Case C56.
pub async fn values_errors_and_early_returns_are_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.orm.em();
    assert!(matches!(set_age(em, "Jon Snow", "17").await, Ok(Some(17))));
    assert!(matches!(set_age(em, "", "17").await, Ok(None)));
    let error = set_age(em, "Jon Snow", "old").await;
    assert!(
        matches!(&error, Err(HandlerError::Number(error)) if *error.kind() == IntErrorKind::InvalidDigit)
    );
    assert!(matches!(set_age(em, "Nobody", "17").await, Err(HandlerError::Orm(Error::NotFound { .. }))));
    assert!(matches!(parse(em, "17"), Ok((_, 17))));
    assert!(matches!(parse(em, "old"), Err(HandlerError::Number(_))));
    assert!(!has_context());
    Ok(())
}

/// The source may fail, and its error is the function's.
pub async fn an_error_of_the_source_is_returned<B: Backend>() -> Result<()> {
    #[create_request_context(source.ok_or_else(|| Error::other("no manager"))?)]
    async fn run(source: Option<&EntityManager>) -> Result<u64> {
        Ok(current())
    }
    let db = blog::empty::<B>().await?;
    assert!(run(Some(db.orm.em())).await.is_ok());
    assert_eq!(run(None).await.map_err(|error| error.to_string()), Err("no manager".to_owned()));
    Ok(())
}

/// A panic in the body leaves no context behind.
pub async fn a_panic_ends_the_context<B: Backend>() -> Result<()> {
    #[create_request_context(em)]
    async fn run(em: &EntityManager) {
        tokio::task::yield_now().await;
        std::panic::resume_unwind(Box::new(em.id()));
    }
    let db = blog::empty::<B>().await?;
    let stopped = AssertUnwindSafe(run(db.orm.em())).catch_unwind().await.expect_err("it panics");
    assert!(stopped.downcast_ref::<u64>().is_some_and(|id| *id != db.orm.em().id()));
    assert!(!has_context());
    Ok(())
}

/// Handles leave the context with what they know, and stay tied to it. Case C56.
pub async fn a_handle_may_be_returned_from_its_context<B: Backend>() -> Result<()> {
    #[create_request_context(em)]
    async fn load(em: &EntityManager) -> Result<Vec<Loaded<Book>>> {
        em.find_all::<Book>().order_by(Book::TITLE.asc()).await
    }
    let db = blog::seeded::<B>().await?;
    let books = load(db.orm.em()).await?;
    assert_eq!(books[0].get().title, "A Clash");
    assert_eq!(books[0].tags_ref().load().await?.len(), 2);
    Ok(())
}
