//! The first pass: what a text depends on, as bytes, and the values to bind.
//!
//! The bytes are a complete description: from them and the metadata, the text could be written. Numbers take as
//! many bytes as they need and lists start with their length, so that two different operations never have the same
//! bytes.

use orm_core::condition::{Comparison, Expression, ListMatch, NullPlace, OrderTerm, Quantifier, Term};
use orm_core::driver::DriverError;
use orm_core::metadata::{EntityId, EntityMetadata, Metadata};
use orm_core::value::{ColumnType, KeyValues, Value};

use super::bound::Bound;
use super::cache::Key;
use super::leaf::{Columns, Form, Leaf};
use super::{leaf, unsupported};
use crate::dialect::{Dialect, Element, NullsForm, SetForm, TextForm};

/// Conditions may be nested so deeply: enough for what people write, little enough for any stack and for the
/// parsers of databases.
const MAX_DEPTH: usize = 48;

/// Kinds of statements, the first byte of a shape.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Operation {
    Select,
    Count,
    Insert,
    InsertTogether,
    Upsert,
    UpsertTogether,
    Update,
    UpdateTogether,
    UpdateWhere,
    Delete,
    DeleteConditional,
    DeleteTogether,
    DeleteWhere,
    Link,
    Unlink,
    ReadBack,
    ReadMade,
    ReadFound,
    Release,
    LockMatching,
    UpdateMissed,
    ReadUpserted,
}

pub(super) struct Shape<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) dialect: &'static dyn Dialect,
    key: Key,
    values: Vec<Bound>,
}

impl<'a> Shape<'a> {
    pub(super) fn new(
        metadata: &'a Metadata,
        dialect: &'static dyn Dialect,
        operation: Operation,
        entity: EntityId,
    ) -> Self {
        let mut shape = Vec::with_capacity(64);
        shape.push(operation as u8);
        Self { metadata, dialect, key: Key { shape, entity, pivot_owner: None }, values: Vec::new() }
    }

    pub(super) fn into_parts(self) -> (Key, Vec<Bound>) {
        (self.key, self.values)
    }

