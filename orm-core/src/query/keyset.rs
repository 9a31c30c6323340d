//! Going on from a row seen: everything after it, in an order that ends with the primary key. What comes before it is
//! what comes after it in the reversed order.
//!
//! Pure. Such a page costs the same wherever it begins, and rows that come or go meanwhile shift nothing. Conditions
//! follow the database's own place of NULL, so that no row is left out or read twice.

use super::plan::{check, describe_term};
use crate::condition::{Comparison, Expression, FragmentPart, NullPlace, OrderTerm, Term};
use crate::driver::NullOrder;
use crate::entity::{CellId, Region};
use crate::error::{Error, Result};
use crate::metadata::{EntityId, Metadata, PropertyKind};
use crate::relation::Target;
use crate::value::{ColumnType, Value};

/// An order in which no two rows are equal, and what its values are.
#[derive(Clone, Debug)]
pub(super) struct Keyset {
    pub(super) terms: Vec<KeysetTerm>,
}

/// A term of an order.
#[derive(Clone, Debug)]
pub(super) struct KeysetTerm {
    pub(super) order: OrderTerm,
    pub(super) value_type: ColumnType,
    pub(super) nullable: bool,
    /// What it is ordered by, the same in every process.
    pub(super) name: String,
}

impl Keyset {
    /// `order`, made total: the rest of the primary key decides between equals. `reading` is what goes by it.
    ///
    /// # Errors
    ///
    /// [`Error::KeysetOrder`] for an order by a key of several columns, or by an aggregate.
    pub(super) fn of(
        reading: &'static str,
        metadata: &Metadata,
        root: EntityId,
        mut order: Vec<OrderTerm>,
    ) -> Result<Self> {
        let entity = metadata.entity(root);
        let rest = entity.primary_key.iter().copied();
        let is_in = |property: &usize| order.iter().any(|term| term.term.as_property() == Some(*property));
        let rest: Vec<usize> = rest.filter(|property| !is_in(property)).collect();
        order.extend(rest.into_iter().map(|property| OrderTerm::new(Vec::new(), property, false)));
        let terms = order.into_iter().map(|order| {
            check(entity, &order.term)?;
            let name = name_of(metadata, root, &order.term);
            let refuse = |problem| Error::KeysetOrder {
                reading,
                entity: entity.name,
                field: describe_term(metadata, root, &order.term),
                problem,
            };
            let (value_type, nullable) = match &order.term {
                Term::Property { path, property } => {
                    let end = path
                        .iter()
                        .fold(root, |entity, index| metadata.entity(entity).relations[*index].target);
                    let end = metadata.entity(end);
                    let columns = end.properties[*property].columns.clone();
                    if columns.len() != 1 {
                        return Err(refuse("it has several columns"));
                    }
                    let column = &end.columns[columns.start];
                    (column.column_type, column.nullable || !path.is_empty())
                }
                term if term.is_aggregate() => return Err(refuse("it is an aggregate")),
                _ => (order.value_type.ok_or_else(|| refuse("nobody says what it is"))?, true),
            };
            Ok(KeysetTerm { order, value_type, nullable, name })
        });
        Ok(Self { terms: terms.collect::<Result<_>>()? })
    }

    /// The order.
    pub(super) fn order(&self) -> Vec<OrderTerm> {
        self.terms.iter().map(|term| term.order.clone()).collect()
    }

    /// The same rows from the last to the first.
    pub(super) fn reversed(&self) -> Self {
        let terms = self.terms.iter().cloned().map(|mut term| {
            term.order.descending = !term.order.descending;
            term.order.nulls = term.order.nulls.map(|place| match place {
                NullPlace::First => NullPlace::Last,
                NullPlace::Last => NullPlace::First,
            });
            term
        });
        Self { terms: terms.collect() }
    }

    /// Whether the entity itself has all of the values.
    pub(super) fn is_own(&self) -> bool {
        self.terms.iter().all(|term| term.order.term.as_property().is_some())
    }

