//! Compares what a database holds with what it would hold.
//!
//! Both sides are in the same database's words, so that whatever differs is a change. What is found is in no order; that
//! is the dialect's affair. The names of keys are the database's own, and compared by what they do.

use std::collections::BTreeSet;

use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseForeignKey, DatabaseIndex, DatabaseName, DatabaseSchema,
    DatabaseTable,
};
use orm_core::schema::{Risk, SchemaRenames, Unknown, labels_check, length_check};

use super::alter::Alterations;
use super::apply::apply;
use super::change::{Aspect, Change, ChangeKind};
use super::tokens::{mentions, same_expression};
use super::understand::{labels_of, longest_of};

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
    compare.refer_to_what_is_left_out();
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
        if key_of(from) != key_of(to) {
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
                None => {
                    let is_meant = |name: &str| name == wanted.name || is_computed_of(wanted, name);
                    let left_out = without_value(from, to, is_meant).or_else(|| {
                        let is_new_key = wanted.counted.is_some() && key_of(from) != key_of(to);
                        is_new_key.then(|| "it is counted as the key that is to change".to_owned())
                    });
                    self.added(&to.name, ChangeKind::AddColumn(wanted.clone()), left_out);
                }
                Some(live) => self.column(from, to, live, wanted),
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

    fn column(
        &mut self,
        from_table: &DatabaseTable,
        to_table: &DatabaseTable,
        from: &DatabaseColumn,
        to: &DatabaseColumn,
    ) {
        let table = &to_table.name;
        let is_key_that_changes = key_of(from_table) != key_of(to_table)
            && key_of(from_table).into_iter().chain(key_of(to_table)).flatten().any(|name| *name == to.name);
        let mut of_type = Risk::Safe;
        for aspect in Aspect::ALL {
            let is_same = match aspect {
                Aspect::Type => same_type(from, to),
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
                let own = self.risk_of(aspect, from, to);
                let follows_type = matches!(
                    aspect,
                    Aspect::Default | Aspect::Counting | Aspect::Generation | Aspect::Options
                );
                let follows_key = matches!(aspect, Aspect::Nullability | Aspect::Counting);
                let risk = if own != Risk::Safe {
                    own
                } else if follows_type && of_type != Risk::Safe {
                    // What is said of the new type does not fit the one that stays without it.
                    of_type.clone()
                } else if follows_key && is_key_that_changes {
                    Risk::Destructive("it goes with the change of the key".to_owned())
                } else {
                    own
                };
                if aspect == Aspect::Type {
                    of_type = risk.clone();
                }
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
        // An index that takes the name of another one comes after the end of that one.
        let is_taken =
            |name: &Option<String>| name.is_some() && from.indexes.iter().any(|live| live.name == *name);
        let is_renamed = |live: &DatabaseIndex, wanted: &DatabaseIndex| {
            same_index(live, wanted) && !is_taken(&wanted.name)
        };
        for (live, wanted) in pair(&mut left, &mut wanted, is_renamed) {
            // One without a name is a constraint of somebody else's, which does the same.
            if live.name.is_some() && wanted.name.is_some() {
                let kind = ChangeKind::RenameIndex { from: live.clone(), to: wanted.clone() };
                self.changes.push(safe(&to.name, kind));
            }
        }
        for live in left {
            let columns = live.columns.iter().flatten();
            let gone = columns.chain(&[]).find(|column| is_lost(from, to, column)).cloned();
            let gone = gone.or_else(|| dropped_column(from, to, &live.definition));
            self.going(&to.name, ChangeKind::DropIndex(live.clone()), gone);
        }
        for wanted in wanted {
            let left_out = without_value(from, to, |column| mentions(&wanted.definition, column));
            self.added(&to.name, ChangeKind::AddIndex(wanted.clone()), left_out);
        }
    }

    fn checks(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        let mut left: Vec<&DatabaseCheck> = from.checks.iter().collect();
        let mut wanted: Vec<&DatabaseCheck> = to.checks.iter().collect();
        pair(&mut left, &mut wanted, |live, wanted| {
            let has_same_name = live.name == wanted.name || live.name.is_none() || wanted.name.is_none();
            has_same_name && same_expression(&live.expression, &wanted.expression)
        });
        let narrowed: Vec<Narrowed<'_>> =
            wanted.iter().filter_map(|wanted| narrowed(from, to, &left, wanted)).collect();
        let why = "rows with what is allowed no more are refused";
        for live in left {
            let gone = dropped_column(from, to, &live.expression);
            let kind = ChangeKind::DropCheck(live.clone());
            if gone.is_none() && narrowed.iter().any(|one| one.before == Some(live)) {
                self.changes.push(destructive(&to.name, kind, why));
            } else {
                self.going(&to.name, kind, gone);
            }
        }
        for wanted in wanted {
            let kind = ChangeKind::AddCheck(wanted.clone());
            if narrowed.iter().any(|one| one.after == wanted) {
                self.changes.push(destructive(&to.name, kind, why));
            } else {
                let left_out = without_value(from, to, |column| mentions(&wanted.expression, column));
                self.added(&to.name, kind, left_out);
            }
        }
    }

    fn foreign_keys(&mut self, from: &DatabaseTable, to: &DatabaseTable) {
        let mut left: Vec<&DatabaseForeignKey> = from.foreign_keys.iter().collect();
        let mut wanted: Vec<&DatabaseForeignKey> = to.foreign_keys.iter().collect();
        pair(&mut left, &mut wanted, |live, wanted| self.same_foreign_key(live, wanted));
        for live in left {
            let gone = live.columns.iter().find(|column| is_lost(from, to, column)).cloned();
            // Nobody wants one to what somebody else makes, but whoever made one may.
            if gone.is_none() && self.ignored.contains(&live.referenced_table) {
                continue;
            }
            self.going(&to.name, ChangeKind::DropForeignKey(live.clone()), gone);
        }
        for wanted in wanted {
            let is_own = |column: &str| wanted.columns.iter().any(|own| own == column);
            let leads_anew = || {
                let is_led = |live: &DatabaseForeignKey| {
                    live.columns == wanted.columns
                        && live.referenced_table == wanted.referenced_table
                        && self.referenced_columns(live) == self.referenced_columns(wanted)
                };
                let has_value = |column: &DatabaseColumn| {
                    from.column(&column.name).is_some() || !column.nullable || column.default.is_some()
                };
                let mut own = to.columns.iter().filter(|column| is_own(&column.name));
                (own.all(has_value) && !from.foreign_keys.iter().any(is_led))
                    .then(|| "rows that lead nowhere by it are refused".to_owned())
            };
            let left_out = without_value(from, to, is_own).or_else(leads_anew);
            self.added(&to.name, ChangeKind::AddForeignKey(wanted.clone()), left_out);
        }
    }

    fn same_foreign_key(&self, live: &DatabaseForeignKey, wanted: &DatabaseForeignKey) -> bool {
        let has_same_name = live.name == wanted.name || live.name.is_none() || wanted.name.is_none();
        has_same_name
            && live.columns == wanted.columns
            && live.referenced_table == wanted.referenced_table
            && self.referenced_columns(live) == self.referenced_columns(wanted)
            && (live.on_delete, live.on_update) == (wanted.on_delete, wanted.on_update)
            && same_expression(&live.options, &wanted.options)
    }

    /// What a foreign key leads to; without columns that is the primary key.
    fn referenced_columns<'k>(&'k self, key: &'k DatabaseForeignKey) -> Option<&'k [String]> {
        if key.referenced_columns.is_empty() {
            let table = self.to.tables.iter().find(|table| table.name == key.referenced_table);
            table.and_then(key_of)
        } else {
            Some(&key.referenced_columns)
        }
    }

    /// What refers to others is as safe as they are, and has to wait for them.
    fn refer_to_what_is_left_out(&mut self) {
        let waits = |changes: &[Change], change: &Change| {
            let mut left_out = changes.iter().filter(|other| other.risk != Risk::Safe);
            change.risk == Risk::Safe && left_out.any(|other| refers_to(change, other, self.from))
        };
        while let Some(at) = self.changes.iter().position(|change| waits(&self.changes, change)) {
            self.changes[at].risk =
                Risk::Destructive("it refers to what comes with a destructive change".to_owned());
        }
    }

    /// Notes that a part of a table comes, which is as safe as the columns that it stands on, and as the end of the one that
    /// has its name.
    fn added(&mut self, table: &DatabaseName, kind: ChangeKind, left_out: Option<String>) {
        let name = part_name(&kind);
        let stays = name.is_some()
            && self.changes.iter().any(|change| {
                change.table == *table && change.risk != Risk::Safe && part_name(&change.kind) == name
            });
        self.changes.push(match left_out {
            Some(why) => destructive(table, kind, &why),
            None if stays => destructive(table, kind, "it takes the place of one whose end is destructive"),
            None => safe(table, kind),
        });
    }

    /// Notes that a part of a table goes, which is as safe as the drop of the column that it goes with.
    fn going(&mut self, table: &DatabaseName, kind: ChangeKind, gone: Option<String>) {
        self.changes.push(match gone {
            Some(column) => destructive(table, kind, &format!("it goes with the column {column}")),
            None => safe(table, kind),
        });
    }
}

/// A check of the labels or the length of a column, which allows less than the one before it.
struct Narrowed<'a> {
    before: Option<&'a DatabaseCheck>,
    after: &'a DatabaseCheck,
}

/// What `after` narrows, if it does.
fn narrowed<'a>(
    from: &DatabaseTable,
    to: &DatabaseTable,
    live: &[&'a DatabaseCheck],
    after: &'a DatabaseCheck,
) -> Option<Narrowed<'a>> {
    let checked = |name: fn(&str, &str) -> String| {
        let mut columns = to.columns.iter().map(|column| &column.name);
        columns.find(|column| after.name.as_ref() == Some(&name(&to.name.name, column)))
    };
    let find = |column: &str, is_alike: fn(&str) -> bool| {
        // After a rename it has another name.
        let is_meant = |live: &DatabaseCheck| live.name == after.name || mentions(&live.expression, column);
        live.iter().find(|live| is_meant(live) && is_alike(&live.expression)).copied()
    };
    // Rows that are there may hold anything.
    let is_there = |column: &str| from.column(column).is_some();
    let (before, allows_less) = if after.name.is_none() {
        // One that a type implies.
        let mut columns = to.columns.iter().map(|column| column.name.as_str());
        (None, columns.any(|column| is_there(column) && mentions(&after.expression, column)))
    } else if let Some(column) = checked(labels_check) {
        let before = find(column, |expression| labels_of(expression).is_some());
        let both = before.map(|before| labels_of(&before.expression).zip(labels_of(&after.expression)));
        let has_all =
            |(before, after): (Vec<String>, Vec<String>)| before.iter().all(|label| after.contains(label));
        (before, both.map_or(is_there(column), |both| !both.is_some_and(has_all)))
    } else {
        let column = checked(length_check)?;
        let before = find(column, |expression| longest_of(expression).is_some());
        let both = before.map(|before| longest_of(&before.expression).zip(longest_of(&after.expression)));
        (before, both.map_or(is_there(column), |both| both.is_none_or(|(before, after)| before > after)))
    };
    allows_less.then_some(Narrowed { before, after })
}

