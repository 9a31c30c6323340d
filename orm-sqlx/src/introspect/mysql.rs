//! What MariaDB and MySQL say that they hold.
//!
//! The server writes definitions in words of its own, which only it knows. So what is wanted is made for a moment, as
//! temporary tables, which hide those of the same name from this connection alone, and asked for as everything else is.
//! There are no temporary views, and none of temporary tables: a view that is there already is made once more, under a name
//! that nothing else has, for as long as it takes to read it.

use std::collections::BTreeSet;

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{DatabaseForeignKey, DatabaseName, DatabaseSchema, DatabaseView};
use orm_core::schema::{Schema, Table, View};
use orm_core::value::Value;
use orm_sql::mysql::read_table;
use orm_sql::without_qualifier;

use super::{Catalog, optional_text, text};
use crate::backend::mysql::MySqlBackend;

type MySqlCatalog<'c, 'r> = Catalog<'c, 'r, MySqlBackend>;

const OWN_SCHEMA: &str = "SELECT database()";

const RELATIONS: &str = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = ? \
     AND table_type IN ('BASE TABLE', 'VIEW') ORDER BY table_name";

const CONNECTION: &str = "SELECT CAST(connection_id() AS SIGNED)";

/// What the names of views begin with that are there to be read alone.
const TRIED_VIEW: &str = "__orm_view_";

const VIEW: &str =
    "SELECT view_definition FROM information_schema.views WHERE table_schema = ? AND table_name = ?";

/// What is in the connection's own schema, and in those of these names.
pub(crate) async fn read_schema(
    catalog: &mut MySqlCatalog<'_, '_>,
    schemas: &[String],
) -> Result<DatabaseSchema, DriverError> {
    let own = own_schema(catalog).await?;
    let mut names: BTreeSet<&String> = schemas.iter().collect();
    names.extend(&own);
    let mut found = DatabaseSchema::default();
    for schema in names {
        let value = || Value::Text(schema.clone()).into();
        let relations =
            catalog.rows(RELATIONS, vec![value()], |row| Ok((text(row, 0)?, text(row, 1)?))).await?;
        let place = Some(schema).filter(|schema| Some(*schema) != own.as_ref()).cloned();
        for (name, kind) in relations {
            let own_name = DatabaseName { schema: place.clone(), name: name.clone() };
            if kind == "VIEW" {
                if !name.starts_with(TRIED_VIEW) {
                    let select = view_select(catalog, schema, &name).await?.unwrap_or_default();
                    // It names every table with its schema.
                    let select = without_qualifier(&select, schema);
                    found.views.push(DatabaseView { name: own_name, select, ..DatabaseView::default() });
                }
                continue;
            }
            let question = format!("SHOW CREATE TABLE {}.{}", quote(schema), quote(&name));
            match read_table(own_name.clone(), &show(catalog, &question).await?) {
                Ok(table) => found.tables.push(table),
                Err(why) => found.unreadable.push((own_name, why)),
            }
        }
    }
    Ok(found)
}

async fn own_schema(catalog: &mut MySqlCatalog<'_, '_>) -> Result<Option<String>, DriverError> {
    let names = catalog.rows(OWN_SCHEMA, Vec::new(), |row| optional_text(row, 0)).await?;
    Ok(names.into_iter().flatten().next())
}

/// What the server says of a view; `None` if there is none.
async fn view_select(
    catalog: &mut MySqlCatalog<'_, '_>,
    schema: &str,
    name: &str,
) -> Result<Option<String>, DriverError> {
    let values = [schema, name].map(|text| Value::Text(text.to_owned()).into());
    let selects = catalog.rows(VIEW, values.into(), |row| optional_text(row, 0)).await?;
    Ok(selects.into_iter().next().map(Option::unwrap_or_default))
}

async fn show(catalog: &mut MySqlCatalog<'_, '_>, question: &str) -> Result<String, DriverError> {
    let answers = catalog.rows(question, Vec::new(), |row| text(row, 1)).await?;
    Ok(answers.into_iter().next().unwrap_or_default())
}

