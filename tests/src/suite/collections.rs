//! Both sides of a relation agree in memory, before any flush, whichever side is written.
//!
//! The foreign key is the truth of one-to-many and one-to-one relations, a set of pending links that of many-to-many
//! ones. Reading a collection needs it loaded; writing it does not.

use orm_core::{Collection, EntityManager, Error, Loaded, Ref, Result};

use crate::fixtures::blog::{self, Author, Book, Publisher, Tag};
use crate::fixtures::people::{self, Passport, Person};
use crate::fixtures::stock::{self, Label, Product};
use crate::fixtures::tree::{self, Node};
use crate::{Backend, Operation};

async fn author(em: &EntityManager, name: &str) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq(name)).await
}

async fn book(em: &EntityManager, title: &str) -> Result<Loaded<Book>> {
    em.find_one_or_fail(Book::TITLE.eq(title)).await
}

async fn tag(em: &EntityManager, label: &str) -> Result<Loaded<Tag>> {
    em.find_one_or_fail(Tag::LABEL.eq(label)).await
}

async fn person(em: &EntityManager, name: &str) -> Result<Loaded<Person>> {
    em.find_one_or_fail(Person::NAME.eq(name)).await
}

async fn passport(em: &EntityManager, number: &str) -> Result<Loaded<Passport>> {
    em.find_one_or_fail(Passport::NUMBER.eq(number)).await
}

fn titles<'a, P: 'static>(books: impl IntoIterator<Item = &'a Loaded<Book, P>>) -> Vec<String> {
    books.into_iter().map(|book| book.get().title.clone()).collect()
}

fn labels<'a, P: 'static>(tags: impl IntoIterator<Item = &'a Loaded<Tag, P>>) -> Vec<String> {
    tags.into_iter().map(|tag| tag.get().label.clone()).collect()
}

/// What the database says about a book's tags, asked by another context.
async fn stored_tags(em: &EntityManager, title: &str) -> Result<Vec<String>> {
    let book = em.fork().find_one_or_fail(Book::TITLE.eq(title)).populate(Book::TAGS).await?;
    let mut stored = labels(&book.tags());
    stored.sort();
    Ok(stored)
}

// ---- one-to-many

/// Adding an item points its reference to the owner, takes it from the collection that it was in, and writes one
/// column with the next flush.
///
/// Case F116.
pub async fn adding_an_item_sets_its_reference_and_leaves_the_other_collection<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (author(&em, "Jon Snow").await?, author(&em, "Sam Tarly").await?);
    jon.books_ref().load().await?;
    sam.books_ref().load().await?;
    let wall = book(&em, "The Wall").await?;
    db.recorder.reset();

    sam.books_ref().add(&wall)?;

    assert_eq!(wall.author_ref().key(), Some(sam.id()));
    assert_eq!(titles(&sam.books_ref().items()?), ["The Wall"]);
    assert_eq!(titles(&jon.books_ref().items()?), ["A Clash", "A Storm"]);
    assert_eq!(db.statements(), 0);
    em.flush().await?;
    let update = Operation::Update("Book".into(), 1, vec!["author_id".into()]);
    assert_eq!(db.recorder.operations(), [Operation::Begin, update, Operation::Commit]);
    Ok(())
}

/// Assigning the foreign key moves the item from one loaded collection to the other.
///
/// Case F116.
pub async fn assigning_a_reference_moves_the_item_between_collections<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::NAME.asc()).await?;
    let [jon, sam] = &authors[..] else { panic!("two authors") };
    let wall = jon.books()[2].clone();
    db.recorder.reset();

    wall.edit().author = sam.to_ref();

    assert_eq!(titles(&jon.books()), ["A Clash", "A Storm"]);
    assert_eq!(titles(&sam.books()), ["The Wall"]);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The same through `update`, by key alone, and back again: then nothing is left to write.
///
/// Case F116.
pub async fn assigning_a_reference_by_key_moves_the_item_too<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::NAME.asc()).await?;
    let [jon, sam] = &authors[..] else { panic!("two authors") };
    let wall = jon.books()[2].clone();
    db.recorder.reset();

    wall.update(|wall| wall.author = Ref::key(sam.id()));
    assert_eq!(titles(&sam.books()), ["The Wall"]);
    wall.update(|wall| wall.author = Ref::key(jon.id()));
    assert_eq!(titles(&jon.books()), ["A Clash", "A Storm", "The Wall"]);
    assert!(sam.books().is_empty());

    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A new entity whose reference names a loaded owner is in the owner's collection as soon as it is persisted.
///
/// Case F116.
pub async fn a_new_item_is_in_its_owners_collection_at_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;

    let winter = em.persist(Book::new("Winds of Winter", &jon))?;

    assert_eq!(jon.books().len(), 4);
    assert!(jon.books().contains(&winter));
    em.remove(&winter)?;
    assert_eq!(jon.books().len(), 3);
    Ok(())
}

