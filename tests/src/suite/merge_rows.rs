//! What a later row does to an instance that is loaded already.
//!
//! The row wins in every field without an unsaved edit, NULL included; edited fields are kept and still flushed;
//! a refresh overwrites.

use orm_core::{EntityManager, Error, Loaded, Result};

use crate::fixtures::blog::{self, Author, Book, Publisher, Tag};
use crate::{Backend, Operation, TestDb};

async fn author(em: &EntityManager, name: &str) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq(name)).await
}

async fn book(em: &EntityManager, title: &str) -> Result<Loaded<Book>> {
    em.find_one_or_fail(Book::TITLE.eq(title)).await
}

/// Changes the blog as another request would, and forgets what that sent.
async fn elsewhere(db: &TestDb, change: impl AsyncFnOnce(&EntityManager) -> Result<()>) -> Result<()> {
    let em = db.em();
    change(&em).await?;
    em.flush().await?;
    db.recorder.reset();
    Ok(())
}

fn selects(entity: &str, rows: usize) -> Operation {
    Operation::Select(entity.to_owned(), rows)
}

fn update(entity: &str, rows: usize, columns: &[&str]) -> [Operation; 3] {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    [Operation::Begin, Operation::Update(entity.to_owned(), rows, columns), Operation::Commit]
}

// ---- the row wins where nothing is edited

/// What another program changed is seen after the next query, and does not count as a change of ours.
///
/// Case B31.
pub async fn a_later_row_brings_changes_of_others<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    db.run(&["UPDATE author SET name = 'Aegon', age = 17 WHERE name = 'Jon Snow'"]).await?;

    let again = em.find_one_or_fail(Author::EMAIL.eq("jon@wall.org")).await?;
    assert_eq!(again, jon);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// NULL is a value like any other: it replaces what is in memory.
///
/// Case B32, by our rule.
pub async fn null_in_a_later_row_wins_over_a_clean_field<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    assert!(jon.get().email.is_some());
    db.run(&["UPDATE author SET email = NULL"]).await?;

    author(&em, "Jon Snow").await?;
    assert_eq!(jon.get().email, None);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// NULL in a foreign key is a value, too.
///
/// Case B32, by our rule.
pub async fn null_in_a_later_foreign_key_wins_over_a_clean_reference<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em
        .find_one_or_fail(Book::TITLE.eq("The Wall"))
        .populate(Book::PUBLISHER.then(Publisher::BOOKS))
        .await?;
    let Some(ravens) = wall.publisher() else { return Err(Error::other("the seed has a publisher")) };
    assert_eq!(ravens.books().len(), 3);
    db.run(&["UPDATE book SET publisher_id = NULL WHERE title = 'The Wall'"]).await?;
    db.recorder.reset();

    book(&em, "The Wall").await?;
    assert_eq!(wall.publisher(), None);
    assert_eq!(ravens.books().len(), 2);
    assert!(!ravens.books().contains(&wall));
    assert_eq!(db.recorder.operations(), [selects("Book", 1)]);
    Ok(())
}

/// A populated relation brings later rows as well as the query itself does.
///
/// Case B31.
pub async fn rows_of_a_populated_relation_are_later_rows<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = book(&em, "The Wall").await?;
    db.run(&["UPDATE book SET price = 99"]).await?;

    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    assert_eq!(wall.get().price, 99);
    Ok(())
}

/// A snapshot that was taken before does not change.
///
/// Case B31.
pub async fn a_later_row_leaves_earlier_snapshots_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let before = jon.get();
    db.run(&["UPDATE author SET age = 17"]).await?;
    author(&em, "Jon Snow").await?;
    assert_eq!((before.age, jon.get().age), (None, Some(17)));
    Ok(())
}

// ---- edited fields are kept

/// An edited field is kept, the others become current, and the flush writes the edited one alone.
///
/// Case B26.
pub async fn a_later_row_keeps_edited_fields_and_brings_the_others<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().name = "Aegon".into();
    db.run(&["UPDATE author SET name = 'Nobody', age = 17 WHERE name = 'Jon Snow'"]).await?;
    db.recorder.reset();

    let again = em.find_one_or_fail(Author::EMAIL.eq("jon@wall.org")).await?;
    assert_eq!(again, jon);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Aegon", Some(17)));
    assert_eq!(db.recorder.operations(), [selects("Author", 1)]);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", 1, &["name"]));
    Ok(())
}

/// An edited field is kept when the row has NULL there.
///
/// Case B32, by our rule.
pub async fn null_in_a_later_row_does_not_win_over_an_edit<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().email = Some("aegon@wall.org".into());
    db.run(&["UPDATE author SET email = NULL"]).await?;
    author(&em, "Jon Snow").await?;
    assert_eq!(jon.get().email.as_deref(), Some("aegon@wall.org"));
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", 1, &["email"]));
    Ok(())
}

