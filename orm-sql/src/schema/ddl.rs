//! The statements that create and drop tables and views.
//!
//! Unique constraints are unique indexes, so that they have a name that migrations can drop. In SQLite the names of
//! foreign keys are left out: sea-query does not write them there, and SQLite does not report them either. Comments are
//! said where a database keeps them, which SQLite does not.

use std::collections::BTreeSet;

use orm_core::driver::{DriverError, DriverErrorKind, RawEffect};
use orm_core::metadata::description::ReferentialAction;
use orm_core::schema::{ColumnDefault, ForeignKey, Schema, Table, TableIndex, View};
use sea_query::{
    Alias, ConditionalStatement, DynIden, Expr, ForeignKeyAction, ForeignKeyCreateStatement,
    IndexCreateStatement, TableCreateStatement, TableDropStatement,
};

use crate::dialect::{Dialect, SchemaStatement, TextPiece};
use crate::statement::table_name;

use super::views;

/// The types of enums, all tables and their indexes, and all views.
pub(crate) fn create(dialect: &dyn Dialect, schema: &Schema) -> Result<Vec<String>, DriverError> {
    let mut statements = Vec::new();
    if dialect.capabilities().schemas {
        let named: BTreeSet<&str> = schema
            .tables
            .iter()
            .filter_map(|table| table.schema.as_deref())
            .chain(schema.views.iter().filter_map(|view| view.schema.as_deref()))
            .collect();
        statements.extend(named.into_iter().map(|name| dialect.create_schema(name)));
    }
    for (name, enumeration) in schema.enum_types() {
        statements.extend(dialect.enum_type(name, enumeration).map(|[create, _]| create));
    }
    for table in &schema.tables {
        check(dialect, table)?;
        statements.push(
            dialect.schema_text(&SchemaStatement::CreateTable(Box::new(create_table(dialect, table)?))),
        );
        for index in &table.indexes {
            let conditional = dialect.conditional_index(table, index).map_err(|error| {
                unsupported(format!("the index {} of {} can't be created", index.name, table.name))
                    .with_source(error)
            })?;
            if let Some(conditional) = conditional {
                statements.push(conditional);
                continue;
            }
            statements.push(
                dialect.schema_text(&SchemaStatement::CreateIndex(Box::new(create_index(
                    dialect, table, index,
                )))),
            );
        }
        statements.extend(dialect.comments(table));
    }
    if dialect.has_late_foreign_keys() {
        for table in &schema.tables {
            for foreign_key in &table.foreign_keys {
                let mut create = reference(foreign_key);
                create.name(quoted_inside(dialect, &foreign_key.name));
                create.from_tbl(table_name(table.schema.as_deref(), &table.name));
                statements.push(dialect.schema_text(&SchemaStatement::CreateForeignKey(Box::new(create))));
            }
        }
    }
    for view in views::read_first(&schema.views) {
        check_view(dialect, view)?;
        statements.push(format!("CREATE VIEW {} AS {}", place(dialect, view), view.select));
        statements.extend(dialect.view_comment(view));
    }
    Ok(statements)
}

/// All views, each before those that it reads, and all tables, each before those that it refers to.
pub(crate) fn drop(dialect: &dyn Dialect, schema: &Schema) -> Result<Vec<String>, DriverError> {
    let mut statements: Vec<String> = dialect.before_drop().map(str::to_owned).into_iter().collect();
    schema.tables.iter().try_for_each(|table| check(dialect, table))?;
    schema.views.iter().try_for_each(|view| check_view(dialect, view))?;
    let views = views::read_first(&schema.views).into_iter().rev();
    statements.extend(views.map(|view| format!("DROP VIEW IF EXISTS {}", place(dialect, view))));
    if dialect.drops_together() {
        statements.extend(drop_together(dialect, schema));
        return Ok(statements);
    }
    for table in schema.tables.iter().rev() {
        let mut drop = TableDropStatement::new();
        drop.table(table_name(table.schema.as_deref(), &table.name)).if_exists();
        if dialect.drops_with_references() {
            drop.cascade();
        }
        statements.push(dialect.schema_text(&SchemaStatement::DropTable(drop)));
    }
    for (name, enumeration) in schema.enum_types() {
        statements.extend(dialect.enum_type(name, enumeration).map(|[_, drop]| drop));
    }
    Ok(statements)
}