/// An item leaves a collection when its reference may be empty; the row stays.
pub async fn removing_an_item_empties_an_optional_reference<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let ravens = em.find_one_or_fail(Publisher::NAME.eq("Ravens")).populate(Publisher::BOOKS).await?;
    let clash = book(&em, "A Clash").await?;
    db.recorder.reset();

    ravens.books_ref().remove(&clash)?;

    assert!(clash.get().publisher.is_none());
    assert_eq!(ravens.books().len(), 2);
    em.flush().await?;
    let update = Operation::Update("Book".into(), 1, vec!["publisher_id".into()]);
    assert_eq!(db.recorder.operations(), [Operation::Begin, update, Operation::Commit]);
    assert_eq!(db.em().count(Book::PUBLISHER.is_null()).await?, 1);
    Ok(())
}

/// An item that must have an owner can't be taken out; the error says what can be done, and nothing moved.
///
/// Case F126.
pub async fn removing_an_item_that_needs_its_owner_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let clash = jon.books()[0].clone();

    let Err(error) = jon.books_ref().remove(&clash) else { panic!("a book needs an author") };

    let Error::RequiredOwner { key, relation, item, owner_field } = &error else { panic!("{error}") };
    assert_eq!((key.entity(), *relation, item.entity(), *owner_field), ("Author", "books", "Book", "author"));
    for cure in ["another owner", "em.remove", "Option<Ref<_>>"] {
        assert!(error.to_string().contains(cure), "{error}");
    }
    assert_eq!(jon.books().len(), 3);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// An item that goes away itself may leave a collection that it would otherwise need.
pub async fn an_item_that_is_removed_itself_may_leave<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let clash = jon.books()[0].clone();

    em.remove(&clash)?;
    jon.books_ref().remove(&clash)?;

    assert_eq!(titles(&jon.books()), ["A Storm", "The Wall"]);
    em.flush().await?;
    assert_eq!(db.em().count(Book::AUTHOR.eq(&jon)).await?, 2);
    Ok(())
}

/// Setting a collection points what is in it here, and lets go of the rest.
pub async fn setting_a_collection_lets_go_of_the_rest<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let ravens = em.find_one_or_fail(Publisher::NAME.eq("Ravens")).populate(Publisher::BOOKS).await?;
    let (clash, storm) = (book(&em, "A Clash").await?, book(&em, "A Storm").await?);
    let fresh = Book::new("Fresh", &author(&em, "Sam Tarly").await?);

    ravens.books_ref().set([storm.to_ref(), fresh.into()])?;

    assert_eq!(titles(&ravens.books()), ["A Storm", "Fresh"]);
    assert!(clash.get().publisher.is_none());
    em.flush().await?;
    let stored = db.em().find(Book::PUBLISHER.eq(&ravens)).order_by(Book::TITLE.asc()).await?;
    assert_eq!(titles(&stored), ["A Storm", "Fresh"]);
    Ok(())
}

/// A set that is refused changes nothing: the items that could have moved stay too.
pub async fn a_refused_set_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::NAME.asc()).await?;
    let [jon, sam] = &authors[..] else { panic!("two authors") };
    let other = em.persist(Book::new("Other", sam))?;

    let refused = jon.books_ref().set([other.to_ref()]);

    assert!(matches!(refused, Err(Error::RequiredOwner { .. })), "{refused:?}");
    assert_eq!(titles(&jon.books()), ["A Clash", "A Storm", "The Wall"]);
    assert_eq!(titles(&sam.books()), ["Other"]);
    Ok(())
}

/// An item of a one-to-many relation holds the foreign key, so it must be loaded to be added: the error says so.
pub async fn a_one_to_many_item_by_key_alone_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let sam = author(&em, "Sam Tarly").await?;

    let refused = sam.books_ref().add(Ref::<Book>::key(1));

    let Err(Error::Relation { relation, problem, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(relation, "books");
    assert!(problem.contains("load it first"), "{problem}");
    Ok(())
}

/// A set that can't take in one of its items lets go of none either.
pub async fn a_set_with_an_impossible_item_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let ravens = em.find_one_or_fail(Publisher::NAME.eq("Ravens")).populate(Publisher::BOOKS).await?;

    let refused = ravens.books_ref().set([Ref::<Book>::key(77)]);

    assert!(matches!(refused, Err(Error::Relation { relation: "books", .. })), "{refused:?}");
    assert_eq!(titles(&ravens.books()), ["A Clash", "A Storm", "The Wall"]);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- many-to-many

/// A link made from the owning side is seen from both, and from both when it goes.
///
/// Case F116.
pub async fn both_sides_of_a_many_to_many_relation_agree_from_the_owner<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let magic = em.persist(Tag::new("magic"))?;
    let winter = em.find_one_or_fail(Tag::LABEL.eq("winter")).populate(Tag::BOOKS).await?;
    db.recorder.reset();

    clash.tags_ref().add(&magic)?;
    clash.tags_ref().remove(&winter)?;

    assert_eq!(labels(&clash.tags()), ["war", "magic"]);
    assert_eq!(titles(&magic.books()), ["A Clash"]);
    assert_eq!(titles(&winter.books()), ["A Storm", "The Wall"]);
    assert_eq!(db.statements(), 0);
    em.flush().await?;
    assert_eq!(stored_tags(&em, "A Clash").await?, ["magic", "war"]);
    Ok(())
}

