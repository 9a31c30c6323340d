//! Errors: what went wrong, where, and what to do.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::cache::CacheError;
use crate::condition::Field;
use crate::driver::{DriverError, DriverErrorKind, ViolationKind};
use crate::entity::Entity;
use crate::lock::LockRefusal;
use crate::query::CursorProblem;
use crate::value::{FieldValue, KeyValues, Value, ValueError};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything a call of the ORM can fail with.
///
/// Match what you handle and let the rest pass on. Whether a constraint was violated, and of which fields, says
/// [`violation`](Self::violation); the database's own words are in [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A method that works with an identity map was called on the global manager, outside any context.
    #[error(
        "`{method}` was called on the global EntityManager outside any context{}. Three ways: run it inside a context \
         (`RequestContext::create(&em, ..)`, `#[create_request_context]`, the layer of orm-web); carry a context into a \
         task that is spawned (`spawn_in_context(..)`, `.in_current_context()`); or work on a fork of your own \
         (`em.fork()`). For tests there is `allow_global_context(true)` or ORM_ALLOW_GLOBAL_CONTEXT=1",
        at(*.place)
    )]
    GlobalContext {
        /// The method.
        method: &'static str,
        /// Where the program has called it.
        place: Option<&'static Location<'static>>,
    },

    /// Under [`strict_loading`](crate::OrmBuilder::strict_loading), entities were loaded one by one that one statement could
    /// have brought.
    #[error("{what} for {times} keys one by one in one context{}; {cure}", at(*.place))]
    StrictLoading {
        /// What was loaded, and how.
        what: String,
        /// For how many keys, this one included.
        times: usize,
        /// What to do, such as the populate to add.
        cure: String,
        /// Where the program has asked for it.
        place: Option<&'static Location<'static>>,
    },

    /// The entity types do not fit together, or not with a database.
    #[error("{problem}")]
    Metadata {
        /// Which entity and field, and what to change.
        problem: String,
    },

    /// An entity type that this ORM was not built with.
    #[error("{entity} is unknown to this Orm; add `.entity::<{entity}>()` to its builder")]
    UnknownEntity {
        /// The struct's name.
        entity: &'static str,
    },

    /// A lookup that promises an entity found none.
    #[error("{entity} not found ({condition})")]
    NotFound {
        /// The struct's name.
        entity: &'static str,
        /// What was asked for, without values.
        condition: String,
    },

    /// A path of relations known only at run time names something that is no relation.
    #[error("`{path}` is no path of relations: {entity} has no relation `{relation}`{}", did_you_mean(.suggestion))]
    UnknownPath {
        /// The whole path.
        path: String,
        /// The entity where it fails.
        entity: &'static str,
        /// The step that fails.
        relation: String,
        /// The closest name that exists.
        suggestion: Option<&'static str>,
    },

    /// A relation was read that no query has loaded.
    #[error(
        "relation `{relation}` of {key} is not loaded; add `.populate(..)` to the query, or call `.load().await` on it"
    )]
    NotLoaded {
        /// The entity that has the relation.
        key: EntityKey,
        /// The field.
        relation: &'static str,
    },

    /// A collection of which a query populated a part was to be changed.
    #[error(
        "relation `{relation}` of {key} was populated in part and is read-only; call `.load().await` on it to have all of \
         it, and change it then"
    )]
    PartialCollection {
        /// The entity that has the relation.
        key: EntityKey,
        /// The field.
        relation: &'static str,
    },

    /// An entity of one context was used in another.
    #[error(
        "{key} belongs to context {found}, not to context {expected}; take its key, or `merge` it into this context"
    )]
    ForeignEntity {
        /// The entity.
        key: EntityKey,
        /// The context that was asked.
        expected: u64,
        /// The context that the entity belongs to.
        found: u64,
    },

    /// The entity's context was cleared, or the entity was deleted: nothing will be saved any more.
    #[error(
        "{key} is detached: its context was cleared, its row deleted, or it was detached itself; `merge` it, or load it again"
    )]
    Detached {
        /// The entity.
        key: EntityKey,
    },

    /// The entity is scheduled to be removed.
    #[error("{key} is scheduled to be removed; `persist` it to take that back")]
    Removed {
        /// The entity.
        key: EntityKey,
    },

    /// A second instance with the key of a managed entity was persisted.
    #[error("{key} is in this context already; change it through `edit()`, or hand your copy to `merge`")]
    AlreadyManaged {
        /// The entity.
        key: EntityKey,
    },

    /// A required relation of a new or changed entity has no target.
    #[error("{key}: the required relation `{relation}` is not set")]
    RequiredRelation {
        /// The entity.
        key: EntityKey,
        /// The field.
        relation: &'static str,
    },

    /// A collection can't let go of an item, since the item must have an owner.
    #[error(
        "{item} can't be taken out of `{relation}` of {key}: `{owner_field}` is required. Give the item another owner, \
         remove it with `em.remove(..)`, mark `{relation}` `#[entity(orphan_removal)]` so that what is taken out is \
         removed, or make `{owner_field}` an `Option<Ref<_>>`"
    )]
    RequiredOwner {
        /// The entity with the collection.
        key: EntityKey,
        /// The collection.
        relation: &'static str,
        /// The item.
        item: EntityKey,
        /// The item's field that owns the relation.
        owner_field: &'static str,
    },

    /// An entity has no key where one is needed.
    #[error("{entity} has no key; {hint}")]
    MissingKey {
        /// The struct's name.
        entity: &'static str,
        /// What to do.
        hint: &'static str,
    },

    /// A foreign key points to a row that does not exist, and the relation was to be populated.
    #[error(
        "relation `{relation}` of {key} points to {target}, which does not exist; mend the data, or mark the field \
         `#[entity(may_be_missing)]`"
    )]
    DanglingReference {
        /// The entity that has the relation.
        key: EntityKey,
        /// The field.
        relation: &'static str,
        /// What it points to.
        target: EntityKey,
    },

    /// Two instances of a context turned out to be one row: the database holds their keys equal, and Rust does not.
    #[error(
        "{key} and {other} are one row of the database and two entities here; spell the key one way, or declare its column \
         with a collation that tells them apart"
    )]
    KeySpelledTwice {
        /// The row, as it spells its key.
        key: EntityKey,
        /// The instance with the other spelling.
        other: EntityKey,
    },

    /// A stored value does not fit its field, or a field's value its column.
    #[error("{entity}.{field} (column `{column}`) does not fit")]
    Value {
        /// The struct's name.
        entity: &'static str,
        /// The field.
        field: &'static str,
        /// The column.
        column: String,
        /// Why.
        #[source]
        source: ValueError,
    },

    /// The primary key of a managed entity was edited.
    #[error(
        "the primary key of {key} was changed, but a row keeps its key; persist a copy and remove this one"
    )]
    KeyChanged {
        /// The entity, by the key that its row has.
        key: EntityKey,
    },

    /// A field that the database computes was to be written.
    #[error(
        "{entity}.{field} is computed by the database of the row's other columns, so nothing else can be written to it; \
         change those, or take the change back"
    )]
    Computed {
        /// The entity.
        entity: &'static str,
        /// The field.
        field: &'static str,
    },

    /// Rows changed, or went, since they were loaded: the optimistic lock. Nothing of the flush was written.
    #[error(
        "{} changed or deleted by somebody else since loaded; `refresh` and try again, or `detach` to go on without",
        were(.keys)
    )]
    StaleEntity {
        /// The entities; see [`Error::stale_keys`].
        keys: Vec<EntityKey>,
    },

    /// A loaded entity does not have the version that an optimistic lock expects.
    #[error(
        "the optimistic lock on {key} failed, version {expected:?} was expected, but is actually {actual:?}; load it \
         again and let the change be made anew"
    )]
    VersionMismatch {
        /// The entity.
        key: EntityKey,
        /// The version that was asked for.
        expected: Value,
        /// The version that is loaded.
        actual: Value,
    },

    /// A lock that can't be had.
    #[error("{entity} can't be locked: {refusal}")]
    Lock {
        /// The struct's name.
        entity: &'static str,
        /// Why, and what to do.
        refusal: LockRefusal,
    },

    /// A filter was switched, or given parameters, that no entity has.
    #[error(
        "no entity has a filter `{filter}`{}; register it with `.filter::<Entity, _>(..)` on the builder of the Orm",
        did_you_mean(.suggestion)
    )]
    UnknownFilter {
        /// The name, or the type's where no name was given.
        filter: String,
        /// The closest name that exists.
        suggestion: Option<&'static str>,
    },

    /// A filter needs a value of the request that nobody set.
    #[error(
        "filter `{filter}` of {entity} needs a `{value}`; set it on the manager with `em.set(..)` when the request starts, \
         or switch the filter off for this query with `.without_filter::<..>()`"
    )]
    MissingFilterValue {
        /// The filter's name.
        filter: &'static str,
        /// The struct's name.
        entity: &'static str,
        /// The type of the value.
        value: &'static str,
    },

    /// A required relation leads to a row that a filter hides, so it can't be populated.
    #[error(
        "relation `{relation}` of {key} leads to {target}, which is missing or hidden by a filter; switch the filter off \
         for this query, or make the field an `Option<Ref<_>>`"
    )]
    HiddenByFilter {
        /// The entity that has the relation.
        key: EntityKey,
        /// The field.
        relation: &'static str,
        /// What it points to.
        target: EntityKey,
    },

    /// A row that was to be written does not meet a filter that guards writes.
    #[error(
        "{key} can't be written: it does not meet the filter `{filter}`; correct the entity, or write it through a manager \
         on which the filter is switched off"
    )]
    RefusedByFilter {
        /// The entity.
        key: EntityKey,
        /// The filter's name, or the names of several.
        filter: String,
    },

    /// Required relations go in a circle, so no row could be inserted first.
    #[error("no insert order: {} require each other; make one of the relations an `Option`", .entities.join(", "))]
    CommitOrderCycle {
        /// The structs' names.
        entities: Vec<&'static str>,
    },

    /// Rows of one flush exchange unique values, and nothing can hold the place of one meanwhile.
    #[error(
        "`{field}` of {key} is wanted by another row of the same flush, which has to be written first, and neither NULL \
         nor another value can stand in for it meanwhile; make the field an `Option`, or write it in two flushes"
    )]
    UniqueExchange {
        /// The row that has the value.
        key: EntityKey,
        /// The unique field.
        field: &'static str,
    },

    /// A flush was cut off while it committed; nobody knows whether it is saved.
    #[error(
        "an earlier flush was cut off during COMMIT, so nobody knows whether it was saved; look, then call \
         `accept_unknown(..)`, or `clear()`"
    )]
    OutcomeUnknown,

    /// A write without the unit of work lost its connection on the way to a commit. Nothing in memory waits for it, so later
    /// writes go on; whether to do it again, only a look at the database can tell. Never
    /// [retryable](Error::is_retryable) by itself.
    #[error(
        "`{action}` lost its connection while its rows were committed, so nobody knows whether they were; look before \
         doing it again"
    )]
    WriteOutcomeUnknown {
        /// The method.
        action: &'static str,
        /// The driver's error.
        #[source]
        source: DriverError,
    },

    /// Something else of the same context, or the transactions of others, did not end in time.
    #[error(
        "{action} waited {waited:?} for {holder}. What runs side by side in one context takes turns: await it first, \
         use the manager that the closure got, or work in a fork; \
         what waits for a connection gets one sooner where others hold theirs shorter, or with more `max_connections`; \
         `wait_timeout` of the builder sets the limit"
    )]
    Wait {
        /// What waited.
        action: &'static str,
        /// Who has the turn or the connection, and where it was begun.
        holder: String,
        /// How long it waited.
        waited: Duration,
    },

    /// A transaction can't be used in this way, or not here.
    #[error("{action}: {problem}")]
    Transaction {
        /// What was asked for.
        action: &'static str,
        /// What is wrong and what to do.
        problem: &'static str,
    },

    /// A relation was used in a way that its kind does not allow, or an item given that can't be one.
    #[error("`{relation}` of {key}: {problem}")]
    Relation {
        /// The entity that has the relation.
        key: EntityKey,
        /// The field.
        relation: &'static str,
        /// What is wrong and what to do.
        problem: &'static str,
    },

    /// An entity that others need was to be taken out of its context.
    #[error(
        "{key} is not saved yet and `{relation}` of {by} points to it; detach that one first, or point it elsewhere"
    )]
    StillReferenced {
        /// The entity.
        key: EntityKey,
        /// Who points to it.
        by: EntityKey,
        /// By which field.
        relation: &'static str,
    },

    /// A write by condition would have met every row, and nobody said that this is meant.
    #[error(
        "`{method}` of {entity} has no condition and would meet every row; add one, or `.all()` if you mean that"
    )]
    NoCondition {
        /// The struct's name.
        entity: &'static str,
        /// The method.
        method: &'static str,
    },

    /// A relation was named as a field of the row, but its key is in another table.
    #[error(
        "`{field}` has no column in the table of {entity}; name it from the side that holds the foreign key"
    )]
    NoColumn {
        /// The struct's name.
        entity: &'static str,
        /// The field.
        field: &'static str,
    },

    /// Nothing tells whether the row of an upsert is there.
    #[error("an upsert of {entity} can't tell which rows are there: {problem}")]
    ConflictTarget {
        /// The struct's name.
        entity: &'static str,
        /// Why, and what to do.
        problem: &'static str,
    },

    /// Two values of one upsert are of the same row.
    #[error(
        "several values of one upsert have the same {}: {}; keep one of each",
        .fields.join(", "), .keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    DuplicateKeys {
        /// The struct's name.
        entity: &'static str,
        /// The fields that tell rows apart.
        fields: Vec<&'static str>,
        /// Their values, each once.
        keys: Vec<EntityKey>,
    },

    /// An upsert met a row that is there and that this context may not see.
    #[error(
        "the row with the {} of {key} is there, but a filter of this context hides it; nothing was written. Switch the          filter off for this write, or use another key", .fields.join(", ")
    )]
    HiddenRow {
        /// The values that the row was found by.
        key: EntityKey,
        /// Their fields.
        fields: Vec<&'static str>,
    },

    /// A value of a projection does not fit the type that it is read as.
    #[error("`{term}` of {entity} can't be read: {source}")]
    Unread {
        /// The struct's name.
        entity: &'static str,
        /// What was selected: a field, or how it is computed.
        term: String,
        /// Why.
        source: ValueError,
    },

    /// Items of a to-many relation can't be listed in a view.
    #[error("the items of `{relation}` of {entity} can't be listed in a view: {problem}")]
    ViewItems {
        /// The struct's name of the entity that has the relation.
        entity: &'static str,
        /// The relation's field.
        relation: &'static str,
        /// Why, and what to do.
        problem: &'static str,
    },

    /// A projection of groups selects what differs between the rows of a group.
    #[error(
        "`{term}` of {entity} differs between the rows of a group; group by it too, or select an aggregate of it"
    )]
    Ungrouped {
        /// The struct's name.
        entity: &'static str,
        /// What was selected.
        term: String,
    },

    /// The text of raw SQL, or what was to be bound to it, can't be sent.
    #[error("`{text}`: {problem}")]
    SqlText {
        /// How the text begins.
        text: String,
        /// What is wrong and what to do.
        problem: String,
    },

    /// The database refused raw SQL, or went away.
    #[error("`{text}` failed")]
    Sql {
        /// How the text begins; what was bound is not shown.
        text: String,
        /// The driver's error, with the database's own words.
        #[source]
        source: DriverError,
    },

    /// A row of raw SQL has another number of columns than what it is read into.
    #[error(
        "a row has {found} column(s) ({columns}) and was to be read into {expected}; take as many as it has"
    )]
    SqlColumns {
        /// How many were asked for.
        expected: usize,
        /// How many there are.
        found: usize,
        /// Their names.
        columns: String,
    },

    /// A column of raw SQL does not fit what it is read into.
    #[error("`{field}` of {row} can't be read from the column `{column}`: {problem}")]
    SqlRow {
        /// The struct's name.
        row: &'static str,
        /// The field.
        field: String,
        /// The column's name.
        column: String,
        /// What is wrong and what to do.
        problem: String,
    },

    /// A stream or a page was given an order that it can't go on from.
    #[error(
        "{reading} of {entity} can't be ordered by `{field}`: {problem}; order by values of one column, or use a plain \
         query"
    )]
    KeysetOrder {
        /// What was asked for: a stream or a page.
        reading: &'static str,
        /// The struct's name.
        entity: &'static str,
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// A page was asked for from a cursor that is not one of its query.
    #[error("a page of {entity} can't go on from this cursor: {problem}")]
    Cursor {
        /// The struct's name.
        entity: &'static str,
        /// What is wrong with it.
        problem: CursorProblem,
    },

    /// A page was to have no entities.
    #[error("a page of 0 entities of {entity} has no end to go on from; ask for at least one")]
    PageSize {
        /// The struct's name.
        entity: &'static str,
    },

    /// A query that is read by pages makes groups of rows, which have no key to go on from.
    #[error(
        "pages of {entity} go by its rows; leave `group_by`, `distinct` and aggregates away, or use `limit` and `offset`"
    )]
    PageOfGroups {
        /// The struct's name.
        entity: &'static str,
    },

    /// A query that is read by pages has a limit or an offset.
    #[error("pages of {entity} go by cursors; leave `limit` and `offset` away, or use them without `page`")]
    PageLimit {
        /// The struct's name.
        entity: &'static str,
    },

    /// A constraint of the database refused a row; see [`Error::violation`].
    #[error("{violation}")]
    Constraint {
        /// Which one, in the program's names.
        violation: Box<ConstraintViolation>,
        /// The database's own words.
        #[source]
        source: DriverError,
    },

    /// The database refused a statement or went away.
    #[error("{action} failed")]
    Driver {
        /// What was being done.
        action: &'static str,
        /// The driver's error.
        #[source]
        source: DriverError,
    },

    /// A hook of an entity, or a subscriber, failed. What it failed with is the source.
    #[error("`{hook}` of {of} failed")]
    Hook {
        /// The entity's or the subscriber's type.
        of: &'static str,
        /// The method.
        hook: &'static str,
        /// What it returned.
        #[source]
        source: Box<Error>,
    },

    /// A hook or subscriber called `flush`, began or ended a transaction, or wrote past the unit of work, on the context
    /// whose flush it is part of.
    #[error(
        "`flush`, the begin or end of a transaction, or a write beside them was called from a hook or subscriber of the same context; \
         leave it out: what they persist, edit or remove before the write is saved by the flush that is running, and the \
         rest by the next"
    )]
    FlushInHook,

    /// Hooks kept bringing in entities whose hooks bring in further ones.
    #[error("the hooks of new entities keep persisting further ones; let them stop by a condition")]
    EndlessHooks,

    /// A query was to be cached, and there is no cache.
    #[error(
        "a query is to be cached and this Orm has no cache; give its builder one by `.result_cache(..)`, or switch on the \
         feature `moka` of orm-core"
    )]
    NoResultCache,

    /// The store of the result cache could not be told what is void.
    #[error(
        "the result cache could not be told what is void; other programs that share it may use it until its lifetime is over"
    )]
    ResultCache {
        /// What the store failed with.
        #[source]
        source: CacheError,
    },

    /// An error of the program's own, passed through a callback.
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The violated constraint, if that is what happened.
    #[must_use]
    pub fn violation(&self) -> Option<&ConstraintViolation> {
        match self {
            Self::Constraint { violation, .. } => Some(violation),
            _ => None,
        }
    }

    /// Whether a constraint of `field` (alone or with others) was violated.
    ///
    /// ```ignore
    /// if error.is_violation_of(User::EMAIL) { return Err(SignUp::EmailTaken); }
    /// ```
    #[must_use]
    pub fn is_violation_of<T: Entity, V: FieldValue>(&self, field: Field<T, V>) -> bool {
        self.violation().is_some_and(|violation| {
            violation.entity == Some(T::__DESCRIPTION.name) && violation.fields.contains(&field.name())
        })
    }

    /// The entities whose rows were changed or deleted by somebody else, if that is what happened: all that the flush
    /// found, or the one whose version was asked for.
    #[must_use]
    pub fn stale_keys(&self) -> &[EntityKey] {
        match self {
            Self::StaleEntity { keys } => keys,
            Self::VersionMismatch { key, .. } => std::slice::from_ref(key),
            _ => &[],
        }
    }

    /// The driver's kind of failure, if the database or the way to it failed.
    #[must_use]
    pub fn driver_kind(&self) -> Option<DriverErrorKind> {
        match self {
            Self::Driver { source, .. } | Self::Sql { source, .. } | Self::Constraint { source, .. } => {
                Some(source.kind())
            }
            _ => None,
        }
    }

    /// Wraps any error, for `?` in a callback that returns this type.
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl Error {
    pub(crate) fn in_hook(of: &'static str, hook: &'static str, source: Self) -> Self {
        Self::Hook { of, hook, source: Box::new(source) }
    }
}

