//! Short ways to write operations on the fixture, and random ones.
//!
//! The driver's tests include this file too.

use std::sync::Arc;

use orm_core::condition::{Comparison, Expression, OrderTerm, Quantifier, Term, TextMatch};
use orm_core::driver::{
    Delete, DeleteRow, DeleteWhere, Insert, Link, OnConflict, PivotWrite, Select, Selection, Update,
    UpdateRow, UpdateWhere, Upsert, Write,
};
use orm_core::metadata::{EntityMetadata, Metadata, PropertyKind, RelationId, RelationKind, Side};
use orm_core::value::{ColumnType, KeyValues, Value};

use crate::fixture::metadata;

/// Operations on one entity.
#[derive(Clone)]
pub(crate) struct On {
    metadata: Arc<Metadata>,
    name: &'static str,
}

/// Operations on the entity `name`.
pub(crate) fn on(name: &'static str) -> On {
    On { metadata: metadata(), name }
}

pub(crate) fn key<const N: usize>(values: [Value; N]) -> KeyValues {
    KeyValues::from_iter(values)
}

pub(crate) fn int(number: i64) -> Value {
    Value::Int(number)
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(crate) fn decimal(text: &str) -> Value {
    Value::Decimal(text.to_owned())
}

pub(crate) fn not(inner: Expression) -> Expression {
    Expression::Not(Box::new(inner))
}

impl On {
    pub(crate) fn entity(&self) -> &EntityMetadata {
        self.metadata.entity_named(self.name).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> usize {
        self.entity().property(name).unwrap().0
    }

    pub(crate) fn relation(&self, name: &str) -> RelationId {
        RelationId { entity: self.entity().id, index: self.entity().relation(name).unwrap().0 }
    }

    pub(crate) fn compare(&self, field: &str, comparison: Comparison, value: Value) -> Expression {
        Expression::Compare { property: self.field(field), comparison, value }
    }

    pub(crate) fn eq(&self, field: &str, value: Value) -> Expression {
        self.compare(field, Comparison::Equal, value)
    }

    pub(crate) fn in_(&self, field: &str, values: impl IntoIterator<Item = Value>) -> Expression {
        Expression::In { property: self.field(field), values: values.into_iter().collect() }
    }

    pub(crate) fn matches(&self, field: &str, matching: TextMatch, text: &str) -> Expression {
        Expression::Text { property: self.field(field), matching, text: text.to_owned() }
    }

    pub(crate) fn is_null(&self, field: &str) -> Expression {
        Expression::IsNull { property: self.field(field) }
    }

    pub(crate) fn keys(&self, field: Option<&str>, keys: impl IntoIterator<Item = KeyValues>) -> Expression {
        Expression::KeyIn { property: field.map(|field| self.field(field)), keys: keys.into_iter().collect() }
    }

    pub(crate) fn related(&self, relation: &str, quantifier: Quantifier, inner: Expression) -> Expression {
        Expression::Related { relation: self.relation(relation).index, quantifier, inner: Box::new(inner) }
    }

    pub(crate) fn is(&self, relation: &str, inner: Expression) -> Expression {
        self.related(relation, Quantifier::Is, inner)
    }

    pub(crate) fn some(&self, relation: &str, inner: Expression) -> Expression {
        self.related(relation, Quantifier::Some, inner)
    }

    pub(crate) fn order(&self, path: &[usize], property: usize, descending: bool) -> OrderTerm {
        OrderTerm::new(path.to_vec(), property, descending)
    }

    pub(crate) fn select(&self, condition: Expression) -> Select {
        Select { condition, ..Select::new(Arc::clone(&self.metadata), self.entity().id) }
    }

    /// Rows of this entity that `keys` of the other side of `relation` are linked to.
    pub(crate) fn linked(&self, relation: RelationId, from: Side, keys: Vec<KeyValues>) -> Select {
        let selection = Selection::Linked(Link { relation, from, keys });
        Select { selection, ..self.select(Expression::always()) }
    }

    pub(crate) fn columns(&self, names: &[&str]) -> Vec<usize> {
        let column =
            |name: &&str| self.entity().columns.iter().position(|column| column.name == *name).unwrap();
        names.iter().map(column).collect()
    }

    pub(crate) fn insert(&self, columns: &[&str], rows: Vec<Vec<Value>>, returning: &[&str]) -> Write {
        Write::Insert(Insert {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            columns: self.columns(columns),
            rows,
            returning: self.columns(returning),
        })
    }

    pub(crate) fn update(&self, columns: &[&str], rows: Vec<UpdateRow>, expected: &[&str]) -> Write {
        Write::Update(Update {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            columns: self.columns(columns),
            rows,
            expected: self.columns(expected),
            guard: Expression::always(),
        })
    }

    pub(crate) fn delete(&self, keys: Vec<KeyValues>) -> Write {
        let rows = keys.into_iter().map(|key| DeleteRow { key, expected: Vec::new() });
        Write::Delete(Delete {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            rows: rows.collect(),
            expected: Vec::new(),
            guard: Expression::always(),
        })
    }

    pub(crate) fn delete_expecting(&self, rows: Vec<DeleteRow>, expected: &[&str]) -> Write {
        Write::Delete(Delete {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            rows,
            expected: self.columns(expected),
            guard: Expression::always(),
        })
    }

    pub(crate) fn upsert(
        &self,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        conflict: &[&str],
        action: OnConflict,
        returning: &[&str],
    ) -> Write {
        Write::Upsert(Upsert {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            columns: self.columns(columns),
            rows,
            conflict: self.columns(conflict),
            action,
            guard: Expression::always(),
            returning: self.columns(returning),
        })
    }

    /// `write`, of rows that meet `guard`.
    pub(crate) fn guarded(&self, mut write: Write, guard: Expression) -> Write {
        match &mut write {
            Write::Update(update) => update.guard = guard,
            Write::Delete(delete) => delete.guard = guard,
            Write::Upsert(upsert) => upsert.guard = guard,
            _ => panic!("this write has no guard"),
        }
        write
    }

    pub(crate) fn update_where(&self, set: &[(&str, Value)], condition: Expression) -> Write {
        Write::UpdateWhere(UpdateWhere {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            condition,
            set: set
                .iter()
                .map(|(name, value)| (self.columns(&[name])[0], Term::Value(value.clone())))
                .collect(),
            raised: Vec::new(),
        })
    }

    pub(crate) fn delete_where(&self, condition: Expression) -> Write {
        Write::DeleteWhere(DeleteWhere {
            metadata: Arc::clone(&self.metadata),
            entity: self.entity().id,
            condition,
        })
    }

    pub(crate) fn links(&self, relation: &str, links: Vec<(KeyValues, KeyValues)>) -> PivotWrite {
        PivotWrite { metadata: Arc::clone(&self.metadata), relation: self.relation(relation), links }
    }
}

/// Random operations, the same ones for the same seed.
pub(crate) struct Random {
    state: u64,
    metadata: Arc<Metadata>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, metadata: metadata() }
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from((self.state >> 20) % limit as u64).unwrap()
    }

    pub(crate) fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    /// A value for a column, out of few, so that conditions meet data.
    pub(crate) fn value(&mut self, column_type: ColumnType) -> Value {
        let number = self.below(4);
        let at = i64::try_from(number).unwrap();
        match column_type {
            ColumnType::Bool => Value::Bool(number > 1),
            ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Value::Int(at + 1),
            ColumnType::Float | ColumnType::Double => Value::Float([-0.5, 0.1, 1e300, 2.0][number]),
            ColumnType::Text => text(self.one_of(&["a", "B", "b", "ab", "aB%", "10", "9", "é_", "a\"\\"])),
            ColumnType::Bytes => Value::Bytes([&[][..], b"\x00", b"\xff\x00", b"abc"][number].to_vec()),
            ColumnType::Uuid => Value::Uuid(u128::from(number as u64) << 77 | 5),
            ColumnType::Date => Value::Date([-719_528, -1, 0, 20_000][number]),
            ColumnType::Time => Value::Time(at * 1_000_001),
            ColumnType::DateTime => Value::DateTime(at * 1_000_001 - 2),
            ColumnType::Timestamp => Value::Timestamp(at * 1_000_001 - 2),
            ColumnType::Decimal => decimal(self.one_of(&["10", "9.5", "9.50", "-1", "0.0", "1e1"])),
            other => panic!("the fixture has no {other:?}"),
        }
    }

    pub(crate) fn key(&mut self, entity: &EntityMetadata) -> KeyValues {
        entity.key_columns().map(|column| self.value(entity.columns[column].column_type)).collect()
    }

    /// A condition on the entity `name`, of `depth` levels at the most.
    pub(crate) fn expression(&mut self, entity: &EntityMetadata, depth: usize) -> Expression {
        match self.below(if depth == 0 { 6 } else { 12 }) {
            0..6 => self.leaf(entity),
            6 => not(self.expression(entity, depth - 1)),
            7 | 8 => {
                let parts = self.below(4);
                let parts = (0..parts).map(|_| self.expression(entity, depth - 1)).collect();
                if self.below(2) == 0 { Expression::And(parts) } else { Expression::Or(parts) }
            }
            _ if entity.relations.is_empty() => self.leaf(entity),
            _ => {
                let relation = self.below(entity.relations.len());
                let meta = &entity.relations[relation];
                let metadata = Arc::clone(&self.metadata);
                let inner = Box::new(match self.below(4) {
                    0 => Expression::always(),
                    _ => self.expression(metadata.entity(meta.target), depth - 1),
                });
                let quantifier = match meta.is_to_many() {
                    true => self.one_of(&[Quantifier::Some, Quantifier::None, Quantifier::Every]),
                    false => self.one_of(&[Quantifier::Is, Quantifier::Is, Quantifier::None]),
                };
                Expression::Related { relation, quantifier, inner }
            }
        }
    }

    fn leaf(&mut self, entity: &EntityMetadata) -> Expression {
        let property = self.below(entity.properties.len());
        let meta = &entity.properties[property];
        let column_type = entity.columns[meta.columns.start].column_type;
        if let PropertyKind::Reference(relation) = meta.kind {
            let metadata = Arc::clone(&self.metadata);
            let target = metadata.entity(entity.relations[relation].target);
            return match self.below(3) {
                0 => Expression::IsNull { property },
                _ => {
                    let keys = (0..self.below(4)).map(|_| self.key(target)).collect();
                    Expression::KeyIn { property: Some(property), keys }
                }
            };
        }
        let value = self.value(column_type);
        match self.below(if column_type == ColumnType::Text { 7 } else { 5 }) {
            0 | 1 => {
                let comparison = self.one_of(&[
                    Comparison::Equal,
                    Comparison::NotEqual,
                    Comparison::Less,
                    Comparison::LessOrEqual,
                    Comparison::Greater,
                    Comparison::GreaterOrEqual,
                ]);
                Expression::Compare { property, comparison, value }
            }
            2 => {
                let values = (0..self.below(5)).map(|_| self.value(column_type)).collect();
                Expression::In { property, values }
            }
            3 => Expression::Between { property, low: value, high: self.value(column_type) },
            4 if self.below(2) == 0 => Expression::IsNull { property },
            4 => {
                let keys = (0..self.below(4)).map(|_| self.key(entity)).collect();
                Expression::KeyIn { property: None, keys }
            }
            _ => {
                let matching = self.one_of(&[
                    TextMatch::Like,
                    TextMatch::LikeIgnoringCase,
                    TextMatch::Contains,
                    TextMatch::StartsWith,
                    TextMatch::EndsWith,
                ]);
                let text = match matching {
                    TextMatch::Like | TextMatch::LikeIgnoringCase => {
                        self.one_of(&["%b%", "a_", "", "%", "_\"\\"])
                    }
                    TextMatch::Contains | TextMatch::StartsWith | TextMatch::EndsWith => {
                        self.one_of(&["", "a", "b", "B%", "_", "\\"])
                    }
                };
                Expression::Text { property, matching, text: text.to_owned() }
            }
        }
    }

    /// Terms of an order, through to-one relations too; the key comes last, so that there are no ties.
    pub(crate) fn order(&mut self, root: &EntityMetadata) -> Vec<OrderTerm> {
        let metadata = Arc::clone(&self.metadata);
        let mut terms = Vec::new();
        for _ in 0..self.below(3) {
            let (mut entity, mut path) = (root, Vec::new());
            for _ in 0..self.below(3) {
                let to_one: Vec<usize> =
                    (0..entity.relations.len()).filter(|at| !entity.relations[*at].is_to_many()).collect();
                if to_one.is_empty() {
                    break;
                }
                let step = self.one_of(&to_one);
                path.push(step);
                entity = metadata.entity(entity.relations[step].target);
            }
            let property = self.below(entity.properties.len());
            terms.push(OrderTerm::new(path, property, self.below(2) == 0));
        }
        terms.extend(root.primary_key.iter().map(|key| OrderTerm::new(Vec::new(), *key, false)));
        terms
    }

    /// A query for any entity.
    pub(crate) fn select(&mut self) -> Select {
        let metadata = Arc::clone(&self.metadata);
        let entities: Vec<&EntityMetadata> = metadata.entities().collect();
        let entity = self.one_of(&entities);
        let selection = self.selection(entity);
        Select {
            selection,
            condition: self.expression(entity, 4),
            order: self.order(entity),
            limit: (self.below(3) == 0).then(|| self.below(5) as u64),
            offset: (self.below(3) == 0).then(|| self.below(3) as u64),
            ..Select::new(Arc::clone(&metadata), entity.id)
        }
    }

    /// Through a pivot now and then, where there is one.
    fn selection(&mut self, root: &EntityMetadata) -> Selection {
        let metadata = Arc::clone(&self.metadata);
        let mut links = Vec::new();
        for entity in metadata.entities() {
            for (index, relation) in entity.relations.iter().enumerate() {
                if matches!(relation.kind, RelationKind::ManyToMany { .. }) {
                    let relation_id = RelationId { entity: entity.id, index };
                    if relation.target == root.id {
                        links.push((relation_id, Side::Owner, entity));
                    }
                    if entity.id == root.id {
                        links.push((relation_id, Side::Target, metadata.entity(relation.target)));
                    }
                }
            }
        }
        if links.is_empty() || self.below(3) > 0 {
            return Selection::Columns;
        }
        let (relation, from, given) = self.one_of(&links);
        let keys = (0..self.below(4)).map(|_| self.key(given)).collect();
        Selection::Linked(Link { relation, from, keys })
    }
}