/// The same from the inverse side.
///
/// Case F116.
pub async fn both_sides_of_a_many_to_many_relation_agree_from_the_inverse<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let winter = em.find_one_or_fail(Tag::LABEL.eq("winter")).populate(Tag::BOOKS.then(Book::TAGS)).await?;
    let clash = winter.books()[0].clone();
    let fresh = em.persist(Book::new("Fresh", &author(&em, "Sam Tarly").await?))?;

    winter.books_ref().remove(&clash)?;
    winter.books_ref().add(&fresh)?;

    assert_eq!(labels(&clash.tags()), ["war"]);
    assert_eq!(labels(&fresh.tags()), ["winter"]);
    em.flush().await?;
    assert_eq!(stored_tags(&em, "A Clash").await?, ["war"]);
    assert_eq!(stored_tags(&em, "Fresh").await?, ["winter"]);
    Ok(())
}

/// Setting a many-to-many collection changes both sides, and writes the differences alone.
///
/// Case F116.
pub async fn setting_a_many_to_many_collection_writes_the_differences<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let tags = em.find_all::<Tag>().populate(Tag::BOOKS).order_by(Tag::LABEL.asc()).await?;
    let [war, winter] = &tags[..] else { panic!("two tags") };
    db.recorder.reset();

    clash.tags_ref().set([Tag::new("magic").into(), war.to_ref()])?;

    assert_eq!(labels(&clash.tags()), ["magic", "war"]);
    assert_eq!((war.books().len(), winter.books().len()), (3, 2));
    em.flush().await?;
    let expected = [
        Operation::Begin,
        Operation::Insert("Tag".into(), 1),
        Operation::Unlink("Book.tags".into(), 1),
        Operation::Link("Book.tags".into(), 1),
        Operation::Commit,
    ];
    assert_eq!(db.recorder.operations(), expected);
    assert_eq!(stored_tags(&em, "A Clash").await?, ["magic", "war"]);
    Ok(())
}

/// Either side of a many-to-many relation can be written without being loaded, also the inverse one while the owner is
/// not loaded.
///
/// Case F127, by our rule: MikroORM refuses it.
pub async fn an_unloaded_inverse_side_can_be_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (winter, clash) = (tag(&em, "winter").await?, book(&em, "A Clash").await?);
    let fresh = em.persist(Book::new("Fresh", &author(&em, "Sam Tarly").await?))?;
    db.recorder.reset();

    winter.books_ref().add(&fresh)?;
    winter.books_ref().remove(&clash)?;
    assert!(!winter.books_ref().is_loaded());

    em.flush().await?;
    let expected = [
        Operation::Begin,
        Operation::Insert("Book".into(), 1),
        Operation::Unlink("Book.tags".into(), 1),
        Operation::Link("Book.tags".into(), 1),
        Operation::Commit,
    ];
    assert_eq!(db.recorder.operations(), expected);
    assert_eq!(stored_tags(&em, "A Clash").await?, ["war"]);
    assert_eq!(stored_tags(&em, "Fresh").await?, ["winter"]);
    Ok(())
}

/// The owning side can be written unloaded too; a link that exists is left as it is, one that is gone is no error.
///
/// Case F127, by our rule.
pub async fn an_unloaded_owning_side_can_be_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (winter, war) = (tag(&em, "winter").await?, tag(&em, "war").await?);
    let magic = em.persist(Tag::new("magic"))?;
    em.flush().await?;
    let clash = book(&em, "A Clash").await?;

    clash.tags_ref().add(&winter)?;
    clash.tags_ref().remove(&war)?;
    clash.tags_ref().remove(&magic)?;

    em.flush().await?;
    assert_eq!(stored_tags(&em, "A Clash").await?, ["winter"]);
    Ok(())
}

/// An item of a many-to-many relation may be a key alone: nothing is loaded for it.
pub async fn a_many_to_many_item_may_be_a_key_alone<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();
    let second = em.find_one_or_fail(Product::VARIANT.eq(2)).await?;
    db.recorder.reset();

    second.labels_ref().add(Ref::<Label>::key("sale"))?;
    em.get_reference::<Label>("new")?;
    second.labels_ref().remove(em.get_reference::<Label>("new")?)?;
    em.flush().await?;

    assert_eq!(db.recorder.selects(), 0);
    let stored = db.em().find(Label::PRODUCTS.some(Product::VARIANT.eq(2))).await?;
    assert_eq!(stored.iter().map(|label| label.id()).collect::<Vec<_>>(), ["sale"]);
    Ok(())
}

