//! Which entity has which filters. Complete when the ORM is built, and never changed after.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use super::{Filter, FilterContext, FilterDefault, FilterReach, SoftDelete};
use crate::condition::Expression;
use crate::entity::{Entity, EntityType};
use crate::error::{Error, Result};
use crate::metadata::{EntityId, Metadata};

/// The parameters of a filter: the filter itself.
pub(crate) type Parameters = Arc<dyn Any + Send + Sync>;

type MakeCondition = fn(&(dyn Any + Send + Sync), &FilterContext<'_>) -> Result<Option<Expression>>;

/// A filter of one entity, without its types.
#[derive(Clone)]
pub struct RegisteredFilter {
    entity: EntityType,
    pub(crate) name: &'static str,
    pub(crate) type_id: TypeId,
    pub(crate) default: FilterDefault,
    pub(crate) reach: FilterReach,
    /// The parameters that it has where nobody set others.
    pub(crate) parameters: Parameters,
    make: MakeCondition,
}

impl RegisteredFilter {
    /// The filter `F` of `T` with its default parameters; called by the derive.
    #[doc(hidden)]
    #[must_use]
    pub fn declared<T: Entity, F: Filter<T> + Default>() -> Self {
        Self::new::<T, F>(Arc::new(F::default()))
    }

    fn new<T: Entity, F: Filter<T>>(parameters: Arc<F>) -> Self {
        Self {
            entity: EntityType::of::<T>(),
            name: F::NAME,
            type_id: TypeId::of::<F>(),
            default: F::DEFAULT,
            reach: F::REACH,
            parameters,
            make: |parameters, context| {
                let Some(filter) = parameters.downcast_ref::<F>() else { return Ok(None) };
                Ok(filter.condition(context)?.map(|condition| condition.expression))
            },
        }
    }

    /// Hides the rows in which `property` is set.
    fn soft_delete(entity: EntityType, property: usize) -> Self {
        Self {
            entity,
            name: SoftDelete::NAME,
            type_id: TypeId::of::<SoftDelete>(),
            default: FilterDefault::On,
            reach: FilterReach::Reads,
            parameters: Arc::new(property),
            make: |parameters, _| {
                let property = parameters.downcast_ref::<usize>();
                Ok(property.map(|property| Expression::IsNull { property: *property }))
            },
        }
    }

    /// The condition with these parameters.
    ///
    /// # Errors
    ///
    /// Whatever the filter fails with.
    pub(crate) fn condition(
        &self,
        parameters: &Parameters,
        context: &FilterContext<'_>,
    ) -> Result<Option<Expression>> {
        (self.make)(&**parameters, context)
    }
}

impl fmt::Debug for RegisteredFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.entity.description().name)
    }
}

/// The entities that a filter is registered for: one, or a tuple of them.
pub trait FilterTargets<F> {
    #[doc(hidden)]
    fn __register(filter: &Arc<F>, filters: &mut Vec<RegisteredFilter>);
}

impl<F: Filter<T>, T: Entity> FilterTargets<F> for T {
    fn __register(filter: &Arc<F>, filters: &mut Vec<RegisteredFilter>) {
        filters.push(RegisteredFilter::new::<T, F>(Arc::clone(filter)));
    }
}

macro_rules! tuple {
    ($($name:ident)+) => {
        impl<F, $($name: FilterTargets<F>),+> FilterTargets<F> for ($($name,)+) {
            fn __register(filter: &Arc<F>, filters: &mut Vec<RegisteredFilter>) {
                $($name::__register(filter, filters);)+
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E G);
tuple!(A B C D E G H);
tuple!(A B C D E G H I);

/// The filters of all entities of an ORM.
#[derive(Debug)]
pub(crate) struct FilterRegistry {
    /// By entity, in the order of registration.
    filters: Vec<Vec<RegisteredFilter>>,
    is_empty: bool,
}

impl FilterRegistry {
    /// What the entities declare, then what the program registered; a filter that is registered again has the later
    /// parameters.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEntity`], and [`Error::Metadata`] for two filters of one name.
    pub(crate) fn build(metadata: &Metadata, registered: Vec<RegisteredFilter>) -> Result<Self> {
        let filters = metadata.entities().map(|_| Vec::new()).collect();
        let mut registry = Self { filters, is_empty: true };
        for entity in metadata.entities() {
            let entity_type = metadata.entity_type(entity.id);
            let soft_delete = entity.soft_delete.map(|at| RegisteredFilter::soft_delete(entity_type, at));
            let declared = entity_type.description().filters.iter().map(|declared| declared());
            for filter in soft_delete.into_iter().chain(declared) {
                registry.add(entity.id, filter)?;
            }
        }
        for filter in registered {
            let name = filter.entity.description().name;
            let entity = metadata.id_of_type(&filter.entity).ok_or(Error::UnknownEntity { entity: name })?;
            registry.add(entity, filter)?;
        }
        Ok(registry)
    }

    fn add(&mut self, entity: EntityId, filter: RegisteredFilter) -> Result<()> {
        let filters = &mut self.filters[entity.at()];
        if let Some(known) = filters.iter_mut().find(|known| known.type_id == filter.type_id) {
            *known = filter;
            return Ok(());
        }
        let mut others = self.filters.iter().flatten();
        if others.any(|known| known.name == filter.name && known.type_id != filter.type_id) {
            return Err(Error::Metadata {
                problem: format!(
                    "{}: two filters are named `{}`; give one of them another `NAME`",
                    filter.entity.description().name,
                    filter.name,
                ),
            });
        }
        self.filters[entity.at()].push(filter);
        self.is_empty = false;
        Ok(())
    }

    /// The filters of one entity.
    pub(crate) fn of(&self, entity: EntityId) -> &[RegisteredFilter] {
        &self.filters[entity.at()]
    }

    /// Whether no entity has any.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Whether a filter of this type exists.
    pub(crate) fn has(&self, type_id: TypeId) -> bool {
        self.filters.iter().flatten().any(|filter| filter.type_id == type_id)
    }

    /// The filter of this name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFilter`], with the closest name that exists.
    pub(crate) fn named(&self, name: &str) -> Result<TypeId> {
        let mut filters = self.filters.iter().flatten();
        match filters.find(|filter| filter.name == name) {
            Some(filter) => Ok(filter.type_id),
            None => Err(Error::UnknownFilter { filter: name.to_owned(), suggestion: self.closest(name) }),
        }
    }

    /// The name that is nearest, if it is near at all.
    fn closest(&self, name: &str) -> Option<&'static str> {
        let names = self.filters.iter().flatten().map(|filter| filter.name);
        let scored = names.map(|known| (strsim::damerau_levenshtein(known, &name.to_lowercase()), known));
        let (distance, nearest) = scored.min()?;
        (distance <= (name.chars().count() / 3).max(2)).then_some(nearest)
    }
}
