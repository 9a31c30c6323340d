//! Going on from a row seen: everything after it, in an order that ends with the primary key. What comes before it is
//! what comes after it in the reversed order.
//!
//! Pure. Such a page costs the same wherever it begins, and rows that come or go meanwhile shift nothing. Conditions
//! follow the database's own place of NULL, so that no row is left out or read twice.

use crate::condition::{Comparison, Expression, NullPlace, OrderTerm, Term};
use crate::driver::NullOrder;
use crate::entity::{CellId, Region};
use crate::error::{Error, Result};
use crate::metadata::{EntityMetadata, PropertyKind};
use crate::relation::Target;
use crate::value::Value;

/// `order`, made total: the rest of the primary key decides between equals. `reading` is what goes by it.
///
/// # Errors
///
/// [`Error::KeysetOrder`] for an order by a related entity's field, or by a key of several columns.
pub(super) fn total_order(
    reading: &'static str,
    entity: &EntityMetadata,
    mut order: Vec<OrderTerm>,
) -> Result<Vec<OrderTerm>> {
    let rest = entity.primary_key.iter().copied();
    let is_in = |property: &usize| order.iter().any(|term| term.term.as_property() == Some(*property));
    let rest: Vec<usize> = rest.filter(|property| !is_in(property)).collect();
    order.extend(rest.into_iter().map(|property| OrderTerm::new(Vec::new(), property, false)));
    let refuse = |field, problem| Error::KeysetOrder { reading, entity: entity.name, field, problem };
    for term in &order {
        match &term.term {
            Term::Property { path, property } => match path.first() {
                Some(relation) => {
                    return Err(refuse(entity.relations[*relation].name, "it leads to another entity"));
                }
                None if entity.properties[*property].columns.len() != 1 => {
                    return Err(refuse(entity.properties[*property].name, "it has several columns"));
                }
                None => {}
            },
            _ => return Err(refuse("an expression", "it is computed")),
        }
    }
    Ok(order)
}

/// The same rows from the last to the first.
pub(super) fn reversed(order: &[OrderTerm]) -> Vec<OrderTerm> {
    let terms = order.iter().map(|term| OrderTerm {
        term: term.term.clone(),
        descending: !term.descending,
        nulls: term.nulls.map(|place| match place {
            NullPlace::First => NullPlace::Last,
            NullPlace::Last => NullPlace::First,
        }),
    });
    terms.collect()
}

/// The property of a term of a total order.
fn property_of(term: &OrderTerm) -> usize {
    term.term.as_property().expect("`total_order` lets nothing else pass")
}

/// Where a loaded row stands in an order: the value of each term, as the database has it.
pub(super) fn position(region: &Region, cell: CellId, order: &[OrderTerm]) -> Result<Vec<Value>> {
    let arena = region.arena(cell.entity);
    let entity = region.entity(cell.entity);
    let gone = || Error::Detached { key: region.name(cell) };
    // An unsaved edit moves nothing in the database.
    let snapshot = arena.original(cell.at).or_else(|| arena.current(cell.at)).ok_or_else(gone)?;
    let values = order.iter().map(|term| {
        let at = property_of(term);
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

/// The rows that come after `position` in `order`.
pub(super) fn after(
    entity: &EntityMetadata,
    order: &[OrderTerm],
    position: &[Value],
    nulls: NullOrder,
) -> Expression {
    let terms = order.iter().zip(position).rev();
    terms.fold(Expression::never(), |rest, (term, value)| {
        let column = &entity.columns[entity.properties[property_of(term)].columns.start];
        let later = later(term, value, column.nullable, nulls);
        let equal = match value {
            Value::Null => Expression::IsNull { property: property_of(term) },
            value => compare(term, Comparison::Equal, value),
        };
        match (later, rest) {
            (later, Expression::Or(none)) if none.is_empty() => later,
            (Expression::Or(none), rest) if none.is_empty() => equal.and(rest),
            (later, rest) => later.or(equal.and(rest)),
        }
    })
}

/// The rows whose value of one term comes after `value`.
fn later(term: &OrderTerm, value: &Value, nullable: bool, nulls: NullOrder) -> Expression {
    let property = property_of(term);
    let nulls_come_last = match term.nulls {
        Some(place) => place == NullPlace::Last,
        None => (nulls == NullOrder::Largest) != term.descending,
    };
    if value.is_null() {
        return match nulls_come_last {
            true => Expression::never(),
            false => Expression::Not(Box::new(Expression::IsNull { property })),
        };
    }
    let comparison = if term.descending { Comparison::Less } else { Comparison::Greater };
    let later = compare(term, comparison, value);
    match nullable && nulls_come_last {
        true => later.or(Expression::IsNull { property }),
        false => later,
    }
}

fn compare(term: &OrderTerm, comparison: Comparison, value: &Value) -> Expression {
    Expression::Compare { property: property_of(term), comparison, value: value.clone() }
}