/// `add` takes a handle, a `Ref`, a reference of the context, or a new value, which is persisted with its owner.
pub async fn add_takes_whatever_leads_to_an_item<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (winter, war) = (tag(&em, "winter").await?, tag(&em, "war").await?);
    let fresh = em.persist(Book::new("Fresh", &author(&em, "Sam Tarly").await?))?;
    let extra = em.persist(Tag::new("extra"))?;

    fresh.tags_ref().add(&winter)?;
    fresh.tags_ref().add(war.to_ref())?;
    fresh.tags_ref().add(extra)?;
    fresh.tags_ref().add(Tag::new("magic"))?;
    assert_eq!(labels(&fresh.tags()), ["winter", "war", "extra", "magic"]);
    em.flush().await?;

    assert_eq!(stored_tags(&em, "Fresh").await?, ["extra", "magic", "war", "winter"]);
    Ok(())
}

/// Adding twice is adding once, on a collection that is loaded, on one that is not, and from both sides.
pub async fn adding_twice_is_adding_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let storm = book(&em, "A Storm").await?;
    let magic = em.persist(Tag::new("magic"))?;
    em.flush().await?;
    db.recorder.reset();

    for _ in 0..2 {
        clash.tags_ref().add(&magic)?;
        magic.books_ref().add(&clash)?;
        storm.tags_ref().add(&magic)?;
        magic.books_ref().add(&storm)?;
    }

    assert_eq!(labels(&clash.tags()), ["winter", "war", "magic"]);
    assert_eq!(titles(&magic.books()), ["A Clash", "A Storm"]);
    em.flush().await?;
    let link = Operation::Link("Book.tags".into(), 2);
    assert_eq!(db.recorder.operations(), [Operation::Begin, link, Operation::Commit]);
    Ok(())
}

/// What is in already is not added again: nothing to write.
pub async fn adding_what_is_in_changes_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate((Book::TAGS, Book::AUTHOR)).await?;
    db.recorder.reset();

    clash.tags_ref().add(&clash.tags()[0])?;
    clash.author().books_ref().add(&clash)?;
    em.flush().await?;

    assert_eq!(clash.tags().len(), 2);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Removing what is not in is ignored, in a loaded collection without a statement at the flush.
///
/// Case F129.
pub async fn removing_what_is_not_in_is_ignored<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate(Author::BOOKS).await?;
    let magic = em.persist(Tag::new("magic"))?;
    em.flush().await?;
    db.recorder.reset();

    clash.tags_ref().remove(&magic)?;
    clash.tags_ref().remove(Tag::new("never saved"))?;
    sam.books_ref().remove(&clash)?;

    assert_eq!((clash.tags().len(), sam.books().len()), (2, 0));
    assert_eq!(clash.author_ref().key(), Some(1));
    assert_eq!(em.flush_plan()?.to_string(), "insert 1 Tag (label)");
    Ok(())
}

/// The same for a collection that is known since its owner was new here: nothing is sent.
pub async fn removing_from_a_collection_known_to_be_empty_sends_nothing<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let fresh = em.persist(Book::new("Fresh", Ref::<Author>::key(2)))?;
    em.flush().await?;
    db.recorder.reset();

    fresh.tags_ref().remove(Ref::<Tag>::key(1))?;
    em.flush().await?;

    assert_eq!(db.statements(), 0);
    Ok(())
}

/// An add that is taken back, or a removal, leaves nothing to write.
pub async fn opposite_changes_cancel_each_other<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let (winter, war) = (clash.tags()[0].clone(), clash.tags()[1].clone());
    let magic = em.persist(Tag::new("magic"))?;
    em.flush().await?;
    db.recorder.reset();

    clash.tags_ref().add(&magic)?;
    magic.books_ref().remove(&clash)?;
    winter.books_ref().remove(&clash)?;
    clash.tags_ref().add(&winter)?;

    assert!(clash.tags().contains(&winter) && clash.tags().contains(&war));
    assert!(magic.books().is_empty());
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A flush writes a link once: nothing is left for the next one.
pub async fn links_are_written_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let fresh = em.persist(Book::new("Fresh", &author(&em, "Sam Tarly").await?))?;
    fresh.tags_ref().add(Tag::new("magic"))?;
    em.flush().await?;
    db.recorder.reset();

    em.flush().await?;

    assert_eq!(db.statements(), 0);
    assert_eq!(labels(&fresh.tags()), ["magic"]);
    Ok(())
}

/// Links to and from one type: both directions agree, and each is its own collection.
pub async fn a_many_to_many_relation_to_itself_keeps_its_directions_apart<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let (a, b) = (em.persist(Node::new("a"))?, em.persist(Node::new("b"))?);

    a.links_ref().add(&b)?;
    b.links_ref().add(&b)?;

    assert!(a.links().contains(&b) && a.linked_from().is_empty());
    assert_eq!(b.linked_from().iter().map(|node| node.get().label.clone()).collect::<Vec<_>>(), ["a", "b"]);
    em.flush().await?;
    let stored =
        db.em().find_one_or_fail(Node::LABEL.eq("b")).populate((Node::LINKS, Node::LINKED_FROM)).await?;
    assert_eq!((stored.links().len(), stored.linked_from().len()), (1, 2));
    assert!(stored.links()[0] == stored);
    Ok(())
}

