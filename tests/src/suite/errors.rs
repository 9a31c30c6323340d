//! Bad input: a typed error that names the place, never a panic, and nothing lost.
//!
//! Rows that do not fit are in [`bad_rows`](super::bad_rows), constraints in [`violations`](super::violations), flushes
//! that fail in [`flush_failure`](super::flush_failure), conditions in [`conditions`](super::conditions).

use orm_core::driver::DriverErrorKind;
use orm_core::{Collection, Condition, Error, Result};

use crate::fixtures::blog::{self, Author, Book, Profile, Tag};
use crate::{Backend, TestDb};

/// A path that leads nowhere: the step, the entity where it fails, and what was meant. Case G138.
pub async fn an_unknown_path_says_what_was_meant<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    for (path, entity, relation, suggestion) in [
        ("boks", "Author", "boks", Some("books")),
        ("books.tag", "Book", "tag", Some("tags")),
        ("books.author.Mentor", "Author", "Mentor", Some("mentor")),
        ("name", "Author", "name", None),
        ("", "Author", "", None),
        ("books.", "Book", "", None),
        ("books..tags", "Book", "", None),
        ("books tags", "Author", "books tags", None),
        ("books.xylophone", "Book", "xylophone", None),
    ] {
        let error = em.find_all::<Author>().populate_path(path).expect_err("it leads nowhere");
        let Error::UnknownPath { path: told, entity: at, relation: step, suggestion: meant } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((told.as_str(), *at, step.as_str(), *meant), (path, entity, relation, suggestion));
        if let Some(meant) = suggestion {
            assert!(error.to_string().ends_with(&format!("did you mean `{meant}`?")), "{error}");
        }
    }
    assert_eq!(db.statements(), 0);
    let found = em.find_all::<Author>().populate_path("books.tags")?.populate_path("mentor")?.await?;
    assert!(found.iter().all(|author| author.books_ref().is_loaded()));
    Ok(())
}

/// A second instance of a managed row is refused by name, and what hung on it is not tracked.
pub async fn a_copy_of_a_managed_entity_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let copy = Author { books: [Book::default()].into(), ..Author::clone(&jon.get()) };
    db.recorder.reset();

    let error = em.persist(copy.clone()).expect_err("the row is managed already");
    let Error::AlreadyManaged { key } = &error else { panic!("{error}") };
    assert_eq!(key.to_string(), format!("Author[{}]", jon.id()));
    let error = em.persist(Book::new("A Feast", copy)).expect_err("its author is managed already");
    assert!(matches!(error, Error::AlreadyManaged { .. }), "{error}");

    assert!(em.flush_plan()?.is_empty());
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    em.persist(Book::new("A Feast", &jon))?;
    em.flush().await?;
    assert_eq!(db.em().count(Book::AUTHOR.eq(&jon)).await?, 4);
    Ok(())
}

/// An entity of another context: every method says so, naming both contexts and the entity.
pub async fn an_entity_of_another_context_is_refused<B: Backend>() -> Result<()> {
    let (db, em) = seeded::<B>().await?;
    let other = db.em();
    let theirs = other.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let tag = other.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    let sam =
        em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate((Author::BOOKS, Author::PROFILE)).await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let profile = other.find_one_or_fail(Profile::BIO.eq("Reads")).await?;
    db.recorder.reset();

    let errors = [
        em.persist(&theirs).map(drop),
        em.persist(Book::new("A Feast", &theirs)).map(drop),
        em.persist(Book { tags: [tag.to_ref()].into(), ..Book::new("A Feast", &sam) }).map(drop),
        em.persist(Author { profile: (&profile).into(), ..Author::new("Arya") }).map(drop),
        em.remove(&theirs),
        em.remove(other.get_reference::<Author>(theirs.id())?),
        em.refresh(&theirs).await,
        em.populate(&theirs, Author::BOOKS).await.map(drop),
        book.tags_ref().add(&tag),
        book.tags_ref().remove(&tag),
        book.tags_ref().set([&tag]),
        book.tags_ref().contains(&tag).await.map(drop),
        sam.profile_ref().set(Some(&profile)),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let Err(error) = error else { panic!("number {number} was taken") };
        let Error::ForeignEntity { key, expected, found } = &error else {
            panic!("number {number}: {error:?}")
        };
        assert!(!key.values().is_empty() && expected != found, "number {number}: {error}");
        assert!(error.to_string().contains("merge"), "{error}");
    }
    assert_eq!(db.statements(), 0);
    assert!(em.flush_plan()?.is_empty());
    assert_eq!(book.tags().len(), 2);
    Ok(())
}

