//! One instance a row: what the identity map holds, and what handles are.
//!
//! What a later row does to an instance is in [`super::merge_rows`], what an edit does in [`super::snapshots`].

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use futures::future::try_join;
use orm_core::{EntityManager, Error, Loaded, LoadedCollection, Result, With};

use crate::fixtures::account::{self, account};
use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::stock::{self, Product};
use crate::fixtures::volume::{self, Isbn, Volume};
use crate::{Backend, Operation, TestDb};

/// Handles go to other tasks and threads, whatever they are populated with.
const _: () = {
    const fn go_anywhere<T: Send + Sync + 'static>() {}
    go_anywhere::<Loaded<Author>>();
    go_anywhere::<Loaded<Author, blog::AuthorPopulated<With<blog::BookPopulated>>>>();
    go_anywhere::<LoadedCollection<Book>>();
    go_anywhere::<EntityManager>();
};

async fn jon(em: &EntityManager) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await
}

/// The key of the seeded Jon Snow.
async fn jon_id(db: &TestDb) -> Result<i64> {
    let id = jon(&db.em()).await?.id();
    db.recorder.reset();
    Ok(id)
}

fn selects(entity: &str, rows: usize) -> Operation {
    Operation::Select(entity.to_owned(), rows)
}

fn update(entity: &str, columns: &[&str]) -> [Operation; 3] {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    [Operation::Begin, Operation::Update(entity.to_owned(), 1, columns), Operation::Commit]
}

// ---- one instance a row

/// A reference to what is not loaded turns into the instance that a find loads.
///
/// Case A1.
pub async fn a_reference_leads_to_the_instance_that_is_found_later<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = jon_id(&db).await?;
    let em = db.em();
    let reference = em.get_reference::<Author>(id)?;
    assert!(!reference.is_loaded());
    assert_eq!(db.statements(), 0);

    let found = em.find_by_id::<Author>(id).await?;
    assert!(reference.is_loaded());
    assert_eq!(found, Some(reference.get()?));
    assert_eq!(reference.load().await?, reference.get()?);
    assert_eq!(db.recorder.operations(), [selects("Author", 1)]);
    Ok(())
}

/// The second `find_by_id` of a row sends nothing.
///
/// Case A2.
pub async fn finding_a_loaded_entity_by_key_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = jon_id(&db).await?;
    let em = db.em();
    let first = em.find_by_id::<Author>(id).await?;
    assert!(first.is_some());
    assert_eq!(db.statements(), 1);

    assert_eq!(em.find_by_id::<Author>(id).await?, first);
    assert_eq!(em.get_repository::<Author>().find_by_id(id).await?, first);
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// Only relations that are missing are asked for; once they are there, nothing is.
///
/// Case A2.
pub async fn finding_by_key_asks_for_missing_relations_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = jon_id(&db).await?;
    let em = db.em();
    em.find_by_id::<Author>(id).await?;
    db.recorder.reset();

    let jon = em.find_by_id::<Author>(id).populate(Author::BOOKS).await?;
    assert_eq!(jon.map(|jon| jon.books().len()), Some(3));
    assert_eq!(db.recorder.operations(), [selects("Book", 3)]);
    let jon = em.find_by_id::<Author>(id).populate(Author::BOOKS).await?;
    assert_eq!(jon.map(|jon| jon.books().len()), Some(3));
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// A condition on another field always asks the database, and returns the instance that is loaded.
///
/// Case A3.
pub async fn finding_a_loaded_entity_by_another_field_gives_the_same_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let first = jon(&em).await?;
    db.recorder.reset();

    let second = em.find_one_or_fail(Author::EMAIL.eq("jon@wall.org")).await?;
    assert_eq!(second, first);
    assert_eq!(db.recorder.operations(), [selects("Author", 1)]);
    assert_eq!(em.managed_count()?, 1);
    Ok(())
}

/// Every `find_all` asks the database; the instances stay the same.
///
/// Case A4.
pub async fn two_finds_of_all_give_the_same_instances<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let first = em.find_all::<Author>().order_by(Author::ID.asc()).await?;
    let second = em.find_all::<Author>().order_by(Author::ID.asc()).await?;
    assert_eq!(first.len(), 2);
    assert_eq!(first, second);
    assert_eq!(db.statements(), 2);
    assert_eq!(em.managed_count()?, 2);
    Ok(())
}

/// Two finds of one row that run at the same time end with one instance.
///
/// Case A2.
pub async fn finds_at_the_same_time_give_one_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = jon_id(&db).await?;
    let em = db.em();
    let first = async { em.find_by_id::<Author>(id).await };
    let second = async { em.find_one(Author::NAME.eq("Jon Snow")).await };
    let (first, second) = try_join(first, second).await?;
    assert!(first.is_some());
    assert_eq!(first, second);
    assert_eq!(em.managed_count()?, 1);
    Ok(())
}