// ---- one-to-one

/// Assigning the owning side of a one-to-one relation is seen from the other side at once.
///
/// Case F116.
pub async fn both_sides_of_a_one_to_one_relation_agree<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let bob = em.find_one_or_fail(Person::NAME.eq("Bob")).populate(Person::PASSPORT).await?;
    let spare = passport(&em, "B").await?;
    assert!(bob.passport().is_none());
    db.recorder.reset();

    spare.edit().holder = (&bob).into();
    assert!(bob.passport().is_some_and(|passport| passport == spare));
    spare.edit().holder = None;
    assert!(bob.passport().is_none());
    bob.passport_ref().set(Some(&spare))?;
    assert_eq!(spare.holder_ref().key(), Some(bob.id()));

    assert_eq!(db.statements(), 0);
    em.flush().await?;
    assert_eq!(db.em().count(Passport::HOLDER.eq(&bob)).await?, 1);
    Ok(())
}

/// A one-to-one relation holds one: whoever was there before lets go, when its reference may be empty.
///
/// Case F116.
pub async fn a_displaced_one_to_one_partner_lets_go<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let ann = em.find_one_or_fail(Person::NAME.eq("Ann")).populate(Person::PASSPORT).await?;
    let (first, second) = (passport(&em, "A").await?, passport(&em, "B").await?);

    second.edit().holder = (&ann).into();

    assert!(ann.passport().is_some_and(|passport| passport == second));
    assert!(first.get().holder.is_none());
    em.flush().await?;
    let stored = db.em().find_one_or_fail(Person::NAME.eq("Ann")).populate(Person::PASSPORT).await?;
    assert_eq!(stored.passport().map(|passport| passport.get().number.clone()).as_deref(), Some("B"));
    Ok(())
}

/// A new partner takes the place in the same flush: the place is free before the row comes.
///
/// Case E96.
pub async fn a_one_to_one_partner_is_replaced_by_a_new_one<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let ann = em.find_one_or_fail(Person::NAME.eq("Ann")).populate(Person::PASSPORT).await?;
    db.recorder.reset();

    let fresh = em.persist(Passport { holder: (&ann).into(), ..Passport::new("C") })?;

    assert!(ann.passport().is_some_and(|passport| passport == fresh));
    assert!(passport(&em, "A").await?.get().holder.is_none());
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 2);
    let stored = db.em().find(Passport::HOLDER.eq(&ann)).await?;
    assert_eq!(stored.iter().map(|passport| passport.get().number.clone()).collect::<Vec<_>>(), ["C"]);
    Ok(())
}

/// The same from the inverse side, and a partner that moves leaves its former place empty.
pub async fn a_one_to_one_partner_moves_from_place_to_place<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let all = em.find_all::<Person>().populate(Person::PASSPORT).order_by(Person::NAME.asc()).await?;
    let [ann, bob] = &all[..] else { panic!("two people") };
    let (first, second) = (passport(&em, "A").await?, passport(&em, "B").await?);
    second.edit().holder = bob.into();

    bob.passport_ref().set(Some(&first))?;

    assert!(ann.passport().is_none());
    assert!(bob.passport().is_some_and(|passport| passport == first));
    assert!(second.get().holder.is_none());
    bob.passport_ref().set(None::<&Loaded<Passport>>)?;
    assert!(bob.passport().is_none() && first.get().holder.is_none());
    em.flush().await?;
    assert_eq!(db.em().count(Passport::HOLDER.is_null()).await?, 2);
    Ok(())
}

/// Assigning the inverse side inside an edit means the same as setting it.
pub async fn assigning_the_inverse_of_a_one_to_one_relation_sets_it<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();
    let bob = em.find_one_or_fail(Person::NAME.eq("Bob")).populate(Person::PASSPORT).await?;

    bob.edit().passport = Some(Passport::new("C").into());

    let passport = bob.passport();
    assert!(passport.is_some_and(|passport| passport.holder_ref().key() == Some(bob.id())));
    em.flush().await?;
    assert_eq!(db.em().count(Passport::HOLDER.eq(&bob)).await?, 1);
    Ok(())
}

// ---- loading and what waits for a flush

