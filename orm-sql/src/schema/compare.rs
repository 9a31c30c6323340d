//! Compares what a database holds with what it would hold.
//!
//! Both sides are in the same database's words, so that whatever differs is a change. What is found is in no order; that
//! is the dialect's affair. The names of keys are the database's own, and compared by what they do.

use std::collections::BTreeSet;

use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseForeignKey, DatabaseIndex, DatabaseName, DatabaseSchema,
    DatabaseTable,
};
use orm_core::schema::{Risk, SchemaRenames, Unknown};

use super::alter::Alterations;
use super::apply::apply;
use super::change::{Aspect, Change, ChangeKind};
use super::tokens::{mentions, same_expression};

/// Which of two sides is looked at, and how.
pub(crate) struct Comparison<'a> {
    pub(crate) from: &'a DatabaseSchema,
    pub(crate) to: &'a DatabaseSchema,
    pub(crate) renames: &'a SchemaRenames,
    pub(crate) unknown: Unknown,
    pub(crate) ignored: &'a BTreeSet<DatabaseName>,
}

/// All changes that lead from one side to the other, renames first.
pub(crate) fn compare(alterations: &dyn Alterations, comparison: &Comparison<'_>) -> Vec<Change> {
    let mut changes = renames(comparison);
    let renamed = apply(alterations, comparison.from, &changes);
    let (to, ignored) = (comparison.to, comparison.ignored);
    let mut compare = Compare { alterations, from: &renamed, to, ignored, changes: Vec::new() };
    compare.enums(comparison);
    compare.tables(comparison);
    compare.views(comparison);
    changes.append(&mut compare.changes);
    changes
}

/// A table or column that has its name of before, and none of the name that is wanted.
fn renames(comparison: &Comparison<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let find = |schema: &DatabaseSchema, name: &DatabaseName| {
        schema.tables.iter().find(|table| table.name == *name).cloned()
    };
    let mut before = |wanted: &DatabaseName| -> Option<DatabaseTable> {
        if let Some(table) = find(comparison.from, wanted) {
            return Some(table);
        }
        let named = comparison.renames.tables.iter().filter(|(to, _)| to == wanted);
        let mut old =
            named.map(|(_, from)| DatabaseName { schema: wanted.schema.clone(), name: from.clone() });
        let old =
            old.find_map(|old| find(comparison.from, &old).filter(|_| find(comparison.to, &old).is_none()))?;
        changes.push(safe(wanted, ChangeKind::RenameTable { from: old.name.clone() }));
        Some(old)
    };
    let mut columns = Vec::new();
    for wanted in &comparison.to.tables {
        let Some(old) = before(&wanted.name) else { continue };
        for (_, to, from) in comparison.renames.columns.iter().filter(|(table, ..)| *table == wanted.name) {
            let is_renamed = old.column(to).is_none()
                && old.column(from).is_some()
                && wanted.column(to).is_some()
                && wanted.column(from).is_none();
            if is_renamed {
                let kind = ChangeKind::RenameColumn { from: from.clone(), to: to.clone() };
                columns.push(safe(&wanted.name, kind));
            }
        }
    }
    changes.append(&mut columns);
    changes
}

fn safe(table: &DatabaseName, kind: ChangeKind) -> Change {
    Change { table: table.clone(), kind, risk: Risk::Safe }
}

fn destructive(table: &DatabaseName, kind: ChangeKind, why: &str) -> Change {
    Change { table: table.clone(), kind, risk: Risk::Destructive(why.to_owned()) }
}

struct Compare<'a> {
    alterations: &'a dyn Alterations,
    from: &'a DatabaseSchema,
    to: &'a DatabaseSchema,
    ignored: &'a BTreeSet<DatabaseName>,
    changes: Vec<Change>,
}

