//! The beginning of a request: its context, and what `on_enter` sets in it or refuses.

use orm_core::{EntityManager, Error, RequestContext};

use crate::settings::Settings;
use crate::summary::{Head, Summary};

/// What a function given to `on_enter` may return: nothing, or a result whose error is answered at once.
///
/// `()`, `Result<(), StatusCode>` and [`orm_core::Result<()>`](orm_core::Result) are such; a type of your own may be.
#[diagnostic::on_unimplemented(
    message = "`on_enter` can't return `{Self}`",
    label = "neither `()`, nor `Result<(), StatusCode>`, nor `orm_core::Result<()>`"
)]
pub trait EnterResult {
    /// Whether the handler may run.
    ///
    /// # Errors
    ///
    /// What the client is answered instead.
    fn entered(self) -> Result<(), Refusal>;
}

/// Why a handler does not run.
#[derive(Debug)]
pub enum Refusal {
    /// The client is answered with this status, and no body.
    Status(u16),
    /// Something failed: the client is answered with 500, and the error is logged.
    Failed(Error),
}

impl EnterResult for () {
    fn entered(self) -> Result<(), Refusal> {
        Ok(())
    }
}

impl EnterResult for orm_core::Result<()> {
    fn entered(self) -> Result<(), Refusal> {
        self.map_err(Refusal::Failed)
    }
}

#[cfg(feature = "tower")]
impl EnterResult for Result<(), http::StatusCode> {
    fn entered(self) -> Result<(), Refusal> {
        self.map_err(|status| Refusal::Status(status.as_u16()))
    }
}

#[cfg(feature = "actix")]
impl EnterResult for Result<(), actix_web::http::StatusCode> {
    fn entered(self) -> Result<(), Refusal> {
        self.map_err(|status| Refusal::Status(status.as_u16()))
    }
}

/// A request that has its context.
pub(crate) struct Entered {
    pub(crate) context: RequestContext,
    /// Those of the context that the middleware named.
    pub(crate) managers: Vec<EntityManager>,
    /// What the log will tell of it.
    pub(crate) summary: Option<Summary>,
}

impl Entered {
    /// Notes with what status the request is answered.
    pub(crate) fn answered(&mut self, status: u16) {
        if let Some(summary) = &mut self.summary {
            summary.answered(status);
        }
    }
}

impl<H: Head> Settings<H> {
    /// Makes the context of a request, or takes the current one as far as it has the managers, and runs `on_enter` in it.
    ///
    /// # Errors
    ///
    /// The status that the request is answered with.
    pub(crate) fn enter(&self, head: &H) -> Result<Entered, u16> {
        let (context, made) = self.context();
        let mut summary = if made.is_empty() { None } else { Summary::of(head, &context, &made) };
        let managers: Vec<EntityManager> =
            self.managers.iter().filter_map(|em| context.manager_for(em)).collect();
        let entering = context.scope_sync(|| {
            managers
                .iter()
                .try_for_each(|em| self.on_enter.iter().try_for_each(|on_enter| on_enter(em, head)))
        });
        let status = match entering {
            Ok(()) => return Ok(Entered { context, managers, summary }),
            Err(Refusal::Status(status)) => status,
            Err(Refusal::Failed(error)) => {
                tracing::error!(
                    target: "orm", error = &error as &dyn std::error::Error,
                    "`on_enter` failed; the request is answered with 500 and its handler does not run"
                );
                500
            }
        };
        if let Some(summary) = &mut summary {
            summary.answered(status);
        }
        Err(status)
    }

    /// The context of a request, and those of its managers that were made for it.
    fn context(&self) -> (RequestContext, Vec<EntityManager>) {
        let made = |managers: &[EntityManager]| {
            let context = RequestContext::__new_at(managers.to_vec(), self.place);
            let made = managers.iter().filter_map(|em| context.manager_for(em)).collect();
            (context, made)
        };
        let Some(outer) = RequestContext::current() else { return made(&self.managers) };
        let (there, missing): (Vec<_>, Vec<_>) =
            self.managers.iter().cloned().partition(|em| outer.manager_for(em).is_some());
        for em in &there {
            tracing::warn!(
                target: "orm", manager = em.name(),
                "a request context layer is inside of another one with the same manager: the request goes on in the context \
                 of the outer one; one of the two is to be removed"
            );
        }
        if missing.is_empty() { (outer, missing) } else { made(&missing) }
    }
}
