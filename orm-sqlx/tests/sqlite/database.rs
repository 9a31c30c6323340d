//! A database with the fixture's tables, and sinks for its rows.

use orm_core::driver::{
    Access, Connection, Driver, DriverError, RowReader, RowSink, RowSinkError, Select, Selection,
    TransactionMode, TransactionStep, Write, WriteOutcome,
};
use orm_core::metadata::{RelationKind, Side};
use orm_core::schema::Schema;
use orm_core::value::{ColumnType, Value, ValueError};
use orm_sqlx::{Sqlite, SqliteOptions, StatementCounter};

use crate::fixture::metadata;

/// A driver with the tables of the fixture, and a counter of what it sends.
pub(crate) async fn open_with(options: SqliteOptions) -> (Sqlite, StatementCounter) {
    let statements = StatementCounter::new();
    let driver = options.observer(statements.observer()).connect().await.unwrap();
    let schema = driver.create_schema(&Schema::of(&metadata())).unwrap();
    driver.acquire().await.unwrap().execute_schema(&schema).await.unwrap();
    statements.reset();
    (driver, statements)
}

/// One in memory.
pub(crate) async fn open() -> (Sqlite, StatementCounter) {
    open_with(Sqlite::options()).await
}

pub(crate) async fn write(driver: &Sqlite, write: &Write) -> Result<WriteOutcome, DriverError> {
    driver.acquire().await?.write(write).await
}

/// The rows of `select`, each value read as its column's type.
pub(crate) async fn rows(driver: &Sqlite, select: &Select) -> Result<Vec<Vec<Value>>, DriverError> {
    rows_on(&mut *driver.acquire().await?, select).await
}

pub(crate) async fn rows_on(
    connection: &mut dyn Connection,
    select: &Select,
) -> Result<Vec<Vec<Value>>, DriverError> {
    let mut collect = Collect { types: types(select), rows: Vec::new() };
    connection.select(select, &mut collect).await?;
    Ok(collect.rows)
}

pub(crate) async fn count(driver: &Sqlite, select: &Select) -> u64 {
    driver.acquire().await.unwrap().count(select).await.unwrap()
}

/// Runs statements of no operation, to make what the ORM would not.
pub(crate) async fn execute(driver: &Sqlite, statements: &[&str]) {
    let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
    driver.acquire().await.unwrap().execute_schema(&statements).await.unwrap();
}

pub(crate) const BEGIN: TransactionStep =
    TransactionStep::Begin(TransactionMode { isolation: None, access: Access::ReadWrite });

pub(crate) async fn step(connection: &mut dyn Connection, step: TransactionStep) {
    connection.transaction(step).await.unwrap();
}

struct Collect {
    types: Vec<ColumnType>,
    rows: Vec<Vec<Value>>,
}

fn types(select: &Select) -> Vec<ColumnType> {
    let mut types = Vec::new();
    if let Selection::Linked(link) = &select.selection {
        let owner = select.metadata.entity(link.relation.entity);
        let relation = &owner.relations[link.relation.index];
        assert!(matches!(relation.kind, RelationKind::ManyToMany { .. }));
        let given = match link.from {
            Side::Owner => owner,
            Side::Target => select.metadata.entity(relation.target),
        };
        types.extend(given.key_columns().map(|column| given.columns[column].column_type));
    }
    types.extend(select.entity().columns.iter().map(|column| column.column_type));
    types
}

impl RowSink for Collect {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let values = self.types.iter().enumerate().map(|(at, column_type)| read(row, at, *column_type));
        self.rows.push(values.collect::<Result<Vec<Value>, ValueError>>()?);
        Ok(())
    }
}

pub(crate) fn read(row: &dyn RowReader, at: usize, column_type: ColumnType) -> Result<Value, ValueError> {
    if row.is_null(at)? {
        return Ok(Value::Null);
    }
    Ok(match column_type {
        ColumnType::Bool => Value::Bool(row.bool(at)?),
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(row.int(at)?),
        ColumnType::Float | ColumnType::Double => Value::Float(row.float(at)?),
        ColumnType::Text => Value::Text(row.text(at)?.to_owned()),
        ColumnType::Bytes => Value::Bytes(row.bytes(at)?.to_vec()),
        ColumnType::Uuid => Value::Uuid(row.uuid(at)?),
        ColumnType::Date => Value::Date(row.date(at)?),
        ColumnType::Time => Value::Time(row.time(at)?),
        ColumnType::DateTime => Value::DateTime(row.datetime(at)?),
        ColumnType::Timestamp => Value::Timestamp(row.timestamp(at)?),
        ColumnType::Decimal => Value::Decimal(row.decimal(at)?.into_owned()),
        ColumnType::Json => Value::Json(row.json(at)?.to_owned()),
        other => panic!("no test has a {other:?}"),
    })
}
