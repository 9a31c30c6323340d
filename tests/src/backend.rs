//! Databases that the suite runs on: each test gets an empty one of its own.

use std::future::Future;

use orm_core::driver::Driver;
use orm_core::{EntityManager, Orm, OrmBuilder, Result};

use crate::recorder::{Recorder, Recording};

/// A kind of database.
pub trait Backend: 'static {
    /// Its driver.
    type Driver: Driver;

    /// Connects to a new, empty database.
    fn connect() -> impl Future<Output = Result<Self::Driver>> + Send;
}

/// SQLite in memory.
#[derive(Clone, Copy, Debug)]
pub struct Sqlite;

impl Backend for Sqlite {
    type Driver = orm_sqlx::Sqlite;

    async fn connect() -> Result<Self::Driver> {
        orm_sqlx::Sqlite::connect("sqlite::memory:").await
    }
}

/// An ORM on a database of its own, with its tables, and the record of what was sent since.
#[derive(Clone, Debug)]
pub struct TestDb {
    /// The ORM.
    pub orm: Orm,
    /// What was sent to the driver.
    pub recorder: Recorder,
}

impl TestDb {
    /// Opens a database with the entities that `configure` adds, and creates their tables.
    ///
    /// # Errors
    ///
    /// Whatever the driver or the metadata refuses.
    pub async fn open<B: Backend>(configure: impl FnOnce(OrmBuilder) -> OrmBuilder) -> Result<Self> {
        let db = Self::open_without_tables::<B>(configure).await?;
        db.orm.schema().create().await?;
        db.recorder.reset();
        Ok(db)
    }

    /// Opens a database without creating tables.
    ///
    /// # Errors
    ///
    /// Whatever the driver or the metadata refuses.
    pub async fn open_without_tables<B: Backend>(
        configure: impl FnOnce(OrmBuilder) -> OrmBuilder,
    ) -> Result<Self> {
        let recorder = Recorder::default();
        let driver = Recording::new(B::connect().await?, recorder.clone());
        let orm = configure(Orm::builder(driver)).build().await?;
        Ok(Self { orm, recorder })
    }

    /// A fresh fork.
    #[must_use]
    pub fn em(&self) -> EntityManager {
        self.orm.em().fork()
    }

    /// How many statements were sent since the last [`Recorder::reset`].
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.recorder.statements()
    }
}