/// An entity of another context that is assigned in an edit is told by the flush, and can be set right.
pub async fn an_entity_of_another_context_in_an_edit_is_told_by_flush<B: Backend>() -> Result<()> {
    let (db, em) = seeded::<B>().await?;
    let theirs = db.em().find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let new = em.persist(Book::new("A Feast", book.get().author.clone()))?;
    db.recorder.reset();

    for edited in [book.without_hints(), new.without_hints()] {
        let before = edited.get().author.clone();
        edited.edit().author = theirs.to_ref();
        let error = em.flush().await.expect_err("the author is of another context");
        let Error::ForeignEntity { key, .. } = &error else { panic!("{error:?}") };
        assert_eq!(key.to_string(), format!("Author[{}]", theirs.id()));
        edited.edit().author = before;
    }
    assert_eq!(db.statements(), 0);

    book.edit().author = em.merge(&theirs)?.to_ref();
    em.flush().await?;
    assert_eq!(
        db.em().find_by_id::<Book>(book.id()).await?.and_then(|row| row.author_ref().key()),
        Some(theirs.id())
    );
    assert!(new.try_id().is_some());
    Ok(())
}

/// A collection assigned in an edit that holds an entity of another context is told by the flush, once.
pub async fn a_foreign_item_in_an_assigned_collection_is_told_by_flush<B: Backend>() -> Result<()> {
    let (db, em) = seeded::<B>().await?;
    let theirs = db.em().find_one_or_fail(Tag::LABEL.eq("war")).await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    book.edit().tags = Collection::from([theirs.to_ref()]);
    db.recorder.reset();

    let error = em.flush().await.expect_err("the tag is of another context");
    assert!(matches!(error, Error::ForeignEntity { .. }), "{error:?}");
    assert_eq!(db.statements(), 0);

    book.edit().tags = Collection::from([em.find_one_or_fail(Tag::LABEL.eq("war")).await?.to_ref()]);
    em.flush().await?;
    assert_eq!(db.em().count(Book::TAGS.some(Tag::LABEL.eq("war")).and(Book::ID.eq(book.id()))).await?, 1);
    assert_eq!(db.em().count(Book::TAGS.some(Tag::LABEL.eq("winter")).and(Book::ID.eq(book.id()))).await?, 0);
    Ok(())
}

/// Handles from before `clear` are detached: readable, and refused with their name wherever they would be saved.
pub async fn a_detached_entity_is_refused<B: Backend>() -> Result<()> {
    let (db, em) = seeded::<B>().await?;
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    em.clear()?;
    db.recorder.reset();

    let errors = [
        em.persist(&jon).map(drop),
        em.remove(&jon),
        em.refresh(&jon).await,
        em.populate(&jon, Author::BOOKS).await.map(drop),
        jon.try_edit().map(drop),
        jon.try_update(|jon| jon.age = Some(1)),
        jon.books_ref().load().await.map(drop),
        jon.books_ref().add(Book::default()),
        book.tags_ref().remove(&book.tags()[0]),
        book.publisher_ref().load().await.map(drop),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let Err(error) = error else { panic!("number {number} was taken") };
        assert!(matches!(&error, Error::Detached { .. }), "number {number}: {error:?}");
    }
    assert_eq!(db.statements(), 0);
    jon.edit().age = Some(1);
    em.flush().await?;
    assert_eq!((db.statements(), jon.get().age), (0, Some(1)));
    Ok(())
}

