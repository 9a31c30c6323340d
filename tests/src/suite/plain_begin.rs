//! Why the drivers begin transactions under a guard of their own: what sqlx's `pool.begin()` leaves when it is dropped.
//!
//! sqlx notes that a transaction is open when the answer to BEGIN is there. A future that is dropped between the two gives a
//! connection back that nobody rolls back: whoever borrows it next is inside of a transaction of somebody else's, and what
//! it writes is gone with that. Programs drop futures as a matter of course: at a timeout, or when a client hangs up.

use std::pin::pin;

use orm_core::Result;

use crate::fixtures::blog;
use crate::model::polls::poll_times;
use crate::{Backend, TestDb};

/// Dropped at some point, sqlx's own way leaves a transaction open; the driver's never does.
pub async fn a_dropped_begin_leaves_a_transaction_open_without_a_guard<B: Backend>() -> Result<()> {
    let left_open = B::plain_begin_left_open().await?;
    println!("polls after which a plain begin was left open: {left_open:?}");
    assert_eq!(left_open.is_some(), B::facts().plain_begin_is_left_open);

    let db = TestDb::open::<B>(blog::entities).await?;
    for polls in 1.. {
        let em = db.em();
        let is_done = {
            let mut begin = pin!(async { em.begin().await });
            poll_times(&mut begin, polls).await.is_some()
        };
        if is_done {
            em.rollback().await?;
        }
        drop(em);
        db.begin_and_roll_back().await?;
        if is_done {
            break;
        }
    }
    Ok(())
}
