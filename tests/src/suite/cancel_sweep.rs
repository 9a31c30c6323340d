//! A flush that is polled `k` times and dropped, for every `k` until it is done, over many shapes of work.
//!
//! After each drop the next borrower of the one connection is in no transaction, the database is as before or as after,
//! memory is as before (or as after, if the commit was answered), and the next flush writes all of it, once. What has to
//! hold is what the naive model of [`crate::model`] says.
//!
//! In a transaction a flush that is cut off takes the whole of it along, unless nothing of it was sent yet.

use orm_core::Result;

use crate::model::entities;
use crate::model::operation::{Operation as Step, Trouble};
use crate::model::system::System;
use crate::suite::shapes::{self, Shape};
use crate::{Backend, TestDb};

/// New rows: with generated keys, in circles, referring to each other, linked.
pub async fn inserts_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    sweep::<B>(&shapes::inserts()).await
}

/// Changed rows: of different columns, with versions, moved, freed and taken unique values.
pub async fn updates_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    sweep::<B>(&shapes::updates()).await
}

/// Rows that go: with their links, emptying references, after what referred to them.
pub async fn deletes_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    sweep::<B>(&shapes::deletes()).await
}

/// Links from both sides, and everything at once.
pub async fn links_and_mixtures_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    sweep::<B>(&shapes::mixtures()).await
}

/// All shapes, in an open transaction.
pub async fn flushes_in_a_transaction_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    sweep_inside::<B>(&shapes::all(), 1).await
}

/// Mixtures, in a savepoint of an open transaction.
pub async fn flushes_in_a_savepoint_may_be_cut_off_at_any_await<B: Backend>() -> Result<()> {
    sweep_inside::<B>(&shapes::mixtures(), 2).await
}

/// The shapes are not fewer than they should be.
pub async fn there_are_twenty_shapes<B: Backend>() -> Result<()> {
    assert!(shapes::all().len() >= 20);
    Ok(())
}

async fn sweep<B: Backend>(shapes: &[Shape]) -> Result<()> {
    let mut db = TestDb::open::<B>(entities::entities).await?;
    for shape in shapes {
        for polls in 0.. {
            let mut system = System::new(db, 1);
            system.apply_all(&shapes::seed()).await?;
            system.apply_all(&shape.work).await?;
            let is_done = system.flush(0, Trouble::Polled(polls)).await?;
            system.begin_and_roll_back().await?;
            system.check()?;
            system.apply(&Step::Flush { context: 0, trouble: Trouble::None }).await?;
            system.check()?;
            assert!(system.is_saved(0), "{} after {polls} polls is not saved", shape.name);
            db = system.close().await?;
            if is_done {
                assert!(polls > 4, "{} was awaited {polls} times only", shape.name);
                break;
            }
        }
    }
    Ok(())
}

/// The same with as many transactions open, one in the other.
async fn sweep_inside<B: Backend>(shapes: &[Shape], depth: usize) -> Result<()> {
    let mut db = TestDb::open::<B>(entities::entities).await?;
    for shape in shapes {
        for polls in 0.. {
            let mut system = System::new(db, 1);
            system.apply_all(&shapes::seed()).await?;
            system.apply_all(&shape.work).await?;
            let is_done = system.flush_inside_cut_off(0, depth, polls).await?;
            system.begin_and_roll_back().await?;
            system.check()?;
            system.apply(&Step::Flush { context: 0, trouble: Trouble::None }).await?;
            system.check()?;
            assert!(system.is_saved(0), "{} after {polls} polls is not saved", shape.name);
            db = system.close().await?;
            if is_done {
                assert!(polls > 2, "{} was awaited {polls} times only", shape.name);
                break;
            }
        }
    }
    Ok(())
}
