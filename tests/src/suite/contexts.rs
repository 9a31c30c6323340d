//! Which context a call belongs to: the guard of the global manager, request contexts, and custom storages.

use std::panic::{AssertUnwindSafe, Location};
use std::process::Command;
use std::sync::Arc;

use futures::FutureExt;
use orm_core::{
    Condition, EntityManager, Error, ForkOptions, InCurrentContext, Outcome, RequestContext, Result,
    TransactionOptions, spawn_in_context,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::fixtures::blog::{self, Author, Book};
use crate::{Backend, Log, TestDb};

/// The environment variable that lets the global manager work without a context.
const VARIABLE: &str = "ORM_ALLOW_GLOBAL_CONTEXT";

#[track_caller]
fn assert_guarded<V>(result: Result<V>, expected: &str) {
    let Err(error) = result else { panic!("`{expected}` worked on the global manager") };
    let Error::GlobalContext { method, place } = error else { panic!("`{expected}` failed with: {error}") };
    assert_eq!(method, expected);
    let (here, place) = (Location::caller(), place.expect("there is a place"));
    assert!(
        place.file() == here.file() && here.line() - place.line() < 5,
        "`{expected}` was called at {place}"
    );
}

fn global_id(db: &TestDb) -> Option<u64> {
    db.orm.em().get_context().ok().map(|em| em.id())
}

/// Every method that would touch the identity map fails, names itself, and sends nothing. Case C46.
pub async fn the_global_manager_refuses_every_method_of_an_identity_map<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let jon = db.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let em = db.orm.em();
    db.recorder.reset();

    assert_guarded(em.find(Author::NAME.eq("Jon Snow")).await, "find");
    assert_guarded(em.find_all::<Author>().await, "find");
    assert_guarded(em.find_one(Author::NAME.eq("Jon Snow")).await, "find_one");
    assert_guarded(em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await, "find_one_or_fail");
    assert_guarded(em.find_by_id::<Author>(jon.id()).await, "find_by_id");
    assert_guarded(em.find_by_id::<Author>(jon.id()).populate(Author::BOOKS).await, "find_by_id");
    assert_guarded(em.find_by_id::<Author>(jon.id()).refresh().await, "find_by_id");
    assert_guarded(em.find_and_count(Author::NAME.eq("Jon Snow")).await, "find_and_count");
    assert_guarded(em.count(Author::NAME.eq("Jon Snow")).await, "count");
    assert_guarded(em.persist(Author::new("Arya Stark")), "persist");
    assert_guarded(em.persist(&jon), "persist");
    assert_guarded(em.remove(&jon), "remove");
    assert_guarded(em.flush().await, "flush");
    assert_guarded(em.flush_plan(), "flush_plan");
    assert_guarded(em.accept_unknown(Outcome::Committed), "accept_unknown");
    assert_guarded(em.clear(), "clear");
    assert_guarded(em.merge(&jon), "merge");
    assert_guarded(em.merge(Author { id: 1, ..Author::new("Jon Snow") }), "merge");
    assert_guarded(em.get_reference::<Author>(1), "get_reference");
    assert_guarded(em.populate(&jon, Author::BOOKS).await, "populate");
    assert_guarded(em.refresh(&jon).await, "refresh");
    assert_guarded(em.managed_count(), "managed_count");
    assert_guarded(em.get_context(), "get_context");

    assert_eq!(db.statements(), 0, "{:?}", db.recorder.operations());
    assert!(!em.contains(&jon), "it has no entities");
    Ok(())
}

/// A repository of the global manager is guarded as the manager is. Case C46.
pub async fn a_repository_of_the_global_manager_is_guarded_too<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let authors = db.orm.em().get_repository::<Author>();

    assert_guarded(authors.find_all().await, "find");
    assert_guarded(authors.find_one(Author::NAME.eq("Jon Snow")).await, "find_one");
    assert_guarded(authors.find_by_id(1).await, "find_by_id");
    assert_guarded(authors.count_all().await, "count");
    assert_guarded(authors.get_reference(1), "get_reference");
    Ok(())
}

