//! What PostgreSQL says that it holds, by its catalog.
//!
//! PostgreSQL writes expressions in words of its own, which only it knows. So what is wanted is made for a moment, as
//! temporary tables in a transaction that is rolled back, and read as everything else is.

use std::collections::BTreeSet;

use orm_core::driver::{DriverError, RowReader};
use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseEnum, DatabaseForeignKey, DatabaseGenerated, DatabaseIndex,
    DatabaseKey, DatabaseName, DatabaseSchema, DatabaseTable, DatabaseTrigger, DatabaseView,
};
use orm_core::schema::{Schema, View};
use orm_core::value::{ColumnType, Value, ValueError};
use orm_sql::postgres::{column_type, type_length};
use orm_sql::{Bound, without_qualifier};

use super::{Catalog, optional_text, text};
use crate::backend::postgres::PostgresBackend;

type PgCatalog<'c, 'r> = Catalog<'c, 'r, PostgresBackend>;

/// The schema of the connection.
const OWN_SCHEMA: &str = "SELECT current_schema()::text";

/// The schema of its temporary tables.
const TEMPORARY_SCHEMA: &str = "SELECT nspname::text FROM pg_namespace WHERE oid = pg_my_temp_schema()";

/// Relations that do not belong to an extension, of the schemas `$1`.
const RELATIONS: &str = "SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, \
     obj_description(c.oid, 'pg_class'), CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
     ORDER BY c.oid";

const COLUMNS: &str = "SELECT a.attrelid::int8, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
     pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, col_description(a.attrelid, a.attnum), \
     CASE WHEN a.attcollation <> t.typcollation THEN (SELECT quote_ident(o.nspname) || '.' || quote_ident(l.collname) \
     FROM pg_collation l JOIN pg_namespace o ON o.oid = l.collnamespace WHERE l.oid = a.attcollation) END, \
     EXISTS (SELECT FROM pg_depend s JOIN pg_class q ON q.oid = s.objid AND q.relkind = 'S' \
     WHERE s.classid = 'pg_class'::regclass AND s.refobjid = a.attrelid AND s.refobjsubid = a.attnum AND s.deptype = 'a') \
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
     JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
     ORDER BY a.attrelid, a.attnum";

/// One row a column of a constraint, and one for a check without any.
const CONSTRAINTS: &str = "SELECT o.oid::int8, o.conrelid::int8, o.conname::text, o.contype::text, own.attname::text, \
     fn.nspname::text, f.relname::text, other.attname::text, o.confdeltype::text, o.confupdtype::text, \
     o.condeferrable, o.condeferred, CASE o.contype WHEN 'c' THEN pg_get_expr(o.conbin, o.conrelid) END \
     FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN LATERAL unnest(o.conkey, o.confkey) WITH ORDINALITY k(own, other, place) ON true \
     LEFT JOIN pg_attribute own ON own.attrelid = o.conrelid AND own.attnum = k.own \
     LEFT JOIN pg_class f ON f.oid = o.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace \
     LEFT JOIN pg_attribute other ON other.attrelid = o.confrelid AND other.attnum = k.other \
     WHERE n.nspname = ANY($1) AND o.contype IN ('p', 'f', 'c') \
     ORDER BY o.oid, k.place";

/// One row a key column of an index.
const INDEXES: &str = "SELECT i.indexrelid::int8, i.indrelid::int8, x.relname::text, i.indisunique, \
     EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype = 'u'), \
     regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? USING ', 'USING '), \
     CASE WHEN k.option = 0 THEN a.attname::text END, pg_get_expr(i.indpred, i.indrelid) \
     FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
     JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indoption::int2[]) WITH ORDINALITY k(number, option, place) \
     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number \
     WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT i.indisprimary AND NOT i.indisexclusion \
     AND k.place <= i.indnkeyatts \
     ORDER BY i.indexrelid, k.place";

const TRIGGERS: &str = "SELECT g.tgrelid::int8, g.tgname::text, pg_get_triggerdef(g.oid) FROM pg_trigger g \
     JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY($1) AND NOT g.tgisinternal ORDER BY g.oid";

const ENUMS: &str = "SELECT n.nspname::text, t.typname::text, e.enumlabel::text FROM pg_enum e \
     JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace \
     WHERE n.nspname = ANY($1) \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e') \
     ORDER BY t.oid, e.enumsortorder";

/// What is in the connection's own schema, and in those of these names.
pub(crate) async fn read_schema(
    catalog: &mut PgCatalog<'_, '_>,
    schemas: &[String],
) -> Result<DatabaseSchema, DriverError> {
    let own = own_schema(catalog).await?;
    let mut names: BTreeSet<&String> = schemas.iter().collect();
    names.extend(&own);
    read(catalog, &names.into_iter().cloned().collect::<Vec<_>>(), own.as_deref()).await
}