/// The name of an index or a constraint that comes or goes.
fn part_name(kind: &ChangeKind) -> Option<&str> {
    match kind {
        ChangeKind::AddIndex(index) | ChangeKind::DropIndex(index) => index.name.as_deref(),
        ChangeKind::AddCheck(check) | ChangeKind::DropCheck(check) => check.name.as_deref(),
        ChangeKind::AddForeignKey(key) | ChangeKind::DropForeignKey(key) => key.name.as_deref(),
        _ => None,
    }
}

/// Whether a change makes something that refers to what `other` makes, or makes otherwise.
fn refers_to(change: &Change, other: &Change, from: &DatabaseSchema) -> bool {
    let new_type = match &other.kind {
        ChangeKind::ChangeColumn { to, aspect: Aspect::Type, .. } => Some(to.name.as_str()),
        _ => None,
    };
    let new = match &other.kind {
        ChangeKind::AddColumn(column) => Some(column.name.as_str()),
        _ => new_type,
    };
    let own_new = new.filter(|_| other.table == change.table);
    match &change.kind {
        ChangeKind::AddTable(table) => table.foreign_keys.iter().any(|key| key_needs(change, key, other)),
        ChangeKind::AddForeignKey(key) => key_needs(change, key, other),
        ChangeKind::AddIndex(index) => own_new.is_some_and(|name| mentions(&index.definition, name)),
        ChangeKind::AddCheck(check) => own_new.is_some_and(|name| mentions(&check.expression, name)),
        ChangeKind::AddColumn(column) => own_new.is_some_and(|name| is_computed_of(column, name)),
        // What is computed goes after what stands on it.
        ChangeKind::DropColumn(column) => {
            let is_own = |columns: &[String]| columns.contains(&column.name);
            other.table == change.table
                && match &other.kind {
                    ChangeKind::DropIndex(index) => {
                        index.columns.as_deref().is_some_and(is_own)
                            || mentions(&index.definition, &column.name)
                    }
                    ChangeKind::DropCheck(check) => mentions(&check.expression, &column.name),
                    ChangeKind::DropForeignKey(key) => is_own(&key.columns),
                    _ => false,
                }
        }
        ChangeKind::ChangeColumn { to, aspect: Aspect::Type, .. } => {
            let name = to.name.as_str();
            let holds = |key: &DatabaseForeignKey| {
                let is_of = |columns: &[String]| columns.iter().any(|column| column == name);
                other.table == change.table && is_of(&key.columns)
                    || key.referenced_table == change.table && is_of(&key.referenced_columns)
            };
            match &other.kind {
                ChangeKind::DropForeignKey(key) => holds(key),
                // Both ends of a foreign key that stays have one type.
                _ => new_type.is_some_and(|other_name| {
                    let (one, two) = ((&change.table, name), (&other.table, other_name));
                    is_led_to(from, one, two) || is_led_to(from, two, one)
                }),
            }
        }
        ChangeKind::ChangeColumn {
            to,
            aspect: Aspect::Default | Aspect::Counting | Aspect::Generation | Aspect::Options,
            ..
        } => own_new.is_some_and(|name| to.name == name || is_computed_of(to, name)),
        ChangeKind::AddView(view) | ChangeKind::ChangeView { to: view, .. } => {
            let is_read = |name: &str| mentions(&view.select, name);
            let is_of_read = match &other.kind {
                ChangeKind::AddTable(_) | ChangeKind::AddView(_) | ChangeKind::ChangeView { .. } => {
                    other.table != change.table
                }
                ChangeKind::AddColumn(column)
                | ChangeKind::ChangeColumn {
                    to: column, aspect: Aspect::Type | Aspect::Generation, ..
                } => is_read(&column.name),
                _ => false,
            };
            is_of_read && is_read(&other.table.name)
        }
        _ => false,
    }
}

