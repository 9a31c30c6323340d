//! The meaning of a query without a database: rows in lists, conditions evaluated one row at a time.
//!
//! Written from the words of `orm_core::condition`, not from the SQL, so that the two can be compared.

mod terms;

use std::cmp::Ordering;
use std::collections::HashMap;

use orm_core::condition::{Comparison, Expression, NullPlace, OrderTerm, Quantifier, Term, TextMatch};
use orm_core::driver::{Insert, PivotWrite, Select, Selection, Write};
use orm_core::metadata::{EntityId, EntityMetadata, RelationId, RelationKind, Side};
use orm_core::value::{KeyValues, Value};
use orm_sql::decimal;
use orm_sqlx::Sqlite;

use crate::database::write;
use crate::fixture::metadata;
use crate::operations::Random;

type Row = Vec<Value>;

/// The rows of every table.
pub(crate) struct World {
    rows: HashMap<EntityId, Vec<Row>>,
    links: HashMap<RelationId, Vec<(KeyValues, KeyValues)>>,
}

impl World {
    /// Random rows, up to `size` a table, that satisfy all constraints.
    pub(crate) fn random(random: &mut Random, size: usize) -> Self {
        let mut world = Self { rows: HashMap::new(), links: HashMap::new() };
        for name in ["Author", "Tag", "Book", "Profile", "Category", "Seat", "Booking", "Note"] {
            let metadata = metadata();
            let entity = metadata.entity_named(name).unwrap();
            for _ in 0..size {
                let row = world.random_row(random, entity);
                world.insert(entity, row);
            }
        }
        for entity in metadata().entities() {
            for (index, relation) in entity.relations.iter().enumerate() {
                if matches!(relation.kind, RelationKind::ManyToMany { .. }) {
                    let links = (0..size).map(|_| {
                        (world.some_key(random, entity.id), world.some_key(random, relation.target))
                    });
                    let mut links: Vec<_> =
                        links.filter_map(|(owner, target)| Some((owner?, target?))).collect();
                    links.sort_by_cached_key(|link| format!("{link:?}"));
                    links.dedup();
                    world.links.insert(RelationId { entity: entity.id, index }, links);
                }
            }
        }
        world
    }

    fn random_row(&self, random: &mut Random, entity: &EntityMetadata) -> Option<Row> {
        let mut row = Vec::new();
        for property in &entity.properties {
            let columns = &entity.columns[property.columns.clone()];
            let is_null = columns[0].nullable && random.below(3) == 0;
            match property.kind {
                _ if is_null => row.extend(columns.iter().map(|_| Value::Null)),
                orm_core::metadata::PropertyKind::Reference(relation) => {
                    row.extend(self.some_key(random, entity.relations[relation].target)?);
                }
                orm_core::metadata::PropertyKind::Scalar => row.push(random.value(columns[0].column_type)),
            }
        }
        Some(row)
    }

    fn some_key(&self, random: &mut Random, entity: EntityId) -> Option<KeyValues> {
        let rows = self.rows.get(&entity)?;
        let row = &rows[random.below(rows.len())];
        Some(key_of(metadata().entity(entity), row))
    }

    /// Adds a row unless a key or unique value is taken.
    fn insert(&mut self, entity: &EntityMetadata, row: Option<Row>) {
        let Some(row) = row else { return };
        let rows = self.rows.entry(entity.id).or_default();
        let key: Vec<usize> = entity.key_columns().collect();
        let unique = entity.indexes.iter().filter(|index| index.unique).map(|index| index.columns.clone());
        let is_taken = |columns: Vec<usize>| {
            rows.iter().any(|other| {
                columns.iter().all(|column| !row[*column].is_null() && row[*column] == other[*column])
            })
        };
        if !unique.chain([key]).any(is_taken) {
            rows.push(row);
        }
    }

    /// Writes everything to a database.
    pub(crate) async fn store(&self, driver: &Sqlite) {
        let metadata = metadata();
        for name in ["Author", "Tag", "Book", "Profile", "Category", "Seat", "Booking", "Note"] {
            let entity = metadata.entity_named(name).unwrap();
            let insert = Insert {
                metadata: metadata.clone(),
                entity: entity.id,
                columns: (0..entity.columns.len()).collect(),
                rows: self.rows.get(&entity.id).cloned().unwrap_or_default(),
                returning: Vec::new(),
            };
            write(driver, &Write::Insert(insert)).await.unwrap();
        }
        for (relation, links) in &self.links {
            let links = PivotWrite { metadata: metadata.clone(), relation: *relation, links: links.clone() };
            write(driver, &Write::Link(links)).await.unwrap();
        }
    }

