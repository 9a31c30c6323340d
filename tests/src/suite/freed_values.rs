//! Unique values that become free in ways that memory knows only in part: by soft deletes, by rows that are known by key
//! alone, and by what the database deletes by itself.

use orm_core::{Loaded, Result};

use crate::fixtures::archive::{self, Binder, Letter};
use crate::fixtures::banquet::{self, Candle, Guest};
use crate::fixtures::blog::{self, Author, Book};
use crate::fixtures::node::{self, Node};
use crate::fixtures::office::{self, Badge, Desk, Lamp, Lease, Room};
use crate::{Backend, TestDb};

async fn letter(db: &TestDb, number: i64) -> Result<i64> {
    Ok(db.em().find_one_or_fail(Letter::NUMBER.eq(number)).await?.id())
}

/// A soft delete takes the row out of an index over what is not deleted: its heir comes in the same flush.
pub async fn a_soft_delete_frees_its_value_in_the_same_flush<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let one = em.find_one_or_fail(Letter::NUMBER.eq(1)).await?;
    let two = em.find_one_or_fail(Letter::NUMBER.eq(2)).await?;
    let three = em.find_one_or_fail(Letter::NUMBER.eq(3)).await?;

    em.remove(&one)?;
    em.remove(&three)?;
    two.edit().number = 1;
    let plan = em.flush_plan()?.to_string();
    assert_eq!(
        plan,
        "early soft delete 1 Letter (removed)\nupdate 1 Letter (number)\nsoft delete 1 Letter (removed)"
    );
    let binder = one.binder_ref().to_ref();
    em.persist(Letter { number: 3, binder, ..Letter::default() })?;
    em.flush().await?;

    let letters = db.em().find_all::<Letter>().with_deleted().order_by(Letter::ID.asc()).await?;
    let row = |letter: &Loaded<Letter>| (letter.get().number, letter.get().removed.is_some());
    let rows: Vec<_> = letters.iter().map(row).collect();
    assert_eq!(rows, [(1, true), (1, false), (3, true), (3, false)]);
    assert!(!em.contains(&one) && !em.contains(&three) && em.flush_plan()?.is_empty());
    Ok(())
}

/// So it does for a row that is known by key alone.
pub async fn a_soft_delete_by_reference_frees_its_value<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let binder = em.find_one_or_fail(Letter::NUMBER.eq(1)).await?.binder_ref().key();
    let em = db.em();

    em.remove(em.get_reference::<Letter>(letter(&db, 1).await?)?)?;
    let binder = em.get_reference::<Binder>(binder.expect("it is stored"))?;
    em.persist(Letter { number: 1, binder: binder.to_ref(), ..Letter::default() })?;
    em.flush().await?;

    assert_eq!(db.em().count(Letter::NUMBER.eq(1)).await?, 1);
    assert_eq!(db.em().find(Letter::NUMBER.eq(1)).with_deleted().await?.len(), 2);
    Ok(())
}

/// Whoever removes for good what is deleted softly, beside the present holder of its number, frees the number too.
pub async fn several_rows_may_seem_to_hold_a_value<B: Backend>() -> Result<()> {
    let db = archive::seeded::<B>().await?;
    let em = db.em();
    let binder = em.find_one_or_fail(Letter::NUMBER.eq(1)).await?.binder_ref().to_ref();
    for _ in 0..2 {
        em.remove(&em.find_one_or_fail(Letter::NUMBER.eq(1)).await?)?;
        em.persist(Letter { number: 1, binder: binder.clone(), ..Letter::default() })?;
        em.flush().await?;
    }
    let em = db.em();
    for old in em.find(Letter::NUMBER.eq(1)).with_deleted().await? {
        em.remove_for_good(&old)?;
    }
    em.persist(Letter { number: 1, binder, ..Letter::default() })?;
    em.flush().await?;

    assert_eq!(db.em().find(Letter::NUMBER.eq(1)).with_deleted().await?.len(), 1);
    Ok(())
}