/// Whether a foreign key leads from one column to the other, each given with its table.
fn is_led_to(schema: &DatabaseSchema, one: (&DatabaseName, &str), other: (&DatabaseName, &str)) -> bool {
    let tables = schema.tables.iter().filter(|table| table.name == *one.0);
    let mut keys =
        tables.flat_map(|table| &table.foreign_keys).filter(|key| key.referenced_table == *other.0);
    keys.any(|key| {
        let mut pairs = key.columns.iter().zip(&key.referenced_columns);
        pairs.any(|(from, to)| from == one.1 && to == other.1)
    })
}

/// Whether a foreign key of `change` needs what `other` does at one of its ends.
fn key_needs(change: &Change, key: &DatabaseForeignKey, other: &Change) -> bool {
    let (is_from, is_target) = (other.table == change.table, other.table == key.referenced_table);
    match &other.kind {
        ChangeKind::ChangeKey { .. } => is_target,
        ChangeKind::AddTable(_) => is_target && !is_from,
        ChangeKind::AddColumn(column) => {
            is_target && key.referenced_columns.contains(&column.name)
                || is_from && key.columns.contains(&column.name)
        }
        ChangeKind::AddIndex(index) => {
            is_target && index.is_unique && index.columns.as_ref() == Some(&key.referenced_columns)
        }
        ChangeKind::ChangeColumn { to, aspect: Aspect::Type, .. } => {
            is_target && key.referenced_columns.contains(&to.name)
                || is_from && key.columns.contains(&to.name)
        }
        _ => false,
    }
}

