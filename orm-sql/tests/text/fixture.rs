//! A model with every kind of relation and of key, as metadata that operations can carry.
//!
//! The driver's tests include this file too.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, NaiveDate, Utc};
use orm_core::driver::{
    BoxFuture, Capabilities, Connection, Driver, DriverError, RowSink, Select, TransactionStep, Write,
    WriteOutcome,
};
use orm_core::metadata::Metadata;
use orm_core::schema::Schema;
use orm_core::{Collection, Entity, Orm, OrmBuilder, Ref};
use rust_decimal::Decimal;
use uuid::Uuid;

#[derive(Entity, Clone, Debug, Default)]
pub struct Author {
    #[entity(id, auto)]
    pub id: i64,
    #[entity(length = 40)]
    pub name: String,
    #[entity(unique)]
    pub email: Option<String>,
    pub rating: Option<f64>,
    #[entity(default = true)]
    pub active: bool,
    #[entity(mapped_by = "author")]
    pub books: Collection<Book>,
    #[entity(mapped_by = "editor")]
    pub edited: Collection<Book>,
    #[entity(mapped_by = "author")]
    pub profile: Option<Ref<Profile>>,
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(unique(author, title, name = "one \"title\" each", where = "price is not null"))]
pub struct Book {
    #[entity(id, auto)]
    pub id: i64,
    pub title: String,
    pub price: Option<Decimal>,
    pub author: Ref<Author>,
    #[entity(on_delete = "set_null")]
    pub editor: Option<Ref<Author>>,
    #[entity(version)]
    pub version: i32,
    #[entity(many_to_many)]
    pub tags: Collection<Tag>,
}

#[derive(Entity, Clone, Debug, Default)]
pub struct Tag {
    #[entity(id)]
    pub name: String,
    #[entity(mapped_by = "tags")]
    pub books: Collection<Book>,
}

#[derive(Entity, Clone, Debug, Default)]
pub struct Profile {
    #[entity(id)]
    pub id: Uuid,
    #[entity(unique, on_delete = "cascade")]
    pub author: Ref<Author>,
    pub born: Option<NaiveDate>,
    pub photo: Option<Vec<u8>>,
}

#[derive(Entity, Clone, Debug, Default)]
pub struct Category {
    #[entity(id)]
    pub id: i64,
    pub name: String,
    pub parent: Option<Ref<Category>>,
    #[entity(mapped_by = "parent")]
    pub children: Collection<Category>,
    #[entity(many_to_many)]
    pub similar: Collection<Category>,
    #[entity(mapped_by = "similar")]
    pub similar_to: Collection<Category>,
}

#[derive(Entity, Clone, Debug, Default)]
pub struct Seat {
    #[entity(id)]
    pub room: i64,
    #[entity(id)]
    pub number: String,
    #[entity(mapped_by = "seat")]
    pub bookings: Collection<Booking>,
}

#[derive(Entity, Clone, Debug, Default)]
pub struct Booking {
    #[entity(id, auto)]
    pub id: i64,
    pub seat: Option<Ref<Seat>>,
    pub at: DateTime<Utc>,
    #[entity(many_to_many)]
    pub reserves: Collection<Seat>,
}

/// Keys of bytes, and names that need quoting.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "a \"note\"")]
pub struct Note {
    #[entity(id, column = "the ?key")]
    pub key: Vec<u8>,
    #[entity(column = "select")]
    pub text: String,
}

/// The metadata of the model.
pub(crate) fn metadata() -> Arc<Metadata> {
    static METADATA: OnceLock<Arc<Metadata>> = OnceLock::new();
    Arc::clone(METADATA.get_or_init(|| {
        metadata_of::<Author>(|builder| {
            builder.entity::<Author>().entity::<Category>().entity::<Booking>().entity::<Note>()
        })
    }))
}

/// The metadata of a model that has `T` in it.
pub(crate) fn metadata_of<T: Entity>(model: impl FnOnce(OrmBuilder) -> OrmBuilder) -> Arc<Metadata> {
    let capture = Capture::default();
    let orm = ready(model(Orm::builder(capture.clone())).build()).unwrap();
    ready(orm.em().fork().find_all::<T>().into_future()).unwrap();
    capture.seen.lock().unwrap().take().unwrap()
}

/// Runs a future that never has to wait.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits for anything"),
    }
}

/// A driver without a database, which keeps the metadata of the first query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capture {
    capabilities: Capabilities,
    seen: Arc<Mutex<Option<Arc<Metadata>>>>,
}

impl Driver for Capture {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn acquire(&self) -> BoxFuture<'_, Result<Box<dyn Connection>, DriverError>> {
        let connection: Box<dyn Connection> = Box::new(self.clone());
        Box::pin(std::future::ready(Ok(connection)))
    }

    fn create_schema(&self, _: &Schema) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }

    fn drop_schema(&self, _: &Schema) -> Result<Vec<String>, DriverError> {
        Ok(Vec::new())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Connection for Capture {
    fn select<'a>(
        &'a mut self,
        select: &'a Select,
        _: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<(), DriverError>> {
        *self.seen.lock().unwrap() = Some(Arc::clone(&select.metadata));
        Box::pin(std::future::ready(Ok(())))
    }

    fn count<'a>(&'a mut self, _: &'a Select) -> BoxFuture<'a, Result<u64, DriverError>> {
        Box::pin(std::future::ready(Ok(0)))
    }

    fn write<'a>(&'a mut self, _: &'a Write) -> BoxFuture<'a, Result<WriteOutcome, DriverError>> {
        Box::pin(std::future::ready(Ok(WriteOutcome::default())))
    }

    fn transaction(&mut self, _: TransactionStep) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn execute_schema<'a>(&'a mut self, _: &'a [String]) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
