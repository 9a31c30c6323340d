//! In which order a flush writes: what is referred to first, and what goes in circles in two steps.

use orm_core::{Error, Result};

use crate::fixtures::blog::{self, Author, Book, Profile, Publisher, Tag};
use crate::fixtures::circle::{self, City, Country, Egg, Hen};
use crate::fixtures::node::{self, Node};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

/// Three books of one new author, persisted before it: one insert of the author, one of the books. Case E79.
pub async fn what_is_referred_to_is_inserted_first<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon Snow"))?;
    let books = ["A Clash", "A Storm", "A Feast"].map(|title| Book::new(title, &jon));
    for book in books {
        em.persist(book)?;
    }
    em.persist(Publisher { name: "Ravens".into(), ..Publisher::default() })?;

    em.flush().await?;

    let operations = db.recorder.operations();
    let place = |wanted: &Operation| operations.iter().position(|one| one == wanted).expect("it was written");
    assert_eq!(operations.len(), 5);
    let books = place(&Operation::Insert("Book".into(), 3));
    assert!(place(&Operation::Insert("Author".into(), 1)) < books);
    assert!(place(&Operation::Insert("Publisher".into(), 1)) < books);
    Ok(())
}

/// The order in which the program persists does not matter, three types deep.
pub async fn the_order_of_persisting_does_not_matter<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let author = Author { name: "Jon Snow".into(), ..Author::default() };
    em.persist(Profile { bio: "Knows nothing".into(), author: author.into(), ..Profile::default() })?;
    em.persist(Book {
        publisher: Publisher { name: "Ravens".into(), ..Publisher::default() }.into(),
        tags: [Tag::new("winter")].into(),
        ..Book::new("A Clash", Author::new("Sam Tarly"))
    })?;

    em.flush().await?;

    let book = db.em().find_one_or_fail(Book::TITLE.eq("A Clash"));
    let book = book.populate((Book::AUTHOR, Book::PUBLISHER, Book::TAGS)).await?;
    assert_eq!(book.author().get().name, "Sam Tarly");
    assert_eq!(book.publisher().map(|publisher| publisher.get().name.clone()).as_deref(), Some("Ravens"));
    assert_eq!(book.tags().len(), 1);
    Ok(())
}

/// Rows are deleted before those that they refer to.
pub async fn what_refers_to_others_is_deleted_first<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author { name: "Jon Snow".into(), ..Author::default() })?;
    let book = em.persist(Book { tags: [Tag::new("winter")].into(), ..Book::new("A Clash", &jon) })?;
    em.flush().await?;
    db.recorder.reset();

    em.remove(&jon)?;
    em.remove(&book)?;
    em.flush().await?;

    let expected = [Operation::Delete("Book".into(), 1), Operation::Delete("Author".into(), 1)];
    assert_eq!(db.recorder.operations()[1..3], expected);
    Ok(())
}

/// A tree of new rows of one table is inserted level by level.
pub async fn a_tree_is_inserted_level_by_level<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Node::new("root"))?;
    let branches = ["left", "right"].map(|name| em.persist(Node::below(name, &root)));
    for branch in branches {
        em.persist(Node::below("leaf", &branch?))?;
    }

    em.flush().await?;

    let levels = [1, 2, 2].map(|rows| Operation::Insert("Node".into(), rows));
    assert_eq!(db.recorder.operations()[1..4], levels);
    assert_eq!(db.recorder.writes(), 3);
    let root = db.em().find_by_id::<Node>(root.id()).populate(Node::CHILDREN.then(Node::CHILDREN)).await?;
    let root = root.expect("it was inserted");
    assert_eq!(root.children().len(), 2);
    assert!(root.children().iter().all(|branch| branch.children().len() == 1));
    Ok(())
}

/// A parent persisted as part of its child, and children as part of their parent, are found and ordered too.
pub async fn a_tree_given_as_one_value_is_inserted_whole<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let twig = Node { children: [Node::new("leaf")].into(), ..Node::below("twig", Node::new("branch")) };

    let twig = em.persist(twig)?;
    em.flush().await?;

    let stored = db.em().find_by_id::<Node>(twig.id()).populate((Node::PARENT, Node::CHILDREN)).await?;
    let stored = stored.expect("it was inserted");
    assert_eq!(stored.parent().map(|parent| parent.get().name.clone()).as_deref(), Some("branch"));
    assert_eq!(stored.children()[0].get().name, "leaf");
    Ok(())
}

