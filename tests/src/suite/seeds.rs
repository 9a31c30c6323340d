//! Every claim of the documents that this project implements, "Identity Map and Request Context", one test each, in
//! their order.
//!
//! What they only advise (the place of the middleware among others) has no test.

use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use orm_core::{
    Condition, ContextSource, EntityManager, Error, ForkOptions, Loaded, Orm, Repository, RequestContext,
    Result, create_request_context, ensure_request_context,
};
use serde_json::{Value, json};

use crate::fixtures::blog::{self, Author, Book};
use crate::suite::contexts::run_again_with_variable;
use crate::{Backend, Log, Operation, TestDb};

// ---- the identity map

/// Seeds: "you will always get the same instance of one entity": `jon === authors[0]`.
pub async fn the_same_instance_of_one_entity_is_returned_always<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let author_repository = em.get_repository::<Author>();
    let jon = author_repository.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let authors = author_repository.find_all().populate(Author::BOOKS).order_by(Author::ID.asc()).await?;

    assert!(jon == authors[0]);
    assert!(Arc::ptr_eq(&jon.get(), &authors[0].get()));
    for (book, same) in jon.books().iter().zip(&authors[0].books()) {
        assert!(book == same);
    }
    assert_eq!(authors[0].books().len(), 3);
    Ok(())
}

/// Seeds: "it starts off empty, gets filled and updated as you perform calls with the entity manager".
pub async fn the_identity_map_starts_empty_and_is_filled_and_updated_by_calls<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    assert_eq!(em.managed_count()?, 0);

    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    assert_eq!(em.managed_count()?, 1);
    jon.books_ref().load().await?;
    assert_eq!(em.managed_count()?, 4);

    let elsewhere = db.em();
    elsewhere.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?.edit().age = Some(17);
    elsewhere.flush().await?;
    em.find_all::<Author>().await?;
    assert_eq!(jon.get().age, Some(17));
    Ok(())
}

/// Seeds: "items in it get pulled out of it when an operation matches an ID the identity map is aware of".
pub async fn a_known_id_is_answered_from_the_identity_map<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    db.recorder.reset();

    let found = em.find_by_id::<Author>(jon.id()).await?;
    let reference = em.get_reference::<Author>(jon.id())?;

    assert!(found.is_some_and(|found| found == jon));
    assert!(reference.get()? == jon);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Seeds: it "is different from an actual (result) cache": a query asks the database each time, and another request
/// starts from nothing.
pub async fn the_identity_map_is_no_result_cache<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let id = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?.id();
    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    assert_eq!(db.recorder.selects(), 2);

    RequestContext::create(db.orm.em(), async { db.orm.em().find_by_id::<Author>(id).await }).await?;
    assert_eq!(db.recorder.selects(), 3);
    Ok(())
}

/// Seeds: "possible to compare entity objects trivially, which in turn enables the ORM to batch operations".
pub async fn operations_are_batched<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books = em.find_all::<Book>().await?;
    for book in &books {
        book.edit().price = 12;
        em.persist(book)?;
    }
    em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?.edit().price = 13;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, Operation::Update("Book".into(), 3, vec!["price".into()]), Operation::Commit]
    );

    for book in &books {
        em.remove(book)?;
    }
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 3, "begin, one delete of three rows, commit");
    Ok(())
}

/// Seeds: "even if you make multiple queries that match the same rows, those rows will only exist once in memory".
pub async fn rows_that_several_queries_match_exist_once_in_memory<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let all = em.find_all::<Book>().order_by(Book::ID.asc()).await?;
    let again = em.find(Book::PRICE.gt(1)).order_by(Book::ID.asc()).await?;
    let by_author = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;

    assert_eq!(em.managed_count()?, 4);
    for (first, second) in all.iter().zip(&again) {
        assert!(Arc::ptr_eq(&first.get(), &second.get()));
    }
    assert!(all.iter().all(|book| by_author.books().contains(book)));
    Ok(())
}