/// The guard's error says each way out. Case C46.
pub async fn the_guards_error_says_what_to_do<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let error = db.orm.em().flush().await.expect_err("there is no context").to_string();
    for cure in [
        "`flush`",
        "fork()",
        "RequestContext::create",
        "#[create_request_context]",
        "spawn_in_context",
        ".in_current_context()",
        "allow_global_context",
        VARIABLE,
        file!(),
    ] {
        assert!(error.contains(cure), "{cure} is missing in: {error}");
    }
    Ok(())
}

/// What makes or describes contexts is not guarded. Case C46.
pub async fn the_global_manager_can_be_forked_and_asked_for_its_name<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.orm.em();
    assert_eq!(em.name(), EntityManager::DEFAULT_NAME);
    assert_ne!(em.fork().id(), em.id());
    let _ = em.get_repository::<Author>();
    Ok(())
}

/// The same calls work on a fork. Case C46.
pub async fn a_fork_needs_no_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.orm.em().fork();
    em.persist(Author::new("Jon Snow"))?;
    em.flush().await?;
    assert_eq!(em.find_all::<Author>().await?.len(), 1);
    em.clear()
}

/// A query that keeps out of the identity map has no need of a context; the same query with it has. Case C47.
pub async fn a_query_without_the_identity_map_passes_the_guard<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.orm.em();

    let authors = em.find_all::<Author>().populate(Author::BOOKS).disable_identity_map().await?;

    assert_eq!(authors.len(), 2);
    assert_eq!(authors[0].books().len(), 3);
    assert_guarded(em.find_all::<Author>().await, "find");
    Ok(())
}

/// Inside, the global manager is the request's fork, with an identity map of its own; after it there is none. Case C48.
pub async fn a_closure_runs_in_a_fork_of_its_own<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let global = db.orm.em().id();

    RequestContext::create_sync(db.orm.em(), || {
        let current = RequestContext::get_entity_manager(None).expect("the context has begun");
        assert_ne!(current.id(), global);
        assert_eq!(db.orm.em().id(), current.id());
        let jon = db.orm.em().persist(Author::new("Jon Snow"))?;
        assert!(current.contains(&jon));
        assert_eq!(current.managed_count()?, 1);
        Ok::<_, Error>(())
    })?;

    assert!(RequestContext::get_entity_manager(None).is_none());
    assert!(RequestContext::current().is_none());
    assert_eq!(db.orm.em().id(), global);
    Ok(())
}

/// Case C49.
pub async fn create_returns_the_callbacks_value<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;

    let value = RequestContext::create(db.orm.em(), async {
        tokio::task::yield_now().await;
        assert!(RequestContext::current().is_some());
        123
    })
    .await;

    assert_eq!(value, 123);
    assert_eq!(RequestContext::create_sync(db.orm.em(), || 123), 123);
    assert!(RequestContext::current().is_none());
    Ok(())
}

/// Case C50.
pub async fn populate_works_in_a_request_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        let jon = db.orm.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
        assert_eq!(jon.books().len(), 3);
        let books = db.orm.em().find_all::<Book>().await?;
        let books = db.orm.em().populate(books, Book::TAGS).await?;
        assert_eq!(books[0].tags().len(), 2);
        assert!(books[0].author_ref().get()? == jon);
        Ok(())
    })
    .await
}

/// Each manager resolves its own fork by its name; the maps are apart; outside there are none. Case C51.
pub async fn one_context_holds_the_managers_of_several_databases<B: Backend>() -> Result<()> {
    let first = blog::empty::<B>().await?;
    let second = TestDb::open::<B>(|builder| blog::entities(builder).name("second")).await?;

    RequestContext::create([first.orm.em(), second.orm.em()], async {
        let context = RequestContext::current().expect("the context has begun");
        assert_eq!(
            context.managers().iter().map(EntityManager::name).collect::<Vec<_>>(),
            ["default", "second"]
        );
        let one = RequestContext::get_entity_manager("default").expect("it was named");
        let two = RequestContext::get_entity_manager("second").expect("it was named");
        assert!(RequestContext::get_entity_manager("third").is_none());
        assert_eq!((first.orm.em().id(), second.orm.em().id()), (one.id(), two.id()));

        first.orm.em().persist(Author::new("Jon Snow"))?;
        assert_eq!((one.managed_count()?, two.managed_count()?), (1, 0));
        second.orm.em().find_all::<Author>().await?;
        assert_eq!((first.recorder.statements(), second.recorder.statements()), (0, 1));
        Ok::<_, Error>(())
    })
    .await?;

    assert!(RequestContext::get_entity_manager("second").is_none());
    Ok(())
}

