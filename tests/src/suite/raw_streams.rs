//! Rows of raw SQL one by one: one statement at the pace of the program, on a connection that is clean afterwards.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use orm_core::{EntityManager, Error, FromRow, Result};

use crate::fixtures::blog::{self, Tag};
use crate::{Backend, Operation, TestDb};

const LABELS: &str = "select label from tag order by label";

/// A hundred tags, `t00` to `t99`, and little patience.
async fn hundred_tags<B: Backend>() -> Result<TestDb> {
    let patience = Duration::from_millis(500);
    let db = TestDb::open_pool::<B>(1, |builder| blog::entities(builder).wait_timeout(patience)).await?;
    db.em().insert_many((0..100).map(|at| Tag::new(&format!("t{at:02}")))).await?;
    db.recorder.reset();
    Ok(db)
}

/// The rows come in order, each once, by one statement that is sent when the first is asked for.
pub async fn rows_come_one_by_one<B: Backend>() -> Result<()> {
    #[derive(FromRow)]
    struct Labelled {
        label: String,
    }

    let db = hundred_tags::<B>().await?;
    let em = db.em();
    let rows = em.sql("select id, label from tag where label > {} order by label", ("t49",));
    let rows = rows.stream_as::<(i64, String)>();
    assert_eq!(db.statements(), 0);
    let labels: Vec<String> = rows.map_ok(|(_, label)| label).try_collect().await?;
    assert_eq!(labels, (50..100).map(|at| format!("t{at}")).collect::<Vec<_>>());
    assert_eq!((db.recorder.operations(), em.managed_count()?), (vec![Operation::Raw], 0));
    let last =
        em.sql(LABELS, ()).stream_as::<Labelled>().try_fold(String::new(), |_, row| async { Ok(row.label) });
    assert_eq!(last.await?, "t99");
    let mut none = em.sql("select id from tag where label = 'none'", ()).stream_as::<i64>();
    assert!(none.try_next().await?.is_none());
    assert!(none.try_next().await?.is_none());
    Ok(())
}

/// A stream that is left after some rows gives its connection back as it was: there is but one.
pub async fn a_stream_may_be_left_early<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let em = db.em();
    for rows in [0, 1, 2, 60, 100] {
        let mut stream = em.sql(LABELS, ()).stream_as::<String>();
        for _ in 0..rows {
            assert!(stream.try_next().await?.is_some());
        }
        drop(stream);
        assert_eq!(em.count_all::<Tag>().await?, 100, "after {rows} rows");
        db.begin_and_roll_back().await?;
    }
    Ok(())
}

/// In a transaction the stream sees what it wrote, and the transaction goes on wherever the loop was left.
pub async fn a_transaction_goes_on_after_its_stream<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        em.persist(Tag::new("a"))?;
        assert_eq!(em.sql(LABELS, ()).stream_as::<String>().count().await, 101);
        let mut stream = em.sql(LABELS, ()).stream_as::<String>();
        assert_eq!(stream.try_next().await?, Some("a".to_owned()));
        drop(stream);
        em.persist(Tag::new("b"))?;
        Ok(())
    })
    .await?;
    assert_eq!(db.em().count_all::<Tag>().await?, 102);
    Ok(())
}

/// A query in the loop waits for the connection that the stream has, and not for ever; the stream goes on after it.
pub async fn a_query_in_the_loop_is_an_error_and_no_hang<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let em = db.em();
    em.transactional(async |em| {
        let mut stream = em.sql(LABELS, ()).stream_as::<String>();
        stream.try_next().await?;
        let refused = em.count_all::<Tag>().await;
        assert!(matches!(refused, Err(Error::Wait { .. })), "{refused:?}");
        em.persist(Tag::new("a"))?;
        let refused = em.flush().await;
        assert!(matches!(refused, Err(Error::Wait { .. })), "{refused:?}");
        assert_eq!(stream.count().await, 99);
        assert_eq!(em.count_all::<Tag>().await?, 101);
        Ok(())
    })
    .await?;

    let mut stream = em.sql(LABELS, ()).stream_as::<String>();
    stream.try_next().await?;
    let refused = em.count_all::<Tag>().await;
    assert!(matches!(refused, Err(Error::Wait { .. })), "the only connection: {refused:?}");
    assert_eq!(stream.count().await, 100);
    Ok(())
}

/// A stream that outlives its transaction keeps it from ending, and not for ever.
pub async fn a_stream_does_not_outlive_its_transaction<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let mut stream = None;
    let refused = db
        .em()
        .transactional(async |em| {
            let rows = stream.insert(em.sql(LABELS, ()).stream_as::<String>());
            rows.try_next().await?;
            Ok(())
        })
        .await;
    assert!(matches!(refused, Err(Error::Wait { .. })), "{refused:?}");
    drop(stream);
    db.begin_and_roll_back().await?;
    assert_eq!(db.em().count_all::<Tag>().await?, 100);
    Ok(())
}

