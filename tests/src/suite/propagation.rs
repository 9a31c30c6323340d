//! How a transaction stands to the one that is open: beside it, joined to it, or as restricted as it is.

use orm_core::driver::Writers;
use orm_core::{
    Condition, ContextSource, EntityManager, Error, Propagation, Result, TransactionOptions, transactional,
};

use crate::fixtures::blog::{self, Tag};
use crate::recorder::Operation;
use crate::{Backend, TestDb};

struct Service {
    em: EntityManager,
}

impl ContextSource for Service {
    fn context_manager(&self) -> EntityManager {
        self.em.clone()
    }
}

impl Service {
    #[transactional(propagation = RequiresNew)]
    async fn audit(&self) -> Result<u64> {
        assert!(self.em.is_in_transaction());
        self.em.persist(Tag::new("audit"))?;
        Ok(self.em.id())
    }

    #[transactional(propagation = NotSupported)]
    async fn look(&self) -> Result<u64> {
        assert!(!self.em.is_in_transaction());
        self.em.count(Condition::<Tag>::always()).await
    }

    #[transactional]
    async fn add(&self) -> Result<()> {
        assert!(self.em.is_in_transaction());
        self.em.persist(Tag::new("added")).map(drop)
    }
}

async fn two_connections<B: Backend>() -> Result<TestDb> {
    TestDb::open_pool::<B>(2, blog::entities).await
}

/// An attribute whose manager stands for itself can't move the body to another transaction, and says what can.
pub async fn an_attribute_on_a_plain_fork_refuses_to_leave_the_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let service = Service { em: db.em() };
    for error in [service.audit().await.map(drop), service.look().await.map(drop)] {
        let error = error.expect_err("the body would stay where it is");
        assert!(matches!(error, Error::Transaction { .. }), "{error:?}");
        assert!(error.to_string().contains("orm.em()"), "{error}");
    }
    assert!(db.recorder.operations().is_empty());
    service.add().await?;
    assert_eq!(
        db.recorder.operations(),
        [Operation::Begin, Operation::Insert("Tag".into(), 1), Operation::Commit]
    );
    Ok(())
}

/// With the manager of the ORM the body is in the new transaction, which stays whatever becomes of the outer one.
pub async fn an_attribute_on_the_global_manager_moves_the_body<B: Backend>() -> Result<()> {
    let db = two_connections::<B>().await?;
    let service = Service { em: db.orm.em().clone() };
    let outer: Result<()> = db
        .orm
        .em()
        .transactional_with(TransactionOptions::new().read_only(), async |em| {
            assert_ne!(service.audit().await?, em.id());
            assert_eq!(db.orm.em().id(), em.id(), "the outer one is back");
            Err(Error::other("no"))
        })
        .await;
    assert_eq!(outer.expect_err("it fails").to_string(), "no");
    assert_eq!(db.em().count_all::<Tag>().await?, 1);
    Ok(())
}

/// What goes without the transaction reads beside it, with the manager of the ORM too.
pub async fn not_supported_reads_beside_the_transaction<B: Backend>() -> Result<()> {
    let db = two_connections::<B>().await?;
    let global = db.orm.em();
    let service = Service { em: global.clone() };
    db.em().insert(Tag::new("seen")).await?;
    db.recorder.reset();
    global
        .transactional_with(TransactionOptions::new().read_only(), async |outer| {
            let inside = async |given: EntityManager| {
                assert!(!given.is_in_transaction() && !global.is_in_transaction());
                assert_eq!(given.id(), global.id());
                assert_ne!(given.id(), outer.id());
                let tag = global.find_one_or_fail(Tag::LABEL.eq("seen")).await?;
                assert!(given.contains(&tag) && !outer.contains(&tag));
                Ok(())
            };
            global.transactional_with(Propagation::NotSupported, inside).await?;
            assert_eq!(service.look().await?, 1);
            assert!(global.is_in_transaction());
            assert_eq!(global.id(), outer.id(), "the transaction is back");
            Ok(())
        })
        .await?;
    let steps = db.recorder.operations();
    assert_eq!(steps.iter().filter(|step| **step == Operation::Begin).count(), 1, "{steps:?}");
    Ok(())
}

/// Where there is no transaction and no context, the manager of the ORM stands for the fork that the closure got.
pub async fn going_without_a_transaction_needs_no_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let global = db.orm.em();
    for propagation in [Propagation::Supports, Propagation::Never, Propagation::NotSupported] {
        global
            .transactional_with(propagation, async |em| {
                assert_eq!(global.id(), em.id());
                assert_eq!(global.count_all::<Tag>().await?, 0);
                Ok(())
            })
            .await?;
    }
    global.count_all::<Tag>().await.expect_err("outside there is no context");
    Ok(())
}

/// What stands in a transaction that only reads only reads, whatever it asks for.
pub async fn a_savepoint_writes_no_more_than_its_transaction<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let em = db.em();
    let read_only = TransactionOptions::new().read_only();
    let error = em
        .transactional_with(read_only, async |em| {
            em.transactional(async |em| em.persist(Tag::new("a")).map(drop)).await
        })
        .await
        .expect_err("the transaction only reads");
    assert!(matches!(error, Error::Transaction { .. }), "{error:?}");
    assert!(error.to_string().contains("read only"), "{error}");
    assert_eq!(db.recorder.writes(), 0);

    let error = em
        .transactional_with(read_only, async |em| {
            em.begin().await?;
            em.insert_many([Tag::new("a"), Tag::new("b")]).await.map(drop)
        })
        .await
        .expect_err("the transaction only reads");
    assert!(error.to_string().contains("read only"), "{error}");
    assert_eq!(db.em().count_all::<Tag>().await?, 0);
    Ok(())
}

/// A savepoint that only reads stands in a transaction that may write: beside it is no place for another writer.
pub async fn a_reading_savepoint_makes_no_room_for_a_second_writer<B: Backend>() -> Result<()> {
    let db = two_connections::<B>().await?;
    if db.orm.capabilities().writers != Writers::One {
        return Ok(());
    }
    let em = db.em();
    em.transactional(async |em| {
        em.insert(Tag::new("a")).await?;
        em.transactional_with(TransactionOptions::new().read_only(), async |em| {
            let refused = em.transactional_with(Propagation::RequiresNew, async |_| Ok(())).await;
            let error = refused.expect_err("it would wait for its own transaction");
            assert!(error.to_string().contains("one writer"), "{error}");
            Ok(())
        })
        .await
    })
    .await
}
