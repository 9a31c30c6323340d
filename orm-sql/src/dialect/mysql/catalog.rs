//! What MariaDB and MySQL say that they hold: `SHOW CREATE TABLE`, which has everything in the server's own words.

use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::database::{DatabaseColumn, DatabaseName, DatabaseTable};
use orm_core::value::ColumnType;

use crate::schema::definition;
use crate::schema::tokens::{TokenKind, same_expression, tokens};

/// The table that the answer of `SHOW CREATE TABLE` tells of.
///
/// # Errors
///
/// What was not understood.
pub fn read_table(name: DatabaseName, answer: &str) -> Result<DatabaseTable, String> {
    // A quote in a text can be escaped by a backslash here.
    let text = answer.replace("\\'", "''");
    let mut table = definition::table(&text)?;
    table.name = name;
    take_options(&mut table);
    table.columns.iter_mut().for_each(settle_column);
    for key in &mut table.foreign_keys {
        // Both do the same here, and only one of them is told.
        let unless_usual = |action: &ReferentialAction| *action != ReferentialAction::Restrict;
        (key.on_delete, key.on_update) =
            (key.on_delete.filter(unless_usual), key.on_update.filter(unless_usual));
    }
    let checks = &table.checks;
    for column in &mut table.columns {
        if checks.iter().any(|check| is_json_check(column, &check.expression)) {
            column.column_type = Some(ColumnType::Json);
        }
    }
    // An index that was made for a foreign key comes and goes with it.
    let foreign_keys = table.foreign_keys.clone();
    table.indexes.retain(|index| !foreign_keys.iter().any(|key| key.name == index.name));
    Ok(table)
}

/// Takes the comment out of what stands behind the columns, and what changes by itself.
fn take_options(table: &mut DatabaseTable) {
    let mut kept: Vec<String> = Vec::new();
    let options = std::mem::take(&mut table.options);
    let mut words = tokens(&options).into_iter().peekable();
    while let Some(word) = words.next() {
        let is_counter = word.is_word("auto_increment");
        let is_comment = word.is_word("comment");
        if !is_counter && !is_comment {
            kept.push(word.text.to_owned());
            continue;
        }
        let _ = words.next_if(|next| next.is_symbol("="));
        let value = words.next();
        if let Some(comment) = value.filter(|value| is_comment && value.kind == TokenKind::Text) {
            table.comment = Some(comment.content().replace("\\\\", "\\"));
        }
    }
    table.options = kept.join(" ").replace(" = ", "=");
}

fn settle_column(column: &mut DatabaseColumn) {
    if column.default.as_ref().is_some_and(|default| default.eq_ignore_ascii_case("null")) {
        column.default = None;
    }
    // A collation has one character set, which MySQL also names once the column was changed.
    if column.collation.is_some() && column.options.to_ascii_uppercase().starts_with("CHARACTER SET") {
        column.options = column.options.split_whitespace().skip(3).collect::<Vec<_>>().join(" ");
    }
    if let Some(comment) = &mut column.comment {
        *comment = comment.replace("\\\\", "\\");
    }
    column.column_type = column_type(&column.type_name);
    let arguments = column.type_name.split_once('(').map(|(_, rest)| rest.trim_end_matches(')'));
    let is_text = column.type_name.starts_with("varchar") || column.type_name.starts_with("varbinary");
    column.length = arguments.filter(|_| is_text).and_then(|length| length.parse().ok());
}

/// Whether the check is the one by which MariaDB tells JSON, which has no type of its own there, from other texts.
pub(super) fn is_json_check(column: &DatabaseColumn, expression: &str) -> bool {
    let quoted = format!("json_valid(`{}`)", column.name.replace('`', "``"));
    column.type_name.starts_with("longtext") && same_expression(expression, &quoted)
}

/// What a type is to the ORM, where it knows it.
fn column_type(type_name: &str) -> Option<ColumnType> {
    let is_unsigned = type_name.contains("unsigned");
    let word = type_name.split(|next: char| !next.is_ascii_alphanumeric()).next().unwrap_or_default();
    Some(match (word, type_name) {
        (_, "tinyint(1)") => ColumnType::Bool,
        (_, "binary(16)") => ColumnType::Uuid,
        ("tinyint", _) => ColumnType::Int(if is_unsigned { 16 } else { 8 }),
        ("smallint", _) => ColumnType::Int(if is_unsigned { 32 } else { 16 }),
        ("mediumint", _) => ColumnType::Int(32),
        ("int", _) => ColumnType::Int(if is_unsigned { 64 } else { 32 }),
        ("bigint", _) => ColumnType::Int(64),
        ("float", _) => ColumnType::Float,
        ("double", _) => ColumnType::Double,
        ("varchar" | "char" | "tinytext" | "text" | "mediumtext" | "longtext", _) => ColumnType::Text,
        ("varbinary" | "binary" | "tinyblob" | "blob" | "mediumblob" | "longblob", _) => ColumnType::Bytes,
        ("date", _) => ColumnType::Date,
        ("time", _) => ColumnType::Time,
        ("datetime", _) => ColumnType::DateTime,
        ("timestamp", _) => ColumnType::Timestamp,
        ("decimal", _) => ColumnType::Decimal,
        ("json", _) => ColumnType::Json,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let answer = "CREATE TABLE `house` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `note` longtext COLLATE utf8mb4_bin \
            DEFAULT NULL COMMENT 'it''s',\n  `street` varchar(41) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'x',\n  PRIMARY KEY (`id`),\n  \
            UNIQUE KEY `by_street` (`street`),\n  KEY `owner_fk` (`owner`),\n  CONSTRAINT `owner_fk` FOREIGN KEY (`owner`) \
            REFERENCES `owner` (`id`) ON DELETE CASCADE,\n  CONSTRAINT `c` CHECK (char_length(`street`) <= 40)\n) \
            ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COMMENT='a house'";
        let table =
            read_table(DatabaseName::new(None, "house"), answer).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(table.options, "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
        assert_eq!(table.comment.as_deref(), Some("a house"));
        assert_eq!(table.columns[0].counted.as_deref(), Some("AUTO_INCREMENT"));
        assert_eq!((&table.columns[1].default, table.columns[1].comment.as_deref()), (&None, Some("it's")));
        assert_eq!((table.columns[2].length, table.columns[2].options.as_str()), (Some(41), ""));
        let indexes: Vec<_> =
            table.indexes.iter().map(|index| (index.name.as_deref(), index.is_unique)).collect();
        assert_eq!(indexes, [(Some("by_street"), true)]);
        assert_eq!(table.checks[0].expression, "char_length(`street`) <= 40");
    }
}
