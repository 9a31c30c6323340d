//! What a context or a query chose about filters: which are on, and with which parameters.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::registry::{FilterRegistry, Parameters, RegisteredFilter};
use super::{FilterDefault, SoftDelete};
use crate::error::{Error, Result};

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

/// Choices in the order in which they were made; a later one goes over an earlier one.
#[derive(Clone, Default)]
pub(crate) struct FilterChoices {
    /// Everything that no choice names.
    all: Option<Switch>,
    choices: Vec<Choice>,
}

/// No filter at all.
pub(crate) static UNFILTERED: FilterChoices = FilterChoices { all: Some(Switch::Off), choices: Vec::new() };

#[derive(Clone)]
struct Choice {
    filter: TypeId,
    /// For a message, where no filter has this type.
    type_name: &'static str,
    switch: Option<Switch>,
    parameters: Option<Parameters>,
}

impl FilterChoices {
    /// Whether nothing was chosen.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_none() && self.choices.is_empty()
    }

    /// Switches one filter.
    pub(crate) fn switch<F: 'static>(&mut self, switch: Switch) {
        self.choice(TypeId::of::<F>(), type_name::<F>()).switch = Some(switch);
    }

    /// Switches the filter that was found by its name.
    pub(crate) fn switch_found(&mut self, filter: TypeId, switch: Switch) {
        self.choice(filter, "").switch = Some(switch);
    }

    /// Switches one filter on, with these parameters.
    pub(crate) fn set<F: Any + Send + Sync>(&mut self, filter: F) {
        let choice = self.choice(TypeId::of::<F>(), type_name::<F>());
        choice.switch = Some(Switch::On);
        choice.parameters = Some(Arc::new(filter));
    }

    /// Switches off everything; what was chosen before is forgotten.
    pub(crate) fn switch_all_off(&mut self) {
        self.all = Some(Switch::Off);
        self.choices.clear();
    }

    fn choice(&mut self, filter: TypeId, type_name: &'static str) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.filter == filter).unwrap_or_else(|| {
            self.choices.push(Choice { filter, type_name, switch: None, parameters: None });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    fn of(&self, filter: TypeId) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.filter == filter)
    }

    fn switch_of(&self, filter: TypeId) -> Option<Switch> {
        self.of(filter).and_then(|choice| choice.switch).or(self.all)
    }

    /// Whether every filter that is named exists.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFilter`].
    pub(crate) fn check(&self, registry: &FilterRegistry) -> Result<()> {
        let is_unknown =
            |choice: &&Choice| choice.filter != TypeId::of::<SoftDelete>() && !registry.has(choice.filter);
        match self.choices.iter().find(is_unknown) {
            Some(choice) => {
                Err(Error::UnknownFilter { filter: choice.type_name.to_owned(), suggestion: None })
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FilterChoices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switches = self.choices.iter().map(|choice| (choice.type_name, choice.switch));
        f.debug_struct("FilterChoices")
            .field("all", &self.all)
            .field("choices", &switches.collect::<Vec<_>>())
            .finish()
    }
}

/// The choices of one context.
pub(crate) struct ContextFilters {
    choices: RwLock<FilterChoices>,
    /// Another number after every change of what filters may depend on.
    revision: AtomicU64,
}

/// A number that no other choice of filters has.
pub(crate) fn next_revision() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl ContextFilters {
    /// Choices of its own, the same as these are now.
    pub(crate) fn copy(&self) -> Self {
        Self { choices: RwLock::new(self.choices.read().clone()), revision: AtomicU64::new(next_revision()) }
    }

    /// The choices as they are now.
    pub(crate) fn choices(&self) -> FilterChoices {
        self.choices.read().clone()
    }

    pub(crate) fn replace(&self, choices: FilterChoices) {
        // Dropping parameters is the program's code, and must not run under the lock.
        let replaced = std::mem::replace(&mut *self.choices.write(), choices);
        drop(replaced);
        self.touch();
    }

    /// Something changed that filters may depend on.
    pub(crate) fn touch(&self) {
        self.revision.store(next_revision(), Ordering::Release);
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Whether `filter` is on: the query's word counts first, then the context's, then the filter's own.
    pub(crate) fn is_on(&self, filter: &RegisteredFilter, query: Option<&FilterChoices>) -> bool {
        let chosen = query.and_then(|query| query.switch_of(filter.type_id));
        let switch = chosen.or_else(|| self.choices.read().switch_of(filter.type_id));
        switch.map_or(filter.default == FilterDefault::On, |switch| switch == Switch::On)
    }

    /// The parameters of `filter`, in the same order of precedence.
    pub(crate) fn parameters(&self, filter: &RegisteredFilter, query: Option<&FilterChoices>) -> Parameters {
        let chosen = |choices: &FilterChoices| choices.of(filter.type_id)?.parameters.clone();
        query
            .and_then(chosen)
            .or_else(|| chosen(&self.choices.read()))
            .unwrap_or_else(|| Arc::clone(&filter.parameters))
    }
}

impl Default for ContextFilters {
    fn default() -> Self {
        Self { choices: RwLock::default(), revision: AtomicU64::new(next_revision()) }
    }
}

impl fmt::Debug for ContextFilters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.choices.read().fmt(f)
    }
}
