//! `with_connection`: sqlx's own connection, in the context's transaction and under its guard.

use std::time::Duration;

use orm_core::driver::DriverErrorKind;
use orm_core::{Error, Result, TransactionOptions};
use orm_tests::fixtures::blog::{self, Tag};
use orm_tests::{Operation, TestDb};
use sqlx_core::executor::Executor;
use sqlx_core::query_scalar::query_scalar;

/// An in-memory database with the tags `war` and `winter`, one connection, and little patience.
async fn open() -> Result<(orm_sqlx::Sqlite, TestDb)> {
    let sqlite = orm_sqlx::Sqlite::connect("sqlite::memory:").await?;
    let patience = Duration::from_millis(50);
    let db = TestDb::on(sqlite.clone(), |builder| blog::entities(builder).wait_timeout(patience)).await?;
    db.orm.schema().create().await?;
    db.em().insert_many(["war", "winter"].map(Tag::new)).await?;
    db.recorder.reset();
    Ok((sqlite, db))
}

async fn tags(db: &TestDb) -> Result<u64> {
    db.begin_and_roll_back().await?;
    db.em().count_all::<Tag>().await
}

/// It sees what the transaction wrote and did not commit, pending changes included, and goes with it.
#[tokio::test]
async fn it_is_the_connection_of_the_transaction() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    let undone: Result<()> = em
        .transactional(async |em| {
            em.persist(Tag::new("ice"))?;
            let seen: i64 = sqlite
                .with_connection(&em, async |connection| {
                    connection.execute("insert into tag (label) values ('fire')").await?;
                    query_scalar("select count(*) from tag").fetch_one(connection).await
                })
                .await?;
            assert_eq!(seen, 4);
            assert_eq!(em.count_all::<Tag>().await?, 4);
            Err(Error::other("no"))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(tags(&db).await?, 2);
    Ok(())
}

/// Outside a transaction it is one of the pool, given back, on which the program may have transactions of its own.
#[tokio::test]
async fn outside_a_transaction_it_is_one_of_the_pool() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    sqlite
        .with_connection(&em, async |connection| {
            connection.execute("begin; insert into tag (label) values ('ice'); commit").await?;
            connection.execute("begin; delete from tag; rollback").await
        })
        .await?;
    assert_eq!(db.recorder.operations(), [Operation::Native]);
    assert_eq!(tags(&db).await?, 3);
    // The global manager has no context, and needs none.
    let one: i64 = sqlite
        .with_connection(db.orm.em(), async |own| query_scalar("select 1").fetch_one(own).await)
        .await?;
    assert_eq!(one, 1);
    Ok(())
}

/// An error of sqlx comes out in the ORM's words; in a transaction the work is taken back, which then goes on.
#[tokio::test]
async fn failed_work_is_taken_back() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    em.transactional(async |em| {
        em.insert(Tag::new("ice")).await?;
        let twice = sqlite.with_connection(&em, async |connection| {
            connection.execute("insert into tag (label) values ('fire')").await?;
            connection.execute("insert into tag (label) values ('war')").await
        });
        assert!(twice.await.is_err_and(|error| error.is_violation_of(Tag::LABEL)));
        let syntax = sqlite.with_connection(&em, async |connection| connection.execute("selct").await).await;
        assert!(matches!(syntax, Err(Error::Driver { .. })), "{syntax:?}");
        Ok(())
    })
    .await?;
    assert_eq!(tags(&db).await?, 3);
    Ok(())
}

fn is_changed<V>(result: &Result<V>) -> bool {
    result.as_ref().is_err_and(|error| error.driver_kind() == Some(DriverErrorKind::TransactionChanged))
}

/// A transaction of the context that is ended by hand is found out, whatever was begun after it, and can't go on.
#[tokio::test]
async fn a_transaction_ended_by_hand_is_found_out() -> Result<()> {
    for ended in ["rollback", "commit"] {
        let (sqlite, db) = open().await?;
        let result: Result<()> = db
            .em()
            .transactional(async |em| {
                em.insert(Tag::new("ice")).await?;
                let refused =
                    sqlite.with_connection(&em, async |connection| connection.execute(ended).await).await;
                assert!(is_changed(&refused), "{ended}: {refused:?}");
                let next = em.count_all::<Tag>().await;
                assert!(matches!(next, Err(Error::Transaction { .. })), "{ended}: {next:?}");
                Ok(())
            })
            .await;
        assert!(matches!(result, Err(Error::Transaction { .. })), "{ended}: {result:?}");
        assert_eq!(tags(&db).await?, if ended == "commit" { 3 } else { 2 });
    }
    let (sqlite, db) = open().await?;
    let result: Result<()> = db
        .em()
        .transactional(async |em| {
            let other = "rollback; begin; delete from tag";
            let refused =
                sqlite.with_connection(&em, async |connection| connection.execute(other).await).await;
            assert!(matches!(refused, Err(Error::Driver { .. })), "{refused:?}");
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::Transaction { .. })), "{result:?}");
    assert_eq!(tags(&db).await?, 2);
    Ok(())
}