/// A row that refers to itself is inserted and then updated, since its key is not known before.
pub async fn a_row_that_refers_to_itself_is_closed_by_an_update<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let own = em.persist(Node::new("own"))?;
    own.edit().parent = Some(own.to_ref());

    em.flush().await?;

    let expected =
        [Operation::Insert("Node".into(), 1), Operation::Update("Node".into(), 1, vec!["parent_id".into()])];
    assert_eq!(db.recorder.operations()[1..3], expected);
    let row = db.em().find_by_id::<Node>(own.id()).await?.expect("it was inserted");
    assert_eq!(row.parent_ref().key(), Some(own.id()));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A row that refers to itself by a key that the program assigned is one insert.
pub async fn a_row_that_refers_to_its_own_known_key_is_one_insert<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let own = em.persist(Node { id: 7, ..Node::new("own") })?;
    own.edit().parent = Some(own.to_ref());

    em.flush().await?;

    assert_eq!(db.recorder.writes(), 1);
    let row = db.em().find_by_id::<Node>(7).await?.expect("it was inserted");
    assert_eq!(row.parent_ref().key(), Some(7));
    Ok(())
}

/// Two rows of one table that refer to each other. Case E81.
pub async fn two_rows_that_refer_to_each_other_are_closed_by_an_update<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let one = em.persist(Node::new("one"))?;
    let other = em.persist(Node::below("other", &one))?;
    one.edit().parent = Some(other.to_ref());

    em.flush().await?;

    let updates = db.recorder.operations().into_iter().filter(|one| matches!(one, Operation::Update(..)));
    assert_eq!(updates.collect::<Vec<_>>(), [Operation::Update("Node".into(), 1, vec!["parent_id".into()])]);
    let stored = db.em().find_all::<Node>().order_by(Node::NAME.asc()).populate(Node::PARENT).await?;
    assert!(stored[0].parent() == Some(stored[1].clone().without_hints()));
    assert!(stored[1].parent() == Some(stored[0].clone().without_hints()));
    Ok(())
}

/// Many rings at once: the updates that close them are cut into batches like all others.
pub async fn many_circles_are_closed_in_batches<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    for number in 0..1_500 {
        let node = em.persist(Node::new(&number.to_string()))?;
        node.edit().parent = Some(node.to_ref());
    }

    em.flush().await?;

    let closing = db.recorder.operations().into_iter().filter_map(|operation| match operation {
        Operation::Update(_, rows, _) => Some(rows),
        _ => None,
    });
    assert_eq!(closing.collect::<Vec<_>>(), [1_000, 500]);
    assert_eq!(db.em().count(Node::PARENT.is_null()).await?, 0);
    Ok(())
}

/// Two types that refer to each other, one of them optionally: insert, insert, update. Case E82.
pub async fn an_optional_circle_of_types_is_closed_by_an_update<B: Backend>() -> Result<()> {
    let db = circle::empty::<B>().await?;
    let em = db.em();
    let france = em.persist(Country { name: "France".into(), ..Country::default() })?;
    let paris = em.persist(City { name: "Paris".into(), country: (&france).into(), ..City::default() })?;
    france.edit().capital = Some(paris.to_ref());

    em.flush().await?;

    let expected = [
        Operation::Insert("Country".into(), 1),
        Operation::Insert("City".into(), 1),
        Operation::Update("Country".into(), 1, vec!["capital_id".into()]),
    ];
    assert_eq!(db.recorder.operations()[1..4], expected);
    let stored = db.em().find_by_id::<Country>(france.id()).populate(Country::CAPITAL).await?;
    let capital = stored.and_then(|stored| stored.capital());
    assert_eq!(capital.map(|capital| capital.id()), Some(paris.id()));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// An optional circle between rows that exist needs no extra step: both foreign keys are known.
pub async fn a_circle_between_known_rows_is_plain_updates<B: Backend>() -> Result<()> {
    let db = circle::empty::<B>().await?;
    let em = db.em();
    let france = em.persist(Country { name: "France".into(), ..Country::default() })?;
    let paris = em.persist(City { name: "Paris".into(), country: (&france).into(), ..City::default() })?;
    em.flush().await?;
    db.recorder.reset();

    france.edit().capital = Some(paris.to_ref());
    em.flush().await?;

    assert_eq!(
        db.recorder.operations()[1..2],
        [Operation::Update("Country".into(), 1, vec!["capital_id".into()])]
    );
    Ok(())
}

/// A circle in which every reference is required has no order: refused before any statement, and mended by a key.
pub async fn a_required_circle_is_refused_before_any_statement<B: Backend>() -> Result<()> {
    let db = circle::empty::<B>().await?;
    let em = db.em();
    let hen = em.persist(Hen::default())?;
    let egg = em.persist(Egg { hen: (&hen).into(), ..Egg::default() })?;
    hen.edit().egg = egg.to_ref();

    let error = em.flush().await.expect_err("neither can come first");

    assert_eq!(db.statements(), 0);
    let Error::CommitOrderCycle { entities } = &error else { panic!("{error}") };
    assert_eq!((entities.contains(&"Hen"), entities.contains(&"Egg")), (true, true));
    assert!(error.to_string().contains("Hen") && error.to_string().contains("Egg"), "{error}");
    assert!(em.flush_plan().is_err());
    assert_eq!((hen.try_id(), egg.try_id()), (None, None));

    em.remove(&egg)?;
    em.remove(&hen)?;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A key that a removed entity has is free for a new one in the same flush.
pub async fn a_removed_entitys_key_is_free_in_the_same_flush<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let old = em.persist(Node { id: 7, ..Node::new("old") })?;
    em.flush().await?;

    em.remove(&old)?;
    let new = em.persist(Node { id: 7, ..Node::new("new") })?;
    em.flush().await?;

    assert!(new != old);
    assert!(em.find_by_id::<Node>(7).await? == Some(new.without_hints()));
    assert_eq!(
        db.em().find_by_id::<Node>(7).await?.map(|row| row.get().name.clone()),
        Some("new".to_owned())
    );
    assert_eq!(rows(&db).await?, 1);
    Ok(())
}

/// What is pointed elsewhere in the same flush lets its target go.
pub async fn a_target_goes_after_what_referred_to_it_was_repointed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow"));
    let jon = jon.populate((Author::BOOKS, Author::STUDENTS, Author::PROFILE)).await?;
    let arya = em.persist(Author::new("Arya"))?;
    for book in &jon.books() {
        book.edit().author = arya.to_ref();
    }
    for student in &jon.students() {
        student.edit().mentor = None;
    }
    em.remove(jon.profile().expect("he has one"))?;
    em.remove(&jon)?;

    em.flush().await?;

    assert_eq!(db.em().count(Author::NAME.eq("Jon Snow")).await?, 0);
    assert_eq!(db.em().count(Book::AUTHOR.eq(&arya)).await?, 3);
    Ok(())
}

