//! `Orm` and its builder: a driver, the entities, the options.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use crate::activity::called_at;
use crate::cache::{Caching, ResultCache, Watched};
use crate::clock::Clock;
use crate::driver::{Capabilities, Connection, Driver, DriverError, DriverErrorKind};
use crate::entity::{Entity, EntityType};
use crate::entity_manager::{EntityManager, FlushMode, test_transaction};
use crate::error::{ConstraintViolation, Error, Result};
use crate::filter::{FilterRegistry, FilterTargets, RegisteredFilter};
use crate::metadata::{EntityMetadata, Metadata, NamingStrategy, RelationKind, SnakeCase};
use crate::repeats::OnRepeats;
use crate::schema::Schema;
use crate::schema::identifiers::check_lengths;
use crate::session::{Holder, LentConnections};
use crate::subscriber::{Subscriber, Subscription, Subscriptions};
use crate::wait::within;

/// The custom storage of contexts: asked with a manager's name.
pub(crate) type ContextCallback = Arc<dyn Fn(&str) -> Option<EntityManager> + Send + Sync>;

/// A driver with the entities that live in its database. Make one at start and share it.
///
/// # Examples
///
/// ```ignore
/// let orm = Orm::builder(Sqlite::connect("sqlite::memory:").await?)
///     .entity::<Author>() // what it reaches through relations is discovered
///     .build()
///     .await?;
/// orm.schema().create().await?;
/// let em = orm.em().fork();
/// ```
#[derive(Clone, Debug)]
pub struct Orm {
    em: EntityManager,
}

impl Orm {
    /// Starts with the database.
    pub fn builder(driver: impl Driver) -> OrmBuilder {
        OrmBuilder {
            driver: Arc::new(driver),
            entities: Vec::new(),
            filters: Vec::new(),
            name: DEFAULT_NAME.to_owned(),
            naming: Arc::new(SnakeCase),
            context: None,
            allow_global_context: std::env::var("ORM_ALLOW_GLOBAL_CONTEXT").is_ok_and(|value| is_on(&value)),
            flush_mode: FlushMode::default(),
            on_repeats: OnRepeats::default(),
            wait_timeout: Duration::from_secs(30),
            clock: Arc::new(SystemTime::now),
            subscribers: Vec::new(),
            result_cache: None,
        }
    }

    /// The global manager: not to work with, but to fork, and to hand to [`RequestContext`](crate::RequestContext)
    /// and to services, which then follow the current context.
    #[must_use]
    pub fn em(&self) -> &EntityManager {
        &self.em
    }

