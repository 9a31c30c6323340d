//! Reads the `CREATE` statements in which some databases keep what they hold.
//!
//! The statements were accepted by the database once, so that nothing is checked: what is not understood is kept as it
//! stands, in the `options` of the part that it belongs to. Databases differ in a few words only, which are all known here.

use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseForeignKey, DatabaseGenerated, DatabaseIndex, DatabaseKey,
    DatabaseName, DatabaseTable, DatabaseView,
};

use super::tokens::{Token, TokenKind, closing, tokens};

/// A statement, read from its first token on.
pub(crate) struct Definition<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
}

/// Why a definition can't be read.
type Unread = String;

/// The table that a `CREATE TABLE` statement makes.
pub(crate) fn table(text: &str) -> Result<DatabaseTable, Unread> {
    let mut definition = Definition::new(text);
    definition.take_word("create")?;
    definition.skip_until_word("table")?;
    definition.skip_if_not_exists();
    let name = definition.name()?;
    let mut table = DatabaseTable { name: DatabaseName::new(None, name), ..DatabaseTable::default() };
    for mut part in definition.list()? {
        part.part_of_table(&mut table)?;
    }
    table.options = definition.rest_words();
    // A key is never NULL in the tables that this crate makes; where it can be, it is a flaw of the database.
    if let Some(key) = &table.primary_key {
        for column in table.columns.iter_mut().filter(|column| key.columns.contains(&column.name)) {
            column.nullable = false;
        }
    }
    Ok(table)
}

/// The index that a `CREATE INDEX` statement makes, and the name of its table.
pub(crate) fn index(text: &str) -> Result<(String, DatabaseIndex), Unread> {
    let mut definition = Definition::new(text);
    definition.take_word("create")?;
    let is_unique = definition.skip_word("unique");
    definition.take_word("index")?;
    definition.skip_if_not_exists();
    let name = definition.name()?;
    definition.take_word("on")?;
    let table = definition.name()?;
    let words = definition.rest_words();
    let columns = definition.columns_of_list();
    let condition = definition.skip_word("where").then(|| definition.rest_words());
    let index = DatabaseIndex {
        name: Some(name),
        is_unique,
        definition: words,
        columns,
        condition,
        ..DatabaseIndex::default()
    };
    Ok((table, index))
}

/// The view that a `CREATE VIEW` statement makes.
pub(crate) fn view(text: &str) -> Result<DatabaseView, Unread> {
    let mut definition = Definition::new(text);
    definition.take_word("create")?;
    definition.skip_until_word("view")?;
    definition.skip_if_not_exists();
    let name = definition.name()?;
    let mut columns = Vec::new();
    if definition.is_at_symbol("(") {
        for mut column in definition.list()? {
            columns.push(column.name()?);
        }
    }
    definition.take_word("as")?;
    let select = definition.rest_words();
    Ok(DatabaseView { name: DatabaseName::new(None, name), columns, select, ..DatabaseView::default() })
}