/// A row that several paths lead to is one instance, in both directions.
///
/// Case A4.
pub async fn every_path_to_a_row_ends_at_one_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let books = em.find_all::<Book>().populate((Book::AUTHOR.then(Author::BOOKS), Book::TAGS)).await?;
    assert_eq!(books.len(), 3);
    for book in &books {
        assert!(book.author() == jon);
        assert!(book.author().books().contains(book));
        assert!(book.tags()[0] == books[0].tags()[0]);
    }
    Ok(())
}

/// A new entity whose key the program assigned is found before it is inserted, and finding it flushes nothing.
///
/// Case A6.
pub async fn a_persisted_entity_with_a_key_is_found_before_it_is_flushed<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let new = em.persist(Author { id: 7, ..Author::new("Arya") })?;

    let found = em.find_by_id::<Author>(7).await?;
    assert!(found.is_some_and(|found| found == new));
    assert!(em.get_reference::<Author>(7)?.get()? == new);
    assert_eq!(db.statements(), 0);
    em.flush().await?;
    assert_eq!(em.find_by_id::<Author>(7).await?.map(|found| found == new), Some(true));
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// A generated key is known to the identity map as soon as the flush is done.
///
/// Case A6.
pub async fn an_inserted_entity_is_found_by_its_generated_key<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let new = em.persist(Author::new("Arya"))?;
    assert_eq!((new.id(), new.try_id()), (0, None));
    em.flush().await?;
    db.recorder.reset();

    assert_eq!(new.try_id(), Some(new.id()));
    assert_ne!(new.id(), 0);
    assert!(em.find_by_id::<Author>(new.id()).await?.is_some_and(|found| found == new));
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A composite key leads to one instance, whichever way it is given.
///
/// Case A20.
pub async fn a_composite_key_has_one_instance<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();
    let reference = em.get_reference::<Product>(("A".to_owned(), 1))?;
    let by_fields = em.find_one_or_fail(Product::SKU.eq("A").and(Product::VARIANT.eq(1))).await?;
    assert_eq!(db.statements(), 1);

    let by_key = em.find_by_id::<Product>(("A".to_owned(), 1)).await?;
    assert_eq!(by_key.as_ref(), Some(&by_fields));
    assert_eq!(reference.get()?, by_fields);
    assert_eq!(by_fields.id(), ("A".to_owned(), 1));
    assert_eq!(db.statements(), 1);

    let other = em.find_by_id::<Product>(("A".to_owned(), 2)).await?;
    assert!(other.is_some_and(|other| other != by_fields));
    assert_eq!(db.statements(), 2);
    Ok(())
}

/// A key of a type of the program's own is compared by value.
///
/// Case A21.
pub async fn a_value_object_as_key_has_one_instance<B: Backend>() -> Result<()> {
    let db = volume::seeded::<B>().await?;
    let em = db.em();
    let first = em.find_by_id::<Volume>(Isbn("0-13".into())).await?;
    let second = em.find_by_id::<Volume>(Isbn("0-13".into())).await?;
    assert!(first.is_some());
    assert_eq!(first, second);
    assert_eq!(db.statements(), 1);
    let all = em.find_all::<Volume>().await?;
    assert_eq!(first.as_ref(), all.first());
    assert_eq!(em.managed_count()?, 1);
    Ok(())
}

/// What another program writes is not seen in what is loaded, until it is loaded again.
///
/// Case A23.
pub async fn writes_past_the_manager_are_not_seen_until_the_row_is_read_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.run(&["UPDATE author SET age = 20"]).await?;
    db.recorder.reset();

    assert_eq!(jon.get().age, None);
    let again = em.find_by_id::<Author>(jon.id()).await?;
    assert_eq!(again.map(|again| again.get().age), Some(None));
    assert_eq!(db.statements(), 0);
    em.refresh(&jon).await?;
    assert_eq!(jon.get().age, Some(20));
    Ok(())
}

// ---- contexts

/// A fork starts empty, and the parent's identity map stays as it is.
///
/// Case A10.
pub async fn a_fork_starts_with_an_empty_identity_map<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.reset();

    let fork = em.fork();
    assert_ne!(fork.id(), em.id());
    assert_eq!(fork.name(), em.name());
    assert_eq!(fork.managed_count()?, 0);
    let other = fork.find_by_id::<Author>(jon.id()).await?;
    assert!(other.is_some_and(|other| other != jon && other.id() == jon.id()));
    assert_eq!(db.statements(), 1);
    assert_eq!((em.managed_count()?, fork.managed_count()?), (1, 1));
    Ok(())
}