/// A collection that no query loaded says so, naming entity, key and relation, and sends nothing.
///
/// Case F117.
pub async fn an_unloaded_collection_says_so<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, clash) = (author(&em, "Jon Snow").await?, book(&em, "A Clash").await?);
    db.recorder.reset();

    assert!(!jon.books_ref().is_loaded());
    let errors = [
        jon.books_ref().items().map(drop),
        jon.books_ref().set([&clash]),
        clash.tags_ref().items().map(drop),
    ];

    let messages: Vec<String> =
        errors.into_iter().map(|error| error.expect_err("not loaded").to_string()).collect();
    for (message, place) in
        messages.iter().zip(["`books` of Author[1]", "`books` of Author[1]", "`tags` of Book[1]"])
    {
        assert!(message.contains(place) && message.contains(".populate("), "{message}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// The collections of a new entity are known, and empty where nothing was given.
///
/// Case F118.
pub async fn the_collections_of_a_new_entity_are_known<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let jon = em.persist(Author::new("Jon"))?;

    assert!(jon.books_ref().is_loaded() && jon.books().is_empty());
    assert_eq!(jon.books_ref().count().await?, 0);
    em.flush().await?;

    assert!(jon.books_ref().is_loaded() && jon.books().is_empty());
    db.recorder.reset();
    jon.books_ref().load().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Items that wait for a flush are still there after a load, behind those that the database has; the load flushes
/// nothing.
///
/// Case F120, by our rule: outside a transaction a read never writes.
pub async fn pending_adds_survive_a_later_load<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (jon, sam) = (author(&em, "Jon Snow").await?, author(&em, "Sam Tarly").await?);
    let clash = book(&em, "A Clash").await?;
    em.persist(Book::new("Winds", &jon))?;
    jon.books_ref().add(Book::new("A Dream", &sam))?;
    sam.books_ref().add(&clash)?;
    db.recorder.reset();

    jon.books_ref().load().await?;

    assert_eq!(titles(&jon.books_ref().items()?), ["A Storm", "The Wall", "Winds", "A Dream"]);
    assert_eq!(db.recorder.operations(), [Operation::Select("Book".into(), 3)]);
    em.flush().await?;
    assert_eq!(db.em().count(Book::AUTHOR.eq(&jon)).await?, 4);
    Ok(())
}

/// The same for links: what was added is there after a load, what was removed is not, from both sides.
///
/// Case F120.
pub async fn pending_links_survive_a_later_load<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let (clash, winter) = (book(&em, "A Clash").await?, tag(&em, "winter").await?);
    clash.tags_ref().add(Tag::new("magic"))?;
    clash.tags_ref().remove(&winter)?;
    db.recorder.reset();

    assert_eq!(labels(&clash.tags_ref().load().await?), ["war", "magic"]);
    assert_eq!(titles(&winter.books_ref().load().await?), ["A Storm", "The Wall"]);

    assert_eq!(db.statements(), 2);
    em.flush().await?;
    assert_eq!(stored_tags(&em, "A Clash").await?, ["magic", "war"]);
    Ok(())
}

/// Populating again finds what was added and removed meanwhile as the program left it.
///
/// Case F120.
pub async fn pending_changes_survive_a_refresh_of_the_query<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS)).await?;
    let clash = jon.books()[0].clone();
    em.persist(Book::new("Winds", &jon))?;
    clash.tags_ref().add(Tag::new("magic"))?;

    let again =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS)).await?;

    assert_eq!(again.books().len(), 4);
    assert_eq!(labels(&clash.tags()), ["winter", "war", "magic"]);
    Ok(())
}

/// Two loads of one collection at a time load it once, each item once.
///
/// Case F121.
pub async fn two_loads_at_once_load_once<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    db.recorder.reset();

    let books = jon.books_ref();
    let (first, second) = futures::join!(books.load(), books.load());

    assert_eq!((first?.len(), second?.len()), (3, 3));
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// A removed entity is in no collection any more: at once for its own owner, and after the flush everywhere.
pub async fn a_removed_entity_leaves_every_collection<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS.then(Book::TAGS)).await?;
    let tags = em.find_all::<Tag>().populate(Tag::BOOKS).await?;
    let clash = jon.books()[0].clone();

    em.remove(&clash)?;
    assert_eq!(jon.books().len(), 2);
    assert!(tags.iter().all(|tag| tag.books().len() == 2));
    em.flush().await?;

    assert_eq!(jon.books().len(), 2);
    assert!(tags.iter().all(|tag| tag.books().len() == 2));
    Ok(())
}

/// Taking a removal back brings the entity back into its collections.
pub async fn a_removal_taken_back_restores_the_collections<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let clash = jon.books()[0].clone();
    em.remove(&clash)?;
    db.recorder.reset();

    em.persist(&clash)?;
    em.flush().await?;

    assert_eq!(titles(&jon.books()), ["A Clash", "A Storm", "The Wall"]);
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A row that turns out to have moved leaves one loaded collection and enters the other; a row that is new enters the
/// collection of its owner. No list is loaded again for it.
pub async fn later_rows_move_between_loaded_collections<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let authors = em.find_all::<Author>().populate(Author::BOOKS).order_by(Author::NAME.asc()).await?;
    let [jon, sam] = &authors[..] else { panic!("two authors") };
    let elsewhere = db.em();
    book(&elsewhere, "A Storm").await?.edit().author = Ref::key(sam.id());
    elsewhere.persist(Book::new("New", Ref::<Author>::key(sam.id())))?;
    elsewhere.flush().await?;
    db.recorder.reset();

    em.find_all::<Book>().order_by(Book::ID.asc()).await?;

    assert_eq!(titles(&jon.books()), ["A Clash", "The Wall"]);
    assert_eq!(titles(&sam.books()), ["A Storm", "New"]);
    assert_eq!(db.statements(), 1);
    Ok(())
}

