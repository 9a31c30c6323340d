//! Options of managers.

/// When queries flush pending changes by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushMode {
    /// Inside a transaction, before a query that touches entities with pending changes. Outside one a read never
    /// writes; a query that misses pending changes says so through `tracing`.
    #[default]
    Auto,
    /// Never: only `flush` and the end of a transaction do.
    Commit,
    /// Before every finder and count, if anything is pending. `populate`, lazy loads and `refresh`, which start from
    /// entities that are loaded, do not flush.
    Always,
}

/// How [`fork_with`](crate::EntityManager::fork_with) makes a context.
///
/// `ForkOptions::default().clear(false)` or `ForkOptions { clear: false, ..Default::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkOptions {
    /// Starts with an empty identity map (the default). If not, the fork gets the parent's entities that have a key:
    /// their snapshots are shared, their identity is not, so an edit in one is never seen in the other.
    pub clear: bool,
    /// Lets the fork look for the current context at every call, as the global manager does. For storages of contexts.
    pub use_context: bool,
    /// Forks this manager itself, not the one of the current context. For use inside a custom `context` callback.
    pub disable_context_resolution: bool,
    /// Leaves the fork without the subscribers that were added to its parent; those of the ORM stay.
    pub fresh_subscribers: bool,
    /// Leaves the fork without what its parent chose about filters: each is on or off by its own default. Either way the
    /// fork chooses for itself from then on, by [`enable_filter`](crate::EntityManager::enable_filter) and its kin.
    pub fresh_filters: bool,
    /// When queries flush; `None`: as the parent.
    pub flush_mode: Option<FlushMode>,
}

impl ForkOptions {
    /// Sets [`clear`](Self#structfield.clear).
    #[must_use]
    pub fn clear(mut self, clear: bool) -> Self {
        self.clear = clear;
        self
    }

    /// Sets [`use_context`](Self#structfield.use_context).
    #[must_use]
    pub fn use_context(mut self, use_context: bool) -> Self {
        self.use_context = use_context;
        self
    }

    /// Sets [`disable_context_resolution`](Self#structfield.disable_context_resolution).
    #[must_use]
    pub fn disable_context_resolution(mut self, disable: bool) -> Self {
        self.disable_context_resolution = disable;
        self
    }

    /// Sets [`fresh_subscribers`](Self#structfield.fresh_subscribers).
    #[must_use]
    pub fn fresh_subscribers(mut self, fresh: bool) -> Self {
        self.fresh_subscribers = fresh;
        self
    }

    /// Sets [`fresh_filters`](Self#structfield.fresh_filters).
    #[must_use]
    pub fn fresh_filters(mut self, fresh: bool) -> Self {
        self.fresh_filters = fresh;
        self
    }

    /// Sets [`flush_mode`](Self#structfield.flush_mode).
    #[must_use]
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.flush_mode = Some(mode);
        self
    }
}

impl Default for ForkOptions {
    fn default() -> Self {
        Self {
            clear: true,
            use_context: false,
            disable_context_resolution: false,
            fresh_subscribers: false,
            fresh_filters: false,
            flush_mode: None,
        }
    }
}

/// What became of a transaction whose commit was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the database.
    Committed,
    /// It is not.
    RolledBack,
}