impl<'a> Definition<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, tokens: tokens(text), at: 0 }
    }

    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.at)
    }

    fn is_at_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word))
    }

    fn is_at_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    fn is_at_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_at_word(word))
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let is_there = self.is_at_word(word);
        self.at += usize::from(is_there);
        is_there
    }

    /// Skips the words if all of them come next.
    fn skip_words(&mut self, words: &[&str]) -> bool {
        let are_there = words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.tokens.get(self.at + ahead).is_some_and(|token| token.is_word(word)));
        self.at += if are_there { words.len() } else { 0 };
        are_there
    }

    fn skip_if_not_exists(&mut self) {
        self.skip_words(&["if", "not", "exists"]);
    }

    fn take_word(&mut self, word: &str) -> Result<(), Unread> {
        if self.skip_word(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    fn skip_until_word(&mut self, word: &str) -> Result<(), Unread> {
        while !self.skip_word(word) {
            if self.peek().is_none() {
                return Err(self.unexpected(word));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn unexpected(&self, expected: &str) -> Unread {
        let found = self.peek().map_or("its end", |token| token.text);
        format!("`{expected}` was expected in its definition, and `{found}` was found")
    }

    /// A name, without the schema before it.
    fn name(&mut self) -> Result<String, Unread> {
        Ok(self.qualified_name()?.name)
    }

    fn qualified_name(&mut self) -> Result<DatabaseName, Unread> {
        let first = self.one_name()?;
        if !self.is_at_symbol(".") {
            return Ok(DatabaseName { schema: None, name: first });
        }
        self.at += 1;
        Ok(DatabaseName { schema: Some(first), name: self.one_name()? })
    }

    fn one_name(&mut self) -> Result<String, Unread> {
        // Some databases take a text for a name.
        let name = match self.peek() {
            Some(token) if token.kind != TokenKind::Symbol => token.content(),
            _ => return Err(self.unexpected("a name")),
        };
        self.at += 1;
        Ok(name)
    }

    /// The parts of the list in parentheses that comes next.
    fn list(&mut self) -> Result<Vec<Definition<'a>>, Unread> {
        let end = match closing(&self.tokens, self.at) {
            Some(end) if self.is_at_symbol("(") => end,
            _ => return Err(self.unexpected("(")),
        };
        let mut parts = Vec::new();
        let mut part = Vec::new();
        let mut depth = 0_usize;
        for token in &self.tokens[self.at + 1..end] {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth = depth.saturating_sub(1);
            }
            if depth == 0 && token.is_symbol(",") {
                parts.push(std::mem::take(&mut part));
            } else {
                part.push(*token);
            }
        }
        parts.push(part);
        self.at = end + 1;
        Ok(parts.into_iter().map(|tokens| Definition { text: self.text, tokens, at: 0 }).collect())
    }

    /// The names in the list that comes next, where it holds nothing but names.
    fn columns_of_list(&mut self) -> Option<Vec<String>> {
        let parts = self.list().ok()?;
        let names = parts.into_iter().map(|mut part| {
            let name = part.one_name().ok()?;
            part.skip_word("asc");
            part.peek().is_none().then_some(name)
        });
        names.collect()
    }

    fn columns(&mut self) -> Result<Vec<String>, Unread> {
        self.list()?.into_iter().map(|mut part| part.one_name()).collect()
    }

    /// The text between the parentheses that come next.
    fn expression(&mut self) -> Result<String, Unread> {
        match closing(&self.tokens, self.at) {
            Some(end) if self.is_at_symbol("(") => {
                let inner = self.text[self.tokens[self.at].end()..self.tokens[end].start].trim();
                self.at = end + 1;
                Ok(inner.to_owned())
            }
            _ => Err(self.unexpected("(")),
        }
    }

    /// The text from here to the end.
    fn rest_words(&self) -> String {
        let last = self.tokens.last();
        match (self.peek(), last) {
            (Some(first), Some(last)) => {
                self.text[first.start..last.end()].trim_end_matches(';').trim().to_owned()
            }
            _ => String::new(),
        }
    }

    /// The tokens from `from` to here, with one space where there were some.
    fn words_since(&self, from: usize) -> String {
        let mut words = String::new();
        let mut end = None;
        for token in &self.tokens[from..self.at] {
            if end.is_some_and(|end| end < token.start) {
                words.push(' ');
            }
            words.push_str(token.text);
            end = Some(token.end());
        }
        words
    }

    fn part_of_table(&mut self, table: &mut DatabaseTable) -> Result<(), Unread> {
        if !self.is_at_any(&["constraint", "primary", "unique", "check", "foreign"]) && !self.is_at_index() {
            return self.column(table);
        }
        let name =
            if self.skip_word("constraint") && !self.is_at_any(&["primary", "unique", "check", "foreign"]) {
                Some(self.one_name()?)
            } else {
                None
            };
        self.table_constraint(name, table)
    }

    /// Whether an index comes next, as MySQL lists it among the columns. Elsewhere a column can have such a name.
    fn is_at_index(&self) -> bool {
        let next = self.tokens.get(self.at + 1);
        let leads_to_name = next
            .is_some_and(|next| next.kind == TokenKind::Name || next.is_word("key") || next.is_word("index"));
        self.is_at_any(&["key", "index", "fulltext", "spatial"]) && leads_to_name
    }

    fn table_constraint(&mut self, name: Option<String>, table: &mut DatabaseTable) -> Result<(), Unread> {
        if self.skip_words(&["primary", "key"]) {
            let columns = self.columns()?;
            table.primary_key = Some(DatabaseKey { name, columns });
        } else if self.skip_words(&["foreign", "key"]) {
            let columns = self.columns()?;
            let foreign_key = self.reference(name, columns)?;
            table.foreign_keys.push(foreign_key);
        } else if self.skip_word("check") {
            table.checks.push(DatabaseCheck { name, expression: self.expression()? });
        } else {
            let index = self.index_of_table(name)?;
            table.indexes.push(index);
        }
        Ok(())
    }

    /// `UNIQUE (..)`, and what MySQL lists among the columns: `KEY name (..)`.
    fn index_of_table(&mut self, constraint: Option<String>) -> Result<DatabaseIndex, Unread> {
        let is_unique = self.skip_word("unique");
        let kind = if self.is_at_any(&["fulltext", "spatial"]) { Some(self.one_name()?) } else { None };
        let has_word = self.skip_word("key") || self.skip_word("index");
        let name = if has_word && !self.is_at_symbol("(") { Some(self.one_name()?) } else { constraint };
        let definition = self.rest_words();
        let columns = self.columns_of_list();
        Ok(DatabaseIndex {
            name,
            kind,
            is_unique,
            // An index that MySQL lists has a life of its own.
            is_constraint: !has_word,
            definition,
            columns,
            condition: None,
        })
    }

    fn column(&mut self, table: &mut DatabaseTable) -> Result<(), Unread> {
        let mut column =
            DatabaseColumn { name: self.one_name()?, nullable: true, ..DatabaseColumn::default() };
        let from = self.at;
        while self.peek().is_some() && !self.is_at_any(&AFTER_TYPE) {
            match closing(&self.tokens, self.at) {
                Some(end) if self.is_at_symbol("(") => self.at = end + 1,
                _ => self.at += 1,
            }
        }
        column.type_name = self.words_since(from);
        while self.peek().is_some() {
            self.column_constraint(&mut column, table)?;
        }
        table.columns.push(column);
        Ok(())
    }

    fn column_constraint(
        &mut self,
        column: &mut DatabaseColumn,
        table: &mut DatabaseTable,
    ) -> Result<(), Unread> {
        let name = if self.skip_word("constraint") { Some(self.one_name()?) } else { None };
        let own = || vec![column.name.clone()];
        if self.skip_words(&["primary", "key"]) {
            table.primary_key = Some(DatabaseKey { name, columns: own() });
            self.skip_word("asc");
            self.on_conflict(&mut column.options);
        } else if self.skip_words(&["not", "null"]) {
            column.nullable = false;
            self.on_conflict(&mut column.options);
        } else if self.skip_word("unique") {
            self.skip_word("key");
            let columns = own();
            let index = DatabaseIndex {
                name,
                is_unique: true,
                is_constraint: true,
                definition: format!("(\"{}\")", column.name.replace('"', "\"\"")),
                columns: Some(columns),
                ..DatabaseIndex::default()
            };
            table.indexes.push(index);
            self.on_conflict(&mut column.options);
        } else if self.skip_word("check") {
            table.checks.push(DatabaseCheck { name, expression: self.expression()? });
        } else if self.is_at_word("references") {
            let columns = own();
            let foreign_key = self.reference(name, columns)?;
            table.foreign_keys.push(foreign_key);
        } else {
            return self.column_words(column);
        }
        Ok(())
    }

    /// What a column says of itself alone.
    fn column_words(&mut self, column: &mut DatabaseColumn) -> Result<(), Unread> {
        let from = self.at;
        if self.skip_word("null") {
            column.nullable = true;
        } else if self.skip_word("default") {
            column.default = Some(self.default()?);
        } else if self.skip_word("collate") {
            column.collation = Some(self.one_name()?);
        } else if self.is_at_any(&["autoincrement", "auto_increment"]) {
            column.counted = Some(self.one_name()?.to_ascii_uppercase());
        } else if self.skip_word("comment") {
            column.comment = Some(self.one_name()?);
        } else if self.skip_words(&["generated", "always", "as"]) || self.skip_word("as") {
            let expression = self.expression()?;
            let is_stored = self.skip_word("stored") || self.skip_word("persistent");
            if !is_stored {
                self.skip_word("virtual");
            }
            column.generated = Some(DatabaseGenerated { expression, is_stored });
        } else {
            match closing(&self.tokens, self.at) {
                Some(end) if self.is_at_symbol("(") => self.at = end + 1,
                _ => self.at += 1,
            }
            let words = self.words_since(from);
            append(&mut column.options, &words);
        }
        Ok(())
    }

    /// A literal, an expression in parentheses, a call, or a name of the database's own.
    fn default(&mut self) -> Result<String, Unread> {
        let from = self.at;
        if self.is_at_symbol("(") {
            return self.expression().map(|expression| format!("({expression})"));
        }
        while self.is_at_symbol("-") || self.is_at_symbol("+") {
            self.at += 1;
        }
        self.one_name()?;
        // A text may have the name of its character set before it.
        if self.tokens[self.at - 1].kind == TokenKind::Word
            && self.peek().is_some_and(|token| token.kind == TokenKind::Text)
        {
            self.at += 1;
        }
        if self.is_at_symbol("(") {
            self.expression()?;
        }
        Ok(self.words_since(from))
    }

    fn reference(
        &mut self,
        name: Option<String>,
        columns: Vec<String>,
    ) -> Result<DatabaseForeignKey, Unread> {
        self.take_word("references")?;
        let referenced_table = self.qualified_name()?;
        let referenced_columns = if self.is_at_symbol("(") { self.columns()? } else { Vec::new() };
        let mut foreign_key = DatabaseForeignKey {
            name,
            columns,
            referenced_table,
            referenced_columns,
            ..DatabaseForeignKey::default()
        };
        loop {
            if self.skip_words(&["on", "delete"]) {
                foreign_key.on_delete = self.action(&mut foreign_key.options, "ON DELETE")?;
            } else if self.skip_words(&["on", "update"]) {
                foreign_key.on_update = self.action(&mut foreign_key.options, "ON UPDATE")?;
            } else if self.is_at_any(&["match", "initially"]) {
                let from = self.at;
                self.at += 2;
                self.at = self.at.min(self.tokens.len());
                append(&mut foreign_key.options, &self.words_since(from));
            } else if self.skip_words(&["not", "deferrable"]) {
            } else if self.skip_word("deferrable") {
                append(&mut foreign_key.options, "DEFERRABLE");
            } else {
                return Ok(foreign_key);
            }
        }
    }

    /// What is done to the row, where it is not what is done anyway.
    fn action(&mut self, options: &mut String, when: &str) -> Result<Option<ReferentialAction>, Unread> {
        if self.skip_words(&["no", "action"]) {
            Ok(None)
        } else if self.skip_word("cascade") {
            Ok(Some(ReferentialAction::Cascade))
        } else if self.skip_word("restrict") {
            Ok(Some(ReferentialAction::Restrict))
        } else if self.skip_words(&["set", "null"]) {
            Ok(Some(ReferentialAction::SetNull))
        } else if self.skip_words(&["set", "default"]) {
            append(options, &format!("{when} SET DEFAULT"));
            Ok(None)
        } else {
            Err(self.unexpected("an action"))
        }
    }

    /// `ON CONFLICT ROLLBACK`, which is no part of a constraint here.
    fn on_conflict(&mut self, options: &mut String) {
        let from = self.at;
        if self.skip_words(&["on", "conflict"]) {
            self.at = (self.at + 1).min(self.tokens.len());
            append(options, &self.words_since(from));
        }
    }
}

fn append(words: &mut String, more: &str) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str(more);
}

/// Words that no type has, and that begin what follows it.
const AFTER_TYPE: [&str; 18] = [
    "constraint",
    "primary",
    "not",
    "null",
    "unique",
    "check",
    "default",
    "collate",
    "references",
    "generated",
    "as",
    "autoincrement",
    "auto_increment",
    "comment",
    "on",
    "invisible",
    "virtual",
    "character",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn column<'a>(table: &'a DatabaseTable, name: &str) -> &'a DatabaseColumn {
        table.column(name).unwrap_or_else(|| panic!("no column {name} in {table:?}"))
    }

    #[test]
    fn columns_and_their_constraints_are_read() {
        let table = table(
            r#"CREATE TABLE IF NOT EXISTS main."a ""b""" (
                id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
                [na me] varchar( 10 ) NOT NULL DEFAULT 'it''s, (so)' COLLATE NOCASE,
                `price` numeric(10, 2) default -1.5 check (price > 0 AND (price < 5)),
                total REAL GENERATED ALWAYS AS (price * 2) STORED,
                made TEXT DEFAULT CURRENT_TIMESTAMP,
                size DEFAULT (1 + (2)),
                owner INTEGER CONSTRAINT has_owner REFERENCES people(id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED
            ) STRICT, WITHOUT ROWID;"#,
        )
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(table.name.name, "a \"b\"");
        assert_eq!(table.options, "STRICT, WITHOUT ROWID");
        assert_eq!(table.primary_key.as_ref().map(|key| key.columns.clone()), Some(vec!["id".to_owned()]));
        assert_eq!(column(&table, "id").counted.as_deref(), Some("AUTOINCREMENT"));
        let name = column(&table, "na me");
        assert_eq!((name.type_name.as_str(), name.nullable), ("varchar( 10 )", false));
        assert_eq!(name.default.as_deref(), Some("'it''s, (so)'"));
        assert_eq!(name.collation.as_deref(), Some("NOCASE"));
        assert_eq!(column(&table, "price").default.as_deref(), Some("-1.5"));
        assert_eq!(table.checks[0].expression, "price > 0 AND (price < 5)");
        assert_eq!(column(&table, "made").default.as_deref(), Some("CURRENT_TIMESTAMP"));
        assert_eq!(column(&table, "size").type_name, "");
        assert_eq!(column(&table, "size").default.as_deref(), Some("(1 + (2))"));
        assert!(column(&table, "total").generated.as_ref().is_some_and(|generated| generated.is_stored));
        let key = &table.foreign_keys[0];
        assert_eq!(
            (key.name.as_deref(), key.on_delete),
            (Some("has_owner"), Some(ReferentialAction::SetNull))
        );
        assert_eq!(key.options, "DEFERRABLE INITIALLY DEFERRED");
    }

    #[test]
    fn constraints_of_the_table_are_read() {
        let table = table(
            "CREATE TABLE t (a INT, b INT, CONSTRAINT pk PRIMARY KEY (a, b), UNIQUE (b), CONSTRAINT u UNIQUE (a, b), \
             CONSTRAINT c CHECK (a <> b), FOREIGN KEY (a, b) REFERENCES x (y, z) ON UPDATE CASCADE ON DELETE NO ACTION)",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(table.primary_key.as_ref().and_then(|key| key.name.as_deref()), Some("pk"));
        let names: Vec<_> = table.indexes.iter().map(|index| index.name.as_deref()).collect();
        assert_eq!(names, [None, Some("u")]);
        assert_eq!(table.checks[0].name.as_deref(), Some("c"));
        assert_eq!(table.foreign_keys[0].referenced_columns, ["y", "z"]);
        assert_eq!(table.foreign_keys[0].on_update, Some(ReferentialAction::Cascade));
    }

    #[test]
    fn indexes_and_views_are_read() {
        let by_name = index("CREATE UNIQUE INDEX \"by name\" ON \"t\" (\"a\", \"b\") WHERE lost = 0");
        let (table, by_name) = by_name.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(table, "t");
        assert_eq!(by_name.definition, "(\"a\", \"b\") WHERE lost = 0");
        assert_eq!(by_name.columns, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(by_name.condition.as_deref(), Some("lost = 0"));
        let (_, computed) =
            index("create index i on t (lower(a) desc)").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(computed.columns, None);
        let view = view("CREATE VIEW v (x) AS SELECT 1 AS \"as\";").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((view.select.as_str(), view.columns), ("SELECT 1 AS \"as\"", vec!["x".to_owned()]));
    }

    #[test]
    fn what_is_no_definition_is_said_to_be_none() {
        assert!(table("CREATE VIRTUAL THING x").is_err());
        assert!(table("CREATE TABLE t AS").is_err());
    }
}
