//! What MariaDB and MySQL say that they hold.
//!
//! The server writes definitions in words of its own, which only it knows. So what is wanted is made for a moment, as
//! temporary tables, which hide those of the same name from this connection alone, and asked for as everything else is.

use std::collections::BTreeSet;

use orm_core::driver::DriverError;
use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{DatabaseForeignKey, DatabaseName, DatabaseSchema, DatabaseView};
use orm_core::schema::{Schema, Table};
use orm_core::value::Value;
use orm_sql::mysql::read_table;

use super::{Catalog, optional_text, text};
use crate::backend::mysql::MySqlBackend;

type MySqlCatalog<'c, 'r> = Catalog<'c, 'r, MySqlBackend>;

const OWN_SCHEMA: &str = "SELECT database()";

const RELATIONS: &str = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = ? \
     AND table_type IN ('BASE TABLE', 'VIEW') ORDER BY table_name";

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
                let values = vec![value(), Value::Text(name).into()];
                let select = catalog.rows(VIEW, values, |row| optional_text(row, 0)).await?;
                let select = select.into_iter().flatten().next().unwrap_or_default();
                // It names every table with its schema.
                let select = select.replace(&format!("{}.", quote(schema)), "");
                found.views.push(DatabaseView { name: own_name, columns: Vec::new(), select, comment: None });
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
        let (columns, comment) = (Vec::new(), None);
        described.views.push(DatabaseView { name, columns, select: view.select.clone(), comment });
    }
    Ok(described)
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
