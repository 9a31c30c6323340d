//! Typed values of a manager: set for a request, inherited by forks, read by filters and hooks.

use std::sync::Arc;

use orm_core::{Error, RequestContext, Result};

use crate::Backend;
use crate::fixtures::blog;

#[derive(Debug, PartialEq, Eq)]
struct CurrentUser(&'static str);

#[derive(Debug, PartialEq, Eq)]
struct Locale(&'static str);

/// One value a type: another of the same type replaces it, one of another type stands beside it.
pub async fn a_manager_keeps_one_value_a_type<B: Backend>() -> Result<()> {
    let em = blog::empty::<B>().await?.em();
    assert_eq!(em.get::<CurrentUser>(), None);

    em.set(CurrentUser("jon"))?;
    em.set(Locale("en"))?;
    em.set(CurrentUser("sam"))?;

    assert_eq!(em.get(), Some(Arc::new(CurrentUser("sam"))));
    assert_eq!(em.get(), Some(Arc::new(Locale("en"))));
    assert_eq!(em.unset()?, Some(Arc::new(Locale("en"))));
    assert_eq!(em.get::<Locale>(), None);
    Ok(())
}

/// A fork starts with its parent's values; what is set later flows neither down nor up.
pub async fn a_fork_starts_with_the_values_of_its_parent<B: Backend>() -> Result<()> {
    let parent = blog::empty::<B>().await?.em();
    parent.set(CurrentUser("jon"))?;

    let fork = parent.fork();
    assert_eq!(fork.get(), Some(Arc::new(CurrentUser("jon"))));
    fork.set(Locale("en"))?;
    parent.set(CurrentUser("sam"))?;

    assert_eq!(fork.get(), Some(Arc::new(CurrentUser("jon"))));
    assert_eq!(parent.get::<Locale>(), None);
    Ok(())
}

/// `clear` empties the identity map and keeps what the request is about.
pub async fn clear_keeps_the_values<B: Backend>() -> Result<()> {
    let em = blog::empty::<B>().await?.em();
    em.set(CurrentUser("jon"))?;
    em.clear()?;
    assert_eq!(em.get(), Some(Arc::new(CurrentUser("jon"))));
    Ok(())
}

/// The global manager stands for the current context, and has no values of its own.
pub async fn values_belong_to_the_current_context<B: Backend>() -> Result<()> {
    let db = blog::empty::<B>().await?;
    let global = db.orm.em();
    let refused = global.set(CurrentUser("jon")).expect_err("it is the global manager");
    assert!(matches!(refused, Error::GlobalContext { method: "set", .. }), "{refused}");

    RequestContext::create(global, async {
        global.set(CurrentUser("jon"))?;
        assert_eq!(global.get(), Some(Arc::new(CurrentUser("jon"))));
        RequestContext::create(global, async {
            assert_eq!(global.get(), Some(Arc::new(CurrentUser("jon"))), "a nested context is a fork");
            global.set(CurrentUser("sam"))
        })
        .await?;
        assert_eq!(global.get(), Some(Arc::new(CurrentUser("jon"))));
        Ok::<_, Error>(())
    })
    .await?;

    assert_eq!(global.get::<CurrentUser>(), None);
    Ok(())
}
