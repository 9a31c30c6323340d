//! Each request has a context of its own, in which shared managers and repositories find their way by themselves.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing;
use futures::future::join;
use orm_core::{Error, InCurrentContext, Loaded, RequestContext};
use orm_web::{Em, RequestContextLayer};
use parking_lot::Mutex;
use tower::ServiceExt;

use crate::library::{Author, Book, Failure, Library, Probe, get, send};

/// Requests that run at the same time see neither each other's instances nor each other's unsaved changes.
#[tokio::test]
async fn two_requests_have_two_identity_maps() {
    let library = Library::open().await;
    let found: Arc<Mutex<Vec<Loaded<Author>>>> = Arc::default();
    let (orm, kept) = (library.orm.clone(), Arc::clone(&found));
    let handler = async move |name: String| {
        assert_eq!(orm.em().managed_count()?, 0, "the identity map is fresh");
        let author = orm.em().find_by_id_or_fail::<Author>(1).await?;
        author.edit().name = name.clone();
        tokio::task::yield_now().await;
        let again = orm.em().find_one_or_fail(Author::ID.eq(1)).await?;
        assert!(author == again);
        assert_eq!(again.get().name, name, "unsaved, and its own");
        kept.lock().push(author);
        Ok::<_, Error>(orm.em().id().to_string())
    };
    let app = Router::new()
        .route(
            "/{name}",
            routing::get(move |Path(name)| async move { handler(name).await.map_err(Failure::from) }),
        )
        .layer(RequestContextLayer::new(&library.orm));

    let (one, two) = join(send(&app, get("/one")), send(&app, get("/two"))).await;

    assert_eq!((one.0, two.0), (StatusCode::OK, StatusCode::OK), "{} {}", one.1, two.1);
    assert_ne!(one.1, two.1, "contexts have numbers of their own");
    let found = found.lock();
    assert!(found[0] != found[1]);
}

/// What the program shares: made once, without a context.
#[derive(Clone)]
struct Services {
    orm: orm_core::Orm,
    authors: orm_core::Repository<Author>,
}

/// A repository of the start, the global manager and the extracted one are all in the request's context: one instance, one
/// statement.
#[tokio::test]
async fn one_row_is_one_instance_in_a_request() {
    async fn handler(em: Em, State(services): State<Services>) -> Result<String, Failure> {
        let first = em.find_by_id_or_fail::<Author>(1).await?;
        let second = services.authors.find_by_id_or_fail(1).await?;
        let third = services.orm.em().find_by_id_or_fail::<Author>(1).await?;
        assert!(first == second && second == third);
        Ok(first.get().name.clone())
    }

    let library = Library::open().await;
    let services = Services { orm: library.orm.clone(), authors: library.orm.em().get_repository() };
    let app = Router::new()
        .route("/", routing::get(handler))
        .layer(RequestContextLayer::new(&library.orm))
        .with_state(services);

    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "Le Guin".into()));
    assert_eq!(library.statements.count(), 1);
    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "Le Guin".into()));
    assert_eq!(library.statements.count(), 2, "the next request asks for itself");
}

/// The context goes with its request, and there is none around it.
#[tokio::test]
async fn a_context_ends_with_its_request() {
    let library = Library::open().await;
    let probe = Probe::default();
    let (marks, seen) = (probe.clone(), probe.clone());
    let layer = RequestContextLayer::new(&library.orm).on_enter(move |em, _| em.set(marks.mark()));
    let orm = library.orm.clone();
    let handler = move || async move {
        orm.em().find_all::<Book>().populate(Book::AUTHOR).await?;
        Ok::<_, Failure>(seen.contexts().to_string())
    };
    let app = Router::new().route("/", routing::get(handler)).layer(layer);

    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, "1".into()));

    assert_eq!(probe.contexts(), 0);
    assert!(RequestContext::current().is_none());
}

