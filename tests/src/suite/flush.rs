//! What a flush writes: what changed, all of it, in one transaction, and nothing else.

use orm_core::{Entity, Error, Loaded, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

/// A new entity is a row after the flush, and has the key that the database made.
pub async fn a_new_entity_gets_its_row_and_its_key<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    assert_eq!((jon.id(), jon.try_id()), (0, None));
    assert_eq!(db.statements(), 0);

    em.flush().await?;

    assert_eq!(jon.try_id(), Some(jon.id()));
    assert_eq!(jon.get().id, jon.id());
    assert_eq!(found(&db, &jon).await?.get().name, "Jon Snow");
    let inserted = Operation::Insert("Author".into(), 1);
    assert_eq!(db.recorder.operations()[..3], [Operation::Begin, inserted, Operation::Commit]);
    Ok(())
}

/// What was inserted is managed: found by its key without a statement, and changed by an update.
pub async fn an_inserted_entity_is_managed<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    em.flush().await?;
    db.recorder.reset();

    assert!(em.find_by_id::<Author>(jon.id()).await? == Some(jon.without_hints()));
    assert_eq!(db.statements(), 0);
    jon.edit().age = Some(17);
    em.flush().await?;
    assert_eq!(written(&db), [Operation::Update("Author".into(), 1, vec!["age".into()])]);
    Ok(())
}

/// Every generated key goes to the entity whose row it is, in a batch of many too.
pub async fn each_row_of_a_batch_gets_its_own_key<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let names: Vec<String> = (0..50).map(|number| format!("author {number}")).collect();
    let authors = names.iter().map(|name| em.persist(Author::new(name))).collect::<Result<Vec<_>>>()?;

    em.flush().await?;

    let stored = db.em().find_all::<Author>().await?;
    assert_eq!(stored.len(), names.len());
    for author in &authors {
        let row = stored.iter().find(|row| row.id() == author.id());
        assert_eq!(row.map(|row| row.get().name.clone()), Some(author.get().name.clone()));
    }
    Ok(())
}

/// A flush with nothing to write opens no transaction. Case E86.
pub async fn nothing_is_sent_when_nothing_changed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    em.find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// An edit that changes nothing, or is changed back, is no change.
pub async fn an_edit_back_to_what_it_was_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    db.recorder.reset();

    jon.edit().name = "Jon Snow".into();
    em.flush().await?;
    jon.edit().name = "Aegon".into();
    jon.edit().name = "Jon Snow".into();
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A second flush writes nothing again. Case E87.
pub async fn a_second_flush_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    em.persist(Book { tags: [Tag::new("winter")].into(), ..Book::new("A Clash", &jon) })?;
    em.flush().await?;
    jon.edit().age = Some(17);
    em.flush().await?;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// An update sets the columns that changed and no other: what others changed meanwhile stays.
pub async fn an_update_sets_only_what_changed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (em, other) = (db.em(), db.em());
    let (ours, theirs) = (jon(&em).await?, jon(&other).await?);
    theirs.edit().age = Some(17);
    other.flush().await?;
    db.recorder.reset();

    ours.edit().email = Some("king@north.org".into());
    em.flush().await?;

    assert_eq!(written(&db), [Operation::Update("Author".into(), 1, vec!["email".into()])]);
    assert_eq!(db.statements(), 3);
    let row = found(&db, &ours).await?;
    assert_eq!((row.get().age, row.get().email.as_deref()), (Some(17), Some("king@north.org")));
    Ok(())
}

/// Rows in which the same columns change are one write, whatever their number.
pub async fn updates_of_one_shape_are_one_write<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let books = em.find_all::<Book>().await?;
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    db.recorder.reset();

    for (number, book) in (20..).zip(&books) {
        book.edit().price = number;
    }
    sam.edit().age = Some(20);
    em.flush().await?;

    let price = Operation::Update("Book".into(), 3, vec!["price".into()]);
    let age = Operation::Update("Author".into(), 1, vec!["age".into()]);
    assert_eq!(written(&db), [price, age]);
    let prices = db.em().find_all::<Book>().order_by(Book::ID.asc()).await?;
    assert_eq!(prices.iter().map(|book| book.get().price).collect::<Vec<_>>(), [20, 21, 22]);
    Ok(())
}

/// A foreign key that points somewhere else is an update of that column. Case E90.
pub async fn a_repointed_relation_is_an_update_of_its_column<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?;
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    db.recorder.reset();

    book.edit().author = sam.to_ref();
    book.edit().publisher = None;
    em.flush().await?;

    let columns = vec!["author_id".into(), "publisher_id".into()];
    assert_eq!(written(&db), [Operation::Update("Book".into(), 1, columns)]);
    let row = found(&db, &book).await?;
    assert_eq!((row.author_ref().key(), row.publisher_ref().is_set()), (Some(sam.id()), false));
    Ok(())
}

