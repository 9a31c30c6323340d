//! How SQLite's tables are changed.
//!
//! SQLite can rename tables and columns, and add plain columns. For everything else the table is made anew, its rows are
//! copied, and it takes the place of the old one: <https://sqlite.org/lang_altertable.html#otheralter>. Meanwhile foreign
//! keys are not enforced, or the drop of the old table would delete rows that refer to it; that can only be switched outside
//! of a transaction. Before the end all of them are checked.

use orm_core::driver::{DriverError, DriverErrorKind};
use orm_core::schema::database::{
    DatabaseColumn, DatabaseForeignKey, DatabaseIndex, DatabaseName, DatabaseSchema, DatabaseTable,
    DatabaseView,
};

use super::Sqlite;
use crate::schema::alter::{Alterations, action_words, list, qualified, quote, text};
use crate::schema::change::{Change, ChangeKind};
use crate::schema::tokens::mentions;
use crate::schema::views;

/// What the script of a rebuild begins with; outside of any transaction.
const SUSPEND: &str = "PRAGMA foreign_keys = OFF";
/// What it ends with; outside of any transaction.
const RESUME: &str = "PRAGMA foreign_keys = ON";
/// What comes before its commit: it may give no row.
const CHECK: &str = "PRAGMA foreign_key_check";

/// Whether a statement only works outside of a transaction. Such statements stand first or last in a script.
#[must_use]
pub fn is_outside_transactions(statement: &str) -> bool {
    let text: String = statement.chars().filter(|char| !char.is_whitespace()).collect();
    text.to_ascii_lowercase().starts_with("pragmaforeign_keys=")
}

/// Whether a statement gives a row for each foreign key that leads nowhere.
#[must_use]
pub fn is_foreign_key_check(statement: &str) -> bool {
    statement.trim().eq_ignore_ascii_case(CHECK)
}

impl Alterations for Sqlite {
    fn quoting(&self) -> fn(&str) -> String {
        quote
    }

    /// By affinity: <https://sqlite.org/datatype3.html#determination_of_column_affinity>.
    fn is_widening(&self, from: &str, to: &str) -> bool {
        let (from, to) = (Affinity::of(from), Affinity::of(to));
        from == to || (from == Affinity::Integer && to == Affinity::Text)
    }