/// What would be reported of `schema`, if it was made.
pub(crate) async fn describe_schema(
    catalog: &mut MySqlCatalog<'_, '_>,
    schema: &Schema,
) -> Result<DatabaseSchema, DriverError> {
    let own = own_schema(catalog).await?;
    let not_own = |place: Option<&String>| place.filter(|place| Some(*place) != own.as_ref()).cloned();
    let mut described = DatabaseSchema::default();
    for wanted in &schema.tables {
        let name = DatabaseName { schema: not_own(wanted.schema.as_ref()), name: wanted.name.clone() };
        let tried = try_out(catalog, wanted).await;
        let gone = catalog.change(&format!("DROP TEMPORARY TABLE IF EXISTS {}", quote(&wanted.name))).await;
        if gone.is_err() {
            // The temporary table would hide the real one from whoever has the connection next.
            catalog.running.breaks(false);
        }
        let answer = tried?;
        gone?;
        match read_table(name.clone(), &answer) {
            Ok(mut table) => {
                table.foreign_keys = wanted.foreign_keys.iter().map(foreign_key).collect();
                for key in &mut table.foreign_keys {
                    key.referenced_table.schema = not_own(key.referenced_table.schema.as_ref());
                }
                described.tables.push(table);
            }
            Err(why) => described.unreadable.push((name, why)),
        }
    }
    for view in &schema.views {
        let name = DatabaseName { schema: not_own(view.schema.as_ref()), name: view.name.clone() };
        let place = view.schema.as_ref().or(own.as_ref());
        let told = match place {
            Some(place) if view_select(catalog, place, &view.name).await?.is_some() => {
                try_out_view(catalog, place, view).await?
            }
            Some(_) | None => None,
        };
        let written = told.is_some().then(|| view.select.clone());
        let select = told.unwrap_or_else(|| view.select.clone());
        described.views.push(DatabaseView { name, select, written, ..DatabaseView::default() });
    }
    Ok(described)
}

/// Makes a view under another name, and reads what the server says of it; `None` if the server refuses, since what it reads
/// is not there yet.
async fn try_out_view(
    catalog: &mut MySqlCatalog<'_, '_>,
    schema: &str,
    view: &View,
) -> Result<Option<String>, DriverError> {
    let connection = catalog.rows(CONNECTION, Vec::new(), |row| row.int(0)).await?;
    let name = format!("{TRIED_VIEW}{}", connection.first().copied().unwrap_or_default());
    let place = format!("{}.{}", quote(schema), quote(&name));
    match catalog.change(&format!("CREATE OR REPLACE VIEW {place} AS {}", view.select)).await {
        Ok(()) => {}
        Err(error) if error.kind() == DriverErrorKind::ConnectionLost => return Err(error),
        Err(_) => return Ok(None),
    }
    let select = view_select(catalog, schema, &name).await;
    catalog.change(&format!("DROP VIEW IF EXISTS {place}")).await?;
    Ok(select?.map(|select| without_qualifier(&select, schema)))
}

/// Both do the same here, and only one of them is told.
fn foreign_key(key: &orm_core::schema::ForeignKey) -> DatabaseForeignKey {
    let mut key = DatabaseForeignKey::from(key);
    let unless_usual = |action: &ReferentialAction| *action != ReferentialAction::Restrict;
    (key.on_delete, key.on_update) = (key.on_delete.filter(unless_usual), key.on_update.filter(unless_usual));
    key
}

/// Makes one table, without its foreign keys, which temporary tables do not have.
async fn try_out(catalog: &mut MySqlCatalog<'_, '_>, wanted: &Table) -> Result<String, DriverError> {
    let table = Table { schema: None, ..wanted.clone() };
    let part = Schema { tables: vec![table], ..Schema::default() };
    for statement in catalog.pool.statements.create_schema(&part)? {
        if statement.starts_with("ALTER TABLE") && statement.contains(" FOREIGN KEY ") {
            continue;
        }
        catalog.change(&statement.replacen("CREATE TABLE ", "CREATE TEMPORARY TABLE ", 1)).await?;
    }
    show(catalog, &format!("SHOW CREATE TABLE {}", quote(&wanted.name))).await
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