/// All tables by one statement, and before it the foreign keys that would be in its way.
fn drop_together(dialect: &dyn Dialect, schema: &Schema) -> Vec<String> {
    let mut statements = Vec::new();
    let mut drop = TableDropStatement::new();
    for table in schema.tables.iter().rev() {
        let name = || table_name(table.schema.as_deref(), &table.name);
        statements
            .extend(table.foreign_keys.iter().filter_map(|key| dialect.drop_reference(name(), &key.name)));
        drop.table(name()).if_exists();
    }
    if !schema.tables.is_empty() {
        statements.push(dialect.schema_text(&SchemaStatement::DropTable(drop)));
    }
    statements
}

fn create_table(dialect: &dyn Dialect, table: &Table) -> Result<TableCreateStatement, DriverError> {
    let mut create = TableCreateStatement::new();
    create.table(table_name(table.schema.as_deref(), &table.name));
    for column in &table.columns {
        let definition = dialect.column(table, column).map_err(|error| {
            unsupported(format!("the column {}.{} can't be created", table.name, column.name))
                .with_source(error)
        })?;
        create.col(definition);
        if let Some(check) = dialect.column_check(table, column) {
            create.check(check);
        }
    }
    // A generated key is declared with its column.
    if table.generated_key.is_none() {
        let mut key = IndexCreateStatement::new();
        table.primary_key.iter().for_each(|column| {
            key.col(identifier(column));
        });
        create.primary_key(&mut key);
    }
    if !dialect.has_late_foreign_keys() {
        for foreign_key in &table.foreign_keys {
            create.foreign_key(&mut reference(foreign_key));
        }
    }
    for check in &table.checks {
        create.check((Alias::new(&check.name), Expr::cust(check.expression.clone())));
    }
    if let Some(comment) = &table.comment {
        create.comment(comment);
    }
    if let Some(suffix) = dialect.table_suffix() {
        create.extra(suffix);
    }
    Ok(create)
}

fn reference(foreign_key: &ForeignKey) -> ForeignKeyCreateStatement {
    let mut reference = ForeignKeyCreateStatement::new();
    for column in &foreign_key.columns {
        reference.from_col(identifier(column));
    }
    reference.to_tbl(table_name(foreign_key.referenced_schema.as_deref(), &foreign_key.referenced_table));
    for column in &foreign_key.referenced_columns {
        reference.to_col(identifier(column));
    }
    if let Some(action) = foreign_key.on_delete.and_then(action) {
        reference.on_delete(action);
    }
    if let Some(action) = foreign_key.on_update.and_then(action) {
        reference.on_update(action);
    }
    reference
}

fn action(action: ReferentialAction) -> Option<ForeignKeyAction> {
    match action {
        ReferentialAction::Cascade => Some(ForeignKeyAction::Cascade),
        ReferentialAction::SetNull => Some(ForeignKeyAction::SetNull),
        ReferentialAction::Restrict => Some(ForeignKeyAction::Restrict),
        // The default of every database, and what an unknown action of the future is until it is known here.
        _ => None,
    }
}

fn create_index(dialect: &dyn Dialect, table: &Table, index: &TableIndex) -> IndexCreateStatement {
    let mut create = IndexCreateStatement::new();
    create.name(quoted_inside(dialect, &index.name)).table(table_name(table.schema.as_deref(), &table.name));
    if index.unique {
        create.unique();
    }
    for column in &index.columns {
        create.col(identifier(column));
    }
    if let Some(condition) = &index.condition {
        create.and_where(Expr::cust(condition.clone()));
    }
    create
}

/// sea-query writes names of indexes and constraints between quotes as they are.
fn quoted_inside(dialect: &dyn Dialect, name: &str) -> String {
    let quote = dialect.quote();
    name.replace(quote, &format!("{quote}{quote}"))
}

/// The name of a view, in quotes.
fn place(dialect: &dyn Dialect, view: &View) -> String {
    let quote = dialect.quote();
    let names = view.schema.iter().chain([&view.name]);
    let names: Vec<String> =
        names.map(|name| format!("{quote}{}{quote}", quoted_inside(dialect, name))).collect();
    names.join(".")
}