/// A deleted entity is detached too, and one that is to be removed can't be edited.
pub async fn a_removed_entity_is_refused<B: Backend>() -> Result<()> {
    let (_, em) = seeded::<B>().await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    em.remove(&book)?;
    em.remove(&book)?;
    let error = book.try_edit().expect_err("it is to be removed");
    let Error::Removed { key } = &error else { panic!("{error}") };
    assert_eq!(key.to_string(), format!("Book[{}]", book.id()));
    assert!(error.to_string().contains("persist"), "{error}");
    assert!(matches!(book.try_update(|book| book.price = 1), Err(Error::Removed { .. })));

    em.flush().await?;
    assert!(matches!(em.remove(&book), Err(Error::Detached { .. })));
    assert!(matches!(em.persist(&book), Err(Error::Detached { .. })));
    assert!(matches!(book.try_edit(), Err(Error::Detached { .. })));
    Ok(())
}

/// A reference that leads nowhere can't be removed.
pub async fn removing_what_is_not_there_says_so<B: Backend>() -> Result<()> {
    let (_, em) = seeded::<B>().await?;
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let error = em.remove(jon.mentor_ref()).expect_err("he has no mentor");
    assert!(matches!(&error, Error::RequiredRelation { relation: "mentor", .. }), "{error:?}");
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// A relation that is not loaded is told with entity, key and relation, by everything that reads it.
pub async fn a_relation_that_is_not_loaded_says_so<B: Backend>() -> Result<()> {
    let (db, em) = seeded::<B>().await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let jon = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    db.recorder.reset();
    let errors = [
        (book.author_ref().get().map(drop), "author"),
        (book.tags_ref().items().map(drop), "tags"),
        (book.tags_ref().set(Vec::<Tag>::new()), "tags"),
        (jon.books_ref().items().map(drop), "books"),
        (jon.profile_ref().get().map(drop), "profile"),
        (book.try_with(Book::TAGS).map(drop), "tags"),
        (jon.try_with(Author::BOOKS.then(Book::TAGS)).map(drop), "books"),
    ];
    for (error, wanted) in errors {
        let error = error.expect_err("it is not loaded");
        let Error::NotLoaded { key, relation } = &error else { panic!("{error:?}") };
        assert_eq!(*relation, wanted);
        assert!(!key.values().is_empty() && error.to_string().contains("populate"), "{error}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A closed pool is told as such by everything that needs it.
pub async fn a_closed_pool_says_so<B: Backend>() -> Result<()> {
    let (db, em) = seeded::<B>().await?;
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    jon.edit().age = Some(17);
    db.orm.close().await;

    let errors = [
        em.find_all::<Author>().await.map(drop),
        em.find_by_id::<Author>(99).await.map(drop),
        em.find_and_count(Condition::<Author>::always()).await.map(drop),
        em.count(Condition::<Author>::always()).await.map(drop),
        em.populate(&jon, Author::BOOKS).await.map(drop),
        em.refresh(&book).await,
        jon.books_ref().load().await.map(drop),
        em.flush().await,
        db.orm.schema().create().await,
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let error = error.expect_err("the pool is closed");
        assert_eq!(error.driver_kind(), Some(DriverErrorKind::PoolClosed), "number {number}: {error:?}");
        assert!(matches!(error, Error::Driver { .. }), "number {number}: {error:?}");
    }
    assert_eq!((jon.get().age, jon.get().name.as_str()), (Some(17), "Jon Snow"));
    assert!(em.find_by_id::<Author>(jon.id()).await?.is_some());
    Ok(())
}

/// An error of the program's own passes through unchanged.
pub async fn other_errors_pass_through<B: Backend>() -> Result<()> {
    let own = Error::other("out of ink");
    assert_eq!(own.to_string(), "out of ink");
    assert!(own.violation().is_none() && own.driver_kind().is_none());
    Ok(())
}

async fn seeded<B: Backend>() -> Result<(TestDb, orm_core::EntityManager)> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    Ok((db, em))
}
