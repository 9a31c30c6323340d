//! The way to the server is cut, or hangs, at any byte of what is asked and answered.
//!
//! Whatever the byte: the database has all of a unit or nothing of it, which is looked at past the proxy; the error says
//! that the connection was lost; memory waits as it was, or, if COMMIT was on its way, for the program's word; and whoever
//! comes next gets a connection that works, at once.

use std::time::{Duration, Instant};

use orm_core::driver::DriverErrorKind;
use orm_core::{EntityManager, Error, Loaded, NewEntity, Outcome, Result};

use crate::backend::ByProxy;
use crate::fixtures::blog::{self, Author, Book, Tag};
use crate::proxy::Direction;
use crate::{Backend, TestDb};

/// A unit of several statements.
pub async fn a_flush_may_be_cut_at_any_byte<B: Backend>() -> Result<()> {
    sweep_units::<B>(Way::Flush).await
}

/// The same inside a transaction, with a savepoint and a query.
pub async fn a_transaction_may_be_cut_at_any_byte<B: Backend>() -> Result<()> {
    sweep_units::<B>(Way::Transaction).await
}

/// Rows in several statements, and single statements, which are commits of their own.
pub async fn a_bulk_write_may_be_cut_at_any_byte<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>().await?;
    let (mut number, mut cuts) = (0, 0);
    for (at, write) in WRITES.iter().enumerate() {
        let measured = bench.measure(async |db| Ok(db.em()), async |em| write(&em, 0).await).await?;
        for (direction, bytes) in points(measured, 12) {
            let db = bench.through(2).await?;
            db.em().count_all::<Tag>().await?;
            number += 1;
            bench.by.proxy.cut_after(direction, bytes);
            let result = write(&db.em(), number).await;
            cuts += u32::from(bench.was_met().await);
            let written = bench.bulk_state(at, number).await?;
            match &result {
                Ok(()) => assert!(written, "an answer was given"),
                Err(Error::WriteOutcomeUnknown { .. }) => {}
                Err(error) => {
                    assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost), "{error:?}");
                    assert!(!written, "it failed");
                }
            }
            next_goes_at_once(&db).await?;
            if !written {
                write(&db.em(), number).await?;
                assert!(bench.bulk_state(at, number).await?);
            }
        }
    }
    assert!(cuts >= 50, "{cuts} points only");
    println!("{cuts} cuts of bulk writes");
    Ok(())
}

/// A find with relations, a count and raw SQL: what was cut can be read again on the same manager.
pub async fn a_read_may_be_cut_at_any_byte<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>().await?;
    let measured = bench.measure(async |db| Ok(db.em()), async |em| read(&em).await).await?;
    let mut cuts = 0;
    for (direction, bytes) in points(measured, 20) {
        let db = bench.through(2).await?;
        let em = db.em();
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).await?;
        jon.edit().age = Some(99);
        bench.by.proxy.cut_after(direction, bytes);
        let result = read(&em).await;
        cuts += u32::from(bench.was_met().await);
        if let Err(error) = result {
            assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost), "{error:?}");
        }
        next_goes_at_once(&db).await?;
        read(&em).await?;
        assert_eq!(jon.get().age, Some(99));
    }
    assert!(cuts >= 30, "{cuts} points only");
    println!("{cuts} cuts of reads");
    Ok(())
}

/// A way that hangs: the program stops waiting, and the pool's only connection is replaced.
pub async fn a_way_may_stall_at_any_byte<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>().await?;
    let measured =
        bench.measure(async |db| Unit::prepare(db, 1).await, async |unit| unit.run(Way::Flush).await).await?;
    let mut number = 1;
    for (direction, bytes) in points(measured, 8) {
        let db = bench.through(1).await?;
        number += 1;
        let unit = Unit::prepare(&db, number).await?;
        bench.by.proxy.stall_after(direction, bytes);
        let result = tokio::time::timeout(Duration::from_millis(150), unit.run(Way::Flush)).await;
        let is_stalled = !bench.by.proxy.let_pass();
        assert_eq!(is_stalled, result.is_err(), "{result:?}");
        next_goes_at_once(&db).await?;
        bench.by.proxy.settled().await;
        unit.goes_on(&bench, &db, Way::Flush).await?;
    }
    Ok(())
}

