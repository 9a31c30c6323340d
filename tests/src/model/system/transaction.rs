//! Transactions and savepoints, whose rollback leaves what there would be if nothing had been flushed in them.

use orm_core::Result;

use super::System;
use crate::model::operation::{End, Operation};

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
