//! How tables of MariaDB and MySQL are changed.
//!
//! A column is changed as a whole, so that all of its changes are one statement. Every statement commits what it does:
//! what has to go, goes before what stands on it. A key changes in one statement with the columns of its table, for a column
//! that is counted up is a key at all times.

use std::collections::BTreeMap;

use orm_core::driver::DriverError;
use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseForeignKey, DatabaseIndex, DatabaseName, DatabaseSchema,
    DatabaseTable, DatabaseView,
};

use super::MySql;
use super::catalog::is_json_check;
use crate::schema::alter::{Alterations, Phased, action_words, list, qualified};
use crate::schema::change::{Aspect, Change, ChangeKind};
use crate::schema::tokens::{TokenKind, tokens};
use crate::schema::views;

impl Alterations for MySql {
    fn quoting(&self) -> fn(&str) -> String {
        quote
    }

    fn is_widening(&self, from: &str, to: &str) -> bool {
        const INTEGERS: [&str; 5] = ["tinyint", "smallint", "mediumint", "int", "bigint"];
        const TEXTS: [&str; 6] = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];
        const BYTES: [&str; 5] = ["varbinary", "tinyblob", "blob", "mediumblob", "longblob"];
        let word = |name: &str| name.split(['(', ' ']).next().unwrap_or_default().to_owned();
        let length = |name: &str| -> u64 {
            let arguments = name.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
            arguments.and_then(|(length, _)| length.parse().ok()).unwrap_or(u64::MAX)
        };
        let place = |order: &[&str], name: &str| order.iter().position(|one| *one == word(name));
        if from.contains("unsigned") != to.contains("unsigned") {
            return false;
        }
        let is_later = |order: &[&str], minds_length: bool| match (place(order, from), place(order, to)) {
            (Some(before), Some(after)) if before == after => !minds_length || length(from) <= length(to),
            (Some(before), Some(after)) => before < after,
            _ => false,
        };
        is_later(&INTEGERS, false)
            || is_later(&TEXTS, true)
                && !(to.starts_with("tinytext")
                    || to.starts_with("varchar") && from.starts_with("char") && length(from) > length(to))
            || is_later(&BYTES, true) && !to.starts_with("tinyblob")
            || (word(from), word(to)) == ("float".to_owned(), "double".to_owned())
    }

    fn statements(
        &self,
        _: &DatabaseSchema,
        to: &DatabaseSchema,
        changes: &[Change],
    ) -> Result<Vec<String>, DriverError> {
        let is_mariadb = self.is_mariadb();
        let mut script =
            Script { is_mariadb, to, changes, statements: Phased::new(), with_key: BTreeMap::new() };
        for change in changes {
            script.change(change);
        }
        script.remake_foreign_keys();
        script.change_keys();
        views::made(changes).into_iter().for_each(|view| script.make_view(view));
        Ok(script.statements.into_statements())
    }
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// When a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    DropView,
    RenameTable,
    DropCheck,
    RenameColumn,
    Schema,
    DropForeignKey,
    DropTable,
    Table,
    AddColumn,
    /// Of a column that changes: its new type may be one that no index takes.
    DropColumnIndex,
    Column,
    Key,
    Fill,
    RenameIndex,
    DropIndex,
    Index,
    /// What is computed goes before what it is computed of.
    DropGenerated,
    DropColumn,
    Check,
    ForeignKey,
    Comment,
    View,
}

struct Script<'a> {
    is_mariadb: bool,
    to: &'a DatabaseSchema,
    changes: &'a [Change],
    statements: Phased<Phase>,
    /// What is done to tables together with the change of their keys.
    with_key: BTreeMap<DatabaseName, Vec<String>>,
}

