//! A driver with the least that the contract asks for: what it leaves as it is refuses with a typed error, and the
//! context goes on.

use futures::TryStreamExt as _;
use orm_core::condition::{Expression, count_rows};
use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, DriverErrorKind, RowSink, Select, Selection,
    TransactionStep, Write, WriteOutcome,
};
use orm_core::schema::Schema;
use orm_core::{Condition, EntityManager, Error, Orm, Result};
use orm_tests::fixtures::blog::{self, Author, Book, Tag};

/// Knows no language, has no rows, and reads nothing but whole ones.
#[derive(Clone, Debug, Default)]
struct Minimal(Capabilities);

fn unsupported() -> DriverError {
    DriverError::new(DriverErrorKind::Unsupported, "there are only whole rows here")
}

impl Driver for Minimal {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        let connection: Box<dyn Connection> = Box::new(self.clone());
        Box::pin(std::future::ready(Ok(connection)))
    }

    fn create_schema(&self, _: &Schema) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }

    fn drop_schema(&self, _: &Schema) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Connection for Minimal {
    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        _: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        let is_whole = matches!(select.selection, Selection::Columns | Selection::Linked(_));
        let is_known = !matches!(select.condition, Expression::Fragment(_));
        Box::pin(std::future::ready(if is_whole && is_known { Ok(()) } else { Err(unsupported()) }))
    }

    fn count<'a>(&'a mut self, _: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn write<'a>(&'a mut self, _: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        Box::pin(std::future::ready(Err(unsupported())))
    }

    fn transaction(&mut self, _: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn execute_schema<'a>(&'a mut self, _: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

async fn context() -> Result<EntityManager> {
    Ok(blog::entities(Orm::builder(Minimal::default())).build().await?.em().fork())
}

/// Finders, counts and populated relations ask for no more than the contract's least.
#[tokio::test]
async fn whole_rows_are_all_that_finders_need() -> Result<()> {
    let em = context().await?;
    assert!(em.find(Author::NAME.eq("Jon")).populate(Author::BOOKS).limit(1).await?.is_empty());
    assert_eq!(em.find_all::<Tag>().page(10).await?.items.len(), 0);
    assert_eq!(em.count_all::<Book>().await?, 0);
    assert!(em.find_by_id::<Author>(1).await?.is_none());
    is_usable(&em).await
}

/// Raw SQL is refused before it is sent, whatever becomes of its rows, in a transaction too.
#[tokio::test]
async fn raw_sql_is_refused() -> Result<()> {
    let em = context().await?;
    let all = async |em: &EntityManager| {
        let sql = || em.sql("select 1 where 1 = {}", (1,));
        [
            sql().execute().await.err(),
            sql().fetch_as::<i64>().await.err(),
            sql().fetch_one_as::<i64>().await.err(),
            sql().fetch_optional_as::<i64>().await.err(),
            sql().each_as(|_: i64| Ok(())).await.err(),
            sql().fetch::<Author>().await.err(),
            sql().stream_as::<i64>().try_collect::<Vec<_>>().await.err(),
        ]
    };
    let mut errors = Vec::from(all(&em).await);
    em.transactional(async |em| {
        errors.extend(all(&em).await);
        Ok(())
    })
    .await?;
    for error in errors {
        let error = error.expect("the driver takes no text");
        assert!(matches!(error, Error::SqlText { .. }), "{error:?}");
        assert!(error.to_string().contains("takes no statements as text; use the finders"), "{error}");
    }
    is_usable(&em).await
}

/// The driver hands nothing of its own out.
#[tokio::test]
async fn there_is_no_connection_to_hand_out() -> Result<()> {
    let em = context().await?;
    let error = em.with_driver_connection(async |_: &mut Minimal| Ok(())).await.expect_err("it is kept");
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
    is_usable(&em).await
}

/// There is no text to show, and no plan.
#[tokio::test]
async fn nothing_is_explained() -> Result<()> {
    let em = context().await?;
    let books = || em.find(Book::PRICE.gt(3)).order_by(Book::TITLE.asc());
    let refused = [
        books().to_sql().err(),
        books().explain().await.err(),
        books().page(2).to_sql().err(),
        books().select(Book::TITLE).explain().await.err(),
        em.count(Book::PRICE.gt(3)).to_sql().err(),
    ];
    for error in refused {
        let error = error.expect("the driver has no text");
        assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
    }
    is_usable(&em).await
}

/// What it says of itself, a finder says too: values instead of rows, numbers of relations, fragments, writes.
#[tokio::test]
async fn what_the_driver_refuses_comes_through() -> Result<()> {
    let em = context().await?;
    let author = em.persist(Author::new("Jon"))?;
    let refused = [
        em.find_all::<Book>().select(Book::TITLE).await.err(),
        em.find_all::<Book>().select((Book::PRICE, count_rows())).group_by(Book::PRICE).await.err(),
        em.find_all::<Book>().exists().await.err(),
        em.find(Condition::<Book>::sql("1 = {}", (1,))).await.err(),
        em.flush().await.err(),
        em.insert(Tag::new("war")).await.err(),
        em.update_many(Book::PRICE.gt(3)).set(Book::PRICE, 1).await.err(),
        em.upsert(Tag::new("war")).await.err(),
        em.transactional(async |em| em.delete_many(Book::PRICE.gt(3)).await).await.err(),
    ];
    for error in refused {
        let error = error.expect("the driver can't");
        assert_eq!(error.driver_kind(), Some(DriverErrorKind::Unsupported), "{error:?}");
    }
    // What was new is new, and can be taken back.
    assert_eq!(author.try_id(), None);
    em.remove(&author)?;
    em.flush().await?;
    is_usable(&em).await
}

/// Checks that a refusal has left the context as it was.
async fn is_usable(em: &EntityManager) -> Result<()> {
    assert_eq!(em.managed_count()?, 0);
    assert!(em.find_all::<Book>().await?.is_empty());
    assert!(em.transactional(async |em| em.find_all::<Tag>().await).await?.is_empty());
    assert!(!em.is_in_transaction());
    em.flush().await
}
