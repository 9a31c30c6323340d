//! What SQLite says that it holds: it keeps the statements that made it, as they were sent.

use orm_core::schema::database::{DatabaseName, DatabaseSchema, DatabaseTable, DatabaseTrigger};
use orm_core::value::ColumnType;

use crate::schema::definition;

/// The statement that lists everything, in the order in which it was made. [`read`] takes its rows.
pub const OBJECTS: &str =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";

/// A row of [`OBJECTS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it is, or is on.
    pub table: String,
    /// The statement that made it.
    pub sql: String,
}

/// What [`read`] would give of a database that was made by `statements`, which are those of this crate.
///
/// # Errors
///
/// The statement that makes nothing that is known.
pub fn described(statements: &[String]) -> Result<DatabaseSchema, String> {
    let objects: Result<Vec<Object>, String> = statements.iter().map(|statement| object(statement)).collect();
    let schema = read(&objects?);
    match schema.unreadable.first() {
        Some((name, why)) => Err(format!("{name}: {why}")),
        None => Ok(schema),
    }
}

fn object(statement: &str) -> Result<Object, String> {
    let is = |kind| statement.starts_with(kind);
    let (kind, name, table) = if is("CREATE TABLE") {
        let table = definition::table(statement)?.name.name;
        ("table", table.clone(), table)
    } else if is("CREATE VIEW") {
        let view = definition::view(statement)?.name.name;
        ("view", view.clone(), view)
    } else {
        let (table, index) = definition::index(statement)?;
        ("index", index.name.unwrap_or_default(), table)
    };
    Ok(Object { kind: kind.to_owned(), name, table, sql: statement.to_owned() })
}

/// What the database holds. Virtual tables are left out, and what SQLite keeps for itself.
#[must_use]
pub fn read(objects: &[Object]) -> DatabaseSchema {
    let mut schema = DatabaseSchema::default();
    let virtual_tables: Vec<&str> = objects
        .iter()
        .filter(|object| object.kind == "table" && is_virtual(&object.sql))
        .map(|object| object.name.as_str())
        .collect();
    let is_shadow = |name: &str| {
        virtual_tables.iter().any(|table| name.strip_prefix(table).is_some_and(|rest| rest.starts_with('_')))
    };
    for object in objects {
        let is_own = object.name.starts_with("sqlite_") || is_virtual(&object.sql) || is_shadow(&object.name);
        if is_own {
            continue;
        }
        if let Err(why) = read_object(&mut schema, object) {
            let name = if object.kind == "view" { &object.name } else { &object.table };
            schema.unreadable.push((DatabaseName::new(None, name.clone()), why));
        }
    }
    schema
}

fn is_virtual(sql: &str) -> bool {
    let mut words = sql.split_whitespace();
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("create"))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case("virtual"))
}

fn read_object(schema: &mut DatabaseSchema, object: &Object) -> Result<(), String> {
    match object.kind.as_str() {
        "table" => {
            let mut table = definition::table(&object.sql)?;
            table.name = DatabaseName::new(None, object.name.clone());
            table.columns.iter_mut().for_each(|column| column.column_type = column_type(&column.type_name));
            schema.tables.push(table);
        }
        "view" => {
            let mut view = definition::view(&object.sql)?;
            view.name = DatabaseName::new(None, object.name.clone());
            schema.views.push(view);
        }
        "index" => {
            let (_, index) = definition::index(&object.sql)?;
            table_of(schema, object).map(|table| table.indexes.push(index)).unwrap_or_default();
        }
        "trigger" => {
            let trigger = DatabaseTrigger { name: object.name.clone(), statement: object.sql.clone() };
            table_of(schema, object).map(|table| table.triggers.push(trigger)).unwrap_or_default();
        }
        _ => {}
    }
    Ok(())
}

fn table_of<'a>(schema: &'a mut DatabaseSchema, object: &Object) -> Option<&'a mut DatabaseTable> {
    schema.tables.iter_mut().find(|table| table.name.name.eq_ignore_ascii_case(&object.table))
}

/// What a declared type is to the ORM. SQLite's types say little, so that a date is a text.
fn column_type(type_name: &str) -> Option<ColumnType> {
    let name = type_name.to_ascii_uppercase();
    let word = name.split(|next: char| !next.is_ascii_alphanumeric()).next().unwrap_or_default();
    Some(match word {
        "INTEGER" | "INT" | "BIGINT" => ColumnType::Int(64),
        "SMALLINT" | "TINYINT" | "MEDIUMINT" => ColumnType::Int(32),
        "BOOL" | "BOOLEAN" => ColumnType::Bool,
        "REAL" | "DOUBLE" | "FLOAT" => ColumnType::Double,
        "BLOB" => ColumnType::Bytes,
        "TEXT" | "VARCHAR" | "CHAR" | "CLOB" | "NVARCHAR" | "CHARACTER" => ColumnType::Text,
        _ => return None,
    })
}
