//! Asks a condition of an entity that is loaded, as far as memory can tell what the database would say.
//!
//! Three-valued as SQL is. What depends on the database (how it compares texts and floats, what its other rows are) is
//! unsure, and the caller asks the database.

use std::cmp::Ordering;

use crate::condition::{Comparison, Expression, ListMatch};
use crate::entity::{CellId, ErasedSnapshot, Region, State};
use crate::metadata::PropertyKind;
use crate::relation::Target;
use crate::value::{KeyValues, Value};

/// What SQL would say, or that only it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    True,
    False,
    Null,
    Unsure,
}

impl Verdict {
    fn of(is_true: bool) -> Self {
        if is_true { Self::True } else { Self::False }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Null => Self::Null,
            Self::Unsure => Self::Unsure,
        }
    }

    fn all(verdicts: impl Iterator<Item = Self>) -> Self {
        verdicts.fold(Self::True, |all, one| match (all, one) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unsure, _) | (_, Self::Unsure) => Self::Unsure,
            (Self::Null, _) | (_, Self::Null) => Self::Null,
            (Self::True, Self::True) => Self::True,
        })
    }
}

impl Region {
    /// Whether the row of a loaded cell meets `condition`, by what the context knows of the row; `None` where only the
    /// database can tell.
    pub(crate) fn meets(&self, cell: CellId, condition: &Expression) -> Option<bool> {
        let arena = self.arena(cell.entity);
        let snapshot = match arena.state(cell.at) {
            State::New => arena.current(cell.at),
            State::Managed | State::Removed | State::Detached | State::Reference => arena.original(cell.at),
        }?;
        match self.verdict(cell, &snapshot, condition) {
            Verdict::True => Some(true),
            Verdict::False | Verdict::Null => Some(false),
            Verdict::Unsure => None,
        }
    }

    /// What SQL would say of a snapshot.
    pub(crate) fn verdict(&self, cell: CellId, snapshot: &ErasedSnapshot, condition: &Expression) -> Verdict {
        let verdict = |one: &Expression| self.verdict(cell, snapshot, one);
        match condition {
            Expression::And(all) => Verdict::all(all.iter().map(verdict)),
            Expression::Or(any) => Verdict::all(any.iter().map(|one| verdict(one).not())).not(),
            Expression::Not(inner) => verdict(inner).not(),
            Expression::Compare { property, comparison, value } => {
                self.scalar(cell, snapshot, *property, |stored| compare(stored, *comparison, value))
            }
            Expression::In { property, values } => self.scalar(cell, snapshot, *property, |stored| {
                let differs = |value| compare(stored, Comparison::Equal, value).not();
                Verdict::all(values.iter().map(differs)).not()
            }),
            Expression::Between { property, low, high } => self.scalar(cell, snapshot, *property, |stored| {
                let low = compare(stored, Comparison::GreaterOrEqual, low);
                Verdict::all([low, compare(stored, Comparison::LessOrEqual, high)].into_iter())
            }),
            Expression::List { property, matching, list } => {
                self.scalar(cell, snapshot, *property, |stored| has_elements(stored, *matching, list))
            }
            Expression::IsNull { property } => self.is_null(cell, snapshot, *property),
            Expression::KeyIn { property, keys } => self.key_in(cell, snapshot, *property, keys),
            Expression::Text { .. }
            | Expression::CompareTerms { .. }
            | Expression::TermIn { .. }
            | Expression::TermIsNull { .. }
            | Expression::TermText { .. }
            | Expression::Fragment(_)
            | Expression::Related { .. }
            | Expression::References { .. }
            | Expression::Invalid { .. } => Verdict::Unsure,
        }
    }

    fn scalar(
        &self,
        cell: CellId,
        snapshot: &ErasedSnapshot,
        property: usize,
        ask: impl FnOnce(&Value) -> Verdict,
    ) -> Verdict {
        let meta = self.entity(cell.entity);
        // What the database computes may differ from what it was computed before.
        if meta.properties[property].kind != PropertyKind::Scalar || meta.computed.contains(&property) {
            return Verdict::Unsure;
        }
        match self.arena(cell.entity).value_of(snapshot, property) {
            Ok(Value::Null) => Verdict::Null,
            Ok(value) => ask(&value),
            Err(_) => Verdict::Unsure,
        }
    }

    fn is_null(&self, cell: CellId, snapshot: &ErasedSnapshot, property: usize) -> Verdict {
        let arena = self.arena(cell.entity);
        match self.entity(cell.entity).properties[property].kind {
            PropertyKind::Scalar if self.entity(cell.entity).computed.contains(&property) => Verdict::Unsure,
            PropertyKind::Scalar => match arena.value_of(snapshot, property) {
                Ok(value) => Verdict::of(value.is_null()),
                Err(_) => Verdict::Unsure,
            },
            PropertyKind::Reference(relation) => {
                Verdict::of(arena.target_of(snapshot, relation) == Target::Unset)
            }
        }
    }

    fn key_in(
        &self,
        cell: CellId,
        snapshot: &ErasedSnapshot,
        property: Option<usize>,
        keys: &[KeyValues],
    ) -> Verdict {
        let meta = self.entity(cell.entity);
        let own = match property.map(|property| meta.properties[property].kind) {
            None => self.key(cell),
            Some(PropertyKind::Reference(relation)) => {
                match self.arena(cell.entity).target_of(snapshot, relation) {
                    Target::Key(key) => Some(key),
                    Target::Cell(target) if target.context == self.id() => self.key(target.id),
                    Target::Unset => return Verdict::Null,
                    Target::Cell(_) | Target::New | Target::Invalid(_) => None,
                }
            }
            Some(PropertyKind::Scalar) => return Verdict::Unsure,
        };
        let Some(own) = own else { return Verdict::Unsure };
        let differs = |key: &KeyValues| {
            let parts = own.iter().zip(key).map(|(own, part)| compare(own, Comparison::Equal, part));
            Verdict::all(parts).not()
        };
        Verdict::all(keys.iter().map(differs)).not()
    }
}

/// A value that is not NULL against another.
fn compare(stored: &Value, comparison: Comparison, value: &Value) -> Verdict {
    let ordering = match (stored, value) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::DateTime(a), Value::DateTime(b))
        | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) if is_equality(comparison) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) if is_equality(comparison) => a.cmp(b),
        // Equal in every collation; whether different texts are equal, the database's collation says.
        (Value::Text(a), Value::Text(b)) if is_equality(comparison) && a == b => Ordering::Equal,
        _ => return Verdict::Unsure,
    };
    Verdict::of(match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    })
}

/// A list that is not NULL against another.
fn has_elements(stored: &Value, matching: ListMatch, list: &Value) -> Verdict {
    let (Value::Array(_, own), Value::Array(_, others)) = (stored, list) else { return Verdict::Unsure };
    let is_missing = |other| Verdict::all(own.iter().map(|one| compare(one, Comparison::Equal, other).not()));
    match matching {
        ListMatch::ContainsAll => Verdict::all(others.iter().map(|other| is_missing(other).not())),
        ListMatch::Overlaps => Verdict::all(others.iter().map(is_missing)).not(),
    }
}

fn is_equality(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Equal | Comparison::NotEqual)
}
