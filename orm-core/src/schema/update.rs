//! Compares a live database with what the entities need, and brings it there.

use std::future::IntoFuture;
use std::sync::Arc;

use super::Schema;
use super::database::DatabaseName;
use super::diff::{
    DiffOptions, SchemaComparison, SchemaDiff, SchemaRenames, Unknown, external_names, named_schemas,
};
use crate::driver::{BoxFuture, Connection};
use crate::error::Result;
use crate::orm::{OrmCore, SchemaGenerator};

const COMPARE: &str = "compare the schema";
const UPDATE: &str = "update the schema";

impl<'a> SchemaGenerator<'a> {
    /// Compares the database with the entities. Changes nothing.
    ///
    /// Tables and views that no entity knows are another program's: they are left alone, and not mentioned. What is wanted
    /// is told by the database, of temporary tables and views; MariaDB and MySQL, which have no such views, make a view that
    /// is there once more under another name, and drop it again.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`](crate::Error::Driver) when the database can't be read, or can't have what the entities need.
    ///
    /// # Examples
    ///
    /// ```ignore
    /// let diff = orm.schema().diff().await?;
    /// print!("{diff}");
    /// assert!(!diff.has_destructive());
    /// ```
    pub fn diff(&self) -> DiffSchema<'a> {
        DiffSchema { orm: self.orm, options: DiffOptions::default() }
    }

    /// Changes the database until it has what the entities need.
    ///
    /// Changes that can lose data, or that the database may refuse for rows that are there, are left out unless
    /// [`allow_destructive`](UpdateSchema::allow_destructive) asks for them. Where the database can take changes of its
    /// schema back, either all of them are done or none.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`](crate::Error::Driver) when the database refuses a change.
    ///
    /// # Examples
    ///
    /// ```ignore
    /// let done = orm.schema().update().await?;
    /// for left_out in done.destructive() {
    ///     eprintln!("left out: {left_out}");
    /// }
    /// ```
    pub fn update(&self) -> UpdateSchema<'a> {
        UpdateSchema { compare: self.diff(), extent: Extent::Safe }
    }
}

/// A comparison of the database with the entities; await it.
#[derive(Clone, Debug)]
#[must_use = "nothing is compared until it is awaited"]
pub struct DiffSchema<'a> {
    orm: &'a Arc<OrmCore>,
    options: DiffOptions,
}

impl DiffSchema<'_> {
    /// Drops the tables, views and types that no entity knows, as destructive changes. Fit for a database that belongs
    /// to this program alone.
    pub fn drop_unknown(mut self) -> Self {
        self.options.unknown = Unknown::Dropped;
        self
    }

    /// Leaves a table or view alone that [`drop_unknown`](Self::drop_unknown) would drop.
    pub fn ignore(mut self, name: impl Into<String>) -> Self {
        self.options.ignored.insert(DatabaseName::new(None, name));
        self
    }

    async fn compare(&self, connection: &mut dyn Connection) -> Result<SchemaDiff> {
        let error = |error| self.orm.error(COMPARE, error);
        let schema = Schema::of(&self.orm.metadata);
        let mut ignored = self.options.ignored.clone();
        ignored.extend(external_names(&schema));
        let comparison = SchemaComparison {
            live: connection.read_schema(&named_schemas(&schema)).await.map_err(error)?,
            wanted: connection.describe_schema(&schema).await.map_err(error)?,
            renames: SchemaRenames::of(&schema),
            unknown: self.options.unknown,
            ignored,
        };
        self.orm.driver.diff_schema(&comparison).map_err(error)
    }
}

impl<'a> IntoFuture for DiffSchema<'a> {
    type Output = Result<SchemaDiff>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut connection = self.orm.connection(COMPARE).await?;
            self.compare(&mut connection).await
        })
    }
}

/// Which changes are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Safe,
    All,
}

/// An update of the database to what the entities need; await it. It gives the difference that was found: what was done,
/// and what was left out.
#[derive(Clone, Debug)]
#[must_use = "nothing is changed until it is awaited"]
pub struct UpdateSchema<'a> {
    compare: DiffSchema<'a>,
    extent: Extent,
}

impl UpdateSchema<'_> {
    /// Does the changes too that can lose data.
    pub fn allow_destructive(mut self) -> Self {
        self.extent = Extent::All;
        self
    }

    /// As [`DiffSchema::drop_unknown`]; they go only where [destructive changes are allowed](Self::allow_destructive).
    pub fn drop_unknown(mut self) -> Self {
        self.compare = self.compare.drop_unknown();
        self
    }

    /// As [`DiffSchema::ignore`].
    pub fn ignore(mut self, name: impl Into<String>) -> Self {
        self.compare = self.compare.ignore(name);
        self
    }
}

impl<'a> IntoFuture for UpdateSchema<'a> {
    type Output = Result<SchemaDiff>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let orm = self.compare.orm;
            let mut connection = orm.connection(UPDATE).await?;
            let diff = self.compare.compare(&mut connection).await?;
            let statements = match self.extent {
                Extent::Safe => diff.statements(),
                Extent::All => diff.all_statements(),
            };
            if statements.is_empty() {
                return Ok(diff);
            }
            let done = connection.execute_schema(statements).await;
            drop(connection);
            orm.caching.tell_or_warn().await;
            done.map_err(|error| orm.error(UPDATE, error))?;
            Ok(diff)
        })
    }
}