/// A relation may be set by key alone: nothing is loaded for it.
pub async fn a_relation_set_by_key_needs_no_load<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = jon(&db.em()).await?.id();
    db.recorder.reset();
    let em = db.em();

    let by_value = em.persist(Book::new("By value", orm_core::Ref::key(id)))?;
    let by_reference = em.persist(Book::new("By reference", em.get_reference::<Author>(id)?))?;
    em.flush().await?;

    assert_eq!(db.recorder.selects(), 0);
    assert_eq!(written(&db), [Operation::Insert("Book".into(), 2)]);
    assert_eq!(found(&db, &by_value).await?.author_ref().key(), Some(id));
    assert_eq!(found(&db, &by_reference).await?.author_ref().key(), Some(id));
    Ok(())
}

/// A removed entity's row is deleted, and the entity forgotten.
pub async fn a_removed_entity_is_deleted_and_forgotten<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let id = book.id();
    db.recorder.reset();

    em.remove(&book)?;
    assert_eq!(db.statements(), 0);
    em.flush().await?;

    assert_eq!(written(&db), [Operation::Delete("Book".into(), 1)]);
    assert!(!em.contains(&book));
    assert_eq!(book.get().title, "A Clash");
    assert!(em.find_by_id::<Book>(id).await?.is_none());
    assert!(matches!(book.try_edit(), Err(Error::Detached { .. })));
    Ok(())
}

/// A row is deleted by reference, without a load. Case E99.
pub async fn a_reference_is_removed_without_a_load<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).await?.id();
    db.recorder.reset();
    let em = db.em();

    em.remove(em.get_reference::<Book>(id)?)?;
    em.flush().await?;

    assert_eq!(db.recorder.selects(), 0);
    assert_eq!(written(&db), [Operation::Delete("Book".into(), 1)]);
    assert!(db.em().find_by_id::<Book>(id).await?.is_none());
    Ok(())
}

/// A new entity that is removed again never reaches the database.
pub async fn a_new_entity_that_is_removed_is_never_inserted<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    em.remove(&jon)?;

    em.flush().await?;

    assert_eq!(db.statements(), 0);
    assert!(!em.contains(&jon));
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// Persisting and removing twice is doing it once. Case E110.
pub async fn persisting_or_removing_twice_is_doing_it_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    db.recorder.reset();

    let sansa = em.persist(Author::new("Sansa"))?;
    assert!(em.persist(&sansa)? == sansa);
    em.remove(&book)?;
    em.remove(&book)?;
    em.flush().await?;

    let expected = [Operation::Insert("Author".into(), 1), Operation::Delete("Book".into(), 1)];
    assert_eq!(written(&db), expected);
    Ok(())
}

/// Persisting an entity that is to be removed takes the removal back; what was edited is still written.
pub async fn persisting_takes_a_removal_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    book.edit().price = 99;
    em.remove(&book)?;
    em.persist(&book)?;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(written(&db), [Operation::Update("Book".into(), 1, vec!["price".into()])]);
    assert_eq!(found(&db, &book).await?.get().price, 99);
    Ok(())
}

/// A deleted entity that is persisted as a value is inserted anew.
pub async fn a_deleted_entity_can_be_inserted_again<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    em.remove(&book)?;
    em.flush().await?;
    db.recorder.reset();

    let again = em.persist(Book::clone(&book.get()))?;
    em.flush().await?;

    assert_eq!(written(&db), [Operation::Insert("Book".into(), 1)]);
    assert_eq!(again.id(), book.id());
    assert_eq!(found(&db, &again).await?.get().title, "A Clash");
    Ok(())
}

/// New and removed entities of one flush: inserts come first, deletes last. Case E93.
pub async fn an_insert_and_a_removed_reference_share_a_flush<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let id = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).await?.id();
    db.recorder.reset();
    let em = db.em();

    em.persist(Author::new("Sansa"))?;
    em.remove(em.get_reference::<Book>(id)?)?;
    em.flush().await?;

    let expected = [Operation::Insert("Author".into(), 1), Operation::Delete("Book".into(), 1)];
    assert_eq!(written(&db), expected);
    Ok(())
}

/// What new entities hold in their relations is persisted with them, as deep as it goes. Case E102.
pub async fn what_a_new_entity_holds_is_persisted_with_it<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let tags = [Tag::new("winter"), Tag::new("war")];
    let book = Book { title: "A Clash".into(), tags: tags.into(), ..Book::default() };
    let jon = em.persist(Author { books: [book].into(), ..Author::new("Jon Snow") })?;

    em.flush().await?;

    let stored = db.em();
    let jon = stored.find_by_id::<Author>(jon.id()).populate(Author::BOOKS.then(Book::TAGS)).await?;
    let jon = jon.expect("it was flushed");
    assert_eq!(jon.books().len(), 1);
    assert_eq!(jon.books()[0].get().title, "A Clash");
    assert_eq!(jon.books()[0].tags().len(), 2);
    Ok(())
}