/// An exchange in an index with a condition may be none: the database has the last word, not the plan.
pub async fn an_exchange_under_a_condition_is_left_to_the_database<B: Backend>() -> Result<()> {
    let db = office::empty::<B>().await?;
    let em = db.em();
    let one = em.persist(Badge { lit: true, ..Badge::default() })?;
    let other = em.persist(Badge { lit: false, ..Badge::default() })?;
    let watched = em.persist(Badge { lit: true, watched: true, ..Badge::default() })?;
    em.flush().await?;

    (one.edit().lit, other.edit().lit) = (false, true);
    em.flush().await?;
    assert_eq!(db.em().count(Badge::LIT.eq(true)).await?, 2);

    let rival = em.persist(Badge { watched: true, ..Badge::default() })?;
    em.flush().await?;
    (watched.edit().lit, rival.edit().lit) = (false, true);
    let error = em.flush().await.expect_err("both are watched, and there are two truth values");
    assert!(error.is_violation_of(Badge::LIT), "{error}");
    Ok(())
}

/// A row that is removed by its key alone may have any value: it goes before whoever takes one.
pub async fn a_removal_by_reference_frees_its_values<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let (jon, old) = (guest(&db, "jon").await?, guest(&db, "old").await?);
    let sam = em.find_one_or_fail(Guest::NAME.eq("sam")).await?;

    em.remove(em.get_reference::<Guest>(jon)?)?;
    em.remove(em.get_reference::<Guest>(old)?)?;
    em.persist(Guest::new("jon", 9))?;
    sam.edit().number = 1;
    let plan = em.flush_plan()?.to_string();
    assert!(plan.starts_with("early delete 2 Guest\ninsert 1 Guest"), "{plan}");
    em.flush().await?;

    let guests = db.em().find_all::<Guest>().order_by(Guest::NUMBER.asc()).await?;
    let names: Vec<_> = guests.iter().map(|guest| guest.get().name.clone()).collect();
    assert_eq!(names, ["sam", "jon"]);
    Ok(())
}

async fn guest(db: &TestDb, name: &str) -> Result<i64> {
    Ok(db.em().find_one_or_fail(Guest::NAME.eq(name)).await?.id())
}

/// Where nobody takes a unique value, a removal by key alone stays last.
pub async fn a_removal_by_reference_that_frees_nothing_stays_last<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let em = db.em();
    let sam = em.find_one_or_fail(Guest::NAME.eq("sam")).await?;
    em.remove(em.get_reference::<Guest>(guest(&db, "jon").await?)?)?;
    em.persist(Candle::default())?;
    // Without a table the place is nobody's.
    sam.edit().place = 5;
    let plan = em.flush_plan()?.to_string();
    assert!(plan.ends_with("\ndelete 1 Guest"), "{plan}");
    Ok(())
}

/// A guest that is moved from a host who goes by key alone, and takes a number that the host may have.
pub async fn what_leaves_a_removed_reference_leaves_before_it_goes<B: Backend>() -> Result<()> {
    let db = banquet::seeded::<B>().await?;
    let (jon, old) = (guest(&db, "jon").await?, guest(&db, "old").await?);
    let em = db.em();
    let sam = em.find_one_or_fail(Guest::NAME.eq("sam")).await?;
    sam.edit().host = Some(em.get_reference::<Guest>(jon)?.to_ref());
    em.flush().await?;

    let em = db.em();
    let sam = em.find_one_or_fail(Guest::NAME.eq("sam")).await?;
    em.remove(em.get_reference::<Guest>(jon)?)?;
    sam.edit().host = Some(em.get_reference::<Guest>(old)?.to_ref());
    sam.edit().number = 1;
    em.flush().await?;

    let sam = db.em().find_one_or_fail(Guest::NAME.eq("sam")).await?;
    assert_eq!((sam.get().number, sam.host_ref().key()), (1, Some(old)));
    assert_eq!(db.em().count_all::<Guest>().await?, 2);
    Ok(())
}

/// A child that is removed by its key alone may refer to an owner that goes early, and goes before it.
pub async fn a_child_by_reference_goes_before_an_early_owner<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let author = em.persist(Author { email: Some("e".into()), ..Author::new("a") })?;
    let books = [em.persist(Book::new("b", &author))?, em.persist(Book::new("c", &author))?];
    em.flush().await?;
    let books = books.map(|book| book.id());

    let em = db.em();
    let author = em.find_one_or_fail(Author::NAME.eq("a")).await?;
    for book in books {
        em.remove(em.get_reference::<Book>(book)?)?;
    }
    em.remove(&author)?;
    em.persist(Author { email: Some("e".into()), ..Author::new("heir") })?;
    let plan = em.flush_plan()?.to_string();
    assert!(plan.starts_with("early delete 2 Book\nearly delete 1 Author\ninsert 1 Author"), "{plan}");
    em.flush().await?;

    assert_eq!(db.em().count_all::<Book>().await?, 0);
    assert_eq!(db.em().find_one_or_fail(Author::EMAIL.eq("e")).await?.get().name, "heir");
    Ok(())
}