impl Compare<'_> {
    fn enums(&mut self, comparison: &Comparison<'_>) {
        for to in &self.to.enums {
            match self.from.enums.iter().find(|from| from.name == to.name) {
                None => self.changes.push(safe(&to.name, ChangeKind::AddEnum(to.clone()))),
                Some(from) if from.labels == to.labels => {}
                Some(from) => {
                    let goes = from.labels.iter().any(|label| !to.labels.contains(label));
                    let kind = ChangeKind::ChangeEnum { from: from.clone(), to: to.clone() };
                    self.changes.push(if goes {
                        destructive(&to.name, kind, "rows with a label that goes are refused")
                    } else {
                        safe(&to.name, kind)
                    });
                }
            }
        }
        for from in gone(&self.from.enums, &self.to.enums, |one| &one.name, comparison) {
            let why = "no entity knows it";
            self.changes.push(destructive(&from.name, ChangeKind::DropEnum(from.clone()), why));
        }
    }

    fn tables(&mut self, comparison: &Comparison<'_>) {
        for to in &self.to.tables {
            match self.from.tables.iter().find(|from| from.name == to.name) {
                None => self.changes.push(safe(&to.name, ChangeKind::AddTable(to.clone()))),
                Some(from) => self.table(from, to),
            }
        }
        for from in gone(&self.from.tables, &self.to.tables, |one| &one.name, comparison) {
            let why = "no entity knows it, and its rows go";
            self.changes.push(destructive(&from.name, ChangeKind::DropTable(from.clone()), why));
        }
    }

    fn views(&mut self, comparison: &Comparison<'_>) {
        for to in &self.to.views {
            match self.from.views.iter().find(|from| from.name == to.name) {
                None => self.changes.push(safe(&to.name, ChangeKind::AddView(to.clone()))),
                Some(from)
                    if same_expression(&from.select, &to.select)
                        && from.columns == to.columns
                        && from.comment == to.comment => {}
                Some(from) => {
                    let kind = ChangeKind::ChangeView { from: from.clone(), to: to.clone() };
                    self.changes.push(safe(&to.name, kind));
                }
            }
        }
        for from in gone(&self.from.views, &self.to.views, |one| &one.name, comparison) {
            let why = "no entity knows it";
            self.changes.push(destructive(&from.name, ChangeKind::DropView(from.clone()), why));
        }
    }

    fn table(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        let name = &to.name;
        self.columns(from, to);
        let keys = |table: &DatabaseTable| table.primary_key.as_ref().map(|key| key.columns.clone());
        if keys(from) != keys(to) {
            let kind = ChangeKind::ChangeKey { from: from.primary_key.clone(), to: to.primary_key.clone() };
            let why = "rows that agree in the new key are refused";
            self.changes.push(destructive(name, kind, why));
        }
        self.indexes(from, to);
        self.checks(from, to);
        self.foreign_keys(from, to);
        if from.comment != to.comment {
            self.changes.push(safe(name, ChangeKind::ChangeTableComment(to.comment.clone())));
        }
        if !same_expression(&from.options, &to.options) {
            let kind = ChangeKind::ChangeOptions { from: from.options.clone(), to: to.options.clone() };
            self.changes.push(safe(name, kind));
        }
    }

    fn columns(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        for wanted in &to.columns {
            match from.column(&wanted.name) {
                None => self.changes.push(safe(&to.name, ChangeKind::AddColumn(wanted.clone()))),
                Some(live) => self.column(&to.name, live, wanted),
            }
        }
        for live in from.columns.iter().filter(|live| to.column(&live.name).is_none()) {
            let kind = ChangeKind::DropColumn(live.clone());
            self.changes.push(match live.generated {
                Some(_) => safe(&to.name, kind),
                None => destructive(&to.name, kind, "what is in it goes"),
            });
        }
    }

    fn column(&mut self, table: &DatabaseName, from: &DatabaseColumn, to: &DatabaseColumn) {
        for aspect in Aspect::ALL {
            let is_same = match aspect {
                Aspect::Type => {
                    same_expression(&from.type_name, &to.type_name) && from.collation == to.collation
                }
                Aspect::Nullability => from.nullable == to.nullable,
                Aspect::Default => same_option(from.default.as_deref(), to.default.as_deref()),
                Aspect::Counting => from.counted == to.counted,
                Aspect::Generation => match (&from.generated, &to.generated) {
                    (Some(from), Some(to)) => {
                        from.is_stored == to.is_stored && same_expression(&from.expression, &to.expression)
                    }
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                },
                Aspect::Options => same_expression(&from.options, &to.options),
                Aspect::Comment => from.comment == to.comment,
            };
            if !is_same {
                let risk = self.risk_of(aspect, from, to);
                let kind = ChangeKind::ChangeColumn { from: from.clone(), to: to.clone(), aspect };
                self.changes.push(Change { table: table.clone(), kind, risk });
            }
        }
    }

    fn risk_of(&self, aspect: Aspect, from: &DatabaseColumn, to: &DatabaseColumn) -> Risk {
        let why = match aspect {
            Aspect::Type if !self.alterations.is_widening(&from.type_name, &to.type_name) => {
                "values that do not fit the new type are lost or refused"
            }
            Aspect::Nullability if !to.nullable => "rows with NULL in it are refused",
            Aspect::Generation if to.generated.is_some() && from.generated.is_none() => "what is in it goes",
            Aspect::Type
            | Aspect::Nullability
            | Aspect::Default
            | Aspect::Counting
            | Aspect::Generation
            | Aspect::Options
            | Aspect::Comment => return Risk::Safe,
        };
        Risk::Destructive(why.to_owned())
    }

    fn indexes(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        let mut left: Vec<&DatabaseIndex> = from.indexes.iter().collect();
        let mut wanted: Vec<&DatabaseIndex> = to.indexes.iter().collect();
        pair(&mut left, &mut wanted, |live, wanted| same_index(live, wanted) && live.name == wanted.name);
        for (live, wanted) in pair(&mut left, &mut wanted, same_index) {
            // One without a name is a constraint of somebody else's, which does the same.
            if live.name.is_some() && wanted.name.is_some() {
                let kind = ChangeKind::RenameIndex { from: live.clone(), to: wanted.clone() };
                self.changes.push(safe(&to.name, kind));
            }
        }
        for live in left {
            let columns = live.columns.iter().flatten();
            let gone = columns.chain(&[]).find(|column| to.column(column).is_none()).cloned();
            let gone = gone.or_else(|| dropped_column(from, to, &live.definition));
            self.going(&to.name, ChangeKind::DropIndex(live.clone()), gone);
        }
        for wanted in wanted {
            self.changes.push(safe(&to.name, ChangeKind::AddIndex(wanted.clone())));
        }
    }

    fn checks(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        let mut left: Vec<&DatabaseCheck> = from.checks.iter().collect();
        let mut wanted: Vec<&DatabaseCheck> = to.checks.iter().collect();
        pair(&mut left, &mut wanted, |live, wanted| {
            let has_same_name = live.name == wanted.name || live.name.is_none() || wanted.name.is_none();
            has_same_name && same_expression(&live.expression, &wanted.expression)
        });
        for live in left {
            let gone = dropped_column(from, to, &live.expression);
            self.going(&to.name, ChangeKind::DropCheck(live.clone()), gone);
        }
        for wanted in wanted {
            self.changes.push(safe(&to.name, ChangeKind::AddCheck(wanted.clone())));
        }
    }

    fn foreign_keys(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        let mut left: Vec<&DatabaseForeignKey> = from.foreign_keys.iter().collect();
        let mut wanted: Vec<&DatabaseForeignKey> = to.foreign_keys.iter().collect();
        pair(&mut left, &mut wanted, |live, wanted| self.same_foreign_key(live, wanted));
        for live in left {
            let gone = live.columns.iter().find(|column| to.column(column).is_none()).cloned();
            // Nobody wants one to what somebody else makes, but whoever made one may.
            if gone.is_none() && self.ignored.contains(&live.referenced_table) {
                continue;
            }
            self.going(&to.name, ChangeKind::DropForeignKey(live.clone()), gone);
        }
        for wanted in wanted {
            self.changes.push(safe(&to.name, ChangeKind::AddForeignKey(wanted.clone())));
        }
    }

    fn same_foreign_key(&self, live: &DatabaseForeignKey, wanted: &DatabaseForeignKey) -> bool {
        let has_same_name = live.name == wanted.name || live.name.is_none() || wanted.name.is_none();
        // A reference without columns is one to the primary key.
        let referenced = |key: &DatabaseForeignKey| {
            if key.referenced_columns.is_empty() {
                let table = self.to.tables.iter().find(|table| table.name == key.referenced_table);
                table.and_then(|table| table.primary_key.as_ref()).map(|key| key.columns.clone())
            } else {
                Some(key.referenced_columns.clone())
            }
        };
        has_same_name
            && live.columns == wanted.columns
            && live.referenced_table == wanted.referenced_table
            && referenced(live) == referenced(wanted)
            && (live.on_delete, live.on_update) == (wanted.on_delete, wanted.on_update)
            && same_expression(&live.options, &wanted.options)
    }

    /// Notes that a part of a table goes, which is as safe as the drop of the column that it goes with.
    fn going(&mut self, table: &DatabaseName, kind: ChangeKind, gone: Option<String>) {
        self.changes.push(match gone {
            Some(column) => destructive(table, kind, &format!("it goes with the column {column}")),
            None => safe(table, kind),
        });
    }
}