    /// The rows that `select` asks for. Links come in no order of their own.
    pub(crate) fn select(&self, select: &Select, whole: bool) -> Vec<Row> {
        let entity = select.entity();
        let mut found: Vec<(Row, &Row)> = Vec::new();
        for row in self.rows.get(&entity.id).into_iter().flatten() {
            if self.meets(entity, row, &select.condition) == Some(true) {
                found.extend(self.prefixes(select, entity, row).into_iter().map(|prefix| (prefix, row)));
            }
        }
        found.sort_by(|(_, left), (_, right)| self.order(entity, &[*left], &[*right], &select.order));
        let rows = found.into_iter().map(|(mut prefix, row)| {
            prefix.extend(row.iter().cloned());
            prefix
        });
        if whole {
            return rows.collect();
        }
        let limit = select.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
        rows.skip(usize::try_from(select.offset.unwrap_or(0)).unwrap()).take(limit).collect()
    }

    /// The keys that stand in front of a row: one an owner of a link, or one empty.
    fn prefixes(&self, select: &Select, entity: &EntityMetadata, row: &Row) -> Vec<Row> {
        let Selection::Linked(link) = &select.selection else { return vec![Vec::new()] };
        let key = key_of(entity, row);
        let links = self.links[&link.relation].iter().map(|(owner, target)| match link.from {
            Side::Owner => (owner, target),
            Side::Target => (target, owner),
        });
        let of_row = links.filter(|(given, other)| **other == key && link.keys.contains(given));
        of_row.map(|(given, _)| given.to_vec()).collect()
    }

    fn meets(&self, entity: &EntityMetadata, row: &Row, expression: &Expression) -> Option<bool> {
        let column = |property: usize| &row[entity.properties[property].columns.start];
        match expression {
            Expression::And(all) => all_of(all.iter().map(|part| self.meets(entity, row, part))),
            Expression::Or(any) => any_of(any.iter().map(|part| self.meets(entity, row, part))),
            Expression::Not(inner) => self.meets(entity, row, inner).map(|met| !met),
            Expression::Compare { property, comparison, value } => {
                compare(column(*property), value).map(|ordering| holds(*comparison, ordering))
            }
            Expression::In { property, values } => {
                any_of(values.iter().map(|value| compare(column(*property), value).map(Ordering::is_eq)))
            }
            Expression::IsNull { property } => {
                Some(row[entity.properties[*property].columns.clone()].iter().all(Value::is_null))
            }
            Expression::Between { property, low, high } => all_of(
                [
                    compare(column(*property), low).map(Ordering::is_ge),
                    compare(column(*property), high).map(Ordering::is_le),
                ]
                .into_iter(),
            ),
            Expression::Text { property, matching, text } => matches_text(column(*property), *matching, text),
            Expression::CompareTerms { left, comparison, right } => {
                let (left, right) = (self.value(entity, &[row], left), self.value(entity, &[row], right));
                compare(&left, &right).map(|ordering| holds(*comparison, ordering))
            }
            Expression::TermIn { term, values } => {
                let term = self.value(entity, &[row], term);
                any_of(values.iter().map(|value| compare(&term, value).map(Ordering::is_eq)))
            }
            Expression::TermIsNull { term } => Some(self.value(entity, &[row], term).is_null()),
            Expression::TermText { term, matching, text } => {
                matches_text(&self.value(entity, &[row], term), *matching, text)
            }
            Expression::KeyIn { property, keys } => {
                let columns: Vec<usize> = match property {
                    Some(property) => entity.properties[*property].columns.clone().collect(),
                    None => entity.key_columns().collect(),
                };
                any_of(keys.iter().map(|key| {
                    let pairs = columns.iter().zip(key);
                    all_of(pairs.map(|(column, value)| compare(&row[*column], value).map(Ordering::is_eq)))
                }))
            }
            Expression::Related { relation, quantifier, inner } => {
                let target = entity.relations[*relation].target;
                let items = self.related(entity, row, *relation);
                let met = items.iter().map(|item| self.meets(metadata().entity(target), item, inner));
                let mut met = met.collect::<Vec<_>>().into_iter();
                match quantifier {
                    Quantifier::Is => met.next().unwrap_or(Some(false)),
                    Quantifier::Some => Some(met.any(|met| met == Some(true))),
                    Quantifier::None => Some(!met.any(|met| met == Some(true))),
                    Quantifier::Every => Some(met.all(|met| met == Some(true))),
                }
            }
            Expression::List { .. }
            | Expression::References { .. }
            | Expression::Invalid { .. }
            | Expression::Fragment(_) => panic!("not made here"),
        }
    }