/// Seeds: "If you want to clear this identity map cache, you can do so via `em.clear()`".
pub async fn clear_empties_the_identity_map<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;

    em.clear()?;

    assert_eq!(em.managed_count()?, 0);
    let again = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    assert!(jon != again);
    assert_eq!(jon.get().name, "Jon Snow", "the old handle can still be read");
    assert!(matches!(jon.try_edit(), Err(Error::Detached { .. })));
    Ok(())
}

/// Seeds: `orm.em.clear()`, which in a request is that request's identity map.
pub async fn clear_of_the_global_manager_clears_the_map_of_the_request<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        db.orm.em().find_all::<Author>().await?;
        assert_eq!(db.orm.em().managed_count()?, 2);
        db.orm.em().clear()?;
        assert_eq!(db.orm.em().managed_count()?, 0);
        Ok(())
    })
    .await
}

// ---- forking

/// Seeds: "With `fork()` method we can simply get clean entity manager with its own context and identity map".
pub async fn a_fork_is_a_clean_manager_with_its_own_context_and_identity_map<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let first = db.orm.em().fork();
    let jon = first.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;

    let em = first.fork();

    assert_eq!(em.managed_count()?, 0);
    assert_ne!(em.get_context()?.id(), first.get_context()?.id());
    let same = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    assert!(same != jon);
    same.edit().name = "Aegon".into();
    assert_eq!(jon.get().name, "Jon Snow");
    Ok(())
}

/// Seeds: "You should always keep unique identity map per each request": with a fork a request, two that run at the
/// same time do not interfere.
pub async fn a_fork_for_each_request_keeps_them_apart<B: Backend>() -> Result<()> {
    async fn request(em: EntityManager, age: i32) -> Result<Option<i32>> {
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        jon.edit().age = Some(age);
        tokio::task::yield_now().await;
        Ok(jon.get().age)
    }
    let db = blog::seeded::<B>().await?;
    let ages = tokio::try_join!(request(db.orm.em().fork(), 17), request(db.orm.em().fork(), 18))?;
    assert_eq!(ages, (Some(17), Some(18)));
    Ok(())
}

// ---- the global identity map

/// Seeds: "it is no longer possible to use the global identity map".
pub async fn the_global_identity_map_cannot_be_used<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let found = db.orm.em().find_all::<Author>().await;
    assert!(matches!(found, Err(Error::GlobalContext { method: "find", .. })));
    assert!(matches!(
        db.orm.em().persist(Author::new("Arya")),
        Err(Error::GlobalContext { method: "persist", .. })
    ));
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Seeds: "We still can disable this check via `allowGlobalContext` configuration".
pub async fn the_check_can_be_disabled_by_an_option<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(true)).await?;
    let jon = db.orm.em().persist(Author::new("Jon Snow"))?;
    db.orm.em().flush().await?;
    assert!(db.orm.em().find_all::<Author>().await?[0] == jon);
    Ok(())
}

/// Seeds: "or a connected environment variable", handy in unit tests.
pub async fn the_check_can_be_disabled_by_an_environment_variable<B: Backend>() -> Result<()> {
    if std::env::var_os("ORM_ALLOW_GLOBAL_CONTEXT").is_none() {
        run_again_with_variable("seeds::the_check_can_be_disabled_by_an_environment_variable", "1");
        return Ok(());
    }
    let db = blog::empty::<B>().await?;
    let jon = db.orm.em().persist(Author::new("Jon Snow"))?;
    db.orm.em().flush().await?;
    assert!(db.orm.em().find_all::<Author>().await?[0] == jon);
    Ok(())
}

// ---- RequestContext

/// A service as a container makes it: once, with what it needs injected.
struct AuthorService {
    authors: Repository<Author>,
}

impl AuthorService {
    async fn by_name(&self, name: &str) -> Result<Loaded<Author>> {
        self.authors.find_one_or_fail(Author::NAME.eq(name)).await
    }
}