/// Loaded rows below rows that are known by key alone, below loaded rows, of one type: each goes before its parent.
pub async fn references_in_the_middle_of_a_tree_go_in_order<B: Backend>() -> Result<()> {
    let db = node::empty::<B>().await?;
    let em = db.em();
    let top = em.persist(Node { id: 7, ..Node::new("top") })?;
    let middle = em.persist(Node { id: 8, ..Node::below("middle", Some(top.to_ref())) })?;
    em.persist(Node { id: 9, ..Node::below("leaf", Some(middle.to_ref())) })?;
    em.flush().await?;

    let em = db.em();
    let (top, leaf) = (em.find_by_id_or_fail::<Node>(7).await?, em.find_by_id_or_fail::<Node>(9).await?);
    em.remove(&top)?;
    em.remove(em.get_reference::<Node>(8)?)?;
    em.remove(&leaf)?;
    em.persist(Node { id: 7, ..Node::new("new top") })?;
    em.persist(Node { id: 9, ..Node::new("new leaf") })?;
    em.flush().await?;

    let nodes = db.em().find_all::<Node>().order_by(Node::ID.asc()).await?;
    let nodes: Vec<_> = nodes.iter().map(|node| (node.id(), node.get().name.clone())).collect();
    assert_eq!(nodes, [(7, "new top".to_owned()), (9, "new leaf".to_owned())]);
    Ok(())
}

/// What the database deletes with a row frees its values as well, on every level.
pub async fn rows_that_the_database_cascades_free_their_values<B: Backend>() -> Result<()> {
    let db = office::empty::<B>().await?;
    let em = db.em();
    let (old, new) = (em.persist(Room::new("old"))?, em.persist(Room::new("new"))?);
    let desk = em.persist(Desk::new("d", &old))?;
    let lamp = em.persist(Lamp { code: "l".into(), desk: desk.to_ref(), ..Lamp::default() })?;
    let other = em.persist(Desk::new("o", &new))?;
    em.flush().await?;

    em.remove(&old)?;
    let heir = em.persist(Desk::new("d", &new))?;
    em.persist(Lamp { code: "l".into(), desk: heir.to_ref(), ..Lamp::default() })?;
    let plan = em.flush_plan()?.to_string();
    assert!(plan.starts_with("early delete 1 Room\ninsert 1 Desk"), "{plan}");
    em.flush().await?;

    assert!(!em.contains(&desk) && !em.contains(&lamp) && em.contains(&other));
    assert_eq!(db.em().count_all::<Desk>().await?, 2);
    assert_eq!(db.em().find_one_or_fail(Lamp::CODE.eq("l")).await?.desk_ref().key(), Some(heir.id()));
    Ok(())
}

/// A room that can't go early, since its lease waits for a new room: the desk gives its code up by itself.
pub async fn a_cascaded_row_whose_owner_has_to_wait_is_emptied<B: Backend>() -> Result<()> {
    let db = office::empty::<B>().await?;
    let em = db.em();
    let (old, kept) = (em.persist(Room::new("old"))?, em.persist(Room::new("kept"))?);
    let lease = em.persist(Lease { room: old.to_ref(), ..Lease::default() })?;
    em.persist(Desk::new("d", &old))?;
    em.flush().await?;

    em.remove(&old)?;
    let new = em.persist(Room::new("new"))?;
    lease.edit().room = new.to_ref();
    em.persist(Desk::new("d", &kept))?;
    em.flush().await?;

    assert_eq!(db.em().find_one_or_fail(Desk::CODE.eq("d")).await?.room_ref().key(), Some(kept.id()));
    assert_eq!(db.em().count_all::<Desk>().await?, 1);
    assert_eq!(db.em().find_all::<Lease>().await?[0].room_ref().key(), Some(new.id()));
    Ok(())
}