/// An edit to NULL is an edit: a later row does not fill the field again.
///
/// Case B26.
pub async fn an_edit_to_null_is_kept<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().email = None;
    author(&em, "Jon Snow").await?;
    assert_eq!(jon.get().email, None);
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", 1, &["email"]));
    assert_eq!(author(&db.em(), "Jon Snow").await?.get().email, None);
    Ok(())
}

/// An edited foreign key is kept, and both sides go on agreeing.
///
/// Case B26.
pub async fn a_later_row_keeps_an_edited_reference<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate(Author::BOOKS).await?;
    let wall = jon.books()[2].clone();
    wall.edit().author = sam.to_ref();
    db.run(&["UPDATE book SET price = 99"]).await?;

    book(&em, "The Wall").await?;
    assert_eq!(wall.get().price, 99);
    assert!(wall.author_ref().get()? == sam);
    assert_eq!((jon.books().len(), sam.books().len()), (2, 1));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Book", 1, &["author_id"]));
    Ok(())
}

/// Somebody else wrote the very value that we were about to: nothing is left to write.
///
/// Case B26.
pub async fn an_edit_that_the_row_has_too_is_no_change_any_more<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().age = Some(17);
    db.run(&["UPDATE author SET age = 17"]).await?;
    author(&em, "Jon Snow").await?;
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A row for an entity that is scheduled to be removed does not take that back.
pub async fn a_later_row_leaves_a_removal_scheduled<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = book(&em, "The Wall").await?;
    em.remove(&wall)?;
    assert_eq!(em.find_all::<Book>().await?.len(), 2);
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.recorder.operations()[1], Operation::Delete("Book".into(), 1));
    Ok(())
}

/// Two changed entities of one type, one of them reached through a relation, are one write.
///
/// Case B28.
pub async fn changed_entities_of_one_type_are_one_write<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate(Author::MENTOR).await?;
    let Some(jon) = sam.mentor() else { return Err(Error::other("the seed has a mentor")) };
    sam.edit().name = "Slayer".into();
    jon.edit().name = "Aegon".into();
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", 2, &["name"]));
    let names = db.em().find_all::<Author>().order_by(Author::ID.asc()).await?;
    let names: Vec<String> = names.iter().map(|author| author.get().name.clone()).collect();
    assert_eq!(names, ["Aegon", "Slayer"]);
    Ok(())
}

// ---- relations that move

/// A row that points a loaded relation somewhere else brings the new target along.
pub async fn a_row_that_moves_a_populated_relation_brings_the_new_target<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    assert_eq!(wall.author().get().name, "Jon Snow");
    move_to_sam(&db).await?;

    let again = book(&em, "The Wall").await?;
    assert_eq!(again, wall);
    assert_eq!(wall.author().get().name, "Sam Tarly");
    assert_eq!(db.recorder.operations(), [selects("Book", 1), selects("Author", 1)]);
    Ok(())
}

/// What is loaded already is not asked for again; and a relation that nobody loaded stays unloaded.
pub async fn a_row_that_moves_a_relation_asks_only_for_what_is_missing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (knows_sam, knows_nobody) = (db.em(), db.em());
    let wall = knows_sam.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    let sam = author(&knows_sam, "Sam Tarly").await?;
    let bare = book(&knows_nobody, "The Wall").await?;
    move_to_sam(&db).await?;

    book(&knows_sam, "The Wall").await?;
    assert!(wall.author() == sam);
    book(&knows_nobody, "The Wall").await?;
    assert!(!bare.author_ref().is_loaded());
    assert_eq!(bare.author_ref().key(), Some(sam.id()));
    assert_eq!(db.recorder.operations(), [selects("Book", 1), selects("Book", 1)]);
    Ok(())
}

/// The lists at both ends of a moved foreign key follow.
pub async fn a_row_that_moves_a_relation_moves_it_in_the_lists_too<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::ID.asc()).await?;
    let wall = authors[0].books()[2].clone();
    assert_eq!(wall.get().title, "The Wall");
    move_to_sam(&db).await?;

    book(&em, "The Wall").await?;
    assert_eq!((authors[0].books().len(), authors[1].books().len()), (2, 1));
    assert!(authors[1].books().contains(&wall));
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);
    Ok(())
}

/// Rows of a populated relation move what is loaded on their cells as rows of the query itself do.
pub async fn a_populated_row_that_moves_a_relation_brings_the_new_target<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::PUBLISHER).await?;
    elsewhere(&db, async |em| {
        let crows = em.persist(Publisher { name: "Crows".into(), ..Publisher::default() })?;
        book(em, "The Wall").await?.edit().publisher = (&crows).into();
        Ok(())
    })
    .await?;

    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    assert_eq!(wall.publisher().map(|publisher| publisher.get().name.clone()), Some("Crows".into()));
    assert_eq!(db.recorder.operations(), [selects("Author", 1), selects("Book", 3), selects("Publisher", 1)]);
    Ok(())
}