    /// What the ORM knows about the entities.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.em.orm().metadata
    }

    /// The driver that it was made from: what is sent past the ORM, such as migrations, goes over its connections.
    #[must_use]
    pub fn driver(&self) -> &dyn Driver {
        &*self.em.orm().driver
    }

    /// What the database can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.em.orm().driver.capabilities()
    }

    /// Creates and drops the tables of the entities.
    #[must_use]
    pub fn schema(&self) -> SchemaGenerator<'_> {
        SchemaGenerator { orm: self.em.orm() }
    }

    /// Runs `work` with a fresh fork and takes back everything that it wrote, whatever it returns, fails with or panics
    /// with: for tests, which leave nothing behind and so can share a database.
    ///
    /// It is one transaction on one connection, and the program under test notices none: outside of its own transactions it
    /// is outside, and its `transactional`, `begin` and flushes are savepoints in the database. Forks and request contexts
    /// that are made in the closure are in it too, with an identity map of their own; so is the global manager, where it is
    /// used in the closure itself and not in a task that is spawned there.
    ///
    /// What the program commits is seen by what comes after it in the test, and its `after_commit` work and subscribers run,
    /// as they would without the test. At the end all is rolled back, and the fork's identity map is emptied. What is
    /// pending then is not flushed: `flush` what the test is about.
    ///
    /// Not as without a test: [`Propagation::RequiresNew`](crate::Propagation::RequiresNew) is a savepoint, which goes with
    /// what it stands in, isolation levels are that of the test, constraints that are checked at COMMIT never are, and what
    /// runs side by side takes turns. Keys that the database has generated stay used. What commits by itself, such as a
    /// change of the schema on MariaDB and MySQL, can't be taken back.
    ///
    /// ```ignore
    /// #[tokio::test]
    /// async fn an_order_takes_from_the_stock() -> orm_core::Result<()> {
    ///     orm().await?
    ///         .test_transaction(async |em| {
    ///             let stock = em.persist(Stock::of("Dune", 3))?;
    ///             em.flush().await?;
    ///             shop::order(&em, "Dune").await?; // uses `em.transactional`
    ///             em.refresh(&stock).await?;
    ///             assert_eq!(stock.get().left, 2);
    ///             Ok(())
    ///         })
    ///         .await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// What `work` returns, and [`Error::Driver`] where no transaction can be begun.
    #[track_caller]
    pub fn test_transaction<V, F>(&self, work: F) -> impl Future<Output = Result<V>> + use<'_, V, F>
    where
        F: AsyncFnOnce(EntityManager) -> Result<V>,
    {
        self.test_transaction_as(work)
    }

    /// As [`test_transaction`](Self::test_transaction), with an error type of the program's own.
    ///
    /// # Errors
    ///
    /// As there.
    #[track_caller]
    pub fn test_transaction_as<E, V, F>(
        &self,
        work: F,
    ) -> impl Future<Output = Result<V, E>> + use<'_, E, V, F>
    where
        E: From<Error>,
        F: AsyncFnOnce(EntityManager) -> Result<V, E>,
    {
        let holder = Holder::new("test", Location::caller());
        called_at(Location::caller(), async move { test_transaction(self.em.fork(), holder, work).await })
    }

    /// Closes every connection. What is called later fails.
    pub async fn close(&self) {
        self.em.orm().driver.close().await;
    }
}

fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

pub(crate) const DEFAULT_NAME: &str = "default";

/// Collects what an [`Orm`] is made of.
#[must_use = "nothing is built until `build` is awaited"]
pub struct OrmBuilder {
    driver: Arc<dyn Driver>,
    entities: Vec<EntityType>,
    filters: Vec<RegisteredFilter>,
    name: String,
    naming: Arc<dyn NamingStrategy>,
    context: Option<ContextCallback>,
    allow_global_context: bool,
    flush_mode: FlushMode,
    on_repeats: OnRepeats,
    wait_timeout: Duration,
    clock: Arc<dyn Clock>,
    subscribers: Vec<Subscription>,
    result_cache: Option<Arc<dyn ResultCache>>,
}

impl OrmBuilder {
    /// Adds an entity and everything that it reaches through relations.
    pub fn entity<T: Entity>(mut self) -> Self {
        self.entities.push(EntityType::of::<T>());
        self
    }

    /// Registers a filter for an entity, or for a tuple of entities: `.filter::<Book, _>(Published)`,
    /// `.filter::<(Book, Author), _>(OfTenant)`. The fields of the filter are the parameters that it has where no
    /// manager and no query sets others. A filter of one entity alone can also be declared on it, with
    /// `#[entity(filter = Published)]`.
    pub fn filter<T, F>(mut self, filter: F) -> Self
    where
        T: FilterTargets<F>,
        F: Send + Sync + 'static,
    {
        T::__register(&Arc::new(filter), &mut self.filters);
        self
    }

    /// Names the managers of this ORM, for programs that have several: contexts are told apart by it. The default is
    /// `"default"`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Decides the names of tables and columns that entities do not give themselves.
    pub fn naming_strategy(mut self, naming: impl NamingStrategy) -> Self {
        self.naming = Arc::new(naming);
        self
    }

    /// Resolves contexts by a storage of your own instead of [`RequestContext`](crate::RequestContext). The callback
    /// gets the manager's name; put in the storage what `em.fork_with(ForkOptions::default().use_context(true))`
    /// returns.
    pub fn context<F>(mut self, context: F) -> Self
    where
        F: Fn(&str) -> Option<EntityManager> + Send + Sync + 'static,
    {
        self.context = Some(Arc::new(context));
        self
    }