/// A new entity assigned to a relation of a managed one is persisted with it. Case E102.
pub async fn a_new_entity_assigned_in_an_edit_is_persisted<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    db.recorder.reset();

    book.edit().author = Author::new("Sansa").into();
    em.flush().await?;

    let insert = Operation::Insert("Author".into(), 1);
    assert_eq!(written(&db), [insert, Operation::Update("Book".into(), 1, vec!["author_id".into()])]);
    let row = db.em().find_by_id::<Book>(book.id()).populate(Book::AUTHOR).await?.expect("it is there");
    assert_eq!(row.author().get().name, "Sansa");
    assert_eq!(book.author_ref().key(), Some(row.author().id()));
    Ok(())
}

/// Links of a many-to-many relation are rows of the pivot, written and deleted from either side.
pub async fn links_are_written_and_deleted_from_either_side<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).populate(Tag::BOOKS).await?;
    let ravens = em.persist(Tag::new("ravens"))?;
    db.recorder.reset();

    book.tags_ref().add(&ravens)?;
    war.books_ref().remove(&book)?;
    em.flush().await?;

    let expected = [
        Operation::Insert("Tag".into(), 1),
        Operation::Unlink("Book.tags".into(), 1),
        Operation::Link("Book.tags".into(), 1),
    ];
    assert_eq!(written(&db), expected);
    assert_eq!(tags_of(&db, "A Clash").await?, ["ravens", "winter"]);
    assert_eq!(tags_of(&db, "A Storm").await?, ["war", "winter"]);
    Ok(())
}

/// A new entity is linked to rows that are known by key alone.
pub async fn links_to_keys_need_no_load<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let tags: Vec<i64> = db.em().find_all::<Tag>().await?.iter().map(Loaded::id).collect();
    let author = jon(&db.em()).await?.id();
    db.recorder.reset();
    let em = db.em();

    let tags = tags.into_iter().map(orm_core::Ref::key).collect();
    em.persist(Book { tags, ..Book::new("A Feast", orm_core::Ref::key(author)) })?;
    em.flush().await?;

    assert_eq!(written(&db), [Operation::Insert("Book".into(), 1), Operation::Link("Book.tags".into(), 2)]);
    assert_eq!(db.recorder.selects(), 0);
    assert_eq!(tags_of(&db, "A Feast").await?, ["war", "winter"]);
    Ok(())
}

/// A link that is added and removed again before the flush is not written.
pub async fn a_link_that_is_taken_back_is_not_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
    let sent = db.statements();

    book.tags_ref().remove(&war)?;
    book.tags_ref().add(&war)?;
    book.tags_ref().add(&war)?;
    em.flush().await?;

    assert_eq!(db.statements(), sent);
    Ok(())
}

/// An unloaded many-to-many can be written; a link that exists already is left as it is.
pub async fn a_link_that_exists_is_left_as_it_is<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;

    book.tags_ref().add(&war)?;
    em.flush().await?;

    assert_eq!(tags_of(&db, "A Clash").await?, ["war", "winter"]);
    Ok(())
}

/// The links of a deleted row go with it; nobody has to remove them.
pub async fn the_links_of_a_deleted_row_go_with_it<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let war = em.find_one_or_fail(Tag::LABEL.eq("war")).populate(Tag::BOOKS).await?;
    db.recorder.reset();

    em.remove(&war)?;
    em.flush().await?;

    assert_eq!(written(&db), [Operation::Delete("Tag".into(), 1)]);
    assert_eq!(tags_of(&db, "A Clash").await?, ["winter"]);
    Ok(())
}

/// Everything of a flush is in one transaction.
pub async fn a_flush_is_one_transaction<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let storm = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    db.recorder.reset();

    jon.edit().age = Some(17);
    em.persist(Book { tags: [Tag::new("ravens")].into(), ..Book::new("A Feast", &jon) })?;
    em.remove(&storm)?;
    em.flush().await?;

    let operations = db.recorder.operations();
    assert_eq!((operations.first(), operations.last()), (Some(&Operation::Begin), Some(&Operation::Commit)));
    assert_eq!(
        operations.iter().filter(|one| matches!(one, Operation::Begin | Operation::Commit)).count(),
        2
    );
    assert_eq!(db.recorder.writes(), 5);
    Ok(())
}

