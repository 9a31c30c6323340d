//! How PostgreSQL's tables are changed.
//!
//! Everything is one `ALTER` or another; what matters is the order: what stands on something goes before it and comes after
//! it. Foreign keys of a column whose type changes are made anew, since both ends of one change one after the other.

use orm_core::driver::DriverError;
use orm_core::schema::database::{
    DatabaseColumn, DatabaseEnum, DatabaseForeignKey, DatabaseIndex, DatabaseName, DatabaseSchema,
    DatabaseTable, DatabaseView,
};
use orm_core::value::ColumnType;

use super::Postgres;
use super::catalog::column_type;
use crate::schema::alter::{Alterations, Phased, action_words, list, qualified, quote, text};
use crate::schema::change::{Aspect, Change, ChangeKind};
use crate::schema::views;

impl Alterations for Postgres {
    fn quoting(&self) -> fn(&str) -> String {
        quote
    }

    fn is_widening(&self, from: &str, to: &str) -> bool {
        const INTEGERS: [&str; 4] = ["smallint", "integer", "bigint", "numeric"];
        const FLOATS: [&str; 2] = ["real", "double precision"];
        let is_later = |order: &[&str]| {
            let place = |name: &str| order.iter().position(|one| *one == name);
            matches!((place(from), place(to)), (Some(from), Some(to)) if from <= to)
        };
        let length = |name: &str| -> Option<u32> {
            name.strip_prefix("character varying(")?.strip_suffix(')')?.parse().ok()
        };
        let is_longer = match (length(from), length(to)) {
            (Some(from), Some(to)) => from <= to,
            (Some(_), None) => to == "character varying",
            (None, _) => false,
        };
        to == "text"
            || is_later(&INTEGERS)
            || is_later(&FLOATS)
            || is_longer
            || (from.starts_with("numeric(") && to == "numeric")
            || matches!((from, to), ("smallint" | "integer", "double precision"))
            || (from == "date" && to == "timestamp without time zone")
    }

    fn disturbed<'a>(&self, change: &'a Change, to: &'a DatabaseSchema) -> Vec<&'a str> {
        match &change.kind {
            ChangeKind::ChangeColumn { aspect: Aspect::Type | Aspect::Generation, .. }
            | ChangeKind::DropColumn(_)
            | ChangeKind::ChangeKey { .. }
            | ChangeKind::DropTable(_) => vec![&change.table.name],
            ChangeKind::ChangeEnum { from, to: labels } if !only_adds_labels(from, labels) => {
                let has_it =
                    |table: &&DatabaseTable| table.columns.iter().any(|one| is_of_type(one, &labels.name));
                let tables = to.tables.iter().filter(has_it).map(|table| table.name.name.as_str());
                tables.chain([labels.name.name.as_str()]).collect()
            }
            _ => Vec::new(),
        }
    }

    fn statements(
        &self,
        _: &DatabaseSchema,
        to: &DatabaseSchema,
        changes: &[Change],
    ) -> Result<Vec<String>, DriverError> {
        let mut script = Script { to, changes, statements: Phased::new() };
        for change in changes {
            script.change(change);
        }
        script.remake_foreign_keys();
        views::dropped(changes).into_iter().for_each(|view| script.drop_view(view));
        views::made(changes).into_iter().for_each(|view| script.add_view(view));
        Ok(script.statements.into_statements())
    }
}

/// When a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    DropView,
    RenameTable,
    RenameColumn,
    Schema,
    Type,
    DropForeignKey,
    DropCheck,
    DropIndex,
    DropKey,
    DropTable,
    DropColumn,
    Table,
    AddColumn,
    /// Not every type can be counted.
    DropCounting,
    Column,
    Key,
    Index,
    Check,
    ForeignKey,
    View,
    Comment,
    DropType,
}

struct Script<'a> {
    to: &'a DatabaseSchema,
    changes: &'a [Change],
    statements: Phased<Phase>,
}