/// What was forgotten before it was saved, or deleted, can't become an item; nor can its collections be written.
pub async fn what_is_gone_can_not_be_linked<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let forgotten = em.persist(Tag::new("forgotten"))?;
    em.remove(&forgotten)?;
    let deleted = em.persist(Tag::new("deleted"))?;
    em.flush().await?;
    em.remove(&deleted)?;
    em.flush().await?;

    for refused in [
        clash.tags_ref().add(&forgotten),
        clash.tags_ref().add(&deleted),
        clash.tags_ref().set([&deleted]),
        deleted.books_ref().add(&clash),
    ] {
        assert!(matches!(&refused, Err(Error::Detached { .. })), "{refused:?}");
    }
    clash.tags_ref().remove(&deleted)?;

    assert_eq!(labels(&clash.tags()), ["winter", "war"]);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- collections as values

/// The content given to a new entity keeps its order, new values and handles mixed; everything is saved with it.
pub async fn the_content_of_a_new_entity_keeps_its_order<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let winter = tag(&em, "winter").await?;
    let tags = vec![Ref::from(Tag::new("magic")), winter.to_ref(), Tag::new("dragons").into()];

    let author = author(&em, "Sam Tarly").await?;
    let fresh = em.persist(Book { tags: tags.into(), ..Book::new("Fresh", &author) })?;

    assert_eq!(labels(&fresh.tags()), ["magic", "winter", "dragons"]);
    em.flush().await?;
    assert_eq!(labels(&fresh.tags()), ["magic", "winter", "dragons"]);
    assert_eq!(stored_tags(&em, "Fresh").await?, ["dragons", "magic", "winter"]);
    Ok(())
}

/// Setting keeps the order that was given, also for what was in already; an item given twice is in once.
pub async fn set_keeps_the_order_given<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let reversed: Vec<_> = jon.books().iter().rev().cloned().collect();
    db.recorder.reset();

    jon.books_ref().set(reversed.iter().chain(&reversed))?;

    assert_eq!(titles(&jon.books()), ["The Wall", "A Storm", "A Clash"]);
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// Assigning a collection inside an edit means `set`; the field itself stays empty.
pub async fn assigning_a_collection_in_an_edit_sets_it<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let winter = clash.tags()[0].clone();

    clash.edit().tags = vec![Ref::from(Tag::new("magic")), winter.to_ref()].into();
    assert_eq!(labels(&clash.tags()), ["magic", "winter"]);
    assert_eq!(clash.get().tags, Collection::default());
    clash.edit().tags = Collection::new();
    assert!(clash.tags().is_empty());
    clash.update(|clash| clash.tags = [&winter].into());
    assert_eq!(labels(&clash.tags()), ["winter"]);

    em.flush().await?;
    assert_eq!(stored_tags(&em, "A Clash").await?, ["winter"]);
    Ok(())
}

/// An edit that does not touch the collection leaves it alone, and so does an assigned default.
pub async fn an_edit_without_content_leaves_the_collection_alone<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;

    clash.edit().price = 12;
    clash.edit().tags = Collection::default();

    assert_eq!(clash.tags().len(), 2);
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.recorder.writes(), 1);
    Ok(())
}

/// A collection that is not loaded can't be assigned, since nobody knows what would go: the next flush says it, and
/// the one after that works.
pub async fn assigning_an_unloaded_collection_is_reported_by_the_flush<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = book(&em, "A Clash").await?;
    {
        let mut edit = clash.edit();
        edit.price = 99;
        edit.tags = Collection::new();
    }

    let refused = em.flush().await;
    assert!(matches!(&refused, Err(Error::NotLoaded { relation: "tags", .. })), "{refused:?}");
    clash.tags_ref().load().await?;
    em.flush().await?;

    assert_eq!(stored_tags(&em, "A Clash").await?, ["war", "winter"]);
    assert_eq!(book(&db.em(), "A Clash").await?.get().price, 99);
    Ok(())
}

/// An item of another context is refused with an error that names both contexts.
pub async fn an_item_of_another_context_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let foreign = db.em().persist(Tag::new("foreign"))?;
    let foreign_winter = tag(&db.em(), "winter").await?;

    for refused in [clash.tags_ref().add(&foreign), clash.tags_ref().remove(&foreign_winter)] {
        assert!(matches!(&refused, Err(Error::ForeignEntity { .. })), "{refused:?}");
    }

    assert_eq!(clash.tags().len(), 2);
    Ok(())
}

/// Collections of a cleared context can be read and no longer written.
pub async fn a_collection_of_a_cleared_context_is_read_only<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    em.clear()?;

    assert_eq!(clash.tags().len(), 2);
    let refused = clash.tags_ref().add(Tag::new("magic"));
    assert!(matches!(&refused, Err(Error::Detached { .. })), "{refused:?}");
    let refused = clash.author_ref().load().await;
    assert!(matches!(&refused, Err(Error::Detached { .. })), "{refused:?}");
    Ok(())
}

