//! What a flush's hooks and subscribers do to the context: seen by the flush, and taken back if it fails.
//!
//! A task-local marks their calls, so that a flush from inside is refused while another task's flush just waits for its
//! turn. Only that task is watched: what others change meanwhile is theirs. Inside a transaction the steps go on to the
//! journal, since a rollback of the transaction takes the flush back.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::removal::Removal;
use crate::entity::{CellId, ErasedSnapshot, Region, State};
use crate::links::{DroppedLinks, LinkState};

tokio::task_local! {
    static INSIDE: Arc<HookScope>;
}

/// The calls of one flush.
pub(crate) struct HookScope {
    /// The context whose flush it is.
    context: u64,
    region: Arc<Region>,
    /// The flush of another context from whose hook this one was started.
    outer: Option<Arc<HookScope>>,
    done: Mutex<Done>,
    /// Whether the flush has the context's connection while they run.
    has_connection: AtomicBool,
}

#[derive(Default)]
struct Done {
    steps: Vec<Step>,
    /// How many of them the flush has looked at.
    seen: usize,
}

/// Marks the time for which a flush has the context's connection.
pub(super) struct HeldConnection<'a>(&'a HookScope);

impl Drop for HeldConnection<'_> {
    fn drop(&mut self) {
        self.0.has_connection.store(false, Ordering::Release);
    }
}

/// What hooks did to a context, in order.
pub(crate) struct HookSteps(Vec<Step>);

/// One thing that was done to the context.
enum Step {
    Persisted(CellId),
    /// One that was new is not to be saved any more; where it was.
    Forgotten(CellId, DroppedLinks),
    /// One is to be removed, or is not any more; how it was to be removed before.
    Removal(CellId, Option<Removal>),
    /// A link as it was before.
    Linked(LinkState),
    Edited {
        cell: CellId,
        before: ErasedSnapshot,
        after: ErasedSnapshot,
    },
}

impl HookScope {
    pub(super) fn new(context: u64, region: &Arc<Region>) -> Arc<Self> {
        let outer = INSIDE.try_with(Arc::clone).ok();
        Arc::new(Self {
            context,
            region: Arc::clone(region),
            outer,
            done: Mutex::default(),
            has_connection: AtomicBool::new(false),
        })
    }

    /// Whether this is called from inside a hook of a flush of `context`.
    pub(crate) fn is_inside(context: u64) -> bool {
        Self::find(|scope| scope.context == context).is_some()
    }

    /// Whether this is called from inside a hook while the flush has the connection of this session, so that waiting for
    /// it would never end.
    pub(crate) fn is_waited_for(session: u64) -> bool {
        let holds = |scope: &Self| {
            scope.has_connection.load(Ordering::Acquire) && scope.region.session().id() == session
        };
        Self::find(holds).is_some()
    }

    /// From now on the flush has the context's connection, until the guard goes.
    pub(super) fn hold_connection(&self) -> HeldConnection<'_> {
        self.has_connection.store(true, Ordering::Release);
        HeldConnection(self)
    }

    fn find(is_it: impl Fn(&Self) -> bool) -> Option<Arc<Self>> {
        let mut scope = INSIDE.try_with(Arc::clone).ok()?;
        while !is_it(&scope) {
            scope = scope.outer.clone()?;
        }
        Some(scope)
    }

    fn note(region: &Region, step: impl FnOnce() -> Step) {
        if let Some(scope) = Self::find(|scope| scope.region.id() == region.id()) {
            scope.done.lock().steps.push(step());
        }
    }

    pub(crate) fn note_persisted(region: &Region, cell: CellId) {
        Self::note(region, || Step::Persisted(cell));
    }

    pub(super) fn note_removal(region: &Region, cell: CellId, before: Option<Removal>) {
        Self::note(region, || Step::Removal(cell, before));
    }

    pub(crate) fn note_forgotten(region: &Region, cell: CellId, dropped: DroppedLinks) {
        Self::note(region, || Step::Forgotten(cell, dropped));
    }

    pub(crate) fn note_link(region: &Region, state: impl FnOnce() -> LinkState) {
        Self::note(region, || Step::Linked(state()));
    }

    /// To be called before anybody else can publish.
    pub(crate) fn note_edited(region: &Region, cell: CellId, before: &ErasedSnapshot) {
        if let Some(scope) = Self::find(|scope| scope.region.id() == region.id())
            && let Some(after) = region.arena(cell.entity).current(cell.at)
        {
            scope.done.lock().steps.push(Step::Edited { cell, before: Arc::clone(before), after });
        }
    }

    /// Runs a hook.
    pub(super) fn sync<R>(self: &Arc<Self>, hook: impl FnOnce() -> R) -> R {
        INSIDE.sync_scope(Arc::clone(self), hook)
    }

    /// Runs a subscriber.
    pub(super) async fn run<F: Future>(self: &Arc<Self>, subscriber: F) -> F::Output {
        INSIDE.scope(Arc::clone(self), subscriber).await
    }

    /// Whether anything was done since this was asked last.
    pub(super) fn has_news(&self) -> bool {
        let mut done = self.done.lock();
        let count = done.steps.len();
        std::mem::replace(&mut done.seen, count) != count
    }

    /// What was done and not taken since.
    pub(super) fn take_steps(&self) -> HookSteps {
        HookSteps(std::mem::take(&mut *self.done.lock()).steps)
    }
}

impl HookSteps {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes back what was done, last things first. Edits that others published since stay.
    pub(crate) fn take_back(self, region: &Region) {
        for step in self.0.into_iter().rev() {
            match step {
                Step::Persisted(cell) if region.state(cell) == State::New => {
                    // It was never there, so nothing goes with it.
                    region.links().drop_cell(region, cell);
                    region.arena(cell.entity).forget_new(cell.at);
                }
                Step::Persisted(_) => {}
                Step::Forgotten(cell, dropped) => {
                    region.arena(cell.entity).revive_new(cell.at);
                    region.links().put_back(cell, dropped);
                    let mut pending = region.pending();
                    if !pending.new.contains(&cell) {
                        pending.new.push(cell);
                    }
                }
                Step::Removal(cell, before) => region.put_back_removal(cell, before),
                Step::Linked(state) => region.links().restore_link(region, &state),
                Step::Edited { cell, before, after } => take_back_edit(region, cell, &before, &after),
            }
        }
    }
}

/// Makes an edit undone: what others published since `after` goes over `before`.
fn take_back_edit(region: &Region, cell: CellId, before: &ErasedSnapshot, after: &ErasedSnapshot) {
    let arena = region.arena(cell.entity);
    while let Some(current) = arena.current(cell.at) {
        let value = if Arc::ptr_eq(&current, after) {
            arena.value_from(before)
        } else {
            arena.value_from(&arena.merge(after, &current, before))
        };
        if region.try_publish(cell, &current, value).is_ok() {
            return;
        }
    }
}
