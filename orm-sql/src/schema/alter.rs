//! How a database's tables are changed: what every dialect says for itself.

use orm_core::driver::DriverError;
use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{DatabaseForeignKey, DatabaseName, DatabaseSchema};

use super::change::Change;

/// A database's own way to change tables.
pub(crate) trait Alterations: Sync {
    /// A name in quotes.
    fn quoting(&self) -> fn(&str) -> String;

    /// Whether every value of a column of the type `from` is one of the type `to`, unchanged.
    fn is_widening(&self, from: &str, to: &str) -> bool;

    /// The names that no view may read while the change is made, so that views which do are dropped for the time being.
    fn disturbed<'a>(&self, change: &'a Change, to: &'a DatabaseSchema) -> Vec<&'a str> {
        let _ = (change, to);
        Vec::new()
    }

    /// The statements that make `changes`, which lead from `from` to `to`, in an order that works.
    ///
    /// # Errors
    ///
    /// A change that this database can't make.
    fn statements(
        &self,
        from: &DatabaseSchema,
        to: &DatabaseSchema,
        changes: &[Change],
    ) -> Result<Vec<String>, DriverError>;
}

/// Statements that run in the order of their phases, each once.
#[derive(Debug)]
pub(crate) struct Phased<P> {
    statements: Vec<(P, String)>,
}

impl<P: Ord + Copy> Phased<P> {
    pub(crate) fn new() -> Self {
        Self { statements: Vec::new() }
    }

    pub(crate) fn push(&mut self, phase: P, statement: String) {
        if !self.statements.iter().any(|(_, other)| *other == statement) {
            self.statements.push((phase, statement));
        }
    }

    pub(crate) fn into_statements(mut self) -> Vec<String> {
        self.statements.sort_by_key(|(phase, _)| *phase);
        self.statements.into_iter().map(|(_, statement)| statement).collect()
    }
}

/// A name in quotes, as the standard has them.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name of a table, in quotes.
pub(crate) fn qualified(quote: fn(&str) -> String, name: &DatabaseName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", quote(schema), quote(&name.name)),
        None => quote(&name.name),
    }
}

/// Names in quotes, in a list.
pub(crate) fn list(quote: fn(&str) -> String, names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
    names.join(", ")
}

/// A text as it stands in a statement of a database that doubles quotes and knows no other escapes.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What stands behind a foreign key.
pub(crate) fn action_words(key: &DatabaseForeignKey) -> String {
    let mut words = String::new();
    for (when, action) in [(" ON DELETE ", key.on_delete), (" ON UPDATE ", key.on_update)] {
        let action = match action {
            Some(ReferentialAction::Cascade) => "CASCADE",
            Some(ReferentialAction::SetNull) => "SET NULL",
            Some(ReferentialAction::Restrict) => "RESTRICT",
            // The default of every database, and what an unknown action of the future is until it is known here.
            _ => continue,
        };
        words.push_str(when);
        words.push_str(action);
    }
    if !key.options.is_empty() {
        words.push(' ');
        words.push_str(&key.options);
    }
    words
}
