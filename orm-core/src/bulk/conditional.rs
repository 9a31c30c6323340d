//! `update_many` and `delete_many`: whatever meets a condition, by one statement.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use super::fields::{FieldSet, NamedField, of_relation};
use super::making::{Made, Making};
use super::writer::{Extent, Writer};
use crate::activity::called_at;
use crate::condition::{Condition, Expression, Field, IntoKeyOperand, Term};
use crate::driver::{BoxFuture, DeleteWhere, UpdateWhere, Write};
use crate::entity::{Entity, Region, RelationField, Shape, State};
use crate::entity_manager::EntityManager;
use crate::error::{EntityKey, Error, Result};
use crate::filter::FilterChoices;
use crate::metadata::{EntityId, EntityMetadata};
use crate::query::entities_of;
use crate::relation::Target;
use crate::session::Holder;
use crate::value::{FieldValue, IntoOperand, KeyValues, OperandOn, Value};

/// The same change of every row that meets a condition; made by
/// [`EntityManager::update_many`](crate::EntityManager::update_many).
#[must_use = "rows are updated when this is awaited"]
pub struct UpdateMany<T> {
    em: EntityManager,
    pub(crate) reach: Reach,
    set: Vec<(NamedField, Assigned)>,
    entity: PhantomData<fn() -> T>,
}

/// The end of every row that meets a condition; made by
/// [`EntityManager::delete_many`](crate::EntityManager::delete_many).
#[must_use = "rows are deleted when this is awaited"]
pub struct DeleteMany<T> {
    em: EntityManager,
    pub(crate) reach: Reach,
    for_good: bool,
    entity: PhantomData<fn() -> T>,
}

/// Which rows a write by condition may meet.
pub(crate) struct Reach {
    condition: Expression,
    pub(crate) filters: FilterChoices,
    /// Whether every row is meant, if the condition says nothing.
    means_all: bool,
    holder: Holder,
}

/// What a field is set to.
#[derive(Clone, Debug)]
enum Assigned {
    Term(Term),
    Reference(Target),
    Null,
}

impl<T: Entity> UpdateMany<T> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, condition: Condition<T>) -> Self {
        let holder = Holder::new("update_many", Location::caller());
        Self { em, reach: Reach::of(condition.expression, holder), set: Vec::new(), entity: PhantomData }
    }

    /// Sets a field: `.set(Book::PRICE, 5)`, or to what is computed of the row as it is,
    /// `.set(Book::STOCK, Book::STOCK + 1)`; or a relation by key or handle: `.set(Book::AUTHOR, &jon)`. Of two values
    /// for one field the last counts.
    pub fn set<V, F: Assign<T, V>>(mut self, field: F, value: V) -> Self {
        let Assignment { field, assigned } = field.__assign(value);
        self.set.push((field, assigned));
        self
    }

    /// Sets fields and relations to NULL.
    pub fn set_null(mut self, fields: impl FieldSet<T>) -> Self {
        self.set.extend(fields.__fields().into_iter().map(|field| (field, Assigned::Null)));
        self
    }

    /// Says that every row is meant, where the condition is [`Condition::always`].
    pub fn all(mut self) -> Self {
        self.reach.means_all = true;
        self
    }

    async fn run(self) -> Result<u64> {
        let em = self.em.contextual();
        let region = em.region();
        let (entity, _) = region.arena_of::<T>()?;
        let mut set: Vec<(usize, Term)> = Vec::new();
        for (field, assigned) in self.set {
            assign(&region, entity, field, assigned, &mut set)?;
        }
        let holder = self.reach.holder;
        let condition = self.reach.check(&em, &region, entity, "update_many").await?;
        if set.is_empty() {
            return Ok(0);
        }
        refuse_guarded(&region, entity, &set)?;
        let meta = region.entity(entity);
        let is_set = |property: usize| {
            set.iter().any(|(column, _)| meta.properties[property].columns.contains(column))
        };
        let Made { set: made, raised } = Making::new(&em, entity).update::<T>(is_set)?;
        set.extend(made.into_iter().map(|(column, value)| (column, Term::Value(value))));
        let metadata = Arc::clone(region.metadata());
        let update = UpdateWhere { metadata, entity, condition, set, raised };
        send(&em, holder, "update_many", Write::UpdateWhere(update)).await
    }
}

impl<T: Entity> DeleteMany<T> {
    #[track_caller]
    pub(crate) fn new(em: EntityManager, condition: Condition<T>) -> Self {
        let holder = Holder::new("delete_many", Location::caller());
        Self { em, reach: Reach::of(condition.expression, holder), for_good: false, entity: PhantomData }
    }