/// A response future that is dropped half-way takes its context along; the handler's values are dropped in it.
#[tokio::test]
async fn a_dropped_request_takes_its_context_along() {
    /// Notes on drop whether it is in a context.
    struct Noting(Arc<Mutex<Option<bool>>>);
    impl Drop for Noting {
        fn drop(&mut self) {
            *self.0.lock() = Some(RequestContext::current().is_some());
        }
    }

    let library = Library::open().await;
    let (probe, dropped) = (Probe::default(), Arc::default());
    let marks = probe.clone();
    let layer = RequestContextLayer::new(&library.orm).on_enter(move |em, _| em.set(marks.mark()));
    let (orm, noting) = (library.orm.clone(), Arc::clone(&dropped));
    let handler = move || async move {
        let _noting = Noting(noting);
        orm.em().find_all::<Book>().await?;
        std::future::pending::<()>().await;
        Ok::<_, Failure>(())
    };
    let app = Router::new().route("/", routing::get(handler)).layer(layer);

    let mut response = Box::pin(app.oneshot(get("/")));
    while library.statements.count() == 0 {
        assert!(futures::poll!(&mut response).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!((probe.contexts(), *dropped.lock()), (1, None));
    drop(response);

    assert_eq!((probe.contexts(), *dropped.lock()), (0, Some(true)));
    assert_eq!(library.titles().await.len(), 2, "its connection is free");
}

/// A spawned task is outside until it is carried in.
#[tokio::test]
async fn a_spawned_task_is_in_the_context_when_it_is_carried_in() {
    let library = Library::open().await;
    let orm = library.orm.clone();
    let handler = move || async move {
        let work = |orm: orm_core::Orm| async move { orm.em().get_context().map(|em| em.id()) };
        let outside = tokio::spawn(work(orm.clone())).await.unwrap();
        assert!(matches!(outside, Err(Error::GlobalContext { .. })), "{outside:?}");
        let inside = tokio::spawn(work(orm.clone()).in_current_context()).await.unwrap()?;
        assert_eq!(inside, orm.em().id());
        Ok::<_, Failure>(())
    };
    let app = Router::new().route("/", routing::get(handler)).layer(RequestContextLayer::new(&library.orm));

    assert_eq!(send(&app, get("/")).await, (StatusCode::OK, String::new()));
}

/// What a handler gives away goes on in the same context after the request, and the ORM is guarded around it again.
#[tokio::test]
async fn a_context_can_be_used_after_its_request() {
    let library = Library::open().await;
    let kept = Arc::new(Mutex::new(None));
    let probe = Probe::default();
    let marks = probe.clone();
    let layer = RequestContextLayer::new(&library.orm).on_enter(move |em, _| em.set(marks.mark()));
    let (orm, keep) = (library.orm.clone(), Arc::clone(&kept));
    let handler = move || async move {
        let author = orm.em().find_by_id_or_fail::<Author>(1).await?;
        *keep.lock() = RequestContext::current().map(|context| (context, author, orm.em().id()));
        Ok::<_, Failure>(())
    };
    let app = Router::new().route("/", routing::get(handler)).layer(layer);
    assert_eq!(send(&app, get("/")).await.0, StatusCode::OK);

    let em = library.orm.em();
    assert!(em.get_context().is_err());
    let (context, author, id) = kept.lock().take().unwrap();
    library.statements.reset();
    context
        .scope(async {
            assert_eq!(em.id(), id);
            assert!(em.find_by_id_or_fail::<Author>(1).await? == author);
            author.edit().name = "Ursula K. Le Guin".into();
            em.flush().await
        })
        .await
        .unwrap();
    assert_eq!(context.scope_sync(|| em.id()), id);
    assert!(em.get_context().is_err());
    assert_eq!(library.statements.writes(), 1);
    assert_eq!(library.statements.reads(), 0, "the author was in the identity map");

    assert_eq!(probe.contexts(), 1);
    drop(context);
    assert_eq!(author.get().name, "Ursula K. Le Guin");
    drop(author);
    assert_eq!(probe.contexts(), 0);
}

/// A context that is entered inside of a transaction of another one is outside of that transaction.
#[tokio::test]
async fn a_context_is_outside_of_the_transaction_that_it_is_entered_in() {
    let library = Library::open().await;
    let context = RequestContext::new(&library.orm);
    let em = library.orm.em();
    let own = context.scope_sync(|| em.id());
    RequestContext::create(
        &library.orm,
        em.transactional(async |inside| {
            assert_eq!(em.id(), inside.id());
            assert_eq!(context.scope_sync(|| em.id()), own);
            assert_eq!(context.scope(async { em.id() }).await, own);
            Ok(())
        }),
    )
    .await
    .unwrap();
    // Its own transactions hold in it, however often it is entered.
    context
        .scope(em.transactional(async |inside| {
            assert!(context.scope_sync(|| em.get_context())?.id() == inside.id());
            Ok(())
        }))
        .await
        .unwrap();
}

/// A panic in a transaction rolls it back: nothing is written, no connection is in a transaction, the context is gone.
#[tokio::test]
async fn a_panic_in_a_transaction_leaves_nothing() {
    let library = Library::open().await;
    let probe = Probe::default();
    let marks = probe.clone();
    let layer = RequestContextLayer::new(&library.orm).on_enter(move |em, _| em.set(marks.mark()));
    let orm = library.orm.clone();
    let handler = move || async move {
        orm.em()
            .transactional(async |em| {
                crate::library::shelve(&em, "Lavinia")?;
                em.flush().await?;
                if em.count_all::<Book>().await? == 3 {
                    panic!("in the middle");
                }
                Ok(())
            })
            .await?;
        Ok::<_, Failure>(())
    };
    let app = Router::new().route("/", routing::get(handler)).layer(layer);

    let error = tokio::spawn(async move { send(&app, get("/")).await }).await.unwrap_err();

    assert_eq!(error.into_panic().downcast_ref::<&str>(), Some(&"in the middle"));
    assert_eq!(probe.contexts(), 0);
    assert!(RequestContext::current().is_none());
    assert_eq!(library.titles().await, ["Tehanu", "The Dispossessed"]);
    let em = library.orm.em().fork();
    em.transactional(async |em| crate::library::shelve(&em, "Lavinia").map(drop)).await.unwrap();
    assert_eq!(library.titles().await.len(), 3, "another transaction finds its way");
}