async fn own_schema(catalog: &mut PgCatalog<'_, '_>) -> Result<Option<String>, DriverError> {
    let names = catalog.rows(OWN_SCHEMA, Vec::new(), |row| optional_text(row, 0)).await?;
    Ok(names.into_iter().flatten().next())
}

/// What would be reported of `schema`, if it was made.
pub(crate) async fn describe_schema(
    catalog: &mut PgCatalog<'_, '_>,
    schema: &Schema,
) -> Result<DatabaseSchema, DriverError> {
    let own = own_schema(catalog).await?;
    let mut named: BTreeSet<Option<&String>> =
        schema.tables.iter().map(|table| table.schema.as_ref()).collect();
    named.extend(schema.views.iter().map(|view| view.schema.as_ref()));
    let mut described = DatabaseSchema::default();
    for place in named {
        catalog.try_out().await?;
        let tried = try_out(catalog, schema, place, own.as_deref()).await;
        let taken_back = catalog.take_back().await;
        let mut part = tried?;
        taken_back?;
        // A name for the connection's own schema means what no name means.
        let place = place.filter(|place| Some(*place) != own.as_ref()).cloned();
        part.enums.iter_mut().for_each(|one| one.name.schema.clone_from(&place));
        part.tables.iter_mut().for_each(|table| table.name.schema.clone_from(&place));
        part.views.iter_mut().for_each(|view| view.name.schema.clone_from(&place));
        described.enums.append(&mut part.enums);
        described.tables.append(&mut part.tables);
        described.views.append(&mut part.views);
    }
    add_foreign_keys(&mut described, schema, own.as_deref());
    Ok(described)
}

/// Makes what is in one schema, without its foreign keys, as temporary tables.
async fn try_out(
    catalog: &mut PgCatalog<'_, '_>,
    schema: &Schema,
    place: Option<&String>,
    own: Option<&str>,
) -> Result<DatabaseSchema, DriverError> {
    let mut part = Schema::clone(schema);
    part.tables.retain(|table| table.schema.as_ref() == place);
    for table in &mut part.tables {
        table.schema = None;
        table.foreign_keys.clear();
    }
    let mut views = std::mem::take(&mut part.views);
    views.retain(|view| view.schema.as_ref() == place);
    views.iter_mut().for_each(|view| view.schema = None);
    // What is made without a schema is made in the first one.
    catalog
        .change("SELECT set_config('search_path', 'pg_temp, ' || current_setting('search_path'), true)")
        .await?;
    for statement in catalog.pool.statements.create_schema(&part)? {
        catalog.change(&statement).await?;
    }
    let selects = Schema { views, ..Schema::default() };
    for statement in catalog.pool.statements.create_schema(&selects)? {
        // It may read what is in another schema, or made elsewhere, and not there yet.
        catalog.try_change(&statement).await?;
    }
    let names = catalog.rows(TEMPORARY_SCHEMA, Vec::new(), |row| text(row, 0)).await?;
    let temporary = names.first().cloned();
    let mut described = read(catalog, &names, temporary.as_deref()).await?;
    // The session may have temporary tables of its own.
    described.tables.retain(|table| part.tables.iter().any(|wanted| wanted.name == table.name.name));
    let tried = std::mem::take(&mut described.views);
    described.views = selects.views.iter().map(|wanted| as_tried(wanted, &tried, own)).collect();
    Ok(described)
}

/// A view in the database's words, or else in the program's.
fn as_tried(wanted: &View, tried: &[DatabaseView], own: Option<&str>) -> DatabaseView {
    let written = Some(wanted.select.clone());
    let name = DatabaseName::new(None, wanted.name.clone());
    match (tried.iter().find(|view| view.name == name), own) {
        // The connection's own schema was hidden by the temporary one, so that what is in it is named in full.
        (Some(view), Some(own)) => {
            DatabaseView { select: without_qualifier(&view.select, own), written, ..view.clone() }
        }
        (Some(view), None) => DatabaseView { written, ..view.clone() },
        (None, _) => {
            let (select, comment) = (wanted.select.clone(), wanted.comment.clone());
            DatabaseView { name, select, comment, ..DatabaseView::default() }
        }
    }
}

fn add_foreign_keys(described: &mut DatabaseSchema, schema: &Schema, own: Option<&str>) {
    let not_own = |place: Option<&String>| place.filter(|place| Some(place.as_str()) != own).cloned();
    for wanted in &schema.tables {
        let name = DatabaseName { schema: not_own(wanted.schema.as_ref()), name: wanted.name.clone() };
        let Some(table) = described.tables.iter_mut().find(|table| table.name == name) else { continue };
        table.foreign_keys = wanted.foreign_keys.iter().map(DatabaseForeignKey::from).collect();
        for key in &mut table.foreign_keys {
            key.referenced_table.schema = not_own(key.referenced_table.schema.as_ref());
        }
    }
}