/// A middleware as the documents write it: a context around everything that comes after it.
fn middleware<'a, R: 'a>(orm: &'a Orm, next: impl Future<Output = R> + Send + 'a) -> BoxFuture<'a, R> {
    Box::pin(async move { RequestContext::create(orm.em(), next).await })
}

/// Seeds: a container "will always provide you with the same instance, rather than new one for each request"; the
/// repository that it holds uses "request specific (forked) entity manager if available".
pub async fn a_repository_injected_once_uses_the_manager_of_each_request<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = AuthorService { authors: db.orm.em().get_repository() };
    let handler = async || {
        let jon = service.by_name("Jon Snow").await?;
        let same = service.by_name("Jon Snow").await?;
        assert!(jon == same, "one identity map within a request");
        Ok::<_, Error>(jon)
    };

    let first = middleware(&db.orm, handler()).await?;
    let second = middleware(&db.orm, handler()).await?;

    assert!(first != second, "another one in the next");
    assert!(matches!(service.by_name("Jon Snow").await, Err(Error::GlobalContext { .. })));
    Ok(())
}

/// Seeds: `RequestContext` is there "to isolate the request context": what one request changed, another does not see
/// before it is flushed.
pub async fn request_contexts_isolate_requests<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = AuthorService { authors: db.orm.em().get_repository() };
    let edits = async {
        let jon = service.by_name("Jon Snow").await?;
        jon.edit().name = "Aegon".into();
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(jon.get().name.clone())
    };
    let reads = async {
        let jon = service.by_name("Jon Snow").await?;
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(jon.get().name.clone())
    };
    let names = tokio::try_join!(middleware(&db.orm, edits), middleware(&db.orm, reads))?;
    assert_eq!(names, ("Aegon".to_owned(), "Jon Snow".to_owned()));
    Ok(())
}

/// Seeds: `RequestContext.create(orm.em, next)` "calls `orm.em.fork()` and attaches it to the async context", and
/// gives back what `next` gives.
pub async fn create_attaches_a_fork_and_runs_next_in_it<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let response = middleware(&db.orm, async {
        let em = RequestContext::get_entity_manager(None).expect("the middleware made one");
        assert_eq!(em.managed_count()?, 0);
        let authors = db.orm.em().find_all::<Author>().await?;
        assert_eq!(em.managed_count()?, authors.len());
        Ok::<_, Error>(format!("{} authors", authors.len()))
    })
    .await?;
    assert_eq!(response, "2 authors");
    assert!(RequestContext::current().is_none());
    Ok(())
}

/// Seeds: the handler "uses fork from the async context automatically": `orm.em.find()` in it, and the response.
pub async fn a_handler_uses_the_fork_of_its_request_automatically<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let handler = async {
        let books = db.orm.em().find_all::<Book>().order_by(Book::TITLE.asc()).await?;
        let body = serde_json::to_value(&books).map_err(Error::other)?;
        Ok::<_, Error>(body)
    };
    let body = middleware(&db.orm, handler).await?;
    assert_eq!(body[0]["title"], "A Clash");
    assert_eq!(body.as_array().map(Vec::len), Some(3));
    Ok(())
}

/// Seeds: "Later on you can then access the request scoped `EntityManager` via `RequestContext.getEntityManager()`".
pub async fn the_request_scoped_manager_can_be_had<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    middleware(&db.orm, async {
        let em = RequestContext::get_entity_manager(None).expect("the context has begun");
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        assert!(db.orm.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await? == jon);
        Ok(())
    })
    .await
}

/// Seeds: it "will return `undefined` if the context was not started yet".
pub async fn there_is_no_request_scoped_manager_before_the_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    assert!(RequestContext::get_entity_manager(None).is_none());
    assert!(RequestContext::get_entity_manager(db.orm.em().name()).is_none());
    middleware(&db.orm, async { assert!(RequestContext::get_entity_manager(None).is_some()) }).await;
    assert!(RequestContext::get_entity_manager(None).is_none());
    Ok(())
}

