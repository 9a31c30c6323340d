//! References: a key without a query, what follows a field, and the graphs that new values make.

use orm_core::{BoundRef, EntityManager, Error, Loaded, Ref, Result};

use crate::fixtures::blog::{self, Author, Book, Profile, Publisher, Tag};
use crate::fixtures::broken::{self, Comment, StrayComment};
use crate::fixtures::stock::{self, Lot, Product};
use crate::fixtures::tree::{self, Node};
use crate::{Backend, Operation};

async fn book(em: &EntityManager, title: &str) -> Result<Loaded<Book>> {
    em.find_one_or_fail(Book::TITLE.eq(title)).await
}

/// A reference by key sends nothing and knows its key; reading it is an error that names it; loading it sends one
/// statement, once; what is loaded is the one instance of its row.
///
/// Cases A1 and F132.
pub async fn a_reference_is_made_without_a_query_and_loaded_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let reference = em.get_reference::<Author>(1)?;
    assert_eq!((reference.key(), reference.is_set(), reference.is_loaded()), (Some(1), true, false));
    assert!(reference == em.get_reference::<Author>(1)?);
    assert!(reference != em.get_reference::<Author>(2)?);
    let Err(error) = reference.get() else { panic!("nothing is loaded") };
    assert!(matches!(error, Error::NotLoaded { .. }) && error.to_string().contains("Author[1]"), "{error}");
    assert_eq!(db.statements(), 0);

    let jon = reference.load().await?;
    assert_eq!(jon.get().name, "Jon Snow");
    assert!(reference.load().await? == jon && reference.get()? == jon);
    assert!(em.find_by_id::<Author>(1).await?.is_some_and(|found| found == jon));
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// A reference to what is loaded already is loaded; a find of the row loads a reference that was made before.
///
/// Case A1.
pub async fn a_reference_and_a_find_meet_in_one_instance<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let before = em.get_reference::<Author>(1)?;
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let after = em.get_reference::<Author>(1)?;
    db.recorder.reset();

    assert!(before.is_loaded() && before.get()? == jon);
    assert!(after.is_loaded() && after.load().await? == jon);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Loading a reference whose row is gone is an error that names it, and the reference stays a reference.
///
/// Case F134.
pub async fn loading_a_reference_without_a_row_says_so<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let reference = em.get_reference::<Author>(77)?;

    let Err(error) = reference.load().await else { panic!("there is no such row") };

    assert!(matches!(error, Error::NotFound { entity: "Author", .. }), "{error}");
    assert!(error.to_string().contains("77"), "{error}");
    assert!(!reference.is_loaded() && reference.key() == Some(77));
    assert!(em.find_by_id::<Author>(77).await?.is_none());
    Ok(())
}

/// The same for a foreign key that points nowhere, also where the relation may be missing. The broken reference of
/// one entity does not hinder those that came with it.
///
/// Case F134.
pub async fn loading_a_broken_foreign_key_says_so<B: Backend>() -> Result<()> {
    let db = broken::seeded::<B>(|builder| builder.entity::<Comment>()).await?;
    let comments = db.em().find_all::<Comment>().order_by(Comment::ID.asc()).await?;
    let mut loaded = Vec::new();
    for comment in &comments {
        loaded.push(comment.post_ref().load().await);
    }
    let [Ok(first), Err(error), Ok(last)] = &loaded[..] else { panic!("{loaded:?}") };
    assert!(first == last && first.get().title == "There");
    assert!(
        matches!(error, Error::NotFound { entity: "Post", .. }) && error.to_string().contains("99"),
        "{error}"
    );

    let db = broken::seeded::<B>(|builder| builder.entity::<StrayComment>()).await?;
    let stray = db.em().find_one_or_fail(StrayComment::POST.eq(99)).await?;
    let Err(error) = stray.post_ref().load().await else { panic!("there is no such row") };
    assert!(matches!(error, Error::NotFound { entity: "Post", .. }), "{error}");
    Ok(())
}

/// The bound reference of a field follows the field.
pub async fn a_bound_reference_follows_its_field<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = book(&em, "A Clash").await?;
    let author = clash.author_ref();
    assert!(author.key() == Some(1) && !author.is_loaded());
    assert_eq!(author.load().await?.get().name, "Jon Snow");

    clash.edit().author = em.get_reference::<Author>(2)?.to_ref();

    assert!(author.key() == Some(2) && !author.is_loaded());
    assert!(matches!(author.get(), Err(Error::NotLoaded { relation: "author", .. })));
    assert_eq!(author.load().await?.get().name, "Sam Tarly");
    Ok(())
}

