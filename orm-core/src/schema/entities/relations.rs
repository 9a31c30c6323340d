//! What each table becomes: an entity, the links of a many-to-many relation, or nothing; and which foreign keys are
//! relations.

use std::collections::HashSet;

use super::super::{Column, ForeignKey, Table};
use crate::metadata::description::ReferentialAction;
use crate::value::ColumnType;

/// How many fields a key has at most.
const MOST_KEYS: usize = 6;

/// What a table becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    Entity,
    /// The links between two entities, by the places of their foreign keys.
    Pivot,
    /// Nothing, and why.
    LeftOut(String),
}

/// A foreign key that becomes a relation.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    pub(super) key: &'a ForeignKey,
    /// Its columns in the order of the key that they hold.
    pub(super) columns: Vec<&'a str>,
    /// The place of the table that it leads to.
    pub(super) target: usize,
    pub(super) nullable: bool,
    pub(super) is_key: bool,
    pub(super) is_unique: bool,
}

/// The tables with their roles and relations, all by the places of the tables.
#[derive(Debug)]
pub(super) struct Relations<'a> {
    pub(super) tables: Vec<&'a Table>,
    pub(super) roles: Vec<Role>,
    /// Of entities and of pivot tables.
    pub(super) references: Vec<Vec<Reference<'a>>>,
    /// Foreign keys that can't be relations, and why.
    pub(super) left_out: Vec<Vec<String>>,
}

impl<'a> Relations<'a> {
    pub(super) fn of(tables: Vec<&'a Table>) -> Self {
        let mut names = HashSet::new();
        let roles = tables.iter().map(|table| match unmappable(table) {
            Some(why) => Role::LeftOut(why),
            None if !names.insert(table.name.to_lowercase()) => {
                Role::LeftOut("another table has this name in another case".to_owned())
            }
            None => Role::Entity,
        });
        let roles = roles.collect();
        let empty = || tables.iter().map(|_| Vec::new());
        let (references, left_out) = (empty().collect(), tables.iter().map(|_| Vec::new()).collect());
        let mut relations = Self { roles, references, left_out, tables };
        for at in 0..relations.tables.len() {
            relations.find_references(at);
        }
        for at in 0..relations.tables.len() {
            if relations.is_pivot(at) {
                relations.roles[at] = Role::Pivot;
            }
        }
        relations
    }

    fn find_references(&mut self, at: usize) {
        if self.roles[at] != Role::Entity {
            return;
        }
        let table = self.tables[at];
        let place = |key: &ForeignKey| {
            table.columns.iter().position(|column| Some(&column.name) == key.columns.first())
        };
        let mut keys: Vec<&ForeignKey> = table.foreign_keys.iter().collect();
        keys.sort_by_key(|key| (place(key), key.columns.len(), key.referenced_table.as_str()));
        for key in keys {
            match self.reference(at, key) {
                Ok(reference) => self.references[at].push(reference),
                Err(why) => {
                    let (columns, target) = (key.columns.join(", "), &key.referenced_table);
                    self.left_out[at].push(format!("the foreign key of `{columns}` to `{target}`: {why}"));
                }
            }
        }
    }