/// Seeds: `orm.em.find()`, `orm.em.getContext().find()` and `RequestContext.getEntityManager().find()` are one and the
/// same, "all `EntityManager` methods that work with the Identity Map".
pub async fn methods_of_the_global_manager_resolve_to_the_contextual_fork<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    middleware(&db.orm, async {
        let contextual = db.orm.em().get_context()?;
        let current = RequestContext::get_entity_manager(None).expect("the context has begun");
        assert_eq!(contextual.id(), current.id());

        let global = db.orm.em().find_all::<Book>().await?;
        assert!(global == contextual.find_all::<Book>().await?);
        assert!(global == current.find_all::<Book>().await?);
        let reference = db.orm.em().get_reference::<Book>(global[0].id())?;
        assert!(reference.get()? == global[0] && reference == contextual.get_reference(global[0].id())?);
        Ok(())
    })
    .await
}

/// Seeds: `getContext()` "will first check if we are running inside `RequestContext` handler and prefer the
/// `EntityManager` fork from it"; else it is the manager itself, which for the global one is an error.
pub async fn get_context_prefers_the_fork_of_the_request<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(true)).await?;
    let own = db.orm.em().id();
    assert_eq!(db.orm.em().get_context()?.id(), own);
    let preferred = middleware(&db.orm, async { db.orm.em().get_context().map(|em| em.id()) }).await?;
    assert_ne!(preferred, own);
    assert_eq!(db.orm.em().get_context()?.id(), own);

    let guarded = blog::empty::<B>().await?;
    assert!(matches!(guarded.orm.em().get_context(), Err(Error::GlobalContext { .. })));
    Ok(())
}

/// Seeds: the storage "allows us to track the context throughout the async calls".
pub async fn the_context_is_tracked_throughout_async_calls<B: Backend>() -> Result<()> {
    async fn outer(orm: &Orm) -> u64 {
        tokio::task::yield_now().await;
        middle(orm).await
    }
    fn middle(orm: &Orm) -> BoxFuture<'_, u64> {
        Box::pin(async {
            tokio::task::yield_now().await;
            futures::future::join(inner(orm), inner(orm)).await.0
        })
    }
    async fn inner(orm: &Orm) -> u64 {
        tokio::task::yield_now().await;
        orm.em().id()
    }
    let db = blog::empty::<B>().await?;
    middleware(&db.orm, async {
        let id = db.orm.em().id();
        assert_eq!(outer(&db.orm).await, id);
        assert_ne!(middleware(&db.orm, outer(&db.orm)).await, id);
    })
    .await;
    Ok(())
}

tokio::task_local! {
    /// "`const storage = new AsyncLocalStorage<EntityManager>()`".
    static STORAGE: EntityManager;
}

/// Seeds: "If you want to bring your own, you can do so by using the `context` option", with forks made by
/// `useContext: true`.
pub async fn a_storage_of_ones_own_can_be_brought<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| {
        blog::entities(builder).context(|_| STORAGE.try_with(EntityManager::clone).ok())
    })
    .await?;
    let service = AuthorService { authors: db.orm.em().get_repository() };

    let fork = db.orm.em().fork_with(ForkOptions::default().use_context(true));
    let handler = async {
        db.orm.em().persist(Author::new("Jon Snow"))?;
        db.orm.em().flush().await?;
        let jon = service.by_name("Jon Snow").await?;
        assert!(fork.contains(&jon));
        assert_eq!(db.orm.em().get_context()?.id(), fork.id());
        Ok::<_, Error>(())
    };
    STORAGE.scope(fork.clone(), handler).await?;

    assert!(matches!(service.by_name("Jon Snow").await, Err(Error::GlobalContext { .. })));
    Ok(())
}

// ---- #[create_request_context], #[ensure_request_context]

tokio::task_local! {
    static SERVICES: Orm;
}

