//! Random pairs of schemas: whatever a database holds, an update brings it to whatever is wanted, and back.
//!
//! `ORM_TEST_SCHEMA_PAIRS` is how many are tried, for a longer search. What fails is made as small as it can be.

mod random;
mod rows;

use orm_core::driver::Connection;
use orm_core::schema::{Schema, SchemaChange, SchemaComparison, SchemaDiff, Unknown};
use orm_core::{Error, OrmBuilder, Result};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::{Backend, TestDb};

/// An update that may lose data ends where it should, and its way back where it came from.
pub async fn an_update_leads_from_any_schema_to_any_other<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(no_entities).await?;
    let pairs = (random::schema(), random::schema());
    for_each_pair::<B>(pairs, async |(from, to)| {
        let database = Database::of(&db).await?;
        database.run(&db.orm.driver().create_schema(from).map_err(Error::other)?).await?;
        let diff = database.diff(to).await?;
        database.run(diff.all_statements()).await?;
        database.holds(to, "the update").await?;
        database.run(&diff.all().down).await?;
        database.holds(from, "the way back").await
    })
    .await
}

/// What is safe to do is done whatever rows there are, and they keep what they hold, there and back.
pub async fn a_safe_update_loses_nothing<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(no_entities).await?;
    let pairs = (random::schema(), random::schema());
    for_each_pair::<B>(pairs, async |(from, to)| {
        let database = Database::of(&db).await?;
        database.run(&db.orm.driver().create_schema(from).map_err(Error::other)?).await?;
        let filled = rows::fill(&db, from).await?;
        let diff = database.diff(to).await?;
        database.run(diff.statements()).await?;
        rows::are_kept(&db, &filled).await?;
        database.lacks_only_destructive(to).await?;
        database.run(&diff.safe().down).await?;
        rows::are_kept(&db, &filled).await?;
        database.holds(from, "the way back").await
    })
    .await
}

fn no_entities(orm: OrmBuilder) -> OrmBuilder {
    orm
}

/// A database, and what it makes of schemas.
struct Database<'a> {
    db: &'a TestDb,
}

impl<'a> Database<'a> {
    /// The database, emptied.
    async fn of(db: &'a TestDb) -> Result<Self> {
        let database = Self { db };
        let diff = database.diff(&Schema::default()).await?;
        database.run(diff.all_statements()).await?;
        database.holds(&Schema::default(), "dropping everything").await?;
        Ok(database)
    }

    async fn connection(&self) -> Result<Box<dyn Connection>> {
        self.db.orm.driver().acquire().await.map_err(Error::other)
    }

    async fn run(&self, statements: &[String]) -> Result<()> {
        self.connection().await?.execute_schema(statements).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Error::other(format!("{error}: {source}\n{statements:#?}"))
        })
    }

    async fn diff(&self, to: &Schema) -> Result<SchemaDiff> {
        let mut connection = self.connection().await?;
        let comparison = SchemaComparison {
            live: connection.read_schema(&[]).await.map_err(Error::other)?,
            wanted: connection.describe_schema(to).await.map_err(Error::other)?,
            unknown: Unknown::Dropped,
            ..SchemaComparison::default()
        };
        self.db.orm.driver().diff_schema(&comparison).map_err(Error::other)
    }

    async fn lacks_only_destructive(&self, schema: &Schema) -> Result<()> {
        let diff = self.diff(schema).await?;
        if diff.changes().iter().all(SchemaChange::is_destructive) {
            return Ok(());
        }
        Err(Error::other(format!("after the safe update is left:\n{diff}{:#?}", diff.statements())))
    }

    async fn holds(&self, schema: &Schema, after: &str) -> Result<()> {
        let diff = self.diff(schema).await?;
        if diff.is_empty() {
            return Ok(());
        }
        Err(Error::other(format!("after {after} is left:\n{diff}{:#?}", diff.all_statements())))
    }
}

/// Tries pairs, the same ones each time; makes one that fails as small as it can be.
async fn for_each_pair<B: Backend>(
    pairs: impl Strategy<Value = (Schema, Schema)>,
    holds: impl AsyncFn(&(Schema, Schema)) -> Result<()>,
) -> Result<()> {
    let asked = std::env::var("ORM_TEST_SCHEMA_PAIRS").ok().and_then(|count| count.parse().ok());
    let usual = if B::facts().sessions.is_some() { 8 } else { 120 };
    let mut runner = TestRunner::deterministic();
    for number in 0..asked.unwrap_or(usual) {
        let mut pair = pairs.new_tree(&mut runner).map_err(|reason| Error::other(reason.to_string()))?;
        let Err(mut failed) = holds(&pair.current()).await else { continue };
        let mut smallest = pair.current();
        for _ in 0..200 {
            if !pair.simplify() {
                break;
            }
            match holds(&pair.current()).await {
                Err(error) => (failed, smallest) = (error, pair.current()),
                Ok(()) => {
                    if !pair.complicate() {
                        break;
                    }
                }
            }
        }
        let (from, to) = smallest;
        panic!("pair {number}: {failed}\nfrom {:#?}\nto {:#?}", from.tables, to.tables);
    }
    Ok(())
}
