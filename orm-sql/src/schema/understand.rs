//! Reads what a database holds back into the model that tables are made of.
//!
//! The way back from `ddl`: what it makes is understood to the word. Of what others made, what the model has no words for
//! is left out and said. Nothing is sent.

use std::collections::BTreeSet;

use orm_core::metadata::description::GeneratedStorage;
use orm_core::schema::database::{
    DatabaseColumn, DatabaseForeignKey, DatabaseIndex, DatabaseName, DatabaseSchema, DatabaseTable,
};
use orm_core::schema::{
    Check, Column, ColumnDefault, Enumeration, ForeignKey, GeneratedColumn, LeftOut, Schema, Table,
    TableIndex, UnderstoodSchema, View, labels_check, length_check,
};
use orm_core::value::ColumnType;

use super::alter::quote;
use super::tokens::{Token, TokenKind, closing, tokens};
use crate::dialect::Dialect;

/// What `live` is in the words of the model.
pub(crate) fn understand(dialect: &dyn Dialect, live: &DatabaseSchema) -> UnderstoodSchema {
    let mut tables = Vec::new();
    let mut left_out = Vec::new();
    for table in &live.tables {
        let mut understand = Understand { dialect, live, table, read: BTreeSet::new(), left_out: Vec::new() };
        tables.push(understand.table());
        left_out.append(&mut understand.left_out);
    }
    for (name, why) in &live.unreadable {
        left_out.push(LeftOut { table: name.clone(), what: format!("it can't be read: {why}") });
    }
    for view in live.views.iter().filter(|view| !view.columns.is_empty()) {
        let what =
            format!("the names `{}` that its columns have outside of its select", view.columns.join("`, `"));
        left_out.push(LeftOut { table: view.name.clone(), what });
    }
    let views = live.views.iter().map(|view| View {
        schema: view.name.schema.clone(),
        name: view.name.name.clone(),
        select: view.statement().to_owned(),
        comment: view.comment.clone(),
        columns: Vec::new(),
    });
    UnderstoodSchema { schema: Schema { tables, views: views.collect(), ..Schema::default() }, left_out }
}

struct Understand<'a> {
    dialect: &'a dyn Dialect,
    live: &'a DatabaseSchema,
    table: &'a DatabaseTable,
    /// Checks, by their places, that say the type, the length or the labels of a column.
    read: BTreeSet<usize>,
    left_out: Vec<LeftOut>,
}

