//! Tables that another program changes while statements on them are prepared.

use orm_core::driver::DriverErrorKind;
use orm_core::{Error, LockMode, Result, retry};

use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::fixtures::theatre::{self, Seat};
use crate::{Backend, TestDb};

/// A seat of a high price in a pool of one connection, on which every statement of the tests is prepared.
async fn prepared<B: Backend>() -> Result<TestDb> {
    let db = TestDb::open_pool::<B>(1, theatre::entities).await?;
    let em = db.em();
    em.insert(Seat { price: 7, ..Seat::new("A1") }).await?;
    for _ in 0..2 {
        let em = db.em();
        let seat = em.find_one_or_fail(Seat::LABEL.eq("A1")).await?;
        seat.edit().price += 1;
        em.flush().await?;
        em.transactional(async |em| {
            em.find_one_or_fail(Seat::LABEL.eq("A1")).lock(LockMode::PESSIMISTIC_READ).await.map(drop)
        })
        .await?;
    }
    Ok(db)
}

/// Outside a transaction a statement whose table was changed is prepared anew, and the program notices nothing.
pub async fn a_changed_table_is_read_and_written_on<B: Backend>() -> Result<()> {
    let db = prepared::<B>().await?;
    for change in B::facts().narrows_and_widens {
        db.run(&[change]).await?;
        let em = db.em();
        let seat = em.find_one_or_fail(Seat::LABEL.eq("A1")).await?;
        assert_eq!((seat.get().price, seat.get().holder.as_deref()), (9, None), "{change}");
        assert_eq!(em.count(Seat::PRICE.eq(9)).await?, 1);
        assert_eq!(em.update_many(Seat::PRICE.eq(9)).set(Seat::LABEL, "A1").await?, 1);
        db.em().insert(Seat { price: 10, ..Seat::new("B") }).await?;
        assert_eq!(db.em().delete_many(Seat::LABEL.eq("B")).await?, 1);
    }
    Ok(())
}

/// Inside a transaction the database may take nothing more of it; the error has a kind of its own, and running the
/// transaction again helps.
pub async fn a_transaction_with_an_outdated_statement_is_run_again<B: Backend>() -> Result<()> {
    let db = prepared::<B>().await?;
    let mut failed = 0;
    for (round, change) in B::facts().narrows_and_widens.iter().enumerate() {
        db.run(&[change]).await?;
        let work = async |em: orm_core::EntityManager| {
            let seat = em.find_one_or_fail(Seat::LABEL.eq("A1")).await?;
            seat.edit().price += 1;
            Ok(())
        };
        if round == 0 {
            match db.em().transactional(work).await {
                Ok(()) => continue,
                Err(error) => {
                    failed += 1;
                    assert_eq!(error.driver_kind(), Some(DriverErrorKind::OutdatedStatement), "{error:?}");
                    assert!(error.is_retryable());
                }
            }
        }
        db.em().transactional_with(retry(2), work).await?;
    }
    let price = db.em().find_one_or_fail(Seat::LABEL.eq("A1")).await?.get().price;
    let rounds = i64::try_from(B::facts().narrows_and_widens.len()).unwrap_or(0);
    assert_eq!(price, 9 + rounds);
    println!("{failed} transactions failed");
    Ok(())
}

/// A table that is dropped and made anew is another one of the same name.
pub async fn a_table_that_is_made_anew_is_read_on<B: Backend>() -> Result<()> {
    let db = TestDb::open_pool::<B>(1, blog::entities).await?;
    let em = db.em();
    em.insert(Tag::new("old")).await?;
    for _ in 0..3 {
        assert_eq!(em.find_all::<Tag>().select(Tag::LABEL).await?.len(), 1);
        em.find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;
    }
    db.orm.schema().drop().await?;
    let error = db.em().find_all::<Tag>().await.expect_err("there is none");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::MissingSchemaObject), "{error:?}");
    db.orm.schema().create().await?;
    let em = db.em();
    em.persist(Tag::new("new"))?;
    em.flush().await?;
    em.insert(Tag::new("newer")).await?;
    let labels = em.find_all::<Tag>().order_by(Tag::ID.asc()).select(Tag::LABEL).await?;
    assert_eq!(labels, ["new", "newer"]);
    em.transactional(async |em| {
        em.find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;
        Ok::<_, Error>(())
    })
    .await
}