    /// Lets the global manager work without a context. Its identity map is then shared by everybody and grows for as
    /// long as the program runs; fit for tests and small tools. Also set by the environment variable
    /// `ORM_ALLOW_GLOBAL_CONTEXT=1`.
    pub fn allow_global_context(mut self, allow: bool) -> Self {
        self.allow_global_context = allow;
        self
    }

    /// When queries flush by themselves. The default is [`FlushMode::Auto`].
    pub fn flush_mode(mut self, mode: FlushMode) -> Self {
        self.flush_mode = mode;
        self
    }

    /// Whether the log tells of entities that one context loads one by one where one statement would have brought them, and
    /// names the populate to add. On in debug builds, unless this says otherwise; it looks at lazy loads, at finds by key
    /// and at finds by an owner, and tells at the fifth.
    pub fn warn_of_repeats(mut self, warns: bool) -> Self {
        self.on_repeats = if warns { OnRepeats::Warn } else { OnRepeats::Nothing };
        self
    }

    /// Makes what [`warn_of_repeats`](Self::warn_of_repeats) tells of an error, [`Error::StrictLoading`]: for tests, and for
    /// programs that want no N+1 in production either.
    pub fn strict_loading(mut self, is_strict: bool) -> Self {
        match (is_strict, self.on_repeats) {
            (true, _) => self.on_repeats = OnRepeats::Refuse,
            (false, OnRepeats::Refuse) => self.on_repeats = OnRepeats::default(),
            (false, OnRepeats::Nothing | OnRepeats::Warn) => {}
        }
        self
    }

    /// How long a flush or a transaction waits for another one of the same context, a statement for the connection of its
    /// transaction or one of the pool, and a lazy load for another one of the same relation; then it fails with
    /// [`Error::Wait`], which names who has it. The default is 30 seconds.
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Tells the time to `on_create = now`, `on_update = now` and everything else that the ORM dates. The default is the
    /// system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Registers a subscriber with every context. Subscribers run in the order in which they are registered.
    pub fn subscriber(mut self, subscriber: impl Subscriber) -> Self {
        self.subscribers.push(Subscription::new(subscriber));
        self
    }

    /// Keeps cached results in a store of the program's own: beside the process, or of another size. The default, with the
    /// feature `moka`, is a `MokaCache` in memory, which is made when a query first asks it. ORMs of different databases
    /// that share a store need different [names](Self::name).
    pub fn result_cache(mut self, cache: impl ResultCache) -> Self {
        self.result_cache = Some(Arc::new(cache));
        self
    }

    /// Links and checks the entities.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`], naming entity and field, when the entities do not fit together or a name is longer than the
    /// database takes, and [`Error::UnknownEntity`] for a filter of an entity that was not added.
    #[expect(clippy::unused_async, reason = "checks against the database come here, and may await")]
    pub async fn build(self) -> Result<Orm> {
        let metadata = Metadata::build(&self.entities, self.naming)?;
        check_lengths(&metadata, self.driver.capabilities().identifier_length)?;
        let filters = FilterRegistry::build(&metadata, self.filters)?;
        let caching = Caching::new(self.name.clone(), self.result_cache, self.wait_timeout);
        let core = OrmCore {
            caching: Arc::new(caching),
            driver: self.driver,
            metadata: Arc::new(metadata),
            filters,
            name: self.name,
            context: self.context,
            allow_global_context: self.allow_global_context,
            flush_mode: self.flush_mode,
            on_repeats: self.on_repeats,
            wait_timeout: self.wait_timeout,
            transactions: Mutex::default(),
            lent: Arc::default(),
            clock: self.clock,
            subscribers: self.subscribers.into(),
        };
        Ok(Orm { em: EntityManager::global(&Arc::new(core)) })
    }
}

impl fmt::Debug for OrmBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entities: Vec<&str> = self.entities.iter().map(|entity| entity.description().name).collect();
        f.debug_struct("OrmBuilder")
            .field("name", &self.name)
            .field("entities", &entities)
            .finish_non_exhaustive()
    }
}