impl Understand<'_> {
    fn leave_out(&mut self, what: String) {
        self.left_out.push(LeftOut { table: self.table.name.clone(), what });
    }

    fn table(&mut self) -> Table {
        let table = self.table;
        let (conditional, helpers) = self.conditional_indexes();
        let own_columns = table.columns.iter().filter(|column| !helpers.contains(&column.name));
        let columns: Vec<Column> = own_columns.filter_map(|column| self.column(column)).collect();
        let mut indexes = conditional;
        let others = table.indexes.iter().filter(|index| !indexes.iter().any(|one| is_named(index, one)));
        let others: Vec<TableIndex> =
            others.collect::<Vec<_>>().into_iter().filter_map(|index| self.index(index)).collect();
        indexes.extend(others);
        let foreign_keys = table.foreign_keys.iter().map(|key| self.foreign_key(key)).collect();
        let checks = table.checks.iter().enumerate().filter(|(place, _)| !self.read.contains(place));
        let checks = checks.map(|(_, check)| Check {
            name: check.name.clone().unwrap_or_default(),
            expression: without_parentheses(&check.expression).to_owned(),
        });
        let checks = checks.collect();
        for trigger in &table.triggers {
            self.leave_out(format!("the trigger `{}`", trigger.name));
        }
        let primary_key = table.primary_key.as_ref().map(|key| key.columns.clone()).unwrap_or_default();
        Table {
            schema: table.name.schema.clone(),
            name: table.name.name.clone(),
            renamed_from: None,
            comment: table.comment.clone(),
            generated_key: self.generated_key(&columns, &primary_key),
            columns,
            primary_key,
            foreign_keys,
            indexes,
            checks,
        }
    }

    /// The key that the database counts up; other columns that it counts are left out.
    fn generated_key(&mut self, columns: &[Column], primary_key: &[String]) -> Option<String> {
        let mut generated = None;
        for live in self.table.columns.iter().filter(|column| column.counted.is_some()) {
            let column = columns.iter().find(|column| column.name == live.name);
            let is_integer = column.is_some_and(|column| column.column_type.is_integer());
            if primary_key == [live.name.as_str()] && is_integer {
                generated = Some(live.name.clone());
            } else {
                self.leave_out(format!(
                    "that the database counts `{}` up, which is not its whole key",
                    live.name
                ));
            }
        }
        generated
    }

    fn column(&mut self, live: &DatabaseColumn) -> Option<Column> {
        let (column_type, named) = match self.named_enum(live) {
            Some(enumeration) => (ColumnType::Text, Some(enumeration)),
            None => {
                let Some(column_type) = live.column_type else {
                    let type_name = live.type_name.as_str();
                    let problem = if type_name.is_empty() {
                        "which has no type".to_owned()
                    } else {
                        format!("whose type `{type_name}` no Rust type is known for")
                    };
                    self.leave_out(format!("the column `{}`, {problem}", live.name));
                    return None;
                };
                (column_type, None)
            }
        };
        let (mut length, mut enumeration) = (None, named);
        let table = self.table;
        for (place, check) in table.checks.iter().enumerate() {
            let is = |name: String| check.name.as_ref() == Some(&name);
            if is(length_check(&table.name.name, &live.name)) {
                let longest = longest_of(&check.expression).filter(|_| is_bounded(column_type));
                length = length.or(longest);
                self.read.extend(longest.map(|_| place));
            } else if is(labels_check(&table.name.name, &live.name)) && has_labels(column_type) {
                let labels = labels_of(&check.expression);
                self.read.extend(labels.as_ref().map(|_| place));
                enumeration = enumeration.or(labels.map(|labels| Enumeration { name: None, labels }));
            } else if self.dialect.is_implied_check(live, &check.expression) {
                self.read.insert(place);
            }
        }
        let length = length
            .or_else(|| self.referenced_length(live))
            .or(live.length)
            .filter(|_| enumeration.is_none() && is_bounded(column_type));
        let default = live.default.as_deref().and_then(|default| {
            let labels = enumeration.as_ref().map(|one| one.labels.as_slice());
            column_default(column_type, labels, default)
        });
        let generated = live.generated.as_ref().map(|generated| GeneratedColumn {
            expression: without_parentheses(&generated.expression).to_owned(),
            storage: if generated.is_stored { GeneratedStorage::Stored } else { GeneratedStorage::Virtual },
        });
        Some(Column {
            nullable: live.nullable,
            length,
            default,
            generated,
            comment: live.comment.clone(),
            enumeration,
            ..Column::new(live.name.clone(), column_type)
        })
    }

    /// What bounds the key that a column refers to, since not every database bounds the column as well.
    fn referenced_length(&self, live: &DatabaseColumn) -> Option<u32> {
        let (mut table, mut column) = (self.table, live.name.as_str());
        // References may go in circles.
        for _ in 0..self.live.tables.len() {
            let key = table.foreign_keys.iter().find(|key| key.columns.iter().any(|one| one == column))?;
            let place = key.columns.iter().position(|one| one == column)?;
            column = key.referenced_columns.get(place)?;
            table = self.live.tables.iter().find(|table| table.name == key.referenced_table)?;
            let name = length_check(&table.name.name, column);
            let check = table.checks.iter().find(|check| check.name.as_ref() == Some(&name));
            if let Some(longest) = check.and_then(|check| longest_of(&check.expression)) {
                return Some(longest);
            }
        }
        None
    }

    /// The enum that the column's type is, where that is a type of its own.
    fn named_enum(&self, live: &DatabaseColumn) -> Option<Enumeration> {
        let is_type = |name: &DatabaseName| {
            name.schema.is_none() && (live.type_name == name.name || live.type_name == quote(&name.name))
        };
        let found = self.live.enums.iter().find(|one| is_type(&one.name))?;
        are_labels(&found.labels)
            .then(|| Enumeration { name: Some(found.name.name.clone()), labels: found.labels.clone() })
    }

    fn foreign_key(&mut self, key: &DatabaseForeignKey) -> ForeignKey {
        let mut referenced = key.referenced_columns.clone();
        if referenced.is_empty() {
            let target = self.live.tables.iter().find(|table| table.name == key.referenced_table);
            let target = target.and_then(|table| table.primary_key.as_ref());
            referenced = target.map(|key| key.columns.clone()).unwrap_or_default();
        }
        if !key.options.is_empty() {
            let columns = key.columns.join(", ");
            self.leave_out(format!("`{}` of the foreign key of `{columns}`", key.options));
        }
        ForeignKey {
            name: key.name.clone().unwrap_or_default(),
            columns: key.columns.clone(),
            referenced_schema: key.referenced_table.schema.clone(),
            referenced_table: key.referenced_table.name.clone(),
            referenced_columns: referenced,
            on_delete: key.on_delete,
            on_update: key.on_update,
        }
    }

    fn index(&mut self, index: &DatabaseIndex) -> Option<TableIndex> {
        let is_usual = index.kind.is_none()
            && (!index.definition.starts_with("USING ") || index.definition.starts_with("USING btree "));
        match &index.columns {
            Some(columns) if is_usual => Some(TableIndex {
                name: index.name.clone().unwrap_or_default(),
                columns: columns.clone(),
                unique: index.is_unique,
                condition: index.condition.as_deref().map(|text| without_parentheses(text).to_owned()),
            }),
            Some(_) | None => {
                let kind = index.kind.as_deref().map(|kind| format!("{kind} ")).unwrap_or_default();
                let name = index.name.as_deref().unwrap_or_default();
                let what = format!("the {kind}index `{name}`, which is `{}`", index.definition);
                self.leave_out(what);
                None
            }
        }
    }

    /// Unique indexes with a condition, where the database has none by themselves, and the columns that are only there
    /// for them.
    fn conditional_indexes(&self) -> (Vec<TableIndex>, BTreeSet<String>) {
        let (mut indexes, mut helpers) = (Vec::new(), BTreeSet::new());
        for index in self.table.indexes.iter().filter(|index| index.is_unique && index.condition.is_none()) {
            let generated = |name: &String| {
                let column = self.table.column(name).filter(|column| column.options.contains("INVISIBLE"))?;
                column.generated.as_ref().map(|generated| generated.expression.clone())
            };
            let expressions: Option<Vec<String>> = match &index.columns {
                Some(columns) => columns.iter().map(generated).collect(),
                None => parts_of(&index.definition),
            };
            let met: Option<Vec<(String, String)>> =
                expressions.and_then(|expressions| expressions.iter().map(|one| where_met(one)).collect());
            let Some(met) = met else { continue };
            let Some((_, condition)) = met.first().cloned() else { continue };
            if met.iter().all(|(_, other)| *other == condition) {
                helpers.extend(index.columns.iter().flatten().cloned());
                indexes.push(TableIndex {
                    name: index.name.clone().unwrap_or_default(),
                    columns: met.into_iter().map(|(column, _)| column).collect(),
                    unique: true,
                    condition: Some(condition),
                });
            }
        }
        (indexes, helpers)
    }
}