/// What is in `schemas`, of which `own` needs no name.
async fn read(
    catalog: &mut PgCatalog<'_, '_>,
    schemas: &[String],
    own: Option<&str>,
) -> Result<DatabaseSchema, DriverError> {
    let values = || {
        let names = schemas.iter().cloned().map(Value::Text).collect();
        vec![Bound::Array(ColumnType::Text, names)]
    };
    let relations = catalog.rows(RELATIONS, values(), |row| {
        Ok((row.int(0)?, name(row, 1, own)?, optional_text(row, 4)?, optional_text(row, 5)?))
    });
    let relations = relations.await?;
    let columns = catalog.rows(COLUMNS, values(), |row| Ok((row.int(0)?, column(row)?))).await?;
    let constraints = catalog.rows(CONSTRAINTS, values(), |row| Constraint::read(row, own)).await?;
    let indexes = catalog.rows(INDEXES, values(), IndexPart::read).await?;
    let triggers =
        catalog.rows(TRIGGERS, values(), |row| Ok((row.int(0)?, text(row, 1)?, text(row, 2)?))).await?;
    let labels = catalog.rows(ENUMS, values(), |row| Ok((name(row, 0, own)?, text(row, 2)?))).await?;

    let mut schema = DatabaseSchema { enums: enums(labels), ..DatabaseSchema::default() };
    let mut tables: Vec<(i64, DatabaseTable)> = Vec::new();
    for (id, name, comment, select) in relations {
        match select {
            Some(select) => {
                let select = select.trim().trim_end_matches(';').to_owned();
                schema.views.push(DatabaseView { name, select, comment, ..DatabaseView::default() });
            }
            None => tables.push((id, DatabaseTable { name, comment, ..DatabaseTable::default() })),
        }
    }
    let table =
        |tables: &mut Vec<(i64, DatabaseTable)>, id: i64, change: &mut dyn FnMut(&mut DatabaseTable)| {
            tables.iter_mut().filter(|(own, _)| *own == id).for_each(|(_, table)| change(table));
        };
    for (id, column) in columns {
        table(&mut tables, id, &mut |table| table.columns.push(column.clone()));
    }
    for constraint in Constraint::joined(constraints) {
        table(&mut tables, constraint.table, &mut |table| constraint.add_to(table));
    }
    for (id, index) in IndexPart::joined(indexes) {
        table(&mut tables, id, &mut |table| table.indexes.push(index.clone()));
    }
    for (id, name, statement) in triggers {
        table(&mut tables, id, &mut |table| {
            table.triggers.push(DatabaseTrigger { name: name.clone(), statement: statement.clone() });
        });
    }
    schema.tables = tables.into_iter().map(|(_, table)| table).collect();
    Ok(schema)
}

/// A schema and, in the next column, a name in it.
fn name(row: &dyn RowReader, index: usize, own: Option<&str>) -> Result<DatabaseName, ValueError> {
    let schema = Some(text(row, index)?).filter(|schema| Some(schema.as_str()) != own);
    Ok(DatabaseName { schema, name: text(row, index + 1)? })
}

fn column(row: &dyn RowReader) -> Result<DatabaseColumn, ValueError> {
    let type_name = text(row, 2)?;
    let expression = optional_text(row, 4)?;
    let identity = text(row, 5)?;
    let generation = text(row, 6)?;
    let has_sequence =
        row.bool(9)? && expression.as_ref().is_some_and(|default| default.starts_with("nextval("));
    let counted = match identity.as_str() {
        "a" => Some("GENERATED ALWAYS AS IDENTITY".to_owned()),
        // A `serial` column does the same.
        "d" => Some("GENERATED BY DEFAULT AS IDENTITY".to_owned()),
        _ if has_sequence => Some("GENERATED BY DEFAULT AS IDENTITY".to_owned()),
        _ => None,
    };
    let (default, generated) = match (generation.as_str(), expression) {
        ("", default) => (default, None),
        (kind, Some(expression)) => (None, Some(DatabaseGenerated { expression, is_stored: kind == "s" })),
        (_, None) => (None, None),
    };
    Ok(DatabaseColumn {
        name: text(row, 1)?,
        column_type: column_type(&type_name),
        length: type_length(&type_name),
        type_name,
        nullable: !row.bool(3)?,
        default,
        counted,
        generated,
        collation: optional_text(row, 8)?,
        options: String::new(),
        comment: optional_text(row, 7)?,
    })
}