/// A populated collection is a slice of handles that can also be iterated by value.
pub async fn a_populated_collection_reads_like_a_slice<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let sam = em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate(Author::BOOKS).await?;
    let books = jon.books();

    assert_eq!((books.len(), books.is_empty(), sam.books().is_empty()), (3, false, true));
    assert!(books.first().is_some_and(|book| book.get().title == "A Clash"));
    assert_eq!(sam.books().first().map(|book| book.id()), None);
    assert_eq!(books[1].get().title, "A Storm");
    assert_eq!(books.iter().map(|book| book.get().price).sum::<i64>(), 30);
    let borrowed = (&books).into_iter().filter(|book| book.get().title.starts_with('A')).count();
    assert_eq!(borrowed, 2);
    assert!(books.contains(&book(&em, "The Wall").await?));
    let mut owned = Vec::new();
    for book in jon.books() {
        owned.push(book.id());
    }
    assert_eq!(owned, [1, 2, 3]);
    Ok(())
}

/// What is read of a loaded collection without a statement: how many, and whether one is in.
pub async fn a_loaded_collection_counts_without_a_statement<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let clash = jon.books()[0].clone();
    db.recorder.reset();

    assert_eq!(jon.books_ref().count().await?, 3);
    assert!(jon.books_ref().contains(&clash).await?);
    assert!(!jon.books_ref().contains(Ref::<Book>::key(77)).await?);

    assert_eq!(db.statements(), 0);
    Ok(())
}

// ---- conditions on collections

async fn names_where(em: &EntityManager, condition: orm_core::Condition<Author>) -> Result<Vec<String>> {
    let authors = em.find(condition).order_by(Author::NAME.asc()).await?;
    Ok(authors.iter().map(|author| author.get().name.clone()).collect())
}

/// `some` is met by at least one item, `none` by no item, `every` by all; a collection without items meets the last
/// two. One statement each.
///
/// Case F131.
pub async fn collections_are_asked_with_some_none_and_every<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    book(&em, "A Clash").await?.edit().price = 20;
    em.flush().await?;
    let dear = || Book::PRICE.gt(15);
    let cheap = || Book::PRICE.gt(5);
    db.recorder.reset();

    assert_eq!(names_where(&em, Author::BOOKS.some(dear())).await?, ["Jon Snow"]);
    assert_eq!(names_where(&em, Author::BOOKS.none(dear())).await?, ["Sam Tarly"]);
    assert_eq!(names_where(&em, Author::BOOKS.every(dear())).await?, ["Sam Tarly"]);
    assert_eq!(names_where(&em, Author::BOOKS.every(cheap())).await?, ["Jon Snow", "Sam Tarly"]);
    assert_eq!(names_where(&em, Author::BOOKS.some(cheap()).not()).await?, ["Sam Tarly"]);

    assert_eq!(db.statements(), 5);
    Ok(())
}

/// The same over a many-to-many relation from both sides, nested, and several at one level, which MikroORM refuses.
///
/// Case F131.
pub async fn conditions_on_collections_nest_and_combine<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let storm = book(&em, "A Storm").await?;
    storm.tags_ref().remove(&tag(&em, "winter").await?)?;
    storm.tags_ref().add(Tag::new("magic"))?;
    em.flush().await?;
    let tagged = |label: &str| Book::TAGS.some(Tag::LABEL.eq(label));

    let both = em.find(tagged("war").and(Book::TAGS.none(Tag::LABEL.eq("winter")))).await?;
    assert_eq!(titles(&both), ["A Storm"]);
    let magic = em.find(Tag::BOOKS.some(Book::AUTHOR.is(Author::BOOKS.some(tagged("magic"))))).await?;
    assert_eq!(magic.len(), 3);
    assert_eq!(
        names_where(&em, Author::BOOKS.some(tagged("winter").and(tagged("war")))).await?,
        ["Jon Snow"]
    );
    Ok(())
}

/// A condition on a collection does not multiply its owners: limit, offset and count stay right.
///
/// Case F131.
pub async fn conditions_on_collections_do_not_multiply_rows<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let has_books = || Author::BOOKS.some(Book::TAGS.some(orm_core::Condition::always()));

    let (page, count) = em.find_and_count(has_books()).limit(5).await?;

    assert_eq!((page.len(), count), (1, 1));
    assert!(em.find(has_books()).offset(1).await?.is_empty());
    assert_eq!(em.count(has_books()).await?, 1);
    Ok(())
}

/// A person without a passport can be asked for, from the side that has no foreign key.
///
/// Case F131.
pub async fn the_inverse_of_a_one_to_one_relation_can_be_asked<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();

    let without = em.find(Person::PASSPORT.is_null()).await?;
    let with = em.find(Person::PASSPORT.is(Passport::NUMBER.eq("A"))).await?;

    assert!(without.len() == 1 && without[0] == person(&em, "Bob").await?);
    assert!(with.len() == 1 && with[0] == person(&em, "Ann").await?);
    Ok(())
}