/// A context of one ORM is none for another, though both have the default name. Case C52, as far as contexts go.
pub async fn a_context_of_one_database_is_none_for_another<B: Backend>() -> Result<()> {
    let (first, second) = (blog::empty::<B>().await?, blog::empty::<B>().await?);
    RequestContext::create(first.orm.em(), async {
        assert!(first.orm.em().get_context().is_ok());
        assert_guarded(second.orm.em().find_all::<Author>().await, "find");
        assert_eq!(second.statements(), 0);
    })
    .await;
    Ok(())
}

/// A context for the second manager inside one for the first has both.
pub async fn a_nested_context_of_another_database_keeps_the_outer_one<B: Backend>() -> Result<()> {
    let first = blog::empty::<B>().await?;
    let second = TestDb::open::<B>(|builder| blog::entities(builder).name("second")).await?;
    let log = Log::capture();
    RequestContext::create(first.orm.em(), async {
        let outer = first.orm.em().id();
        RequestContext::create(second.orm.em(), async {
            assert_eq!(first.orm.em().id(), outer);
            assert!(second.orm.em().get_context().is_ok());
        })
        .await;
        assert!(second.orm.em().get_context().is_err());
    })
    .await;
    assert_eq!(log.lines_with("inside another"), Vec::<String>::new());
    Ok(())
}

/// Branches joined in one task are in its context, across their awaits. Case C54.
pub async fn joined_branches_share_the_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        let branch = async |name: &str| {
            tokio::task::yield_now().await;
            let author = db.orm.em().find_one_or_fail(Author::NAME.eq(name)).await?;
            tokio::task::yield_now().await;
            Ok::<_, Error>((db.orm.em().id(), author))
        };
        let (first, second) = tokio::try_join!(branch("Jon Snow"), branch("Jon Snow"))?;
        assert_eq!(first.0, second.0);
        assert!(first.1 == second.1);
        Ok(())
    })
    .await
}

/// A spawned task is a request of its own until it is carried in; it does not inherit. Case C54.
pub async fn a_spawned_task_does_not_inherit_the_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let orm = db.orm.clone();
    let spawned = RequestContext::create(db.orm.em(), async move {
        tokio::spawn(async move { (RequestContext::current().is_none(), orm.em().get_context().is_err()) })
            .await
            .map_err(Error::other)
    });
    assert_eq!(spawned.await?, (true, true));
    Ok(())
}

/// `.in_current_context()` carries a spawned task in, also when it outlives the scope. Case C54.
pub async fn a_spawned_task_is_carried_into_the_context_on_request<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let (task, id) = RequestContext::create(db.orm.em(), async {
        let orm = db.orm.clone();
        let work = async move {
            let _ = may_go_on.await;
            orm.em().find_all::<Author>().await.map(|authors| (authors.len(), orm.em().id()))
        };
        (tokio::spawn(work.in_current_context()), db.orm.em().id())
    })
    .await;

    assert!(RequestContext::current().is_none());
    go_on.send(()).expect("the task waits");
    assert_eq!(task.await.map_err(Error::other)??, (2, id));
    Ok(())
}

/// Outside any context there is nothing to carry.
pub async fn in_current_context_outside_any_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let orm = db.orm.clone();
    let work = async move { orm.em().get_context().is_err() }.in_current_context();
    assert!(tokio::spawn(work).await.map_err(Error::other)?);
    Ok(())
}