/// Without the identity map the result is a complete graph that nobody else sees and nothing saves.
///
/// Case A11.
pub async fn a_result_without_identity_map_is_complete_and_nobody_elses<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let find = || {
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow"));
        jon.populate(Author::BOOKS.then((Book::TAGS, Book::AUTHOR))).disable_identity_map()
    };
    let (first, second) = (find().await?, find().await?);
    assert_eq!(em.managed_count()?, 0);
    assert!(first != second);
    let books = first.books();
    assert_eq!(books.len(), 3);
    for book in &books {
        assert!(book.author() == first);
        assert_eq!(book.tags().len(), 2);
        assert!(book.tags()[0] == books[0].tags()[0]);
    }
    db.recorder.reset();

    first.edit().name = "Aegon".into();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert!(matches!(first.try_edit(), Err(Error::Detached { .. })));
    assert_eq!(jon(&em).await?.get().name, "Jon Snow");
    Ok(())
}

/// Afterwards nothing is known: the next find asks the database and makes another instance.
///
/// Case A13.
pub async fn clear_forgets_every_entity<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let before = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    em.persist(Author::new("Arya"))?;
    em.clear()?;
    assert_eq!(em.managed_count()?, 0);
    assert!(!em.contains(&before));
    db.recorder.reset();

    let after = em.find_by_id::<Author>(before.id()).await?;
    assert_eq!(db.statements(), 1);
    assert!(after.is_some_and(|after| after != before));
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 0);
    Ok(())
}

/// Handles from before a `clear` can be read, relations included.
///
/// Case A13.
pub async fn handles_from_before_a_clear_stay_readable<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::AUTHOR)).await?;
    em.clear()?;
    drop(em);
    db.recorder.reset();

    assert_eq!(jon.get().name, "Jon Snow");
    assert_eq!(jon.books().len(), 3);
    assert!(jon.books()[2].author() == jon);
    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- merge

/// A plain graph, such as one from a cache, becomes managed without a query, wired in both directions.
///
/// Case A14.
pub async fn merging_a_cached_graph_manages_exactly_what_it_holds<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let cached = cached_graph(&db.em()).await?;
    db.recorder.reset();

    let em = db.em();
    let merged = em.merge(cached)?;
    assert_eq!(db.statements(), 0);
    // Jon, a book, two tags.
    assert_eq!(em.managed_count()?, 4);
    let books = merged.books_ref().items()?;
    assert_eq!(books.len(), 1);
    assert_eq!(books[0].author_ref().get()?, merged);
    let tags = books[0].tags_ref().items()?;
    assert_eq!(tags.len(), 2);
    assert_eq!(em.find_by_id::<Tag>(tags[0].id()).await?, tags.first().cloned());
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A new entity that refers to what was merged is all that a flush inserts.
///
/// Case A14.
pub async fn what_was_merged_is_not_inserted<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let cached = cached_graph(&db.em()).await?;
    db.recorder.reset();

    let em = db.em();
    let jon = em.merge(cached)?;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    em.persist(Book::new("The Winds", &jon))?;
    em.flush().await?;
    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, Operation::Insert("Book".into(), 1), Operation::Commit]
    );
    Ok(())
}

/// Jon Snow with his first book and its tags, as plain data with keys.
async fn cached_graph(em: &EntityManager) -> Result<Author> {
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS)).await?;
    let book = &jon.books()[0];
    let tags = book.tags().iter().map(|tag| Tag::clone(&tag.get())).collect();
    let book = Book { tags, ..Book::clone(&book.get()) };
    Ok(Author { books: [book].into(), ..Author::clone(&jon.get()) })
}

/// An entity of a cleared context can be taken in again; what is then changed is all that a flush writes.
///
/// Case A15, with the difference that it is an instance of the new context, whose to-many relations are not loaded:
/// the lists belonged to the old one.
pub async fn a_detached_entity_can_be_merged_and_saved<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let old = em.find_one_or_fail(Book::TITLE.eq("The Wall")).populate(Book::AUTHOR).await?;
    em.clear()?;
    db.recorder.reset();

    let merged = em.merge(&old)?;
    assert!(em.contains(&merged));
    assert!(!em.contains(&old));
    assert!(merged != old);
    assert_eq!(merged.author_ref().key(), Some(old.author().id()));
    assert_eq!(em.find_by_id::<Book>(old.id()).await?.as_ref(), Some(&merged));
    merged.edit().price = 12;
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Book", &["price"]));
    assert!(matches!(merged.tags_ref().items(), Err(Error::NotLoaded { relation: "tags", .. })));
    assert_eq!(merged.tags_ref().load().await?.len(), 2);
    Ok(())
}