fn is_named(index: &DatabaseIndex, understood: &TableIndex) -> bool {
    index.name.as_ref() == Some(&understood.name)
}

fn is_bounded(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Text | ColumnType::Bytes)
}

fn has_labels(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Text | ColumnType::Array(ColumnType::Text))
}

/// The number in the check of a length.
pub(super) fn longest_of(expression: &str) -> Option<u32> {
    let tokens = tokens(expression);
    let mut numbers = tokens.iter().filter(|token| token.kind == TokenKind::Word);
    numbers.find_map(|token| token.text.parse().ok()).filter(|length| *length > 0)
}

/// The texts in the check of an enum's labels.
pub(super) fn labels_of(expression: &str) -> Option<Vec<String>> {
    // Before a backslash, it depends on the database what a text is. Brackets are around lists here, and no quotes.
    let (mut labels, mut rest) = (Vec::new(), expression);
    while let Some(at) = rest.find(['\'', '"', '`']) {
        let quoted = tokens(&rest[at..]).first().copied()?;
        labels.extend((quoted.kind == TokenKind::Text).then(|| quoted.content()));
        rest = rest.get(at + quoted.text.len()..)?;
    }
    (are_labels(&labels) && !expression.contains('\\')).then_some(labels)
}

/// Whether an enum can have these labels.
fn are_labels(labels: &[String]) -> bool {
    let is_label = |label: &String| !label.trim().is_empty() && label.len() <= 63 && !label.contains('\0');
    let distinct: BTreeSet<&String> = labels.iter().collect();
    !labels.is_empty() && distinct.len() == labels.len() && labels.iter().all(is_label)
}