/// So do rows that a lazy load, a refresh, and `em.populate` bring.
pub async fn a_refreshed_row_that_moves_a_relation_brings_the_new_target<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (refreshed, lazy) = (db.em(), db.em());
    let find = |em: &EntityManager| em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR);
    let (first, second) = (find(&refreshed).await?, find(&lazy).await?);
    let winter = lazy.find_one_or_fail(Tag::LABEL.eq("winter")).await?;
    move_to_sam(&db).await?;

    refreshed.refresh(&first).await?;
    assert_eq!(first.author().get().name, "Sam Tarly");
    assert_eq!(db.recorder.operations(), [selects("Book", 1), selects("Author", 1)]);
    db.recorder.reset();
    assert_eq!(winter.books_ref().load().await?.len(), 3);
    assert_eq!(second.author().get().name, "Sam Tarly");
    assert_eq!(db.recorder.operations(), [selects("Book", 3), selects("Author", 1)]);
    Ok(())
}

/// Gives "The Wall" to Sam Tarly, as another request would.
async fn move_to_sam(db: &TestDb) -> Result<()> {
    elsewhere(db, async |em| {
        let sam = author(em, "Sam Tarly").await?;
        book(em, "The Wall").await?.edit().author = sam.to_ref();
        Ok(())
    })
    .await
}

// ---- refresh

/// `refresh` overwrites unsaved edits, so nothing is left to flush.
///
/// Case B33.
pub async fn refresh_overwrites_edits<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().name = "Aegon".into();
    jon.edit().email = None;
    db.run(&["UPDATE author SET age = 17"]).await?;
    db.recorder.reset();

    em.refresh(&jon).await?;
    let now = jon.get();
    assert_eq!(
        (now.name.as_str(), now.email.as_deref(), now.age),
        ("Jon Snow", Some("jon@wall.org"), Some(17))
    );
    assert_eq!(db.recorder.operations(), [selects("Author", 1)]);
    em.flush().await?;
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// An edited reference goes back to where the row points, and the lists at both ends with it.
///
/// Case B33.
pub async fn refresh_takes_an_edited_reference_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::ID.asc()).await?;
    let (jon, sam) = (&authors[0], &authors[1]);
    let wall = jon.books()[2].clone();
    wall.edit().author = sam.to_ref();
    assert_eq!((jon.books().len(), sam.books().len()), (2, 1));

    em.refresh(&wall).await?;
    assert!(wall.author_ref().get()? == *jon);
    assert_eq!((jon.books().len(), sam.books().len()), (3, 0));
    Ok(())
}

/// Edits made after a refresh are edits again.
///
/// Case B33.
pub async fn an_edit_after_a_refresh_is_saved<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().name = "Aegon".into();
    em.refresh(&jon).await?;
    jon.edit().age = Some(17);
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", 1, &["age"]));
    Ok(())
}

/// A refresh of a row that is gone says which, and the entity leaves the identity map.
///
/// Case B33.
pub async fn refreshing_a_deleted_row_is_an_error_and_evicts<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let wall = jon.books()[2].clone();
    elsewhere(&db, async |em| em.remove(&book(em, "The Wall").await?)).await?;

    let refused = em.refresh(&wall).await;
    assert!(matches!(refused, Err(Error::NotFound { entity: "Book", .. })));
    let message = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains(&format!("Book[{}]", wall.id())), "{message}");
    assert!(!em.contains(&wall));
    assert_eq!(jon.books().len(), 2);
    assert!(matches!(wall.try_edit(), Err(Error::Detached { .. })));
    assert_eq!(em.find_by_id::<Book>(wall.id()).await?, None);
    Ok(())
}