/// A copy of an entity that is managed already becomes an edit of the managed instance.
///
/// Case A15.
pub async fn merging_a_copy_of_a_managed_entity_is_an_edit<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.reset();

    let merged = em.merge(Author { age: Some(17), ..Author::clone(&jon.get()) })?;
    assert_eq!(merged, jon);
    assert_eq!(jon.get().age, Some(17));
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Author", &["age"]));
    Ok(())
}

/// What has no key can't be in the database, so it can't be merged.
///
/// Case A16.
pub async fn merging_without_a_key_is_refused<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let refused = em.merge(Author::new("Arya"));
    assert!(matches!(refused, Err(Error::MissingKey { entity: "Author", .. })));
    let message = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("Author has no key") && message.contains("persist"), "{message}");
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

// ---- removal

/// Once a removal is flushed nothing of the entity is left in the identity map.
///
/// Case A8.
pub async fn a_deleted_entity_is_forgotten<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&wall)?;
    em.flush().await?;
    assert_eq!(em.managed_count()?, 0);
    assert!(!em.contains(&wall));
    db.recorder.reset();

    assert_eq!(em.find_by_id::<Book>(wall.id()).await?, None);
    assert_eq!(db.recorder.operations(), [selects("Book", 0)]);
    assert_eq!(wall.get().title, "The Wall");
    assert!(matches!(wall.try_edit(), Err(Error::Detached { .. })));
    Ok(())
}

/// What is scheduled to be removed is gone for finders, though the row is still there.
pub async fn an_entity_to_be_removed_is_not_found<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let wall = jon.books()[2].clone();
    em.remove(&wall)?;
    db.recorder.reset();

    assert_eq!(em.find_by_id::<Book>(wall.id()).await?, None);
    assert_eq!(db.statements(), 0);
    assert_eq!(em.find_one(Book::TITLE.eq("The Wall")).await?, None);
    assert_eq!(em.find_all::<Book>().await?.len(), 2);
    assert_eq!(jon.books().len(), 2);
    assert_eq!(db.recorder.writes(), 0);
    Ok(())
}

/// `persist` takes a removal back: nothing is deleted, and the entity is found again.
pub async fn persist_takes_a_removal_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&wall)?;
    assert!(!em.contains(&wall));
    db.recorder.reset();

    assert_eq!(em.persist(&wall)?, wall);
    assert!(em.contains(&wall));
    assert_eq!(em.find_by_id::<Book>(wall.id()).await?.as_ref(), Some(&wall));
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A removal that was taken back can be scheduled again, and deletes once.
pub async fn a_removal_taken_back_can_be_scheduled_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    em.remove(&wall)?;
    em.persist(&wall)?;
    em.remove(&wall)?;
    em.remove(&wall)?;
    db.recorder.reset();

    em.flush().await?;
    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, Operation::Delete("Book".into(), 1), Operation::Commit]
    );
    Ok(())
}

/// Edits from before a removal are there again when it is taken back, and are saved.
pub async fn edits_survive_a_removal_that_is_taken_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Book::TITLE.eq("The Wall")).await?;
    wall.edit().price = 99;
    em.remove(&wall)?;
    em.persist(&wall)?;
    db.recorder.reset();

    assert_eq!(wall.get().price, 99);
    em.flush().await?;
    assert_eq!(db.recorder.operations(), update("Book", &["price"]));
    Ok(())
}

// ---- persist and contains

/// Persisting a handle, of a new entity or of a loaded one, changes nothing.
pub async fn persisting_a_handle_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let arya = em.persist(Author::new("Arya"))?;
    db.recorder.reset();

    assert_eq!(em.persist(&jon)?, jon);
    assert_eq!(em.persist(&arya)?, arya);
    assert_eq!(em.persist(arya.clone())?, arya);
    em.flush().await?;
    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, Operation::Insert("Author".into(), 1), Operation::Commit]
    );
    em.persist(&arya)?;
    em.flush().await?;
    assert_eq!(db.statements(), 3);
    Ok(())
}