/// Two requests on one task, each waiting for the other in turn, never see each other's context or entities.
pub async fn interleaved_contexts_on_one_task_never_mix<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let request = async |name: &'static str| {
        let id = db.orm.em().id();
        for _ in 0..4 {
            tokio::task::yield_now().await;
            assert_eq!(db.orm.em().id(), id);
        }
        let author = db.orm.em().find_one_or_fail(Author::NAME.eq(name)).await?;
        tokio::task::yield_now().await;
        assert_eq!((db.orm.em().managed_count()?, db.orm.em().id()), (1, id));
        Ok::<_, Error>((id, author))
    };
    let (first, second) = tokio::try_join!(
        RequestContext::create(db.orm.em(), request("Jon Snow")),
        RequestContext::create(db.orm.em(), request("Sam Tarly")),
    )?;
    assert_ne!(first.0, second.0);
    assert!(first.1 != second.1);
    Ok(())
}

/// Requests on many tasks and threads at once: as many contexts.
pub async fn contexts_of_parallel_tasks_are_apart<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let ids = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (orm, ids) = (db.orm.clone(), Arc::clone(&ids));
            std::thread::spawn(move || {
                RequestContext::create_sync(orm.em(), || {
                    ids.lock().push(orm.em().id());
                    orm.em().persist(Author::new("Jon Snow")).map(|_| orm.em().managed_count())
                })
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("it does not panic")??, 1);
    }
    let mut ids = ids.lock().clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    Ok(())
}

/// A nested context is fresh, and the outer one is back after it. Case C58, as far as it concerns `create`.
pub async fn a_nested_context_is_fresh_and_restores_the_outer_one<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        let jon = db.orm.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        let outer = db.orm.em().id();
        let inner = RequestContext::create(db.orm.em(), async {
            assert_eq!(db.orm.em().managed_count()?, 0);
            Ok::<_, Error>(db.orm.em().id())
        })
        .await?;
        assert_ne!(inner, outer);
        assert_eq!(db.orm.em().id(), outer);
        assert!(db.orm.em().contains(&jon));
        Ok(())
    })
    .await
}

/// Nesting is allowed, but rarely meant: it is warned about, with the manager's name and both places.
pub async fn a_nested_context_is_warned_about<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let log = Log::capture();
    let outer = line!() + 1;
    RequestContext::create(db.orm.em(), async {
        assert_eq!(log.lines_with("inside another one"), Vec::<String>::new());
        RequestContext::ensure(db.orm.em(), async {}).await;
        assert_eq!(log.lines_with("inside another one"), Vec::<String>::new());
        let inner = line!() + 1;
        RequestContext::create(db.orm.em(), async {}).await;
        let lines = log.lines_with("inside another one");
        assert!(lines.len() == 1 && lines[0].contains("WARN") && lines[0].contains("default"), "{lines:?}");
        for place in [format!("inner={}:{inner}:", file!()), format!("outer={}:{outer}:", file!())] {
            assert!(lines[0].contains(&place), "no {place} in {lines:?}");
        }
    })
    .await;
    Ok(())
}

/// An error leaves the scope as a value does.
pub async fn the_outer_context_is_back_after_an_error<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        let outer = db.orm.em().id();
        let failed: Result<(), &str> =
            RequestContext::create(db.orm.em(), async { Err("refused by the callback") }).await;
        assert_eq!(failed, Err("refused by the callback"));
        assert_eq!(db.orm.em().id(), outer);
    })
    .await;
    assert!(RequestContext::current().is_none());
    Ok(())
}

/// A panic, too, asynchronous or not.
pub async fn the_outer_context_is_back_after_a_panic<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        let outer = db.orm.em().id();
        let inner = RequestContext::create(db.orm.em(), async {
            tokio::task::yield_now().await;
            std::panic::resume_unwind(Box::new("stopped"));
        });
        assert!(AssertUnwindSafe(inner).catch_unwind().await.is_err());
        assert_eq!(db.orm.em().id(), outer);

        let inner =
            || RequestContext::create_sync(db.orm.em(), || std::panic::resume_unwind(Box::new("stopped")));
        assert!(std::panic::catch_unwind(AssertUnwindSafe(inner)).is_err());
        assert_eq!(db.orm.em().id(), outer);
    })
    .await;
    assert!(RequestContext::current().is_none());
    Ok(())
}

