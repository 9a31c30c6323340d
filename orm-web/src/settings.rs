//! What a middleware was told: the managers, and the options that both frameworks have.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use orm_core::EntityManager;
use orm_core::context::RequestManagers;

use crate::enter::{EnterResult, Refusal};

/// What is done with a new context before the handler runs. `H` is the head of a request in the framework's words.
type OnEnter<H> = Arc<dyn Fn(&EntityManager, &H) -> Result<(), Refusal> + Send + Sync>;

pub(crate) struct Settings<H> {
    /// Those that a context is made of; global ones, as a rule.
    pub(crate) managers: Vec<EntityManager>,
    /// Where the program has made the middleware.
    pub(crate) place: &'static Location<'static>,
    /// In the order in which they were given.
    pub(crate) on_enter: Vec<OnEnter<H>>,
    pub(crate) flush_on_success: bool,
    pub(crate) detached: bool,
    pub(crate) body_in_context: bool,
}

impl<H> Settings<H> {
    #[track_caller]
    pub(crate) fn new(managers: impl RequestManagers) -> Self {
        Self {
            managers: managers.request_managers(),
            place: Location::caller(),
            on_enter: Vec::new(),
            flush_on_success: false,
            detached: false,
            body_in_context: false,
        }
    }

    pub(crate) fn add_on_enter<R: EnterResult>(
        &mut self,
        on_enter: impl Fn(&EntityManager, &H) -> R + Send + Sync + 'static,
    ) {
        self.on_enter.push(Arc::new(move |em, head| on_enter(em, head).entered()));
    }
}

impl<H> Clone for Settings<H> {
    fn clone(&self) -> Self {
        Self { managers: self.managers.clone(), on_enter: self.on_enter.clone(), ..*self }
    }
}

impl<H> fmt::Debug for Settings<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("managers", &self.managers)
            .field("on_enter", &self.on_enter.len())
            .field("flush_on_success", &self.flush_on_success)
            .field("detached", &self.detached)
            .field("body_in_context", &self.body_in_context)
            .finish()
    }
}