/// A default as a literal, if what the database shows is one for sure, else as its expression; `None` for NULL.
fn column_default(column_type: ColumnType, labels: Option<&[String]>, shown: &str) -> Option<ColumnDefault> {
    let shown = without_parentheses(shown);
    let all = tokens(shown);
    let (literal, cast) = match all.iter().position(|token| token.is_symbol(":")) {
        Some(at) => all.split_at(at),
        None => (all.as_slice(), all.get(..0).unwrap_or_default()),
    };
    let is_cast = cast.is_empty() || cast.get(1).is_some_and(|token| token.is_symbol(":"));
    if let [only] = literal
        && only.is_word("null")
    {
        return None;
    }
    let found = is_cast.then(|| literal_default(column_type, labels, literal)).flatten();
    Some(found.unwrap_or_else(|| ColumnDefault::Expression(shown.to_owned())))
}

fn literal_default(
    column_type: ColumnType,
    labels: Option<&[String]>,
    literal: &[Token<'_>],
) -> Option<ColumnDefault> {
    // A text may have the name of its character set before it.
    let literal = match literal {
        [set, rest @ ..] if set.kind == TokenKind::Word && set.text.starts_with('_') => rest,
        all => all,
    };
    let number = match literal {
        [minus, number] if minus.is_symbol("-") && number.kind == TokenKind::Word => {
            format!("-{}", number.text)
        }
        [one] if one.kind != TokenKind::Name => one.content(),
        _ => return None,
    };
    match column_type {
        ColumnType::Text => match literal {
            [text] if text.kind == TokenKind::Text && !text.text.contains('\\') => {
                let is_label = labels.is_none_or(|labels| labels.contains(&number));
                is_label.then_some(ColumnDefault::Text(number))
            }
            _ => None,
        },
        ColumnType::Bool => match number.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(ColumnDefault::Bool(true)),
            "false" | "0" => Some(ColumnDefault::Bool(false)),
            _ => None,
        },
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => integer(&number),
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal => {
            integer(&number).or_else(|| float(&number))
        }
        _ => None,
    }
}

fn integer(number: &str) -> Option<ColumnDefault> {
    let parsed: i64 = number.parse().ok()?;
    (parsed.to_string() == number).then_some(ColumnDefault::Int(parsed))
}

fn float(number: &str) -> Option<ColumnDefault> {
    let parsed: f64 = number.parse().ok()?;
    (parsed.is_finite() && parsed.to_string() == number).then_some(ColumnDefault::Float(parsed))
}

/// An expression without the parentheses around all of it.
fn without_parentheses(expression: &str) -> &str {
    let mut inner = expression.trim();
    loop {
        let all = tokens(inner);
        match all.as_slice() {
            [first, .., last] if first.is_symbol("(") && closing(&all, 0) == Some(all.len() - 1) => {
                inner = inner[first.end()..last.start].trim();
            }
            _ => return inner,
        }
    }
}

