//! Transactions and savepoints, whose rollback leaves what there would be if nothing had been flushed in them.

use std::pin::pin;

use orm_core::{Error, Result};

use super::System;
use crate::model::operation::{End, Operation};
use crate::model::polls::poll_times;

impl System {
    /// A transaction, or in one a savepoint, with its steps and its end.
    pub(super) async fn transaction(&mut self, context: usize, steps: &[Operation], end: End) -> Result<()> {
        let em = self.live[context].em.clone();
        let is_outermost = self.unflushed.is_empty();
        let before = self.store.clone();
        self.unflushed.push(self.contexts[context].clone());
        em.begin().await?;
        for step in steps {
            match step {
                Operation::Flush { .. } => self.flush_inside(context).await?,
                Operation::Transaction { steps, end, .. } => {
                    Box::pin(self.transaction(context, steps, *end)).await?;
                }
                edit => self.apply_at_once(edit)?,
            }
        }
        let expected = self.contexts[context].flush(&self.store);
        let result = match end {
            End::Commit => em.commit().await.map(|()| true),
            End::Rollback => em.rollback().await.map(|()| false),
        };
        let unflushed = self.unflushed.pop().unwrap_or_default();
        match result {
            Ok(true) => {
                assert!(
                    !expected.refusal.is_certain(),
                    "the commit should have failed: {:?}",
                    expected.refusal
                );
                self.store = expected.store;
                self.accept_memory(context, expected.context);
            }
            failed => {
                if let Err(error) = failed {
                    assert!(
                        self.may_be(context, &expected.refusal, &error),
                        "{error:?}, {:?}",
                        expected.refusal
                    );
                }
                self.store = before.clone();
                self.contexts[context] = unflushed;
                let live = &mut self.live[context];
                let memory = &self.contexts[context];
                let back: Vec<_> =
                    live.gone.keys().copied().filter(|mark| memory.cells.contains_key(mark)).collect();
                live.handles.extend(back.into_iter().filter_map(|mark| live.gone.remove_entry(&mark)));
            }
        }
        if is_outermost {
            let stored = self.stored().await?;
            assert_eq!(stored, self.store, "what is stored after the transaction of context {context}");
            self.store = before;
            self.accept_stored(context, stored);
        }
        Ok(())
    }

    /// A flush in so many open transactions, each in the one before, that is polled so many times and dropped, and the
    /// end of all of them: they are committed whole, or refuse to be. Whether the flush came to its end.
    ///
    /// # Errors
    ///
    /// Whatever the system refuses though the model does not.
    ///
    /// # Panics
    ///
    /// Where the two do not agree.
    pub async fn flush_inside_cut_off(&mut self, context: usize, depth: usize, polls: usize) -> Result<bool> {
        let expected = self.contexts[context].flush(&self.store);
        let em = self.live[context].em.clone();
        let recorder = self.db.recorder.clone();
        for _ in 0..depth {
            em.begin().await?;
        }
        recorder.give_way();
        let flushed = {
            let mut flush = pin!(em.flush());
            poll_times(&mut flush, polls).await
        };
        recorder.go_on();
        let is_done = flushed.is_some();
        flushed.transpose()?;
        let mut committed = Ok(());
        for _ in 0..depth {
            committed = em.commit().await;
        }
        recorder.reset();
        match committed {
            Ok(()) => self.accept(context, expected).await?,
            Err(Error::Transaction { .. }) if !is_done => self.assert_stored_as_before().await?,
            Err(error) => return Err(error),
        }
        Ok(is_done)
    }

    /// A flush under a savepoint of its own.
    async fn flush_inside(&mut self, context: usize) -> Result<()> {
        let expected = self.contexts[context].flush(&self.store);
        let em = self.live[context].em.clone();
        match em.flush().await {
            Ok(()) => {
                assert!(
                    !expected.refusal.is_certain(),
                    "the flush should have failed: {:?}",
                    expected.refusal
                );
                self.store = expected.store;
                self.accept_memory(context, expected.context);
            }
            Err(error) => {
                assert!(self.may_be(context, &expected.refusal, &error), "{error:?}, {:?}", expected.refusal);
            }
        }
        Ok(())
    }
}