/// "`import { DI } from '..'`".
struct Container;

static DI: Container = Container;

impl Container {
    fn em(&self) -> EntityManager {
        SERVICES.get().em().clone()
    }
}

/// A service outside HTTP: a queue handler, a scheduled task.
struct MyService {
    orm: Orm,
    users: Repository<Author>,
}

impl ContextSource for MyService {
    fn context_manager(&self) -> EntityManager {
        self.orm.em().clone()
    }
}

impl MyService {
    fn new(db: &TestDb) -> Self {
        Self { orm: db.orm.clone(), users: db.orm.em().get_repository() }
    }

    #[create_request_context]
    async fn do_something(&self) -> Result<(u64, usize)> {
        let authors = self.orm.em().find_all::<Author>().await?;
        Ok((self.orm.em().id(), authors.len()))
    }

    #[create_request_context(DI.em())]
    async fn do_something_by_the_container(&self) -> Result<(u64, usize)> {
        let authors = self.users.find_all().await?;
        Ok((self.orm.em().id(), authors.len()))
    }

    #[create_request_context(|t| t.users)]
    async fn do_something_by_the_repository(&self) -> Result<(u64, usize)> {
        let authors = self.users.find_all().await?;
        Ok((self.orm.em().id(), authors.len()))
    }

    #[create_request_context]
    async fn calls_another(&self) -> Result<(u64, usize)> {
        self.do_something().await
    }

    #[ensure_request_context]
    async fn ensured(&self) -> Result<(u64, usize)> {
        let authors = self.users.find_all().await?;
        Ok((self.orm.em().id(), authors.len()))
    }

    #[create_request_context]
    async fn manager_of_the_context(&self) -> Option<u64> {
        RequestContext::get_entity_manager(None).map(|em| em.id()).filter(|id| *id == self.orm.em().id())
    }
}

/// Seeds: for methods outside requests, with the ORM injected: "this will be executed in a separate context".
pub async fn a_method_outside_requests_is_executed_in_a_separate_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = MyService::new(&db);
    let (first, found) = service.do_something().await?;
    let (second, _) = service.do_something().await?;
    assert_eq!(found, 2);
    assert!(first != second && first != db.orm.em().id());
    Ok(())
}

/// Seeds: "Alternatively you can provide a callback that will return one of `MikroORM`, `EntityManager` or
/// `EntityRepository` instance": `() => DI.em`.
pub async fn a_callback_may_return_the_manager_of_the_container<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = MyService::new(&db);
    let (id, found) = SERVICES.scope(db.orm.clone(), service.do_something_by_the_container()).await?;
    assert_eq!(found, 2);
    assert_ne!(id, db.orm.em().id());
    Ok(())
}

/// Seeds: "The callback will receive current `this` in the first parameter": `t => t.userRepository`.
pub async fn a_callback_receives_self<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (id, found) = MyService::new(&db).do_something_by_the_repository().await?;
    assert_eq!(found, 2);
    assert_ne!(id, db.orm.em().id());
    Ok(())
}

/// Seeds: "Under the hood, the decorator will register the new request context for our method and execute the method
/// inside it (via `RequestContext.create()`)".
pub async fn the_attribute_registers_a_request_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    assert!(MyService::new(&db).manager_of_the_context().await.is_some());
    assert!(RequestContext::current().is_none());
    Ok(())
}

/// Seeds: "It should not be nested": that is warned about, and still gives each method its context.
pub async fn nesting_the_attribute_is_warned_about<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let log = Log::capture();
    let service = MyService::new(&db);

    service.do_something().await?;
    assert_eq!(log.lines_with("inside another one"), Vec::<String>::new());
    service.calls_another().await?;

    assert_eq!(log.lines_with("inside another one").len(), 1);
    Ok(())
}