impl<'a> Script<'a> {
    /// What changes about a table.
    fn changes_of(&self, table: &DatabaseName) -> impl Iterator<Item = &'a ChangeKind> {
        self.changes.iter().filter(move |change| change.table == *table).map(|change| &change.kind)
    }

    fn push(&mut self, phase: Phase, statement: String) {
        self.statements.push(phase, statement);
    }

    fn alter(&mut self, phase: Phase, table: &DatabaseName, action: &str) {
        let is_of_columns = matches!(phase, Phase::AddColumn | Phase::Column);
        if is_of_columns && self.changes_of(table).any(|kind| matches!(kind, ChangeKind::ChangeKey { .. })) {
            self.alter_with_key(table, action);
        } else {
            self.push(phase, format!("ALTER TABLE {} {action}", qualified(quote, table)));
        }
    }

    fn alter_with_key(&mut self, table: &DatabaseName, action: &str) {
        let actions = self.with_key.entry(table.clone()).or_default();
        if !actions.iter().any(|other| other == action) {
            actions.push(action.to_owned());
        }
    }

    fn change_keys(&mut self) {
        for (table, actions) in std::mem::take(&mut self.with_key) {
            let table = qualified(quote, &table);
            self.push(Phase::Key, format!("ALTER TABLE {table} {}", actions.join(", ")));
        }
    }

    fn change(&mut self, change: &Change) {
        let name = &change.table;
        match &change.kind {
            ChangeKind::RenameTable { from } => {
                self.push(
                    Phase::RenameTable,
                    format!("RENAME TABLE {} TO {}", qualified(quote, from), qualified(quote, name)),
                );
            }
            ChangeKind::RenameColumn { from, to } => {
                self.alter(
                    Phase::RenameColumn,
                    name,
                    &format!("RENAME COLUMN {} TO {}", quote(from), quote(to)),
                );
                if !self.is_mariadb {
                    self.remake_checks(name, to);
                }
            }
            ChangeKind::AddTable(table) => self.add_table(table),
            ChangeKind::DropTable(table) => {
                for key in &table.foreign_keys {
                    self.drop_foreign_key(&table.name, key);
                }
                self.push(Phase::DropTable, format!("DROP TABLE {}", qualified(quote, &table.name)));
            }
            ChangeKind::AddColumn(column) => {
                let words = self.column_words(name, column);
                self.alter(Phase::AddColumn, name, &format!("ADD COLUMN {words}"));
            }
            ChangeKind::DropColumn(column) => {
                let action = format!("DROP COLUMN {}", quote(&column.name));
                if column.generated.is_some() {
                    self.alter(Phase::DropGenerated, name, &action);
                } else if column.counted.is_some() {
                    self.alter(Phase::Column, name, &action);
                } else {
                    self.alter(Phase::DropColumn, name, &action);
                }
            }
            ChangeKind::ChangeColumn { from, to, aspect } => self.change_column(name, from, to, *aspect),
            ChangeKind::ChangeKey { from, to } => {
                if from.is_some() {
                    self.alter_with_key(name, "DROP PRIMARY KEY");
                }
                if let Some(key) = to {
                    let action = format!("ADD PRIMARY KEY ({})", list(quote, &key.columns));
                    self.alter_with_key(name, &action);
                }
            }
            ChangeKind::AddIndex(index) => self.push(Phase::Index, create_index(name, index)),
            ChangeKind::DropIndex(index) => {
                let columns = index.columns.as_deref().unwrap_or_default();
                let is_of_changed = self.changes_of(name).any(
                    |kind| matches!(kind, ChangeKind::ChangeColumn { to, .. } if columns.contains(&to.name)),
                );
                let phase = if is_of_changed { Phase::DropColumnIndex } else { Phase::DropIndex };
                let index = quote(index.name.as_deref().unwrap_or_default());
                self.alter(phase, name, &format!("DROP INDEX {index}"));
            }
            ChangeKind::RenameIndex { from, to } => {
                let of = |index: &DatabaseIndex| quote(index.name.as_deref().unwrap_or_default());
                self.alter(Phase::RenameIndex, name, &format!("RENAME INDEX {} TO {}", of(from), of(to)));
            }
            ChangeKind::AddCheck(check) => self.add_check(name, check),
            ChangeKind::DropCheck(check) => self.drop_check(name, check),
            ChangeKind::AddForeignKey(key) => self.add_foreign_key(name, key),
            ChangeKind::DropForeignKey(key) => self.drop_foreign_key(name, key),
            ChangeKind::ChangeTableComment(comment) => {
                let comment = text(comment.as_deref().unwrap_or_default());
                self.alter(Phase::Comment, name, &format!("COMMENT = {comment}"));
            }
            ChangeKind::ChangeOptions { to, .. } => self.alter(Phase::Comment, name, to),
            ChangeKind::DropView(view) => {
                self.push(Phase::DropView, format!("DROP VIEW {}", qualified(quote, &view.name)));
            }
            // In an order of their own.
            ChangeKind::AddView(_) | ChangeKind::ChangeView { .. } => {}
            // There are no types of one's own.
            ChangeKind::AddEnum(_) | ChangeKind::ChangeEnum { .. } | ChangeKind::DropEnum(_) => {}
        }
    }

    fn add_table(&mut self, table: &DatabaseTable) {
        if let Some(schema) = &table.name.schema {
            self.push(Phase::Schema, format!("CREATE DATABASE IF NOT EXISTS {}", quote(schema)));
        }
        let columns = table.columns.iter().map(|column| self.column_words(&table.name, column));
        let mut parts: Vec<String> = columns.collect();
        parts.extend(
            table.primary_key.as_ref().map(|key| format!("PRIMARY KEY ({})", list(quote, &key.columns))),
        );
        let is_of_column = |check: &&DatabaseCheck| is_part_of_any(&table.columns, check);
        for check in table.checks.iter().filter(|check| !is_of_column(check)) {
            parts.push(format!("{}CHECK ({})", constraint(check.name.as_ref()), check.expression));
        }
        let comment =
            table.comment.as_ref().map_or_else(String::new, |comment| format!(" COMMENT={}", text(comment)));
        let name = qualified(quote, &table.name);
        self.push(
            Phase::Table,
            format!("CREATE TABLE {name} ({}) {}{comment}", parts.join(", "), table.options),
        );
        for index in &table.indexes {
            self.push(Phase::Index, create_index(&table.name, index));
        }
        for key in &table.foreign_keys {
            self.add_foreign_key(&table.name, key);
        }
    }

    /// All changes of a column at once. What is stored and what is not don't change into each other: such a column is made
    /// anew, and gets what was computed of it.
    fn change_column(
        &mut self,
        table: &DatabaseName,
        from: &DatabaseColumn,
        to: &DatabaseColumn,
        aspect: Aspect,
    ) {
        let is_virtual =
            |column: &DatabaseColumn| column.generated.as_ref().is_some_and(|generated| !generated.is_stored);
        if aspect == Aspect::Generation && is_virtual(from) != is_virtual(to) {
            let column = quote(&to.name);
            let action = format!("DROP COLUMN {column}, ADD COLUMN {}", self.column_words(table, to));
            self.alter(Phase::AddColumn, table, &action);
            if let (Some(generated), None) = (&from.generated, &to.generated) {
                let table = qualified(quote, table);
                self.push(Phase::Fill, format!("UPDATE {table} SET {column} = ({})", generated.expression));
            }
            return;
        }
        self.modify_column(table, to);
    }

    /// Makes the column what it is when all that is done has been done.
    fn modify_column(&mut self, table: &DatabaseName, column: &DatabaseColumn) {
        let target = self.target(table).and_then(|one| one.column(&column.name)).unwrap_or(column);
        let words = self.column_words(table, target);
        self.alter(Phase::Column, table, &format!("MODIFY COLUMN {words}"));
    }

    /// The table as it is then.
    fn target(&self, table: &DatabaseName) -> Option<&'a DatabaseTable> {
        self.to.tables.iter().find(|one| one.name == *table)
    }

    /// A column with the check that is part of it.
    fn column_words(&self, table: &DatabaseName, column: &DatabaseColumn) -> String {
        let words = column_words(column);
        let mut checks = self.target(table).into_iter().flat_map(|table| &table.checks);
        match checks.find(|check| is_part_of(column, check)) {
            Some(check) => format!("{words} CHECK ({})", check.expression),
            None => words,
        }
    }

    /// Changes the column that an unnamed check is part of; whether there is one.
    fn changes_part(&mut self, table: &DatabaseName, check: &DatabaseCheck) -> bool {
        let columns = self.target(table).into_iter().flat_map(|table| &table.columns);
        let Some(column) = columns.into_iter().find(|column| is_part_of(column, check)) else { return false };
        // A new one comes with it.
        let is_new = self
            .changes_of(table)
            .any(|kind| matches!(kind, ChangeKind::AddColumn(added) if added == column));
        if !is_new {
            self.modify_column(table, column);
        }
        true
    }

    fn add_foreign_key(&mut self, table: &DatabaseName, key: &DatabaseForeignKey) {
        let words = format!(
            "ADD {}FOREIGN KEY ({}) REFERENCES {} ({}){}",
            constraint(key.name.as_ref()),
            list(quote, &key.columns),
            qualified(quote, &key.referenced_table),
            list(quote, &key.referenced_columns),
            action_words(key),
        );
        self.alter(Phase::ForeignKey, table, &words);
    }

    fn drop_foreign_key(&mut self, table: &DatabaseName, key: &DatabaseForeignKey) {
        let constraint = quote(key.name.as_deref().unwrap_or_default());
        self.alter(Phase::DropForeignKey, table, &format!("DROP FOREIGN KEY {constraint}"));
    }

    /// Takes the foreign keys away, for the time being, that refer to or from a column that changes, or a key.
    fn remake_foreign_keys(&mut self) {
        let changed = |script: &Self, table: &DatabaseName, columns: &[String]| {
            script.changes_of(table).any(|kind| match kind {
                ChangeKind::ChangeColumn { to, .. } => columns.contains(&to.name),
                ChangeKind::ChangeKey { .. } => true,
                ChangeKind::DropIndex(index) => {
                    index.columns.as_ref().is_some_and(|own| own.starts_with(columns))
                }
                _ => false,
            })
        };
        let is_new = |script: &Self, table: &DatabaseName, key: &DatabaseForeignKey| {
            script.changes_of(table).any(|kind| match kind {
                ChangeKind::AddForeignKey(added) => added == key,
                ChangeKind::AddTable(_) => true,
                _ => false,
            })
        };
        for table in &self.to.tables {
            for key in &table.foreign_keys {
                if !is_new(self, &table.name, key)
                    && (changed(self, &table.name, &key.columns)
                        || changed(self, &key.referenced_table, &key.referenced_columns))
                {
                    self.drop_foreign_key(&table.name, key);
                    self.add_foreign_key(&table.name, key);
                }
            }
        }
    }

    /// Takes the checks away, for the time being, that speak of a column that MySQL renames.
    fn remake_checks(&mut self, table: &DatabaseName, column: &str) {
        let is_new = |check: &DatabaseCheck| {
            self.changes_of(table).any(|kind| matches!(kind, ChangeKind::AddCheck(added) if added == check))
        };
        let speaks_of_it = |check: &DatabaseCheck| {
            tokens(&check.expression)
                .iter()
                .any(|token| token.kind == TokenKind::Name && token.content() == column)
        };
        let tables = self.to.tables.iter().filter(|one| one.name == *table);
        let checks =
            tables.flat_map(|table| &table.checks).filter(|check| speaks_of_it(check) && !is_new(check));
        for check in checks.cloned().collect::<Vec<_>>() {
            self.drop_check(table, &check);
            self.add_check(table, &check);
        }
    }

    fn add_check(&mut self, table: &DatabaseName, check: &DatabaseCheck) {
        if self.changes_part(table, check) {
            return;
        }
        let constraint = constraint(check.name.as_ref());
        self.alter(Phase::Check, table, &format!("ADD {constraint}CHECK ({})", check.expression));
    }

    fn drop_check(&mut self, table: &DatabaseName, check: &DatabaseCheck) {
        if self.changes_part(table, check) {
            return;
        }
        if let Some(constraint) = &check.name {
            self.alter(Phase::DropCheck, table, &format!("DROP CONSTRAINT {}", quote(constraint)));
        }
    }

    /// Makes a view, or another one in its place, which keeps what users may do with it.
    fn make_view(&mut self, view: &DatabaseView) {
        let columns = if view.columns.is_empty() {
            String::new()
        } else {
            format!(" ({})", list(quote, &view.columns))
        };
        self.push(
            Phase::View,
            format!(
                "CREATE OR REPLACE VIEW {}{columns} AS {}",
                qualified(quote, &view.name),
                view.statement()
            ),
        );
    }
}