/// Edits of an entity that is new, too, are in its insert.
pub async fn edits_before_the_first_flush_are_in_the_insert<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    jon.edit().age = Some(17);
    jon.edit().name = "Aegon".into();

    em.flush().await?;

    assert_eq!(written(&db), [Operation::Insert("Author".into(), 1)]);
    let row = found(&db, &jon).await?;
    assert_eq!((row.get().name.as_str(), row.get().age), ("Aegon", Some(17)));
    Ok(())
}

/// More rows than one write takes are cut into several.
pub async fn many_rows_are_cut_into_batches<B: Backend>() -> Result<()> {
    const ROWS: usize = 2_500;
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let authors = (0..ROWS).map(|number| em.persist(Author::new(&format!("author {number}"))));
    let authors = authors.collect::<Result<Vec<_>>>()?;
    em.flush().await?;
    assert_eq!(rows_of(&db), ROWS);
    db.recorder.reset();
    authors.iter().for_each(|author| author.edit().age = Some(1));
    em.flush().await?;
    assert_eq!(rows_of(&db), ROWS);
    db.recorder.reset();
    authors.iter().try_for_each(|author| em.remove(author))?;
    em.flush().await?;
    assert_eq!(rows_of(&db), ROWS);
    assert_eq!(db.em().count(orm_core::Condition::<Author>::always()).await?, 0);
    Ok(())
}

/// The plan of a flush can be read before it runs: one line a write, without values.
pub async fn the_plan_of_a_flush_can_be_read<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    let storm = em.find_one_or_fail(Book::TITLE.eq("A Storm")).await?;
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    assert!(em.flush_plan()?.is_empty());
    assert_eq!(em.flush_plan()?.to_string(), "");
    db.recorder.reset();

    jon.edit().email = Some("secret@wall.org".into());
    em.persist(Book::new("A Feast", &jon))?;
    em.remove(&storm)?;
    clash.tags_ref().remove(&clash.tags()[0])?;
    clash.tags_ref().add(Tag::new("ravens"))?;
    let plan = em.flush_plan()?;

    let expected = "insert 1 Book (title, price, author_id, publisher_id)\n\
                    insert 1 Tag (label)\n\
                    update 1 Author (email)\n\
                    unlink 1 Book.tags\n\
                    link 1 Book.tags\n\
                    delete 1 Book";
    let (mut lines, mut expected_lines): (Vec<_>, Vec<_>) =
        (plan.to_string().lines().map(str::to_owned).collect(), expected.lines().collect());
    lines[..2].sort_unstable();
    expected_lines[..2].sort_unstable();
    assert_eq!(lines, expected_lines);
    assert_eq!(plan.len(), 6);
    assert_eq!(db.statements(), 0);
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 6);
    Ok(())
}

/// A manager whose context was cleared forgets what it was to write.
pub async fn clear_forgets_what_was_to_be_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = jon(&em).await?;
    jon.edit().age = Some(17);
    em.persist(Author::new("Sansa"))?;
    db.recorder.reset();

    em.clear()?;
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

async fn jon(em: &orm_core::EntityManager) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await
}

/// The row of an entity as another context reads it.
async fn found<T: Entity, P: 'static>(db: &TestDb, entity: &Loaded<T, P>) -> Result<Loaded<T>> {
    let key = entity.try_id().expect("it was flushed");
    Ok(db.em().find_by_id::<T>(key).await?.expect("its row is there"))
}

async fn tags_of(db: &TestDb, title: &str) -> Result<Vec<String>> {
    let book = db.em().find_one_or_fail(Book::TITLE.eq(title)).populate(Book::TAGS).await?;
    let mut labels: Vec<String> = book.tags().iter().map(|tag| tag.get().label.clone()).collect();
    labels.sort_unstable();
    Ok(labels)
}

/// Writes, without the steps of the transaction and without selects.
fn written(db: &TestDb) -> Vec<Operation> {
    let is_write = |operation: &Operation| {
        !matches!(
            operation,
            Operation::Begin
                | Operation::Commit
                | Operation::Rollback
                | Operation::Select(..)
                | Operation::Count(_)
        )
    };
    db.recorder.operations().into_iter().filter(is_write).collect()
}

/// How many rows the writes were of, none of which may exceed a thousand.
fn rows_of(db: &TestDb) -> usize {
    let rows = db.recorder.operations().into_iter().filter_map(|operation| match operation {
        Operation::Insert(_, rows) | Operation::Update(_, rows, _) | Operation::Delete(_, rows) => Some(rows),
        _ => None,
    });
    let rows: Vec<usize> = rows.collect();
    assert!(rows.iter().all(|rows| *rows <= 1_000), "{rows:?}");
    rows.into_iter().sum()
}
