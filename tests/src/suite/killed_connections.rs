//! Connections that the server ends: while nobody has them, inside a statement, between two; and a server that is gone.
//!
//! Nobody looks whether a connection is alive before it is lent. One that died while it was idle is replaced, as many times
//! as the pool has any, and the program sees none of it; what was under way says that its connection was lost.

use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use orm_core::driver::{Driver, DriverErrorKind};
use orm_core::sql::Sql;
use orm_core::{EntityManager, Error, Result};

use crate::backend::{ByProxy, SessionFacts};
use crate::fixtures::blog::{self, Author, Tag};
use crate::{Backend, TestDb};

/// A database with a pool whose connections can be killed.
struct Bench {
    by: ByProxy,
    past: TestDb,
    db: TestDb,
    facts: SessionFacts,
}

impl Bench {
    async fn open<B: Backend>(connections: u32) -> Result<Self> {
        let facts = B::facts().sessions.ok_or_else(|| Error::other("it has no sessions"))?;
        let by = B::connect_by_proxy().await?;
        let past = TestDb::on(by.past.clone(), blog::entities).await?;
        past.orm.schema().create().await?;
        past.em().insert(Author::new("Jon")).await?;
        let db = TestDb::on(by.connect(connections).await?, blog::entities).await?;
        Ok(Self { by, past, db, facts })
    }

    async fn session(&self, em: &EntityManager) -> Result<i64> {
        one(em, self.facts.own.to_owned()).await
    }

    /// Opens as many connections, gives them back, and tells their sessions.
    async fn warm(&self, connections: usize) -> Result<Vec<i64>> {
        let ems: Vec<EntityManager> = (0..connections).map(|_| self.db.em()).collect();
        for em in &ems {
            em.begin().await?;
        }
        let sessions = join_all(ems.iter().map(|em| self.session(em))).await;
        for em in &ems {
            em.commit().await?;
        }
        sessions.into_iter().collect()
    }

    /// Ends a session, and waits until it is gone.
    async fn kill(&self, session: i64) -> Result<()> {
        let em = self.past.em();
        em.sql(Sql::trusted(self.facts.kill.replace("{}", &session.to_string())), ()).execute().await?;
        let begun = Instant::now();
        let count = self.facts.count.replace("{}", &session.to_string());
        while one(&em, count.clone()).await? > 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "it lives on");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    async fn kill_all(&self, connections: usize) -> Result<()> {
        for session in self.warm(connections).await? {
            self.kill(session).await?;
        }
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>> {
        self.past.em().find_all::<Author>().order_by(Author::ID.asc()).select(Author::NAME).await
    }
}

/// The number that a query gives.
async fn one(em: &EntityManager, query: String) -> Result<i64> {
    em.sql(Sql::trusted(query), ()).fetch_one_as().await
}

fn assert_lost(error: &Error) {
    assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost), "{error:?}");
}

/// All connections of a pool die while nobody has them: reads, flushes and transactions go on as if nothing had happened.
pub async fn connections_that_died_idle_fail_nobody<B: Backend>() -> Result<()> {
    const CONNECTIONS: usize = 3;
    let bench = Bench::open::<B>(3).await?;
    let em = bench.db.em();

    bench.kill_all(CONNECTIONS).await?;
    assert_eq!(em.find_all::<Author>().await?.len(), 1);
    bench.kill_all(CONNECTIONS).await?;
    assert_eq!(em.count_all::<Author>().await?, 1);

    bench.kill_all(CONNECTIONS).await?;
    em.persist(Author::new("Arya"))?;
    em.flush().await?;
    bench.kill_all(CONNECTIONS).await?;
    em.transactional(async |em| em.persist(Author::new("Bran")).map(drop)).await?;
    bench.kill_all(CONNECTIONS).await?;
    em.insert_many(["Sansa", "Rickon"].map(Author::new)).batch_size(1).await?;
    assert_eq!(bench.names().await?, ["Jon", "Arya", "Bran", "Sansa", "Rickon"]);

    bench.kill_all(CONNECTIONS).await?;
    let all = join_all((0..CONNECTIONS).map(|_| async { bench.db.em().count_all::<Author>().await })).await;
    assert!(all.into_iter().collect::<Result<Vec<_>>>()?.into_iter().all(|count| count == 5));
    Ok(())
}

/// A write that is a commit of its own can't be sent twice, so the connection is looked at first if it was idle for long.
pub async fn a_single_write_after_a_rest_is_not_in_doubt<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>(2).await?;
    let em = bench.db.em();
    bench.kill_all(2).await?;
    // It is the time that this is about.
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    em.insert(Author::new("Arya")).await?;
    assert_eq!(bench.names().await?, ["Jon", "Arya"]);

    bench.kill_all(2).await?;
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let rows = em.sql("update author set age = 16 where name = 'Jon'", ()).execute().await?;
    assert_eq!(rows, 1);

    // At once it may be in doubt, and then it says so.
    bench.kill_all(2).await?;
    let is_written = match em.update_many(Author::NAME.eq("Jon")).set(Author::NAME, "Aegon").await {
        Ok(rows) => {
            assert_eq!(rows, 1);
            true
        }
        Err(Error::WriteOutcomeUnknown { .. }) => false,
        Err(error) => return Err(error),
    };
    assert_eq!(bench.names().await?[0], if is_written { "Aegon" } else { "Jon" });
    Ok(())
}