/// What writes is kept when its stream has come to the end, and taken back when it was left.
pub async fn a_stream_of_a_write_is_kept_whole_or_not_at_all<B: Backend>() -> Result<()> {
    if !B::facts().returning.contains(&"update") {
        return Ok(());
    }
    let db = hundred_tags::<B>().await?;
    let em = db.em();
    let shout = |em: &EntityManager| {
        em.sql("update tag set label = concat(label, '!') where label < 't05' returning label", ())
            .stream_as::<String>()
    };
    let shouted = async || em.count(Tag::LABEL.ends_with("!")).await;
    let mut left = shout(&em);
    assert!(left.try_next().await?.is_some_and(|label| label.ends_with('!')));
    drop(left);
    assert_eq!(shouted().await?, 0);
    db.begin_and_roll_back().await?;

    let cut: Result<()> = em
        .transactional(async |em| {
            em.insert(Tag::new("a")).await?;
            shout(&em).try_next().await?;
            match em.count_all::<Tag>().await {
                // The database was so quick that the statement is taken back already.
                Ok(count) => assert_eq!((count, em.count(Tag::LABEL.ends_with("!")).await?), (101, 0)),
                Err(refused) => assert!(matches!(refused, Error::Transaction { .. }), "{refused:?}"),
            }
            Ok(())
        })
        .await;
    let kept = match cut {
        Ok(()) => 101,
        Err(refused) => {
            assert!(matches!(refused, Error::Transaction { .. }), "{refused:?}");
            100
        }
    };
    assert_eq!((shouted().await?, em.count_all::<Tag>().await?), (0, kept));

    let young = em.count(Tag::LABEL.lt("t05")).await?;
    assert_eq!(shout(&em).count().await as u64, young);
    assert_eq!(shouted().await?, young);
    Ok(())
}

/// Dropped while it waits for the database, a stream leaves a clean connection; a transaction can only be rolled back.
pub async fn a_stream_may_be_dropped_while_it_waits<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let em = db.em();
    for points in 0..2 {
        db.recorder.stall_after(points);
        let mut stream = em.sql("select id from tag where label < 't05'", ()).stream_as::<i64>();
        let rows = stream.by_ref().take(6).count();
        assert!(tokio::time::timeout(Duration::from_millis(20), rows).await.is_err());
        drop(stream);
        assert!(db.recorder.go_on());
        db.begin_and_roll_back().await?;
        assert_eq!(em.count_all::<Tag>().await?, 100);
    }
    let cut: Result<()> = em
        .transactional(async |em| {
            db.recorder.stall_after(0);
            assert!(futures::poll!(em.sql(LABELS, ()).stream_as::<String>().next()).is_pending());
            db.recorder.go_on();
            Ok(())
        })
        .await;
    assert!(matches!(cut, Err(Error::Transaction { .. })), "{cut:?}");
    db.begin_and_roll_back().await
}

/// A row that does not fit, or text that is no statement, is an error, after which the stream has ended.
pub async fn a_raw_stream_ends_after_an_error<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let em = db.em();
    let mut stream = em.sql("select 1 union all select null", ()).stream_as::<i64>();
    assert_eq!(stream.try_next().await?, Some(1));
    let error = stream.try_next().await.expect_err("NULL");
    assert!(matches!(error, Error::SqlRow { .. }), "{error:?}");
    assert!(stream.try_next().await?.is_none());
    drop(stream);
    let error = em.sql("selct", ()).stream_as::<i64>().try_next().await.expect_err("syntax");
    assert!(matches!(error, Error::Sql { .. }), "{error:?}");
    let error = em.sql("commit", ()).stream_as::<i64>().try_next().await.expect_err("no transaction step");
    assert!(matches!(error, Error::SqlText { .. }), "{error:?}");
    assert_eq!(em.count_all::<Tag>().await?, 100);
    Ok(())
}

/// A stream goes to another task.
pub async fn a_raw_stream_works_in_another_task<B: Backend>() -> Result<()> {
    let db = hundred_tags::<B>().await?;
    let stream = db.em().sql(LABELS, ()).stream_as::<String>();
    let counted = tokio::spawn(async move { stream.count().await }).await.map_err(Error::other)?;
    assert_eq!(counted, 100);
    Ok(())
}

/// Forty thousand rows of a kilobyte are read in the memory of a few of them.
///
/// `live_bytes` says how much memory the process holds, so nothing else may run in it: this behaviour has a test binary
/// of its own.
pub async fn a_raw_stream_is_read_in_flat_memory<B: Backend>(live_bytes: impl Fn() -> usize) -> Result<()> {
    const ROWS: usize = 40_000;
    const KILOBYTE: usize = 1_024;
    let db = hundred_tags::<B>().await?;
    // As many as a hundred, twenty and twenty tags make together.
    let text = "select {} || one.label from tag as one, tag as two, tag as three \
                where two.label < 't20' and three.label < 't20'";
    let padding = "x".repeat(KILOBYTE);
    let before = live_bytes();
    let mut stream = db.em().sql(text, (padding,)).stream_as::<String>();
    let (mut seen, mut most) = (0, 0);
    while let Some(row) = stream.try_next().await? {
        assert!(row.len() > KILOBYTE);
        seen += 1;
        most = most.max(live_bytes());
        if seen == ROWS / 2 {
            // The program is slow for a moment: nothing is read ahead but what a connection buffers.
            tokio::time::sleep(Duration::from_millis(20)).await;
            most = most.max(live_bytes());
        }
    }
    assert_eq!(seen, ROWS);
    assert!(before > 0, "the allocator does not count");
    let held = most - before;
    assert!(held < ROWS * KILOBYTE / 50, "{held} bytes for {ROWS} rows");
    Ok(())
}