    /// Deletes the rows also where they would stay, marked by their `#[entity(soft_delete)]` field, as
    /// [`remove_for_good`](EntityManager::remove_for_good) does. Of those that are marked already it meets none, unless
    /// [`with_deleted`](Self::with_deleted) says so.
    pub fn for_good(mut self) -> Self {
        self.for_good = true;
        self
    }

    /// Says that every row is meant, where the condition is [`Condition::always`].
    pub fn all(mut self) -> Self {
        self.reach.means_all = true;
        self
    }

    async fn run(self) -> Result<u64> {
        let em = self.em.contextual();
        let region = em.region();
        let (entity, _) = region.arena_of::<T>()?;
        let holder = self.reach.holder;
        let condition = self.reach.check(&em, &region, entity, "delete_many").await?;
        let metadata = Arc::clone(region.metadata());
        let meta = region.entity(entity);
        let write = match meta.soft_delete.filter(|_| !self.for_good) {
            None => Write::DeleteWhere(DeleteWhere { metadata, entity, condition }),
            Some(property) => {
                // What is deleted already keeps its time.
                let condition = condition.and(Expression::IsNull { property });
                let time = region.time_of_removal(entity, property)?;
                let mut made =
                    Made { set: vec![(meta.properties[property].columns.start, time)], raised: Vec::new() };
                if let Some(version) = meta.version {
                    Making::new(&em, entity).raise(version, &mut made);
                }
                let Made { set, raised } = made;
                let set = set.into_iter().map(|(column, value)| (column, Term::Value(value))).collect();
                Write::UpdateWhere(UpdateWhere { metadata, entity, condition, set, raised })
            }
        };
        send(&em, holder, "delete_many", write).await
    }
}

async fn send(em: &EntityManager, holder: Holder, action: &'static str, write: Write) -> Result<u64> {
    let mut writer = Writer::open(em, holder, action, Extent::Single).await?;
    let result = writer.write(&write).await;
    writer.end(result).await.map(|outcome| outcome.affected)
}

impl Reach {
    fn of(condition: Expression, holder: Holder) -> Self {
        Self { condition, filters: FilterChoices::default(), means_all: false, holder }
    }

    /// The condition as the driver takes it, once what waits to be written is out of the way.
    async fn check(
        self,
        em: &EntityManager,
        region: &Region,
        entity: EntityId,
        method: &'static str,
    ) -> Result<Expression> {
        if !self.means_all && is_met_by_all(&self.condition) {
            return Err(Error::NoCondition { entity: region.entity(entity).name, method });
        }
        let entities = || entities_of(region.metadata(), entity, &self.condition, &Shape::default());
        em.flush_before_query(None, entities).await?;
        self.filters.check(&region.orm().filters)?;
        let filters = Some(&self.filters).filter(|filters| !filters.is_empty());
        region.narrowed(entity, self.condition, filters)
    }
}

/// Whether a condition says nothing, however it says it.
fn is_met_by_all(condition: &Expression) -> bool {
    match condition {
        Expression::And(all) => all.iter().all(is_met_by_all),
        Expression::Or(any) => any.iter().any(is_met_by_all),
        Expression::Not(inner) => is_met_by_none(inner),
        _ => false,
    }
}

fn is_met_by_none(condition: &Expression) -> bool {
    match condition {
        Expression::And(all) => all.iter().any(is_met_by_none),
        Expression::Or(any) => any.iter().all(is_met_by_none),
        Expression::Not(inner) => is_met_by_all(inner),
        Expression::In { values, .. } => values.is_empty(),
        Expression::KeyIn { keys, .. } => keys.is_empty(),
        _ => false,
    }
}

/// Refuses to change what a filter that guards writes looks at: nobody could tell which rows would leave its reach.
fn refuse_guarded(region: &Region, entity: EntityId, set: &[(usize, Term)]) -> Result<()> {
    let guard = region.guard_of(entity)?;
    let meta = region.entity(entity);
    let is_set = |property: usize| {
        // What is computed follows from what is set.
        meta.computed.contains(&property)
            || set.iter().any(|(column, _)| meta.properties[property].columns.contains(column))
    };
    match looks_at(&guard, &is_set) {
        true => Err(region.refused_row(entity, EntityKey::new(meta.name, KeyValues::new()))),
        false => Ok(()),
    }
}

/// Whether a condition looks at one of these properties of its own entity.
fn looks_at(condition: &Expression, is_meant: &impl Fn(usize) -> bool) -> bool {
    match condition {
        Expression::And(list) | Expression::Or(list) => list.iter().any(|one| looks_at(one, is_meant)),
        Expression::Not(inner) => looks_at(inner, is_meant),
        Expression::Compare { property, .. }
        | Expression::In { property, .. }
        | Expression::IsNull { property }
        | Expression::Between { property, .. }
        | Expression::Text { property, .. }
        | Expression::List { property, .. }
        | Expression::KeyIn { property: Some(property), .. }
        | Expression::References { property, .. }
        | Expression::Invalid { property, .. } => is_meant(*property),
        Expression::CompareTerms { left, right, .. } => left.looks_at(is_meant) || right.looks_at(is_meant),
        Expression::TermIn { term, .. }
        | Expression::TermIsNull { term }
        | Expression::TermText { term, .. } => term.looks_at(is_meant),
        // Its text may name anything.
        Expression::Fragment(_) => true,
        Expression::KeyIn { property: None, .. } | Expression::Related { .. } => false,
    }
}

