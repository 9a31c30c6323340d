//! Scopes without a service: two that are joined on one task, and what is current after one has ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use orm_core::{EntityManager, Error, Orm, RequestContext};
use orm_sqlx::Sqlite;
use tokio::task::yield_now;

use crate::Outcome;
use crate::library::Author;
use crate::run::runtime;
use crate::service::Planned;
use crate::witness::{Check, Witness};

/// So often two scopes are joined.
pub(crate) const JOINS: i64 = 10_000;
/// So often a scope ends in each way.
const ENDS: i64 = 1_000;

pub(crate) fn run(witness: &Arc<Witness>) -> Outcome<()> {
    let runtime = runtime(1)?;
    let witness = Arc::clone(witness);
    runtime.block_on(async move {
        let orm = Orm::builder(Sqlite::connect("sqlite::memory:").await?).entity::<Author>().build().await?;
        for round in 0..JOINS {
            join(&orm, &witness, round).await?;
        }
        RequestContext::create(&orm, async {
            for round in 0..ENDS {
                ends(orm.em(), &witness, round).await;
            }
        })
        .await;
        let outside = orm.em().get_context();
        witness.check(Check::OuterRestored, outside.is_err(), || "a context is left".into());
        Ok(())
    })
}

/// The value of a scope.
struct Owner(i64);

/// Both work by turns on what is the same row, by its key, and another instance in each.
async fn join(orm: &Orm, witness: &Witness, round: i64) -> Outcome<()> {
    let scope = |number| RequestContext::create(orm, in_scope(orm.em(), witness, number));
    let (one, two) = tokio::join!(scope(round * 2 + 1), scope(round * 2 + 2));
    let (one, two) = (one?, two?);
    witness.check(Check::JoinedScopes, one != two, || format!("both are {one}"));
    Ok(())
}

async fn in_scope(em: &EntityManager, witness: &Witness, number: i64) -> Result<u64, Error> {
    let context = em.id();
    em.set(Owner(number))?;
    yield_now().await;
    let author = em.merge(Author { id: 1, tenant: number, ..Author::default() })?;
    for step in 0..4 {
        yield_now().await;
        author.edit().mark += number;
        let found = em.find_by_id::<Author>(1).await?;
        let is_own = em.id() == context
            && em.managed_count()? == 1
            && em.get::<Owner>().is_some_and(|owner| owner.0 == number)
            && found.is_some_and(|found| {
                found == author && found.get().tenant == number && found.get().mark == number * (step + 1)
            });
        witness.check(Check::JoinedScopes, is_own, || format!("scope {number} at step {step}"));
    }
    Ok(context)
}

/// A scope inside of the current one ends well, with an error, by a panic, and by a drop.
async fn ends(em: &EntityManager, witness: &Witness, round: i64) {
    let outer = em.id();
    let is_back = |inner: Option<u64>, how: &str| {
        witness.check(Check::OuterRestored, em.id() == outer && inner != Some(outer), || {
            format!("round {round}, after {how}: {} instead of {outer}", em.id())
        });
    };
    let work = async |result: Result<(), Error>| {
        yield_now().await;
        result.map(|()| em.id())
    };
    let ended = RequestContext::create(em, work(Ok(()))).await;
    is_back(ended.ok(), "Ok");
    let ended = RequestContext::create(em, work(Err(Error::other("as planned")))).await;
    is_back(ended.ok(), "Err");
    let panicking = RequestContext::create(em, async {
        yield_now().await;
        std::panic::panic_any(Planned)
    });
    let ended = AssertUnwindSafe(panicking).catch_unwind().await;
    is_back(ended.ok(), "panic");
    let mut dropped = Box::pin(RequestContext::create(em, async {
        yield_now().await;
        std::future::pending::<()>().await;
    }));
    for _ in 0..2 {
        assert!(futures::poll!(&mut dropped).is_pending(), "it never ends");
        is_back(None, "a poll");
    }
    drop(dropped);
    is_back(None, "drop");
}