/// A request that is dropped half way (its client went) leaves nothing behind.
pub async fn the_outer_context_is_back_after_a_drop<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        let outer = db.orm.em().id();
        let mut inner = Box::pin(RequestContext::create(db.orm.em(), std::future::pending::<()>()));
        assert!(futures::poll!(&mut inner).is_pending());
        assert_eq!(db.orm.em().id(), outer, "between polls");
        drop(inner);
        assert_eq!(db.orm.em().id(), outer);
    })
    .await;
    assert!(RequestContext::current().is_none());
    Ok(())
}

/// `ensure` goes on in a context that has the manager, and begins one where there is none. Case C59.
pub async fn ensure_reuses_a_context_or_begins_one<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let id = || db.orm.em().id();

    let alone = RequestContext::ensure(db.orm.em(), async { id() }).await;
    assert_ne!(alone, id());
    assert_ne!(alone, RequestContext::ensure_sync(db.orm.em(), id));

    RequestContext::create(db.orm.em(), async {
        assert_eq!(RequestContext::ensure(db.orm.em(), async { id() }).await, id());
        assert_eq!(RequestContext::ensure_sync(db.orm.em(), id), id());
    })
    .await;
    Ok(())
}

/// A context of another ORM does not do for `ensure`; the new one keeps that too. Case C58.
pub async fn ensure_begins_a_context_where_the_present_one_has_another_manager<B: Backend>() -> Result<()> {
    let first = blog::empty::<B>().await?;
    let second = TestDb::open::<B>(|builder| blog::entities(builder).name("BAR")).await?;
    RequestContext::create(first.orm.em(), async {
        let outer = first.orm.em().id();
        RequestContext::ensure(second.orm.em(), async {
            assert_eq!(first.orm.em().id(), outer);
            first.orm.em().find_all::<Author>().await?;
            second.orm.em().find_all::<Author>().await?;
            Ok(())
        })
        .await
    })
    .await
}

/// A repository made once, of the global manager, works in whatever context it is called. Case C61.
pub async fn a_repository_follows_the_request_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let authors = db.orm.em().get_repository::<Author>();
    let request = async || {
        let jon = authors.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        assert!(RequestContext::get_entity_manager(None).is_some_and(|em| em.contains(&jon)));
        assert!(jon == authors.find_by_id(jon.id()).await?.expect("it is loaded"));
        Ok::<_, Error>(jon)
    };

    let first = RequestContext::create(db.orm.em(), request()).await?;
    let second = RequestContext::create(db.orm.em(), request()).await?;

    assert!(first != second);
    assert_guarded(authors.find_all().await, "find");
    Ok(())
}

/// What a repository finds and the program changes is saved by a flush of the global manager in that context. Case C61.
pub async fn changes_through_a_repository_are_flushed_by_its_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let authors = db.orm.em().get_repository::<Author>();
    RequestContext::create(db.orm.em(), async {
        authors.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?.edit().age = Some(17);
        db.orm.em().flush().await
    })
    .await?;
    assert_eq!(db.em().count(Author::AGE.eq(17)).await?, 1);
    Ok(())
}

/// A finder resolves its context when it is first polled, a synchronous method when it is called.
pub async fn a_finder_resolves_its_context_when_it_is_polled<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let made_outside = db.orm.em().find_all::<Author>();
    let by_id_outside = db.orm.em().find_by_id::<Author>(1);
    let jon = RequestContext::create(db.orm.em(), async {
        let authors = made_outside.await?;
        assert_eq!(authors.len(), 2);
        assert!(by_id_outside.await?.is_some());
        Ok::<_, Error>(authors[0].clone())
    })
    .await?;
    assert_eq!(jon.get().name, "Jon Snow");

    let made_inside = RequestContext::create_sync(db.orm.em(), || db.orm.em().find_all::<Author>());
    assert_guarded(made_inside.await, "find");
    Ok(())
}