/// A reference that points to nothing says so, naming the entity and the field, instead of sending a statement.
pub async fn an_unset_reference_says_so<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    db.recorder.reset();

    let mentor = jon.mentor_ref();
    assert_eq!((mentor.key(), mentor.is_set(), mentor.is_loaded()), (None, false, false));
    for error in [mentor.get().map(drop), mentor.load().await.map(drop)] {
        let Err(error) = error else { panic!("there is no mentor") };
        assert!(matches!(error, Error::RequiredRelation { relation: "mentor", .. }), "{error}");
        assert!(error.to_string().contains("Author[1]"), "{error}");
    }
    assert_eq!(mentor.to_ref(), Ref::default());
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// `remove` takes a reference by key alone: one delete, and nothing is loaded.
///
/// Case E99.
pub async fn removing_by_reference_alone_loads_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let loose = em.persist(Tag::new("loose"))?;
    em.flush().await?;
    em.clear()?;
    db.recorder.reset();

    em.remove(em.get_reference::<Tag>(loose.id())?)?;
    em.flush().await?;

    let delete = Operation::Delete("Tag".into(), 1);
    assert_eq!(db.recorder.operations(), [Operation::Begin, delete, Operation::Commit]);
    assert_eq!(db.em().count(Tag::LABEL.eq("loose")).await?, 0);
    Ok(())
}

/// The same through the bound reference of a field, and a second time is the same as once.
///
/// Case E110.
pub async fn removing_the_target_of_a_field_needs_no_load<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let profiles = em.find(Profile::AUTHOR.eq(2)).await?;
    let sam = profiles[0].author_ref();
    db.recorder.reset();

    em.remove(&profiles[0])?;
    em.remove(&sam)?;
    em.remove(&sam)?;
    em.flush().await?;

    assert_eq!(db.recorder.selects(), 0);
    assert_eq!(db.recorder.writes(), 2);
    assert_eq!(db.em().count(Author::NAME.eq("Sam Tarly")).await?, 0);
    Ok(())
}

/// A field takes a handle, a key without any manager, a reference of the context, or a new value.
pub async fn a_field_takes_whatever_leads_to_its_target<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;

    em.persist(Book::new("by handle", &jon))?;
    em.persist(Book::new("by owned handle", jon.clone()))?;
    em.persist(Book::new("by ref", jon.to_ref()))?;
    em.persist(Book::new("by key", Ref::<Author>::key(1)))?;
    em.persist(Book::new("by reference", em.get_reference::<Author>(1)?))?;
    em.persist(Book::new("by borrowed reference", &em.get_reference::<Author>(1)?))?;
    em.persist(Book::new("by value", Author::new("Somebody New")))?;
    em.flush().await?;

    let fresh = db.em();
    assert_eq!(fresh.count(Book::TITLE.starts_with("by").and(Book::AUTHOR.eq(1))).await?, 6);
    assert_eq!(fresh.count(Book::AUTHOR.is(Author::NAME.eq("Somebody New"))).await?, 1);
    Ok(())
}

/// A condition takes a handle, a `Ref`, a reference of the context, or a key, and compares the foreign key.
pub async fn a_condition_takes_whatever_leads_to_its_target<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let reference = em.get_reference::<Author>(1)?;

    assert_eq!(em.count(Book::AUTHOR.eq(1)).await?, 3);
    assert_eq!(em.count(Book::AUTHOR.eq(&reference)).await?, 3);
    assert_eq!(em.count(Book::AUTHOR.eq(reference.to_ref())).await?, 3);
    assert_eq!(em.count(Book::AUTHOR.eq(&reference.load().await?)).await?, 3);
    assert_eq!(em.count(Book::AUTHOR.ne(&reference)).await?, 0);
    assert_eq!(em.count(Book::AUTHOR.eq(&em.persist(Author::new("New"))?)).await?, 0);
    Ok(())
}

/// Refs are plain data: equal by where they lead, shown without their target, copied freely.
pub async fn refs_are_plain_data<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let new = Ref::from(Author::new("New"));

    assert_eq!(jon.to_ref(), Ref::key(1));
    assert_eq!(em.get_reference::<Author>(1)?.to_ref(), jon.to_ref());
    assert_ne!(jon.to_ref(), Ref::key(2));
    assert_eq!(new.clone(), new);
    assert_ne!(Ref::from(Author::new("New")), new);
    assert_ne!(new, Ref::default());
    assert!(new.is_set() && !Ref::<Author>::default().is_set());
    assert_eq!(jon.to_ref().try_key(), Some(&1));
    let shown =
        [format!("{:?}", jon.to_ref()), format!("{new:?}"), format!("{:?}", Ref::<Author>::default())];
    assert_eq!(shown, ["Author[1]", "Author(new)", "Author(unset)"]);
    assert_eq!(format!("{:?}", em.get_reference::<Author>(1)?), "Author[1]");
    Ok(())
}

