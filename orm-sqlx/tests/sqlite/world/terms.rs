//! What computed values are, in Rust's own arithmetic.

use std::cmp::Ordering;

use orm_core::condition::{Aggregation, Arithmetic, Expression, Function, Term};
use orm_core::driver::{Select, Selection};
use orm_core::metadata::EntityMetadata;
use orm_core::value::Value;

use super::{Row, World, all_of, any_of, compare, holds};

impl World {
    /// What `term` is for a group of rows, or for one alone.
    pub(super) fn value(&self, entity: &EntityMetadata, rows: &[&Row], term: &Term) -> Value {
        let of = |term: &Term| self.value(entity, rows, term);
        match term {
            Term::Property { path, property } => {
                let mut values = self.property(entity, rows.first().copied(), path, *property);
                assert_eq!(values.len(), 1, "only properties of one column are computed with");
                values.remove(0)
            }
            Term::Value(value) => value.clone(),
            Term::Arithmetic { operator, left, right } => calculate(of(left), *operator, of(right)),
            Term::Call { function, arguments } => call(*function, arguments.iter().map(of).collect()),
            Term::Aggregate { of: None, .. } => Value::Int(i64::try_from(rows.len()).unwrap()),
            Term::Aggregate { aggregate, of: Some(of) } => {
                let values = rows.iter().map(|row| self.value(entity, &[*row], of));
                aggregated(*aggregate, values.filter(|value| !value.is_null()).collect())
            }
            Term::When { .. } | Term::Fragment(_) | Term::Invalid(_) => panic!("not made here"),
        }
    }

    /// The rows of a select of terms, in its order. Groups are told apart by what they are grouped by.
    pub(crate) fn groups(&self, select: &Select) -> Vec<Row> {
        let Selection::Terms(terms) = &select.selection else { panic!("it selects terms") };
        let entity = select.entity();
        let rows = self.rows.get(&entity.id).into_iter().flatten();
        let rows = rows.filter(|row| self.meets(entity, row, &select.condition) == Some(true));
        let mut groups: Vec<(Row, Vec<&Row>)> = Vec::new();
        if select.group_by.is_empty() {
            groups.push((Vec::new(), Vec::new()));
        }
        for row in rows {
            let key: Row = select.group_by.iter().map(|term| self.value(entity, &[row], term)).collect();
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, group)) => group.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        let mut groups: Vec<Vec<&Row>> = groups.into_iter().map(|(_, group)| group).collect();
        groups.retain(|group| self.group_meets(entity, group, &select.having) == Some(true));
        groups.sort_by(|left, right| self.order(entity, left, right, &select.order));
        let row = |group: &Vec<&Row>| terms.iter().map(|term| self.value(entity, group, term)).collect();
        groups.iter().map(row).collect()
    }

    fn group_meets(&self, entity: &EntityMetadata, group: &[&Row], having: &Expression) -> Option<bool> {
        let meets = |part: &Expression| self.group_meets(entity, group, part);
        match having {
            Expression::And(all) => all_of(all.iter().map(meets)),
            Expression::Or(any) => any_of(any.iter().map(meets)),
            Expression::Not(inner) => meets(inner).map(|met| !met),
            Expression::CompareTerms { left, comparison, right } => {
                let (left, right) = (self.value(entity, group, left), self.value(entity, group, right));
                compare(&left, &right).map(|ordering| holds(*comparison, ordering))
            }
            Expression::TermIsNull { term } => Some(self.value(entity, group, term).is_null()),
            other => panic!("not made here: {other:?}"),
        }
    }
}

/// Nothing comes of nothing, of a division by zero, and of what is no number.
fn calculate(left: Value, operator: Arithmetic, right: Value) -> Value {
    match (left, right) {
        (Value::Int(_), Value::Int(0)) if matches!(operator, Arithmetic::Divide | Arithmetic::Remainder) => {
            Value::Null
        }
        (Value::Int(left), Value::Int(right)) => Value::Int(match operator {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
            Arithmetic::Remainder => left % right,
        }),
        (Value::Float(_), Value::Float(0.0)) if operator == Arithmetic::Divide => Value::Null,
        (Value::Float(left), Value::Float(right)) => float(match operator {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
            Arithmetic::Remainder => panic!("not made here"),
        }),
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (left, right) => panic!("{left:?} and {right:?} are no two numbers of one kind"),
    }
}

/// One zero for both, and NULL for what is no number.
fn float(number: f64) -> Value {
    if number.is_nan() { Value::Null } else { Value::Float(number + 0.0) }
}

fn call(function: Function, mut arguments: Vec<Value>) -> Value {
    if function == Function::Coalesce {
        return arguments.into_iter().find(|value| !value.is_null()).unwrap_or(Value::Null);
    }
    if arguments.iter().any(Value::is_null) {
        return Value::Null;
    }
    match (function, arguments.remove(0)) {
        (Function::Lower, Value::Text(text)) => Value::Text(text.to_ascii_lowercase()),
        (Function::Upper, Value::Text(text)) => Value::Text(text.to_ascii_uppercase()),
        (Function::Trim, Value::Text(text)) => Value::Text(text.trim_matches(' ').to_owned()),
        (Function::Length, Value::Text(text)) => Value::Int(i64::try_from(text.chars().count()).unwrap()),
        (Function::Abs, Value::Int(number)) => Value::Int(number.abs()),
        (Function::Abs, Value::Float(number)) => Value::Float(number.abs()),
        (Function::Concat, Value::Text(first)) => {
            Value::Text(arguments.into_iter().fold(first, |all, next| match next {
                Value::Text(next) => all + &next,
                other => panic!("{other:?} is no text"),
            }))
        }
        (function, argument) => panic!("{function:?} of {argument:?}"),
    }
}

fn aggregated(aggregate: Aggregation, values: Vec<Value>) -> Value {
    let count = |values: &[Value]| i64::try_from(values.len()).unwrap();
    let sum = || values.iter().fold(Value::Int(0), |sum, next| calculate(sum, Arithmetic::Add, next.clone()));
    let by = |left: &Value, right: &Value| compare(left, right).unwrap_or(Ordering::Equal);
    match aggregate {
        Aggregation::Count => Value::Int(count(&values)),
        Aggregation::CountDistinct => {
            let mut values = values;
            values.sort_by(by);
            values.dedup();
            Value::Int(count(&values))
        }
        _ if values.is_empty() => Value::Null,
        Aggregation::Sum => sum(),
        Aggregation::Average => match sum() {
            #[expect(clippy::cast_precision_loss, reason = "the numbers here are small")]
            Value::Int(sum) => Value::Float(sum as f64 / values.len() as f64),
            other => panic!("{other:?} is no sum of integers"),
        },
        Aggregation::Min => values.into_iter().min_by(by).unwrap(),
        Aggregation::Max => values.into_iter().max_by(by).unwrap(),
    }
}
