//! What a database holds after some changes.

use orm_core::schema::database::{DatabaseColumn, DatabaseName, DatabaseSchema, DatabaseTable};

use super::alter::Alterations;
use super::change::{Change, ChangeKind};
use super::tokens::renamed;

/// `schema` after `changes`.
pub(crate) fn apply(
    alterations: &dyn Alterations,
    schema: &DatabaseSchema,
    changes: &[Change],
) -> DatabaseSchema {
    let mut schema = schema.clone();
    for change in changes {
        match &change.kind {
            ChangeKind::RenameTable { from } => rename_table(&mut schema, from, &change.table),
            ChangeKind::RenameColumn { from, to } => {
                rename_column(alterations, &mut schema, &change.table, from, to);
            }
            ChangeKind::AddEnum(added) => schema.enums.push(added.clone()),
            ChangeKind::ChangeEnum { to, .. } => {
                schema.enums.retain(|one| one.name != to.name);
                schema.enums.push(to.clone());
            }
            ChangeKind::DropEnum(gone) => schema.enums.retain(|one| one.name != gone.name),
            ChangeKind::AddTable(table) => schema.tables.push(table.clone()),
            ChangeKind::DropTable(gone) => schema.tables.retain(|table| table.name != gone.name),
            ChangeKind::AddView(view) => schema.views.push(view.clone()),
            ChangeKind::DropView(gone) => schema.views.retain(|view| view.name != gone.name),
            ChangeKind::ChangeView { to, .. } => {
                schema.views.retain(|view| view.name != to.name);
                schema.views.push(to.clone());
            }
            kind => {
                if let Some(table) = schema.tables.iter_mut().find(|table| table.name == change.table) {
                    change_table(table, kind);
                }
            }
        }
    }
    schema
}

fn change_table(table: &mut DatabaseTable, kind: &ChangeKind) {
    match kind {
        ChangeKind::AddColumn(column) => table.columns.push(column.clone()),
        ChangeKind::DropColumn(gone) => table.columns.retain(|column| column.name != gone.name),
        ChangeKind::ChangeColumn { to, aspect, .. } => {
            if let Some(column) = table.columns.iter_mut().find(|column| column.name == to.name) {
                aspect.copy(to, column);
            }
        }
        ChangeKind::ChangeKey { to, .. } => table.primary_key.clone_from(to),
        ChangeKind::AddIndex(index) => table.indexes.push(index.clone()),
        ChangeKind::DropIndex(gone) => remove(&mut table.indexes, gone),
        ChangeKind::RenameIndex { from, to } => {
            remove(&mut table.indexes, from);
            table.indexes.push(to.clone());
        }
        ChangeKind::AddCheck(check) => table.checks.push(check.clone()),
        ChangeKind::DropCheck(gone) => remove(&mut table.checks, gone),
        ChangeKind::AddForeignKey(key) => table.foreign_keys.push(key.clone()),
        ChangeKind::DropForeignKey(gone) => remove(&mut table.foreign_keys, gone),
        ChangeKind::ChangeTableComment(comment) => table.comment.clone_from(comment),
        ChangeKind::ChangeOptions { to, .. } => table.options.clone_from(to),
        ChangeKind::AddEnum(_)
        | ChangeKind::ChangeEnum { .. }
        | ChangeKind::DropEnum(_)
        | ChangeKind::RenameTable { .. }
        | ChangeKind::RenameColumn { .. }
        | ChangeKind::AddTable(_)
        | ChangeKind::DropTable(_)
        | ChangeKind::AddView(_)
        | ChangeKind::DropView(_)
        | ChangeKind::ChangeView { .. } => {}
    }
}

/// Removes one, not all that are the same.
fn remove<P: PartialEq>(parts: &mut Vec<P>, gone: &P) {
    if let Some(at) = parts.iter().position(|part| part == gone) {
        parts.remove(at);
    }
}

fn rename_table(schema: &mut DatabaseSchema, from: &DatabaseName, to: &DatabaseName) {
    for table in &mut schema.tables {
        if table.name == *from {
            table.name = to.clone();
        }
        for key in table.foreign_keys.iter_mut().filter(|key| key.referenced_table == *from) {
            key.referenced_table = to.clone();
        }
    }
}

fn rename_column(
    alterations: &dyn Alterations,
    schema: &mut DatabaseSchema,
    table: &DatabaseName,
    from: &str,
    to: &str,
) {
    let rename = |names: &mut Vec<String>| {
        names.iter_mut().filter(|name| *name == from).for_each(|name| to.clone_into(name));
    };
    let rename_in = |text: &mut String| *text = renamed(text, from, to, alterations.quoting());
    for other in &mut schema.tables {
        for key in other.foreign_keys.iter_mut().filter(|key| key.referenced_table == *table) {
            rename(&mut key.referenced_columns);
        }
    }
    let Some(table) = schema.tables.iter_mut().find(|one| one.name == *table) else { return };
    for column in &mut table.columns {
        rename_own(column, from, to);
        column.generated.iter_mut().for_each(|generated| rename_in(&mut generated.expression));
    }
    table.primary_key.iter_mut().for_each(|key| rename(&mut key.columns));
    table.foreign_keys.iter_mut().for_each(|key| rename(&mut key.columns));
    for index in &mut table.indexes {
        index.columns.iter_mut().for_each(rename);
        rename_in(&mut index.definition);
        index.condition.iter_mut().for_each(rename_in);
    }
    table.checks.iter_mut().for_each(|check| rename_in(&mut check.expression));
}

fn rename_own(column: &mut DatabaseColumn, from: &str, to: &str) {
    if column.name == from {
        to.clone_into(&mut column.name);
    }
}