/// Seeds: ensure "reuses the existing context if available".
pub async fn ensure_reuses_the_existing_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = MyService::new(&db);
    middleware(&db.orm, async {
        let jon = service.users.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        let (id, found) = service.ensured().await?;
        assert_eq!((id, found), (db.orm.em().id(), 2));
        assert!(db.orm.em().contains(&jon));
        Ok(())
    })
    .await
}

/// Seeds: ensure "behaves exactly like the `@CreateRequestContext`, but only creates new context if necessary".
pub async fn ensure_creates_a_context_if_necessary<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let service = MyService::new(&db);
    let (first, found) = service.ensured().await?;
    let (second, _) = service.ensured().await?;
    assert_eq!(found, 2);
    assert!(first != second && first != db.orm.em().id());
    assert!(RequestContext::current().is_none());
    Ok(())
}

// ---- why a request context is needed

/// Snapshots, to see whether they are still in memory.
fn watch(books: &[Loaded<Book>]) -> Vec<Weak<Book>> {
    books.iter().map(|book| Arc::downgrade(&book.get())).collect()
}

fn alive(watched: &[Weak<Book>]) -> usize {
    watched.iter().filter(|book| book.strong_count() > 0).count()
}

/// Seeds, Problem 1: with one shared identity map "every entity that became managed at some point in time would be
/// kept".
pub async fn a_shared_identity_map_keeps_every_entity_that_became_managed<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(true)).await?;
    seed_books(&db, 10).await?;
    for at in 0..10 {
        db.orm.em().find_one_or_fail(Book::TITLE.eq(format!("Book {at}"))).await?;
        assert_eq!(db.orm.em().managed_count()?, at + 1);
    }
    Ok(())
}

/// Seeds, Problem 1: "clearing the Identity Map from one request could break other requests running in parallel".
pub async fn clearing_a_shared_identity_map_breaks_the_other_requests<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(true)).await?;
    seed_books(&db, 1).await?;
    let other = db.orm.em().find_one_or_fail(Book::TITLE.eq("Book 0")).await?;

    db.orm.em().clear()?;

    assert!(matches!(other.try_edit(), Err(Error::Detached { .. })));
    Ok(())
}

/// Seeds, Problem 1: with a context a request, all that it loaded, cycles included, is freed when it ends.
pub async fn memory_is_freed_when_a_request_ends<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let watched = middleware(&db.orm, async {
        let jon = db.orm.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
        let books = db.orm.em().find_all::<Book>().populate((Book::AUTHOR, Book::TAGS)).await?;
        assert!(books[0].author() == jon && jon.books().contains(&books[0]));
        books[0].edit().price = 12;
        let books: Vec<Loaded<Book>> = books.iter().map(Loaded::without_hints).collect();
        let watched = watch(&books);
        assert_eq!(alive(&watched), 3);
        Ok::<_, Error>(watched)
    })
    .await?;
    assert_eq!(alive(&watched), 0);
    Ok(())
}

/// Seeds, Problem 1: a request that ends, or clears its map, leaves one that runs at the same time alone.
pub async fn a_request_that_clears_its_map_leaves_the_others_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (cleared, was_cleared) = tokio::sync::oneshot::channel::<()>();
    let works = async {
        let book = db.orm.em().find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
        was_cleared.await.map_err(Error::other)?;
        book.try_edit()?.price = 12;
        db.orm.em().flush().await
    };
    let clears = async {
        db.orm.em().find_all::<Book>().await?;
        db.orm.em().clear()?;
        let _ = cleared.send(());
        Ok::<_, Error>(())
    };
    tokio::try_join!(middleware(&db.orm, works), middleware(&db.orm, clears))?;
    assert_eq!(db.em().count(Book::PRICE.eq(12)).await?, 1);
    Ok(())
}

async fn seed_books(db: &TestDb, count: usize) -> Result<()> {
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    for at in 0..count {
        em.persist(Book::new(&format!("Book {at}"), &jon))?;
    }
    em.flush().await
}