fn constraint(name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!("CONSTRAINT {} ", quote(name)))
}

/// Whether the check is one by which MariaDB tells JSON, and stands with the column: it has no name to be dropped by.
fn is_part_of(column: &DatabaseColumn, check: &DatabaseCheck) -> bool {
    check.name.is_none() && is_json_check(column, &check.expression)
}

fn is_part_of_any(columns: &[DatabaseColumn], check: &DatabaseCheck) -> bool {
    columns.iter().any(|column| is_part_of(column, check))
}

fn column_words(column: &DatabaseColumn) -> String {
    let mut words = vec![quote(&column.name), column.type_name.clone()];
    let options = column.options.as_str();
    let is_character_set = options.to_ascii_uppercase().starts_with("CHARACTER SET");
    let (character_set, options) = if is_character_set { (options, "") } else { ("", options) };
    words.extend((!character_set.is_empty()).then(|| character_set.to_owned()));
    words.extend(column.collation.as_ref().map(|collation| format!("COLLATE {collation}")));
    words.extend(column.generated.as_ref().map(|generated| {
        let storage = if generated.is_stored { "STORED" } else { "VIRTUAL" };
        format!("GENERATED ALWAYS AS ({}) {storage}", generated.expression)
    }));
    // MariaDB takes neither of them for a column that it computes.
    if column.generated.is_none() {
        words.push(if column.nullable { "NULL" } else { "NOT NULL" }.to_owned());
        words.extend(column.default.as_ref().map(|default| format!("DEFAULT {default}")));
    }
    words.extend(column.counted.clone());
    words.extend((!options.is_empty()).then(|| options.to_owned()));
    words.extend(column.comment.as_ref().map(|comment| format!("COMMENT {}", text(comment))));
    words.join(" ")
}

fn create_index(table: &DatabaseName, index: &DatabaseIndex) -> String {
    let kind = match (&index.kind, index.is_unique) {
        (Some(kind), _) => format!("{kind} "),
        (None, true) => "UNIQUE ".to_owned(),
        (None, false) => String::new(),
    };
    let name = quote(index.name.as_deref().unwrap_or_default());
    format!("CREATE {kind}INDEX {name} ON {} {}", qualified(quote, table), index.definition)
}