/// A reference to an entity without a key leads to it before the flush and becomes its key with it.
pub async fn a_reference_to_a_new_entity_becomes_its_key<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(Author::new("Ann"))?;
    let book = em.persist(Book::new("First", &ann))?;

    assert_eq!(book.author_ref().key(), None);
    assert!(book.author_ref().is_loaded() && book.author_ref().get()? == ann);
    assert!(book.author_ref().load().await? == ann);
    assert_eq!(db.statements(), 0);
    em.flush().await?;

    assert_eq!(book.author_ref().key(), Some(ann.id()));
    assert_eq!(book.get().author.try_key(), Some(&ann.id()));
    assert!(book.author_ref().get()? == ann);
    Ok(())
}

/// One new value that two refs share is one row.
pub async fn a_new_value_shared_by_two_refs_is_one_row<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let author = Ref::from(Author::new("Shared"));

    let first = em.persist(Book::new("First", author.clone()))?;
    let second = em.persist(Book::new("Second", author))?;

    assert!(first.author_ref().get()? == second.author_ref().get()?);
    em.flush().await?;
    assert_eq!(db.em().count(Author::NAME.eq("Shared")).await?, 1);
    Ok(())
}

/// A reference of a composite key, read and written in all its columns.
///
/// Case A20.
pub async fn a_reference_may_have_a_composite_key<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();
    let product = em.get_reference::<Product>(("A".to_owned(), 2))?;
    let lot = em.find_one_or_fail(Lot::SHELF.eq("nowhere")).await?;

    lot.edit().product = (&product).into();
    em.flush().await?;

    let stored = db.em().find_one_or_fail(Lot::SHELF.eq("nowhere")).await?;
    assert_eq!(stored.product_ref().key(), Some(("A".to_owned(), 2)));
    assert_eq!(stored.product_ref().load().await?.get().title, "A 2");
    stored.edit().product = None;
    assert!(!stored.product_ref().is_set());
    Ok(())
}

/// A required reference that is not set is named by the flush; nothing is lost, and set it can be flushed.
pub async fn a_required_reference_left_unset_is_named_and_can_be_set<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.persist(Book { title: "Nobody's".into(), ..Book::default() })?;
    db.recorder.reset();

    let refused = em.flush().await;
    assert!(matches!(&refused, Err(Error::RequiredRelation { relation: "author", .. })), "{refused:?}");
    assert_eq!(db.recorder.writes(), 0);
    book.edit().author = Ref::key(2);
    em.flush().await?;

    assert_eq!(db.em().count(Book::AUTHOR.eq(2)).await?, 1);
    Ok(())
}

/// A reference to a row that is not there is refused by the database, and the error says which field; with another
/// target the flush works.
pub async fn a_reference_to_no_row_is_refused_by_the_database<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let book = em.persist(Book::new("Nobody's", Ref::<Author>::key(77)))?;

    let Err(error) = em.flush().await else { panic!("there is no author 77") };
    assert!(error.violation().is_some_and(|violation| violation.entity == Some("Book")), "{error}");
    book.edit().author = Ref::key(2);
    em.flush().await?;

    assert_eq!(db.em().count(Book::AUTHOR.eq(2)).await?, 1);
    Ok(())
}

// ---- graphs of new values

/// One `persist` takes a whole graph of new values, in both directions of its relations, and the flush inserts each
/// type with one statement, targets first.
///
/// Case E102.
pub async fn persist_takes_a_nested_graph<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let magic = Ref::from(Tag::new("magic"));
    let book = |title: &str, publisher: &str| Book {
        title: title.to_owned(),
        tags: vec![magic.clone(), Tag::new(title).into()].into(),
        publisher: Some(Publisher { name: publisher.to_owned(), ..Publisher::default() }.into()),
        ..Book::default()
    };
    let ann = Author {
        books: vec![book("First", "North"), book("Second", "South")].into(),
        mentor: Some(Author::new("Mentor").into()),
        profile: Some(Profile { bio: "Herself".into(), ..Profile::default() }.into()),
        students: vec![Author::new("Student")].into(),
        ..Author::new("Ann")
    };

    let ann = em.persist(ann)?;
    assert_eq!(ann.books().len(), 2);
    assert!(ann.books()[0].author_ref().get()? == ann);
    assert!(ann.students()[0].mentor_ref().get()? == ann);
    assert!(ann.profile_ref().get()?.is_some_and(|profile| profile.get().bio == "Herself"));
    em.flush().await?;

    let inserts: Vec<_> = db.recorder.operations();
    let count = |name: &str| {
        inserts.iter().filter(|one| matches!(one, Operation::Insert(of, _) if of == name)).count()
    };
    assert_eq!((count("Book"), count("Tag"), count("Publisher"), count("Profile")), (1, 1, 1, 1));
    let stored = db
        .em()
        .find_one_or_fail(Author::NAME.eq("Ann"))
        .populate((
            Author::BOOKS.then((Book::TAGS, Book::PUBLISHER)),
            Author::MENTOR,
            Author::STUDENTS,
            Author::PROFILE,
        ))
        .await?;
    assert_eq!(stored.mentor().map(|mentor| mentor.get().name.clone()).as_deref(), Some("Mentor"));
    assert_eq!(stored.students()[0].get().name, "Student");
    assert!(stored.profile().is_some());
    for (book, publisher) in stored.books().iter().zip(["North", "South"]) {
        assert_eq!(book.tags().len(), 2);
        assert!(book.publisher().is_some_and(|found| found.get().name == publisher));
    }
    assert_eq!(db.em().count(Tag::LABEL.eq("magic")).await?, 1);
    Ok(())
}