fn enums(labels: Vec<(DatabaseName, String)>) -> Vec<DatabaseEnum> {
    let mut enums: Vec<DatabaseEnum> = Vec::new();
    for (name, label) in labels {
        match enums.last_mut() {
            Some(last) if last.name == name => last.labels.push(label),
            _ => enums.push(DatabaseEnum { name, labels: vec![label] }),
        }
    }
    enums
}

/// A constraint, or one column of it.
#[derive(Clone, Debug)]
struct Constraint {
    id: i64,
    table: i64,
    name: String,
    kind: String,
    columns: Vec<String>,
    referenced: Option<DatabaseName>,
    referenced_columns: Vec<String>,
    on_delete: String,
    on_update: String,
    is_deferrable: bool,
    is_deferred: bool,
    expression: Option<String>,
}

impl Constraint {
    fn read(row: &dyn RowReader, own: Option<&str>) -> Result<Self, ValueError> {
        Ok(Self {
            id: row.int(0)?,
            table: row.int(1)?,
            name: text(row, 2)?,
            kind: text(row, 3)?,
            columns: optional_text(row, 4)?.into_iter().collect(),
            referenced: if row.is_null(5)? { None } else { Some(name(row, 5, own)?) },
            referenced_columns: optional_text(row, 7)?.into_iter().collect(),
            on_delete: text(row, 8)?,
            on_update: text(row, 9)?,
            is_deferrable: row.bool(10)?,
            is_deferred: row.bool(11)?,
            expression: optional_text(row, 12)?,
        })
    }

    /// Each constraint once, with all of its columns.
    fn joined(parts: Vec<Self>) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::new();
        for mut part in parts {
            match joined.last_mut() {
                Some(last) if last.id == part.id => {
                    last.columns.append(&mut part.columns);
                    last.referenced_columns.append(&mut part.referenced_columns);
                }
                _ => joined.push(part),
            }
        }
        joined
    }

    fn add_to(&self, table: &mut DatabaseTable) {
        let name = Some(self.name.clone());
        match (self.kind.as_str(), &self.expression, &self.referenced) {
            ("p", ..) => table.primary_key = Some(DatabaseKey { name, columns: self.columns.clone() }),
            ("c", Some(expression), _) => {
                table.checks.push(DatabaseCheck { name, expression: expression.clone() });
            }
            ("f", _, Some(referenced)) => table.foreign_keys.push(DatabaseForeignKey {
                name,
                columns: self.columns.clone(),
                referenced_table: referenced.clone(),
                referenced_columns: self.referenced_columns.clone(),
                on_delete: action(&self.on_delete),
                on_update: action(&self.on_update),
                options: self.options(),
            }),
            _ => {}
        }
    }

    fn options(&self) -> String {
        let mut options = Vec::new();
        for (when, action) in [("ON DELETE", &self.on_delete), ("ON UPDATE", &self.on_update)] {
            options.extend((action == "d").then(|| format!("{when} SET DEFAULT")));
        }
        options.extend(self.is_deferrable.then(|| "DEFERRABLE".to_owned()));
        options.extend(self.is_deferred.then(|| "INITIALLY DEFERRED".to_owned()));
        options.join(" ")
    }
}

fn action(code: &str) -> Option<ReferentialAction> {
    match code {
        "c" => Some(ReferentialAction::Cascade),
        "n" => Some(ReferentialAction::SetNull),
        "r" => Some(ReferentialAction::Restrict),
        _ => None,
    }
}

/// One key column of an index.
struct IndexPart {
    id: i64,
    table: i64,
    column: Option<String>,
    index: DatabaseIndex,
}

impl IndexPart {
    fn read(row: &dyn RowReader) -> Result<Self, ValueError> {
        Ok(Self {
            id: row.int(0)?,
            table: row.int(1)?,
            column: optional_text(row, 6)?,
            index: DatabaseIndex {
                name: Some(text(row, 2)?),
                kind: None,
                is_unique: row.bool(3)?,
                is_constraint: row.bool(4)?,
                definition: text(row, 5)?,
                columns: Some(Vec::new()),
                condition: optional_text(row, 7)?,
            },
        })
    }

    /// Each index once, with its table, and with its columns where it has nothing else.
    fn joined(parts: Vec<Self>) -> Vec<(i64, DatabaseIndex)> {
        let mut joined: Vec<(i64, i64, DatabaseIndex)> = Vec::new();
        for part in parts {
            if joined.last().is_none_or(|(id, ..)| *id != part.id) {
                joined.push((part.id, part.table, part.index));
            }
            let Some((.., index)) = joined.last_mut() else { continue };
            match (&mut index.columns, part.column) {
                (Some(columns), Some(column)) => columns.push(column),
                _ => index.columns = None,
            }
        }
        joined.into_iter().map(|(_, table, index)| (table, index)).collect()
    }
}