fn key_of(table: &DatabaseTable) -> Option<&[String]> {
    table.primary_key.as_ref().map(|key| key.columns.as_slice())
}

fn same_type(one: &DatabaseColumn, other: &DatabaseColumn) -> bool {
    same_expression(&one.type_name, &other.type_name) && one.collation == other.collation
}

/// New columns that rows which are there have no value for.
fn required<'a>(from: &'a DatabaseTable, to: &'a DatabaseTable) -> impl Iterator<Item = &'a str> {
    let new = to.columns.iter().filter(|column| from.column(&column.name).is_none());
    let required = new.filter(|column| {
        !column.nullable && column.default.is_none() && column.counted.is_none() && column.generated.is_none()
    });
    required.map(|column| column.name.as_str())
}

/// Why something has to wait that stands on the columns that are meant, where one of them is new and has no value.
fn without_value(
    from: &DatabaseTable,
    to: &DatabaseTable,
    is_meant: impl Fn(&str) -> bool,
) -> Option<String> {
    let new = to.columns.iter().filter(|column| from.column(&column.name).is_none());
    let mut meant = new.filter(|column| is_meant(&column.name));
    let without = meant.find_map(|column| {
        let mut required = required(from, to);
        required.find(|name| *name == column.name.as_str() || is_computed_of(column, name))
    })?;
    Some(format!("rows that are there have no value for {without}"))
}

fn is_computed_of(column: &DatabaseColumn, name: &str) -> bool {
    column.generated.as_ref().is_some_and(|generated| mentions(&generated.expression, name))
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

/// Whether a column goes with what is in it; what is computed can be computed again.
fn is_lost(from: &DatabaseTable, to: &DatabaseTable, name: &str) -> bool {
    let live = from.column(name);
    to.column(name).is_none() && live.is_none_or(|column| column.generated.is_none())
}

/// The column that is lost and that `expression` mentions.
fn dropped_column(from: &DatabaseTable, to: &DatabaseTable, expression: &str) -> Option<String> {
    let mut lost = from.columns.iter().map(|column| &column.name).filter(|name| is_lost(from, to, name));
    lost.find(|name| mentions(expression, name)).cloned()
}