/// A graph may be wide: one insert for all items.
///
/// Case E102.
pub async fn persist_takes_a_wide_graph<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let books = (0..3_000).map(|at| Book { title: format!("{at:05}"), ..Book::default() });

    let ann = em.persist(Author { books: books.collect(), ..Author::new("Ann") })?;
    em.flush().await?;

    assert_eq!(ann.books().len(), 3_000);
    assert_eq!(ann.books()[2_999].get().title, "02999");
    assert_eq!(db.em().count(Book::AUTHOR.eq(&ann)).await?, 3_000);
    Ok(())
}

/// A graph may be deep: it takes no stack, neither to persist, to save, to read back, nor to drop.
///
/// Case E102.
pub async fn persist_takes_a_deep_graph<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let depth = 2_000;

    let leaf = em.persist(chain(depth))?;
    em.flush().await?;
    assert_eq!(em.managed_count()?, depth);

    let em = db.em();
    em.find_all::<Node>().await?;
    let mut at: BoundRef<Node> = em.get_reference(leaf.id())?;
    let mut steps = 0;
    while at.is_set() {
        at = at.get()?.parent_ref();
        steps += 1;
    }
    assert_eq!(steps, depth);
    Ok(())
}

/// A graph that is deeper than any stack is taken in, planned level by level, and let go of again.
pub async fn persist_takes_a_graph_deeper_than_the_stack<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let depth = 50_000;

    em.persist(chain(depth))?;

    assert_eq!(em.managed_count()?, depth);
    assert_eq!(em.flush_plan()?.len(), depth);
    em.clear()?;
    assert_eq!(em.managed_count()?, 0);
    Ok(())
}

/// So many new nodes, each the parent of the next; the last one.
fn chain(depth: usize) -> Node {
    let first = Node::new("0");
    (1..depth).fold(first, |parent, at| Node { parent: Some(parent.into()), ..Node::new(&at.to_string()) })
}

/// A persisted value may be changed and extended before the flush: what is reachable then is saved.
///
/// Case E102.
pub async fn relations_set_after_persist_are_saved<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let ann = em.persist(Author::new("Ann"))?;
    let book = em.persist(Book { title: "First".into(), ..Book::default() })?;

    book.edit().author = ann.to_ref();
    book.edit().publisher = Some(Publisher { name: "North".into(), ..Publisher::default() }.into());
    ann.edit().books = vec![book.to_ref(), Book::new("Second", Ref::default()).into()].into();
    em.flush().await?;

    let stored =
        db.em().find(Book::AUTHOR.eq(&ann)).populate(Book::PUBLISHER).order_by(Book::TITLE.asc()).await?;
    assert_eq!(stored.len(), 2);
    assert!(stored[0].publisher().is_some() && stored[1].publisher().is_none());
    Ok(())
}

// ---- self references

/// An entity may refer to itself, new or not.
///
/// Case E81.
pub async fn an_entity_may_refer_to_itself<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let node = em.persist(Node::new("self"))?;

    node.edit().parent = (&node).into();
    assert!(node.children().contains(&node));
    em.flush().await?;

    let stored =
        db.em().find_one_or_fail(Node::LABEL.eq("self")).populate((Node::PARENT, Node::CHILDREN)).await?;
    assert!(stored.parent().is_some_and(|parent| parent == stored));
    assert!(stored.children().len() == 1 && stored.children()[0] == stored);
    Ok(())
}

/// Two new entities may refer to each other where one of the references may be empty for a moment.
///
/// Case E82.
pub async fn two_new_entities_may_refer_to_each_other<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let (a, b) = (em.persist(Node::new("a"))?, em.persist(Node::new("b"))?);

    a.edit().parent = (&b).into();
    b.edit().parent = (&a).into();
    em.flush().await?;

    let stored =
        db.em().find_one_or_fail(Node::LABEL.eq("a")).populate(Node::PARENT.then(Node::PARENT)).await?;
    let (up, around) = (stored.parent(), stored.parent().and_then(|parent| parent.parent()));
    assert!(up.is_some_and(|up| up.get().label == "b") && around.is_some_and(|around| around == stored));
    Ok(())
}
