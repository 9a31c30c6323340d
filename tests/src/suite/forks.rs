//! Forks: contexts of their own, and what their options give them from their parent.

use std::sync::Arc;

use orm_core::{Condition, Error, FlushMode, ForkOptions, RequestContext, Result};

use crate::fixtures::blog::{self, Author, Book};
use crate::{Backend, Operation};

const KEEP: ForkOptions = ForkOptions {
    clear: false,
    use_context: false,
    disable_context_resolution: false,
    fresh_subscribers: false,
    fresh_filters: false,
    flush_mode: None,
};

/// A fork starts empty, shares the metadata, and the parent keeps what it has. Case A10.
pub async fn a_fork_starts_empty_and_leaves_its_parent_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    parent.find_all::<Author>().await?;

    let fork = parent.fork();

    assert_eq!(fork.managed_count()?, 0);
    assert_eq!(parent.managed_count()?, 2);
    assert_eq!(fork.name(), parent.name());
    Ok(())
}

/// One row, two contexts: two instances.
pub async fn forks_have_instances_of_their_own<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (first, second) = (db.em(), db.em());
    let jon = first.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let same = second.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;

    assert!(jon != same);
    assert_eq!(jon.id(), same.id());
    jon.edit().name = "Aegon".into();
    assert_eq!(same.get().name, "Jon Snow");
    assert!(first.contains(&jon) && !first.contains(&same));
    Ok(())
}

/// Every fork has its own number, whatever it is forked from.
pub async fn forks_have_ids_of_their_own<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let first = db.em();
    let mut ids = vec![db.orm.em().id(), first.id(), first.fork().id(), first.fork_with(KEEP).id()];
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(first.id(), first.clone().id(), "a clone is the same manager");
    Ok(())
}

/// What waits in the parent is not the fork's to write.
pub async fn a_fork_does_not_flush_what_waits_in_its_parent<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let parent = db.em();
    parent.persist(Author::new("Jon Snow"))?;

    parent.fork().flush().await?;
    assert_eq!(db.statements(), 0);

    parent.flush().await?;
    assert_eq!(db.em().count(Condition::<Author>::always()).await?, 1);
    Ok(())
}

/// An entity of the parent is a stranger in the fork: a typed error that names both contexts.
pub async fn a_fork_refuses_entities_of_its_parent<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let jon = parent.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let fork = parent.fork();

    let error = fork.remove(&jon).expect_err("another context's entity");
    assert!(matches!(error, Error::ForeignEntity { expected, found, .. } if expected != found), "{error}");
    assert!(matches!(fork.persist(Book::new("Wildlings", &jon)), Err(Error::ForeignEntity { .. })));
    Ok(())
}

/// With `clear(false)` the fork knows what its parent has loaded, without a query.
pub async fn a_fork_that_keeps_entities_has_them_without_a_query<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let jon = parent.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    db.recorder.reset();

    let fork = parent.fork_with(ForkOptions::default().clear(false));
    let kept = fork.find_by_id::<Author>(jon.id()).await?.expect("the parent had it");

    assert_eq!(db.statements(), 0);
    assert_eq!(kept.get().name, "Jon Snow");
    assert_eq!(fork.managed_count()?, parent.managed_count()?);
    Ok(())
}

/// One allocation serves both, but the handles are of two instances.
pub async fn kept_entities_share_snapshots_and_no_identity<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let jon = parent.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let fork = parent.fork_with(KEEP);
    let kept = fork.find_by_id::<Author>(jon.id()).await?.expect("the parent had it");

    assert!(Arc::ptr_eq(&jon.get(), &kept.get()));
    assert!(jon != kept);
    assert!(fork.contains(&kept) && !fork.contains(&jon));
    Ok(())
}

/// Edits on either side stay there, before and after a flush.
pub async fn an_edit_of_a_kept_entity_is_never_seen_in_the_other_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let jon = parent.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let fork = parent.fork_with(KEEP);
    let kept = fork.find_by_id::<Author>(jon.id()).await?.expect("the parent had it");

    kept.edit().name = "Aegon".into();
    jon.edit().age = Some(17);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Jon Snow", Some(17)));
    assert_eq!((kept.get().name.as_str(), kept.get().age), ("Aegon", None));

    fork.flush().await?;
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Jon Snow", Some(17)));
    db.recorder.reset();
    parent.flush().await?;
    assert_eq!(db.recorder.operations()[1], Operation::Update("Author".into(), 1, vec!["age".into()]));
    assert_eq!((kept.get().name.as_str(), kept.get().age), ("Aegon", None));
    Ok(())
}