    fn reference(&self, at: usize, key: &'a ForeignKey) -> Result<Reference<'a>, &'static str> {
        let table = self.tables[at];
        if key.referenced_schema.is_some() {
            return Err("it leads to another schema");
        }
        let target = self.tables.iter().position(|other| other.name == key.referenced_table);
        let target = target.filter(|target| self.roles[*target] == Role::Entity);
        let target = target.ok_or("there is no entity for that table")?;
        let target_key = &self.tables[target].primary_key;
        let column_for = |of_target: &String| {
            let place = key.referenced_columns.iter().position(|column| column == of_target)?;
            key.columns.get(place)
        };
        let columns: Option<Vec<&str>> =
            target_key.iter().map(|column| column_for(column).map(String::as_str)).collect();
        let columns = columns
            .filter(|columns| columns.len() == key.columns.len())
            .ok_or("a relation leads to the whole primary key")?;
        let own: Option<Vec<&Column>> = columns.iter().map(|name| column_of(table, name)).collect();
        let own = own.ok_or("one of its columns is left out")?;
        let used = self.references[at].iter().flat_map(|other| &other.columns);
        if used.clone().any(|column| columns.contains(column)) {
            return Err("one of its columns is part of another relation");
        }
        if own.iter().any(|column| column.generated.is_some()) {
            return Err("the database computes one of its columns");
        }
        let in_key =
            columns.iter().filter(|column| table.primary_key.iter().any(|one| one == *column)).count();
        let is_key = in_key > 0;
        let stands_together = table.primary_key.windows(columns.len()).any(|part| part == columns);
        if is_key && (in_key < columns.len() || !stands_together) {
            return Err("its columns don't stand together in the primary key");
        }
        if is_key && (target == at || self.leads_by_keys(target, at)) {
            return Err("the keys would refer to each other in a circle");
        }
        let nullable = own.iter().all(|column| column.nullable);
        if !nullable && own.iter().any(|column| column.nullable) {
            return Err("only some of its columns may be NULL");
        }
        let is_whole_key = table.primary_key == columns;
        let is_unique = is_whole_key
            || table
                .indexes
                .iter()
                .any(|index| index.unique && index.condition.is_none() && index.columns == columns);
        Ok(Reference { key, columns, target, nullable, is_key, is_unique })
    }

    /// Whether the key of one table is made of that of another.
    fn leads_by_keys(&self, from: usize, to: usize) -> bool {
        let next = self.references[from].iter().filter(|reference| reference.is_key);
        next.map(|reference| reference.target).any(|target| target == to || self.leads_by_keys(target, to))
    }

    /// Whether a table holds nothing but two foreign keys, and nobody refers to it.
    fn is_pivot(&self, at: usize) -> bool {
        let table = self.tables[at];
        let [first, second] = self.references[at].as_slice() else { return false };
        let columns: Vec<&str> = first.columns.iter().chain(&second.columns).copied().collect();
        let reversed: Vec<&str> = second.columns.iter().chain(&first.columns).copied().collect();
        let is_plain = |name: &&str| {
            let column = column_of(table, name);
            column.is_some_and(|column| column.default.is_none() && column.comment.is_none())
        };
        let same_actions =
            (first.key.on_delete, first.key.on_update) == (second.key.on_delete, second.key.on_update);
        (table.primary_key == columns || table.primary_key == reversed)
            && columns.len() == table.columns.len()
            && columns.iter().all(is_plain)
            && table.checks.is_empty()
            && table.comment.is_none()
            && table.indexes.iter().all(|index| !index.unique)
            && self.left_out[at].is_empty()
            && same_actions
            && first.key.on_delete != Some(ReferentialAction::SetNull)
            && !self.references.iter().flatten().any(|reference| reference.target == at)
    }

    /// The two sides of a pivot table: the owner, whose columns come first in its key, and the target.
    pub(super) fn sides(&self, at: usize) -> Option<(&Reference<'a>, &Reference<'a>)> {
        let [first, second] = self.references[at].as_slice() else { return None };
        let is_first =
            self.tables[at].primary_key.first().map(String::as_str) == first.columns.first().copied();
        Some(if is_first { (first, second) } else { (second, first) })
    }
}

pub(super) fn column_of<'a>(table: &'a Table, name: &str) -> Option<&'a Column> {
    table.columns.iter().find(|column| column.name == name)
}

/// Whether a table or column can have this name in an entity.
pub(super) fn can_be_named(name: &str) -> bool {
    !name.trim().is_empty() && !name.chars().any(char::is_control)
}

fn unmappable(table: &Table) -> Option<String> {
    if !can_be_named(&table.name) {
        return Some("its name is blank or has control characters".to_owned());
    }
    if table.primary_key.is_empty() {
        return Some("it has no primary key, and an entity has one".to_owned());
    }
    if table.primary_key.len() > MOST_KEYS {
        return Some(format!("its primary key has more than {MOST_KEYS} columns"));
    }
    let bad = table.primary_key.iter().find(|name| !column_of(table, name).is_some_and(can_be_key))?;
    Some(format!("the column `{bad}` of its primary key can't be a key"))
}

fn can_be_key(column: &Column) -> bool {
    let is_comparable = !matches!(
        column.column_type,
        ColumnType::Float | ColumnType::Double | ColumnType::Json | ColumnType::Array(_)
    );
    is_comparable && column.generated.is_none() && can_be_named(&column.name)
}