    fn statements(
        &self,
        _: &DatabaseSchema,
        to: &DatabaseSchema,
        changes: &[Change],
    ) -> Result<Vec<String>, DriverError> {
        let mut script = Script { to, changes, statements: Vec::new(), suspends: false };
        script.drop_views();
        script.rename();
        script.change_tables()?;
        script.drop_tables();
        script.create_views();
        Ok(script.finish())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    fn of(type_name: &str) -> Self {
        let name = type_name.to_ascii_uppercase();
        let has = |part| name.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || name.is_empty() {
            Self::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}

struct Script<'a> {
    to: &'a DatabaseSchema,
    changes: &'a [Change],
    statements: Vec<String>,
    suspends: bool,
}

impl<'a> Script<'a> {
    fn drop_views(&mut self) {
        let gone = views::dropped(self.changes).into_iter();
        self.statements.extend(gone.map(|view| format!("DROP VIEW {}", qualified(quote, &view.name))));
    }

    fn create_views(&mut self) {
        self.statements.extend(views::made(self.changes).into_iter().map(create_view));
    }

    fn rename(&mut self) {
        for change in self.changes {
            let table = qualified(quote, &change.table);
            match &change.kind {
                ChangeKind::RenameTable { from } => {
                    self.statements.push(format!("ALTER TABLE {} RENAME TO {table}", qualified(quote, from)));
                }
                ChangeKind::RenameColumn { from, to } => {
                    let columns = format!("{} TO {}", quote(from), quote(to));
                    self.statements.push(format!("ALTER TABLE {table} RENAME COLUMN {columns}"));
                }
                _ => {}
            }
        }
    }

    fn change_tables(&mut self) -> Result<(), DriverError> {
        for table in &self.to.tables {
            let own: Vec<&Change> = self
                .changes
                .iter()
                .filter(|change| change.table == table.name && changes_table(&change.kind))
                .collect();
            if own.iter().any(|change| matches!(change.kind, ChangeKind::AddTable(_))) {
                self.statements.push(create_table(&table.name, table));
                self.create_indexes(table);
            } else if own.iter().any(|change| takes_rebuild(&change.kind)) {
                self.rebuild(table, &own)?;
            } else {
                self.change_in_place(table, &own);
            }
        }
        Ok(())
    }

    fn change_in_place(&mut self, table: &DatabaseTable, changes: &[&Change]) {
        let name = qualified(quote, &table.name);
        for change in changes {
            match &change.kind {
                ChangeKind::AddColumn(column) => {
                    self.statements
                        .push(format!("ALTER TABLE {name} ADD COLUMN {}", column_words(column, None)));
                }
                ChangeKind::DropIndex(index) | ChangeKind::RenameIndex { from: index, .. } => {
                    let index = index.name.as_deref().unwrap_or_default();
                    self.statements.push(format!("DROP INDEX {}", quote(index)));
                }
                _ => {}
            }
        }
        for change in changes {
            if let ChangeKind::AddIndex(index) | ChangeKind::RenameIndex { to: index, .. } = &change.kind {
                self.statements.push(create_index(&table.name, index));
            }
        }
    }

    fn rebuild(&mut self, table: &'a DatabaseTable, changes: &[&Change]) -> Result<(), DriverError> {
        check_triggers(table, changes)?;
        self.suspends = true;
        let old = qualified(quote, &table.name);
        let new = DatabaseName::new(None, format!("orm_new_{}", table.name.name));
        self.statements.push(create_table(&new, table));
        let copied = copied_columns(table, changes);
        if !copied.is_empty() {
            let columns = list(quote, &copied);
            let new = qualified(quote, &new);
            self.statements.push(format!("INSERT INTO {new} ({columns}) SELECT {columns} FROM {old}"));
        }
        self.keep_last_key(table, &new, changes);
        self.statements.push(format!("DROP TABLE {old}"));
        // Otherwise the rename would look at views and triggers, which lack the table now.
        self.statements.push("PRAGMA legacy_alter_table = ON".to_owned());
        self.statements.push(format!(
            "ALTER TABLE {} RENAME TO {}",
            quote(&new.name),
            quote(&table.name.name)
        ));
        self.statements.push("PRAGMA legacy_alter_table = OFF".to_owned());
        self.create_indexes(table);
        self.statements.extend(table.triggers.iter().map(|trigger| trigger.statement.clone()));
        Ok(())
    }

    /// The record of the last key goes with the old table, and a key of a row that is gone would come again.
    fn keep_last_key(&mut self, table: &DatabaseTable, new: &DatabaseName, changes: &[&Change]) {
        let is_counted_now = table.columns.iter().any(|column| column.counted.is_some());
        let was_counted = !changes.iter().any(|change| match &change.kind {
            ChangeKind::ChangeColumn { from, to, .. } => from.counted.is_none() && to.counted.is_some(),
            ChangeKind::AddColumn(column) => column.counted.is_some(),
            _ => false,
        });
        if is_counted_now && was_counted {
            let (old, new) = (text(&table.name.name), text(&new.name));
            self.statements.push(format!("DELETE FROM sqlite_sequence WHERE name = {new}"));
            self.statements.push(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {new}, seq FROM sqlite_sequence WHERE name = {old}"
            ));
        }
    }

    fn create_indexes(&mut self, table: &DatabaseTable) {
        let indexes = table.indexes.iter().filter(|index| !index.is_constraint);
        self.statements.extend(indexes.map(|index| create_index(&table.name, index)));
    }

    fn drop_tables(&mut self) {
        for change in self.changes {
            if let ChangeKind::DropTable(table) = &change.kind {
                self.suspends = true;
                self.statements.push(format!("DROP TABLE {}", qualified(quote, &table.name)));
            }
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.suspends {
            self.statements.insert(0, SUSPEND.to_owned());
            self.statements.push(CHECK.to_owned());
            self.statements.push(RESUME.to_owned());
        }
        self.statements
    }
}

/// Whether a change is one of a table that stays.
fn changes_table(kind: &ChangeKind) -> bool {
    !matches!(
        kind,
        ChangeKind::DropTable(_)
            | ChangeKind::RenameTable { .. }
            | ChangeKind::RenameColumn { .. }
            | ChangeKind::AddView(_)
            | ChangeKind::DropView(_)
            | ChangeKind::ChangeView { .. }
    )
}

fn takes_rebuild(kind: &ChangeKind) -> bool {
    match kind {
        ChangeKind::AddIndex(index) => index.is_constraint,
        ChangeKind::DropIndex(index) => index.is_constraint,
        ChangeKind::RenameIndex { from, to } => from.is_constraint || to.is_constraint,
        ChangeKind::AddColumn(column) => !can_be_added(column),
        _ => true,
    }
}

/// Whether `ADD COLUMN` takes it: <https://sqlite.org/lang_altertable.html#altertabaddcol>.
fn can_be_added(column: &DatabaseColumn) -> bool {
    let is_constant =
        |default: &String| !default.starts_with('(') && !default.to_ascii_uppercase().starts_with("CURRENT_");
    match (&column.generated, &column.default) {
        (Some(generated), _) => !generated.is_stored,
        (None, Some(default)) => is_constant(default) && column.counted.is_none(),
        (None, None) => column.nullable && column.counted.is_none(),
    }
}

/// The columns whose values are taken over.
fn copied_columns(table: &DatabaseTable, changes: &[&Change]) -> Vec<String> {
    let is_new = |name: &str| {
        changes.iter().any(|change| match &change.kind {
            ChangeKind::AddColumn(column) => column.name == name,
            _ => false,
        })
    };
    let columns = table.columns.iter().filter(|column| column.generated.is_none() && !is_new(&column.name));
    columns.map(|column| column.name.clone()).collect()
}

/// Refuses to leave a trigger behind that would fail when it is needed.
fn check_triggers(table: &DatabaseTable, changes: &[&Change]) -> Result<(), DriverError> {
    for change in changes {
        let ChangeKind::DropColumn(column) = &change.kind else { continue };
        if let Some(trigger) =
            table.triggers.iter().find(|trigger| mentions(&trigger.statement, &column.name))
        {
            let problem = format!(
                "the trigger {} of the table {} mentions the column {}, which is to be dropped; drop the trigger first",
                trigger.name, table.name, column.name
            );
            return Err(DriverError::new(DriverErrorKind::Unsupported, problem));
        }
    }
    Ok(())
}

fn create_table(name: &DatabaseName, table: &DatabaseTable) -> String {
    let counted = table.columns.iter().find(|column| column.counted.is_some()).map(|column| &column.name);
    let mut parts: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let key = (counted == Some(&column.name)).then_some("PRIMARY KEY");
            column_words(column, key)
        })
        .collect();
    if let (Some(key), None) = (&table.primary_key, counted) {
        parts.push(format!("{}PRIMARY KEY ({})", constraint(key.name.as_ref()), list(quote, &key.columns)));
    }
    for index in table.indexes.iter().filter(|index| index.is_constraint) {
        parts.push(format!("{}UNIQUE {}", constraint(index.name.as_ref()), index.definition));
    }
    for check in &table.checks {
        parts.push(format!("{}CHECK ({})", constraint(check.name.as_ref()), check.expression));
    }
    parts.extend(table.foreign_keys.iter().map(foreign_key_words));
    let options = if table.options.is_empty() { String::new() } else { format!(" {}", table.options) };
    format!("CREATE TABLE {} ({}){options}", qualified(quote, name), parts.join(", "))
}