/// A query that runs when its session is ended.
pub async fn a_statement_that_is_killed_says_so<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>(1).await?;
    let em = bench.db.em();
    em.begin().await?;
    let session = bench.session(&em).await?;
    let begun = Instant::now();
    let lasting = async { em.sql(Sql::trusted(bench.facts.lasting), ()).fetch_as::<String>().await };
    let (result, killed) = join(lasting, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.kill(session).await
    })
    .await;
    killed?;
    let error = result.expect_err("it was killed");
    let Error::Sql { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.kind(), DriverErrorKind::ConnectionLost);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    em.rollback().await?;
    assert_eq!(em.count_all::<Author>().await?, 1);
    Ok(())
}

/// A flush whose session is ended while a statement of it waits for a lock: everything waits in memory, and is saved by the
/// next flush.
pub async fn a_flush_that_is_killed_changes_nothing<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>(1).await?;
    let em = bench.db.em();
    let session = bench.warm(1).await?[0];
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).await?;
    jon.edit().age = Some(17);
    let arya = em.persist(Author::new("Arya"))?;

    let other = bench.past.em();
    other.begin().await?;
    other.update_many(Author::NAME.eq("Jon")).set(Author::AGE, Some(99)).await?;
    let (result, killed) = join(em.flush(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.kill(session).await
    })
    .await;
    killed?;
    assert_lost(&result.expect_err("it was killed"));
    other.rollback().await?;

    assert_eq!((arya.try_id(), jon.get().age, em.flush_plan()?.len()), (None, Some(17), 2));
    assert_eq!(bench.names().await?, ["Jon"]);
    let begun = Instant::now();
    em.flush().await?;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(bench.names().await?, ["Jon", "Arya"]);
    assert_eq!(bench.past.em().count(Author::AGE.eq(17)).await?, 1);
    Ok(())
}

/// A transaction whose session is ended between two statements takes no further one on another connection.
pub async fn a_transaction_that_is_killed_between_statements_is_rolled_back<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>(2).await?;
    let em = bench.db.em();
    let half = em.transactional(async |em| {
        let arya = em.persist(Author::new("Arya"))?;
        em.flush().await?;
        assert!(arya.try_id().is_some());
        let session = bench.session(&em).await?;
        bench.kill(session).await?;
        em.count_all::<Author>().await.map(drop)
    });
    assert_lost(&half.await.expect_err("it was killed"));
    assert_eq!(bench.names().await?, ["Jon"]);
    assert_eq!(em.flush_plan()?.len(), 1, "she is new again");
    em.flush().await?;
    assert_eq!(bench.names().await?, ["Jon", "Arya"]);

    // Before COMMIT: nobody can know, so the program is asked.
    let whole = em.transactional(async |em| {
        em.persist(Author::new("Bran"))?;
        em.flush().await?;
        bench.kill(bench.session(&em).await?).await
    });
    assert_lost(&whole.await.expect_err("it was killed"));
    assert!(matches!(em.flush().await, Err(Error::OutcomeUnknown)));
    assert_eq!(bench.names().await?, ["Jon", "Arya"]);
    em.accept_unknown(orm_core::Outcome::RolledBack)?;
    em.flush().await?;
    assert_eq!(bench.names().await?, ["Jon", "Arya", "Bran"]);
    Ok(())
}

/// Nothing listens any more: an error at once, not after the time that one waits for a free connection; and when it is
/// back, all goes on.
pub async fn a_server_that_is_gone_is_said_at_once<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>(2).await?;
    let em = bench.db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).await?;
    jon.edit().age = Some(17);
    bench.by.proxy.shut().await;
    bench.by.proxy.cut_all();
    for _ in 0..3 {
        let begun = Instant::now();
        assert_lost(&em.count_all::<Author>().await.expect_err("it is gone"));
        assert_lost(&em.flush().await.expect_err("it is gone"));
        assert_lost(&em.transactional(async |_| Ok(())).await.expect_err("it is gone"));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    bench.by.proxy.open().await.map_err(Error::other)?;
    let begun = Instant::now();
    em.flush().await?;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(bench.past.em().count(Author::AGE.eq(17)).await?, 1);
    Ok(())
}

/// Closing lends nothing more, waits for who has a connection, and ends the others.
pub async fn a_pool_waits_for_what_is_lent_before_it_is_closed<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>(2).await?;
    let driver = bench.by.connect(2).await?;
    let db = TestDb::on(driver.clone(), blog::entities).await?;
    let em = db.em();
    em.begin().await?;
    em.persist(Tag::new("last"))?;
    let ((), committed) = join(driver.close(), async {
        let refused = db.em().count_all::<Tag>().await.expect_err("it is closed");
        assert_eq!(refused.driver_kind(), Some(DriverErrorKind::PoolClosed), "{refused:?}");
        em.commit().await
    })
    .await;
    committed?;
    assert_eq!(bench.past.em().count_all::<Tag>().await?, 1);
    Ok(())
}