/// A transaction that is left open outside one of the context is found out and rolled back.
#[tokio::test]
async fn a_transaction_left_open_is_found_out() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    let left = sqlite
        .with_connection(&em, async |connection| connection.execute("begin; delete from tag").await)
        .await;
    assert!(is_changed(&left), "{left:?}");
    assert_eq!(tags(&db).await?, 2);
    let failed = sqlite
        .with_connection(&em, async |connection| connection.execute("begin; delete from tag; selct").await)
        .await;
    assert!(matches!(failed, Err(Error::Driver { .. })), "{failed:?}");
    assert_eq!(tags(&db).await?, 2);
    Ok(())
}

/// Dropped while the work waits, the connection is closed, and the transaction can only be rolled back.
#[tokio::test]
async fn work_may_be_dropped() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    let cut = sqlite.with_connection(&em, async |connection| {
        connection.execute("begin; delete from tag").await?;
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(tokio::time::timeout(Duration::from_millis(20), cut).await.is_err());
    assert_eq!(tags(&db).await?, 2);
    let result: Result<()> = em
        .transactional(async |em| {
            let cut = sqlite.with_connection(&em, async |connection| {
                connection.execute("delete from tag").await?;
                std::future::pending::<()>().await;
                Ok(())
            });
            assert!(tokio::time::timeout(Duration::from_millis(20), cut).await.is_err());
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::Transaction { .. })), "{result:?}");
    assert_eq!(tags(&db).await?, 2);
    Ok(())
}

/// The connection of another database, or another kind of driver, is never handed out.
#[tokio::test]
async fn another_database_is_refused() -> Result<()> {
    let (_, db) = open().await?;
    let other = orm_sqlx::Sqlite::connect("sqlite::memory:").await?;
    let em = db.em();
    let refused = other.with_connection(&em, async |connection| connection.execute("select 1").await).await;
    let error = refused.expect_err("another pool");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported));
    em.transactional(async |em| {
        let refused =
            em.with_driver_connection(async |_: &mut String| Ok(())).await.expect_err("no driver's type");
        assert_eq!(refused.driver_kind(), Some(DriverErrorKind::Unsupported));
        em.insert(Tag::new("ice")).await?;
        Ok(())
    })
    .await?;
    assert_eq!(tags(&db).await?, 3);
    Ok(())
}

/// The context's own queries in the work are errors that come in time, and a transaction that only reads refuses it.
#[tokio::test]
async fn what_would_wait_for_itself_is_an_error() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    em.transactional(async |em| {
        let inner = sqlite.with_connection(&em, async |_| Ok(em.count_all::<Tag>().await)).await?;
        assert!(matches!(inner, Err(Error::Wait { .. })), "{inner:?}");
        assert_eq!(em.count_all::<Tag>().await?, 2);
        Ok(())
    })
    .await?;
    let read_only = TransactionOptions::default().read_only();
    let refused: Result<()> = em
        .transactional_with(read_only, async |em| {
            sqlite
                .with_connection(&em, async |connection| connection.execute("select 1").await)
                .await
                .map(drop)
        })
        .await;
    assert!(matches!(refused, Err(Error::Transaction { .. })), "{refused:?}");
    Ok(())
}

/// It works in a task of its own.
#[tokio::test]
async fn it_works_in_another_task() -> Result<()> {
    let (sqlite, db) = open().await?;
    let em = db.em();
    let task = tokio::spawn(async move {
        em.transactional(async |em| {
            sqlite
                .with_connection(&em, async |own| {
                    query_scalar::<_, i64>("select count(*) from tag").fetch_one(own).await
                })
                .await
        })
        .await
    });
    assert_eq!(task.await.map_err(Error::other)??, 2);
    Ok(())
}

/// Nobody sees what is done with it: it voids all cached results, in a transaction once that is committed, or once the
/// program has committed it by hand.
#[tokio::test]
async fn it_voids_cached_results() -> Result<()> {
    let (sqlite, db) = open().await?;
    let count = || db.em().count_all::<Tag>().cache(Duration::from_secs(60));
    let insert = async |em: &orm_core::EntityManager, sql: &'static str| {
        sqlite.with_connection(em, async |own| own.execute(sql).await).await.map(drop)
    };
    assert_eq!(count().await?, 2);
    insert(&db.em(), "insert into tag (label) values ('ice')").await?;
    assert_eq!(count().await?, 3);
    db.em().transactional(async |em| insert(&em, "insert into tag (label) values ('fire')").await).await?;
    assert_eq!(count().await?, 4);
    let by_hand = "insert into tag (label) values ('earth'); commit";
    db.em()
        .transactional(async |em| insert(&em, by_hand).await)
        .await
        .expect_err("it has ended the transaction");
    assert_eq!(count().await?, 5);
    Ok(())
}
