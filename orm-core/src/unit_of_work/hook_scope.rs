//! What a flush's hooks and subscribers do to the context: seen by the flush, and taken back if it fails.
//!
//! A task-local marks their calls, so that a flush from inside is refused while another task's flush just waits for its
//! turn. Only that task is watched: what others change meanwhile is theirs.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

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

/// One thing that was done to the context.
enum Step {
    Persisted(CellId),
    Removed(CellId),
    /// One that was new is not to be saved any more; where it was.
    Forgotten(CellId, DroppedLinks),
    Restored(CellId),
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

    pub(crate) fn note_removed(region: &Region, cell: CellId) {
        Self::note(region, || Step::Removed(cell));
    }

    pub(crate) fn note_forgotten(region: &Region, cell: CellId, dropped: DroppedLinks) {
        Self::note(region, || Step::Forgotten(cell, dropped));
    }

    pub(crate) fn note_link(region: &Region, state: impl FnOnce() -> LinkState) {
        Self::note(region, || Step::Linked(state()));
    }

    pub(crate) fn note_restored(region: &Region, cell: CellId) {
        Self::note(region, || Step::Restored(cell));
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

    /// Takes back what was done, last things first. Edits that others published since stay.
    pub(super) fn take_back(&self) {
        let steps = std::mem::take(&mut *self.done.lock()).steps;
        let region = &*self.region;
        for step in steps.into_iter().rev() {
            match step {
                Step::Persisted(cell) if region.state(cell) == State::New => {
                    // A new cell is forgotten at once.
                    let _ = region.remove(cell);
                }
                Step::Persisted(_) => {}
                Step::Removed(cell) => region.take_back_removal(cell),
                Step::Forgotten(cell, dropped) => {
                    region.arena(cell.entity).revive_new(cell.at);
                    region.links().put_back(cell, dropped);
                }
                Step::Linked(state) => region.links().restore_link(region, &state),
                Step::Restored(cell) => {
                    // It was scheduled before, so it can be again.
                    let _ = region.remove(cell);
                }
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