    /// Seven bits a byte, the highest bit says that more follow.
    pub(super) fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.key.shape.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.key.shape.push(number.to_le_bytes()[0]);
    }

    pub(super) fn numbers(&mut self, numbers: &[usize]) {
        self.number(numbers.len());
        for number in numbers {
            self.number(*number);
        }
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.key.shape.push(flag.into());
    }

    pub(super) fn pivot_owner(&mut self, entity: EntityId) {
        self.key.pivot_owner = Some(entity);
    }

    pub(super) fn bind(&mut self, value: impl Into<Bound>) {
        self.values.push(value.into());
    }

    /// A value whose type is not that of a column; `typed` says how its place is written.
    pub(super) fn bind_typed(&mut self, value: &Value) {
        match kind_of(value) {
            Some(kind) => self.kind(kind),
            None => self.number(0),
        }
        self.bind(value.clone());
    }

    /// A type that stands in the text.
    fn kind(&mut self, column_type: ColumnType) {
        self.number(1 + number_of(column_type));
        match column_type {
            ColumnType::Enum(enum_type) => {
                let name = enum_type.name.unwrap_or_default();
                self.number(name.len());
                name.bytes().for_each(|byte| self.byte(byte));
            }
            ColumnType::Array(element) => {
                if let ColumnType::Int(bits) | ColumnType::UnsignedInt(bits) = element {
                    self.byte(*bits);
                }
                self.flag(matches!(element, ColumnType::UnsignedInt(_) | ColumnType::Float));
                self.kind(*element);
            }
            _ => {}
        }
    }

    /// A set of keys.
    pub(super) fn set(&mut self, keys: &[KeyValues], width: usize) -> Result<(), DriverError> {
        let form = leaf::set(self.dialect, keys, width, &mut self.values)?;
        self.set_form(&form);
        Ok(())
    }

    pub(super) fn expression(
        &mut self,
        entity: &EntityMetadata,
        expression: &Expression,
    ) -> Result<(), DriverError> {
        self.nested(entity, expression, 0)
    }

    fn nested(
        &mut self,
        entity: &EntityMetadata,
        expression: &Expression,
        depth: usize,
    ) -> Result<(), DriverError> {
        if depth > MAX_DEPTH {
            return Err(unsupported(format!("the condition is nested more than {MAX_DEPTH} levels deep")));
        }
        match expression {
            Expression::And(_) | Expression::Or(_) => {
                let parts = flattened(expression);
                self.tag(if matches!(expression, Expression::And(_)) { Tag::And } else { Tag::Or });
                self.number(parts.len());
                parts.into_iter().try_for_each(|part| self.nested(entity, part, depth + 1))
            }
            Expression::Not(inner) => {
                self.tag(Tag::Not);
                self.nested(entity, inner, depth + 1)
            }
            Expression::Related { relation, quantifier, inner } => {
                self.tag(Tag::Related);
                self.number(*relation);
                self.number(match quantifier {
                    Quantifier::Is => 0,
                    Quantifier::Some => 1,
                    Quantifier::None => 2,
                    Quantifier::Every => 3,
                });
                let target = leaf::relation(entity, *relation)?.target;
                self.nested(self.metadata.entity(target), inner, depth + 1)
            }
            Expression::CompareTerms { left, comparison, right } => {
                self.tag(Tag::CompareTerms);
                self.comparison(*comparison);
                self.term(entity, left)?;
                self.term(entity, right)
            }
            Expression::TermIn { term, values } => {
                self.tag(Tag::TermIn);
                let is_never = values.iter().all(Value::is_null);
                self.flag(is_never);
                if is_never {
                    return Ok(());
                }
                self.term(entity, term)?;
                let keys: Vec<KeyValues> =
                    values.iter().map(|value| KeyValues::from_iter([value.clone()])).collect();
                self.set(&keys, 1)
            }
            Expression::TermIsNull { term } => {
                self.tag(Tag::TermIsNull);
                self.term(entity, term)
            }
            Expression::TermText { term, matching, text } => {
                self.tag(Tag::TermText);
                self.term(entity, term)?;
                let form = self.dialect.text_form(*matching, text, &mut self.values);
                self.text_form(form);
                Ok(())
            }
            Expression::Fragment(fragment) => {
                self.tag(Tag::Fragment);
                self.fragment(entity, fragment, depth)
            }
            Expression::Compare { .. }
            | Expression::In { .. }
            | Expression::IsNull { .. }
            | Expression::Between { .. }
            | Expression::Text { .. }
            | Expression::List { .. }
            | Expression::KeyIn { .. }
            | Expression::References { .. }
            | Expression::Invalid { .. } => {
                let leaf = leaf::leaf(self.dialect, entity, expression, &mut self.values)?;
                self.tag(Tag::Leaf);
                self.leaf(&leaf);
                Ok(())
            }
        }
    }

    pub(super) fn order(&mut self, entity: &EntityMetadata, order: &[OrderTerm]) -> Result<(), DriverError> {
        self.number(order.len());
        for term in order {
            match &term.term {
                // Here a property may have several columns.
                Term::Property { path, property } => {
                    self.flag(true);
                    self.numbers(path);
                    self.number(*property);
                }
                computed => {
                    self.flag(false);
                    self.term(entity, computed)?;
                    let form = term.nulls.map(|nulls| self.dialect.nulls_form(term.descending, nulls));
                    if form == Some(NullsForm::Column) {
                        // It stands in the text twice.
                        self.term(entity, computed)?;
                    }
                }
            }
            self.flag(term.descending);
            self.number(match term.nulls {
                None => 0,
                Some(NullPlace::First) => 1,
                Some(NullPlace::Last) => 2,
            });
        }
        Ok(())
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.key.shape.push(byte);
    }

    fn tag(&mut self, tag: Tag) {
        self.key.shape.push(tag as u8);
    }

    fn leaf(&mut self, leaf: &Leaf) {
        match leaf.columns {
            Columns::Key => self.number(0),
            Columns::Property(property) => self.number(property + 1),
        }
        match &leaf.form {
            Form::Compare(comparison) => {
                self.number(0);
                self.comparison(*comparison);
            }
            Form::Between => self.number(1),
            Form::IsNull => self.number(2),
            Form::Text(form) => {
                self.number(3);
                self.text_form(*form);
            }
            Form::Set(form) => {
                self.number(4);
                self.set_form(form);
            }
            // What it is a list of follows from the property.
            Form::List(matching, _) => self.number(match matching {
                ListMatch::ContainsAll => 5,
                ListMatch::Overlaps => 6,
            }),
        }
    }

    fn comparison(&mut self, comparison: Comparison) {
        self.number(match comparison {
            Comparison::Equal => 0,
            Comparison::NotEqual => 1,
            Comparison::Less => 2,
            Comparison::LessOrEqual => 3,
            Comparison::Greater => 4,
            Comparison::GreaterOrEqual => 5,
        });
    }

    fn text_form(&mut self, form: TextForm) {
        self.number(match form {
            TextForm::Like => 0,
            TextForm::Contains => 1,
            TextForm::StartsWith => 2,
            TextForm::EndsWith => 3,
            TextForm::LikeIgnoringCase => 4,
        });
    }

    fn set_form(&mut self, form: &SetForm) {
        match form {
            SetForm::Empty => self.number(0),
            SetForm::One => self.number(1),
            SetForm::List(length) => {
                self.number(2);
                self.number(*length);
            }
            SetForm::Document(elements) => {
                self.number(3);
                self.number(elements.len());
                for element in elements {
                    match element {
                        Element::Plain => self.number(0),
                        Element::Bytes => self.number(1),
                        Element::Array(column_type) | Element::Typed(column_type) => {
                            self.number(2);
                            self.kind(*column_type);
                        }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    And,
    Or,
    Not,
    Related,
    Leaf,
    CompareTerms,
    TermIn,
    TermIsNull,
    TermText,
    Fragment,
}

/// The parts of an AND or OR, those of nested ones of the same kind included: a long chain is no deep nesting.
pub(super) fn flattened(expression: &Expression) -> Vec<&Expression> {
    let is_and = matches!(expression, Expression::And(_));
    let mut parts = Vec::new();
    let mut open = vec![expression];
    while let Some(next) = open.pop() {
        match next {
            Expression::And(all) if is_and => open.extend(all.iter().rev()),
            Expression::Or(any) if !is_and => open.extend(any.iter().rev()),
            part => parts.push(part),
        }
    }
    parts
}

/// Whether `expression` is an AND of nothing, nested ones included.
pub(super) fn is_always(expression: &Expression) -> bool {
    matches!(expression, Expression::And(_)) && flattened(expression).is_empty()
}

/// The type of a value that says its own.
pub(crate) fn kind_of(value: &Value) -> Option<ColumnType> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => ColumnType::Bool,
        Value::Int(_) => ColumnType::Int(64),
        Value::Float(_) => ColumnType::Double,
        Value::Text(_) => ColumnType::Text,
        Value::Bytes(_) => ColumnType::Bytes,
        Value::Uuid(_) => ColumnType::Uuid,
        Value::Date(_) => ColumnType::Date,
        Value::Time(_) => ColumnType::Time,
        Value::DateTime(_) => ColumnType::DateTime,
        Value::Timestamp(_) => ColumnType::Timestamp,
        Value::Decimal(_) => ColumnType::Decimal,
        Value::Json(_) => ColumnType::Json,
        Value::Enum(enum_type, _) => ColumnType::Enum(enum_type),
        Value::Array(element, _) => ColumnType::Array(element),
    })
}

/// A number for each type that values are bound as.
fn number_of(column_type: ColumnType) -> usize {
    match column_type {
        ColumnType::Bool => 0,
        ColumnType::Int(_) | ColumnType::UnsignedInt(_) => 1,
        ColumnType::Float | ColumnType::Double => 2,
        ColumnType::Text => 3,
        ColumnType::Bytes => 4,
        ColumnType::Uuid => 5,
        ColumnType::Date => 6,
        ColumnType::Time => 7,
        ColumnType::DateTime => 8,
        ColumnType::Timestamp => 9,
        ColumnType::Decimal => 10,
        ColumnType::Json => 11,
        ColumnType::Enum(_) => 12,
        ColumnType::Array(_) => 13,
        // ColumnType is non_exhaustive; this crate and the core are released together.
        _ => 14,
    }
}