/// The parts of a list in parentheses.
fn parts_of(definition: &str) -> Option<Vec<String>> {
    let all = tokens(definition);
    let open = all.iter().position(|token| token.is_symbol("("))?;
    let close = closing(&all, open)?;
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, all.get(open)?.end());
    for token in all.get(open + 1..close)? {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                parts.push(definition[start..token.start].to_owned());
                start = token.end();
            }
            _ => {}
        }
    }
    parts.push(definition[start..all.get(close)?.start].to_owned());
    Some(parts)
}

/// The column and the condition of `case when condition then column end`.
fn where_met(expression: &str) -> Option<(String, String)> {
    let expression = without_parentheses(expression);
    let all = tokens(expression);
    let [case, when, .., then, column, end] = all.as_slice() else { return None };
    let is_case = case.is_word("case") && when.is_word("when") && then.is_word("then") && end.is_word("end");
    let is_name = matches!(column.kind, TokenKind::Name | TokenKind::Word);
    let condition = without_parentheses(&expression[when.end()..then.start]);
    (is_case && is_name).then(|| (column.content(), condition.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column_type: ColumnType, shown: &str, expected: ColumnDefault) {
        assert_eq!(column_default(column_type, None, shown), Some(expected), "{shown}");
    }

    #[test]
    fn a_default_is_a_literal_where_it_is_one_for_sure() {
        let expression = |text: &str| ColumnDefault::Expression(text.to_owned());
        let text = |text: &str| ColumnDefault::Text(text.to_owned());
        for (column_type, shown, expected) in [
            (ColumnType::Text, "'it''s'::text", text("it's")),
            (ColumnType::Text, "(_utf8mb4'grey')", text("grey")),
            (ColumnType::Text, "'a\\b'", expression("'a\\b'")),
            (ColumnType::Text, "upper('a'::text)", expression("upper('a'::text)")),
            (ColumnType::Int(32), "'-1'::integer", ColumnDefault::Int(-1)),
            (ColumnType::Int(32), "(- 3)", ColumnDefault::Int(-3)),
            (ColumnType::Int(32), "1 + 2", expression("1 + 2")),
            (ColumnType::Double, "1.5", ColumnDefault::Float(1.5)),
            (ColumnType::Decimal, "1.50", expression("1.50")),
            (ColumnType::Bool, "1", ColumnDefault::Bool(true)),
            (ColumnType::Bool, "false", ColumnDefault::Bool(false)),
            (ColumnType::Timestamp, "now()", expression("now()")),
        ] {
            check(column_type, shown, expected);
        }
        assert_eq!(column_default(ColumnType::Text, None, "NULL::text"), None);
        let labels = ["a".to_owned()];
        assert_eq!(column_default(ColumnType::Text, Some(&labels), "'b'"), Some(expression("'b'")));
    }

    #[test]
    fn a_condition_is_found_in_what_an_index_computes() {
        let expected = Some(("code".to_owned(), "`lost` = 0".to_owned()));
        assert_eq!(where_met("case when `lost` = 0 then `code` end"), expected);
        assert_eq!(where_met("((case when (`lost` = 0) then `code` end))"), expected);
        assert_eq!(where_met("case when a then b else c end"), None);
        let parts = parts_of("((case when a then b end),(f(1, 2))) USING BTREE");
        assert_eq!(parts, Some(vec!["(case when a then b end)".to_owned(), "(f(1, 2))".to_owned()]));
    }

    #[test]
    fn lengths_and_labels_are_found_in_their_checks() {
        assert_eq!(longest_of("(char_length(\"c1\") <= 40)"), Some(40));
        let labels = Some(vec!["a".to_owned(), "it's".to_owned()]);
        assert_eq!(labels_of("(mood = ANY (ARRAY['a'::text, 'it''s'::text]))"), labels);
        assert_eq!(labels_of("`mood` in (_utf8mb4'a',_utf8mb4'it''s')"), labels);
        assert_eq!(labels_of("mood in ('')"), None);
    }
}