/// Seeds: "Every entity has `toJSON()` method, that automatically converts it to serialized form".
pub async fn every_entity_converts_to_json<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let jon = db.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let body = json(&jon)?;
    let expected =
        json!({ "id": jon.id(), "name": "Jon Snow", "email": "jon@wall.org", "age": null, "mentor": null });
    assert_eq!(body, expected);
    Ok(())
}

fn json(entity: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(entity).map_err(Error::other)
}

/// `GET /book/:id`.
async fn get_book(em: &EntityManager, id: i64) -> Result<Value> {
    let book = em.find_by_id::<Book>(id).await?.ok_or_else(|| Error::other("404"))?;
    json(&book)
}

/// `GET /book-with-author/:id`.
async fn get_book_with_author(em: &EntityManager, id: i64) -> Result<Value> {
    let book = em.find_by_id::<Book>(id).populate(Book::AUTHOR).await?.ok_or_else(|| Error::other("404"))?;
    json(&book)
}

/// What both endpoints must answer, whatever was asked before.
async fn responses(db: &TestDb) -> Result<(i64, Value, Value)> {
    let book = db.em().find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    let (snapshot, author) = (book.get(), book.author());
    let plain = json!({
        "id": book.id(), "title": "The Wall", "price": 10,
        "author": author.id(), "publisher": snapshot.publisher.as_ref().and_then(|publisher| publisher.try_key()),
    });
    let mut with_author = plain.clone();
    with_author["author"] = json!({ "id": author.id(), "name": "Jon Snow", "email": "jon@wall.org", "age": null, "mentor": null });
    Ok((book.id(), plain, with_author))
}

/// Seeds, Problem 2, in the documents' order: the book, the book with its author, the book again, on one manager.
pub async fn responses_are_stable_when_the_plain_book_is_asked_for_first<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (id, plain, with_author) = responses(&db).await?;
    let em = db.em();
    assert_eq!(get_book(&em, id).await?, plain);
    assert_eq!(get_book_with_author(&em, id).await?, with_author);
    assert_eq!(get_book(&em, id).await?, plain, "the third step of the documents");
    Ok(())
}

/// Seeds, Problem 2, in the other order.
pub async fn responses_are_stable_when_the_populated_book_is_asked_for_first<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (id, plain, with_author) = responses(&db).await?;
    let em = db.em();
    assert_eq!(get_book_with_author(&em, id).await?, with_author);
    assert_eq!(get_book(&em, id).await?, plain);
    assert_eq!(get_book_with_author(&em, id).await?, with_author);
    Ok(())
}

/// Seeds, Problem 2, at its worst: the guard is off, both endpoints share the global identity map, and everything
/// around the book is loaded and held.
pub async fn responses_are_stable_even_on_a_shared_identity_map<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(true)).await?;
    seed_books(&db, 2).await?;
    let em = db.orm.em();
    let held = em.find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;
    let id = held[0].books()[0].id();

    let (first, second) = (get_book(em, id).await?, get_book_with_author(em, id).await?);

    assert_eq!(first["author"], held[0].id());
    assert_eq!(second["author"]["name"], "Jon Snow");
    assert!(first.get("tags").is_none() && second["author"].get("books").is_none());
    assert_eq!(get_book(em, id).await?, first);
    assert_eq!(get_book_with_author(em, id).await?, second);
    assert_eq!(em.count(Condition::<Book>::always()).await?, 2);
    Ok(())
}

/// Seeds, Problem 2: handles that were held before and are written out after agree as well, since what is populated is
/// said by the handle's type.
pub async fn a_held_handle_is_written_as_its_own_query_said<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (id, plain, with_author) = responses(&db).await?;
    let em = db.em();
    let before = em.find_by_id::<Book>(id).await?.expect("it was seeded");
    let populated = em.find_by_id::<Book>(id).populate(Book::AUTHOR).await?.expect("it was seeded");
    assert!(before == populated);
    assert_eq!(json(&before)?, plain);
    assert_eq!(json(&populated)?, with_author);
    Ok(())
}
