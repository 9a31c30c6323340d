//! What refers to an entity that was removed before it was ever saved.

use orm_core::{Error, Result};

use crate::Backend;
use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::office::{self, Desk, Room};

/// A reference of a new entity is refused before any statement, and can be corrected.
pub async fn a_new_reference_to_what_was_never_saved_is_refused<B: Backend>() -> Result<()> {
    let db = office::empty::<B>().await?;
    let em = db.em();
    let (draft, kept) = (em.persist(Room::new("draft"))?, em.persist(Room::new("kept"))?);
    let desk = em.persist(Desk::new("d", &draft))?;
    em.remove(&draft)?;

    let error = em.flush().await.expect_err("the room is not to be saved any more");

    assert!(matches!(&error, Error::Relation { relation: "room", .. }), "{error}");
    assert!(error.to_string().contains("removed before it was ever saved"), "{error}");
    assert_eq!(db.statements(), 0);
    desk.edit().room = kept.to_ref();
    em.flush().await?;
    assert_eq!(db.em().find_all::<Desk>().await?[0].room_ref().key(), Some(kept.id()));
    assert_eq!(db.em().count_all::<Room>().await?, 1);
    Ok(())
}

/// A row that was pointed to such an entity keeps its target until the reference is corrected.
pub async fn a_row_pointed_to_what_was_never_saved_is_left_alone<B: Backend>() -> Result<()> {
    let db = office::empty::<B>().await?;
    let em = db.em();
    let kept = em.persist(Room::new("kept"))?;
    let desk = em.persist(Desk::new("d", &kept))?;
    em.flush().await?;
    let draft = em.persist(Room::new("draft"))?;
    desk.edit().room = draft.to_ref();
    em.remove(&draft)?;
    db.recorder.reset();

    let error = em.flush().await.expect_err("the room is not to be saved any more");

    assert!(error.to_string().contains("removed before it was ever saved"), "{error}");
    desk.edit().room = kept.to_ref();
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// In collections it is no item any more, and its links are not written.
pub async fn collections_let_go_of_what_was_never_saved<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let author = em.persist(Author::new("a"))?;
    let (book, draft) = (em.persist(Book::new("b", &author))?, em.persist(Book::new("draft", &author))?);
    let (tag, stray) = (em.persist(Tag::new("t"))?, em.persist(Tag::new("stray"))?);
    for one in [&book, &draft] {
        one.tags_ref().add(&tag)?;
        one.tags_ref().add(&stray)?;
    }

    em.remove(&draft)?;
    em.remove(&stray)?;

    assert_eq!((author.books_ref().items()?.len(), book.tags_ref().items()?.len()), (1, 1));
    em.flush().await?;
    let stored = db.em().find_all::<Book>().populate(Book::TAGS).await?;
    let labels: Vec<String> =
        stored.iter().flat_map(|book| book.tags()).map(|tag| tag.get().label.clone()).collect();
    assert_eq!((stored.len(), labels), (1, vec!["t".to_owned()]));
    assert_eq!(db.em().count_all::<Tag>().await?, 1);
    Ok(())
}
