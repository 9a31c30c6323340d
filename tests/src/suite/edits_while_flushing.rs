//! Work done by another task while a flush runs, at each of its awaits: kept, not in it, and written by the next.
//!
//! What has to hold is what the naive model of [`crate::model`] says, which treats it as done after the flush.

use orm_core::Result;

use crate::model::entities;
use crate::model::operation::{Operation as Step, Trouble};
use crate::model::reference::ToOne;
use crate::model::system::System;
use crate::suite::shapes::{self, code, link, relate, remove, unlink, value};
use crate::{Backend, TestDb};

/// Edits of what is written, of what is not, and of the very fields that are written.
pub async fn fields_edited_at_any_await_are_written_next<B: Backend>() -> Result<()> {
    let meanwhile = [value(1, 1), value(2, 2), code(3, Some(7)), value(4, 1), value(13, 2), value(31, 1)];
    at_any_await::<B>(&meanwhile).await
}

/// References, from both sides, to rows that are new and old.
pub async fn references_edited_at_any_await_are_written_next<B: Backend>() -> Result<()> {
    let meanwhile = [
        relate(3, ToOne::Boss, Some(2)),
        relate(11, ToOne::Owner, Some(3)),
        relate(2, ToOne::Boss, Some(4)),
        relate(31, ToOne::Holder, Some(3)),
        Step::Add { context: 0, owner: 2, relation: ToOne::Maker, item: 11 },
    ];
    at_any_await::<B>(&meanwhile).await
}

/// Links, also those that are being written.
pub async fn links_edited_at_any_await_are_written_next<B: Backend>() -> Result<()> {
    let meanwhile =
        [link(12, 22), unlink(11, 21), unlink(13, 23), link(11, 22), unlink(11, 22), link(13, 22)];
    at_any_await::<B>(&meanwhile).await
}

/// Removals, also of what is being inserted.
pub async fn removals_made_at_any_await_are_written_next<B: Backend>() -> Result<()> {
    at_any_await::<B>(&[remove(22), remove(32), remove(13), remove(23)]).await
}

/// New entities, also such as refer to what is being inserted.
pub async fn what_is_persisted_at_any_await_is_written_next<B: Backend>() -> Result<()> {
    at_any_await::<B>(&[
        shapes::person(9, Some(4)),
        shapes::item(14, 9, Some(4)),
        shapes::tag(24),
        link(14, 24),
    ])
    .await
}

/// While each shape of work is flushed.
async fn at_any_await<B: Backend>(meanwhile: &[Step]) -> Result<()> {
    let mut db = TestDb::open::<B>(entities::entities).await?;
    for shape in shapes::inserts().into_iter().chain(shapes::updates()).chain(shapes::mixtures()) {
        for polls in 1.. {
            let mut system = System::new(db, 1);
            system.apply_all(&shapes::seed()).await?;
            system.apply_all(&shape.work).await?;
            let was_done = system.flush_after_polls(0, polls, meanwhile).await?;
            system.check()?;
            system.apply(&Step::Flush { context: 0, trouble: Trouble::None }).await?;
            system.check()?;
            assert!(system.is_saved(0), "{} edited after {polls} polls is not saved", shape.name);
            db = system.close().await?;
            if was_done {
                break;
            }
        }
    }
    Ok(())
}