    /// Where a loaded row stands, if the entity [itself](Self::is_own) says it: the value of each term, as the database
    /// has it.
    pub(super) fn position(&self, region: &Region, cell: CellId) -> Result<Vec<Value>> {
        let arena = region.arena(cell.entity);
        let entity = region.entity(cell.entity);
        let gone = || Error::Detached { key: region.name(cell) };
        // An unsaved edit moves nothing in the database.
        let snapshot = arena.original(cell.at).or_else(|| arena.current(cell.at)).ok_or_else(gone)?;
        let properties = self.terms.iter().filter_map(|term| term.order.term.as_property());
        let values = properties.map(|at| {
            let property = &entity.properties[at];
            match property.kind {
                PropertyKind::Scalar => arena.value_of(&snapshot, at).map_err(|source| Error::Value {
                    entity: entity.name,
                    field: property.name,
                    column: entity.columns[property.columns.start].name.clone(),
                    source,
                }),
                PropertyKind::Reference(relation) => {
                    let key = match arena.target_of(&snapshot, relation) {
                        Target::Key(key) => Some(key),
                        Target::Cell(cell) => region.key(cell.id),
                        Target::Unset | Target::New | Target::Invalid(_) => None,
                    };
                    Ok(key.and_then(|key| key.into_iter().next()).unwrap_or(Value::Null))
                }
            }
        });
        values.collect()
    }

    /// The rows that come after `position`.
    pub(super) fn after(&self, position: &[Value], nulls: NullOrder) -> Expression {
        let terms = self.terms.iter().zip(position).rev();
        terms.fold(Expression::never(), |rest, (term, value)| {
            let later = term.later(value, nulls);
            let equal = match value {
                Value::Null => term.is_null(),
                value => term.compare(Comparison::Equal, value),
            };
            match (later, rest) {
                (later, Expression::Or(none)) if none.is_empty() => later,
                (Expression::Or(none), rest) if none.is_empty() => equal.and(rest),
                (later, rest) => later.or(equal.and(rest)),
            }
        })
    }
}

impl KeysetTerm {
    /// The rows whose value comes after `value`.
    fn later(&self, value: &Value, nulls: NullOrder) -> Expression {
        let nulls_come_last = match self.order.nulls {
            Some(place) => place == NullPlace::Last,
            None => (nulls == NullOrder::Largest) != self.order.descending,
        };
        if value.is_null() {
            return match nulls_come_last {
                true => Expression::never(),
                false => Expression::Not(Box::new(self.is_null())),
            };
        }
        let comparison = if self.order.descending { Comparison::Less } else { Comparison::Greater };
        let later = self.compare(comparison, value);
        match self.nullable && nulls_come_last {
            true => later.or(self.is_null()),
            false => later,
        }
    }

    fn is_null(&self) -> Expression {
        match self.order.term.as_property() {
            Some(property) => Expression::IsNull { property },
            None => Expression::TermIsNull { term: self.order.term.clone() },
        }
    }

    fn compare(&self, comparison: Comparison, value: &Value) -> Expression {
        let value = value.clone();
        match self.order.term.as_property() {
            Some(property) => Expression::Compare { property, comparison, value },
            None => Expression::CompareTerms {
                left: self.order.term.clone(),
                comparison,
                right: Term::Value(value),
            },
        }
    }
}

/// What tells a term from others: its fields and functions, and the values in it.
fn name_of(metadata: &Metadata, root: EntityId, term: &Term) -> String {
    let mut name = describe_term(metadata, root, term);
    add_values(term, &mut name);
    name
}

fn add_values(term: &Term, name: &mut String) {
    match term {
        Term::Value(value) => name.push_str(&format!(" {value:?}")),
        Term::Fragment(fragment) => fragment.parts.iter().for_each(|part| match part {
            FragmentPart::Value(value) => name.push_str(&format!(" {value:?}")),
            FragmentPart::Term(term) => add_values(term, name),
            FragmentPart::Text(_) => {}
        }),
        _ => term.parts().for_each(|part| add_values(part, name)),
    }
}