    /// The related rows of `row`.
    fn related(&self, entity: &EntityMetadata, row: &Row, index: usize) -> Vec<&Row> {
        let metadata = metadata();
        let relation = &entity.relations[index];
        let target = metadata.entity(relation.target);
        let key = key_of(entity, row);
        let rows = self.rows.get(&target.id).into_iter().flatten();
        let property = |of: &EntityMetadata, relation: usize| match of.relations[relation].kind {
            RelationKind::ManyToOne { property } => of.properties[property].columns.clone(),
            _ => panic!("owns no column"),
        };
        match &relation.kind {
            RelationKind::ManyToOne { .. } => {
                let wanted = &row[property(entity, index)];
                rows.filter(|item| key_of(target, item).as_slice() == wanted).collect()
            }
            RelationKind::OneToMany | RelationKind::OneToOneInverse => {
                let columns = property(target, relation.other_side.unwrap());
                rows.filter(|item| item[columns.clone()] == key[..]).collect()
            }
            RelationKind::ManyToMany { .. } => {
                let links = &self.links[&RelationId { entity: entity.id, index }];
                let linked = |item: &Row| links.contains(&(key.clone(), key_of(target, item)));
                rows.filter(|item| linked(item)).collect()
            }
            RelationKind::ManyToManyInverse => {
                let owning = RelationId { entity: target.id, index: relation.other_side.unwrap() };
                let links = &self.links[&owning];
                let linked = |item: &Row| links.contains(&(key_of(target, item), key.clone()));
                rows.filter(|item| linked(item)).collect()
            }
        }
    }

    /// Of two rows, or of two groups of them.
    fn order(&self, entity: &EntityMetadata, left: &[&Row], right: &[&Row], terms: &[OrderTerm]) -> Ordering {
        for term in terms {
            let (left, right) = (self.at(entity, left, term), self.at(entity, right, term));
            for (left, right) in left.iter().zip(&right) {
                // NULL comes first in SQLite, and last where the largest comes first.
                let nulls_first = term.nulls.map_or(!term.descending, |place| place == NullPlace::First);
                let of_nulls = if nulls_first { Ordering::Less } else { Ordering::Greater };
                let ordering = match (left.is_null(), right.is_null()) {
                    (true, true) => Ordering::Equal,
                    (true, false) => of_nulls,
                    (false, true) => of_nulls.reverse(),
                    (false, false) if term.descending => compare(right, left).unwrap(),
                    (false, false) => compare(left, right).unwrap(),
                };
                if ordering.is_ne() {
                    return ordering;
                }
            }
        }
        Ordering::Equal
    }

    /// The values that `term` orders by.
    fn at(&self, entity: &EntityMetadata, rows: &[&Row], term: &OrderTerm) -> Vec<Value> {
        match &term.term {
            Term::Property { path, property } => {
                self.property(entity, rows.first().copied(), path, *property)
            }
            computed => vec![self.value(entity, rows, computed)],
        }
    }

    /// The columns of a property at the end of a path.
    fn property(&self, entity: &EntityMetadata, row: Option<&Row>, path: &[usize], property: usize) -> Row {
        let metadata = metadata();
        let (mut entity, mut row) = (metadata.entity(entity.id), row);
        for step in path {
            row = row.and_then(|row| self.related(entity, row, *step).into_iter().next());
            entity = metadata.entity(entity.relations[*step].target);
        }
        let columns = entity.properties[property].columns.clone();
        match row {
            Some(row) => row[columns].to_vec(),
            None => columns.map(|_| Value::Null).collect(),
        }
    }
}

fn matches_text(value: &Value, matching: TextMatch, text: &str) -> Option<bool> {
    let Value::Text(value) = value else { return None };
    Some(match matching {
        TextMatch::Like | TextMatch::LikeIgnoringCase => like(value.as_bytes(), text.as_bytes()),
        TextMatch::Contains => value.contains(text),
        TextMatch::StartsWith => value.starts_with(text),
        TextMatch::EndsWith => value.ends_with(text),
    })
}

fn key_of(entity: &EntityMetadata, row: &Row) -> KeyValues {
    entity.key_columns().map(|column| row[column].clone()).collect()
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Int(right))
        | (Value::Time(left), Value::Time(right))
        | (Value::DateTime(left), Value::DateTime(right))
        | (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Uuid(left), Value::Uuid(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Decimal(left), Value::Decimal(right)) => Some(decimal::compare(left, right)),
        (left, right) => panic!("{left:?} and {right:?} are of different kinds"),
    }
}

fn holds(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

/// False if one is false, else unknown if one is unknown.
fn all_of(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    if parts.contains(&None) { None } else { Some(true) }
}

/// True if one is true, else unknown if one is unknown.
fn any_of(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all_of(parts.map(|part| part.map(|met| !met))).map(|none| !none)
}

/// SQLite's `LIKE` on ASCII.
fn like(text: &[u8], pattern: &[u8]) -> bool {
    match (text.split_first(), pattern.split_first()) {
        (_, Some((b'%', rest))) => (0..=text.len()).any(|at| like(&text[at..], rest)),
        (Some(_), Some((b'_', rest))) => {
            // A character, not a byte.
            let characters = String::from_utf8_lossy(text);
            let first = characters.chars().next().map_or(1, char::len_utf8);
            like(&text[first..], rest)
        }
        (Some((first, text)), Some((wanted, pattern))) => {
            first.eq_ignore_ascii_case(wanted) && like(text, pattern)
        }
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
    }
}