fn constraint(name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!("CONSTRAINT {} ", quote(name)))
}

fn column_words(column: &DatabaseColumn, key: Option<&str>) -> String {
    let mut words = vec![quote(&column.name)];
    words.extend((!column.type_name.is_empty()).then(|| column.type_name.clone()));
    words.extend(column.collation.as_ref().map(|collation| format!("COLLATE {collation}")));
    words.extend((!column.nullable).then(|| "NOT NULL".to_owned()));
    words.extend(column.default.as_ref().map(|default| format!("DEFAULT {default}")));
    words.extend(key.map(str::to_owned));
    words.extend(column.counted.clone());
    words.extend(column.generated.as_ref().map(|generated| {
        let storage = if generated.is_stored { "STORED" } else { "VIRTUAL" };
        format!("GENERATED ALWAYS AS ({}) {storage}", generated.expression)
    }));
    words.extend((!column.options.is_empty()).then(|| column.options.clone()));
    words.join(" ")
}

fn foreign_key_words(key: &DatabaseForeignKey) -> String {
    let mut words = format!(
        "{}FOREIGN KEY ({}) REFERENCES {}",
        constraint(key.name.as_ref()),
        list(quote, &key.columns),
        qualified(quote, &key.referenced_table),
    );
    if !key.referenced_columns.is_empty() {
        words.push_str(&format!(" ({})", list(quote, &key.referenced_columns)));
    }
    words.push_str(&action_words(key));
    words
}

fn create_index(table: &DatabaseName, index: &DatabaseIndex) -> String {
    let unique = if index.is_unique { "UNIQUE " } else { "" };
    let name = quote(index.name.as_deref().unwrap_or_default());
    format!("CREATE {unique}INDEX {name} ON {} {}", qualified(quote, table), index.definition)
}

fn create_view(view: &DatabaseView) -> String {
    let columns =
        if view.columns.is_empty() { String::new() } else { format!(" ({})", list(quote, &view.columns)) };
    format!("CREATE VIEW {}{columns} AS {}", qualified(quote, &view.name), view.statement())
}
