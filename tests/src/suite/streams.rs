//! Results one by one: chunks by the last row seen, in bounded memory, with nothing held between them.

use std::sync::{Arc, Weak};

use futures::{StreamExt, TryStreamExt};
use orm_core::{Error, OrderBy, RequestContext, Result};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::keys::{self, Order, OrderLine};
use crate::fixtures::stock::{self, Product};
use crate::{Backend, Fault, Operation, TestDb};

/// Ten tags, `t0` to `t9`.
async fn ten_tags<B: Backend>() -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    db.em().insert_many((0..10).map(|at| Tag::new(&format!("t{at}")))).await?;
    db.recorder.reset();
    Ok(db)
}

fn selects(entity: &str, rows: usize) -> Operation {
    Operation::Select(entity.to_owned(), rows)
}

/// Rows come one by one, each once, and the identity map stays empty. Case K186.
pub async fn every_row_comes_once_and_is_not_managed<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    let tags: Vec<_> = em.find_all::<Tag>().stream().chunk_size(4).try_collect().await?;
    let labels: Vec<String> = tags.iter().map(|tag| tag.get().label.clone()).collect();
    assert_eq!(labels, ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"]);
    assert_eq!(db.recorder.operations(), [selects("Tag", 4), selects("Tag", 4), selects("Tag", 2)]);
    assert_eq!(em.managed_count()?, 0);
    assert!(matches!(tags[0].try_edit(), Err(Error::Detached { .. })));
    Ok(())
}

/// A last chunk that is full is followed by one empty select; no rows at all are one.
pub async fn a_full_last_chunk_is_followed_by_an_empty_one<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    assert_eq!(em.find_all::<Tag>().stream().chunk_size(5).count().await, 10);
    assert_eq!(db.recorder.operations(), [selects("Tag", 5), selects("Tag", 5), selects("Tag", 0)]);
    db.recorder.reset();
    assert_eq!(em.find(Tag::LABEL.eq("none")).stream().count().await, 0);
    assert_eq!(db.recorder.operations(), [selects("Tag", 0)]);
    Ok(())
}

/// The next chunk is asked for when the one before is used up, not earlier; a stream dropped early asks no more.
pub async fn a_chunk_is_asked_for_when_it_is_wanted<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let mut stream = db.em().find_all::<Tag>().stream().chunk_size(3);
    assert_eq!(db.statements(), 0);
    for statements in [1, 1, 1, 2] {
        assert!(stream.try_next().await?.is_some());
        assert_eq!(db.statements(), statements);
    }
    drop(stream);
    assert_eq!(db.statements(), 2);
    // Nothing is left behind: the only connection is free.
    assert_eq!(db.em().count_all::<Tag>().await?, 10);
    Ok(())
}

/// A stream dropped while it loads leaves the connection clean.
pub async fn a_stream_dropped_while_it_loads_leaves_nothing<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let mut stream = db.em().find_all::<Tag>().stream().chunk_size(3);
    stream.try_next().await?;
    db.recorder.inject_after(0, Fault::SelectStalls);
    stream.try_next().await?;
    stream.try_next().await?;
    assert!(futures::poll!(stream.next()).is_pending());
    drop(stream);
    assert_eq!(db.em().count_all::<Tag>().await?, 10);
    Ok(())
}

/// No connection is held between chunks: with a pool of one, the program works with the database inside the loop.
pub async fn nothing_is_held_between_chunks<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    let mut stream = em.find_all::<Tag>().stream().chunk_size(2);
    while let Some(tag) = stream.try_next().await? {
        let mine = em.find_by_id_or_fail::<Tag>(tag.id()).await?;
        mine.edit().label = format!("{} seen", tag.get().label);
        em.flush().await?;
    }
    assert_eq!(em.count(Tag::LABEL.ends_with(" seen")).await?, 10);
    Ok(())
}

/// Each chunk is populated, by one statement a relation.
pub async fn each_chunk_is_populated<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let mut stream = em.find_all::<Book>().populate((Book::AUTHOR, Book::TAGS)).stream().chunk_size(2);
    let mut titles = Vec::new();
    while let Some(book) = stream.try_next().await? {
        assert_eq!(book.author().get().name, "Jon Snow");
        assert_eq!(book.tags().len(), 2);
        titles.push(book.get().title.clone());
    }
    assert_eq!(titles, ["A Clash", "A Storm", "The Wall"]);
    assert_eq!(db.statements(), 6);
    Ok(())
}