/// What is on one side and not on the other, and may go.
fn gone<'a, P>(
    from: &'a [P],
    to: &'a [P],
    name: fn(&P) -> &DatabaseName,
    comparison: &'a Comparison<'_>,
) -> impl Iterator<Item = &'a P> {
    from.iter().filter(move |one| {
        comparison.unknown == Unknown::Dropped
            && !comparison.ignored.contains(name(one))
            && !to.iter().any(|other| name(other) == name(one))
    })
}

/// Takes the pairs that are the same out of both lists.
fn pair<'a, P>(
    left: &mut Vec<&'a P>,
    right: &mut Vec<&'a P>,
    is_same: impl Fn(&P, &P) -> bool,
) -> Vec<(&'a P, &'a P)> {
    let mut pairs = Vec::new();
    left.retain(|one| {
        let Some(at) = right.iter().position(|other| is_same(one, other)) else { return true };
        pairs.push((*one, right.remove(at)));
        false
    });
    pairs
}

fn same_index(live: &DatabaseIndex, wanted: &DatabaseIndex) -> bool {
    live.is_unique == wanted.is_unique
        && live.kind == wanted.kind
        && same_expression(&live.definition, &wanted.definition)
}

fn same_option(left: Option<&str>, right: Option<&str>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same_expression(left, right),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The column that goes and that `expression` mentions.
fn dropped_column(from: &DatabaseTable, to: &DatabaseTable, expression: &str) -> Option<String> {
    let gone = from.columns.iter().map(|column| &column.name).filter(|name| to.column(name).is_none());
    gone.into_iter().find(|name| mentions(expression, name)).cloned()
}