/// Nothing that is half connected is lent to anybody; the error names the database, and no password.
pub async fn connecting_may_be_cut_at_any_byte<B: Backend>() -> Result<()> {
    let bench = Bench::open::<B>().await?;
    let before = Direction::ALL.map(|direction| bench.by.proxy.passed(direction));
    bench.through(1).await?;
    let measured =
        Direction::ALL.map(|direction| bench.by.proxy.passed(direction) - before[direction as usize]);
    let mut cuts = 0;
    for (direction, bytes) in points(measured, 20) {
        bench.by.proxy.cut_after(direction, bytes);
        let begun = Instant::now();
        let result = bench.by.connect(1).await;
        cuts += u32::from(bench.was_met().await);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        let Err(error) = result else { continue };
        assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost), "{error:?}");
    }
    // The second connection of a pool, while the first is taken.
    for (direction, bytes) in points(measured.map(|bytes| bytes / 2), 5) {
        let db = bench.through(2).await?;
        let em = db.em();
        em.begin().await?;
        bench.by.proxy.cut_after(direction, bytes);
        let result = db.em().count_all::<Tag>().await;
        cuts += u32::from(bench.was_met().await);
        if let Err(error) = result {
            assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost), "{error:?}");
        }
        next_goes_at_once(&db).await?;
        em.commit().await?;
    }
    assert!(cuts >= 30, "{cuts} points only");
    println!("{cuts} cuts of connecting");
    Ok(())
}

async fn sweep_units<B: Backend>(way: Way) -> Result<()> {
    let bench = Bench::open::<B>().await?;
    let measured =
        bench.measure(async |db| Unit::prepare(db, 1).await, async |unit| unit.run(way).await).await?;
    let (mut number, mut cuts, mut unknown) = (1, 0, 0);
    for (direction, bytes) in points(measured, 35) {
        let db = bench.through(2).await?;
        number += 1;
        let unit = Unit::prepare(&db, number).await?;
        bench.by.proxy.cut_after(direction, bytes);
        let result = unit.run(way).await;
        let is_cut = bench.was_met().await;
        cuts += u32::from(is_cut);
        match &result {
            Ok(()) => assert_eq!(bench.state().await?, number, "an answer was given"),
            Err(error) => {
                assert!(is_cut, "{error:?}");
                assert_eq!(error.driver_kind(), Some(DriverErrorKind::ConnectionLost), "{error:?}");
            }
        }
        next_goes_at_once(&db).await?;
        unknown += u32::from(unit.goes_on(&bench, &db, way).await?);
    }
    assert!(cuts >= 60, "{cuts} points only");
    assert!(unknown > 0, "no cut met COMMIT");
    println!("{cuts} cuts ({way:?}), {unknown} of unknown outcome, by {measured:?} bytes");
    Ok(())
}

/// As many bytes of each direction, spread over what was measured, and the last ones each by itself: they are COMMIT.
fn points(measured: [u64; 2], each: u64) -> Vec<(Direction, u64)> {
    let of = |direction: Direction| {
        let bytes = measured[direction as usize];
        let spread = (0..each).map(move |at| at * bytes / each);
        let last = (1..=each / 3).map(move |at| bytes.saturating_sub(at * 5));
        let mut points: Vec<u64> = spread.chain(last).collect();
        points.sort_unstable();
        points.dedup();
        points.into_iter().map(move |at| (direction, at))
    };
    Direction::ALL.into_iter().flat_map(of).collect()
}

/// The next one who needs a connection has one that works within a second.
async fn next_goes_at_once(db: &TestDb) -> Result<()> {
    let begun = Instant::now();
    db.begin_and_roll_back().await?;
    db.em().count_all::<Tag>().await?;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    Ok(())
}