/// A unique value that an update gives up is free for a new row of the same flush.
pub async fn a_unique_value_that_is_given_up_is_free_in_the_same_flush<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let email = jon.get().email.clone();

    let heir = em.persist(Author { email: email.clone(), ..Author::new("heir") })?;
    jon.edit().email = None;
    em.flush().await?;

    let stored = db.em();
    assert_eq!(stored.find_by_id::<Author>(heir.id()).await?.map(|row| row.get().email.clone()), Some(email));
    assert_eq!(stored.find_by_id::<Author>(jon.id()).await?.map(|row| row.get().email.clone()), Some(None));
    Ok(())
}

/// A whole tree goes in one flush, whatever the order of the removals.
pub async fn a_tree_is_deleted_whole<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Node::new("root"))?;
    let branch = em.persist(Node::below("branch", &root))?;
    let leaf = em.persist(Node::below("leaf", &branch))?;
    em.flush().await?;

    for node in [&root, &branch, &leaf] {
        em.remove(node)?;
    }
    em.flush().await?;

    assert_eq!(rows(&db).await?, 0);
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// A tree larger than one write takes is deleted in an order that no foreign key minds.
pub async fn a_tree_larger_than_a_batch_is_deleted_whole<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let root = em.persist(Node::new("root"))?;
    let leaves = (0..1_500).map(|number| em.persist(Node::below(&number.to_string(), &root)));
    let leaves = leaves.collect::<Result<Vec<_>>>()?;
    em.flush().await?;

    em.remove(&root)?;
    leaves.iter().try_for_each(|leaf| em.remove(leaf))?;
    em.flush().await?;

    assert_eq!(rows(&db).await?, 0);
    Ok(())
}

/// Both ends of an optional circle go in one flush.
pub async fn an_optional_circle_is_deleted_whole<B: Backend>() -> Result<()> {
    let db = circle::empty::<B>().await?;
    let em = db.em();
    let france = em.persist(Country { name: "France".into(), ..Country::default() })?;
    let paris = em.persist(City { name: "Paris".into(), country: (&france).into(), ..City::default() })?;
    france.edit().capital = Some(paris.to_ref());
    em.flush().await?;

    em.remove(&france)?;
    em.remove(&paris)?;
    em.flush().await?;

    assert_eq!(em.managed_count()?, 0);
    assert_eq!(db.em().count(orm_core::Condition::<City>::always()).await?, 0);
    Ok(())
}

async fn rows(db: &TestDb) -> Result<u64> {
    db.em().count(orm_core::Condition::<Node>::always()).await
}