impl Script<'_> {
    fn push(&mut self, phase: Phase, statement: String) {
        self.statements.push(phase, statement);
    }

    fn alter(&mut self, phase: Phase, table: &DatabaseName, action: &str) {
        self.push(phase, format!("ALTER TABLE {} {action}", qualified(quote, table)));
    }

    fn change(&mut self, change: &Change) {
        let name = &change.table;
        match &change.kind {
            ChangeKind::AddEnum(added) => self.push(Phase::Type, create_enum(added)),
            ChangeKind::ChangeEnum { from, to } => self.change_enum(from, to),
            ChangeKind::DropEnum(gone) => {
                self.push(Phase::DropType, format!("DROP TYPE {}", qualified(quote, &gone.name)));
            }
            ChangeKind::RenameTable { from } => {
                let to = quote(&name.name);
                self.push(
                    Phase::RenameTable,
                    format!("ALTER TABLE {} RENAME TO {to}", qualified(quote, from)),
                );
            }
            ChangeKind::RenameColumn { from, to } => {
                let action = format!("RENAME COLUMN {} TO {}", quote(from), quote(to));
                self.alter(Phase::RenameColumn, name, &action);
            }
            ChangeKind::AddTable(table) => self.add_table(table),
            ChangeKind::DropTable(table) => {
                for key in &table.foreign_keys {
                    self.drop_foreign_key(&table.name, key);
                }
                self.push(Phase::DropTable, format!("DROP TABLE {}", qualified(quote, &table.name)));
            }
            ChangeKind::AddColumn(column) => {
                self.alter(Phase::AddColumn, name, &format!("ADD COLUMN {}", column_words(column)));
                self.comment_on_column(name, column);
            }
            ChangeKind::DropColumn(column) => {
                self.alter(Phase::DropColumn, name, &format!("DROP COLUMN {}", quote(&column.name)));
            }
            ChangeKind::ChangeColumn { from, to, aspect } => self.change_column(name, from, to, *aspect),
            ChangeKind::ChangeKey { from, to } => {
                if let Some(key) = from {
                    let constraint = key.name.clone().unwrap_or_else(|| format!("{}_pkey", name.name));
                    self.alter(Phase::DropKey, name, &format!("DROP CONSTRAINT {}", quote(&constraint)));
                }
                if let Some(key) = to {
                    let columns = list(quote, &key.columns);
                    self.alter(Phase::Key, name, &format!("ADD PRIMARY KEY ({columns})"));
                }
            }
            ChangeKind::AddIndex(index) => self.push(Phase::Index, create_index(name, index)),
            ChangeKind::DropIndex(index) => self.drop_index(name, index),
            ChangeKind::RenameIndex { from, to } => {
                let (from, to) = (index_name(name, from), to.name.as_deref().unwrap_or_default());
                let from = qualified(quote, &from);
                self.push(Phase::DropIndex, format!("ALTER INDEX {from} RENAME TO {}", quote(to)));
            }
            ChangeKind::AddCheck(check) => {
                let action = format!("ADD {}CHECK ({})", constraint(check.name.as_ref()), check.expression);
                self.alter(Phase::Check, name, &action);
            }
            ChangeKind::DropCheck(check) => {
                let constraint = quote(check.name.as_deref().unwrap_or_default());
                self.alter(Phase::DropCheck, name, &format!("DROP CONSTRAINT {constraint}"));
            }
            ChangeKind::AddForeignKey(key) => self.add_foreign_key(name, key),
            ChangeKind::DropForeignKey(key) => self.drop_foreign_key(name, key),
            ChangeKind::ChangeTableComment(comment) => self.comment("TABLE", name, comment.as_deref()),
            // Tables of PostgreSQL have none that are read.
            ChangeKind::ChangeOptions { .. } => {}
            // In an order of their own.
            ChangeKind::AddView(_) | ChangeKind::DropView(_) | ChangeKind::ChangeView { .. } => {}
        }
    }

    fn add_table(&mut self, table: &DatabaseTable) {
        if let Some(schema) = &table.name.schema {
            self.push(Phase::Schema, format!("CREATE SCHEMA IF NOT EXISTS {}", quote(schema)));
        }
        let mut parts: Vec<String> = table.columns.iter().map(column_words).collect();
        if let Some(key) = &table.primary_key {
            let columns = list(quote, &key.columns);
            parts.push(format!("{}PRIMARY KEY ({columns})", constraint(key.name.as_ref())));
        }
        for check in &table.checks {
            parts.push(format!("{}CHECK ({})", constraint(check.name.as_ref()), check.expression));
        }
        let name = qualified(quote, &table.name);
        self.push(Phase::Table, format!("CREATE TABLE {name} ({})", parts.join(", ")));
        for index in &table.indexes {
            self.push(Phase::Index, create_index(&table.name, index));
        }
        for key in &table.foreign_keys {
            self.add_foreign_key(&table.name, key);
        }
        if table.comment.is_some() {
            self.comment("TABLE", &table.name, table.comment.as_deref());
        }
        for column in &table.columns {
            self.comment_on_column(&table.name, column);
        }
        for trigger in &table.triggers {
            self.push(Phase::Comment, trigger.statement.clone());
        }
    }

    fn change_column(
        &mut self,
        table: &DatabaseName,
        from: &DatabaseColumn,
        to: &DatabaseColumn,
        aspect: Aspect,
    ) {
        let column = quote(&to.name);
        let mut alter =
            |action: &str| self.alter(Phase::Column, table, &format!("ALTER COLUMN {column} {action}"));
        match aspect {
            Aspect::Type => {
                // A default does not follow into every type.
                if from.default.is_some() && from.counted.is_none() {
                    alter("DROP DEFAULT");
                }
                let collation = collation_words(to);
                let through = if casts_directly(&from.type_name, &to.type_name) { "" } else { "::text" };
                let cast = format!("{column}{through}::{}", to.type_name);
                alter(&format!("TYPE {}{collation} USING {cast}", to.type_name));
                if let (Some(default), None) = (&to.default, &to.counted) {
                    alter(&format!("SET DEFAULT {default}"));
                }
            }
            Aspect::Nullability if to.nullable => alter("DROP NOT NULL"),
            Aspect::Nullability => alter("SET NOT NULL"),
            Aspect::Default => match &to.default {
                Some(default) => alter(&format!("SET DEFAULT {default}")),
                None => alter("DROP DEFAULT"),
            },
            Aspect::Counting => self.change_counting(table, from, to),
            Aspect::Generation => {
                if to.generated.is_none() {
                    return alter("DROP EXPRESSION");
                }
                self.alter(Phase::DropColumn, table, &format!("DROP COLUMN {column}"));
                self.alter(Phase::AddColumn, table, &format!("ADD COLUMN {}", column_words(to)));
                self.comment_on_column(table, to);
            }
            Aspect::Options => {}
            Aspect::Comment => {
                let comment = to.comment.as_deref().map_or_else(|| "NULL".to_owned(), text);
                let name = format!("{}.{column}", qualified(quote, table));
                self.push(Phase::Comment, format!("COMMENT ON COLUMN {name} IS {comment}"));
            }
        }
    }

    fn change_counting(&mut self, table: &DatabaseName, from: &DatabaseColumn, to: &DatabaseColumn) {
        let column = quote(&to.name);
        let alter = |action: &str| format!("ALTER COLUMN {column} {action}");
        match (&from.counted, &to.counted) {
            (Some(_), None) if from.default.is_some() => {
                self.alter(Phase::DropCounting, table, &alter("DROP DEFAULT"));
            }
            (Some(_), None) => self.alter(Phase::DropCounting, table, &alter("DROP IDENTITY")),
            (Some(_), Some(_)) => self.alter(Phase::Column, table, &alter("SET GENERATED BY DEFAULT")),
            (None, Some(words)) => {
                if from.default.is_some() {
                    self.alter(Phase::Column, table, &alter("DROP DEFAULT"));
                }
                self.alter(Phase::Column, table, &alter(&format!("ADD {words}")));
                let name = qualified(quote, table);
                let sequence = format!("pg_get_serial_sequence({}, {})", text(&name), text(&to.name));
                self.push(
                    Phase::Column,
                    format!("SELECT setval({sequence}, coalesce(max({column}), 0) + 1, false) FROM {name}"),
                );
            }
            (None, None) => {}
        }
    }

    /// Adds labels; where one goes or moves, the type is made anew and its columns are cast by their labels.
    fn change_enum(&mut self, from: &DatabaseEnum, to: &DatabaseEnum) {
        let name = qualified(quote, &to.name);
        if only_adds_labels(from, to) {
            for (at, label) in to.labels.iter().enumerate().filter(|(_, label)| !from.labels.contains(label))
            {
                let place = match at.checked_sub(1).and_then(|before| to.labels.get(before)) {
                    Some(before) => format!("AFTER {}", text(before)),
                    None => format!(
                        "BEFORE {}",
                        from.labels.first().map_or_else(String::new, |first| text(first))
                    ),
                };
                self.push(Phase::Type, format!("ALTER TYPE {name} ADD VALUE {} {place}", text(label)));
            }
            return;
        }
        let old = DatabaseName { schema: to.name.schema.clone(), name: format!("{}_old", to.name.name) };
        self.push(Phase::Type, format!("ALTER TYPE {name} RENAME TO {}", quote(&old.name)));
        self.push(Phase::Type, create_enum(to));
        for table in &self.to.tables {
            for column in table.columns.iter().filter(|column| is_of_type(column, &to.name)) {
                self.cast_again(&table.name, column);
            }
        }
        self.push(Phase::DropType, format!("DROP TYPE {}", qualified(quote, &old)));
    }

    /// Casts a column to its type by way of text, where the type is another one now.
    fn cast_again(&mut self, table: &DatabaseName, column: &DatabaseColumn) {
        let name = quote(&column.name);
        let through = if column.type_name.ends_with("[]") { "text[]" } else { "text" };
        if column.default.is_some() {
            self.alter(Phase::Column, table, &format!("ALTER COLUMN {name} DROP DEFAULT"));
        }
        let cast = format!("{name}::{through}::{}", column.type_name);
        self.alter(
            Phase::Column,
            table,
            &format!("ALTER COLUMN {name} TYPE {} USING {cast}", column.type_name),
        );
        if let Some(default) = &column.default {
            self.alter(Phase::Column, table, &format!("ALTER COLUMN {name} SET DEFAULT {default}"));
        }
    }

    fn add_foreign_key(&mut self, table: &DatabaseName, key: &DatabaseForeignKey) {
        let mut words = format!(
            "ADD {}FOREIGN KEY ({}) REFERENCES {}",
            constraint(key.name.as_ref()),
            list(quote, &key.columns),
            qualified(quote, &key.referenced_table),
        );
        if !key.referenced_columns.is_empty() {
            words.push_str(&format!(" ({})", list(quote, &key.referenced_columns)));
        }
        words.push_str(&action_words(key));
        self.alter(Phase::ForeignKey, table, &words);
    }

    fn drop_foreign_key(&mut self, table: &DatabaseName, key: &DatabaseForeignKey) {
        let constraint = quote(key.name.as_deref().unwrap_or_default());
        self.alter(Phase::DropForeignKey, table, &format!("DROP CONSTRAINT {constraint}"));
    }

    /// Takes the foreign keys away, for the time being, that refer to or from what changes its type or is a key no more.
    fn remake_foreign_keys(&mut self) {
        let changes = self.changes;
        let changed = |table: &DatabaseName, columns: &[String]| {
            changes.iter().filter(|change| change.table == *table).any(|change| match &change.kind {
                ChangeKind::ChangeColumn { to, aspect: Aspect::Type | Aspect::Generation, .. } => {
                    columns.contains(&to.name)
                }
                _ => false,
            })
        };
        let key_changed = |table: &DatabaseName| {
            let own = changes.iter().filter(|change| change.table == *table);
            own.into_iter().any(|change| matches!(change.kind, ChangeKind::ChangeKey { .. }))
        };
        let is_new = |table: &DatabaseName, key: &DatabaseForeignKey| {
            changes.iter().filter(|change| change.table == *table).any(|change| match &change.kind {
                ChangeKind::AddForeignKey(added) => added == key,
                ChangeKind::AddTable(_) => true,
                _ => false,
            })
        };
        for table in &self.to.tables {
            for key in table.foreign_keys.iter().filter(|key| !is_new(&table.name, key)) {
                let is_touched = changed(&table.name, &key.columns)
                    || changed(&key.referenced_table, &key.referenced_columns)
                    || key_changed(&key.referenced_table);
                if is_touched {
                    self.drop_foreign_key(&table.name, key);
                    self.add_foreign_key(&table.name, key);
                }
            }
        }
    }

    fn drop_index(&mut self, table: &DatabaseName, index: &DatabaseIndex) {
        if index.is_constraint {
            let constraint = quote(index.name.as_deref().unwrap_or_default());
            self.alter(Phase::DropIndex, table, &format!("DROP CONSTRAINT {constraint}"));
        } else {
            self.push(
                Phase::DropIndex,
                format!("DROP INDEX {}", qualified(quote, &index_name(table, index))),
            );
        }
    }

    fn add_view(&mut self, view: &DatabaseView) {
        if let Some(schema) = &view.name.schema {
            self.push(Phase::Schema, format!("CREATE SCHEMA IF NOT EXISTS {}", quote(schema)));
        }
        let columns = if view.columns.is_empty() {
            String::new()
        } else {
            format!(" ({})", list(quote, &view.columns))
        };
        let name = qualified(quote, &view.name);
        self.push(Phase::View, format!("CREATE VIEW {name}{columns} AS {}", view.statement()));
        if view.comment.is_some() {
            self.comment("VIEW", &view.name, view.comment.as_deref());
        }
    }

    fn drop_view(&mut self, view: &DatabaseView) {
        self.push(Phase::DropView, format!("DROP VIEW {}", qualified(quote, &view.name)));
    }

    fn comment(&mut self, what: &str, name: &DatabaseName, comment: Option<&str>) {
        let comment = comment.map_or_else(|| "NULL".to_owned(), text);
        self.push(Phase::Comment, format!("COMMENT ON {what} {} IS {comment}", qualified(quote, name)));
    }

    fn comment_on_column(&mut self, table: &DatabaseName, column: &DatabaseColumn) {
        if let Some(comment) = &column.comment {
            let name = format!("{}.{}", qualified(quote, table), quote(&column.name));
            self.push(Phase::Comment, format!("COMMENT ON COLUMN {name} IS {}", text(comment)));
        }
    }
}