/// The first of them, in a sentence.
fn were(keys: &[EntityKey]) -> String {
    const MOST: usize = 10;
    let shown: Vec<String> = keys.iter().take(MOST).map(ToString::to_string).collect();
    let more = match keys.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} {}", shown.join(", "), if keys.len() == 1 { "was" } else { "were" })
}

fn at(place: Option<&'static Location<'static>>) -> String {
    place.map(|place| format!(", at {}:{}", place.file(), place.line())).unwrap_or_default()
}

fn did_you_mean(suggestion: &Option<&'static str>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// A violated constraint, in the program's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstraintViolation {
    /// Which kind.
    pub kind: ViolationKind,
    /// The entity whose row was refused, where the database says it.
    pub entity: Option<&'static str>,
    /// Its fields, where the database says them.
    pub fields: Vec<&'static str>,
    /// The constraint's name, where the database says it.
    pub constraint: Option<String>,
}

impl fmt::Display for ConstraintViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} constraint", self.kind)?;
        if let Some(name) = &self.constraint {
            write!(f, " `{name}`")?;
        }
        match (self.entity, self.fields.as_slice()) {
            (Some(entity), []) => write!(f, " of {entity}")?,
            (Some(entity), fields) => write!(f, " of {entity}.{}", fields.join(&format!(", {entity}.")))?,
            (None, _) => {}
        }
        f.write_str(" violated")
    }
}

/// An entity in a message: its type and its key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EntityKey {
    entity: &'static str,
    values: Box<[Value]>,
}

impl EntityKey {
    pub(crate) fn new(entity: &'static str, values: KeyValues) -> Self {
        Self { entity, values: values.into_vec().into() }
    }

    /// The struct's name.
    #[must_use]
    pub fn entity(&self) -> &'static str {
        self.entity
    }

    /// The key; empty if it has none yet.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.values.is_empty() {
            return write!(f, "{} (new)", self.entity);
        }
        write!(f, "{}[", self.entity)?;
        for (at, value) in self.values.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            match value {
                Value::Text(text) => f.write_str(text)?,
                other => write!(f, "{other:?}")?,
            }
        }
        f.write_str("]")
    }
}

impl fmt::Debug for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
