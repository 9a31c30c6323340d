//! Pending changes of collections: the last word is written, a flush loses none, and a refused one leaves nothing.

use std::pin::pin;

use orm_core::{Condition, EntityManager, Error, Loaded, Result};

use super::flush_turns::until;
use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Profile, Tag};

async fn author(em: &EntityManager, name: &str) -> Result<Loaded<Author>> {
    em.find_one_or_fail(Author::NAME.eq(name)).await
}

async fn book(em: &EntityManager, title: &str) -> Result<Loaded<Book>> {
    em.find_one_or_fail(Book::TITLE.eq(title)).await
}

async fn tag(em: &EntityManager, label: &str) -> Result<Loaded<Tag>> {
    em.find_one_or_fail(Tag::LABEL.eq(label)).await
}

fn labels<'a, P: 'static>(tags: impl IntoIterator<Item = &'a Loaded<Tag, P>>) -> Vec<String> {
    let mut labels: Vec<_> = tags.into_iter().map(|tag| tag.get().label.clone()).collect();
    labels.sort();
    labels
}

/// What the database says about a book's tags, asked by another context.
async fn stored_tags(em: &EntityManager, title: &str) -> Result<Vec<String>> {
    let book = em.fork().find_one_or_fail(Book::TITLE.eq(title)).populate(Book::TAGS).await?;
    Ok(labels(&book.tags()))
}

/// Of an add and a remove of one link whose row nobody has looked for, the last is written.
pub async fn the_last_word_about_an_unloaded_link_is_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let new = em.persist(Tag::new("new"))?;
    em.flush().await?;
    let (clash, winter) = (book(&em, "A Clash").await?, tag(&em, "winter").await?);

    clash.tags_ref().add(&winter)?;
    clash.tags_ref().remove(&winter)?;
    clash.tags_ref().remove(&new)?;
    clash.tags_ref().add(&new)?;
    em.flush().await?;

    assert_eq!(stored_tags(&em, "A Clash").await?, ["new", "war"]);
    assert_eq!(labels(&clash.tags_ref().load().await?), ["new", "war"]);
    Ok(())
}

/// The same from the inverse side.
pub async fn the_last_word_about_an_unloaded_inverse_link_is_written<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let new = em.persist(Tag::new("new"))?;
    em.flush().await?;
    let em = em.fork();
    let (clash, winter) = (book(&em, "A Clash").await?, tag(&em, "winter").await?);
    let new = em.find_by_id::<Tag>(new.id()).await?.ok_or("it was saved").map_err(Error::other)?;

    winter.books_ref().add(&clash)?;
    winter.books_ref().remove(&clash)?;
    new.books_ref().remove(&clash)?;
    new.books_ref().add(&clash)?;
    em.flush().await?;

    assert_eq!(stored_tags(&em, "A Clash").await?, ["new", "war"]);
    Ok(())
}

/// Links that are changed back while a flush writes them stay as the program left them, and are written next.
pub async fn links_changed_back_while_a_flush_runs_are_written_by_the_next<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let new = em.persist(Tag::new("new"))?;
    em.flush().await?;
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::TAGS).await?;
    let winter = tag(&em, "winter").await?;
    clash.tags_ref().remove(&winter)?;
    clash.tags_ref().add(&new)?;
    db.recorder.reset();
    db.recorder.give_way();
    {
        let mut flush = pin!(em.flush());
        until(&mut flush, || db.recorder.writes() > 0).await;
        clash.tags_ref().add(&winter)?;
        clash.tags_ref().remove(&new)?;
        flush.await?;
    }
    db.recorder.go_on();
    assert_eq!(labels(&clash.tags()), ["war", "winter"]);
    assert_eq!(stored_tags(&em, "A Clash").await?, ["new", "war"]);

    em.flush().await?;

    assert_eq!(labels(&clash.tags()), ["war", "winter"]);
    assert_eq!(stored_tags(&em, "A Clash").await?, ["war", "winter"]);
    Ok(())
}

/// A refused `set` of new values leaves nothing to be inserted, and the manager goes on.
pub async fn a_refused_set_leaves_nothing_pending<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon =
        em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate((Author::BOOKS, Author::PROFILE)).await?;
    db.recorder.reset();

    let error = jon
        .books_ref()
        .set([Book { title: "A Feast".into(), ..Book::default() }])
        .expect_err("books need an author");
    assert!(matches!(error, Error::RequiredOwner { .. }), "{error}");
    let error = jon.profile_ref().set(Some(Profile::default())).expect_err("a profile needs its author");
    assert!(matches!(error, Error::RequiredOwner { .. }), "{error}");

    assert!(em.flush_plan()?.is_empty());
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    assert_eq!(jon.books().len(), 3);
    em.persist(Book::new("A Dance", &jon))?;
    em.flush().await?;
    assert_eq!(db.em().count(Condition::<Book>::always()).await?, 4);
    Ok(())
}

/// A `set` does not reach what a removal hides: with the removal taken back, lists and references agree again.
pub async fn an_item_hidden_while_its_collection_was_set_comes_back<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;
    let (clash, storm, wall) =
        (book(&em, "A Clash").await?, book(&em, "A Storm").await?, book(&em, "The Wall").await?);
    em.remove(&storm)?;
    jon.books_ref().set([&clash, &wall])?;

    em.persist(&storm)?;

    assert_eq!(storm.author_ref().key(), jon.try_id());
    assert!(jon.books().contains(&storm));
    assert_eq!(jon.books().len(), 3);
    assert!(em.flush_plan()?.is_empty());
    Ok(())
}

/// Looking for one entity skips the rows that are scheduled to be removed.
pub async fn find_one_skips_rows_that_are_to_be_removed<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = author(&em, "Jon Snow").await?;
    let books = em.find(Book::AUTHOR.eq(&jon)).order_by(Book::ID.asc()).await?;
    em.remove(&books[0])?;
    em.remove(&books[1])?;

    let found = em.find_one(Book::AUTHOR.eq(&jon)).order_by(Book::ID.asc()).await?;

    assert!(found.is_some_and(|found| found == books[2]));
    Ok(())
}

/// The collections of a deleted entity take nothing any more, of either kind.
pub async fn adding_to_a_collection_of_a_deleted_entity_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let arya = em.persist(Author::new("Arya"))?;
    em.flush().await?;
    let (clash, storm, war) =
        (book(&em, "A Clash").await?, book(&em, "A Storm").await?, tag(&em, "war").await?);
    em.remove(&arya)?;
    em.remove(&clash)?;
    em.flush().await?;
    db.recorder.reset();

    let error = arya.books_ref().add(&storm).expect_err("its owner is gone");
    assert!(matches!(error, Error::Detached { .. }), "{error}");
    let error = clash.tags_ref().add(&war).expect_err("its owner is gone");
    assert!(matches!(error, Error::Detached { .. }), "{error}");

    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}