/// Whether the server has a cast from one type to the other; where it may have none, there is one by way of text.
fn casts_directly(from: &str, to: &str) -> bool {
    let family = |name: &str| match column_type(name)? {
        ColumnType::Int(_) | ColumnType::Float | ColumnType::Double | ColumnType::Decimal => Some(0),
        ColumnType::Date | ColumnType::DateTime | ColumnType::Timestamp => Some(1),
        ColumnType::Json => Some(2),
        ColumnType::Text => Some(3),
        _ => None,
    };
    family(from).is_some_and(|own| family(to) == Some(own)) || column_type(to) == Some(ColumnType::Text)
}

fn create_enum(created: &DatabaseEnum) -> String {
    let labels: Vec<String> = created.labels.iter().map(|label| text(label)).collect();
    format!("CREATE TYPE {} AS ENUM ({})", qualified(quote, &created.name), labels.join(", "))
}

/// Whether every label of before stays, in its order.
fn only_adds_labels(from: &DatabaseEnum, to: &DatabaseEnum) -> bool {
    to.labels.iter().filter(|label| from.labels.contains(label)).eq(from.labels.iter())
}

/// Whether a column holds labels of the type, or lists of them.
fn is_of_type(column: &DatabaseColumn, name: &DatabaseName) -> bool {
    column.type_name.trim_end_matches("[]") == type_name(name)
}

