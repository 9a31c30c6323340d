//! `Em`: the manager of the request, as an argument of a handler.

use std::ops::Deref;

use orm_core::{EntityManager, RequestContext};

/// The manager of the current request context, as an extractor of axum and of actix-web.
///
/// Of several managers it is the one with the default name; a single one is taken whatever its name. Others are had by
/// [`RequestContext::get_entity_manager`], or by the global manager of their ORM, which finds the context by itself.
///
/// # Examples
///
/// ```
/// # use orm_core::Entity;
/// # use orm_web::Em;
/// # #[derive(Entity, Clone, Debug, Default)]
/// # struct Book { #[entity(id, auto)] id: i64, title: String }
/// async fn count(em: Em) -> Result<String, String> {
///     em.count_all::<Book>().await.map(|count| count.to_string()).map_err(|error| error.to_string())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Em(pub EntityManager);

impl Em {
    /// The manager of the current context.
    ///
    /// # Errors
    ///
    /// [`NoContext`].
    pub fn current() -> Result<Self, NoContext> {
        let context = RequestContext::current();
        match context.as_ref().map_or(&[][..], RequestContext::managers) {
            [] => Err(NoContext { managers: Vec::new() }),
            [only] => Ok(Self(only.clone())),
            several => {
                let default = several.iter().find(|em| em.name() == EntityManager::DEFAULT_NAME);
                let names = || several.iter().map(|em| em.name().to_owned()).collect();
                default.cloned().map(Self).ok_or_else(|| NoContext { managers: names() })
            }
        }
    }

    /// As [`current`](Self::current), for a framework: what fails is logged.
    pub(crate) fn extract() -> Result<Self, NoContext> {
        Self::current().inspect_err(|error| tracing::error!(target: "orm", "{error}"))
    }
}

impl Deref for Em {
    type Target = EntityManager;

    fn deref(&self) -> &EntityManager {
        &self.0
    }
}

/// A handler asked for [`Em`] where it has none. Answered with 500, and logged; the client is told why in debug builds only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problem(managers))]
pub struct NoContext {
    /// The names of the managers that there are, if there is a context.
    managers: Vec<String>,
}

impl NoContext {
    /// What the client is told.
    pub(crate) fn body(&self) -> String {
        if cfg!(debug_assertions) { self.to_string() } else { String::new() }
    }
}

fn problem(managers: &[String]) -> String {
    if managers.is_empty() {
        return "`Em` was asked for outside any request context: the layer is missing, or is inside of what asks. Add \
                `.layer(RequestContextLayer::new(&orm))` in axum, `.wrap(RequestContextMiddleware::new(&orm))` in \
                actix-web, after the routes and after the layers that use the ORM: the last one is the outermost"
            .to_owned();
    }
    format!(
        "the request context has several managers, `{}`, and none with the default name, so that `Em` can't choose: take \
         one by `RequestContext::get_entity_manager(name)`",
        managers.join("`, `")
    )
}
