//! Entities for a live database, as the text of Rust source.
//!
//! `plan` decides what each table becomes, `names` what it is called in Rust, `text` writes it. All of it is pure, and the
//! same database gives the same text.

mod names;
mod plan;
mod relations;
mod text;

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::sync::Arc;

use super::database::DatabaseName;
use crate::driver::{BoxFuture, Connection};
use crate::error::Result;
use crate::orm::{OrmCore, SchemaGenerator};

const GENERATE: &str = "generate entities";

impl<'a> SchemaGenerator<'a> {
    /// Prints entities for the tables that the database holds, as Rust source that compiles: a start for a program on a
    /// database that others made. Changes nothing.
    ///
    /// It has a struct for each table, with its key, columns, defaults, checks, comments and indexes; foreign keys are
    /// relations with the other side in the table that they lead to, tables of nothing but two foreign keys are
    /// many-to-many relations, and types with labels are enums. Names that Rust or this crate can't have are changed, and
    /// the attributes say which table or column is meant. What the derive has no words for stands in comments: columns of
    /// unknown types, triggers, and tables without a key and views, for which only the program can tell what makes a row one of
    /// its kind: the comment says how they are read. The types of the features `uuid`, `chrono`, `rust_decimal` and
    /// `serde_json` are used where columns need them. Names that this ORM's naming strategy makes are left out.
    ///
    /// Tables of the connection's own schema are read, the one of migrations is left out. For tables that
    /// [`create`](Self::create) made, [`diff`](Self::diff) of what is printed finds nothing to change; for those of others
    /// it finds what this crate makes otherwise, such as the names of foreign keys.
    ///
    /// # Errors
    ///
    /// [`Error::Driver`](crate::Error::Driver) when the database can't be read.
    ///
    /// # Examples
    ///
    /// ```ignore
    /// let text = orm.schema().generate_entities().ignore("spatial_ref_sys").await?;
    /// std::fs::write("src/entities.rs", text)?;
    /// ```
    pub fn generate_entities(&self) -> GenerateEntities<'a> {
        GenerateEntities { orm: self.orm, ignored: BTreeSet::new() }
    }
}

/// Entities for a live database; await it.
#[derive(Clone, Debug)]
#[must_use = "nothing is read until it is awaited"]
pub struct GenerateEntities<'a> {
    orm: &'a Arc<OrmCore>,
    ignored: BTreeSet<DatabaseName>,
}

impl GenerateEntities<'_> {
    /// Leaves a table or view out, without a word.
    pub fn ignore(mut self, name: impl Into<String>) -> Self {
        self.ignored.insert(DatabaseName::new(None, name));
        self
    }

    async fn generate(&self) -> Result<String> {
        let error = |error| self.orm.error(GENERATE, error);
        let mut connection = self.orm.connection(GENERATE).await?;
        let mut live = connection.read_schema(&[]).await.map_err(error)?;
        drop(connection);
        live.tables.retain(|table| !self.ignored.contains(&table.name));
        live.views.retain(|view| !self.ignored.contains(&view.name));
        live.unreadable.retain(|(name, _)| !self.ignored.contains(name));
        let understood = self.orm.driver.understand_schema(&live).map_err(error)?;
        Ok(text::write(&plan::plan(&understood, self.orm.metadata.naming())))
    }
}

impl<'a> IntoFuture for GenerateEntities<'a> {
    type Output = Result<String>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.generate().await })
    }
}