type Write = fn(&EntityManager, u32) -> futures::future::LocalBoxFuture<'_, Result<()>>;

/// Each writes something of its number.
const WRITES: [Write; 3] = [
    |em, number| {
        Box::pin(async move {
            let tags = (0..6).map(|at| Tag::new(&format!("several {number} {at}")));
            em.insert_many(tags).batch_size(2).await.map(drop)
        })
    },
    |em, number| {
        let age = i32::try_from(number).unwrap_or(0);
        Box::pin(
            async move { em.update_many(Author::NAME.eq("Jon")).set(Author::AGE, Some(age)).await.map(drop) },
        )
    },
    |em, number| {
        Box::pin(async move {
            let tags = (0..2).map(|at| Tag::new(&format!("upserted {number} {at}")));
            em.upsert_many(tags).on_conflict(Tag::LABEL).await.map(drop)
        })
    },
];

async fn read(em: &EntityManager) -> Result<()> {
    let authors = em.find_all::<Author>().populate(Author::BOOKS.then(Book::TAGS)).await?;
    assert_eq!(authors.len(), 1);
    assert_eq!(authors[0].books().len(), 1);
    assert_eq!(em.count_all::<Tag>().await?, 1);
    let labels: Vec<String> = em.sql("select label from tag", ()).fetch_as().await?;
    assert_eq!(labels, ["war"]);
    Ok(())
}

/// How a unit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Flush,
    Transaction,
}

/// A database whose state is the number of the last unit that was written.
struct Bench {
    by: ByProxy,
    past: TestDb,
}

impl Bench {
    async fn open<B: Backend>() -> Result<Self> {
        let by = B::connect_by_proxy().await?;
        let past = TestDb::on(by.past.clone(), blog::entities).await?;
        past.orm.schema().create().await?;
        let em = past.em();
        let jon = em.persist(Author { age: Some(0), ..Author::new("Jon") })?;
        let war = em.persist(Tag::new("war"))?;
        let book = em.persist(Book::new("book 0", &jon))?;
        book.tags_ref().add(&war)?;
        em.flush().await?;
        Ok(Self { by, past })
    }

    /// A new pool that nothing has broken yet.
    async fn through(&self, connections: u32) -> Result<TestDb> {
        TestDb::on(self.by.connect(connections).await?, blog::entities).await
    }

    /// How many bytes of each direction `work` takes after `prepare`.
    async fn measure<P>(
        &self,
        prepare: impl AsyncFnOnce(&TestDb) -> Result<P>,
        work: impl AsyncFnOnce(P) -> Result<()>,
    ) -> Result<[u64; 2]> {
        let db = self.through(2).await?;
        let prepared = prepare(&db).await?;
        let before = Direction::ALL.map(|direction| self.by.proxy.passed(direction));
        work(prepared).await?;
        Ok(Direction::ALL.map(|direction| self.by.proxy.passed(direction) - before[direction as usize]))
    }

    /// Whether the rule was met, and the server is done with what it met.
    async fn was_met(&self) -> bool {
        let was_met = !self.by.proxy.let_pass();
        self.by.proxy.settled().await;
        was_met
    }

    /// The last unit that was written; a part of one is a failure.
    async fn state(&self) -> Result<i32> {
        let em = self.past.em();
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).await?;
        let number = jon.get().age.unwrap_or(-1);
        let names = em.find_all::<Author>().order_by(Author::ID.asc()).select(Author::NAME).await?;
        let expected: Vec<String> =
            ["Jon".to_owned()].into_iter().chain((1..=number).map(|at| format!("author {at}"))).collect();
        assert_eq!(names, expected, "half of it was written");
        let books = em.find_all::<Book>().populate((Book::AUTHOR, Book::TAGS)).await?;
        let [book] = books.as_slice() else { panic!("half of it was written: {books:?}") };
        let tags: Vec<String> = book.tags().iter().map(|tag| tag.get().label.clone()).collect();
        assert_eq!((book.get().title.as_str(), tags), (&*format!("book {number}"), vec!["war".to_owned()]));
        assert_eq!(&book.author().get().name, expected.last().unwrap_or(&String::new()));
        Ok(number)
    }

    /// Whether the bulk write `at` was written; a part of it is a failure.
    async fn bulk_state(&self, at: usize, number: u32) -> Result<bool> {
        let em = self.past.em();
        let (found, all) = match at {
            0 => (em.count(Tag::LABEL.like(format!("several {number} %"))).await?, 6),
            1 => (em.count(Author::AGE.eq(i32::try_from(number).unwrap_or(0))).await?, 1),
            _ => (em.count(Tag::LABEL.like(format!("upserted {number} %"))).await?, 2),
        };
        assert!(found == 0 || found == all, "{found} of {all} were written");
        Ok(found == all)
    }
}