/// A type's name as the catalog writes it: in quotes where it needs some.
fn type_name(name: &DatabaseName) -> String {
    let word = |name: &str| {
        let is_plain =
            name.chars().all(|next| next.is_ascii_lowercase() || next.is_ascii_digit() || next == '_');
        if is_plain { name.to_owned() } else { quote(name) }
    };
    match &name.schema {
        Some(schema) => format!("{}.{}", word(schema), word(&name.name)),
        None => word(&name.name),
    }
}

fn constraint(name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!("CONSTRAINT {} ", quote(name)))
}

fn collation_words(column: &DatabaseColumn) -> String {
    column.collation.as_ref().map_or_else(String::new, |collation| format!(" COLLATE {collation}"))
}

fn column_words(column: &DatabaseColumn) -> String {
    let mut words = format!("{} {}{}", quote(&column.name), column.type_name, collation_words(column));
    if let Some(generated) = &column.generated {
        let storage = if generated.is_stored { "STORED" } else { "VIRTUAL" };
        words.push_str(&format!(" GENERATED ALWAYS AS ({}) {storage}", generated.expression));
    } else if let Some(counted) = &column.counted {
        words.push_str(&format!(" {counted}"));
    } else if let Some(default) = &column.default {
        words.push_str(&format!(" DEFAULT {default}"));
    }
    if !column.nullable {
        words.push_str(" NOT NULL");
    }
    words
}

/// An index is in the schema of its table.
fn index_name(table: &DatabaseName, index: &DatabaseIndex) -> DatabaseName {
    DatabaseName { schema: table.schema.clone(), name: index.name.clone().unwrap_or_default() }
}

fn create_index(table: &DatabaseName, index: &DatabaseIndex) -> String {
    let unique = if index.is_unique { "UNIQUE " } else { "" };
    let name = quote(index.name.as_deref().unwrap_or_default());
    format!("CREATE {unique}INDEX {name} ON {} {}", qualified(quote, table), index.definition)
}