fn check_view(dialect: &dyn Dialect, view: &View) -> Result<(), DriverError> {
    let refuse = |problem: String| Err(unsupported(format!("the view {} {problem}", view.name)));
    if let Some(schema) = view.schema.as_ref().filter(|_| !dialect.capabilities().schemas) {
        return refuse(format!("is in the schema {schema}, but this database has no schemas"));
    }
    if view.name.is_empty() || view.name.contains('\0') {
        return refuse("has no name that a database takes".to_owned());
    }
    if let Some(problem) = dialect.refuse_name(&view.name) {
        return refuse(format!("has a name that {problem}"));
    }
    if view.comment.as_ref().is_some_and(|comment| comment.contains('\0')) {
        return refuse("has a comment with a NUL, which would end it".to_owned());
    }
    match dialect.statement_effect(&[TextPiece::Text(&view.select)]) {
        Ok(RawEffect::Reads) => Ok(()),
        Ok(RawEffect::Writes | RawEffect::Anything) => {
            refuse("is no select: a view stands for one".to_owned())
        }
        Err(problem) => refuse(format!("can't be made of its select: {problem}")),
    }
}

/// Refuses what would be written wrongly or not at all.
fn check(dialect: &dyn Dialect, table: &Table) -> Result<(), DriverError> {
    let others = table.foreign_keys.iter().map(|key| &key.referenced_schema);
    if !dialect.capabilities().schemas
        && let Some(schema) = others.chain([&table.schema]).flatten().next()
    {
        return Err(unsupported(format!(
            "the table {} is in the schema {schema}, or refers to one there, but this database has no schemas",
            table.name,
        )));
    }
    if table.generated_key.is_some() && table.primary_key.len() != 1 {
        return Err(unsupported(format!(
            "the key of the table {} has several columns, so the database can't generate one of them",
            table.name,
        )));
    }
    let names =
        table.columns.iter().map(|column| &column.name).chain(table.indexes.iter().map(|index| &index.name));
    let names = names.chain(table.foreign_keys.iter().map(|key| &key.name)).chain([&table.name]);
    let names = names.chain(table.checks.iter().map(|check| &check.name));
    for name in names {
        if name.is_empty() || name.contains('\0') {
            return Err(unsupported(format!("{name:?} can't name a part of the table {}", table.name)));
        }
        if let Some(longest) = dialect.capabilities().identifier_length.exceeded_by(name) {
            return Err(unsupported(format!(
                "the name `{name}` in the table {} is longer than the {longest} that this database keeps of one; give \
                 it a shorter one",
                table.name,
            )));
        }
        if let Some(problem) = dialect.refuse_name(name) {
            return Err(unsupported(format!("the name `{name}` in the table {} {problem}", table.name)));
        }
    }
    let comments = table.columns.iter().map(|column| &column.comment).chain([&table.comment]);
    if comments.flatten().any(|comment| comment.contains('\0')) {
        return Err(unsupported(format!(
            "a comment of the table {} has a NUL, which would end it",
            table.name
        )));
    }
    check_expressions(dialect, table)
}

/// Refuses expressions of the program that would reach beyond their place.
fn check_expressions(dialect: &dyn Dialect, table: &Table) -> Result<(), DriverError> {
    let checks = table.checks.iter().map(|check| (format!("the check `{}`", check.name), &check.expression));
    let conditions = table.indexes.iter().filter_map(|index| {
        index
            .condition
            .as_ref()
            .map(|condition| (format!("the condition of the index `{}`", index.name), condition))
    });
    let defaults = table.columns.iter().filter_map(|column| match &column.default {
        Some(ColumnDefault::Expression(expression)) => {
            Some((format!("the default of the column `{}`", column.name), expression))
        }
        _ => None,
    });
    let generated = table.columns.iter().filter_map(|column| {
        let generated = column.generated.as_ref()?;
        Some((format!("the expression of the column `{}`", column.name), &generated.expression))
    });
    for (what, expression) in checks.chain(conditions).chain(defaults).chain(generated) {
        if let Err(problem) = dialect.check_fragment(&[TextPiece::Text(expression)]) {
            return Err(unsupported(format!("{what} in the table {}: {problem}", table.name)));
        }
    }
    Ok(())
}

fn identifier(name: &str) -> DynIden {
    Alias::new(name).into()
}

fn unsupported(problem: String) -> DriverError {
    DriverError::new(DriverErrorKind::Unsupported, problem)
}