/// Changes that lead from one state of the bench to the next: inserts, an update, a link and a delete.
struct Unit {
    number: i32,
    em: EntityManager,
    jon: Loaded<Author>,
    author: Loaded<Author, NewEntity>,
    book: Loaded<Book, NewEntity>,
}

impl Unit {
    async fn prepare(db: &TestDb, number: i32) -> Result<Self> {
        let em = db.em();
        let jon = em.find_one_or_fail(Author::NAME.eq("Jon")).await?;
        let old = em.find_one_or_fail(Book::TITLE.eq(format!("book {}", number - 1))).await?;
        let war = em.find_one_or_fail(Tag::LABEL.eq("war")).await?;
        jon.edit().age = Some(number);
        let author = em.persist(Author::new(&format!("author {number}")))?;
        let book = em.persist(Book::new(&format!("book {number}"), &author))?;
        book.tags_ref().add(&war)?;
        em.remove(&old)?;
        Ok(Self { number, em, jon, author, book })
    }

    async fn run(&self, way: Way) -> Result<()> {
        match way {
            Way::Flush => self.em.flush().await,
            Way::Transaction => {
                let work = async |em: EntityManager| {
                    em.flush().await?;
                    em.transactional(async |em| {
                        let written = em.update_many(Author::NAME.eq("nobody")).set(Author::AGE, None::<i32>);
                        written.await.map(drop)
                    })
                    .await?;
                    em.count(Book::AUTHOR.is(Author::NAME.eq("Jon"))).await.map(drop)
                };
                self.em.transactional(work).await
            }
        }
    }

    /// Memory says what it knows, the rest is written, once. Whether it did not know.
    async fn goes_on(&self, bench: &Bench, db: &TestDb, way: Way) -> Result<bool> {
        let is_written = bench.state().await? == self.number;
        let is_unknown = match self.em.flush_plan() {
            Err(Error::OutcomeUnknown) => true,
            Err(error) => return Err(error),
            Ok(plan) => {
                // Nothing was forgotten, and nothing waits that was written.
                assert_eq!(is_written, plan.is_empty(), "{plan}");
                false
            }
        };
        // A flush settles after its commit; inside a transaction it did before, and its journal is kept.
        let is_settled = if is_unknown { way == Way::Transaction } else { is_written };
        assert_eq!(self.author.try_id().is_some(), is_settled);
        assert_eq!(self.jon.get().age, Some(self.number));
        if is_unknown {
            assert!(matches!(self.run(way).await, Err(Error::OutcomeUnknown)));
            if self.number % 3 == 0 {
                self.em.clear()?;
                if !is_written {
                    Self::prepare(db, self.number).await?.run(way).await?;
                }
                assert_eq!(bench.state().await?, self.number);
                return Ok(true);
            }
            self.em.accept_unknown(if is_written { Outcome::Committed } else { Outcome::RolledBack })?;
        }
        if !is_written {
            self.run(way).await?;
        }
        assert_eq!(bench.state().await?, self.number);
        assert!(self.em.flush_plan()?.is_empty());
        assert_eq!(self.book.author_ref().key(), self.author.try_id());
        Ok(is_unknown)
    }
}