/// A second instance with the key of a managed entity is refused, and the managed one stays as it is.
pub async fn persisting_a_copy_of_a_managed_entity_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.reset();

    let refused = em.persist(Author { name: "Aegon".into(), ..Author::clone(&jon.get()) });
    assert!(matches!(refused, Err(Error::AlreadyManaged { .. })));
    assert_eq!(jon.get().name, "Jon Snow");
    assert_eq!(em.managed_count()?, 1);
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// `contains` says what the next flush would look after: new and loaded entities of this context.
pub async fn contains_knows_new_and_loaded_entities_of_its_own_context<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let jon = jon(&em).await?;
    let arya = em.persist(Author::new("Arya"))?;
    assert!(em.contains(&jon) && em.contains(&arya));
    assert!(!other.contains(&jon) && !other.contains(&arya));
    em.remove(&arya)?;
    assert!(!em.contains(&arya));
    // Outside any context there is nothing that it could be in.
    assert!(!db.orm.em().contains(&jon));
    Ok(())
}

// ---- handles

/// Handles are equal if they lead to one instance, whatever their queries populated.
pub async fn handles_compare_by_identity_across_records<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let plain = jon(&em).await?;
    let populated = em.find_one_or_fail(Author::EMAIL.eq("jon@wall.org")).populate(Author::BOOKS).await?;
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    assert!(plain == populated);
    assert!(populated == plain);
    assert!(populated == populated.without_hints());
    assert!(sam != plain && sam != populated);
    // Equal content is not identity, and neither is an equal key in another context.
    let elsewhere = jon(&db.em()).await?;
    assert_eq!(elsewhere.get().name, plain.get().name);
    assert!(elsewhere != plain);
    Ok(())
}

/// Equal handles hash alike, so they can be keys; edits do not move them.
#[expect(clippy::mutable_key_type, reason = "a handle hashes by identity, which no edit changes")]
pub async fn handles_hash_by_identity<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let plain = jon(&em).await?;
    let populated = em.find_one_or_fail(Author::EMAIL.eq("jon@wall.org")).populate(Author::BOOKS).await?;
    let state = RandomState::new();
    assert_eq!(state.hash_one(&plain), state.hash_one(&populated));

    let mut seen = HashSet::from([plain.clone()]);
    plain.edit().name = "Aegon".into();
    assert!(seen.contains(&populated.without_hints()));
    assert!(!seen.insert(plain));
    assert!(seen.insert(em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?));
    Ok(())
}

/// A new entity keeps its place in a hash map when it gets its key.
#[expect(clippy::mutable_key_type, reason = "a handle hashes by identity, which no edit changes")]
pub async fn a_new_entity_hashes_alike_before_and_after_its_flush<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    let seen = HashSet::from([arya.clone()]);
    em.flush().await?;
    assert!(seen.contains(&arya));
    assert!(seen.contains(&arya.clone()));
    Ok(())
}

/// A clone is another handle of the same instance: an edit through one is seen through the other.
pub async fn clones_of_a_handle_are_one_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let one = jon(&em).await?;
    let other = one.clone();
    one.edit().name = "Aegon".into();
    assert_eq!(one, other);
    assert_eq!(other.get().name, "Aegon");
    assert_eq!(em.managed_count()?, 1);
    Ok(())
}

/// A handle moved to another thread reads and edits the same instance.
pub async fn a_handle_works_on_another_thread<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let moved = jon.clone();
    let there = std::thread::spawn(move || {
        moved.edit().age = Some(17);
        moved.books().len()
    });
    assert_eq!(there.join().ok(), Some(3));
    assert_eq!(jon.get().age, Some(17));
    Ok(())
}

/// `Debug` shows an entity's own fields and the keys of what it refers to, so it ends where relations go in circles.
pub async fn debug_shows_own_fields_and_keys_of_others<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em
        .find_one_or_fail(Book::TITLE.eq("The Wall"))
        .populate((Book::AUTHOR.then(Author::BOOKS.then(Book::AUTHOR)), Book::TAGS))
        .await?;
    let shown = format!("{book:?}");
    assert!(shown.starts_with("Book {") && shown.contains("The Wall"), "{shown}");
    assert!(shown.contains(&format!("Author[{}]", book.author().id())), "{shown}");
    assert!(!shown.contains("Jon Snow"), "{shown}");
    Ok(())
}

/// `Debug` shows what is new, too.
pub async fn debug_names_references_to_new_entities<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    let book = em.persist(Book::new("No One", &arya))?;
    let shown = format!("{book:?}");
    assert!(shown.contains("Author (new)"), "{shown}");
    Ok(())
}

/// `Debug` of a handle leaves hidden fields out: scalars and references.
pub async fn debug_leaves_hidden_fields_out<B: Backend>() -> Result<()> {
    let db = account::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(account(1))?;
    let shown = format!("{ann:?}");
    assert!(shown.contains("Ann Lee"), "{shown}");
    for hidden in ["secret", "password_hash", "referrer"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    Ok(())
}