/// An edit that waits when the fork is made is in the shared snapshot, so it waits in the fork too.
pub async fn an_edit_that_waits_is_kept_as_one_that_waits<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let jon = parent.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    jon.edit().age = Some(17);
    let fork = parent.fork_with(KEEP);
    db.recorder.reset();

    fork.flush().await?;

    assert_eq!(db.recorder.operations()[1..2], [Operation::Update("Author".into(), 1, vec!["age".into()])]);
    assert_eq!(db.em().count(Author::AGE.eq(17)).await?, 1);
    Ok(())
}

/// New entities have no key to be kept by: they stay the parent's alone.
pub async fn a_fork_that_keeps_entities_leaves_new_ones_to_its_parent<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let parent = db.em();
    parent.persist(Author::new("Jon Snow"))?;

    let fork = parent.fork_with(KEEP);

    assert_eq!(fork.managed_count()?, 0);
    fork.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Relations between kept entities lead to the fork's own instances.
pub async fn relations_of_kept_entities_stay_in_the_fork<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let book = parent.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    let fork = parent.fork_with(KEEP);
    db.recorder.reset();

    let kept = fork.find_by_id::<Book>(book.id()).populate(Book::AUTHOR).await?.expect("the parent had it");

    assert_eq!(db.statements(), 0);
    assert_eq!(kept.author().get().name, "Jon Snow");
    assert!(fork.contains(&kept.author()) && !parent.contains(&kept.author()));
    Ok(())
}

/// Clearing the fork detaches its handles alone.
pub async fn clearing_a_fork_leaves_its_parent_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    let jon = parent.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let fork = parent.fork_with(KEEP);
    let kept = fork.find_by_id::<Author>(jon.id()).await?.expect("the parent had it");

    fork.clear()?;

    assert!(matches!(kept.try_edit(), Err(Error::Detached { .. })));
    assert!(jon.try_edit().is_ok());
    assert_eq!((fork.managed_count()?, parent.managed_count()?), (0, 1));
    Ok(())
}

/// A fork made inside a request, by the global manager, keeps the request's entities. Section 2.3 of the reference.
pub async fn the_global_manager_forks_the_context_that_it_stands_for<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    RequestContext::create(db.orm.em(), async {
        db.orm.em().find_all::<Author>().await?;
        assert_eq!(db.orm.em().fork_with(KEEP).managed_count()?, 2);
        assert_eq!(db.orm.em().fork_with(KEEP.disable_context_resolution(true)).managed_count()?, 0);
        Ok(())
    })
    .await
}

/// A fork that never flushes by itself sees the old rows, one that always does sees the new. Case C67.
pub async fn a_fork_has_a_flush_mode_of_its_own<B: Backend>() -> Result<()> {
    for (mode, found, statements) in
        [(FlushMode::Commit, 0, 3), (FlushMode::Auto, 0, 3), (FlushMode::Always, 1, 6)]
    {
        let db = blog::empty::<B>().await?;
        let em = db.orm.em().fork_with(ForkOptions::default().flush_mode(mode));
        em.persist(Author::new("Jon Snow"))?;
        for _ in 0..3 {
            assert_eq!(em.find_all::<Author>().await?.len(), found, "{mode:?}");
        }
        assert_eq!(db.statements(), statements, "{mode:?}");
    }
    Ok(())
}

/// What the options leave open is as in the parent: the mode comes from the builder, then from fork to fork.
pub async fn a_fork_inherits_the_flush_mode<B: Backend>() -> Result<()> {
    let db =
        crate::TestDb::open::<B>(|builder| blog::entities(builder).flush_mode(FlushMode::Always)).await?;
    let fork = db.em();
    fork.persist(Author::new("Jon Snow"))?;
    assert_eq!(fork.find_all::<Author>().await?.len(), 1);

    let commit = fork.fork_with(ForkOptions::default().flush_mode(FlushMode::Commit));
    let grandchild = commit.fork();
    grandchild.persist(Author::new("Arya Stark"))?;
    assert_eq!(grandchild.find_all::<Author>().await?.len(), 1, "only what was there");
    Ok(())
}

/// The mode of the surrounding request is that of forks made in it.
pub async fn a_request_inherits_the_flush_mode_of_its_manager<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.orm.em().fork_with(ForkOptions {
        use_context: true,
        flush_mode: Some(FlushMode::Always),
        ..Default::default()
    });
    RequestContext::create(&em, async {
        em.persist(Author::new("Jon Snow"))?;
        assert_eq!(em.find_all::<Author>().await?.len(), 1);
        Ok(())
    })
    .await
}

/// One options value makes any number of forks; using it changes nothing in it. Case C70.
pub async fn fork_options_are_not_changed_by_use<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let parent = db.em();
    parent.find_all::<Author>().await?;
    let options = ForkOptions::default().clear(false).flush_mode(FlushMode::Always);
    let before = options;

    let (first, second) = (parent.fork_with(options), parent.fork_with(options));

    assert_eq!(options, before);
    assert_eq!((first.managed_count()?, second.managed_count()?), (2, 2));
    assert_ne!(first.id(), second.id());
    Ok(())
}
