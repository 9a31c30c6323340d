//! Rows in the tables of random schemas, by which it is seen what an update loses.

use orm_core::schema::{Column, Schema, Table};
use orm_core::sql::Sql;
use orm_core::value::{ColumnType, Value};
use orm_core::{Error, Result};

use crate::TestDb;

/// A table with two rows: one with everything that it can hold, one with nothing but what has to be there.
#[derive(Debug)]
pub(super) struct Filled {
    table: String,
    /// What the first row holds.
    columns: Vec<String>,
}

/// Puts rows into all tables but those that require each other in a circle.
pub(super) async fn fill(db: &TestDb, schema: &Schema) -> Result<Vec<Filled>> {
    let mut filled: Vec<Filled> = Vec::new();
    let mut left: Vec<&Table> = schema.tables.iter().collect();
    loop {
        let is_there = |name: &String| filled.iter().any(|one| one.table == *name);
        let is_ready = |table: &&Table| {
            let mut targets = table.foreign_keys.iter().map(|key| &key.referenced_table);
            targets.all(|target| *target == table.name || is_there(target))
        };
        let may_wait = |table: &&Table| table.foreign_keys.iter().all(|key| is_nullable(table, &key.columns));
        let next = left.iter().position(is_ready).map(|at| (at, true));
        let next = next.or_else(|| left.iter().position(may_wait).map(|at| (at, false)));
        let Some((at, refers)) = next else { return Ok(filled) };
        let table = left.remove(at);
        let columns: Vec<&Column> = table
            .columns
            .iter()
            .filter(|column| column.generated.is_none() && (refers || !is_reference(table, column)))
            .collect();
        insert(db, table, &columns, 1).await?;
        let required: Vec<&Column> =
            columns.iter().filter(|column| has_to_be_there(table, column)).copied().collect();
        insert(db, table, &required, 2).await?;
        let columns = columns.iter().map(|column| column.name.clone()).collect();
        filled.push(Filled { table: table.name.clone(), columns });
    }
}

/// Fails where a row is gone, or something that one held.
pub(super) async fn are_kept(db: &TestDb, filled: &[Filled]) -> Result<()> {
    for Filled { table, columns } in filled {
        let held: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let both = format!("SELECT count(*) FROM {table}");
        let first = format!("{both} WHERE n = 1 AND {}", held.join(" AND "));
        for (sql, expected) in [(both, 2), (first, 1)] {
            let counted: i64 = db.em().sql(Sql::trusted(sql.clone()), ()).fetch_one_as().await?;
            if counted != expected {
                return Err(Error::other(format!("{sql} gives {counted} and not {expected}")));
            }
        }
    }
    Ok(())
}

fn is_nullable(table: &Table, names: &[String]) -> bool {
    table.columns.iter().filter(|column| names.contains(&column.name)).all(|column| column.nullable)
}

fn is_reference(table: &Table, column: &Column) -> bool {
    table.foreign_keys.iter().any(|key| key.columns.contains(&column.name))
}

fn has_to_be_there(table: &Table, column: &Column) -> bool {
    column.name == "n"
        || table.primary_key.contains(&column.name)
        || !column.nullable && column.default.is_none()
}

async fn insert(db: &TestDb, table: &Table, columns: &[&Column], number: i64) -> Result<()> {
    let (mut names, mut places, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for column in columns {
        names.push(column.name.as_str());
        if let Some(label) = column.enumeration.as_ref().and_then(|one| one.labels.first()) {
            places.push(format!("'{label}'"));
        } else {
            places.push("{}".to_owned());
            // The first row is the one that everything refers to.
            let number = if is_reference(table, column) { 1 } else { number };
            values.push(value(column.column_type, number));
        }
    }
    let (names, places) = (names.join(", "), places.join(", "));
    let sql = format!("INSERT INTO {} ({names}) VALUES ({places})", table.name);
    db.em().sql(Sql::trusted(sql), values).execute().await.map(drop)
}

fn value(column_type: ColumnType, number: i64) -> Value {
    match column_type {
        ColumnType::Bool => Value::Bool(true),
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(number),
        ColumnType::Float | ColumnType::Double => Value::Float(0.5),
        ColumnType::Text | ColumnType::Enum(_) => Value::Text(format!("x{number}")),
        ColumnType::Bytes => Value::Bytes(vec![1, 2]),
        ColumnType::Uuid => Value::Uuid(1),
        ColumnType::Date => Value::Date(1),
        ColumnType::Time => Value::Time(1),
        ColumnType::DateTime => Value::DateTime(1),
        ColumnType::Timestamp => Value::Timestamp(1),
        ColumnType::Decimal => Value::Decimal("0.5".to_owned()),
        ColumnType::Json => Value::Json("{}".to_owned()),
        ColumnType::Array(element) => Value::Array(element, vec![value(*element, number)]),
        // No random column has a type that is not known here.
        _ => Value::Null,
    }
}