/// The finder's `refresh` overwrites edits in its results, and keeps the instance.
///
/// Case B35.
pub async fn a_find_with_refresh_overwrites_the_same_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().name = "Aegon".into();
    db.run(&["UPDATE author SET age = 17"]).await?;
    db.recorder.reset();

    let all = em.find_all::<Author>().order_by(Author::ID.asc()).refresh().await?;
    assert_eq!(all[0], jon);
    assert_eq!((jon.get().name.as_str(), jon.get().age), ("Jon Snow", Some(17)));
    em.flush().await?;
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// Also by key: a loaded entity is asked for again.
///
/// Case B35.
pub async fn a_find_by_key_with_refresh_asks_the_database<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().name = "Aegon".into();
    db.recorder.reset();

    let again = em.find_by_id::<Author>(jon.id()).refresh().await?;
    assert_eq!(again.as_ref(), Some(&jon));
    assert_eq!(jon.get().name, "Jon Snow");
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// A refresh reaches what is populated with it, and loads lists again.
///
/// Case B35.
pub async fn a_find_with_refresh_refreshes_what_it_populates<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let find = || em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS));
    let jon = find().await?;
    let wall = jon.books()[2].clone();
    wall.edit().price = 99;
    elsewhere(&db, async |em| {
        let jon = author(em, "Jon Snow").await?;
        em.persist(Book::new("A Feast", &jon))?;
        let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::TAGS).await?;
        wall.tags_ref().remove(&wall.tags()[0])
    })
    .await?;

    assert!(find().refresh().await? == jon);
    let titles: Vec<String> = jon.books().iter().map(|book| book.get().title.clone()).collect();
    assert_eq!(titles, ["A Clash", "A Feast", "A Storm", "The Wall"]);
    assert_eq!(wall.get().price, 10);
    assert_eq!(wall.tags().len(), 1);
    assert_eq!(db.recorder.operations(), [selects("Author", 1), selects("Book", 4), selects("Tag", 5)]);
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);
    Ok(())
}

// ---- what loading leaves alone

/// Loading an entity that refers to a changed one neither flushes nor changes anything but what it loads.
///
/// Case B39.
pub async fn loading_does_not_reach_into_what_the_entity_refers_to<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    jon.edit().mentor = Some(Author::new("Aemon").into());
    db.recorder.reset();

    let wall = book(&em, "The Wall").await?;
    assert!(wall.author_ref().get()? == jon);
    assert_eq!(db.recorder.operations(), [selects("Book", 1)]);
    assert_eq!(jon.mentor_ref().get()?.get().name, "Aemon");
    db.recorder.reset();
    em.flush().await?;
    let columns = vec!["mentor_id".to_owned()];
    assert_eq!(
        db.recorder.operations(),
        [
            Operation::Begin,
            Operation::Insert("Author".into(), 1),
            Operation::Update("Author".into(), 1, columns),
            Operation::Commit,
        ]
    );
    Ok(())
}

/// What is detached can't be loaded again, nor can its relations; the error names it.
///
/// Case B41, in our form.
pub async fn a_detached_entity_cannot_be_refreshed_or_loaded<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let wall = book(&em, "The Wall").await?;
    em.clear()?;
    db.recorder.reset();

    let errors = [
        em.refresh(&jon).await.err(),
        jon.books_ref().load().await.err(),
        jon.mentor_ref().load().await.err(),
        wall.tags_ref().load().await.err(),
        em.populate(&jon, Author::BOOKS).await.err(),
    ];
    for (at, error) in errors.into_iter().enumerate() {
        match error {
            Some(Error::Detached { key }) => assert!(["Author", "Book"].contains(&key.entity())),
            // Jon has no mentor, which is known without a query.
            Some(Error::RequiredRelation { relation: "mentor", .. }) => assert_eq!(at, 2),
            other => return Err(Error::other(format!("call {at}: {other:?}"))),
        }
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A new entity has no row that could be loaded again.
///
/// Case B41, in our form.
pub async fn a_new_entity_cannot_be_refreshed<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author { id: 7, ..Author::new("Arya") })?;
    assert!(matches!(em.refresh(&arya).await, Err(Error::MissingKey { entity: "Author", .. })));
    assert_eq!(db.statements(), 0);
    assert!(em.contains(&arya));
    Ok(())
}

/// A row with the key of an entity that is new here does not overwrite it: its insert will say that the key is taken.
pub async fn a_row_does_not_overwrite_a_new_entity_with_its_key<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = author(&db.em(), "Jon Snow").await?.id();
    let em = db.em();
    let arya = em.persist(Author { id, ..Author::new("Arya") })?;
    em.find_all::<Author>().await?;
    assert_eq!(arya.get().name, "Arya");
    assert!(em.flush().await.is_err_and(|error| error.violation().is_some()));
    Ok(())
}

/// Using a reference in a new entity neither loads its target nor marks it as loaded.
///
/// Case B45.
pub async fn a_reference_used_in_a_new_entity_stays_unloaded<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let jon = author(&db.em(), "Jon Snow").await?.id();
    db.recorder.reset();
    let em = db.em();
    let reference = em.get_reference::<Author>(jon)?;
    let new = em.persist(Book::new("The Winds", &reference))?;
    assert!(!reference.is_loaded());
    em.flush().await?;
    assert!(!reference.is_loaded());
    assert!(!new.author_ref().is_loaded());
    assert!(matches!(new.author_ref().get(), Err(Error::NotLoaded { relation: "author", .. })));
    assert_eq!(db.recorder.selects(), 0);
    assert_eq!(em.managed_count()?, 1);
    Ok(())
}