/// Adds the columns of one assignment; a later one of the same column wins.
fn assign(
    region: &Region,
    entity: EntityId,
    field: NamedField,
    assigned: Assigned,
    set: &mut Vec<(usize, Term)>,
) -> Result<()> {
    let meta = region.entity(entity);
    let at = field.property(meta)?;
    if meta.computed.contains(&at) {
        return Err(Error::Computed { entity: meta.name, field: field.name });
    }
    let columns = meta.properties[at].columns.clone();
    let unfit = |source| Error::Value {
        entity: meta.name,
        field: field.name,
        column: meta.columns[columns.start].name.clone(),
        source,
    };
    let values = match assigned {
        Assigned::Null => nulls(columns.len()),
        Assigned::Term(term) => {
            if let Some(source) = term.invalid() {
                return Err(unfit(source.clone()));
            }
            set.retain(|(column, _)| !columns.contains(column));
            set.push((columns.start, term));
            return Ok(());
        }
        Assigned::Reference(Target::Key(key)) => key,
        Assigned::Reference(Target::Unset) => nulls(columns.len()),
        Assigned::Reference(Target::Invalid(source)) => return Err(unfit(source)),
        Assigned::Reference(Target::New) => return Err(unsaved(meta, &field)),
        Assigned::Reference(Target::Cell(cell)) if cell.context == region.id() => {
            let is_new = region.state(cell.id) == State::New;
            region.key(cell.id).filter(|_| !is_new).ok_or_else(|| unsaved(meta, &field))?
        }
        Assigned::Reference(Target::Cell(cell)) => {
            let key = EntityKey::new(region.entity(cell.id.entity).name, KeyValues::new());
            return Err(Error::ForeignEntity { key, expected: region.id(), found: cell.context });
        }
    };
    set.retain(|(column, _)| !columns.contains(column));
    set.extend(columns.zip(values.into_iter().map(Term::Value)));
    Ok(())
}

fn nulls(columns: usize) -> KeyValues {
    std::iter::repeat_n(Value::Null, columns).collect()
}

fn unsaved(meta: &EntityMetadata, field: &NamedField) -> Error {
    Error::Relation {
        key: EntityKey::new(meta.name, KeyValues::new()),
        relation: field.name,
        problem: "its target is not saved yet; flush first",
    }
}

/// What [`UpdateMany::set`] takes: a field with a value, or a to-one relation with a key, a handle or a
/// [`Ref`](crate::Ref).
#[diagnostic::on_unimplemented(
    message = "`{Self}` of `{T}` can't be set to `{V}`",
    label = "not a field of `{T}`, or a value of another type"
)]
pub trait Assign<T: Entity, V> {
    #[doc(hidden)]
    fn __assign(self, value: V) -> Assignment;
}

/// A field and what it is set to.
#[doc(hidden)]
#[derive(Debug)]
pub struct Assignment {
    field: NamedField,
    assigned: Assigned,
}

impl<T: Entity, F: FieldValue, V: IntoOperand<F>> Assign<T, V> for Field<T, F>
where
    V::On: OperandOn<T>,
{
    fn __assign(self, value: V) -> Assignment {
        let field = NamedField { property: Some(self.property()), name: self.name() };
        Assignment { field, assigned: Assigned::Term(value.into_operand().into_term()) }
    }
}

impl<R: RelationField, V: IntoKeyOperand<R::Target>> Assign<R::Owner, V> for R {
    fn __assign(self, value: V) -> Assignment {
        Assignment { field: of_relation::<R>(), assigned: Assigned::Reference(value.into_key_operand()) }
    }
}

impl<T: Entity> IntoFuture for UpdateMany<T> {
    type Output = Result<u64>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.reach.holder.at(), self.run()))
    }
}

impl<T: Entity> IntoFuture for DeleteMany<T> {
    type Output = Result<u64>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(called_at(self.reach.holder.at(), self.run()))
    }
}

impl<T: Entity> fmt::Debug for UpdateMany<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.set.iter().map(|(field, _)| field.name).collect();
        f.debug_struct("UpdateMany").field("entity", &T::__DESCRIPTION.name).field("set", &fields).finish()
    }
}

impl<T: Entity> fmt::Debug for DeleteMany<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeleteMany").field("entity", &T::__DESCRIPTION.name).finish()
    }
}
