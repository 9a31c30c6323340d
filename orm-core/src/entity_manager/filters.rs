//! Filters of one context: switched and given parameters for all its queries, inherited by forks.

use super::EntityManager;
use crate::error::Result;
use crate::filter::{FilterChoices, Switch};

impl EntityManager {
    /// Gives a filter other parameters in this context, and switches it on. Forks made later start with it.
    ///
    /// ```ignore
    /// em.set_filter_params(PublishedSince(date))?;
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFilter`](crate::Error::UnknownFilter), [`Error::GlobalContext`](crate::Error::GlobalContext).
    #[track_caller]
    pub fn set_filter_params<F: Send + Sync + 'static>(&self, filter: F) -> Result<()> {
        self.choose("set_filter_params", |choices| choices.set(filter))
    }

    /// Switches a filter on in this context.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFilter`](crate::Error::UnknownFilter), [`Error::GlobalContext`](crate::Error::GlobalContext).
    #[track_caller]
    pub fn enable_filter<F: 'static>(&self) -> Result<()> {
        self.choose("enable_filter", |choices| choices.switch::<F>(Switch::On))
    }

    /// Switches a filter off in this context.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFilter`](crate::Error::UnknownFilter), [`Error::GlobalContext`](crate::Error::GlobalContext).
    #[track_caller]
    pub fn disable_filter<F: 'static>(&self) -> Result<()> {
        self.choose("disable_filter", |choices| choices.switch::<F>(Switch::Off))
    }

    /// Switches all filters off in this context; single ones can be switched on again.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalContext`](crate::Error::GlobalContext).
    #[track_caller]
    pub fn disable_filters(&self) -> Result<()> {
        self.choose("disable_filters", FilterChoices::switch_all_off)
    }

    #[track_caller]
    fn choose(&self, method: &'static str, choice: impl FnOnce(&mut FilterChoices)) -> Result<()> {
        let em = self.resolve(method)?;
        let mut trial = em.request().filters.choices();
        choice(&mut trial);
        trial.check(&em.orm().filters)?;
        em.request().filters.replace(trial);
        Ok(())
    }
}