/// A plain fork is its own context, inside a request too.
pub async fn a_plain_fork_looks_no_further_than_itself<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let fork = db.em();
    let id = fork.id();
    assert_eq!(fork.get_context()?.id(), id);
    RequestContext::create(db.orm.em(), async {
        assert_eq!(fork.get_context()?.id(), id);
        assert_ne!(db.orm.em().get_context()?.id(), id);
        Ok(())
    })
    .await
}

/// A fork made with `use_context` is the current context inside one, and itself outside, without the guard.
pub async fn a_fork_with_use_context_follows_and_else_is_itself<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let fork = db.orm.em().fork_with(ForkOptions::default().use_context(true));
    let own = fork.get_context()?.id();
    fork.persist(Author::new("Jon Snow"))?;
    RequestContext::create(db.orm.em(), async {
        assert_eq!(fork.get_context()?.id(), db.orm.em().id());
        assert_eq!(fork.managed_count()?, 0);
        Ok::<_, Error>(())
    })
    .await?;
    assert_eq!((fork.id(), fork.managed_count()?), (own, 1));
    Ok(())
}

/// The manager of a request, taken out of it, goes on as a context of its own.
pub async fn the_manager_of_a_request_works_after_it<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, jon) = RequestContext::create(db.orm.em(), async {
        let jon = db.orm.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        Ok::<_, Error>((db.orm.em().get_context()?, jon))
    })
    .await?;
    jon.edit().age = Some(17);
    em.flush().await?;
    assert_eq!(db.em().count(Author::AGE.eq(17)).await?, 1);
    Ok(())
}

tokio::task_local! {
    /// The storage of the tests' own.
    static STORAGE: EntityManager;
}

/// A database whose contexts live in [`STORAGE`], and the names that the callback was asked for.
async fn with_storage<B: Backend>() -> Result<(TestDb, Arc<Mutex<Vec<String>>>)> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    let db = TestDb::open::<B>(move |builder| {
        blog::entities(builder).name("shop").context(move |name| {
            names.lock().push(name.to_owned());
            STORAGE.try_with(EntityManager::clone).ok()
        })
    })
    .await?;
    asked.lock().clear();
    Ok((db, asked))
}

fn following() -> ForkOptions {
    ForkOptions::default().use_context(true)
}

/// Inside the storage's scope the global manager is the fork kept there; outside it is guarded. Case C68.
pub async fn a_custom_storage_decides_the_context<B: Backend>() -> Result<()> {
    let (db, _) = with_storage::<B>().await?;
    let fork = db.orm.em().fork_with(following());
    STORAGE
        .scope(fork.clone(), async {
            assert_eq!(db.orm.em().get_context()?.id(), fork.id());
            db.orm.em().persist(Author::new("Jon Snow"))?;
            db.orm.em().flush().await?;
            assert_eq!(db.orm.em().find_all::<Author>().await?.len(), 1);
            Ok::<_, Error>(())
        })
        .await?;
    assert_eq!(db.recorder.writes(), 1);
    assert_guarded(db.orm.em().find_all::<Author>().await, "find");
    Ok(())
}

/// The callback is asked at each call, with the manager's name; a fork that resolves nothing does not ask. Case C68.
pub async fn a_custom_storage_is_asked_at_each_call<B: Backend>() -> Result<()> {
    let (db, asked) = with_storage::<B>().await?;
    STORAGE
        .scope(db.orm.em().fork_with(following()), async {
            asked.lock().clear();
            db.orm.em().persist(Author::new("Jon Snow"))?;
            db.orm.em().flush().await?;
            assert_eq!(*asked.lock(), ["shop", "shop"]);
            let _ = db.orm.em().fork();
            assert_eq!(asked.lock().len(), 3);
            let _ = db.orm.em().fork_with(ForkOptions::default().disable_context_resolution(true));
            assert_eq!(asked.lock().len(), 3);
            Ok(())
        })
        .await
}