/// A chunk's memory goes with its last handle.
pub async fn a_chunk_goes_with_its_handles<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let mut stream = db.em().find_all::<Tag>().stream().chunk_size(2);
    let mut before: Vec<Weak<Tag>> = Vec::new();
    while let Some(tag) = stream.try_next().await? {
        let alive = before.iter().filter(|tag| tag.strong_count() > 0).count();
        assert!(alive <= 1, "{alive} tags of earlier chunks");
        before.push(Arc::downgrade(&tag.get()));
    }
    drop(stream);
    assert!(before.iter().all(|tag| tag.strong_count() == 0));
    Ok(())
}

/// Authors named by their age, some without.
async fn ages<B: Backend>() -> Result<TestDb> {
    let db = blog::empty::<B>().await?;
    let ages = [Some(30), None, Some(10), Some(20), None, Some(10), None, Some(30)];
    db.em().insert_many(ages.map(|age| Author { age, ..Author::new(&format!("{age:?}")) })).await?;
    Ok(db)
}

/// The order is that of the plain query, whatever chunk size, ties and NULL included.
pub async fn a_stream_is_in_the_order_of_the_query<B: Backend>() -> Result<()> {
    let db = ages::<B>().await?;
    let em = db.em();
    let orders: [OrderBy<Author>; 4] = [
        Author::AGE.asc(),
        Author::AGE.desc(),
        (Author::AGE.desc(), Author::ID.desc()).into(),
        (Author::NAME.asc(), Author::AGE.asc()).into(),
    ];
    for order in orders {
        let total = order.clone().then(Author::ID.asc());
        let plain: Vec<i64> =
            em.find_all::<Author>().order_by(total).await?.iter().map(|one| one.id()).collect();
        for size in 1..=9 {
            let stream = em.find_all::<Author>().order_by(order.clone()).stream().chunk_size(size);
            let streamed: Vec<i64> = stream.map_ok(|one| one.id()).try_collect().await?;
            assert_eq!(streamed, plain, "{order:?} by {size}");
        }
    }
    Ok(())
}

/// The condition, the limit and the offset of the query hold for the whole stream.
pub async fn limit_and_offset_are_of_the_whole_stream<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    for size in 1..=6 {
        let find = em.find(Tag::LABEL.ne("t4")).order_by(Tag::LABEL.desc()).limit(5).offset(2);
        let labels: Vec<String> =
            find.stream().chunk_size(size).map_ok(|tag| tag.get().label.clone()).try_collect().await?;
        assert_eq!(labels, ["t7", "t6", "t5", "t3", "t2"], "by {size}");
    }
    assert_eq!(em.find_all::<Tag>().limit(0).stream().count().await, 0);
    Ok(())
}

/// A key of two columns is gone through by both.
pub async fn a_composite_key_is_gone_through<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();
    em.insert_many([("B", 1), ("B", 2), ("A", 3)].map(|(sku, variant)| Product::new(sku, variant))).await?;
    for size in 1..=5 {
        let stream = em.find_all::<Product>().stream().chunk_size(size);
        let ids: Vec<(String, i32)> = stream.map_ok(|one| one.id()).try_collect().await?;
        let expected = [("A", 1), ("A", 2), ("A", 3), ("B", 1), ("B", 2)];
        assert_eq!(ids, expected.map(|(sku, variant)| (sku.to_owned(), variant)), "by {size}");
    }
    Ok(())
}

/// A reference in the key is gone through too.
pub async fn a_reference_in_the_key_is_gone_through<B: Backend>() -> Result<()> {
    let db = keys::empty::<B>().await?;
    let em = db.em();
    let orders = em.insert_many([Order::default(), Order::default()]).await?;
    let lines = orders.iter().flat_map(|order| {
        [2, 1, 3].map(|position| OrderLine {
            order: orm_core::Ref::key(*order),
            position,
            ..OrderLine::default()
        })
    });
    em.insert_many(lines).await?;
    let stream = em.find_all::<OrderLine>().stream().chunk_size(2);
    let positions: Vec<i32> = stream.map_ok(|line| line.get().position).try_collect().await?;
    assert_eq!(positions, [1, 2, 3, 1, 2, 3]);
    Ok(())
}

/// An order that a stream can't go on from is refused before anything is sent, with the cure; then it has ended.
pub async fn an_order_by_an_aggregate_is_refused<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let mut stream = db.em().find_all::<Book>().order_by(orm_core::count_rows::<Book>().asc()).stream();
    let refused = stream.try_next().await.expect_err("no row says where it stands");
    assert!(matches!(refused, Error::KeysetOrder { .. }), "{refused:?}");
    assert!(refused.to_string().contains("plain query"), "{refused}");
    assert_eq!(db.statements(), 0);
    assert!(stream.try_next().await?.is_none());
    Ok(())
}