/// What all contexts of one ORM share.
pub(crate) struct OrmCore {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) filters: FilterRegistry,
    pub(crate) name: String,
    pub(crate) context: Option<ContextCallback>,
    pub(crate) allow_global_context: bool,
    pub(crate) flush_mode: FlushMode,
    pub(crate) on_repeats: OnRepeats,
    pub(crate) wait_timeout: Duration,
    /// The transactions that are open, for the error of who waits for a connection.
    transactions: Mutex<Vec<(u64, Holder)>>,
    /// The connections that are lent, for the same; in debug builds.
    lent: Arc<LentConnections>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) subscribers: Subscriptions,
    pub(crate) caching: Arc<Caching>,
}

impl OrmCore {
    /// A connection of the pool.
    ///
    /// # Errors
    ///
    /// [`Error::Wait`] when none became free in time, naming the transactions that hold some, and in debug builds whatever
    /// else does; and [`Error::Driver`].
    pub(crate) async fn connection(&self, action: &'static str) -> Result<Watched> {
        let begun = Instant::now();
        let error = match within(self.wait_timeout, self.driver.acquire()).await {
            Some(Ok(connection)) => {
                let (caching, metadata) = (Arc::clone(&self.caching), Arc::clone(&self.metadata));
                return Ok(Watched::new(connection, caching, metadata, self.lent.note(action)));
            }
            Some(Err(error)) if error.kind() == DriverErrorKind::PoolTimeout => Some(error),
            Some(Err(error)) => return Err(self.error(action, error)),
            None => None,
        };
        let mut holders = self.lent.holders();
        if holders.is_empty() {
            holders = self.transactions.lock().iter().map(|(_, holder)| holder.to_string()).collect();
        }
        let holder = match error {
            Some(error) if holders.is_empty() => return Err(self.error(action, error)),
            None if holders.is_empty() => "a connection of the pool, which others have".to_owned(),
            Some(_) | None => holders.join(", "),
        };
        Err(Error::Wait { action, holder, waited: begun.elapsed() })
    }

    pub(crate) fn note_transaction(&self, number: u64, holder: Holder) {
        self.transactions.lock().push((number, holder));
    }

    pub(crate) fn forget_transaction(&self, number: u64) {
        self.transactions.lock().retain(|(open, _)| *open != number);
    }

    /// A driver's error in the program's names.
    pub(crate) fn error(&self, action: &'static str, error: DriverError) -> Error {
        if error.kind() == DriverErrorKind::RowRefused {
            return match error.into_source().map(|source| source.downcast::<Error>()) {
                Some(Ok(refused)) => *refused,
                Some(Err(source)) => Error::Other(source),
                None => Error::Driver {
                    action,
                    source: DriverError::new(DriverErrorKind::RowRefused, "row refused"),
                },
            };
        }
        let Some(violation) = error.violation() else { return Error::Driver { action, source: error } };
        let entity = violation.table.as_deref().and_then(|table| {
            self.metadata.entities().find(|entity| entity.table.eq_ignore_ascii_case(table))
        });
        let mut fields: Vec<&'static str> = Vec::new();
        if let Some(entity) = entity {
            for column in &violation.columns {
                let property = entity.property_of_column(column);
                fields.extend(property.map(|property| property.name).filter(|name| !fields.contains(name)));
            }
        }
        let named = violation.constraint.as_deref().and_then(|name| self.constraint(name));
        let of_pivot = violation.table.as_deref().and_then(|table| self.pivot(table));
        let (entity, fields) = match (entity, named) {
            (Some(entity), _) if !fields.is_empty() => (Some(entity), fields),
            (_, Some((entity, fields))) => (Some(entity), fields),
            (Some(entity), None) => (Some(entity), fields),
            (None, None) => match of_pivot {
                Some((entity, relation)) => (Some(entity), vec![relation]),
                None => (None, fields),
            },
        };
        let violation = ConstraintViolation {
            kind: violation.kind,
            entity: entity.map(|entity| entity.name),
            fields,
            constraint: violation.constraint.clone(),
        };
        Error::Constraint { violation: Box::new(violation), source: error }
    }