/// A storage that fills itself forks the manager inside the callback: `disable_context_resolution` keeps that from
/// asking the callback again. Case C68.
pub async fn a_custom_storage_may_fork_inside_its_callback<B: Backend>() -> Result<()> {
    #[derive(Default)]
    struct Storage {
        global: Option<EntityManager>,
        current: Option<EntityManager>,
        asked: usize,
    }
    let storage = Arc::new(Mutex::new(Storage::default()));
    let shared = Arc::clone(&storage);
    let db = TestDb::open::<B>(move |builder| {
        blog::entities(builder).context(move |_| {
            let global = {
                let mut storage = shared.lock();
                storage.asked += 1;
                if storage.current.is_some() || storage.asked > 1 {
                    return storage.current.clone();
                }
                storage.global.clone()?
            };
            let fork = global.fork_with(following().disable_context_resolution(true));
            shared.lock().current.insert(fork).clone().into()
        })
    })
    .await?;
    storage.lock().global = Some(db.orm.em().clone());

    db.orm.em().persist(Author::new("Jon Snow"))?;
    assert_eq!(storage.lock().asked, 1, "the fork inside the callback did not ask it");
    db.orm.em().flush().await?;

    let stored = storage.lock().current.clone().expect("the callback made one");
    assert_eq!(db.orm.em().id(), stored.id());
    assert_eq!(stored.managed_count()?, 1);
    Ok(())
}

/// The callback takes the place of `RequestContext`, which is not looked at. Case C68.
pub async fn a_custom_storage_replaces_request_contexts<B: Backend>() -> Result<()> {
    let (db, _) = with_storage::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        assert_guarded(db.orm.em().get_context(), "get_context");
        let fork = db.em();
        STORAGE.scope(fork.clone(), async { assert_eq!(db.orm.em().id(), fork.id()) }).await;
    })
    .await;
    Ok(())
}

/// With the option, the global manager has an identity map, and still follows a context where there is one.
pub async fn allow_global_context_lets_the_global_manager_work<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(true)).await?;
    let em = db.orm.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    em.flush().await?;
    assert!(em.find_all::<Author>().await?[0] == jon);
    assert!(em.contains(&jon));

    RequestContext::create(em, async { assert_eq!(em.managed_count().ok(), Some(0)) }).await;
    assert_eq!(em.managed_count()?, 1);
    em.clear()?;
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// The variable is read when an ORM is built, so a process of its own is asked: this test, run again with it set.
///
/// # Panics
///
/// When that process fails, with what it printed.
#[track_caller]
pub(super) fn run_again_with_variable(test: &str, value: &str) {
    let program = std::env::current_exe().expect("a test runs from a file");
    // By its last two names: every backend of this binary runs it.
    let output =
        Command::new(program).arg(test).env(VARIABLE, value).output().expect("a test can be run again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains(&format!("{test} ... ok")),
        "{VARIABLE}={value}: {text}"
    );
}

/// Each value that means "on" does what the option does, and each that does not, does not.
pub async fn the_environment_variable_allows_the_global_context<B: Backend>() -> Result<()> {
    let Ok(value) = std::env::var(VARIABLE) else {
        for value in ["1", "true", "0", ""] {
            run_again_with_variable("contexts::the_environment_variable_allows_the_global_context", value);
        }
        return Ok(());
    };
    let db = blog::empty::<B>().await?;
    let counted = db.orm.em().count(Condition::<Author>::always()).await;
    if matches!(value.as_str(), "1" | "true") {
        assert_eq!(counted?, 0);
    } else {
        assert_guarded(counted, "count");
    }
    Ok(())
}

/// The builder's own word is stronger than the variable.
pub async fn the_option_overrides_the_environment_variable<B: Backend>() -> Result<()> {
    if std::env::var_os(VARIABLE).is_none() {
        run_again_with_variable("contexts::the_option_overrides_the_environment_variable", "1");
        return Ok(());
    }
    let db = TestDb::open::<B>(|builder| blog::entities(builder).allow_global_context(false)).await?;
    assert_guarded(db.orm.em().get_context(), "get_context");
    Ok(())
}