/// After an error the stream has ended; what came before it stays.
pub async fn a_stream_ends_after_an_error<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let mut stream = db.em().find_all::<Tag>().stream().chunk_size(2);
    db.recorder.inject_after(1, Fault::Select);
    assert!(stream.try_next().await?.is_some());
    assert!(stream.try_next().await?.is_some());
    stream.try_next().await.expect_err("a fault was injected");
    assert!(stream.try_next().await?.is_none());
    Ok(())
}

/// A managed stream brings instances of the context, whose edits are saved, also with `clear()` between chunks.
pub async fn a_managed_stream_brings_instances_of_the_context<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    let known = em.find_one_or_fail(Tag::LABEL.eq("t1")).await?;
    let mut stream = em.find_all::<Tag>().stream().chunk_size(4).managed();
    let mut seen = 0;
    while let Some(tag) = stream.try_next().await? {
        assert!(tag.get().label != "t1" || tag == known);
        tag.edit().label.push('!');
        seen += 1;
        if seen % 4 == 0 {
            em.flush().await?;
            em.clear()?;
        }
    }
    em.flush().await?;
    assert_eq!(seen, 10);
    assert_eq!(db.em().count(Tag::LABEL.ends_with("!")).await?, 10);
    Ok(())
}

/// An edit that is not saved does not move a row in the stream, and a removed entity does not come.
pub async fn pending_changes_do_not_shift_a_managed_stream<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    em.remove(em.find_one_or_fail(Tag::LABEL.eq("t3")).await?)?;
    let mut stream = em.find_all::<Tag>().order_by(Tag::LABEL.asc()).stream().chunk_size(2).managed();
    let mut seen = 0;
    while let Some(tag) = stream.try_next().await? {
        tag.edit().label = format!("z{seen}");
        seen += 1;
    }
    assert_eq!(seen, 9);
    Ok(())
}

/// A stream needs no context unless it is managed; a managed one stays in the context that it began in.
pub async fn only_a_managed_stream_is_guarded<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    assert_eq!(db.orm.em().find_all::<Tag>().stream().count().await, 10);
    let refused = db.orm.em().find_all::<Tag>().stream().managed().next().await;
    assert!(matches!(refused, Some(Err(Error::GlobalContext { method: "stream", .. }))), "{refused:?}");

    let mut stream = db.orm.em().find_all::<Tag>().stream().chunk_size(2).managed();
    RequestContext::create(db.orm.em(), async {
        let first = stream.try_next().await?.expect("there are ten");
        assert!(db.orm.em().contains(&first));
        Ok::<_, Error>(())
    })
    .await?;
    assert_eq!(stream.try_fold(1, |count, _| async move { Ok(count + 1) }).await?, 10);
    Ok(())
}

/// A stream goes to another task.
pub async fn a_stream_works_in_another_task<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let stream = db.em().find_all::<Tag>().stream().chunk_size(3);
    let counted = tokio::spawn(async move { stream.count().await }).await.map_err(Error::other)?;
    assert_eq!(counted, 10);
    Ok(())
}

/// A long stream needs as much memory at its end as near its beginning, to one per cent.
///
/// `live_bytes` says how much memory the process holds, so nothing else may run in it: this behaviour has a test binary
/// of its own.
pub async fn a_stream_is_read_in_flat_memory<B: Backend>(live_bytes: impl Fn() -> usize) -> Result<()> {
    const ROWS: usize = 40_000;
    const CHUNK: usize = 500;
    let db = blog::empty::<B>().await?;
    for first in (0..ROWS).step_by(CHUNK) {
        let tags = (first..first + CHUNK).map(|at| Tag::new(&format!("tag {at:06}")));
        db.em().insert_many(tags).await?;
    }
    db.recorder.reset();
    let mut stream = db.em().find_all::<Tag>().stream().chunk_size(CHUNK);
    let (mut seen, mut early, mut late) = (0, 0, 0);
    while let Some(tag) = stream.try_next().await? {
        seen += 1;
        // In the middle of a chunk, so that one is there.
        if seen % CHUNK == CHUNK / 2 {
            late = live_bytes();
            db.recorder.reset();
        }
        if seen == 10 * CHUNK {
            early = late;
        }
        drop(tag);
    }
    assert_eq!(seen, ROWS);
    assert!(early > 0, "the allocator does not count");
    assert!(late.abs_diff(early) * 100 < early, "{early} bytes in chunk 10, {late} in the last");
    Ok(())
}

/// Inside a transaction all chunks see what it wrote.
pub async fn a_stream_sees_what_its_transaction_wrote<B: Backend>() -> Result<()> {
    let db = ten_tags::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        em.insert_many([Tag::new("x"), Tag::new("y")]).await?;
        assert_eq!(em.find_all::<Tag>().stream().chunk_size(5).count().await, 12);
        Ok(())
    })
    .await
}