    /// The entity and the fields of an index, a check or a foreign key.
    fn constraint(&self, name: &str) -> Option<(&EntityMetadata, Vec<&'static str>)> {
        self.metadata.entities().find_map(|entity| {
            let field = |property: &usize| entity.properties[*property].name;
            if let Some(index) = entity.indexes.iter().find(|index| index.name == name) {
                return Some((entity, index.properties.iter().map(field).collect()));
            }
            if let Some(check) = entity.checks.iter().find(|check| check.name == name) {
                return Some((entity, check.properties.iter().map(field).collect()));
            }
            let is_named = |property: &usize| {
                let columns = entity.properties[*property].columns.clone();
                let columns: Vec<&str> = columns.map(|column| entity.columns[column].name.as_str()).collect();
                self.metadata.foreign_key_name(&entity.table, &columns) == name
            };
            let mut foreign_keys = entity.relations.iter().filter_map(|relation| match relation.kind {
                RelationKind::ManyToOne { property } => Some(property),
                _ => None,
            });
            foreign_keys.find(is_named).map(|property| (entity, vec![field(&property)]))
        })
    }

    /// The owner and the field of the many-to-many relation whose links are in `table`.
    fn pivot(&self, table: &str) -> Option<(&EntityMetadata, &'static str)> {
        let entities = self.metadata.entities();
        let mut relations =
            entities.flat_map(|entity| entity.relations.iter().map(move |relation| (entity, relation)));
        relations.find_map(|(entity, relation)| match &relation.kind {
            RelationKind::ManyToMany { pivot } if pivot.table.eq_ignore_ascii_case(table) => {
                Some((entity, relation.name))
            }
            _ => None,
        })
    }
}

impl fmt::Debug for OrmCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrmCore")
            .field("name", &self.name)
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

/// Creates, compares, changes and drops the tables that the entities imply.
///
/// Not needed for a database that others made: entities can be mapped to any names.
#[derive(Clone, Copy, Debug)]
pub struct SchemaGenerator<'a> {
    pub(crate) orm: &'a Arc<OrmCore>,
}

impl SchemaGenerator<'_> {
    /// Creates all tables, with their foreign keys and indexes.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`], such as when a table exists already.
    pub async fn create(&self) -> Result<()> {
        let statements =
            self.statements("create the schema", |driver, schema| driver.create_schema(schema))?;
        self.run("create the schema", &statements).await
    }

    /// Drops all tables of the entities, with everything in them. Tables that do not exist are skipped.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`].
    pub async fn drop(&self) -> Result<()> {
        let statements = self.statements("drop the schema", |driver, schema| driver.drop_schema(schema))?;
        self.run("drop the schema", &statements).await
    }

    /// The script that [`create`](Self::create) runs.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`] for what the database can't have.
    pub fn create_sql(&self) -> Result<String> {
        self.script(|driver, schema| driver.create_schema(schema))
    }

    /// The script that [`drop`](Self::drop) runs.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`] for what the database can't have.
    pub fn drop_sql(&self) -> Result<String> {
        self.script(|driver, schema| driver.drop_schema(schema))
    }

    fn script(&self, render: fn(&dyn Driver, &Schema) -> Result<Vec<String>, DriverError>) -> Result<String> {
        let statements = self.statements("render the schema", render)?;
        Ok(statements.iter().map(|statement| format!("{};\n", statement.trim_end_matches(';'))).collect())
    }

    fn statements(
        &self,
        action: &'static str,
        render: fn(&dyn Driver, &Schema) -> Result<Vec<String>, DriverError>,
    ) -> Result<Vec<String>> {
        let schema = Schema::of(&self.orm.metadata);
        render(&*self.orm.driver, &schema).map_err(|error| self.orm.error(action, error))
    }

    async fn run(&self, action: &'static str, statements: &[String]) -> Result<()> {
        let mut connection = self.orm.connection(action).await?;
        let done = connection.execute_schema(statements).await;
        drop(connection);
        self.orm.caching.tell_or_warn().await;
        done.map_err(|error| self.orm.error(action, error))
    }
}