/// What is found through the global manager is in the map of the manager that `get_context` returns.
pub async fn get_context_is_the_manager_that_calls_go_to<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    assert_eq!(global_id(&db), None);
    RequestContext::create(db.orm.em(), async {
        let em = db.orm.em().get_context()?;
        let jon = db.orm.em().find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        assert!(em.contains(&jon));
        assert!(em.find_by_id::<Author>(jon.id()).await?.is_some_and(|found| found == jon));
        assert_eq!(global_id(&db), Some(em.id()));
        Ok(())
    })
    .await
}

/// A task that is spawned with a fork has an identity map of its own, what the request knows, and no part in the transaction
/// that it was spawned in, though its own ones work.
pub async fn a_spawned_task_has_a_fork_of_the_context<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    let em = db.em();
    em.persist(Author::new("Jon Snow"))?;
    em.flush().await?;
    RequestContext::create(db.orm.em(), async {
        let em = db.orm.em();
        em.set(7_u32)?;
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
        jon.edit().name = "Aegon".to_owned();
        let id = em.id();
        em.transactional(async |inside| {
            let orm = db.orm.clone();
            let task = spawn_in_context(async move {
                let em = orm.em();
                assert_ne!(em.id(), id);
                assert!(!em.is_in_transaction(), "it is none of its own");
                assert_eq!(em.get::<u32>().as_deref(), Some(&7));
                let name = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?.get().name.clone();
                let reads = TransactionOptions::default().read_only();
                em.transactional_with(reads, async |own| {
                    assert!(em.is_in_transaction() && em.id() == own.id());
                    Ok(())
                })
                .await?;
                Ok::<_, Error>(name)
            });
            assert_eq!(task.await.map_err(Error::other)??, "Jon Snow", "what is not saved is not seen");
            assert!(inside.is_in_transaction());
            Ok(())
        })
        .await
    })
    .await?;
    // Without a context there is none to fork.
    let orm = db.orm.clone();
    let lost = spawn_in_context(async move { orm.em().count_all::<Author>().await });
    assert!(matches!(lost.await.map_err(Error::other)?, Err(Error::GlobalContext { method: "count", .. })));
    Ok(())
}

/// A context that is entered again inside of its own transaction is in it still; another one is outside.
pub async fn a_context_that_is_entered_again_stays_in_its_transaction<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(2, blog::entities).await?;
    let other = RequestContext::new(db.orm.em());
    RequestContext::create(db.orm.em(), async {
        let em = db.orm.em();
        let context = RequestContext::current().expect("it is in one");
        em.transactional(async |inside| {
            context
                .scope(async {
                    assert!(em.is_in_transaction());
                    assert_eq!(em.id(), inside.id());
                    em.persist(Author::new("Jon Snow"))?;
                    em.flush().await
                })
                .await?;
            other
                .scope(async {
                    assert!(!em.is_in_transaction());
                    assert_ne!(em.id(), inside.id());
                    // Entered from there, the first one is outside of nothing that is its own.
                    context.scope_sync(|| assert_eq!(em.id(), inside.id()));
                    assert_eq!(em.count_all::<Author>().await?, 0, "it is not committed");
                    Ok::<_, Error>(())
                })
                .await
        })
        .await?;
        assert_eq!(em.count_all::<Author>().await?, 1);
        Ok(())
    })
    .await
}

/// A fork of a context is a fork of that one, whichever is current where it is made.
pub async fn a_fork_of_a_context_is_of_that_one<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let (one, other) = (RequestContext::new(db.orm.em()), RequestContext::new(db.orm.em()));
    one.scope_sync(|| db.orm.em().set(1_u32))?;
    other.scope_sync(|| db.orm.em().set(2_u32))?;
    let fork = other.scope_sync(|| one.fork());
    assert_eq!(fork.scope_sync(|| db.orm.em().get::<u32>()).as_deref(), Some(&1));
    assert_ne!(fork.scope_sync(|| db.orm.em().id()), one.scope_sync(|| db.orm.em().id()));
    Ok(())
}
